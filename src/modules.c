// SPDX-License-Identifier: BSD-2-Clause
/*
 * modules - finds a kernel's modules by libkmod, or, where depmod(8) has not
 * been, as in a build tree, by the list that the build left. Owns what it read.
 */
#include "modules.h"

#include <dlfcn.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <libkmod.h>

#include "expand.h"
#include "fd.h"
#include "kernel-find.h"
#include "library.h"
#include "log.h"
#include "util.h"

#define MAX_MODULE MIB(64)
#define MAX_LIST MIB(16)
/* Deeper than any chain of dependencies is. */
#define MAX_DEPTH 16
#define MAX_NAME 64
/* Its ABI, which libkmod.h describes. */
#define LIBKMOD "libkmod.so.2"

/*
 * Of libkmod what is called here. It is loaded for a search only: it brings
 * libcrypto along, and the two would be a third of what a VM has in memory for
 * itself.
 */
#define CALLS(X)                  \
	X(new)                    \
	X(unref)                  \
	X(set_log_priority)       \
	X(list_next)              \
	X(module_new_from_lookup) \
	X(module_get_module)      \
	X(module_get_name)        \
	X(module_get_path)        \
	X(module_unref)           \
	X(module_unref_list)
struct libkmod {
	void *handle;
#define X(call) __typeof__(kmod_##call) *call;
	CALLS(X)
#undef X
};

struct search {
	const struct kernel *k;
	struct libkmod lib;
	struct kmod_ctx *kmod;
	char *order, *builtin; /* modules.order and modules.builtin, or NULL */
	struct modules *out;
};

static int out_of_memory(void)
{
	log_err("modules: out of memory");
	return -ENOMEM;
}

static int load_libkmod(struct libkmod *lib)
{
	const struct library_call calls[] = {
#define X(call) { "kmod_" #call, &lib->call },
		CALLS(X)
#undef X
	};

	return library_open(&lib->handle, LIBKMOD,
			    "install libkmod 27 or newer", calls,
			    ARRAY_SIZE(calls));
}

/* '-' and '_' are the same, and file and suffix end at '.'. */
static bool same_name(const char *path, size_t len, const char *name)
{
	const char *slash = memrchr(path, '/', len);
	size_t i;

	if (slash) {
		len -= (size_t)(slash + 1 - path);
		path = slash + 1;
	}
	for (i = 0; i < len && path[i] != '.' && name[i]; i++) {
		char a = path[i] == '-' ? '_' : path[i];
		char b = name[i] == '-' ? '_' : name[i];

		if (a != b)
			return false;
	}
	return !name[i] && (i == len || path[i] == '.');
}

/* The line of a list of paths that names it, and its length, or NULL. */
static const char *in_list(const char *list, const char *name, size_t *len)
{
	while (list && *list) {
		*len = strcspn(list, "\n");
		if (same_name(list, *len, name))
			return list;
		list += *len;
		list += *list == '\n';
	}
	return NULL;
}

/* By the index that depmod(8) makes. */
static char *path_by_index(const struct search *s, const char *name)
{
	struct kmod_list *list = NULL, *it;
	char *path = NULL;

	if (s->lib.module_new_from_lookup(s->kmod, name, &list) < 0)
		return NULL;
	for (it = list; it; it = s->lib.list_next(list, it)) {
		struct kmod_module *mod = s->lib.module_get_module(it);
		const char *p = s->lib.module_get_path(mod);

		if (p && !path)
			path = strdup(p);
		s->lib.module_unref(mod);
	}
	s->lib.module_unref_list(list);
	return path;
}

/* By modules.order, whose paths end in .o or .ko, and begin with "kernel/" where
 * they tell what is installed; files may be packed. */
static char *path_by_order(const struct search *s, const char *name)
{
	static const char *const ends[] = { ".ko", ".ko.xz", ".ko.zst",
					    ".ko.gz" };
	size_t len;
	const char *line = in_list(s->order, name, &len);

	for (size_t i = 0; line && i < 2 * ARRAY_SIZE(ends); i++) {
		const char *from = line;
		size_t n = len;
		char *path;

		if (i >= ARRAY_SIZE(ends)) {
			if (len < 7 || strncmp(line, "kernel/", 7) != 0)
				break;
			from += 7;
			n -= 7;
		}
		while (n && from[n - 1] != '.')
			n--;
		if (asprintf(&path, "%s/%.*s%s", s->k->modules,
			     n ? (int)n - 1 : 0, from,
			     ends[i % ARRAY_SIZE(ends)]) < 0)
			return NULL;
		if (!access(path, R_OK))
			return path;
		free(path);
	}
	return NULL;
}

/* What .modinfo says of key ("depends="), or NULL.  data ends with a NUL that
 * is none of it, or is none. */
static const char *modinfo(const struct module *m, const char *key, size_t *len)
{
	const char *data = m->data, *end = data + m->len_bytes, *at = data;
	size_t n = strlen(key);

	while ((at = memmem(at, (size_t)(end - at), key, n))) {
		const char *value = at + n;
		const char *nul = memchr(value, '\0', (size_t)(end - value));

		if (nul && at > data && !at[-1]) {
			*len = (size_t)(nul - value);
			return value;
		}
		at = value;
	}
	return NULL;
}

/* "vermagic=6.1.0-1 SMP ..." begins with the kernel's version. */
static int check_version(const struct search *s, const struct module *m,
			 const char *path)
{
	size_t len, n = strlen(s->k->version);
	const char *magic = modinfo(m, "vermagic=", &len);

	if (magic && len >= n && !memcmp(magic, s->k->version, n) &&
	    (len == n || magic[n] == ' '))
		return 0;
	log_err("%s: is of %.*s, not of %s; run make modules or install that "
		"kernel anew",
		path, magic ? (int)strcspn(magic, " ") : 7,
		magic ? magic : "unknown", s->k->version);
	return -EINVAL;
}

