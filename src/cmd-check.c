// SPDX-License-Identifier: BSD-2-Clause
/*
 * cmd-check - `wherry check`: is this host ready? Owns the list of what wherry
 * needs and the remedy for each. Opens nodes only to see whether it may, and
 * changes nothing.
 */
#include "cmd.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "arch-text.h"
#include "arch.h"
#include "fd.h"
#include "iommufd-memlock.h"
#include "json.h"
#include "kconfig.h"
#include "kvm.h"
#include "log.h"
#include "options.h"
#include "sysfs.h"
#include "util.h"

/* The first release with device cdevs and KVM_DEV_VFIO_FILE. */
#define NEED_MAJOR 6
#define NEED_MINOR 6
/* What `wherry run` gives a guest by default. */
#define NEED_LOCKED MIB(512)
#define CAP_IPC_LOCK_BIT 14

enum status { READY, MISSING, INFO };

static const char *const status_names[] = { "ok", "missing", "info" };

struct finding {
	enum status status;
	char detail[256];
	char remedy[320]; /* MISSING only */
};

struct host {
	struct sysfs sysfs;
	struct kconfig *kconfig; /* or NULL */
	bool json;
};

struct check {
	const char *id, *name;
	void (*fn)(const struct host *host, struct finding *f);
};

static void found(struct finding *f, enum status status, const char *fmt, ...)
	PRINTF(3, 4);
static void mend(struct finding *f, const char *fmt, ...) PRINTF(2, 3);

static void found(struct finding *f, enum status status, const char *fmt, ...)
{
	va_list ap;

	f->status = status;
	va_start(ap, fmt);
	vsnprintf(f->detail, sizeof(f->detail), fmt, ap);
	va_end(ap);
}

static void mend(struct finding *f, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(f->remedy, sizeof(f->remedy), fmt, ap);
	va_end(ap);
}

static int host_attr(const struct host *host, const char *path, char *buf,
		     size_t size)
{
	char full[PATH_MAX];

	buf[0] = '\0';
	return sysfs_path(&host->sysfs, full, sizeof(full), "%s", path) ?:
		       read_attr(full, buf, size);
}

/* ----- CPU and KVM ----- */

static void check_cpu(const struct host *host, struct finding *f)
{
	const char *what = "/proc/cpuinfo does not tell";
	char path[PATH_MAX], *text;
	int has = 0;

	if (!sysfs_path(&host->sysfs, path, sizeof(path), "/proc/cpuinfo") &&
	    !read_file(path, MIB(16), &text, NULL)) {
		has = arch_check_cpu(text, &what);
		free(text);
	}
	found(f, has > 0 ? READY : has ? MISSING : INFO, "%s", what);
	if (has < 0)
		mend(f, "switch virtualization on in the firmware; in a virtual"
			" machine, turn on nesting in its host");
}

/* Opens a node to read and write, or says why not. */
static int try_node(const struct host *host, const char *node,
		    struct finding *f, const char *absent)
{
	char path[PATH_MAX];
	struct passwd *pw;
	struct stat st;
	int fd;

	if (sysfs_path(&host->sysfs, path, sizeof(path), "%s", node))
		return -ENAMETOOLONG;
	fd = open(path, O_RDWR | O_CLOEXEC);
	if (fd >= 0)
		return fd;
	fd = -errno;
	found(f, MISSING, "%s", strerror(-fd));
	if (fd != -EACCES && fd != -EPERM) {
		mend(f, "%s", absent);
		return fd;
	}
	if (stat(path, &st))
		return fd;
	pw = getpwuid(geteuid());
	found(f, MISSING, "not permitted (mode %04o, uid %u, gid %u)",
	      st.st_mode & 07777, st.st_uid, st.st_gid);
	mend(f, "run: setfacl -m u:%s:rw %s; for good, by a udev rule",
	     pw ? pw->pw_name : "USER", node);
	return fd;
}

static void check_kvm(const struct host *host, struct finding *f)
{
	const struct arch_vm_params none = { 0 };
	struct kvm *kvm = NULL;
	char has[128];
	int fd;

	fd = try_node(host, "/dev/kvm", f, arch_text.kvm_load);
	if (fd < 0)
		return;
	/* These say themselves what they miss. */
	if (kvm_create(&kvm, fd, NULL) || arch_vm_create(kvm, &none)) {
		found(f, MISSING, "this KVM lacks something; see above");
		mend(f, "%s on real hardware or with nesting",
		     arch_text.kvm_kernel);
	} else {
		arch_vm_describe(kvm, has, sizeof(has));
		found(f, READY, "up to %u vCPUs%s", kvm_max_vcpus(kvm), has);
	}
	kvm_destroy(kvm);
}

/* ----- kernel ----- */

