// SPDX-License-Identifier: BSD-2-Clause
/*
 * test-vfio-region - regions of a device: what is known of them, accesses,
 * mappings, exports. What it tells of them is not trusted.
 */
#include "harness.h"

#include "fake-cdev.h"

static void more_than_is_known(void **state)
{
	struct vfio_device *dev;

	(void)state;
	fake.num_regions = NR_REGIONS; /* the fake knows no more */
	fake.num_irqs = 1000;
	fake.irqs[VFIO_MSIX].count = UINT32_MAX;
	dev = bound();
	assert_int_equal(vfio_irq(dev, VFIO_MSIX)->count, 2048);
	vfio_close(dev);

	/* A device of few regions and no interrupts, as some mdevs. */
	reset_fake(state);
	fake.num_regions = 1;
	fake.num_irqs = 0;
	dev = bound();
	assert_int_equal(vfio_region(dev, CONFIG)->size, 0);
	assert_int_equal(vfio_irq(dev, VFIO_INTX)->count, 0);
	vfio_close(dev);
}

static void put_caps(unsigned int index, const void *caps, size_t bytes)
{
	memcpy(fake.regions[index].caps, caps, bytes);
	fake.regions[index].caps_bytes = (uint32_t)bytes;
}

struct chain {
	struct vfio_info_cap_header mappable;
	struct {
		struct vfio_info_cap_header header;
		uint32_t nr_areas, reserved;
		struct vfio_region_sparse_mmap_area areas[20];
	} sparse;
};

static void areas_of_sparse_regions(void **state)
{
	struct chain chain = {
		.mappable = { VFIO_REGION_INFO_CAP_MSIX_MAPPABLE, 1,
			      sizeof(struct vfio_region_info) +
				      offsetof(struct chain, sparse) },
		.sparse = { { VFIO_REGION_INFO_CAP_SPARSE_MMAP, 1, 0 },
			    5,
			    0,
			    { { 0, KIB(4) },
			      { KIB(8), KIB(8) },
			      { 100, KIB(4) }, /* not a page */
			      { KIB(16), KIB(4) }, /* beyond the end */
			      { UINT64_MAX - 4095, KIB(8) } } },
	};
	const struct vfio_region *bar;
	struct vfio_device *dev;

	(void)state;
	put_caps(0, &chain, sizeof(chain)); /* does not fit at first */
	dev = bound();
	bar = vfio_region(dev, 0);
	assert_true(bar->msix_mappable);
	assert_int_equal(bar->nr_areas, 2);
	assert_int_equal(bar->areas[0].start, 0);
	assert_int_equal(bar->areas[0].size, KIB(4));
	assert_int_equal(bar->areas[1].start, KIB(8));
	assert_int_equal(bar->areas[1].size, KIB(8));
	vfio_close(dev);

	/* More areas than there is room for, and a count that lies. */
	for (unsigned int i = 0; i < 20; i++)
		chain.sparse.areas[i] =
			(struct vfio_region_sparse_mmap_area){ 0, KIB(4) };
	chain.sparse.nr_areas = UINT32_MAX;
	reset_fake(state);
	put_caps(0, &chain, sizeof(chain));
	dev = bound();
	assert_int_equal(vfio_region(dev, 0)->nr_areas, VFIO_MAX_AREAS);
	vfio_close(dev);
}

static void broken_capability_chains_end(void **state)
{
	static const uint32_t nexts[] = {
		sizeof(struct vfio_region_info), /* itself */
		8, /* into the info */
		sizeof(struct vfio_region_info) + 4, /* unaligned */
		1U << 30,
		UINT32_MAX,
		UINT32_MAX & ~7U,
	};

	for (size_t i = 0; i < ARRAY_SIZE(nexts); i++) {
		struct vfio_info_cap_header cap = {
			VFIO_REGION_INFO_CAP_MSIX_MAPPABLE, 1, nexts[i]
		};
		struct vfio_device *dev;

		reset_fake(state);
		put_caps(0, &cap, sizeof(cap));
		dev = bound();
		assert_true(vfio_region(dev, 0)->msix_mappable);
		vfio_close(dev);
	}
}

