// SPDX-License-Identifier: BSD-2-Clause
/*
 * cmd-devices - `wherry devices`: what can be handed to a guest, and what
 * cannot and why. Owns the listing. Changes nothing.
 */
#include "cmd.h"

#include <dirent.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bdf.h"
#include "bind.h"
#include "cmd-devices.h"
#include "json.h"
#include "log.h"
#include "options.h"
#include "sysfs.h"
#include "util.h"

struct row {
	struct sysfs_device dev;
	bool assignable;
	char why[SYSFS_WHY_SIZE]; /* !assignable */
	char user[256]; /* what of the host uses it, or "" */
	struct device_name name;
};

struct listing {
	struct sysfs sysfs;
	bool json, verbose;
	struct row *rows;
	unsigned int nr;
	/* Why this host can assign no PCI device at all, or "". */
	char host_why[SYSFS_WHY_SIZE];
};

static const struct opt opts[] = {
	{ OPT_FLAG("json", struct listing, json) },
	{ OPT_FLAG("verbose", struct listing, verbose) },
};

/* ----- rows ----- */

/* The next row, zeroed; it counts once nr is increased. */
static struct row *new_row(struct listing *l)
{
	struct row *rows = realloc(l->rows, (l->nr + 1) * sizeof(*rows));

	if (!rows) {
		log_err("devices: out of memory");
		return NULL;
	}
	l->rows = rows;
	memset(&rows[l->nr], 0, sizeof(*rows));
	return &rows[l->nr];
}

static void judge(struct listing *l, struct row *row)
{
	const struct sysfs_device *dev = &row->dev;

	row->assignable =
		!sysfs_why_not(&l->sysfs, dev, row->why, sizeof(row->why));
	if (row->assignable && dev->bdf[0] && l->host_why[0]) {
		row->assignable = false;
		snprintf(row->why, sizeof(row->why), "%s", l->host_why);
	}
	if (dev->bdf[0] && !dev->has_vfio_dev && !sysfs_is_bridge(dev))
		(void)bind_user(&l->sysfs, dev, false, row->user,
				sizeof(row->user));
}

static int read_operand(struct listing *l, const char *operand,
			struct sysfs_device *dev)
{
	char bdf[BDF_SIZE];
	int r;

	if (!bdf_parse(operand, bdf))
		return sysfs_read_pci(&l->sysfs, bdf, dev);
	if (operand[0] == '/')
		return sysfs_read_path(&l->sysfs, operand, dev);
	r = sysfs_read_mdev(&l->sysfs, operand, dev);
	return r;
}

/* 0, or the exit status. */
static int add_operand(struct listing *l, const char *operand)
{
	struct row *row = new_row(l);
	int r;

	if (!row)
		return STATUS_FAILED;
	r = read_operand(l, operand, &row->dev);
	if (r == -EINVAL) {
		log_err("%s: neither a PCI address (0000:3b:00.0), a UUID nor a"
			" path below /sys; see 'wherry devices'",
			operand);
		return STATUS_USAGE;
	}
	if (r) {
		log_err("%s: no such device on this host; see 'wherry devices'",
			operand);
		return STATUS_FAILED;
	}
	judge(l, row);
	l->nr++;
	return 0;
}

/* Every device of a bus, in order.  No such bus is no error. */
static int add_bus(struct listing *l, const char *bus)
{
	char path[PATH_MAX];
	struct dirent **list;
	int i, n, r = 0;

	r = sysfs_path(&l->sysfs, path, sizeof(path), "/sys/bus/%s/devices",
		       bus);
	if (r)
		return r;
	n = scandir(path, &list, NULL, alphasort);
	for (i = 0; i < n; i++) {
		struct row *row = NULL;

		if (!r && list[i]->d_name[0] != '.') {
			row = new_row(l);
			r = row ? 0 : -ENOMEM;
		}
		if (row &&
		    !sysfs_path(&l->sysfs, path, sizeof(path),
				"/sys/bus/%s/devices/%s", bus,
				list[i]->d_name) &&
		    !sysfs_read_path(&l->sysfs, path + strlen(l->sysfs.root),
				     &row->dev) &&
		    (l->verbose || !sysfs_is_bridge(&row->dev))) {
			judge(l, row);
			l->nr++;
		}
		free(list[i]);
	}
	if (n >= 0)
		free(list);
	return r;
}

