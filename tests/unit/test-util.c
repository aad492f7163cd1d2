// SPDX-License-Identifier: BSD-2-Clause
/* test-util - util.h, fd.h, bdf.h and uuid.h: ranges, attributes, names. */
#include "harness.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "bdf.h"
#include "fd.h"
#include "util.h"
#include "uuid.h"

static void aligns(void **state)
{
	(void)state;
	assert_int_equal(align_down(0x1fff, 0x1000), 0x1000);
	assert_int_equal(align_up(0x1001, 0x1000), 0x2000);
	assert_int_equal(align_up(0x1000, 0x1000), 0x1000);
	assert_true(is_pow2(1));
	assert_true(is_pow2(1ULL << 63));
	assert_false(is_pow2(0));
	assert_false(is_pow2(3));
}

static void ranges_at_the_end_of_the_space(void **state)
{
	uint64_t last = UINT64_MAX;

	(void)state;
	assert_true(ranges_overlap(last, 1, last - 4, 5));
	assert_false(ranges_overlap(last, 1, last - 4, 4));
	assert_false(ranges_overlap(0, 0, 0, 16));
	assert_false(ranges_overlap(0, 16, 16, 16));
	assert_true(ranges_overlap(0, 17, 16, 16));

	assert_true(range_contains(last - 15, 16, last, 1));
	assert_false(range_contains(last - 15, 16, last, 2));
	assert_false(range_contains(0, 16, 8, UINT64_MAX));
	assert_true(range_contains(0, 16, 16, 0));
	assert_false(range_contains(0, 16, 17, 0));
}

static void loads_and_stores(void **state)
{
	uint8_t buf[9] = { 0 };

	(void)state;
	store_le(buf + 1, 8, 0x8877665544332211);
	assert_int_equal(buf[0], 0);
	assert_int_equal(buf[1], 0x11);
	assert_int_equal(load_le(buf + 1, 8), 0x8877665544332211);
	assert_int_equal(load_le(buf + 2, 2), 0x3322);
	assert_int_equal(all_ones(1), 0xff);
	assert_int_equal(all_ones(4), 0xffffffff);
	assert_int_equal(all_ones(8), UINT64_MAX);
}

/* As much as a terminal may be shown. */
static void tells_what_is_printable(void **state)
{
	static const char *const fine[] = {
		" ",
		"~",
		"\xc2\xa0",
		"\xdf\xbf",
		"\xe0\xa0\x80",
		"\xed\x9f\xbf",
		"\xef\xbf\xbd",
		"\xf0\x90\x80\x80",
		"\xf4\x8f\xbf\xbf",
	};
	static const char *const bad[] = {
		"",
		"\t",
		"\x1f",
		"\x7f",
		"\x80",
		"\x9b",
		"\xff",
		"\xc1\xbf",
		"\xc2\x9b",
		"\xc2\x80",
		"\xc2\xc2",
		"\xc2",
		"\xe0\x9f\xbf",
		"\xe1\x80",
		"\xed\xa0\x80",
		"\xe1\x80\xc0",
		"\xf0\x8f\xbf\xbf",
		"\xf4\x90\x80\x80",
		"\xf5\x80\x80\x80",
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(fine); i++) {
		size_t n = strlen(fine[i]);

		assert_int_equal(printable_bytes(fine[i], n), n);
		assert_int_equal(printable_bytes(fine[i], n - 1), 0);
	}
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		assert_int_equal(printable_bytes(bad[i], strlen(bad[i])), 0);
	assert_int_equal(printable_bytes("\0", 1), 0);
	assert_int_equal(printable_bytes("ab", 2), 1);
}

/* A file of size bytes, whose name is put into path. */
static void make_file(char *path, size_t size)
{
	int fd;

	strcpy(path, P_tmpdir "/wherry-test-XXXXXX");
	fd = mkstemp(path);
	assert_true(fd >= 0);
	for (size_t i = 0; i < size; i++)
		assert_int_equal(write(fd, "x", 1), 1);
	close(fd);
}

static void reads_files_up_to_a_limit(void **state)
{
	static const size_t sizes[] = { 0, 1, 4095, 4096, 4097, 9000 };
	char path[64];
	char *text;
	size_t len;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(sizes); i++) {
		make_file(path, sizes[i]);
		assert_int_equal(read_file(path, sizes[i], &text, &len), 0);
		assert_int_equal(len, sizes[i]);
		assert_int_equal(strlen(text), sizes[i]);
		free(text);
		if (sizes[i])
			assert_int_equal(read_file(path, sizes[i] - 1, &text,
						   NULL),
					 -EFBIG);
		unlink(path);
	}
	assert_int_equal(read_file("/nonexistent", 10, &text, NULL), -ENOENT);
	assert_int_equal(read_file("/", 10, &text, NULL), -EISDIR);
	/* Has no size, and more than one page. */
	assert_int_equal(read_file("/proc/self/smaps", 1 << 20, &text, &len),
			 0);
	assert_true(len > 4096);
	free(text);
}

