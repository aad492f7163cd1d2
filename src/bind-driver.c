// SPDX-License-Identifier: BSD-2-Clause
/*
 * bind-driver - chooses the VFIO driver that fits a device best and loads its
 * module. Owns the matching of "vfio_pci:" aliases. Binds nothing.
 */
#include "bind.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fnmatch.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "log.h"
#include "util.h"

#define ALIAS_PREFIX "vfio_pci:"

/* The device's modalias under VFIO's prefix, and the best match so far. */
struct match {
	char name[256];
	char *module;
	unsigned int wildcards;
};

bool bind_driver_name_ok(const char *name)
{
	size_t i;

	if (!isalnum((unsigned char)name[0]))
		return false;
	for (i = 0; name[i]; i++)
		if (!isalnum((unsigned char)name[i]) && name[i] != '-' &&
		    name[i] != '_')
			return false;
	return i < BIND_DRIVER_SIZE;
}

/* The fewer wildcards, the more a driver knows about this very device. */
static void consider(struct match *m, const char *pattern, const char *module)
{
	unsigned int wildcards = 0;
	const char *p;

	for (p = pattern; *p; p++)
		wildcards += *p == '*';
	if (wildcards >= m->wildcards || !bind_driver_name_ok(module) ||
	    fnmatch(pattern, m->name, 0))
		return;
	strcpy(m->module, module);
	m->wildcards = wildcards;
}

/* modules.alias: "alias vfio_pci:v000015B3d0000101Esv*... mlx5_vfio_pci" */
static void match_modules(struct match *m, char *text)
{
	char *save = NULL, *line;

	for (line = strtok_r(text, "\n", &save); line;
	     line = strtok_r(NULL, "\n", &save)) {
		char *pattern, *space;

		if (strncmp(line, "alias " ALIAS_PREFIX,
			    strlen("alias " ALIAS_PREFIX)))
			continue;
		pattern = line + strlen("alias ");
		space = strrchr(pattern, ' ');
		if (!space)
			continue;
		*space = '\0';
		consider(m, pattern, space + 1);
	}
}

/* modules.builtin.modinfo: "mlx5_vfio_pci.alias=vfio_pci:v0..", NUL ends */
static void match_builtin(struct match *m, char *text, size_t len)
{
	static const char key[] = ".alias=" ALIAS_PREFIX;
	char *line, *at;

	for (line = text; line < text + len; line += strlen(line) + 1) {
		at = strstr(line, key);
		if (!at)
			continue;
		*at = '\0';
		consider(m, at + strlen(".alias="), line);
		*at = '.';
	}
}

void bind_best_module(const struct sysfs *sysfs, const struct sysfs_device *dev,
		      char module[BIND_DRIVER_SIZE])
{
	const struct sysfs at = { .root = dev->dir };
	struct match m = { .module = module, .wildcards = UINT_MAX };
	char path[PATH_MAX], release[128], alias[192], *text;
	size_t len;

	strcpy(module, "vfio_pci");
	if (sysfs_path(&at, path, sizeof(path), "/modalias") ||
	    read_attr(path, alias, sizeof(alias)) ||
	    strncmp(alias, "pci:", 4) ||
	    sysfs_path(sysfs, path, sizeof(path),
		       "/proc/sys/kernel/osrelease") ||
	    read_attr(path, release, sizeof(release)))
		return;
	snprintf(m.name, sizeof(m.name), ALIAS_PREFIX "%s", alias + 4);
	if (!sysfs_path(sysfs, path, sizeof(path),
			"/lib/modules/%s/modules.builtin.modinfo", release) &&
	    !read_file(path, MIB(64), &text, &len)) {
		match_builtin(&m, text, len);
		free(text);
	}
	if (!sysfs_path(sysfs, path, sizeof(path),
			"/lib/modules/%s/modules.alias", release) &&
	    !read_file(path, MIB(64), &text, NULL)) {
		match_modules(&m, text);
		free(text);
	}
}

static bool driver_exists(const struct sysfs *sysfs, const char *driver)
{
	char path[PATH_MAX];

	return !sysfs_path(sysfs, path, sizeof(path), "/sys/bus/pci/drivers/%s",
			   driver) &&
	       !access(path, F_OK);
}