static void huge_capability_chains_are_refused(void **state)
{
	struct vfio_device *dev = opened();
	struct capture c;

	(void)state;
	fake.regions[0].caps_bytes = 1 << 20;
	capture_begin(&c);
	assert_int_equal(vfio_bind(dev, 3, NULL, NULL), -E2BIG);
	assert_non_null(strstr(capture_end(&c), "region 0"));
	vfio_close(dev);
}

static void regions_beyond_the_file_are_refused(void **state)
{
	static const struct {
		uint64_t size, offset;
	} rows[] = {
		{ UINT64_MAX, 1 },
		{ KIB(4), UINT64_MAX - KIB(1) },
		{ KIB(4), INT64_MAX },
	};
	struct capture c;

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct vfio_device *dev = opened();

		reset_fake(state);
		fake.regions[1].flags = RW;
		fake.regions[1].size = rows[i].size;
		fake.regions[1].offset = rows[i].offset;
		capture_begin(&c);
		assert_int_equal(vfio_bind(dev, 3, NULL, NULL), -EPROTO);
		assert_non_null(strstr(capture_end(&c), "out of bounds"));
		vfio_close(dev);
	}
}

static void accesses_are_bounded(void **state)
{
	struct vfio_device *dev = bound();
	uint64_t val = 0x1122334455667788, got = 0;

	(void)state;
	assert_int_equal(vfio_write(dev, 0, KIB(16) - 8, &val, 8), 0);
	assert_int_equal(vfio_read(dev, 0, KIB(16) - 8, &got, 8), 0);
	assert_true(got == val);
	got = 0;
	assert_int_equal(pread(vfio_fd(dev), &got, 8, KIB(16) - 8), 8);
	assert_true(got == val);
	got = 0;
	assert_int_equal(vfio_read(dev, 0, KIB(16) - 8, &got, 2), 0);
	assert_true(got == 0x7788);

	assert_int_equal(vfio_read(dev, 0, KIB(16) - 4, &got, 8), -EINVAL);
	assert_int_equal(vfio_read(dev, 0, KIB(16), &got, 1), -EINVAL);
	assert_int_equal(vfio_read(dev, 0, UINT64_MAX, &got, 8), -EINVAL);
	assert_int_equal(vfio_read(dev, 0, 0, &got, 3), -EINVAL);
	assert_int_equal(vfio_read(dev, 0, 0, &got, 0), -EINVAL);
	assert_int_equal(vfio_read(dev, 0, 0, &got, 16), -EINVAL);
	assert_int_equal(vfio_read_all(dev, 0, KIB(16) - 8, &got, 8), 0);
	assert_true(got == val);
	assert_int_equal(vfio_read_all(dev, 0, KIB(16) - 7, &got, 8), -EINVAL);
	assert_int_equal(vfio_read_all(dev, 1, 0, &got, 8), -EINVAL);
	/* Absent regions would make some drivers misbehave. */
	assert_int_equal(vfio_read(dev, 1, 0, &got, 1), -EINVAL);
	assert_int_equal(vfio_write(dev, 1, 0, &got, 1), -EINVAL);
	assert_int_equal(vfio_write(dev, 99, 0, &got, 1), -EINVAL);
	vfio_close(dev);
}

/* Those of vfio-pci are one thing; of mediated devices each has its own. */
static void offsets_are_the_drivers(void **state)
{
	const uint64_t at = KIB(4) * 3;
	const struct range page = { KIB(4), KIB(4) };
	uint32_t val = 0x12345678, got = 0;
	struct vfio_device *dev;
	uint8_t *hva;

	(void)state;
	fake.regions[0].offset = at;
	dev = bound();
	assert_int_equal(vfio_write(dev, 0, KIB(4) + 8, &val, 4), 0);
	assert_int_equal(pread(vfio_fd(dev), &got, 4, (off_t)(at + KIB(4) + 8)),
			 4);
	assert_int_equal(got, val);
	got = 0;
	assert_int_equal(vfio_read(dev, 0, KIB(4) + 8, &got, 4), 0);
	assert_int_equal(got, val);
	got = 0;
	assert_int_equal(vfio_read_all(dev, 0, KIB(4) + 8, &got, 4), 0);
	assert_int_equal(got, val);
	assert_int_equal(vfio_map_region(dev, 0, &page, 1, (void **)&hva), 0);
	assert_memory_equal(hva + KIB(4) + 8, &val, 4);
	vfio_unmap_region(dev, 0, hva, false);
	vfio_close(dev);
}

