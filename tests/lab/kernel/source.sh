# shellcheck shell=bash
# SPDX-License-Identifier: BSD-2-Clause
#
# source.sh: where a lab kernel's source comes from.  Sourced by get and bump.
#
# Sets source_id (what the cache key is made of), and leaves the tree's path in
# $tree.  Wants $lab, $name, $cache, say and die from the caller.
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
		awk -v n="$name" '$1 == n { print $2, $3, $4, $5 }' "$lab/kernels"
	) || die "no kernel '$name' in tests/lab/kernels"
	source_id="$package $version"
}

# The newest linux-source package of suite $1.
newest_package() {
	"$lab/apt" "$1" -- search --names-only '^linux-source-[0-9.]+$' |
		awk '{ print $1 }' | sort -V | tail -n 1
}

# The versions of package $2 in suite $1, newest first; none is no error.
package_versions() {
	"$lab/apt" "$1" -- madison "$2" 2>/dev/null | awk '{ print $3 }' || true
}

# Fall forward to what the suite has where it no longer has the pinned version.
find_source() {
	[[ -z ${WHERRY_LINUX_SRC-} ]] || return 0
	local have pinned="$package $version"
	[[ ! -e $cache/${package}_$version.deb ]] || return 0
	have=$(package_versions "$suite" "$package")
	! grep -qxF -- "$version" <<<"$have" || return 0
	if [[ -z $have ]]; then
		package=$(newest_package "$suite")
		have=$(package_versions "$suite" "${package:-none}")
		[[ -n $have ]] || die "no kernel source in suite $suite"
	fi
	version=${have%%$'\n'*} sha=
	say "$pinned is gone from $suite; using $package $version"
	source_id="$package $version"
}

download() { # DEB
	local tmp
	say "downloading $package $version from $suite"
	tmp=$(mktemp -d "$cache/download.XXXXXX")
	(cd "$tmp" && "$lab/apt" "$suite" -- -q download "$package=$version" \
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
