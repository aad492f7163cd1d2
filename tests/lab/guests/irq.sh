# shellcheck shell=sh
# SPDX-License-Identifier: BSD-2-Clause
# What guests of the suites of interrupts share: sourced as /irq.sh.

# irqs WORD: the interrupts, over all CPUs, of the lines that end with it or
# have it in their list of handlers.
irqs() {
	awk -v word="$1" '{
		line = $0
		gsub(/,/, " ", line)
		n = split(line, w, " ")
		for (i = 1; i <= n; i++)
			if (w[i] == word || index(w[i], word "-") == 1)
				for (j = 2; $j ~ /^[0-9]+$/; j++)
					sum += $j
	} END { print sum + 0 }' /proc/interrupts
}

# kind WORD: "level" or "edge", however the interrupt's chip has it.
kind() {
	grep -E "(^|[ ,])$1(-|,|\$)" /proc/interrupts | sed -E '
		s/.*(fasteoi|Level).*/level/
		s/.*(edge|Edge|PCI-MSI).*/edge/' | sort -u | tr '\n' ' '
}