static void accesses_can_fail(void **state)
{
	struct vfio_device *dev = bound();
	uint32_t val = 0;

	(void)state;
	/* The file ends within the region. */
	assert_int_equal(ftruncate(vfio_fd(dev), 2), 0);
	assert_int_equal(vfio_read(dev, 0, 0, &val, 4), -EIO);
	assert_int_equal(vfio_read_all(dev, 0, 0, &val, 4), -EIO);
	vfio_close(dev);

	reset_fake(state);
	fake.regions[0].flags = VFIO_REGION_INFO_FLAG_READ;
	dev = bound();
	assert_int_equal(vfio_write(dev, 0, 0, &val, 4), -EINVAL);
	vfio_close(dev);
}

/* The permissions of the mapping that holds addr. */
static const char *permissions(const void *addr)
{
	static char perms[8];
	unsigned long start, end;
	char line[512];
	FILE *f = fopen("/proc/self/maps", "re");

	strcpy(perms, "none");
	while (f && fgets(line, sizeof(line), f)) {
		char p[8];

		if (sscanf(line, "%lx-%lx %4s", &start, &end, p) == 3 &&
		    (uintptr_t)addr >= start && (uintptr_t)addr < end)
			strcpy(perms, p);
	}
	if (f)
		fclose(f);
	return perms;
}

static void maps_areas_only(void **state)
{
	const struct range areas[] = { { 0, KIB(4) }, { KIB(12), KIB(4) } };
	struct vfio_device *dev = bound();
	uint32_t val = 0x12345678;
	uint8_t *hva;

	(void)state;
	assert_int_equal(vfio_map_region(dev, 0, areas, 2, (void **)&hva), 0);
	assert_int_equal((uintptr_t)hva % KIB(16), 0);
	assert_string_equal(permissions(hva), "rw-s");
	assert_string_equal(permissions(hva + KIB(4)), "---p");
	assert_string_equal(permissions(hva + KIB(8)), "---p");
	assert_string_equal(permissions(hva + KIB(12)), "rw-s");
	memcpy(hva + KIB(12), &val, 4);
	val = 0;
	assert_int_equal(vfio_read(dev, 0, KIB(12), &val, 4), 0);
	assert_int_equal(val, 0x12345678);
	vfio_unmap_region(dev, 0, hva, false);
	assert_string_equal(permissions(hva), "none");
	vfio_close(dev);
}

static void addresses_can_be_kept(void **state)
{
	const struct range all = { 0, KIB(16) };
	struct vfio_device *dev = bound();
	uint8_t *hva;

	(void)state;
	assert_int_equal(vfio_map_region(dev, 0, &all, 1, (void **)&hva), 0);
	vfio_unmap_region(dev, 0, hva, true);
	assert_string_equal(permissions(hva), "---p");
	assert_string_equal(permissions(hva + KIB(12)), "---p");
	munmap(hva, KIB(16));
	vfio_close(dev);
}

static void exports_an_area(void **state)
{
	const struct range area = { KIB(4), KIB(8) };
	struct vfio_device *dev = bound();
	int fd = -1;

	(void)state;
	assert_int_equal(vfio_dmabuf_probe(dev), 0);
	assert_int_equal(vfio_dmabuf_export(dev, 2, &area, &fd), 0);
	assert_int_equal(fd, 99);
	assert_int_equal(fake.last_export.argsz, 40);
	assert_int_equal(fake.last_export.feature, 1u << 16 | 11);
	assert_int_equal(fake.last_export.region_index, 2);
	assert_int_equal(fake.last_export.open_flags, O_RDWR | O_CLOEXEC);
	assert_int_equal(fake.last_export.flags, 0);
	assert_int_equal(fake.last_export.nr_ranges, 1);
	assert_int_equal(fake.last_export.offset, KIB(4));
	assert_int_equal(fake.last_export.length, KIB(8));
	fake.export_errno = EOPNOTSUPP;
	assert_int_equal(vfio_dmabuf_probe(dev), -EOPNOTSUPP);
	fake.export_errno = ENODEV;
	fd = -1;
	assert_int_equal(vfio_dmabuf_export(dev, 2, &area, &fd), -ENODEV);
	assert_int_equal(fd, -1);
	vfio_close(dev);
}

