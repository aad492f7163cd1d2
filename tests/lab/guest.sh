# shellcheck shell=bash
# SPDX-License-Identifier: BSD-2-Clause
#
# What suites that boot guests share: initrds, devices by name, statistics.
# Sourced after tap.sh. Every guest's output is kept in $LAB_OUT/NAME.out.
guests=$WHERRY_SRC/tests/lab/guests

# RAM of guests comes in pages of 2 MiB, which is not the kernel's default: half of
# all exits of a guest that boots are for pages of 4 KiB else, and exits are what
# is slow in a VM on an emulated CPU.
echo always >/sys/kernel/mm/transparent_hugepage/shmem_enabled

# initrd SCRIPT [--file SRC:DST]...: makes /tmp/SCRIPT.cpio of guests/SCRIPT.
initrd()
{
	local script=$1

	shift
	"$WHERRY_SRC/tests/lab/mkinitrd" "/tmp/$script.cpio" "$@" \
		"$guests/$script"
	echo "/tmp/$script.cpio"
}

# device K: the BDF of the lab's k-th --device.
device()
{
	sed -n "s/^dev$1 //p" "$LAB_DEVICES"
}

# together BDF BDF: whether they share an IOMMU group; else an id that wants it is
# skipped by the words of apart. Linux before 6.15 asks the IOMMU of a devicetree
# at a driver's probe, one function after the other, and groups none.
# shellcheck disable=SC2034 # for suites
apart="this kernel's groups are of one function each"
together()
{
	local devices=/sys/bus/pci/devices

	[ "$(readlink "$devices/$1/iommu_group")" = \
		"$(readlink "$devices/$2/iommu_group")" ]
}

# brief: whether a part will do, as all of it is run on the first architecture: CI.
brief()
{
	[ -n "${LAB_BRIEF:-}" ] && [ "$LAB_ARCH" != x86_64 ]
}

# guest NAME SCRIPT [WHERRY-OPTION]...: boots the lab's kernel with
# guests/SCRIPT. The status is wherry's; --append is to come as $append. Looking
# for three more serial ports takes a twentieth of a boot.
append=
# as: what runs wherry, for one as somebody else.
as=()
# nobody: an ordinary user, who may do nothing.
nobody=(setpriv --reuid 65534 --regid 65534 --clear-groups --inh-caps=-all)
guest()
{
	local name=$1 script=$2

	shift 2
	[ -e "/tmp/$script.cpio" ] || initrd "$script" >/dev/null
	[[ " $* " == *" --timeout "* ]] || set -- --timeout 240 "$@"
	[[ " $* " == *" --memory "* ]] || set -- --memory 256M "$@"
	"${as[@]}" "$WHERRY" run --kernel "${guest_kernel:-$LAB_KERNEL}" \
		--initrd "/tmp/$script.cpio" \
		--append "console=ttyS0 quiet panic=-1 8250.nr_uarts=1 $append" "$@" \
		</dev/null >"$LAB_OUT/$name.out" 2>"$LAB_OUT/$name.err" || {
		local status=$?
		tail -n 12 "$LAB_OUT/$name.out" | tr -d '\r'
		cat "$LAB_OUT/$name.err"
		return $status
	}
}

# Who waits starts no program while he does: each costs an emulated CPU some
# hundredths of a second, which the guest is waiting for.

# nap: a tenth of a second.
[ -p /tmp/nap ] || mkfifo /tmp/nap
nap()
{
	read -r -t 0.1 _ <>/tmp/nap || :
}

# said NAME REGEX [COUNT]: whether the guest NAME has printed so many lines that
# match, by now.
said()
{
	local line lines=() count=0

	[ ! -e "$LAB_OUT/$1.out" ] || mapfile -t lines <"$LAB_OUT/$1.out"
	for line in "${lines[@]}"; do
		[[ ! ${line//$'\r'/} =~ $2 ]] || count=$((count + 1))
	done
	[ $count -ge "${3:-1}" ]
}

# wait_for NAME REGEX [COUNT]: until the guest, in the background, has.
wait_for()
{
	local end=$((SECONDS + 240))

	until said "$@"; do
		if [ $SECONDS -ge $end ]; then
			echo "no '$2' from guest $1"
			return 1
		fi
		nap
	done
}

# boots NAME SCRIPT [OPTION]...: the guest's script succeeds and powers off.
boots()
{
	guest "$@"
	if ! said "$1" '^GUEST-STATUS 0$'; then
		tail -n 12 "$LAB_OUT/$1.out" | tr -d '\r'
		return 1
	fi
}

# passed NAME THING...: the guest's script has said "pass THING" of each.
passed()
{
	local name=$1 thing

	shift
	for thing; do
		said "$name" "^pass $thing$" || {
			echo "$name: not $thing"
			tr -d '\r' <"$LAB_OUT/$name.out" | tail -n 60
			return 1
		}
	done
}

# guests_by_nobody: all guests from here on are that user's. What the cache has may
# lie in a directory that only its owner can enter.
guests_by_nobody()
{
	as=("${nobody[@]}")
	chmod 666 /dev/kvm
	cp "$LAB_KERNEL" /tmp/kernel
	cp "$WHERRY" /tmp/wherry
	chmod 755 /tmp/kernel /tmp/wherry
	guest_kernel=/tmp/kernel WHERRY=/tmp/wherry
}

# stat FILE KEY: the number of the first "KEY": in a --stats file.
stat_of()
{
	sed -n "s/.*\"$2\": *\([0-9]*\).*/\1/p" "$1" | head -n 1
}
