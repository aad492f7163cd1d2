# shellcheck shell=bash
# SPDX-License-Identifier: BSD-2-Clause
#
# source.sh: where a lab kernel's source comes from.  Sourced by get.
#
# Sets source_id (what the cache key is made of), and leaves the tree's path in
# $tree.  Wants $here, $name, $cache, say and die from the caller.
# shellcheck disable=SC2154,SC2034

# The pin of $name, or the tree that the user points at; asks nobody.
read_pin() {
	if [[ -n ${WHERRY_LINUX_SRC-} ]]; then
		[[ -e $WHERRY_LINUX_SRC/Kbuild ]] ||
			die "WHERRY_LINUX_SRC=$WHERRY_LINUX_SRC is no kernel tree"
		tree=$(cd "$WHERRY_LINUX_SRC" && pwd)
		source_id="$tree $(stat -c %Y "$tree/Makefile")"
		return
	fi
	read -r package suite version sha < <(
		awk -v n="$name" '$1 == n { print $2, $3, $4, $5 }' "$here/../kernels"
	) || die "no kernel '$name' in tests/lab/kernels"
	source_id="$package $version"
}

# Fall forward to what the suite has where it no longer has the pinned version.
find_source() {
	[[ -z ${WHERRY_LINUX_SRC-} ]] || return 0
	local have newest
	[[ ! -e $cache/${package}_$version.deb ]] || return 0
	have=$("$here/../apt" "$suite" -- madison "$package" | awk '{ print $3 }')
	! grep -qxF -- "$version" <<<"$have" || return 0
	if [[ -z $have ]]; then
		newest_package
	else
		newest=$(head -n 1 <<<"$have")
	fi
	say "$package $version is gone from $suite; using ${newest:?}"
	version=$newest sha=
	source_id="$package $version"
}

# The package itself is gone (unstable moved on): take its successor.
newest_package() {
	local line
	line=$("$here/../apt" "$suite" -- madison '^linux-source-[0-9.]+$' |
		sort -t'|' -k2 -V | tail -n 1)
	[[ -n $line ]] || die "no linux-source package in $suite"
	say "$package is gone from $suite"
	package=$(awk '{ print $1 }' <<<"$line")
	newest=$(awk '{ print $3 }' <<<"$line")
}

download() { # DEB
	local tmp
	say "downloading $package $version from $suite"
	tmp=$(mktemp -d "$cache/download.XXXXXX")
	(cd "$tmp" && "$here/../apt" "$suite" -- -q download "$package=$version" \
		>&2) || { rm -rf "$tmp"; die "cannot download $package"; }
	mv "$tmp"/*.deb "$1"
	rm -rf "$tmp"
}

# Unpack into $1, without the big parts that no lab kernel compiles.
unpack_source() {
	[[ -z ${WHERRY_LINUX_SRC-} ]] || return 0
	local deb=$cache/${package}_$version.deb
	[[ -e $deb ]] || download "$deb"
	if [[ -n $sha && $(sha256sum <"$deb") != "$sha  -" ]]; then
		rm -f "$deb"
		die "$package $version does not have the pinned SHA-256"
	fi
	say "unpacking $package $version"
	tree=$1
	mkdir "$tree"
	dpkg-deb --fsys-tarfile "$deb" |
		tar -xO --wildcards './usr/src/linux-source-*.tar.*' |
		nice tar -xJ -C "$tree" --strip-components=1 \
			--exclude='*/drivers/gpu/drm/amd/include/*' \
			--exclude='*/tools/testing/*' \
			--exclude='*/Documentation/[a-z]*/*'
	rm -f "$deb"
}
