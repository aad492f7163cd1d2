# shellcheck shell=bash
# SPDX-License-Identifier: BSD-2-Clause
#
# What suites share that run the examples of a manual page; sourced.

# examples_of PAGE REGEX...: each displayed block of the page that all of them match
# becomes a file of commands here, without their prompts: example1, example2 and on.
examples_of()
{
	local page=$WHERRY_SRC/man/$1

	shift
	printf '%s\n' "$@" >.wanted
	awk 'FILENAME == ".wanted" { wanted[++nr] = $0; next }
		/^\.Sh/ { title = "" }
		/^\.Ss/ { $1 = ""; title = $0 }
		/^\.Bd -literal/ { block = ""; next }
		/^\.Ed/ {
			for (i = 1; i <= nr; i++)
				if (block !~ wanted[i])
					next
			gsub(/(^|\n)[$#] /, "\n", block)
			print "set -e\n#" title "\n" block >("example" ++n)
			next
		}
		{
			gsub(/\\e/, "\\")
			gsub(/\\\(aq/, "\047")
			block = block $0 "\n"
		}' .wanted "$page"
	rm .wanted
}