static void maps_huge_regions_congruently(void **state)
{
	const struct range all = { 0, GIB(128) };
	struct vfio_device *dev;
	uint8_t *hva;

	(void)state;
	fake.regions[0].size = GIB(128);
	dev = bound();
	assert_int_equal(vfio_map_region(dev, 0, &all, 1, (void **)&hva), 0);
	assert_int_equal((uintptr_t)hva % GIB(1), 0);
	hva[GIB(128) - 1] = 1;
	assert_string_equal(permissions(hva + GIB(128) - 1), "rw-s");
	vfio_unmap_region(dev, 0, hva, false);
	assert_string_equal(permissions(hva), "none");
	vfio_close(dev);
}

static uint64_t page_bytes = KIB(4);

uint64_t __wrap_host_page_bytes(void);
uint64_t __wrap_host_page_bytes(void)
{
	return page_bytes;
}

static void pages_are_the_hosts(void **state)
{
	const struct range page = { 0, KIB(4) };
	struct capture c;
	struct vfio_device *dev = bound();
	void *hva = NULL;

	(void)state;
	page_bytes = KIB(16);
	capture_begin(&c);
	assert_int_equal(vfio_map_region(dev, 0, &page, 1, &hva), -EINVAL);
	assert_non_null(strstr(capture_end(&c), "cannot map region 0"));
	page_bytes = KIB(4);
	assert_int_equal(vfio_map_region(dev, 0, &page, 1, &hva), 0);
	vfio_unmap_region(dev, 0, hva, false);
	vfio_close(dev);
}

static void bad_maps_leave_nothing(void **state)
{
	static const struct range bad[] = {
		{ 0, KIB(20) }, { KIB(16), KIB(4) },	       { 100, KIB(4) },
		{ 0, 100 },	{ UINT64_MAX - 4095, KIB(4) },
	};
	const struct range page = { 0, KIB(4) };
	struct vfio_device *dev = bound();
	struct capture c;
	void *hva = NULL;
	char path[64];
	int fd;

	(void)state;
	capture_begin(&c);
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		struct range areas[] = { { 0, KIB(4) }, bad[i] };

		assert_int_equal(vfio_map_region(dev, 0, areas, 2, &hva),
				 -EINVAL);
		assert_null(hva);
	}
	assert_non_null(strstr(capture_end(&c), "cannot map region 0"));
	/* Not mappable, absent, out of range. */
	assert_int_equal(vfio_map_region(dev, 2, bad, 0, &hva), -EINVAL);
	assert_int_equal(vfio_map_region(dev, 1, bad, 0, &hva), -EINVAL);
	assert_int_equal(vfio_map_region(dev, 77, bad, 0, &hva), -EINVAL);
	vfio_unmap_region(dev, 0, NULL, false);
	/* What the kernel says is what the caller gets. */
	snprintf(path, sizeof(path), "/proc/self/fd/%d", vfio_fd(dev));
	fd = openat(AT_FDCWD, path, O_RDONLY | O_CLOEXEC);
	assert_true(fd >= 0 && dup2(fd, vfio_fd(dev)) >= 0);
	close(fd);
	capture_begin(&c);
	assert_int_equal(vfio_map_region(dev, 0, &page, 1, &hva), -EACCES);
	assert_non_null(strstr(capture_end(&c), "Permission denied"));
	vfio_close(dev);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup(f, reset_fake)
	const struct CMUnitTest tests[] = {
		T(more_than_is_known),
		T(areas_of_sparse_regions),
		T(broken_capability_chains_end),
		T(huge_capability_chains_are_refused),
		T(regions_beyond_the_file_are_refused),
		T(accesses_are_bounded),
		T(offsets_are_the_drivers),
		T(accesses_can_fail),
		T(maps_areas_only),
		T(addresses_can_be_kept),
		T(exports_an_area),
		T(maps_huge_regions_congruently),
		T(pages_are_the_hosts),
		T(bad_maps_leave_nothing),
	};

	return run_all(tests);
}
