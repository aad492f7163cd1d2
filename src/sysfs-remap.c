// SPDX-License-Identifier: BSD-2-Clause
/*
 * sysfs-remap - tells whether the host keeps devices from forging interrupts, by
 * what the kernel names its interrupt chips and by what the firmware lists.
 * Knows no architecture: the names are arch-text.h's.
 */
#include "sysfs.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "arch-text.h"
#include "fd.h"
#include "util.h"

#define TREE_DEPTH 8 /* of nodes that are looked at */
#define MADT_FIRST 44 /* ACPI 6.5, 5.2.12: its first structure */

static bool begins(const char *word, const char *prefix)
{
	return prefix && !strncmp(word, prefix, strlen(prefix));
}

/* What the names of interrupt chips tell. */
struct chips {
	bool plain, remapped;
};

static struct chips read_chips(const struct sysfs *sysfs,
			       const struct arch_text *words)
{
	char path[PATH_MAX], *text cleanup_free = NULL, *save = NULL, *word;
	struct chips seen = { false, false };
	unsigned int i;

	if (sysfs_path(sysfs, path, sizeof(path), "/proc/interrupts") ||
	    read_file(path, MIB(16), &text, NULL))
		return seen;
	for (word = strtok_r(text, " \t\n", &save); word;
	     word = strtok_r(NULL, " \t\n", &save)) {
		seen.remapped |= begins(word, words->irq_isolated);
		for (i = 0; i < ARRAY_SIZE(words->irq_plain); i++)
			seen.plain |= begins(word, words->irq_plain[i]);
	}
	return seen;
}

/* Devicetree specification 0.4, 2.3.1: strings, one after the other. */
static bool is_compatible(const char *node, const char *want)
{
	char path[PATH_MAX], *text cleanup_free = NULL;
	size_t len, at;

	if (snprintf(path, sizeof(path), "%s/compatible", node) >=
		    (int)sizeof(path) ||
	    read_file(path, KIB(64), &text, &len))
		return false;
	for (at = 0; at < len; at += strlen(text + at) + 1)
		if (!strcmp(text + at, want))
			return true;
	return false;
}

static bool tree_has(const char *node, const char *want, unsigned int depth)
{
	char path[PATH_MAX];
	struct dirent *de;
	bool has = is_compatible(node, want);
	DIR *d;

	if (has || !depth)
		return has;
	d = opendir(node);
	while (d && !has && (de = readdir(d)))
		if (de->d_type == DT_DIR && de->d_name[0] != '.' &&
		    snprintf(path, sizeof(path), "%s/%s", node, de->d_name) <
			    (int)sizeof(path))
			has = tree_has(path, want, depth - 1);
	if (d)
		closedir(d);
	return has;
}

/* The root of a devicetree that describes a machine says of which kind it is;
 * with ACPI there may be a tree that does not. */
static bool tree_lacks(const struct sysfs *sysfs, const char *want)
{
	char root[PATH_MAX], path[PATH_MAX], *text cleanup_free = NULL;

	if (sysfs_path(sysfs, root, sizeof(root),
		       "/sys/firmware/devicetree/base") ||
	    snprintf(path, sizeof(path), "%s/compatible", root) >=
		    (int)sizeof(path) ||
	    read_file(path, KIB(64), &text, NULL))
		return false;
	return !tree_has(root, want, TREE_DEPTH);
}

/* Only root may read it; then all of it counts. */
static bool madt_lacks(const struct sysfs *sysfs, const struct arch_text *words)
{
	char path[PATH_MAX], *text cleanup_free = NULL;
	const uint8_t *madt;
	size_t len, at;

	if (sysfs_path(sysfs, path, sizeof(path), "%s", words->madt) ||
	    read_file(path, MIB(1), &text, &len))
		return false;
	madt = (const uint8_t *)text;
	for (at = MADT_FIRST; at + 2 <= len; at += madt[at + 1])
		if (madt[at] == words->isolator_madt || madt[at + 1] < 2)
			return false;
	return at == len;
}

bool sysfs_remapping_missing(const struct sysfs *sysfs,
			     const struct arch_text *words)
{
	struct chips seen = read_chips(sysfs, words);

	if (seen.remapped)
		return false;
	if (seen.plain)
		return true;
	return words->isolator_node &&
	       (tree_lacks(sysfs, words->isolator_node) ||
		madt_lacks(sysfs, words));
}
