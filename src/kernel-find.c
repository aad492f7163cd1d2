// SPDX-License-Identifier: BSD-2-Clause
/*
 * kernel-find - finds a kernel's image and its modules on the host. Reads the
 * version out of the image, and takes no modules of another one.
 */
#include "kernel-find.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "arch-text.h"
#include "arch.h"
#include "boot.h"
#include "fd.h"
#include "log.h"
#include "util.h"

#define MAX_VERSION 128
#define MAX_RELEASE_FILE 256

static int out_of_memory(void)
{
	log_err("kernel: out of memory");
	return -ENOMEM;
}

static bool is_dir(const char *path)
{
	struct stat st;

	return !stat(path, &st) && S_ISDIR(st.st_mode);
}

/* Where an installed kernel's image is, by custom: the version is in between. */
static const struct {
	const char *before, *after;
	bool tree; /* the image of a build tree follows */
} image_places[] = {
	{ "/usr/lib/modules/", "/vmlinuz", false },
	{ "/lib/modules/", "/vmlinuz", false },
	{ "/boot/vmlinuz-", "", false },
	{ "/lib/modules/", "/build/", true },
};

/* The first that is there; *denied: one is there, but not for us. */
static char *installed_image(const char *prefix, const char *version,
			     char **denied)
{
	for (size_t i = 0; i < ARRAY_SIZE(image_places); i++) {
		char *path = NULL;

		if (asprintf(&path, "%s%s%s%s%s", prefix,
			     image_places[i].before, version,
			     image_places[i].after,
			     image_places[i].tree ? arch_text.tree_image : "") <
		    0)
			path = NULL;
		if (!path)
			return NULL;
		if (!access(path, R_OK))
			return path;
		if (errno == EACCES && !*denied)
			*denied = path;
		else
			free(path);
	}
	return NULL;
}

static int refuse_denied(const char *image)
{
	log_err("%s: cannot be read by this user; as root: chmod a+r %s", image,
		image);
	return -EACCES;
}

/* Takes the image that is installed: 1, or 0 if there is none. -EACCES, logged: not
 * for us. */
static int place_installed(struct kernel *k, const char *prefix,
			   const char *version)
{
	char *denied cleanup_free = NULL;

	k->image = installed_image(prefix, version, &denied);
	if (!k->image && denied)
		return refuse_denied(denied);
	return k->image != NULL;
}

static int find_installed(struct kernel *k, const char *version,
			  const char *prefix, const char *given)
{
	int r = place_installed(k, prefix, version);

	if (r)
		return MIN(r, 0);
	if (given)
		log_err("--kernel: %s: neither a file, nor a build tree, nor "
			"an installed kernel; see ls /lib/modules /boot",
			given);
	else
		log_err("the running kernel's image (%s) is not installed; say "
			"--kernel FILE, or a version of ls /lib/modules",
			version);
	return -ENOENT;
}

/* A directory: a build tree, or one of /lib/modules, whose image may be
 * elsewhere. */
static int find_in_dir(struct kernel *k, const char *dir, const char *prefix)
{
	char *real cleanup_free = realpath(dir, NULL);
	const char *const names[] = { arch_text.tree_image, "vmlinuz",
				      "vmlinux" };
	int r;

	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		free(k->image);
		k->image = NULL;
		if (asprintf(&k->image, "%s/%s", dir, names[i]) < 0) {
			k->image = NULL;
			return out_of_memory();
		}
		if (!access(k->image, R_OK))
			return 0;
		if (errno == EACCES)
			return refuse_denied(k->image);
	}
	free(k->image);
	k->image = NULL;
	r = real ? place_installed(k, prefix, strrchr(real, '/') + 1) : 0;
	if (r)
		return MIN(r, 0);
	log_err("--kernel: %s: no kernel is built there; run make in it, or "
		"name an image",
		dir);
	return -ENOENT;
}