static void reads_and_writes_attributes(void **state)
{
	char path[64], buf[8];

	(void)state;
	make_file(path, 0);
	assert_int_equal(read_attr(path, buf, sizeof(buf)), 0);
	assert_string_equal(buf, "");
	assert_int_equal(write_attr(path, "0x1234\n"), 0);
	assert_int_equal(read_attr(path, buf, sizeof(buf)), 0);
	assert_string_equal(buf, "0x1234");
	assert_int_equal(read_attr(path, buf, 7), -EFBIG);
	assert_int_equal(read_attr(path, buf, 0), -EINVAL);
	unlink(path);

	assert_int_equal(read_attr(path, buf, sizeof(buf)), -ENOENT);
	assert_int_equal(write_attr(path, "1"), -ENOENT);
	assert_int_equal(write_attr("/dev/full", "1"), -ENOSPC);
	assert_int_equal(access(path, F_OK), -1); /* never created */
}

static void closes_once(void **state)
{
	int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
	int number = fd;
	int none = -1;

	(void)state;
	assert_true(fd >= 0);
	errno = EXDEV;
	fd_close(&fd);
	assert_int_equal(errno, EXDEV);
	assert_int_equal(fd, -1);
	assert_int_equal(fcntl(number, F_GETFD), -1);
	fd_close(&fd);
	fd_close(&none);

	fd = 5;
	assert_int_equal(fd_steal(&fd), 5);
	assert_int_equal(fd, -1);
}

static void transfers_all_or_says_why(void **state)
{
	char buf[4] = "";
	int fds[2];

	(void)state;
	assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
	assert_int_equal(fd_write_all(fds[1], "abcdef", 6), 0);
	assert_int_equal(read(fds[0], buf, 3), 3);
	assert_string_equal(buf, "abc");
	close(fds[1]);
	assert_int_equal(fd_pread_all(fds[0], buf, 1, 0), -ESPIPE);
	close(fds[0]);
	assert_int_equal(fd_pread_all(fds[0], buf, 1, 0), -EBADF);
	assert_int_equal(fd_write_all(fds[0], buf, 1), -EBADF);
}

static void parses_bdfs(void **state)
{
	static const char *const good[][2] = {
		{ "3b:00.0", "0000:3b:00.0" },
		{ "0000:3b:00.0", "0000:3b:00.0" },
		{ "0:3B:1f.7", "0000:3b:1f.7" },
		{ "10000:e1:00.0", "10000:e1:00.0" },
		{ "ffffffff:ff:1f.7", "ffffffff:ff:1f.7" },
		{ "0:0.0", "0000:00:00.0" },
	};
	static const char *const bad[] = {
		"",
		":",
		"3b",
		"3b:00",
		"3b:00.",
		"3b:00.8",
		"3b:20.0",
		"3b:00.0 ",
		" 3b:00.0",
		"03b:00.0",
		"100:00.0",
		"0000:3b:000.0",
		"3b:00.00",
		"0000::00.0",
		"g0:00.0",
		"0x3b:00.0",
		"-1:00.0",
		"0000:3b:00:0",
		"100000000:0:0.0",
		"3b.00.0",
	};
	char out[BDF_SIZE];

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(good); i++) {
		assert_int_equal(bdf_parse(good[i][0], out), 0);
		assert_string_equal(out, good[i][1]);
	}
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		assert_int_equal(bdf_parse(bad[i], out), -EINVAL);
}

static void parses_uuids(void **state)
{
	static const char good[] = "83b8f4f2-509f-382f-3c1e-e6bfe0fa1001";
	static const uint8_t bytes[16] = { 0x83, 0xb8, 0xf4, 0xf2, 0x50, 0x9f,
					   0x38, 0x2f, 0x3c, 0x1e, 0xe6, 0xbf,
					   0xe0, 0xfa, 0x10, 0x01 };
	static const char *const bad[] = {
		"",
		"83b8f4f2-509f-382f-3c1e-e6bfe0fa100",
		"83b8f4f2-509f-382f-3c1e-e6bfe0fa10011",
		"83b8f4f2-509f-382f-3c1e_e6bfe0fa1001",
		"83b8f4f25-09f-382f-3c1e-e6bfe0fa1001",
		"83b8f4f2-509g-382f-3c1e-e6bfe0fa1001",
		"83b8f4f2-509@-382f-3c1e-e6bfe0fa1001",
	};
	uint8_t got[16];
	char out[UUID_SIZE];

	(void)state;
	assert_true(uuid_parse("83B8F4f2-509F-382f-3c1e-e6bfe0FA1001", out));
	assert_string_equal(out, good);
	uuid_bytes(out, got);
	assert_memory_equal(got, bytes, 16);
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		assert_false(uuid_parse(bad[i], out));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(aligns),
		cmocka_unit_test(ranges_at_the_end_of_the_space),
		cmocka_unit_test(loads_and_stores),
		cmocka_unit_test(tells_what_is_printable),
		cmocka_unit_test(reads_files_up_to_a_limit),
		cmocka_unit_test(reads_and_writes_attributes),
		cmocka_unit_test(closes_once),
		cmocka_unit_test(transfers_all_or_says_why),
		cmocka_unit_test(parses_bdfs),
		cmocka_unit_test(parses_uuids),
	};

	return run_all(tests);
}
