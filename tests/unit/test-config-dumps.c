// SPDX-License-Identifier: BSD-2-Clause
/*
 * test-config-dumps - config spaces of real devices, which nobody here wrote:
 * the dumps of pciutils' own tests (tests/lab/pciutils fetches them). Each is
 * put below the overlay, and lspci, which knows nothing of our table, decodes
 * both what the device has and what the guest sees.
 */
#include "harness.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "capture.h"
#include "fake-vfio.h"
#include "vfio-caps.h"

#define MAX_DEVICES 128
#define MAX_OFFSETS 256

/* A device as lspci shows it, or as the dump has it. */
struct device {
	char slot[32];
	uint8_t config[4096];
	unsigned int bytes;
	/* Where lspci sees capabilities; bit 12 is set in the extended list
	 * for what is empty. */
	unsigned int caps[MAX_OFFSETS], nr_caps;
	bool broken; /* it complained of the list */
};

struct dump {
	struct device devs[MAX_DEVICES];
	unsigned int nr;
};

static struct dump in, out;
static char tmp[] = "/tmp/wherry-dumps.XXXXXX";
static unsigned int nr_assigned, nr_refused, nr_hidden, nr_shown;

/* "10: ff 00 ..." fills; anything else that starts a line names a device. */
static void parse_line(struct dump *d, const char *line)
{
	struct device *dev = d->nr ? &d->devs[d->nr - 1] : NULL;
	unsigned int off, byte;
	int n = 0, used;

	/* Some have a text between the name and the bytes. */
	if (line[0] == ' ' || line[0] == '\t')
		return;
	if (sscanf(line, "%x:%n", &off, &n) == 1 && n && line[n] == ' ') {
		assert_non_null(dev);
		for (line += n;
		     dev && sscanf(line, " %2x%n", &byte, &used) == 1;
		     line += used) {
			assert_true(off < sizeof(dev->config));
			dev->config[off++] = (uint8_t)byte;
			dev->bytes = MAX(dev->bytes, off);
		}
	} else if (n && d->nr < MAX_DEVICES) {
		dev = &d->devs[d->nr++];
		memset(dev, 0, sizeof(*dev));
		assert_int_equal(sscanf(line, "%31s", dev->slot), 1);
	}
}

static void read_dump(struct dump *d, const char *path)
{
	FILE *f = fopen(path, "r");
	char line[1024];

	assert_non_null(f);
	d->nr = 0;
	while (fgets(line, sizeof(line), f))
		parse_line(d, line);
	fclose(f);
}

static void write_dump(const struct dump *d, const char *path)
{
	FILE *f = fopen(path, "w");

	assert_non_null(f);
	for (unsigned int i = 0; i < d->nr; i++) {
		const struct device *dev = &d->devs[i];

		fprintf(f, "%s Dump\n", dev->slot);
		for (unsigned int k = 0; k < dev->bytes; k++) {
			if (k % 16 == 0)
				fprintf(f, "%s%02x:", k ? "\n" : "", k);
			fprintf(f, " %02x", dev->config[k]);
		}
		fprintf(f, "\n\n");
	}
	assert_int_equal(fclose(f), 0);
}

static struct device *find_device(struct dump *d, const char *slot)
{
	for (unsigned int i = 0; i < d->nr; i++)
		if (!strcmp(d->devs[i].slot, slot))
			return &d->devs[i];
	return NULL;
}

/* What lspci makes of it, noted in d; it may leave a leading domain out. */
static void decode(struct dump *d, const char *path)
{
	char command[1200], line[2048], slot[32];
	struct device *dev = NULL;
	unsigned int off;
	FILE *f;

	snprintf(
		command, sizeof(command),
		"timeout 20 lspci -O hwdb.disable=1 -n -vvv -F '%s' 2>/dev/null",
		path);
	f = popen(command, "r");
	assert_non_null(f);
	while (fgets(line, sizeof(line), f)) {
		char *cap = strstr(line, "\tCapabilities: [");

		if (line[0] != '\t' && sscanf(line, "%31s", slot) == 1)
			dev = find_device(d, slot);
		if (!dev || !cap)
			continue;
		if (strstr(cap, "<chain "))
			dev->broken = true;
		if (sscanf(cap, "\tCapabilities: [%x", &off) != 1 ||
		    dev->nr_caps == MAX_OFFSETS)
			continue;
		dev->caps[dev->nr_caps++] =
			off | (strstr(cap, "] Null") ? 0x1000 : 0);
	}
	assert_int_equal(pclose(f), 0);
}