static int read_version(struct kernel *k)
{
	int fd cleanup_fd = -1;
	char version[MAX_VERSION];
	struct boot_file f;
	int r;

	r = boot_open("kernel", k->image, &fd);
	if (r)
		return r;
	r = boot_file_init(&f, fd, k->image);
	if (!r)
		r = arch_image_version(&f, version, sizeof(version));
	if (r == -ENOENT)
		log_err("%s: does not say which version of Linux it is; give a "
			"kernel as it was built",
			k->image);
	if (r)
		return r;
	k->version = strdup(version);
	return k->version ? 0 : out_of_memory();
}

/* The directory that the image is in, with so many parts less. */
static char *parent(const char *path, unsigned int levels)
{
	char *dir = realpath(path, NULL);

	while (dir && levels--) {
		char *slash = strrchr(dir, '/');

		if (slash)
			*(slash == dir ? slash + 1 : slash) = '\0';
	}
	return dir;
}

/* The build tree that the image is in, or NULL. */
static char *build_tree(const char *image)
{
	unsigned int levels = 1;
	char *tree, release[4096];

	for (const char *s = arch_text.tree_image; *s; s++)
		levels += *s == '/';
	for (unsigned int i = 1; i <= levels; i++) {
		tree = parent(image, i);
		if (!tree)
			return NULL;
		snprintf(release, sizeof(release), "%s/modules.order", tree);
		if (!access(release, R_OK))
			return tree;
		free(tree);
	}
	return NULL;
}

/* Its own release, by which its modules are built, is the image's. */
static int check_tree(const struct kernel *k, const char *tree)
{
	char path[4096], release[MAX_RELEASE_FILE];

	snprintf(path, sizeof(path), "%s/include/config/kernel.release", tree);
	if (read_attr(path, release, sizeof(release)) ||
	    !strcmp(release, k->version))
		return 0;
	log_err("%s: is %s, but the modules beside it are %s; run make there",
		k->image, k->version, release);
	return -EINVAL;
}

static int find_modules(struct kernel *k, const char *prefix)
{
	/* As in boot/vmlinuz-VERSION, and beside the image. */
	char *above cleanup_free = parent(k->image, 2);
	char *beside cleanup_free = parent(k->image, 1);
	const char *bases[] = { above ? above : "", beside ? beside : "",
				prefix, prefix };
	static const char *const below[] = { "lib/modules", "lib/modules",
					     "lib/modules", "usr/lib/modules" };
	char *tree = build_tree(k->image);

	if (tree) {
		k->modules = tree;
		return check_tree(k, tree);
	}
	for (size_t i = 0; i < ARRAY_SIZE(bases); i++) {
		char *dir;

		if (asprintf(&dir, "%s/%s/%s", bases[i], below[i], k->version) <
		    0)
			return out_of_memory();
		if (is_dir(dir)) {
			k->modules = dir;
			return 0;
		}
		free(dir);
	}
	return 0;
}

int kernel_find(struct kernel *k, const char *spec, const char *running,
		const char *prefix)
{
	const char *version = NULL;
	int r = 0;

	*k = (struct kernel){ 0 };
	if (!spec)
		version = running;
	else if (is_dir(spec))
		r = find_in_dir(k, spec, prefix);
	else if (!strchr(spec, '/') && access(spec, F_OK))
		version = spec;
	else if (!(k->image = strdup(spec)))
		r = out_of_memory();
	if (version)
		r = find_installed(k, version, prefix, spec);
	if (!r)
		r = read_version(k);
	if (!r && version && strcmp(version, k->version) != 0) {
		log_err("%s: is %s, not %s; install that kernel anew", k->image,
			k->version, version);
		r = -EINVAL;
	}
	return r ? r : find_modules(k, prefix);
}

void kernel_fini(struct kernel *k)
{
	free(k->image);
	free(k->version);
	free(k->modules);
	*k = (struct kernel){ 0 };
}
