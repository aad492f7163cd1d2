/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * An entropy device: Virtio 1.3, section 5.4.  It gives what the host's kernel
 * gives (getrandom(2)).  Served by the loop under dev_lock.
 */
#ifndef WHERRY_VIRTIO_RNG_H
#define WHERRY_VIRTIO_RNG_H

struct virtio_dev;

/* 0 or -errno, logged.  Destroyed by its ops. */
int virtio_rng_create(struct virtio_dev **out);

#endif
