// SPDX-License-Identifier: BSD-2-Clause
/*
 * config-device - parses --device and finds what devices forbid each other.
 * Whether a device exists is sysfs.c's and vfio.c's to say.
 */
#include "config-device.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bdf.h"
#include "config.h"
#include "log.h"
#include "options.h"
#include "util.h"
#include "uuid.h"

int config_set_fd(const char *option, const char *number, int *fd, char **spec)
{
	char text[32];
	int r = option_fd(option, number, fd);

	if (r)
		return r;
	snprintf(text, sizeof(text), "fd=%d", *fd);
	return option_string(option, text, spec);
}

static int set_spec(void *ctx, const char *option, const char *value)
{
	struct device_config *dev = ctx;
	char text[UUID_SIZE];

	_Static_assert(sizeof(text) >= BDF_SIZE, "a BDF fits, too");

	if (!strncmp(value, "fd=", 3)) {
		dev->kind = DEVICE_FD;
		return config_set_fd(option, value + 3, &dev->fd, &dev->spec);
	}
	if (!strncmp(value, "/sys/", 5)) {
		dev->kind = DEVICE_SYSFS;
		return option_string(option, value, &dev->spec);
	}
	if (uuid_parse(value, text)) {
		dev->kind = DEVICE_MDEV;
		return option_string(option, text, &dev->spec);
	}
	if (!bdf_parse(value, text)) {
		dev->kind = DEVICE_BDF;
		return option_string(option, text, &dev->spec);
	}

	log_err("%s: %s: names no device; write 0000:3b:00.0, an mdev's UUID, "
		"a path below /sys, or fd=N",
		option, value);
	return -EINVAL;
}

static int set_id(void *ctx, const char *option, const char *value)
{
	struct device_config *dev = ctx;

	return config_set_name(option, value, &dev->id);
}

static int set_clique(void *ctx, const char *option, const char *value)
{
	struct device_config *dev = ctx;
	uint64_t clique = 0;
	int r;

	r = option_number(option, value, 0, 15, &clique);
	dev->gpudirect = true;
	dev->gpudirect_clique = (uint8_t)clique;
	return r;
}

static int set_vf_token(void *ctx, const char *option, const char *value)
{
	struct device_config *dev = ctx;
	char text[UUID_SIZE];

	if (!value || !uuid_parse(value, text)) {
		log_err("%s: %s: not a UUID; write the token of the physical "
			"function, as 83b8f4f2-509f-382f-3c1e-e6bfe0fa1001",
			option, value ? value : "");
		return -EINVAL;
	}
	uuid_bytes(text, dev->vf_token);
	dev->has_vf_token = true;
	return 0;
}

int config_add_device(struct run_config *cfg, const char *value)
{
	static const struct opt_key keys[] = {
		{ "id", set_id },
		OPT_KEY_NUMBER("port", struct device_config, port, 1,
			       CONFIG_MAX_DEVICES),
		OPT_KEY_BOOL("rom", struct device_config, rom),
		OPT_KEY_NUMBER("devid", struct device_config, devid, 0,
			       INT_MAX),
		OPT_KEY_BOOL("require-reset", struct device_config,
			     require_reset),
		OPT_KEY_BOOL("ats", struct device_config, ats),
		{ "gpudirect-clique", set_clique },
		/* 0 is what has no PASID. */
		OPT_KEY_NUMBER("pasid", struct device_config, pasid, 1,
			       (1 << 20) - 1),
		{ "vf-token", set_vf_token },
		OPT_KEY_BOOL("x-trap-bars", struct device_config, trap_bars),
	};
	struct device_config *dev;

	if (cfg->nr_devices == CONFIG_MAX_DEVICES) {
		log_err("--device: %s: too many devices; %d have a port each",
			value, CONFIG_MAX_DEVICES);
		return -EINVAL;
	}

	dev = &cfg->devices[cfg->nr_devices++];
	*dev = (struct device_config){
		.fd = -1,
		.devid = -1,
		.port = -1,
		.rom = true,
	};
	return option_list("--device", value, set_spec, keys, ARRAY_SIZE(keys),
			   dev);
}

/*
 * The last component of a path is the kernel's name of the device, so that
 * "/sys/bus/pci/devices/0000:3b:00.0" and "3b:00.0" are seen to be one.
 */
static void device_name(const struct device_config *dev, char *out, size_t size)
{
	size_t end = strlen(dev->spec);
	size_t start;

	while (dev->kind == DEVICE_SYSFS && dev->spec[end - 1] == '/')
		end--;
	start = end;
	while (start && dev->spec[start - 1] != '/')
		start--;
	snprintf(out, size, "%.*s", (int)(end - start), dev->spec + start);
}

static int check_pair(const struct device_config *a,
		      const struct device_config *b)
{
	char name_a[NAME_MAX + 1], name_b[NAME_MAX + 1];

	device_name(a, name_a, sizeof(name_a));
	device_name(b, name_b, sizeof(name_b));
	if (!strcmp(name_a, name_b)) {
		log_err("--device: %s: named twice; a device has one place",
			b->spec);
		return -EINVAL;
	}
	if (a->port >= 0 && a->port == b->port) {
		log_err("--device: %s: port %d: taken by %s; choose another",
			b->spec, b->port, a->spec);
		return -EINVAL;
	}
	if (a->id && b->id && !strcmp(a->id, b->id)) {
		log_err("--device: %s: id %s: taken by %s; choose another",
			b->spec, b->id, a->spec);
		return -EINVAL;
	}
	return 0;
}

static int check_device(const struct run_config *cfg,
			const struct device_config *dev)
{
	if (dev->devid >= 0 && dev->kind != DEVICE_FD) {
		log_err("--device: %s: devid: only for fd=N, a descriptor that "
			"is bound already",
			dev->spec);
		return -EINVAL;
	}
	if (dev->devid >= 0 && dev->has_vf_token) {
		log_err("--device: %s: vf-token: for binding, which its "
			"launcher has done",
			dev->spec);
		return -EINVAL;
	}
	if (dev->devid >= 0 && cfg->iommufd < 0) {
		log_err("--device: %s: devid: means nothing without the "
			"iommufd it is bound to; add --iommufd fd=N",
			dev->spec);
		return -EINVAL;
	}
	if (dev->fd >= 0 && (dev->fd == cfg->iommufd || dev->fd == cfg->kvm)) {
		log_err("--device: %s: also the descriptor of %s", dev->spec,
			dev->fd == cfg->kvm ? "--kvm" : "--iommufd");
		return -EINVAL;
	}
	return 0;
}

int config_check_devices(const struct run_config *cfg)
{
	for (unsigned int i = 0; i < cfg->nr_devices; i++) {
		int r = check_device(cfg, &cfg->devices[i]);

		for (unsigned int j = 0; j < i && !r; j++)
			r = check_pair(&cfg->devices[j], &cfg->devices[i]);
		if (r)
			return r;
	}
	return 0;
}