static int add(struct search *s, const char *name, unsigned int depth);

/* "a,b,c" */
static int add_depends(struct search *s, const struct module *m,
		       unsigned int depth)
{
	size_t len = 0;
	const char *list = modinfo(m, "depends=", &len);
	int r = 0;

	while (list && len && !r) {
		size_t n = 0;
		char name[MAX_NAME];

		while (n < len && list[n] != ',')
			n++;
		snprintf(name, sizeof(name), "%.*s", (int)n, list);
		if (n)
			r = add(s, name, depth + 1);
		n += n < len;
		list += n;
		len -= n;
	}
	return r;
}

/* What an alias stands for: several modules, of which each may be the one. */
static int add_alias(struct search *s, const char *alias, unsigned int depth)
{
	struct kmod_list *list = NULL, *it;
	int r = 0;

	if (s->lib.module_new_from_lookup(s->kmod, alias, &list) < 0)
		return 0;
	for (it = list; it; it = s->lib.list_next(list, it)) {
		struct kmod_module *mod = s->lib.module_get_module(it);

		if (!r && s->lib.module_get_path(mod))
			r = add(s, s->lib.module_get_name(mod), depth + 1);
		s->lib.module_unref(mod);
	}
	s->lib.module_unref_list(list);
	return r;
}

/* "pre: a b post: c": what a module asks the kernel for once it runs. */
static int add_softdeps(struct search *s, const struct module *m,
			unsigned int depth)
{
	char *words cleanup_free = NULL;
	char *state = NULL, *word;
	bool before = false;
	size_t len = 0;
	const char *list = modinfo(m, "softdep=", &len);
	int r = 0;

	if (!list)
		return 0;
	words = strndup(list, len);
	if (!words)
		return out_of_memory();
	for (word = strtok_r(words, " ", &state); word && !r;
	     word = strtok_r(NULL, " ", &state)) {
		if (word[strlen(word) - 1] == ':')
			before = !strcmp(word, "pre:");
		else if (before)
			r = add_alias(s, word, depth);
	}
	return r;
}

static int append(struct search *s, struct module *m)
{
	struct modules *out = s->out;
	struct module *list = realloc(out->list, (out->nr + 1) * sizeof(*list));

	if (!list)
		return out_of_memory();
	out->list = list;
	list[out->nr++] = *m;
	*m = (struct module){ 0 };
	return 0;
}

static void module_fini(struct module *m)
{
	free(m->name);
	free(m->data);
}

static int load(struct search *s, const char *name, const char *path,
		unsigned int depth)
{
	struct module m = { .name = strdup(name) };
	int r = m.name ? expand_file(path, MAX_MODULE, &m.data, &m.len_bytes) :
			 -ENOMEM;

	if (r)
		log_err("%s: cannot read the module: %s", path, strerror(-r));
	if (!r)
		r = check_version(s, &m, path);
	if (!r)
		r = add_depends(s, &m, depth);
	if (!r)
		r = add_softdeps(s, &m, depth);
	if (!r)
		r = append(s, &m);
	module_fini(&m);
	return r;
}

static int add(struct search *s, const char *name, unsigned int depth)
{
	char *path cleanup_free = NULL;
	size_t len;

	for (size_t i = 0; i < s->out->nr; i++)
		if (same_name(s->out->list[i].name,
			      strlen(s->out->list[i].name), name))
			return 0;
	if (in_list(s->builtin, name, &len))
		return 0;
	if (depth > MAX_DEPTH) {
		log_err("%s: %s: its dependencies do not end", s->k->modules,
			name);
		return -ELOOP;
	}
	path = path_by_index(s, name);
	if (!path)
		path = path_by_order(s, name);
	if (path)
		return load(s, name, path, depth);
	/* Without a list of what is built in the guest has to find out. */
	if (!s->builtin)
		return 0;
	log_err("%s: has no %s, built in or as a module; use a kernel that "
		"has, or build it with that option",
		s->k->image, name);
	return -ENOENT;
}

/* Absent is NULL. */
static int read_list(const struct search *s, const char *name, char **out)
{
	char path[4096];
	int r;

	snprintf(path, sizeof(path), "%s/%s", s->k->modules, name);
	r = read_file(path, MAX_LIST, out, NULL);
	if (!r || r == -ENOENT)
		return 0;
	log_err("%s: %s", path, strerror(-r));
	return r;
}

int modules_collect(struct modules *out, const struct kernel *k,
		    const char *const *names, size_t nr)
{
	/* Of modprobe's configuration nothing is for another kernel. */
	const char *no_config = NULL;
	struct search s = { .k = k, .out = out };
	int r;

	*out = (struct modules){ 0 };
	if (!k->modules)
		return 0;
	r = load_libkmod(&s.lib);
	if (r)
		return r;
	s.kmod = s.lib.new(k->modules, &no_config);
	if (!s.kmod) {
		dlclose(s.lib.handle);
		return out_of_memory();
	}
	s.lib.set_log_priority(s.kmod, 0);
	r = read_list(&s, "modules.builtin", &s.builtin);
	if (!r)
		r = read_list(&s, "modules.order", &s.order);
	for (size_t i = 0; !r && i < nr; i++)
		r = add(&s, names[i], 0);
	s.lib.unref(s.kmod);
	dlclose(s.lib.handle);
	free(s.builtin);
	free(s.order);
	return r;
}

void modules_fini(struct modules *m)
{
	for (size_t i = 0; i < m->nr; i++)
		module_fini(&m->list[i]);
	free(m->list);
	*m = (struct modules){ 0 };
}
