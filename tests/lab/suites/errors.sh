#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
# Every error of a start has its own text and remedy, the right status, and
# leaves nothing behind: no process, no file, and a device that works next.
# lab-seconds: 115
# lab: --kernel lts --arch any --memory 4G --timeout 700 --device nvme,serial=w0
# lab: --device pcie-pci-bridge,id=pcib
# lab-x86_64: --device e1000,bus=pcib,addr=1 --device e1000,bus=pcib,addr=2
# lab-aarch64: --device e1000,bus=rp9,addr=0.0,multifunction=on
# lab-aarch64: --device e1000,bus=rp9,addr=0.1
# shellcheck source=tests/lab/tap.sh
. "$(dirname "$0")/../tap.sh"
# shellcheck source=tests/lab/guest.sh
. "$(dirname "$0")/../guest.sh"

nvme=$(device 0)
pci_bridge=$(sed -n "s/^pcib //p" "$LAB_DEVICES")
one=$(device 2)
other=$(device 3)
node=/dev/vfio/devices/vfio0

# The cache may lie in a directory that only its owner can enter.
kernel=/tmp/kernel
cp "$LAB_KERNEL" $kernel
chmod 644 $kernel

# fails ID STATUS REGEX COMMAND...: one line on stderr, beside notices, and it
# matches.
fails()
{
	local id=$1 want=$2 text=$3 got=0

	shift 3
	"$@" >/tmp/fails.out 2>/tmp/fails.err </dev/null || got=$?
	if [ "$got" != "$want" ]; then
		not_ok "$id" "status $got, expected $want: $*"
		diag </tmp/fails.err
	elif [ "$(grep -vc '^wherry: notice: ' /tmp/fails.err)" != 1 ]; then
		not_ok "$id" "not one line: $*"
		diag </tmp/fails.err
	elif ! grep -Eq -- "$text" /tmp/fails.err; then
		not_ok "$id" "no match for '$text'"
		diag </tmp/fails.err
	elif pgrep -x wherry >/dev/null; then
		not_ok "$id" 'a process is left'
	else
		ok "$id"
		diag </tmp/fails.err
	fi
}

run=("$WHERRY" run --kernel "$kernel" --timeout 30)

# Kernel, initrd, command line.
head -c 65536 /dev/zero >/tmp/foreign-image
cp "$LAB_VMLINUX" /tmp/foreign-elf
put() # FILE OFFSET BYTES
{
	# shellcheck disable=SC2059
	printf "$3" | dd of="$1" bs=1 seek="$2" conv=notrunc 2>/dev/null
}
# The magic of the other architecture's image, and its machine in an ELF header.
# An Image that is no EFI program does not tell where it ends, its gzip does.
put /tmp/foreign-image 0 MZ
if [ "$LAB_ARCH" = x86_64 ]; then
	head -c 100000 "$LAB_KERNEL" >/tmp/short
	short=truncated
	put /tmp/foreign-image 56 'ARM\144'
	put /tmp/foreign-elf 18 '\267\0'
	foreign_image='wrong architecture: this kernel is for arm64'
	foreign_elf='wrong architecture: this kernel is for arm64'
	no_kernel='give one of these'
else
	gzip -1 <"$LAB_KERNEL" | head -c 100000 >/tmp/short || true
	short='damaged: it ends too early'
	put /tmp/foreign-image 510 '\125\252\0\0HdrS'
	put /tmp/foreign-elf 18 '\76\0'
	foreign_image='not a kernel for arm64: .* for x86'
	foreign_elf="an ELF file; give the kernel's Image"
	no_kernel='give one for arm64'
fi
truncate -s 3G /tmp/huge-initrd
fails kernel-missing 1 '/nowhere/bzImage: cannot open.*No such file' \
	"$WHERRY" run --kernel /nowhere/bzImage
fails kernel-truncated 1 "/tmp/short: .*$short" \
	"$WHERRY" run --kernel /tmp/short
fails kernel-foreign-image 1 "foreign-image: $foreign_image" \
	"$WHERRY" run --kernel /tmp/foreign-image
fails kernel-foreign-elf 1 "foreign-elf: $foreign_elf" \
	"$WHERRY" run --kernel /tmp/foreign-elf
fails kernel-is-no-kernel 1 "passwd: .*$no_kernel" \
	"$WHERRY" run --kernel /etc/passwd
fails initrd-missing 1 '/nowhere/initrd: cannot open' \
	"${run[@]}" --initrd /nowhere/initrd
fails initrd-too-large 1 'huge-initrd: .*(--memory|larger|does not fit)' \
	"${run[@]}" --initrd /tmp/huge-initrd
fails command-line-too-long 1 'command line.*(long|limit|at most)' \
	"${run[@]}" --append "$(head -c 5000 /dev/zero | tr '\0' x)"
