// SPDX-License-Identifier: BSD-2-Clause
/*
 * kconfig - reads the running kernel's configuration. Owns one copy of its
 * text. Knows no option.
 */
#include "kconfig.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <zlib.h>

#include "util.h"

#define MAX_BYTES MIB(4)

struct kconfig {
	char path[PATH_MAX];
	char *text;
};

/* zlib reads plain files as they are, too. */
static int read_text(const char *path, char **out)
{
	size_t cap = KIB(512), len = 0;
	char *text = NULL, *bigger;
	gzFile gz;
	int n, r = -ENOMEM;

	if (access(path, R_OK))
		return -ENOENT;
	gz = gzopen(path, "re");
	if (!gz)
		return -ENOENT;
	for (;;) {
		bigger = realloc(text, cap + 1);
		if (!bigger)
			goto err;
		text = bigger;
		n = gzread(gz, text + len, (unsigned int)(cap - len));
		r = -EINVAL;
		if (n < 0)
			goto err;
		if (!n)
			break;
		len += (size_t)n;
		r = -EFBIG;
		if (len == cap && cap >= MAX_BYTES)
			goto err;
		if (len == cap)
			cap *= 2;
	}
	/* A truncated stream shows at the close only. */
	r = -EINVAL;
	text[len] = '\0';
	n = gzclose(gz);
	gz = NULL;
	if (n != Z_OK || !strstr(text, "CONFIG_"))
		goto err;
	*out = text;
	return 0;
err:
	if (gz)
		gzclose(gz);
	free(text);
	return r;
}

static int read_release(const char *root, char *buf, size_t size)
{
	char path[PATH_MAX];

	if (snprintf(path, sizeof(path), "%s/proc/sys/kernel/osrelease",
		     root) >= (int)sizeof(path))
		return -ENAMETOOLONG;
	return read_attr(path, buf, size);
}

static int try_path(struct kconfig *kc, const char *root, const char *dir,
		    const char *release, const char *tail)
{
	if (snprintf(kc->path, sizeof(kc->path), "%s%s%s%s", root, dir, release,
		     tail) >= (int)sizeof(kc->path))
		return -ENAMETOOLONG;
	return read_text(kc->path, &kc->text);
}

int kconfig_create(struct kconfig **out, const char *root)
{
	char release[128];
	struct kconfig *kc;
	int r;

	kc = calloc(1, sizeof(*kc));
	if (!kc)
		return -ENOMEM;
	r = try_path(kc, root, "/proc/config.gz", "", "");
	if (r == -ENOENT && !read_release(root, release, sizeof(release))) {
		r = try_path(kc, root, "/boot/config-", release, "");
		if (r == -ENOENT)
			r = try_path(kc, root, "/lib/modules/", release,
				     "/config");
	}
	if (r) {
		kconfig_destroy(kc);
		return r;
	}
	*out = kc;
	return 0;
}

void kconfig_destroy(struct kconfig *kc)
{
	if (!kc)
		return;
	free(kc->text);
	free(kc);
}

const char *kconfig_path(const struct kconfig *kc)
{
	return kc->path;
}

char kconfig_get(const struct kconfig *kc, const char *option)
{
	char key[128];
	const char *at;
	int len;

	len = snprintf(key, sizeof(key), "CONFIG_%s=", option);
	if (len < 0 || len >= (int)sizeof(key))
		return 'n';
	for (at = strstr(kc->text, key); at; at = strstr(at + 1, key)) {
		if (at != kc->text && at[-1] != '\n')
			continue;
		return at[len] == 'y' || at[len] == 'm' ? at[len] : 'n';
	}
	return 'n';
}