/* The PCI driver that a loaded or built-in module has registered. */
static bool driver_of_module(const struct sysfs *sysfs, const char *module,
			     char driver[BIND_DRIVER_SIZE])
{
	char path[PATH_MAX], *p;
	struct dirent *de;
	bool found = false;
	DIR *d;

	if (sysfs_path(sysfs, path, sizeof(path), "/sys/module/%s/drivers",
		       module))
		return false;
	d = opendir(path);
	while (d && !found && (de = readdir(d))) {
		if (strncmp(de->d_name, "pci:", 4) ||
		    !bind_driver_name_ok(de->d_name + 4))
			continue;
		strcpy(driver, de->d_name + 4);
		found = true;
	}
	if (d)
		closedir(d);
	if (found)
		return true;
	/* A built-in module without parameters has no such directory. */
	strcpy(driver, module);
	if (driver_exists(sysfs, driver))
		return true;
	for (p = driver; *p; p++)
		if (*p == '_')
			*p = '-';
	return driver_exists(sysfs, driver);
}

/* Runs the kernel's own module loader.  The caller checks what came of it. */
static int modprobe(const struct sysfs *sysfs, const char *module)
{
	char path[PATH_MAX], program[256], name[BIND_DRIVER_SIZE];
	char *argv[] = { program, (char[]){ "-q" }, name, NULL };
	char *envp[] = { NULL };
	int r, status;
	pid_t pid;

	r = sysfs_path(sysfs, path, sizeof(path), "/proc/sys/kernel/modprobe");
	if (r || read_attr(path, program, sizeof(program)) || program[0] != '/')
		strcpy(program, "/sbin/modprobe");
	snprintf(name, sizeof(name), "%s", module);
	r = posix_spawn(&pid, program, NULL, NULL, argv, envp);
	if (r)
		return -r;
	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return -errno;
	return WIFEXITED(status) && !WEXITSTATUS(status) ? 0 : -ENOENT;
}

int bind_load_driver(const struct sysfs *sysfs, const char *subject,
		     const char *driver)
{
	if (driver_exists(sysfs, driver))
		return 0;
	if (!bind_driver_name_ok(driver)) {
		log_err("%s: '%.64s' is not the name of a driver", subject,
			driver);
		return -EINVAL;
	}
	(void)modprobe(sysfs, driver);
	if (driver_exists(sysfs, driver))
		return 0;
	log_err("%s: no driver %s: neither this kernel nor its modules have"
		" it; run: modprobe %s",
		subject, driver, driver);
	return -ENOENT;
}

/*
 * An override makes any driver take any device, and a host driver that is
 * given hardware it does not know can bring the kernel down.  VFIO drivers
 * are told by their name or by their use of VFIO's modules; pci-stub only
 * keeps others away.
 */
static bool takes_any_device(const struct sysfs *sysfs, const char *driver)
{
	static const char *const cores[] = { "vfio_pci_core", "vfio" };
	char path[PATH_MAX], module[BIND_DRIVER_SIZE];
	unsigned int i;

	if (strstr(driver, "vfio") || !strcmp(driver, "pci-stub"))
		return true;
	if (sysfs_path(sysfs, path, sizeof(path), "/sys/bus/pci/drivers/%s",
		       driver) ||
	    sysfs_link_name(path, "module", module, sizeof(module)))
		return false;
	for (i = 0; i < ARRAY_SIZE(cores); i++)
		if (!sysfs_path(sysfs, path, sizeof(path),
				"/sys/module/%s/holders/%s", cores[i],
				module) &&
		    !access(path, F_OK))
			return true;
	return false;
}

bool bind_may_have_put(const struct sysfs *sysfs,
		       const struct bind_state *state)
{
	const char *on = state->driver[0] ? state->driver : state->override;

	return on[0] && takes_any_device(sysfs, on);
}

int bind_choose_driver(const struct sysfs *sysfs,
		       const struct sysfs_device *dev, const char *wanted,
		       char driver[BIND_DRIVER_SIZE])
{
	char module[BIND_DRIVER_SIZE];
	int r;

	if (wanted) {
		r = bind_load_driver(sysfs, dev->name, wanted);
		if (r)
			return r;
		if (!takes_any_device(sysfs, wanted)) {
			log_err("%s: %s is no VFIO driver; choose one, as"
				" vfio-pci",
				dev->name, wanted);
			return -EINVAL;
		}
		strcpy(driver, wanted);
		return 0;
	}
	bind_best_module(sysfs, dev, module);
	if (driver_of_module(sysfs, module, driver))
		return 0;
	r = modprobe(sysfs, module);
	if (driver_of_module(sysfs, module, driver))
		return 0;
	log_err("%s: cannot load module %s: %s; install a kernel with"
		" CONFIG_VFIO_PCI or choose with --driver",
		dev->name, module,
		r ? strerror(-r) : "it registers no PCI driver");
	return r ?: -ENOENT;
}
