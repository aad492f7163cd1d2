// SPDX-License-Identifier: BSD-2-Clause
/*
 * cmd-devices-caps - how a guest would see a device's capabilities, from its
 * config space in sysfs and the table of vfio-caps.c. Changes nothing.
 */
#include "cmd-devices.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "fd.h"
#include "json.h"
#include "sysfs.h"
#include "util.h"
#include "vfio-caps.h"

/* Offsets of the PCI specification. */
#define STATUS 6
#define STATUS_CAP_LIST 0x10
#define HEADER_BYTES 64
#define CONFIG_MAX 4096

struct view {
	unsigned int bytes; /* that could be read, a multiple of 4 */
	char *config;
	bool truncated; /* there is a list, and no permission to read it */
	struct vfio_caps caps;
};

static uint32_t read_view(void *opaque, unsigned int off, unsigned int len)
{
	const struct view *v = opaque;

	return (uint32_t)load_le(v->config + off, len);
}

/* False when there is nothing to tell; else view_free() follows. */
static struct view *view_of(const struct sysfs_device *dev)
{
	struct view *v = calloc(1, sizeof(*v));
	char path[PATH_MAX + sizeof("/config")];
	size_t len = 0;

	if (!v || !dev->bdf[0] || sysfs_is_bridge(dev))
		goto none;
	snprintf(path, sizeof(path), "%s/config", dev->dir);
	if (read_file(path, CONFIG_MAX + 1, &v->config, &len) < 0 ||
	    len < HEADER_BYTES || len > CONFIG_MAX)
		goto none;
	v->bytes = (unsigned int)align_down(len, 4);
	v->truncated = v->bytes == HEADER_BYTES &&
		       read_view(v, STATUS, 2) & STATUS_CAP_LIST;
	vfio_caps_find(&v->caps, v->bytes, read_view, v);
	return v;
none:
	if (v)
		free(v->config);
	free(v);
	return NULL;
}

static void view_free(struct view *v)
{
	free(v->config);
	free(v);
}

/* What a guest sees of it unless more is asked for. */
static const char *treatment(const struct vfio_cap_rule *rule)
{
	return vfio_treatment_name(rule->on_request ? VFIO_CAP_HIDDEN :
						      rule->treatment);
}

void devices_print_caps(const struct sysfs_device *dev)
{
	struct view *v = view_of(dev);

	if (!v)
		return;
	if (v->truncated)
		printf("    capabilities: this user can read only %u bytes of"
		       " config space, which has none; run as root\n",
		       v->bytes);
	for (unsigned int i = 0; i < v->caps.nr; i++) {
		const struct vfio_cap *cap = &v->caps.cap[i];

		printf("    capability %02x %s [%0*x]: %s: %s\n", cap->off,
		       cap->rule->name, cap->ext ? 4 : 2, cap->id,
		       treatment(cap->rule), cap->rule->why);
	}
	view_free(v);
}

void devices_json_caps(struct json *j, const struct sysfs_device *dev)
{
	struct view *v = view_of(dev);

	if (!v)
		return;
	json_u64(j, "config_bytes", v->bytes);
	json_array(j, "capabilities");
	for (unsigned int i = 0; i < v->caps.nr; i++) {
		const struct vfio_cap *cap = &v->caps.cap[i];

		json_object(j, NULL);
		json_u64(j, "offset", cap->off);
		json_u64(j, "id", cap->id);
		json_bool(j, "extended", cap->ext);
		json_str(j, "name", cap->rule->name);
		json_str(j, "treatment", treatment(cap->rule));
		json_str(j, "reason", cap->rule->why);
		json_object_end(j);
	}
	json_array_end(j);
	view_free(v);
}
