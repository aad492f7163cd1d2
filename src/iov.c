// SPDX-License-Identifier: BSD-2-Clause
/*
 * iov - bytes that lie in several pieces. Owns nothing.
 */
#include "iov.h"

#include <limits.h>
#include <stdint.h>
#include <string.h>

#include "util.h"

size_t iov_bytes(const struct iovec *iov, unsigned int nr)
{
	size_t sum = 0;

	for (unsigned int i = 0; i < nr; i++)
		sum += iov[i].iov_len;
	return sum;
}

unsigned int iov_slice(struct iovec *to, const struct iovec *from,
		       unsigned int nr, size_t skip, size_t len)
{
	unsigned int n = 0;

	for (; nr && len && n < IOV_MAX; from++, nr--) {
		size_t here;

		if (skip >= from->iov_len) {
			skip -= from->iov_len;
			continue;
		}
		here = MIN(from->iov_len - skip, len);
		to[n++] = (struct iovec){ (char *)from->iov_base + skip, here };
		skip = 0;
		len -= here;
	}
	return n;
}

/* One way: buf is copied to the pieces, or they to it. */
static size_t copy(const struct iovec *iov, unsigned int nr, size_t skip,
		   uint8_t *in, const uint8_t *out, size_t len)
{
	size_t done = 0;

	for (; nr && done < len; iov++, nr--) {
		uint8_t *p = iov->iov_base;
		size_t n;

		if (skip >= iov->iov_len) {
			skip -= iov->iov_len;
			continue;
		}
		n = MIN(iov->iov_len - skip, len - done);
		if (in)
			memcpy(in + done, p + skip, n);
		else
			memcpy(p + skip, out + done, n);
		done += n;
		skip = 0;
	}
	return done;
}

size_t iov_read(const struct iovec *iov, unsigned int nr, size_t skip,
		void *buf, size_t len)
{
	return copy(iov, nr, skip, buf, NULL, len);
}

size_t iov_write(const struct iovec *iov, unsigned int nr, size_t skip,
		 const void *buf, size_t len)
{
	return copy(iov, nr, skip, NULL, buf, len);
}
