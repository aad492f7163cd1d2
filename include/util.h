/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Small helpers that every floor may use: sizes, alignment, byte order,
 * whole-file reads.  Nothing here holds state.
 */
#ifndef WHERRY_UTIL_H
#define WHERRY_UTIL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* A guest physical address, and an I/O virtual address (equal in wherry). */
typedef uint64_t gpa_t;
typedef uint64_t iova_t;

#define KIB(n) ((uint64_t)(n) << 10)
#define MIB(n) ((uint64_t)(n) << 20)
#define GIB(n) ((uint64_t)(n) << 30)

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))
#define MIN(a, b) ((a) < (b) ? (a) : (b))
#define MAX(a, b) ((a) > (b) ? (a) : (b))
#define container_of(ptr, type, member) \
	((type *)((char *)(ptr)-offsetof(type, member)))

/* A half-open range [start, start + size). */
struct range {
	uint64_t start;
	uint64_t size;
};

/* align must be a power of two. */
static inline uint64_t align_down(uint64_t v, uint64_t align)
{
	return v & ~(align - 1);
}

/* Wraps to 0 when v is within align of 2^64; callers bound v first. */
static inline uint64_t align_up(uint64_t v, uint64_t align)
{
	return (v + align - 1) & ~(align - 1);
}

static inline bool is_pow2(uint64_t v)
{
	return v && !(v & (v - 1));
}

/* True when [a, a + alen) and [b, b + blen) share a byte; no wrap. */
static inline bool ranges_overlap(uint64_t a, uint64_t alen, uint64_t b,
				  uint64_t blen)
{
	return alen && blen && a <= b + (blen - 1) && b <= a + (alen - 1);
}

/* True when [in, in + inlen) lies within [out, out + outlen); no wrap. */
static inline bool range_contains(uint64_t out, uint64_t outlen, uint64_t in,
				  uint64_t inlen)
{
	return in >= out && inlen <= outlen && in - out <= outlen - inlen;
}

/* Little-endian loads and stores of 1, 2, 4 or 8 bytes at any alignment. */
static inline uint64_t load_le(const void *p, unsigned int len)
{
	uint64_t v = 0;

	memcpy(&v, p, len); /* wherry runs on little-endian hosts only */
	return v;
}

static inline void store_le(void *p, unsigned int len, uint64_t v)
{
	memcpy(p, &v, len);
}

/* What a hexadecimal digit stands for; -1: it is none. */
static inline int hex_value(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/*
 * How many bytes the character takes with which s begins, of len, if a terminal
 * may be shown it: ASCII and well-formed UTF-8 but for control characters, those of
 * U+0080 to U+009f among them.  Else 0: the first byte is not to be shown.
 */
size_t printable_bytes(const char *s, size_t len);

/* All ones of the width of an access of len bytes (1 to 8). */
static inline uint64_t all_ones(unsigned int len)
{
	return len >= 8 ? UINT64_MAX : (1ULL << (len * 8)) - 1;
}

/* The host's pages: what the kernel maps is whole ones. 4, 16 or 64 KiB. */
uint64_t host_page_bytes(void);

/*
 * Reads a whole file of at most max bytes.  *out is NUL-terminated, the
 * caller frees it; *len_bytes (may be NULL) does not count the NUL.
 * Returns 0 or -errno (-EFBIG when longer than max); logs nothing.
 */
int read_file(const char *path, size_t max, char **out, size_t *len_bytes);

/*
 * Reads one small sysfs or procfs attribute into buf without its final
 * newline.  Returns 0 or -errno; logs nothing.
 */
int read_attr(const char *path, char *buf, size_t size);

/* Writes val to a sysfs attribute by one write(2).  0 or -errno; no log. */
int write_attr(const char *path, const char *val);

#endif
