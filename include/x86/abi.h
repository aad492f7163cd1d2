/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * As abi/kvm.h, for what only x86 has.
 */
#ifndef WHERRY_X86_ABI_H
#define WHERRY_X86_ABI_H

#include "abi/kvm.h"

/* Linux 6.11: deleting a memslot zaps every shadow page unless disabled. */
#ifndef KVM_X86_QUIRK_SLOT_ZAP_ALL
#define KVM_X86_QUIRK_SLOT_ZAP_ALL (1 << 7)
#endif

#endif
