// SPDX-License-Identifier: BSD-2-Clause
/*
 * config-disk - parses --disk. Whether there is such a disk is disk.c's to say.
 */
#include "config-disk.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "config-device.h"
#include "config.h"
#include "log.h"
#include "options.h"
#include "util.h"

static int set_spec(void *ctx, const char *option, const char *value)
{
	struct disk_config *disk = ctx;

	if (strncmp(value, "fd=", 3))
		return option_string(option, value, &disk->spec);
	return config_set_fd(option, value + 3, &disk->fd, &disk->spec);
}

static int set_serial(void *ctx, const char *option, const char *value)
{
	struct disk_config *disk = ctx;

	if (value && strlen(value) > CONFIG_MAX_SERIAL) {
		log_err("%s: %s: a serial has at most %d characters", option,
			value, CONFIG_MAX_SERIAL);
		return -EINVAL;
	}
	return config_set_name(option, value, &disk->serial);
}

/* The kernel would refuse the second; but not before much else was done. */
static int check_fd(const struct run_config *cfg,
		    const struct disk_config *disk)
{
	for (unsigned int i = 0; i < cfg->nr_disks; i++)
		if (disk->fd >= 0 && cfg->disks[i].fd == disk->fd &&
		    &cfg->disks[i] != disk) {
			log_err("--disk: %s: named twice; each disk has a "
				"descriptor of its own",
				disk->spec);
			return -EINVAL;
		}
	return 0;
}

int config_add_disk(void *ctx, const char *value)
{
	static const struct opt_key keys[] = {
		OPT_KEY_BOOL("ro", struct disk_config, read_only),
		OPT_KEY_BOOL("direct", struct disk_config, direct),
		{ "serial", set_serial },
		OPT_KEY_NUMBER("queues", struct disk_config, nr_queues, 1,
			       CONFIG_MAX_CPUS),
		OPT_KEY_BOOL("lock", struct disk_config, lock),
	};
	struct run_config *cfg = ctx;
	struct disk_config *disk;
	int r;

	if (cfg->nr_disks == CONFIG_MAX_VIRTIO) {
		log_err("--disk: %s: too many disks; the bus has %d places",
			value, CONFIG_MAX_VIRTIO);
		return -EINVAL;
	}
	disk = &cfg->disks[cfg->nr_disks++];
	*disk = (struct disk_config){ .fd = -1, .nr_queues = 1, .lock = true };
	r = option_list("--disk", value, set_spec, keys, ARRAY_SIZE(keys),
			disk);
	return r ? r : check_fd(cfg, disk);
}

void config_free_disks(struct run_config *cfg)
{
	for (unsigned int i = 0; i < cfg->nr_disks; i++) {
		free(cfg->disks[i].spec);
		free(cfg->disks[i].serial);
	}
}
