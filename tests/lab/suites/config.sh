#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
# What a guest sees of config space is what wherry devices says; what a device
# cannot do is refused with the reason: PASIDs, cliques, tokens.
# lab: --kernel both --arch both --memory 4G --timeout 700 --device nvme,serial=w0
# lab: --device e1000e --device igb --device edu --device AC97
# lab: --device virtio-net-pci,iommu_platform=on,ats=on --device qemu-xhci
# lab: --device ivshmem-plain --device rtl8139
# shellcheck source=tests/lab/tap.sh
. "$(dirname "$0")/../tap.sh"
# shellcheck source=tests/lab/guest.sh
. "$(dirname "$0")/../guest.sh"

sys=/sys/bus/pci/devices
uuid=83b8f4f2-509f-382f-3c1e-e6bfe0fa1001
mtty=/sys/devices/virtual/mtty/mtty/mdev_supported_types/mtty-2
nvme=$(device 0)
net=$(device 1)
igb=$(device 2)
virtio=$(device 5)
all=()
for k in 0 1 2 3 4 5 6 7 8; do
	all+=("$(device $k)")
done

# ----- wherry devices -----

# Before: each with the driver of the host, or none, and why not. After: ready.
lists_before()
{
	local bdf

	"$WHERRY" devices --json >/tmp/before.json
	for bdf in "${all[@]}"; do
		jq -e --arg bdf "$bdf" '.devices[] | select(.bdf == $bdf) |
			.assignable == false and (.class_name | length > 0) and
			(.reason | test("; run: wherry bind " + $bdf)) and
			(.capabilities == null)' /tmp/before.json
	done
}

lists_after()
{
	local bdf

	"$WHERRY" devices >/tmp/after
	cat /tmp/after
	for bdf in "${all[@]}"; do
		grep -Eq "^$bdf +yes +vfio-pci +[0-9]+ " /tmp/after
	done
	grep -Eq "^$uuid +yes +mtty .*mediated device" /tmp/after
}

lists_unprivileged()
{
	setpriv --reuid 65534 --regid 65534 --clear-groups "$WHERRY" devices \
		--verbose "$nvme" >/tmp/list
	cat /tmp/list
	grep -q 'can read only 64 bytes of config space, which has none; run as' \
		/tmp/list
	if grep -q 'capability [0-9a-f]' /tmp/list; then return 1; fi
	"$WHERRY" devices --verbose "$nvme" >/tmp/list
	grep -Eq 'capability [0-9a-f]+ MSI-X \[11\]: emulated: ' /tmp/list
}

if ! brief; then
	check lists-before lists_before
fi
for bdf in "${all[@]}"; do
	"$WHERRY" bind "$bdf" >/dev/null
done
echo $uuid >$mtty/create
if ! brief; then
	check lists-after lists_after
	check lists-unprivileged lists_unprivileged
fi

# ----- what the guest sees -----

# The guest's devices come in the order of --device, one to a port.
boot_all()
{
	local bdf args=()

	for bdf in "${all[@]}"; do
		if [ "$bdf" = "$virtio" ]; then
			args+=(--device "$bdf,ats=on")
		else
			args+=(--device "$bdf")
		fi
	done
	boots config config --memory 256M "${args[@]}"
	tr -d '\r' <"$LAB_OUT/config.out" | sed -n 's/^packed //p' |
		base64 -d | zcat >/tmp/dump
	lspci -F /tmp/dump -vvv >/tmp/lspci 2>/dev/null
	if grep '<chain' /tmp/lspci; then return 1; fi
}

# offsets_of SLOT: of the capabilities that lspci sees there, without empty ones.
offsets_of()
{
	sed -n "/^\(0000:\)\?$1/,/^\$/p" /tmp/lspci | grep -v '] Null' |
		sed -n 's/^\tCapabilities: \[\([0-9a-f]*\).*/\1/p' | sort
}