static void check_release(const struct host *host, struct finding *f)
{
	unsigned int maj, min;
	char release[128];

	if (host_attr(host, "/proc/sys/kernel/osrelease", release,
		      sizeof(release)) ||
	    sscanf(release, "%u.%u", &maj, &min) != 2) {
		found(f, INFO, "the kernel does not tell its release");
		return;
	}
	found(f, READY, "%s", release);
	if (maj > NEED_MAJOR || (maj == NEED_MAJOR && min >= NEED_MINOR))
		return;
	found(f, MISSING, "%s is too old", release);
	mend(f, "boot Linux %d.%d or newer", NEED_MAJOR, NEED_MINOR);
}

static void check_options(const struct host *host, struct finding *f)
{
	static const char *const options[] = {
		"KVM",	    "IOMMUFD", "VFIO",	      "VFIO_DEVICE_CDEV",
		"VFIO_PCI", "EVENTFD", "MEMFD_CREATE"
	};
	char missing[256] = "";
	size_t len = 0;
	unsigned int i;

	if (!host->kconfig) {
		found(f, INFO,
		      "unknown: neither /proc/config.gz nor /boot/config-* of"
		      " this kernel can be read");
		return;
	}
	for (i = 0; i < ARRAY_SIZE(options) && len < sizeof(missing); i++)
		if (kconfig_get(host->kconfig, options[i]) == 'n')
			len += (size_t)snprintf(missing + len,
						sizeof(missing) - len,
						" CONFIG_%s", options[i]);
	if (!missing[0]) {
		found(f, READY, "all there, by %s",
		      kconfig_path(host->kconfig));
		return;
	}
	found(f, MISSING, "off in %s:%s", kconfig_path(host->kconfig), missing);
	mend(f, "boot a kernel that has them");
}

/* ----- IOMMU ----- */

static void check_iommu(const struct host *host, struct finding *f)
{
	char path[PATH_MAX];
	unsigned int n = 0;
	struct dirent *de;
	DIR *d = NULL;

	if (!sysfs_path(&host->sysfs, path, sizeof(path), "/sys/class/iommu"))
		d = opendir(path);
	while (d && (de = readdir(d)))
		n += de->d_name[0] != '.';
	if (d)
		closedir(d);
	if (n) {
		found(f, READY, "%u unit%s", n, n == 1 ? "" : "s");
		return;
	}
	found(f, MISSING, "the kernel runs none");
	mend(f, "%s", arch_text.iommu_on);
}

static void check_interrupts(const struct host *host, struct finding *f)
{
	char why[SYSFS_WHY_SIZE], *semicolon;

	if (!sysfs_unsafe_interrupts(&host->sysfs, why, sizeof(why))) {
		found(f, READY, "remapped, allow_unsafe_interrupts off");
		return;
	}
	semicolon = strstr(why, "; ");
	if (semicolon)
		*semicolon = '\0';
	found(f, MISSING, "%s", why);
	mend(f, "%s", semicolon ? semicolon + 2 : "see the manual");
}

static void check_iommufd(const struct host *host, struct finding *f)
{
	cleanup_fd int fd = -1;

	fd = try_node(host, "/dev/iommu", f,
		      "run: modprobe iommufd; if there is none, boot a kernel"
		      " with CONFIG_IOMMUFD");
	if (fd >= 0)
		found(f, READY, "may be opened");
}

static void check_cdev(const struct host *host, struct finding *f)
{
	char path[PATH_MAX];
	struct dirent *de;
	bool device = false, node = false;
	DIR *d = NULL;

	if (!sysfs_path(&host->sysfs, path, sizeof(path),
			"/sys/class/vfio-dev"))
		d = opendir(path);
	while (d && (de = readdir(d))) {
		if (de->d_name[0] == '.')
			continue;
		device = true;
		node |= !sysfs_path(&host->sysfs, path, sizeof(path),
				    "/sys/class/vfio-dev/%s/dev", de->d_name) &&
			!access(path, F_OK);
	}
	if (d)
		closedir(d);
	if (node)
		found(f, READY, "in use now");
	else if (!device && !host->kconfig)
		found(f, INFO, "unknown until a device is bound");
	else if (!device &&
		 kconfig_get(host->kconfig, "VFIO_DEVICE_CDEV") == 'y')
		found(f, READY, "the kernel makes them");
	else {
		found(f, MISSING, "the kernel makes no nodes for VFIO devices");
		mend(f, "boot a kernel with CONFIG_VFIO_DEVICE_CDEV=y");
	}
}

/* ----- memory ----- */

static bool may_lock_all(const struct host *host)
{
	char path[PATH_MAX], *text, *at;
	unsigned long long caps = 0;

	if (sysfs_path(&host->sysfs, path, sizeof(path), "/proc/self/status") ||
	    read_file(path, KIB(64), &text, NULL))
		return false;
	at = strstr(text, "\nCapEff:");
	if (at)
		caps = strtoull(at + strlen("\nCapEff:"), NULL, 16);
	free(text);
	return caps >> CAP_IPC_LOCK_BIT & 1;
}

