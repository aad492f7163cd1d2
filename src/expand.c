// SPDX-License-Identifier: BSD-2-Clause
/*
 * expand - files of the host's that may be packed, in memory. Owns one library's
 * state at a time.
 */
#include "expand.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <lzma.h>
#include <zlib.h>
#include <zstd.h>

#include "fd.h"
#include "util.h"

#define XZ_MEMORY MIB(256)

struct expand {
	const unsigned char *in;
	size_t in_bytes;
	unsigned char *out;
	size_t len, room, max;
};

/* More room at the end. */
static int grow(struct expand *e)
{
	size_t room = MIN(MAX(e->room * 2, e->in_bytes * 4), e->max);
	void *bigger;

	if (e->len == e->max)
		return -EFBIG;
	bigger = realloc(e->out, room);
	if (!bigger)
		return -ENOMEM;
	e->out = bigger;
	e->room = room;
	return 0;
}

static int gunzip(struct expand *e)
{
	enum { GZIP_ONLY = 16 };
	z_stream z = { .next_in = (unsigned char *)e->in,
		       .avail_in = (unsigned int)e->in_bytes };
	int r, code;

	if (inflateInit2(&z, MAX_WBITS + GZIP_ONLY) != Z_OK)
		return -ENOMEM;
	do {
		r = e->len == e->room ? grow(e) : 0;
		if (r)
			break;
		z.next_out = e->out + e->len;
		z.avail_out = (unsigned int)(e->room - e->len);
		code = inflate(&z, Z_NO_FLUSH);
		e->len = e->room - z.avail_out;
		if (code == Z_BUF_ERROR && z.avail_in)
			code = Z_OK;
		r = code == Z_OK || code == Z_STREAM_END ? 0 : -EBADMSG;
	} while (!r && code != Z_STREAM_END);
	inflateEnd(&z);
	return r;
}

static int unxz(struct expand *e)
{
	lzma_stream x = LZMA_STREAM_INIT;
	lzma_ret code;
	int r;

	if (lzma_stream_decoder(&x, XZ_MEMORY, 0) != LZMA_OK)
		return -ENOMEM;
	x.next_in = e->in;
	x.avail_in = e->in_bytes;
	do {
		r = e->len == e->room ? grow(e) : 0;
		if (r)
			break;
		x.next_out = e->out + e->len;
		x.avail_out = e->room - e->len;
		code = lzma_code(&x, LZMA_FINISH);
		e->len = e->room - x.avail_out;
		r = code == LZMA_OK || code == LZMA_STREAM_END ? 0 : -EBADMSG;
	} while (!r && code != LZMA_STREAM_END);
	lzma_end(&x);
	return r;
}

static int unzstd(struct expand *e)
{
	ZSTD_DStream *z = ZSTD_createDStream();
	ZSTD_inBuffer in = { e->in, e->in_bytes, 0 };
	size_t hint = 1;
	int r = z ? 0 : -ENOMEM;

	while (!r && hint) {
		ZSTD_outBuffer out;

		r = e->len == e->room ? grow(e) : 0;
		if (r)
			break;
		out = (ZSTD_outBuffer){ e->out, e->room, e->len };
		hint = ZSTD_decompressStream(z, &out, &in);
		/* Nothing more comes of a file that ends too early. */
		if (ZSTD_isError(hint) ||
		    (hint && in.pos == in.size && out.pos < out.size))
			r = -EBADMSG;
		e->len = out.pos;
	}
	ZSTD_freeDStream(z);
	return r;
}

int expand_file(const char *path, size_t max, void **out, size_t *len_bytes)
{
	static const struct {
		const char *magic;
		size_t len;
		int (*unpack)(struct expand *e);
	} kinds[] = {
		{ "\x1f\x8b\x08", 3, gunzip },
		{ "\xfd\x37zXZ", 6, unxz }, /* with its NUL */
		{ "\x28\xb5\x2f\xfd", 4, unzstd },
	};
	char *text cleanup_free = NULL;
	struct expand e = { .max = max };
	int r = read_file(path, max, &text, &e.in_bytes);

	if (r)
		return r;
	e.in = (const unsigned char *)text;
	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
		if (e.in_bytes < kinds[i].len ||
		    memcmp(text, kinds[i].magic, kinds[i].len) != 0)
			continue;
		r = kinds[i].unpack(&e);
		if (r) {
			free(e.out);
			return r;
		}
		*out = e.out;
		*len_bytes = e.len;
		return 0;
	}
	*out = text;
	text = NULL;
	*len_bytes = e.in_bytes;
	return 0;
}
