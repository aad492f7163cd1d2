// SPDX-License-Identifier: BSD-2-Clause
/*
 * Owns how packed images are read: one buffer of the file, and the state of
 * the library that unpacks it.  Does not know what is in them.
 */
#include "unpack.h"

#include <errno.h>
#include <stdlib.h>

#include <zlib.h>
#include <zstd.h>

#include "log.h"

struct unpack {
	const struct boot_file *f;
	enum unpack_codec codec;
	uint64_t offset, left; /* of the file, not in the buffer yet */
	bool starved; /* nothing comes out before more goes in */
	bool ended;
	z_stream gzip;
	ZSTD_DStream *zstd;
	ZSTD_inBuffer in; /* of buf; zlib has its own pointers */
	uint8_t buf[KIB(64)];
};

static int no_memory(const struct boot_file *f)
{
	log_err("%s: cannot unpack: %s", f->name, strerror(ENOMEM));
	return -ENOMEM;
}

static int damaged(const struct unpack *u, const char *why)
{
	log_err("%s: the packed kernel is damaged: %s; get a complete image",
		u->f->name, why);
	return -EINVAL;
}

int unpack_create(struct unpack **out, const struct boot_file *f,
		  enum unpack_codec codec, uint64_t offset, uint64_t len)
{
	enum { GZIP_ONLY = 16 };
	struct unpack *u = calloc(1, sizeof(*u));
	bool ok = true;

	if (!u)
		return no_memory(f);
	u->f = f;
	u->codec = codec;
	u->offset = offset;
	u->left = len;
	u->starved = true;
	if (codec == UNPACK_GZIP)
		ok = inflateInit2(&u->gzip, MAX_WBITS + GZIP_ONLY) == Z_OK;
	else if (codec == UNPACK_ZSTD)
		ok = (u->zstd = ZSTD_createDStream()) != NULL;
	if (!ok) {
		free(u);
		return no_memory(f);
	}
	*out = u;
	return 0;
}

void unpack_destroy(struct unpack *u)
{
	if (!u)
		return;
	if (u->codec == UNPACK_GZIP)
		inflateEnd(&u->gzip);
	ZSTD_freeDStream(u->zstd);
	free(u);
}

/* More of the file, where that is what is missing. */
static int refill(struct unpack *u)
{
	size_t n = MIN(u->left, sizeof(u->buf));
	int r;

	if (!u->starved)
		return 0;
	if (!n)
		return damaged(u, "it ends too early");
	r = boot_file_read(u->f, u->offset, u->buf, n);
	if (r)
		return r;
	u->offset += n;
	u->left -= n;
	u->gzip.next_in = u->buf;
	u->gzip.avail_in = (unsigned int)n;
	u->in = (ZSTD_inBuffer){ u->buf, n, 0 };
	return 0;
}

static int step_gzip(struct unpack *u, uint8_t *to, size_t *len)
{
	unsigned int room = (unsigned int)MIN(*len, GIB(1));
	int r = refill(u);

	if (r)
		return r;
	u->gzip.next_out = to;
	u->gzip.avail_out = room;
	r = inflate(&u->gzip, Z_NO_FLUSH);
	*len = room - u->gzip.avail_out;
	if (r == Z_MEM_ERROR)
		return no_memory(u->f);
	if (r != Z_OK && r != Z_STREAM_END && r != Z_BUF_ERROR)
		return damaged(u, u->gzip.msg ? u->gzip.msg : "not gzip");
	u->starved = !u->gzip.avail_in && u->gzip.avail_out;
	u->ended = r == Z_STREAM_END;
	return 0;
}

static int step_zstd(struct unpack *u, uint8_t *to, size_t *len)
{
	ZSTD_outBuffer out = { to, *len, 0 };
	int r = refill(u);
	size_t hint;

	if (r)
		return r;
	hint = ZSTD_decompressStream(u->zstd, &out, &u->in);
	*len = out.pos;
	if (ZSTD_isError(hint))
		return damaged(u, ZSTD_getErrorName(hint));
	u->starved = u->in.pos == u->in.size && out.pos < out.size;
	u->ended = hint == 0;
	return 0;
}

static int step_stored(struct unpack *u, uint8_t *to, size_t *len)
{
	size_t n = MIN(*len, u->left);
	int r = boot_file_read(u->f, u->offset, to, n);

	u->offset += n;
	u->left -= n;
	u->ended = !u->left;
	*len = n;
	return r;
}

int unpack_read(struct unpack *u, void *buf, uint64_t len, uint64_t *got)
{
	static int (*const step[])(struct unpack * u, uint8_t * to,
				   size_t * len) = {
		[UNPACK_STORED] = step_stored,
		[UNPACK_GZIP] = step_gzip,
		[UNPACK_ZSTD] = step_zstd,
	};

	*got = 0;
	while (*got < len && !u->ended) {
		size_t n = len - *got;
		int r = step[u->codec](u, (uint8_t *)buf + *got, &n);

		if (r)
			return r;
		*got += n;
	}
	return 0;
}
