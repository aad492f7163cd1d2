/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Bytes that lie in several pieces, as readv(2) has them.  Any thread; pieces may
 * be memory that a guest writes at the same time.
 */
#ifndef WHERRY_IOV_H
#define WHERRY_IOV_H

#include <stddef.h>
#include <sys/uio.h>

/* Their sum, which the caller knows not to overflow. */
size_t iov_bytes(const struct iovec *iov, unsigned int nr);
/* Entries of to, at most IOV_MAX, that are len bytes of from beginning at skip,
 * or what there is of them. */
unsigned int iov_slice(struct iovec *to, const struct iovec *from,
		       unsigned int nr, size_t skip, size_t len);
/* Copies what there is from skip on; returns how many bytes. */
size_t iov_read(const struct iovec *iov, unsigned int nr, size_t skip,
		void *buf, size_t len);
size_t iov_write(const struct iovec *iov, unsigned int nr, size_t skip,
		 const void *buf, size_t len);

#endif
