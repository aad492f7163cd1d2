/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * <linux/kvm.h>, and the numbers that are newer than Debian 12's copy of it
 * (Linux 6.1).  tests/unit/test-abi-kvm.c checks them, or the
 * system's where those are newer.
 */
#ifndef WHERRY_ABI_KVM_H
#define WHERRY_ABI_KVM_H

#include <linux/kvm.h>

/* Linux 6.6: the KVM-VFIO device takes any VFIO file. */
#ifndef KVM_DEV_VFIO_FILE
#define KVM_DEV_VFIO_FILE 1
#define KVM_DEV_VFIO_FILE_ADD 1
#define KVM_DEV_VFIO_FILE_DEL 2
#endif

#endif