# The guest has those, and only those, that devices --verbose does not hide.
sees_what_is_said()
{
	local k=0 bdf want got

	for bdf in "${all[@]}"; do
		k=$((k + 1))
		"$WHERRY" devices --json --verbose "$bdf" >/tmp/said.json
		want=$(jq -r '.devices[0].capabilities[] |
			select(.treatment != "hidden") | .offset' \
			/tmp/said.json | while read -r off; do
			printf '%02x\n' "$off"
		done | sort)
		if [ "$bdf" = "$virtio" ]; then
			# Asked for: hidden otherwise.
			want=$(printf '%s\n%02x\n' "$want" "$(jq -r \
				'.devices[0].capabilities[] | select(.id == 15 and
				.extended and .treatment == "hidden") | .offset' \
				/tmp/said.json)" | sort)
		fi
		got=$(offsets_of "$(printf '%02x' $k):00.0")
		echo "$bdf: $want"
		[ "$got" = "$want" ] || { echo "but: $got"; return 1; }
	done
}

# igb has all of these, and all of them are the host's.
hides_sriov()
{
	"$WHERRY" devices --verbose "$igb" >/tmp/list
	cat /tmp/list
	grep -Eq 'SR-IOV \[0010\]: hidden: ' /tmp/list
	grep -Eq 'Alternative Routing-ID \[000e\]: hidden: ' /tmp/list
	sed -n '/^\(0000:\)\?03:00.0/,/^$/p' /tmp/lspci >/tmp/igb
	grep -q 'Express .* Endpoint' /tmp/igb
	if grep -E 'SR-IOV|ARI' /tmp/igb; then return 1; fi
}

check boots boot_all
check sees-what-is-said sees_what_is_said
check hides-sriov hides_sriov

# ----- what is refused -----

# refuses REGEX DEVICE...: one line that matches, beside notices; status 1.
refuses()
{
	local text=$1 got=0 args=() dev

	shift
	for dev; do
		args+=(--device "$dev")
	done
	"$WHERRY" run --kernel "$LAB_KERNEL" --timeout 60 "${args[@]}" \
		>/tmp/out 2>/tmp/err </dev/null || got=$?
	cat /tmp/err
	[ $got = 1 ] && [ "$(grep -vc '^wherry: notice' /tmp/err)" = 1 ] &&
		grep -Eq -- "$text" /tmp/err
}

# The reason differs by kernel, which is probed, never compared.
case $LAB_KVER in
6.12.*)
	no_pasid='this kernel attaches no device by PASID; use Linux 6.15'
	no_pasid_mdev=$no_pasid ;;
*)
	no_pasid='the device, or the IOMMU before it, has no PASIDs'
	no_pasid_mdev="the device's driver cannot attach by PASID" ;;
esac

refuses_pasid()
{
	local bdf

	for bdf in "${all[@]}"; do
		refuses "^wherry: $bdf: pasid=5: $no_pasid" "$bdf,pasid=5"
	done
	refuses "^wherry: $uuid: pasid=5: $no_pasid_mdev" "$uuid,pasid=5"
}

if ! brief; then
	check refuses-pasid refuses_pasid
fi
check refuses-clique refuses "$nvme: gpudirect-clique: only for NVIDIA GPUs" \
	"$nvme,gpudirect-clique=1"
check refuses-ats refuses "$net: ats=on: the device has no Address Tr" \
	"$net,ats=on"
if brief; then
	finish
	exit
fi

# ----- VF tokens -----

token=2ab74924-c335-45f4-9b16-8569e5b08258
other=11111111-2222-3333-4444-555555555555

# A physical function on vfio-pci has a token, which its virtual functions and
# those who have it must know; the first that opens it chooses.
vf_token()
{
	local vf

	"$WHERRY" unbind "$igb" >/dev/null
	"$WHERRY" bind "$igb" >/dev/null
	boots token-pf hello --memory 128M --device "$igb,vf-token=$token"
	echo 1 >/sys/module/vfio_pci/parameters/enable_sriov
	echo 1 >"$sys/$igb/sriov_numvfs"
	vf=$(basename "$(readlink "$sys/$igb/virtfn0")")
	"$WHERRY" bind "$vf"
	refuses "^wherry: $vf: .*; add vf-token=UUID, the same for all" "$vf"
	refuses "^wherry: $vf: .*; add vf-token=UUID, the same for all" \
		"$vf,vf-token=$other"
	boots token-vf ids --memory 128M --device "$vf,vf-token=$token"
	said token-vf '^config 0000:01:00.0 Device: 0x8086 0x10ca'
	echo 0 >"$sys/$igb/sriov_numvfs"
}

case $LAB_KVER in
6.12.*)
	check vf-token refuses "$igb: vf-token: this kernel takes none" \
		"$igb,vf-token=$token" ;;
*)
	check vf-token vf_token ;;
esac
finish
