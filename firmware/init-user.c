// SPDX-License-Identifier: BSD-2-Clause
/*
 * init-user - who the command runs as, by the root's own passwd and group.  The
 * C library's look-ups by name are not for static programs.
 */
#include "firmware/init.h"

#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A number that is no more than that. */
static bool number(const char *s, uint32_t *out)
{
	unsigned long long v;
	char *end;

	if (*s < '0' || *s > '9')
		return false;
	errno = 0;
	v = strtoull(s, &end, 10);
	/* (uid_t)-1 means "leave it" to the kernel. */
	if (errno || *end || v >= UINT32_MAX)
		return false;
	*out = (uint32_t)v;
	return true;
}

static char *copy_of(const char *s)
{
	return strdup(s ? s : "");
}

/* By its line in the file; a number may have none. */
static int find_passwd(struct user *u, const char *name, const char *path)
{
	FILE *f = fopen(path, "re");
	struct passwd *p = NULL;
	bool known = number(name, &u->uid);

	while (f && (p = fgetpwent(f)))
		if (!strcmp(p->pw_name, name) || (known && p->pw_uid == u->uid))
			break;
	if (p) {
		u->uid = p->pw_uid;
		u->gid = p->pw_gid;
	} else {
		u->gid = u->uid;
	}
	u->name = copy_of(p ? p->pw_name : NULL);
	u->home = copy_of(p ? p->pw_dir : NULL);
	u->shell = copy_of(p ? p->pw_shell : NULL);
	if (f)
		fclose(f);
	if (!u->name || !u->home || !u->shell)
		return -ENOMEM;
	/* A tree without the file has a root all the same. */
	return p || known || !strcmp(name, "root") ? 0 : -ENOENT;
}

static int add_group(struct user *u, gid_t gid)
{
	gid_t *more = realloc(u->groups, (u->nr_groups + 1) * sizeof(*more));

	if (!more)
		return -ENOMEM;
	u->groups = more;
	u->groups[u->nr_groups++] = gid;
	return 0;
}

static bool has_member(const struct group *g, const char *name)
{
	for (char **m = g->gr_mem; *m; m++)
		if (!strcmp(*m, name))
			return true;
	return false;
}

/* The groups that name the user, and the number of `wanted` if there is one. */
static int find_groups(struct user *u, const char *wanted, const char *path)
{
	FILE *f = fopen(path, "re");
	bool known = !wanted || number(wanted, &u->gid);
	struct group *g;
	int r = 0;

	while (f && !r && (g = fgetgrent(f))) {
		if (wanted && !strcmp(g->gr_name, wanted)) {
			u->gid = g->gr_gid;
			known = true;
		}
		if (*u->name && has_member(g, u->name))
			r = add_group(u, g->gr_gid);
	}
	if (f)
		fclose(f);
	if (!r)
		r = add_group(u, u->gid);
	return r ? r : known ? 0 : -ENOENT;
}

/* The file is there: no error of its is to be told. */
static void not_found(struct job_failed *why, int r, const char *what,
		      const char *name, const char *path)
{
	why_not(why, JOB_STAGE_USER, r == -ENOENT ? 0 : -r,
		"no %s \"%s\" in %s; give one, or a number", what, name, path);
}

int user_find(struct user *u, const char *spec, const char *passwd,
	      const char *group, struct job_failed *why)
{
	char *name = strdup(*spec ? spec : "root");
	char *wanted = name ? strchr(name, ':') : NULL;
	int r = name ? 0 : -ENOMEM;

	memset(u, 0, sizeof(*u));
	if (wanted)
		*wanted++ = '\0';
	if (!r)
		r = find_passwd(u, name, passwd);
	if (r) {
		not_found(why, r, "user", name, passwd);
	} else {
		r = find_groups(u, wanted, group);
		if (r)
			not_found(why, r, "group", wanted, group);
	}
	free(name);
	return r ? -1 : 0;
}

void user_fini(struct user *u)
{
	free(u->groups);
	free(u->name);
	free(u->home);
	free(u->shell);
	memset(u, 0, sizeof(*u));
}
