# SPDX-License-Identifier: BSD-2-Clause
# wherry's own configure macros: compiler flags and optional libraries.

# WHERRY_FLAG(VARIABLE, FLAG): append FLAG to VARIABLE if compiler and
# linker take it. -Werror, because clang only warns of what it ignores.
AC_DEFUN([WHERRY_FLAG], [
	AS_VAR_PUSHDEF([cache], [wherry_cv_flag_$2])
	AC_CACHE_CHECK([whether $CC takes $2], [cache], [
		wherry_saved_CFLAGS=$CFLAGS
		CFLAGS="$CFLAGS -Werror $2"
		AC_LINK_IFELSE([AC_LANG_PROGRAM], [AS_VAR_SET([cache], [yes])],
			[AS_VAR_SET([cache], [no])])
		CFLAGS=$wherry_saved_CFLAGS])
	AS_VAR_IF([cache], [yes], [$1="$$1 $2"])
	AS_VAR_POPDEF([cache])
])

# Warnings are always on; they are errors in CI only.
AC_DEFUN([WHERRY_WARNINGS], [
	WARN_CFLAGS=
	AC_ARG_ENABLE([werror], [AS_HELP_STRING([--enable-werror],
		[turn compiler warnings into errors])],
		[], [enable_werror=no])
	m4_foreach_w([flag], [-Wall -Wextra -Wshadow -Wmissing-prototypes
		-Wstrict-prototypes -Wold-style-definition -Wvla -Wformat=2
		-Wundef -Wpointer-arith -Wwrite-strings
		-Wimplicit-fallthrough -Wdate-time -Wnested-externs
		-Wduplicated-cond -Wduplicated-branches -Wlogical-op
		-Wno-missing-field-initializers],
		[WHERRY_FLAG([WARN_CFLAGS], flag)])
	# Kernel structures that end in an array are heads of ours.
	clang_only=
	WHERRY_FLAG([clang_only], [-Wgnu-variable-sized-type-not-at-end])
	AS_IF([test -n "$clang_only"], [WARN_CFLAGS="$WARN_CFLAGS]dnl
[ -Wno-gnu-variable-sized-type-not-at-end"])
	AS_IF([test "x$enable_werror" = xyes],
		[WARN_CFLAGS="$WARN_CFLAGS -Werror"])
	AC_SUBST([WARN_CFLAGS])
])

AC_DEFUN([WHERRY_HARDENING], [
	HARDEN_CPPFLAGS=
	HARDEN_CFLAGS=
	HARDEN_LDFLAGS=
	AC_ARG_ENABLE([hardening], [AS_HELP_STRING([--disable-hardening],
		[leave out PIE, RELRO, FORTIFY and the stack protector])],
		[], [enable_hardening=yes])
	AS_IF([test "x$enable_hardening" = xyes], [
		m4_foreach_w([flag], [-fPIE -fstack-protector-strong
			-fstack-clash-protection -fcf-protection
			-mbranch-protection=standard
			-fno-delete-null-pointer-checks],
			[WHERRY_FLAG([HARDEN_CFLAGS], flag)])
		m4_foreach_w([flag], [-pie -Wl,-z,relro -Wl,-z,now
			-Wl,-z,noexecstack],
			[WHERRY_FLAG([HARDEN_LDFLAGS], m4_quote(flag))])
		# FORTIFY needs optimization, and hides errors from ASan.
		AS_CASE([" $CFLAGS $enable_asan "],
			[*" -O0 "*|*_FORTIFY_SOURCE*|*" yes "], [],
			[*" -O"*], [HARDEN_CPPFLAGS="-U_FORTIFY_SOURCE]dnl
[ -D_FORTIFY_SOURCE=2"])
	])
	AC_SUBST([HARDEN_CPPFLAGS])
	AC_SUBST([HARDEN_CFLAGS])
	AC_SUBST([HARDEN_LDFLAGS])
])

AC_DEFUN([WHERRY_SANITIZERS], [
	SAN_CFLAGS=
	AS_IF([test "x$enable_asan" = xyes],
		[SAN_CFLAGS="-fsanitize=address,undefined]dnl
[ -fno-sanitize-recover=undefined -fno-omit-frame-pointer"])
	AC_SUBST([SAN_CFLAGS])
])

# WHERRY_OPTIONAL(NAME, VARIABLE, MODULE, WHAT): --disable-NAME; without it a
# missing library is an error, so that a build never loses a part unnoticed.
# Defines HAVE_VARIABLE for the C code and for Automake, and use_NAME.
AC_DEFUN([WHERRY_OPTIONAL], [
	AC_ARG_ENABLE([$1], [AS_HELP_STRING([--disable-$1],
		[build without $4])], [use_$1=$enableval], [use_$1=yes])
	AS_IF([test "x$use_$1" = xyes], [
		PKG_CHECK_MODULES([$2], [$3],
			[AC_DEFINE([HAVE_$2], [1], [$4])],
			[AC_MSG_ERROR([$3 is missing: install it or say --disable-$1])])])
	AM_CONDITIONAL([HAVE_$2], [test "x$use_$1" = xyes])
])

# WHERRY_LIBFDT: sets FDT_LIBS, to nothing where it is missing. It has no .pc file
# everywhere, and Debian's libfdt-dev cannot be installed for two architectures at
# once: another one's library then goes by its full name.
AC_DEFUN([WHERRY_LIBFDT], [
	FDT_LIBS=
	AC_CHECK_HEADER([libfdt.h], [
		wherry_saved_LIBS=$LIBS
		for lib in -lfdt -l:libfdt.so.1; do
			AS_IF([test -z "$FDT_LIBS"], [
				LIBS="$lib $wherry_saved_LIBS"
				AC_LINK_IFELSE([AC_LANG_PROGRAM(
					[[#include <libfdt.h>]],
					[[return fdt_property_placeholder(
						0, "", 0, 0);]])],
					[FDT_LIBS=$lib])])
		done
		LIBS=$wherry_saved_LIBS])
	AC_SUBST([FDT_LIBS])
])

# WHERRY_STATIC: a static program can be linked. Some distributions have the C
# library for that in a package of its own.
AC_DEFUN([WHERRY_STATIC], [
	AC_CACHE_CHECK([whether $CC links static programs],
		[wherry_cv_static], [
		wherry_saved_LDFLAGS=$LDFLAGS
		LDFLAGS="$LDFLAGS -static"
		AC_LINK_IFELSE([AC_LANG_PROGRAM([[#include <stdio.h>]],
			[[puts("");]])], [wherry_cv_static=yes],
			[wherry_cv_static=no])
		LDFLAGS=$wherry_saved_LDFLAGS])
	AS_IF([test $wherry_cv_static = no], [AC_MSG_ERROR([no static C library;
  install libc6-dev or glibc-static])])
])
