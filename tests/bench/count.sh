# shellcheck shell=bash
# SPDX-License-Identifier: BSD-2-Clause
#
# What the benches count with, inside the emulated host.

# Histograms of tracepoints by thread, which cost little enough to be left on in
# timed runs: system calls, returns of KVM_RUN, nanoseconds on a CPU.
tracing=/sys/kernel/tracing
calls=raw_syscalls/sys_enter
user_exits=kvm/kvm_userspace_exit
runtime=sched/sched_stat_runtime

histogram() # EVENT on | off [KEYS]
{
	local trigger=$tracing/events/$1/trigger keys=${3:-keys=common_pid}

	[ -d "$tracing/events" ] || mount -t tracefs tracefs "$tracing"
	case $2 in
	on) echo "hist:$keys:size=4096" >"$trigger" ;;
	off) echo "!hist:$keys:size=4096" >"$trigger" ;;
	esac
}

count_syscalls() # on | off
{
	histogram $calls "$1"
}

count_all() # on | off
{
	count_syscalls "$1"
	histogram $user_exits "$1"
	histogram $runtime "$1" keys=pid:vals=runtime
}

syscalls() # PID
{
	local tasks

	tasks=$(printf '%s ' /proc/"$1"/task/*)
	awk -v tasks="$tasks" 'BEGIN {
			n = split(tasks, t, " ")
			for (i = 1; i <= n; i++) {
				sub(/.*\//, "", t[i])
				ours[t[i]] = 1
			}
		}
		/common_pid:/ {
			gsub(/[^0-9]+/, " ")
			if ($1 in ours) total += $2
		}
		END { print total + 0 }' "$tracing/events/$calls/hist"
}

# forget_threads; totals PID...: the time in microseconds; of all threads that these
# processes have, or had at an earlier call, system calls, exits to user space, exits, microseconds of
# vCPU threads that were not the guest's (by ticks), and of all others (exact).
forget_threads()
{
	: >/tmp/bench.threads
}

totals() # PID...
{
	local pid

	for pid; do
		awk '{ tid = $1; sub(/^[^(]*\(/, ""); name = $0
			sub(/\) .*/, "", name); sub(/.*\) /, "")
			print tid, (name ~ /^vcpu|\/KVM$/ ? "vcpu" : "other"),
				$12 + $13 - $41 }' /proc/"$pid"/task/*/stat \
			2>/dev/null || : # one of them has just ended
	done >>/tmp/bench.threads
	cat /sys/kernel/debug/kvm/*/exits >/tmp/bench.exits 2>/dev/null || :
	awk -v now="${EPOCHREALTIME/./}" -v tick="$((1000000 / $(getconf CLK_TCK)))" '
		FILENAME ~ /threads$/ { kind[$1] = $2; ticks[$1] = $3; next }
		FILENAME ~ /bench.exits$/ { exits += $1; next }
		!/pid:/ { next }
		{ gsub(/[^0-9]+/, " ") }
		!($1 in kind) { next }
		FILENAME ~ /sys_enter/ { calls += $2 }
		FILENAME ~ /userspace/ { user += $2 }
		FILENAME ~ /runtime/ && kind[$1] == "other" { us += $3 / 1000 }
		END {
			for (t in kind)
				if (kind[t] == "vcpu") vcpu += ticks[t] * tick
			print now, calls + 0, user + 0, exits + 0, vcpu + 0, us + 0
		}' /tmp/bench.threads /tmp/bench.exits "$tracing"/events/$calls/hist \
		"$tracing"/events/$user_exits/hist \
		"$tracing"/events/$runtime/hist
}