static void check_memlock(const struct host *host, struct finding *f)
{
	char proc[PATH_MAX];
	uint64_t pinned;
	struct rlimit lim;

	if (may_lock_all(host)) {
		found(f, READY, "no limit (CAP_IPC_LOCK)");
		return;
	}
	if (getrlimit(RLIMIT_MEMLOCK, &lim) || lim.rlim_cur == RLIM_INFINITY) {
		found(f, READY, "no limit");
		return;
	}
	pinned = sysfs_path(&host->sysfs, proc, sizeof(proc), "/proc") ?
			 0 :
			 memlock_pinned(proc, getuid(), getpid());
	found(f, READY,
	      "%llu MiB may be locked, %llu MiB of them are now: a guest with"
	      " devices needs its memory",
	      (unsigned long long)lim.rlim_cur >> 20,
	      (unsigned long long)pinned >> 20);
	if (lim.rlim_cur >= pinned && lim.rlim_cur - pinned >= NEED_LOCKED)
		return;
	f->status = MISSING;
	mend(f, "raise it in /etc/security/limits.conf (memlock), by systemd's"
		" LimitMEMLOCK=, or by: ulimit -l");
}

static void check_hugepages(const struct host *host, struct finding *f)
{
	static const struct {
		const char *name, *dir;
	} sizes[] = { { "2M", "hugepages-2048kB" },
		      { "1G", "hugepages-1048576kB" } };
	char path[128], total[32], avail[32];
	unsigned int i;
	size_t len = 0;

	found(f, INFO, "not supported");
	for (i = 0; i < ARRAY_SIZE(sizes); i++) {
		snprintf(path, sizeof(path),
			 "/sys/kernel/mm/hugepages/%s/nr_hugepages",
			 sizes[i].dir);
		if (host_attr(host, path, total, sizeof(total)))
			continue;
		snprintf(path, sizeof(path),
			 "/sys/kernel/mm/hugepages/%s/free_hugepages",
			 sizes[i].dir);
		if (host_attr(host, path, avail, sizeof(avail)))
			continue;
		len += (size_t)snprintf(f->detail + len,
					sizeof(f->detail) - len,
					"%s%s: %s of %s free", len ? ", " : "",
					sizes[i].name, avail, total);
	}
}

/* ----- the list ----- */

static const struct check checks[] = {
	{ "cpu", "CPU virtualization", check_cpu },
	{ "kvm", "/dev/kvm", check_kvm },
	{ "kernel", "kernel release", check_release },
	{ "options", "kernel options", check_options },
	{ "iommu", "IOMMU", check_iommu },
	{ "interrupts", "interrupt remapping", check_interrupts },
	{ "iommufd", "/dev/iommu", check_iommufd },
	{ "cdev", "VFIO device nodes", check_cdev },
	{ "memlock", "locked memory", check_memlock },
	{ "hugepages", "huge pages", check_hugepages },
};

static void print_finding(const struct check *c, const struct finding *f)
{
	printf("%-7s  %-19s  %s%s%s\n", status_names[f->status], c->name,
	       f->detail, f->remedy[0] ? "; " : "", f->remedy);
}

static void json_finding(struct json *j, const struct check *c,
			 const struct finding *f)
{
	json_object(j, NULL);
	json_str(j, "id", c->id);
	json_str(j, "name", c->name);
	json_str(j, "status", status_names[f->status]);
	json_str(j, "detail", f->detail);
	json_str(j, "remedy", f->remedy[0] ? f->remedy : NULL);
	json_object_end(j);
}

/* All findings; true when nothing is missing. */
static bool run_checks(const struct host *host)
{
	struct finding f;
	bool ready = true;
	struct json j;
	unsigned int i;

	json_init(&j, stdout);
	if (host->json) {
		json_object(&j, NULL);
		json_array(&j, "checks");
	}
	for (i = 0; i < ARRAY_SIZE(checks); i++) {
		memset(&f, 0, sizeof(f));
		checks[i].fn(host, &f);
		ready &= f.status != MISSING;
		if (host->json)
			json_finding(&j, &checks[i], &f);
		else
			print_finding(&checks[i], &f);
	}
	if (host->json) {
		json_array_end(&j);
		json_bool(&j, "ready", ready);
		json_object_end(&j);
	}
	return ready;
}

int cmd_check(int argc, char **argv)
{
	static const struct opt opts[] = {
		{ OPT_FLAG("json", struct host, json) },
	};
	struct host host = { .sysfs = { .root = "" } };
	bool ready;
	int r;

	r = options_parse(opts, ARRAY_SIZE(opts), argc, argv, &host, NULL);
	if (r)
		return cmd_answer(argv[0], r);
	if (kconfig_create(&host.kconfig, host.sysfs.root))
		host.kconfig = NULL;
	ready = run_checks(&host);
	kconfig_destroy(host.kconfig);
	return ready ? STATUS_OK : STATUS_FAILED;
}
