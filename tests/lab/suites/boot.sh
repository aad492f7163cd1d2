#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
# Guests without devices: every way to boot, to end, to talk.
# lab-seconds: 290
# lab: --kernel lts --arch both --memory 9G --timeout 900
# shellcheck source=tests/lab/tap.sh
. "$(dirname "$0")/../tap.sh"
# shellcheck source=tests/lab/guest.sh
. "$(dirname "$0")/../guest.sh"

boots_with() # KERNEL NAME OPTION...
{
	guest_kernel=$1
	shift
	boots "$@"
}

four_cpus()
{
	boots cpus hello --cpus 4
	said cpus '^cpus 4$'
}

six_gib()
{
	boots big hello --memory 6G
	[ "$(tr -d '\r' <"$LAB_OUT/big.out" | sed -n 's/^memory //p')" -gt 6000000 ]
}

cmdline_arrives()
{
	append="one=1 two='2 3'" boots words hello
	said words "^cmdline .*one=1 two='2 3'"
}

hugepages()
{
	echo 160 >/proc/sys/vm/nr_hugepages
	boots huge hello --memory 256M,hugepages=2M,prealloc
	echo 0 >/proc/sys/vm/nr_hugepages
}

# Three times through the same VM; then it is stopped.
reboot_restarts()
{
	local pid

	[ -e /tmp/reboot.cpio ] || initrd reboot >/dev/null
	"$WHERRY" run --kernel "$LAB_KERNEL" --initrd /tmp/reboot.cpio \
		--append 'console=ttyS0 quiet' </dev/null \
		>"$LAB_OUT/restart.out" 2>&1 &
	pid=$!
	wait_for restart '^REBOOTING' 4
	kill -KILL $pid
	wait $pid || true
}

# start NAME SCRIPT OPTION...: in the background; pid is in wherry_pid.
start()
{
	guest "$@" &
	wherry_shell=$!
	wait_for "$1" '^READY$'
	wherry_pid=$(pgrep -P $wherry_shell)
}

# ends STATUS: the VM that was started.
ends()
{
	local status=0

	wait "$wherry_shell" || status=$?
	[ $status = "$1" ]
}

power_button()
{
	start button button --name b
	kill -TERM "$wherry_pid"
	ends 0
	said button '^PRESSED$'
}

# Long before there is a driver for it.
early=earlycon
[ "$LAB_ARCH" != x86_64 ] || early=earlycon=uart8250,io,0x3f8
button_while_it_starts()
{
	initrd button >/dev/null
	append="$early loglevel=6" guest early button --grace 90s &
	wherry_shell=$!
	wait_for early 'Kernel command line'
	kill -TERM "$(pgrep -P $wherry_shell)"
	said early '^GUEST-UP' && return 1
	ends 0
	said early '^PRESSED$'
}

two_signals()
{
	start twice sleep
	kill -TERM "$wherry_pid"
	sleep 1
	kill -TERM "$wherry_pid"
	ends 5
}

# As timeout(1) does: to the process, and at once to its group.
signal_comes_double()
{
	start double button
	kill -TERM "$wherry_pid"
	kill -TERM "$wherry_pid"
	ends 0
	said double '^PRESSED$'
}

grace_ends()
{
	start grace sleep --grace 1s
	kill -TERM "$wherry_pid"
	ends 5
}

no_privilege()
{
	local status task

	start caps sleep
	for task in /proc/"$wherry_pid"/task/*; do
		status=$(cat "$task/status")
		for set in CapInh CapPrm CapEff CapAmb; do
			grep -q "^$set:.0000000000000000$" <<<"$status"
		done
		grep -q '^NoNewPrivs:.1$' <<<"$status"
		grep -q '^Seccomp:.2$' <<<"$status"
	done
	grep -rh . /proc/"$wherry_pid"/task/*/comm | sort -u >"$LAB_OUT/threads"
	grep -qx vcpu0 "$LAB_OUT/threads"
	kill -KILL "$wherry_pid"
	wait $wherry_shell || true
}

triple_fault()
{
	append=reboot=t guest fault reboot
}

to_file()
{
	guest plain hello --console file:"$LAB_OUT/console.txt"
	grep -q GUEST-UP "$LAB_OUT/console.txt"
	[ ! -s "$LAB_OUT/plain.out" ]
}

from_stdin()
{
	initrd cat >/dev/null
	(sleep 4; echo over the wire; sleep 2) |
		"$WHERRY" run --kernel "$LAB_KERNEL" --initrd /tmp/cat.cpio \
			--append 'console=ttyS0 quiet' --timeout 60 |
		tr -d '\r' | grep -qx 'GOT over the wire'
}

# How the guest reaches its console.
uart=io
[ "$LAB_ARCH" = x86_64 ] || uart=mmio
stats_file()
{
	boots stats hello --stats "$LAB_OUT/stats.json" \
		--result "$LAB_OUT/result.json"
	[ "$(stat_of "$LAB_OUT/stats.json" own_pss_kib)" -gt 0 ]
	[ "$(stat_of "$LAB_OUT/stats.json" "$uart")" -gt 10 ]
	grep -q '"reason": *"poweroff"' "$LAB_OUT/result.json"
}

gzipped()
{
	gzip -1 <"$LAB_KERNEL" >/tmp/Image.gz
	boots_with /tmp/Image.gz gzipped hello
}

if [ "$LAB_ARCH" = x86_64 ]; then
	check vmlinux boots_with "$LAB_VMLINUX" vmlinux hello
	check bzimage boots_with "$LAB_KERNEL" bzimage hello
	check_status triple-fault 3 triple_fault
else
	check image boots_with "$LAB_KERNEL" image hello
	check image-gzip gzipped
fi
check four-cpus four_cpus
check memory-across-the-hole six_gib
check command-line cmdline_arrives
check hugepages hugepages
check_status panic 3 guest panic panic
check_status reboot-exit 0 guest again reboot --on-reboot exit
check reboot-restarts reboot_restarts
check_status timeout 4 guest forever sleep --timeout 8s
check power-button power_button
check power-button-early button_while_it_starts
check second-signal two_signals
check doubled-signal signal_comes_double
check grace-expires grace_ends
check confined no_privilege
check console-file to_file
check console-stdin from_stdin
check stats stats_file
finish