/* A BAR that is there is large, so that what lies in it does. */
static void add_bars(void)
{
	for (unsigned int i = 0; i < PCI_NR_BARS; i++) {
		uint32_t reg = fake_config(PCI_BASE_ADDRESS_0 + 4 * i, 4);
		bool io = reg & PCI_BASE_ADDRESS_SPACE_IO;
		bool wide = !io && (reg & PCI_BASE_ADDRESS_MEM_TYPE_MASK) ==
					   PCI_BASE_ADDRESS_MEM_TYPE_64;

		fake.dev.regions[i] = (struct vfio_region){ 0 };
		if (!reg || (wide && i == 5))
			continue;
		fake_bar(i, io ? 256 : MIB(256), reg & 0xf, !io);
		if (wide)
			fake.dev.regions[++i] = (struct vfio_region){ 0 };
	}
}

static void add_msix(unsigned int off)
{
	unsigned int bar = fake_config(off + PCI_MSIX_TABLE, 1) & 7;

	fake.dev.irqs[VFIO_MSIX].count =
		(fake_config(off + PCI_MSIX_FLAGS, 2) & 0x7ff) + 1;
	/* Enhanced Allocation has the address, not the BAR: the kernel then
	 * offers a BAR all the same. */
	if (bar < PCI_NR_BARS && !fake.dev.regions[bar].size)
		fake_bar(bar, MIB(256), 0, true);
}

static void add_irqs(const struct vfio_caps *caps)
{
	fake.dev.irqs[VFIO_MSIX].count = 0;
	fake.dev.pm_ctrl = 0;
	for (unsigned int i = 0; i < caps->nr; i++) {
		const struct vfio_cap *cap = &caps->cap[i];

		if (cap->ext)
			continue;
		if (cap->id == PCI_CAP_ID_MSI)
			fake.dev.irqs[VFIO_MSI].count = 1;
		if (cap->id == PCI_CAP_ID_MSIX)
			add_msix(cap->off);
	}
}

static uint32_t read_config(void *opaque, unsigned int off, unsigned int len)
{
	(void)opaque;
	return fake_config(off, len);
}

/* What the guest sees of dev, as a device of out; false if it is refused. */
static bool overlay(const struct device *dev, struct vfio_caps *caps)
{
	struct vfio_pci_params params = { .dev = &fake.dev };
	struct device *view = &out.devs[out.nr];
	struct vfio_pci *v = NULL;
	struct capture c;
	int r;

	fake_reset();
	memset(fake.dev.config, 0, sizeof(fake.dev.config));
	memcpy(fake.dev.config, dev->config, dev->bytes);
	fake.dev.regions[VFIO_REGION_CONFIG].size = dev->bytes;
	add_bars();
	vfio_caps_find(caps, dev->bytes, read_config, NULL);
	add_irqs(caps);
	assert_int_equal(bus_create(&params.bus), 0);
	capture_begin(&c);
	r = vfio_pci_create(&v, &params);
	capture_end(&c);
	if (!r) {
		memset(view, 0, sizeof(*view));
		strcpy(view->slot, dev->slot);
		view->bytes = dev->bytes;
		for (unsigned int i = 0; i < dev->bytes; i += 4)
			store_le(view->config + i, 4,
				 pci_dev_read(vfio_pci_dev(v), i, 4));
		vfio_pci_destroy(v);
		out.nr++;
	}
	bus_destroy(params.bus);
	return !r;
}

static bool has(const struct device *dev, unsigned int off)
{
	for (unsigned int i = 0; i < dev->nr_caps; i++)
		if (dev->caps[i] == off)
			return true;
	return false;
}