/* ----- for humans ----- */

enum { COL_DEVICE, COL_OK, COL_DRIVER, COL_GROUP, COL_NUMA, COL_RESET, COLS };

static const char *const headings[COLS] = {
	"DEVICE", "READY", "DRIVER", "GROUP", "NUMA", "RESET",
};

static void number_or_dash(char *buf, size_t size, int n)
{
	if (n < 0)
		snprintf(buf, size, "-");
	else
		snprintf(buf, size, "%d", n);
}

static void cell(const struct row *row, unsigned int col, char *buf,
		 size_t size)
{
	const struct sysfs_device *dev = &row->dev;
	char *p;

	switch (col) {
	case COL_DEVICE:
		snprintf(buf, size, "%s", dev->name);
		break;
	case COL_OK:
		snprintf(buf, size, "%s", row->assignable ? "yes" : "no");
		break;
	case COL_DRIVER:
		snprintf(buf, size, "%s", dev->driver[0] ? dev->driver : "-");
		break;
	case COL_GROUP:
		number_or_dash(buf, size, dev->iommu_group);
		break;
	case COL_NUMA:
		number_or_dash(buf, size, dev->numa_node);
		break;
	default:
		snprintf(buf, size, "%s",
			 dev->reset_methods[0] ? dev->reset_methods : "-");
		for (p = buf; *p; p++)
			if (*p == ' ')
				*p = ',';
		break;
	}
}

static void print_name(const struct row *row)
{
	const struct sysfs_device *dev = &row->dev;

	if (!dev->bdf[0]) {
		printf("mediated device\n");
		return;
	}
	if (row->name.device[0])
		printf("%s%s%s ", row->name.vendor,
		       row->name.vendor[0] ? " " : "", row->name.device);
	else if (row->name.class[0])
		printf("%s ", row->name.class);
	printf("[%04x:%04x]\n", dev->vendor, dev->device);
}

static void print_details(const struct row *row)
{
	const struct sysfs_device *dev = &row->dev;
	unsigned int i;

	printf("    path: %s\n", dev->dir);
	if (dev->bdf[0])
		printf("    class: %06x%s%s; subsystem: %04x:%04x\n",
		       dev->class_code, row->name.class[0] ? " " : "",
		       row->name.class, dev->subsys_vendor, dev->subsys_device);
	if (dev->node[0])
		printf("    node: %s\n", dev->node);
	for (i = 0; i < dev->nr_siblings; i++)
		printf("    sibling: %s on %s\n", dev->siblings[i].bdf,
		       dev->siblings[i].driver[0] ? dev->siblings[i].driver :
						    "no driver");
	devices_print_caps(dev);
}

static void print_table(const struct listing *l)
{
	int width[COLS];
	unsigned int i, col;
	char buf[96];

	for (col = 0; col < COLS; col++) {
		width[col] = (int)strlen(headings[col]);
		for (i = 0; i < l->nr; i++) {
			cell(&l->rows[i], col, buf, sizeof(buf));
			width[col] = MAX(width[col], (int)strlen(buf));
		}
		printf("%-*s  ", width[col], headings[col]);
	}
	printf("NAME\n");
	for (i = 0; i < l->nr; i++) {
		const struct row *row = &l->rows[i];

		for (col = 0; col < COLS; col++) {
			cell(row, col, buf, sizeof(buf));
			printf("%-*s  ", width[col], buf);
		}
		print_name(row);
		if (row->user[0])
			printf("    in use by the host: %s\n", row->user);
		else if (!row->assignable)
			printf("    %s\n", row->why);
		if (l->verbose)
			print_details(row);
	}
}

/* ----- for programs ----- */

