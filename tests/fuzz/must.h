/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * cmocka's assertions for fuzz targets, where there is no cmocka: what is not
 * so, aborts. A unit test that includes a target has included cmocka before.
 */
#ifndef TESTS_FUZZ_MUST_H
#define TESTS_FUZZ_MUST_H

#include <stdlib.h>

#ifndef assert_true
#define assert_true(x) ((x) ? (void)0 : abort())
#define assert_false(x) assert_true(!(x))
#define assert_int_equal(a, b) assert_true((long)(a) == (long)(b))
#define assert_int_not_equal(a, b) assert_true((long)(a) != (long)(b))
#define assert_null(p) assert_true(!(p))
#define assert_non_null(p) assert_true(p)
#define assert_ptr_equal(a, b) assert_true((a) == (b))
#define fail_msg(...) abort()
#endif

#include <stdint.h>
#include <string.h>

/* The input, from which everything is drawn; zeros follow its end. */
struct source {
	const uint8_t *data;
	size_t left;
};

static inline uint64_t draw(struct source *s, unsigned int bytes)
{
	uint64_t v = 0;
	size_t n = bytes < s->left ? bytes : s->left;

	memcpy(&v, s->data, n);
	s->data += n;
	s->left -= n;
	return v;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#endif