rm -f /tmp/huge-initrd /tmp/foreign-elf

# Memory and CPUs.
fails memory-too-much 1 '(--memory|memory|RAM).*;' \
	"${run[@]}" --memory 64G,prealloc
fails hugepages-too-few 1 'huge ?page.*nr_hugepages' \
	"${run[@]}" --memory 512M,hugepages=2M
fails node-absent 1 'host-node|NUMA node' \
	"${run[@]}" --memory 512M,host-node=7
fails affinity-absent 1 'affinity' "${run[@]}" --cpus 2,affinity=40
fails cpus-too-many 2 '--cpus.*64' "${run[@]}" --cpus 65

# KVM and iommufd.
mv /dev/kvm /dev/kvm.away
fails kvm-missing 1 '/dev/kvm: cannot open: No such file.*;' "${run[@]}"
mv /dev/kvm.away /dev/kvm
chmod 600 /dev/kvm
fails kvm-not-permitted 1 '/dev/kvm: cannot open: Permission denied; ' \
	"${nobody[@]}" "${run[@]}"
chmod 666 /dev/kvm
fails kvm-is-something-else 1 'not a KVM device' \
	"${run[@]}" --kvm fd=5 5<>/dev/null

# Devices.
fails bdf-malformed 2 '00:1g.0' "${run[@]}" --device 00:1g.0
fails bdf-absent 1 '0000:7f:1f.7: .*wherry devices' \
	"${run[@]}" --device 7f:1f.7
fails bridge 1 "$pci_bridge: .*bridge" "${run[@]}" --device "$pci_bridge"
fails on-host-driver 1 "$nvme: .*nvme.*wherry bind" \
	"${run[@]}" --device "$nvme"
if together "$one" "$other"; then
	"$WHERRY" bind "$one" >/dev/null
	fails sibling-on-host-driver 1 "$one: .*$other.*e1000" \
		"${run[@]}" --device "$one"
	"$WHERRY" unbind "$one" >/dev/null
else
	skip sibling-on-host-driver "$apart"
fi
"$WHERRY" bind "$nvme" >/dev/null
fails device-twice 2 "$nvme" \
	"${run[@]}" --device "$nvme" --device "$nvme"
mv $node $node.away
fails node-missing 1 "$nvme: .*$node.*;" "${run[@]}" --device "$nvme"
mv $node.away $node
mv /dev/iommu /dev/iommu.away
fails iommu-missing 1 '/dev/iommu: cannot open.*CONFIG_IOMMUFD' \
	"${run[@]}" --device "$nvme"
mv /dev/iommu.away /dev/iommu
chmod 600 /dev/iommu $node
fails iommu-not-permitted 1 '/dev/iommu: .*(Permission|permitted)' \
	"${nobody[@]}" "${run[@]}" --device "$nvme"
chmod 666 /dev/iommu
fails node-not-permitted 1 "$nvme: .*(Permission|permitted).*;" \
	"${nobody[@]}" "${run[@]}" --device "$nvme"
chmod 666 $node
fails memlock 1 '512 ?M.*(MEMLOCK).*LimitMEMLOCK=' \
	prlimit --memlock=67108864:67108864 "${nobody[@]}" \
	"${run[@]}" --device "$nvme" --memory 512M

in_use()
{
	local pid

	initrd sleep >/dev/null
	"$WHERRY" run --kernel $kernel --initrd /tmp/sleep.cpio --append 'console=ttyS0 quiet' \
		--device "$nvme" --grace 0 </dev/null \
		>"$LAB_OUT/holder.out" 2>&1 &
	pid=$!
	wait_for holder READY
	fails_while "$pid" device-in-use 1 "$nvme: .*in use.*wherry.*$pid" \
		"${run[@]}" --device "$nvme"
	kill -TERM "$pid"
	wait "$pid" || true
}

# The same, while the process PID is there and afterwards, unharmed.
fails_while()
{
	local pid=$1

	shift
	pgrep()
	{
		! kill -0 "$pid"
	}
	fails "$@"
	unset -f pgrep
}
# lab-ids: device-in-use
in_use

# After all that the device works, for an ordinary user too.
nothing_left()
{
	initrd hello >/dev/null
	prlimit --memlock=1073741824:1073741824 "${nobody[@]}" "$WHERRY" run \
		--kernel $kernel --timeout 240 --initrd /tmp/hello.cpio \
		--append 'console=ttyS0 quiet' --device "$nvme" |
		tr -d '\r' | grep -q '^GUEST-STATUS 0'
	"$WHERRY" unbind "$nvme"
	[ -z "$(find /tmp -name 'wherry*' -newer $kernel)" ]
}
check nothing-left nothing_left
finish