static void json_or_null(struct json *j, const char *key, const char *v)
{
	json_str(j, key, v[0] ? v : NULL);
}

static void PRINTF(3, 4)
	json_format(struct json *j, const char *key, const char *fmt, ...)
{
	char buf[64];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(buf, sizeof(buf), fmt, ap);
	va_end(ap);
	json_str(j, key, buf);
}

static void json_pci(struct json *j, const struct row *row)
{
	const struct sysfs_device *dev = &row->dev;

	json_str(j, "bdf", dev->bdf);
	json_format(j, "vendor", "%04x", dev->vendor);
	json_format(j, "device", "%04x", dev->device);
	json_format(j, "subsystem_vendor", "%04x", dev->subsys_vendor);
	json_format(j, "subsystem_device", "%04x", dev->subsys_device);
	json_format(j, "class", "%06x", dev->class_code);
	json_or_null(j, "vendor_name", row->name.vendor);
	json_or_null(j, "device_name", row->name.device);
	json_or_null(j, "class_name", row->name.class);
}

static void json_lists(struct json *j, const struct sysfs_device *dev)
{
	char methods[sizeof(dev->reset_methods)], *save = NULL, *word;
	unsigned int i;

	json_array(j, "reset_methods");
	strcpy(methods, dev->reset_methods);
	for (word = strtok_r(methods, " ", &save); word;
	     word = strtok_r(NULL, " ", &save))
		json_str(j, NULL, word);
	json_array_end(j);
	json_array(j, "siblings");
	for (i = 0; i < dev->nr_siblings; i++) {
		json_object(j, NULL);
		json_str(j, "bdf", dev->siblings[i].bdf);
		json_or_null(j, "driver", dev->siblings[i].driver);
		json_bool(j, "blocks", dev->siblings[i].blocks);
		json_object_end(j);
	}
	json_array_end(j);
}

static void print_json(const struct listing *l)
{
	struct json j;
	unsigned int i;

	json_init(&j, stdout);
	json_object(&j, NULL);
	json_array(&j, "devices");
	for (i = 0; i < l->nr; i++) {
		const struct row *row = &l->rows[i];
		const struct sysfs_device *dev = &row->dev;

		json_object(&j, NULL);
		json_str(&j, "name", dev->name);
		json_str(&j, "path", dev->dir);
		if (dev->bdf[0])
			json_pci(&j, row);
		json_bool(&j, "assignable", row->assignable);
		json_or_null(&j, "reason", row->why);
		json_or_null(&j, "in_use", row->user);
		json_or_null(&j, "driver", dev->driver);
		json_or_null(&j, "node", dev->node);
		json_i64(&j, "iommu_group", dev->iommu_group);
		json_i64(&j, "numa_node", dev->numa_node);
		json_lists(&j, dev);
		if (l->verbose)
			devices_json_caps(&j, dev);
		json_object_end(&j);
	}
	json_array_end(&j);
	json_object_end(&j);
}

static void read_names(struct listing *l)
{
	struct devices_names *names = devices_names_open();

	for (unsigned int i = 0; i < l->nr; i++)
		devices_names_find(names, &l->rows[i].dev, &l->rows[i].name);
	devices_names_close(names);
}

int cmd_devices(int argc, char **argv)
{
	struct listing l = { .sysfs = { .root = "" } };
	int i, nr, r;

	r = options_parse(opts, ARRAY_SIZE(opts), argc, argv, &l, &nr);
	if (r)
		return cmd_answer(argv[0], r);
	(void)sysfs_unsafe_interrupts(&l.sysfs, l.host_why, sizeof(l.host_why));
	for (i = 1; !r && i <= nr; i++)
		r = add_operand(&l, argv[i]);
	if (!nr && (add_bus(&l, "pci") || add_bus(&l, "mdev")))
		r = STATUS_FAILED;
	if (!r) {
		read_names(&l);
		if (l.json)
			print_json(&l);
		else if (l.nr)
			print_table(&l);
		else
			log_notice("devices: this host has no PCI device");
	}
	free(l.rows);
	return r;
}
