// SPDX-License-Identifier: BSD-2-Clause
/*
 * share-iov - parts of messages that lie in several pieces. Owns nothing.
 */
#include <limits.h>
#include <string.h>

#include "share-priv.h"
#include "util.h"

unsigned int share_iov_slice(struct iovec *to, const struct iovec *from,
			     unsigned int nr, size_t skip, size_t len)
{
	unsigned int i, n = 0;
	size_t here;

	for (i = 0; i < nr && len && n < IOV_MAX; i++) {
		if (skip >= from[i].iov_len) {
			skip -= from[i].iov_len;
			continue;
		}
		here = MIN(from[i].iov_len - skip, len);
		to[n].iov_base = (char *)from[i].iov_base + skip;
		to[n++].iov_len = here;
		skip = 0;
		len -= here;
	}
	return n;
}

size_t share_iov_bytes(const struct iovec *iov, unsigned int nr)
{
	size_t sum = 0;
	unsigned int i;

	for (i = 0; i < nr; i++)
		sum += iov[i].iov_len;
	return sum;
}

size_t share_iov_read(const struct iovec *iov, unsigned int nr, size_t skip,
		      void *buf, size_t len)
{
	size_t here, done = 0;
	unsigned int i;

	for (i = 0; i < nr && done < len; i++) {
		if (skip >= iov[i].iov_len) {
			skip -= iov[i].iov_len;
			continue;
		}
		here = MIN(iov[i].iov_len - skip, len - done);
		memcpy((char *)buf + done, (char *)iov[i].iov_base + skip,
		       here);
		skip = 0;
		done += here;
	}
	return done;
}

size_t share_iov_write(const struct iovec *iov, unsigned int nr, size_t skip,
		       const void *buf, size_t len)
{
	size_t here, done = 0;
	unsigned int i;

	for (i = 0; i < nr && done < len; i++) {
		if (skip >= iov[i].iov_len) {
			skip -= iov[i].iov_len;
			continue;
		}
		here = MIN(iov[i].iov_len - skip, len - done);
		memcpy((char *)iov[i].iov_base + skip, (const char *)buf + done,
		       here);
		skip = 0;
		done += here;
	}
	return done;
}
