# SPDX-License-Identifier: BSD-2-Clause
#
# The report of a bench of rates, of lines "candidate phase I/Os rate", and the
# totals of count.sh before and behind the phase. Candidates are compared whose
# names differ in wherry and qemu alone; of rounds, medians.

function sorted(list, n,	i, j, x)
{
	for (i = 2; i <= n; i++) {
		x = list[i]
		for (j = i - 1; j >= 1 && list[j] > x; j--)
			list[j + 1] = list[j]
		list[j + 1] = x
	}
}

# The median; least and most go to low and high.
function median(who, phase, m,	list, i, n)
{
	n = rounds[who, phase]
	for (i = 1; i <= n; i++)
		list[i] = per(who, phase, m, i)
	sorted(list, n)
	low[who] = list[1]
	high[who] = list[n]
	return n % 2 ? list[(n + 1) / 2] : (list[n / 2] + list[n / 2 + 1]) / 2
}

# Of a round: the rate, or what an I/O took more than idle time took then. Exits to
# user space are those of the line that ends a phase, however long that was.
function per(who, phase, m, i,	n, f, scale)
{
	if (m == "rate")
		return rate[who, phase, i]
	scale = 0
	if (total[who, "idle", i, 0])
		scale = m == "user exits" ? 1 : total[who, phase, i, 0] / \
			total[who, "idle", i, 0]
	for (f = from[m]; f <= to[m]; f++)
		n += total[who, phase, i, f] - \
		     scale * total[who, "idle", i, f]
	return n / ios[who, phase, i]
}

function show(x)
{
	return x >= 100 || x <= -100 ? sprintf("%.0f", x) : sprintf("%.2f", x)
}

# "median (least-most)"
function cell(who, phase, m,	x)
{
	x = median(who, phase, m)
	value[who] = x
	return show(x) " (" show(low[who]) "-" show(high[who]) ")"
}

function measure(name, first, last, goal)
{
	names[++nr_measures] = name
	from[name] = first
	to[name] = last
	goals[name] = goal
}

# Whether a goal was reached in a phase, for its line at the end. One call in two
# hundred I/Os is nothing.
function judge(us, them, phase, m,	place)
{
	judged[m]++
	if (value[us] <= value[them] + 0.005) {
		reached[m]++
		return
	}
	place = phase " of " us ": " show(value[us]) " to " show(value[them])
	if (low[us] <= high[them])
		place = place ", rounds overlap"
	missed[m] = missed[m] "\n    not in " place
}

function compare(us, them, phase,	m, i, ours, theirs, what)
{
	what = phase
	for (i = 1; i <= nr_measures; i++) {
		m = names[i]
		ours = cell(us, phase, m)
		theirs = cell(them, phase, m)
		printf "%-11s %-14s %-23s %-23s %s\n", what, m, ours, theirs, \
			(value[them] > 0.005 ? \
			 sprintf("%6.2f", value[us] / value[them]) : "     -")
		if (goals[m])
			judge(us, them, phase, m)
		what = ""
	}
}

BEGIN {
	measure("rate", 0, 0, 0)
	measure("system calls", 1, 1, 1)
	measure("user exits", 2, 2, 1)
	measure("exits", 3, 3, 0)
	measure("CPU us", 4, 5, 1)
	measure("of it vCPUs", 4, 4, 0)
}

{
	if (!(($1, $2) in rounds) && !seen_who[$1]++)
		who[++nr_who] = $1
	if (!seen_phase[$2]++ && $2 != "idle")
		phases[++nr_phases] = $2
	i = ++rounds[$1, $2]
	ios[$1, $2, i] = $3
	rate[$1, $2, i] = $4
	if ($3 <= 0)
		bad = bad "\n" $1 ": " $2 ": no I/O in round " i
	for (f = 0; f <= 5; f++)
		total[$1, $2, i, f] = $(11 + f) - $(5 + f)
}

END {
	if (bad) {
		print "bench: these numbers are of no use:" bad
		exit 1
	}
	for (w = 1; w <= nr_who; w++) {
		us = them = who[w]
		if (!sub(/^wherry/, "qemu", them) || !seen_who[them])
			continue
		printf "\n%-26s %-23s %-23s %s\n", "", us, them, " ratio"
		for (p = 1; p <= nr_phases; p++)
			compare(us, them, phases[p])
	}
	print "\nMedians (least-most) of all rounds; all but the rate per I/O. CPU us: of" \
	      "\nall threads, without what vCPUs were in the guest."
	for (i = 1; i <= nr_measures; i++) {
		m = names[i]
		if (judged[m])
			printf "goal: %s per I/O at most QEMU's: %s, in %d of " \
			       "%d phases%s\n", m, \
			       reached[m] == judged[m] ? "reached" : "missed", \
			       reached[m], judged[m], missed[m]
	}
}