static const struct vfio_cap *in_table(const struct vfio_caps *caps,
				       unsigned int off)
{
	for (unsigned int i = 0; i < caps->nr; i++)
		if (caps->cap[i].off == off)
			return &caps->cap[i];
	return NULL;
}

/* Nothing is lost that the table does not hide, nothing gained. */
static void compare(const char *dump, const struct device *real,
		    const struct device *view, const struct vfio_caps *caps)
{
	if (view->broken)
		fail_msg("%s %s: the guest's list is broken", dump, view->slot);
	for (unsigned int i = 0; i < real->nr_caps; i++) {
		unsigned int off = real->caps[i] & 0xfff;
		const struct vfio_cap *cap = in_table(caps, off);
		bool hide = cap && (cap->rule->on_request ||
				    cap->rule->treatment == VFIO_CAP_HIDDEN);

		if (!cap || hide == has(view, off))
			fail_msg("%s %s: capability at %03x: %s, and the guest"
				 " sees %s",
				 dump, real->slot, off,
				 cap ? cap->rule->name : "nobody found it",
				 has(view, off) ? "it" : "none");
		nr_hidden += hide;
		nr_shown += !hide;
	}
	for (unsigned int i = 0; i < view->nr_caps; i++)
		/* An empty one may stand at 100 in place of a hidden one. */
		if (!has(real, view->caps[i]) && view->caps[i] != 0x1100)
			fail_msg("%s %s: capability at %03x is from nowhere",
				 dump, real->slot, view->caps[i]);
}

static void one_dump(const char *dir, const char *name)
{
	static struct vfio_caps caps[MAX_DEVICES];
	char path[1024], view[1024];
	unsigned int n = 0;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	snprintf(view, sizeof(view), "%s/%s", tmp, name);
	read_dump(&in, path);
	out.nr = 0;
	for (unsigned int i = 0; i < in.nr; i++) {
		const struct device *dev = &in.devs[i];
		bool bridge = dev->config[PCI_HEADER_TYPE] & 0x7f;

		assert_true(dev->bytes >= 64);
		if (overlay(dev, &caps[out.nr]))
			nr_assigned++;
		else
			nr_refused++;
		/* Bridges, and nothing but bridges, are refused. */
		assert_int_equal(out.nr == n, bridge);
		n = out.nr;
	}
	if (!out.nr)
		return;
	write_dump(&out, view);
	decode(&in, path);
	decode(&out, view);
	for (unsigned int i = 0; i < out.nr; i++)
		compare(name, find_device(&in, out.devs[i].slot), &out.devs[i],
			&caps[i]);
	unlink(view);
}

static void each_dump_of_pciutils(void **state)
{
	const char *cache = getenv("XDG_CACHE_HOME"), *home = getenv("HOME");
	unsigned int nr_dumps = 0;
	struct dirent *de;
	char dir[400];
	DIR *d;

	(void)state;
	snprintf(dir, sizeof(dir), "%s%s/wherry/pciutils",
		 cache && *cache ? cache :
		 home		 ? home :
				   "",
		 cache && *cache ? "" : "/.cache");
	d = opendir(dir);
	if (!d) {
		skip_because("no dumps; run: tests/lab/pciutils");
		return; /* for those who cannot know that it never gets here */
	}
	if (system("lspci --version >/dev/null 2>&1"))
		skip_because("no lspci");
	assert_non_null(mkdtemp(tmp));
	while ((de = readdir(d))) {
		if (de->d_name[0] == '.' || !strcmp(de->d_name, "source"))
			continue;
		one_dump(dir, de->d_name);
		nr_dumps++;
	}
	closedir(d);
	assert_int_equal(rmdir(tmp), 0);
	print_message("# %u dumps: %u functions assigned, %u bridges refused,"
		      " %u capabilities shown, %u hidden\n",
		      nr_dumps, nr_assigned, nr_refused, nr_shown, nr_hidden);
	/* They were there at all. */
	assert_true(nr_dumps >= 30 && nr_assigned >= 60 && nr_refused >= 20);
	assert_true(nr_shown >= 100 && nr_hidden >= 50);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_dump_of_pciutils),
	};

	return run_all(tests);
}
