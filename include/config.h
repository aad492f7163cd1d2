/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The command line of run and exec as one validated, immutable struct.
 * Parsing opens nothing and touches no device.  Only machine.c and cmd-*.c
 * read it.
 */
#ifndef WHERRY_CONFIG_H
#define WHERRY_CONFIG_H

#include <stdbool.h>
#include <stdint.h>

#include "sandbox.h"

#define CONFIG_MAX_CPUS 64
#define CONFIG_MAX_CHANNELS 30
#define CONFIG_MAX_DEVICES 31 /* root ports 00:01.0 to 00:1f.0 */

enum config_thp { THP_DEFAULT, THP_ON, THP_OFF };

struct memory_config {
	uint64_t bytes; /* a multiple of the page size in use */
	uint64_t hugepage_bytes; /* 0: ordinary pages; else 2 MiB or 1 GiB */
	bool prealloc;
	enum config_thp thp;
	int host_node; /* -1: any */
};

struct cpus_config {
	unsigned int nr; /* 1 to CONFIG_MAX_CPUS */
	/* affinity=LIST: vCPU i is bound to the i-th host CPU of the list,
	 * round-robin; nr_affinity 0 means free. */
	unsigned int nr_affinity;
	uint16_t affinity[CONFIG_MAX_CPUS];
};

enum device_kind {
	DEVICE_BDF, /* spec is a full "0000:3b:00.0" */
	DEVICE_MDEV, /* spec is a lower-case UUID */
	DEVICE_SYSFS, /* spec is an absolute sysfs path */
	DEVICE_FD, /* fd is an inherited device cdev */
};

struct device_config {
	enum device_kind kind;
	char *spec; /* canonical, used in messages; "fd=7" for DEVICE_FD */
	int fd; /* -1 unless DEVICE_FD */
	int devid; /* iommufd device id of an already bound fd, else -1 */
	char *id; /* id=, or NULL */
	int port; /* port=K (1..31), or -1: in order */
	bool rom; /* rom=off clears it */
	bool require_reset; /* require-reset=on: refuse one without a reset */
	bool ats; /* ats=on: show Address Translation Services */
	bool gpudirect; /* gpudirect-clique=N was given */
	uint8_t gpudirect_clique; /* 0 to 15 */
	uint32_t pasid; /* pasid=N; 0: none */
	bool has_vf_token;
	uint8_t vf_token[16]; /* vf-token=UUID, in the order it is written */
	bool trap_bars; /* x-trap-bars=on: never map a BAR (tests, debugging) */
};

#define CONFIG_MAX_SERIAL 20

struct disk_config {
	char *spec; /* the path, or "fd=7": in messages, too */
	int fd; /* of fd=N; else -1 */
	bool read_only, direct;
	bool lock; /* lock=off clears it */
	char *serial; /* or NULL */
	unsigned int nr_queues; /* 1 to CONFIG_MAX_CPUS */
};

/* Functions of the root bus that are virtio devices. */
#define CONFIG_MAX_VIRTIO 31

/* --share.  The file system is told by its tag. */
#define CONFIG_MAX_SHARES 16
#define CONFIG_TAG_BYTES 36
#define CONFIG_CACHE_AUTO 1

struct share_config {
	char *path;
	char *tag;
	bool read_only;
	unsigned int cache; /* enum share_cache */
};

enum console_kind { CONSOLE_STDIO, CONSOLE_FILE, CONSOLE_UNIX, CONSOLE_OFF };

struct console_config {
	enum console_kind kind;
	char *path; /* FILE, UNIX */
	bool is_virtio; /* device=virtio: hvc0 instead of the serial port */
};

enum channel_kind { CHANNEL_UNIX, CHANNEL_FILE, CHANNEL_FD };

struct channel_config {
	enum channel_kind kind;
	char *path; /* UNIX, FILE */
	int fd; /* -1 unless FD */
	char *name; /* in the guest; no two alike */
};

/* --p2p: whether assigned devices reach each other's BARs. */
enum p2p_config { P2P_AUTO, P2P_ON, P2P_OFF };

/* In the order of the option's words. */
enum device_error_action {
	DEVICE_ERROR_STOP,
	DEVICE_ERROR_REPORT,
	DEVICE_ERROR_IGNORE,
};

enum reboot_action { REBOOT_RESTART, REBOOT_EXIT };

struct run_config {
	char *name; /* --name, default "wherry" */
	char *kernel;
	char *initrd; /* or NULL */
	char *append; /* never NULL */
	struct memory_config memory;
	struct cpus_config cpus;
	struct device_config devices[CONFIG_MAX_DEVICES];
	unsigned int nr_devices;
	struct console_config console;
	struct disk_config disks[CONFIG_MAX_VIRTIO];
	unsigned int nr_disks;
	bool rng; /* --rng: a virtio entropy device */
	struct channel_config channels[CONFIG_MAX_CHANNELS];
	unsigned int nr_channels;
	struct share_config shares[CONFIG_MAX_SHARES];
	unsigned int nr_shares;
	uint64_t timeout_ms; /* 0: none */
	uint64_t grace_ms;
	enum reboot_action on_reboot;
	enum device_error_action on_device_error;
	enum p2p_config p2p;
	int iommufd; /* --iommufd fd=N, else -1 */
	int kvm; /* --kvm fd=N, else -1 */
	bool slot_zap_all; /* leave KVM its habit: ARCH_VM_SLOT_ZAP_ALL */
	enum sandbox_mode sandbox;
	char *stats_path; /* --stats, or NULL */
	char *result_path; /* --result, or NULL */
};

/*
 * Parses the arguments of `wherry run` (argv[0] is "run").  On success *out
 * is the caller's, freed by config_destroy().  Returns 0; -EINVAL after a
 * usage error, which is logged with the nearest match; OPTIONS_HELP or
 * OPTIONS_VERSION (options.h) when that was asked for, *out untouched.
 */
int config_parse_run(struct run_config **out, int argc, char **argv);
void config_destroy(struct run_config *cfg);

#endif
