# shellcheck shell=bash
# SPDX-License-Identifier: BSD-2-Clause
#
# arch.sh: what an architecture is called by whom. Sourced; sets for the
# caller's $arch (a name of uname -m):
#
#   karch    by the kernel's make
#   image    the kernel's file that boot loaders take, in its build tree
#   debarch  by Debian
#   cross    the prefix of its compiler and binutils here; empty where native
#
# shellcheck disable=SC2034,SC2154

arch_names() {
	case $arch in
	x86_64) karch=x86_64 image=arch/x86/boot/bzImage debarch=amd64 ;;
	aarch64) karch=arm64 image=arch/arm64/boot/Image debarch=arm64 ;;
	*) die "no lab for architecture '$arch'" 2 ;;
	esac
	cross=
	[[ $arch == "$(uname -m)" ]] || cross=$arch-linux-gnu-
}
