#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
# Virtio devices by a real guest's drivers: interrupts of every kind, drivers that
# come and go, reboots.
# lab: --kernel any --arch any --memory 2G
# shellcheck source=tests/lab/tap.sh
. "$(dirname "$0")/../tap.sh"
# shellcheck source=tests/lab/guest.sh
. "$(dirname "$0")/../guest.sh"

entropy() # NAME WHAT [KERNEL-OPTION]
{
	append=${3-} boots "$1" rng --rng --stats "$LAB_OUT/$1.json"
	said "$1" "^interrupts $2$"
	said "$1" '^pass take$'
	said "$1" '^pass rebind$'
	# Kicks that we had to take would be exits.
	[ "$(stat_of "$LAB_OUT/$1.json" kicks_trapped)" = 0 ]
}

# The control: without the option there is no such device.
no_entropy()
{
	if boots none rng; then
		return 1
	fi
	said none '^no device$'
}

plan 3
check rng-msix entropy msix msix
check rng-intx entropy intx intx pci=nomsi
check rng-none no_entropy
