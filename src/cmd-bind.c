// SPDX-License-Identifier: BSD-2-Clause
/*
 * cmd-bind - `wherry bind` and `wherry unbind`. Owns the order: look at every
 * device first, refuse before anything is touched, and undo all if one fails.
 */
#include "cmd.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bind.h"
#include "fd.h"
#include "log.h"
#include "options.h"
#include "util.h"

#define MAX_TARGETS 256

struct bind_options {
	bool force, group;
	const char *driver, *owner;
};

struct target {
	struct sysfs_device dev;
	char driver[BIND_DRIVER_SIZE]; /* the one it is to have */
	struct bind_state from;
	bool moved; /* to be undone if a later one fails */
	bool saved; /* the record is of this bind */
	bool recorded; /* from is of an earlier bind */
	struct bind_owner owner; /* it had before */
};

struct job {
	bool binding; /* or unbinding */
	struct sysfs sysfs;
	struct bind_options opt;
	struct target *targets;
	unsigned int nr;
	int record_fd;
};

static int set_driver(void *ctx, const char *value)
{
	if (!bind_driver_name_ok(value)) {
		log_err("--driver: '%s' is not the name of a driver; see"
			" /sys/bus/pci/drivers",
			value);
		return -EINVAL;
	}
	((struct bind_options *)ctx)->driver = value;
	return 0;
}

static int set_owner(void *ctx, const char *value)
{
	((struct bind_options *)ctx)->owner = value;
	return 0;
}

static const struct opt bind_opts[] = {
	{ .name = "driver", .set = set_driver },
	{ OPT_FLAG("force", struct bind_options, force) },
	{ OPT_FLAG("group", struct bind_options, group) },
	{ .name = "owner", .set = set_owner },
};

static const struct opt unbind_opts[] = {
	{ OPT_FLAG("force", struct bind_options, force) },
	{ OPT_FLAG("group", struct bind_options, group) },
};

/* ----- which devices ----- */

static int add_target(struct job *job, const char *bdf)
{
	struct target *t;
	unsigned int i;
	int r;

	for (i = 0; i < job->nr; i++)
		if (!strcmp(job->targets[i].dev.bdf, bdf))
			return 0;
	if (job->nr == MAX_TARGETS) {
		log_err("%s: more than %d devices at once; do it in parts", bdf,
			MAX_TARGETS);
		return -E2BIG;
	}
	t = realloc(job->targets, (job->nr + 1) * sizeof(*t));
	if (!t) {
		log_err("%s: out of memory", bdf);
		return -ENOMEM;
	}
	job->targets = t;
	t = &t[job->nr];
	memset(t, 0, sizeof(*t));
	r = sysfs_read_pci(&job->sysfs, bdf, &t->dev);
	if (r) {
		log_err("%s: no such PCI device on this host; see"
			" 'wherry devices'",
			bdf);
		return r;
	}
	job->nr++;
	return 0;
}

/* The siblings of what was named; bridges stay where they are. */
static int add_groups(struct job *job)
{
	unsigned int i, k, named = job->nr;
	struct sysfs_device *sibling;
	struct sysfs_sibling s;
	int r = 0;

	sibling = malloc(sizeof(*sibling));
	if (!sibling) {
		log_err("%s: out of memory", job->targets[0].dev.bdf);
		return -ENOMEM;
	}
	for (i = 0; !r && i < named; i++) {
		for (k = 0; !r && k < job->targets[i].dev.nr_siblings; k++) {
			/* A copy: targets moves as it grows. */
			s = job->targets[i].dev.siblings[k];
			if (!sysfs_read_pci(&job->sysfs, s.bdf, sibling) &&
			    !sysfs_is_bridge(sibling) &&
			    (job->binding || sibling->has_vfio_dev))
				r = add_target(job, s.bdf);
		}
	}
	free(sibling);
	return r;
}

/* The operands are well-formed. */
static int find_targets(struct job *job, char **operands, int nr)
{
	char bdf[BDF_SIZE];
	int i, r = 0;

	for (i = 0; !r && i < nr; i++)
		r = bdf_parse(operands[i], bdf) ?: add_target(job, bdf);
	return !r && job->opt.group ? add_groups(job) : r;
}

/* ----- may it? ----- */

static int check_users(const struct job *job, const struct sysfs_device *dev)
{
	char who[256];

	if (!bind_user(&job->sysfs, dev, true, who, sizeof(who)))
		return 0;
	if (job->opt.force) {
		log_notice("%s: in use (%s), taken by force", dev->name, who);
		return 0;
	}
	log_err("%s: in use by this host: %s; stop that, or use --force",
		dev->name, who);
	return -EBUSY;
}

static int check_bind(struct job *job, struct target *t)
{
	const struct sysfs_device *dev = &t->dev;
	char why[SYSFS_WHY_SIZE];

	if (sysfs_is_bridge(dev)) {
		log_err("%s: cannot be bound: it is a bridge; bind the devices"
			" behind it",
			dev->name);
		return -EINVAL;
	}
	/* Spare the host driver a bounce that cannot succeed. */
	if (sysfs_lacks_iommu(&job->sysfs, dev) && !job->opt.force &&
	    sysfs_why_not(&job->sysfs, dev, why, sizeof(why))) {
		log_err("%s: cannot be assigned: %s", dev->name, why);
		return -ENODEV;
	}
	/* With its new driver already, it may be in use by a guest. */
	if (job->opt.driver ? !strcmp(dev->driver, job->opt.driver) :
			      dev->has_vfio_dev)
		return 0;
	return check_users(job, dev);
}

/* ----- bind ----- */

/*
 * The record of an earlier bind stands as long as the device is where a bind
 * can have put it: it names the driver of the host, however many came since.
 */
static int save_record(const struct job *job, struct target *t)
{
	struct bind_state old;
	int r;

	if (t->dev.has_vfio_dev || bind_may_have_put(&job->sysfs, &t->from)) {
		r = bind_record_load(job->record_fd, t->dev.bdf, &old);
		if (r != -ENOENT)
			return r;
	}
	r = bind_record_save(job->record_fd, t->dev.bdf, &t->from);
	t->saved = !r;
	return r;
}

/* Drops the record of a bind that was undone.  A device that could not go
 * back keeps its record, for another try. */
static void forget(const struct job *job, const struct target *t)
{
	char now[BIND_DRIVER_SIZE];

	(void)sysfs_link_name(t->dev.dir, "driver", now, sizeof(now));
	if (t->saved && !strcmp(now, t->from.driver))
		bind_record_remove(job->record_fd, t->dev.bdf);
}

static int bind_one(struct job *job, struct target *t)
{
	const struct sysfs_device *dev = &t->dev;
	int r;

	bind_read_owner(&job->sysfs, dev, &t->owner);
	if (!job->opt.driver && dev->has_vfio_dev) {
		strcpy(t->driver, dev->driver);
		return 0;
	}
	r = bind_choose_driver(&job->sysfs, dev, job->opt.driver, t->driver);
	if (r || !strcmp(t->driver, dev->driver))
		return r;
	r = bind_read_state(dev, &t->from);
	if (!r)
		r = save_record(job, t);
	if (r)
		return r;
	r = bind_move(&job->sysfs, dev, &t->from, t->driver);
	t->moved = !r;
	if (r)
		forget(job, t);
	return r;
}

static void undo_one(struct job *job, struct target *t)
{
	if (t->moved) {
		if (bind_restore(&job->sysfs, &t->dev, &t->from))
			return;
		forget(job, t);
		log_notice("%s: is back on %s", t->dev.name,
			   t->from.driver[0] ? t->from.driver : "no driver");
	}
	/* A node that was there may have been given away, or is a new one. */
	if (t->owner.known && (t->moved || job->opt.owner))
		(void)bind_give_node(&job->sysfs, t->dev.bdf, &t->owner);
}

static int bind_all(struct job *job, const struct bind_owner *owner)
{
	unsigned int i;
	int r = 0;

	for (i = 0; !r && i < job->nr; i++)
		r = bind_one(job, &job->targets[i]);
	for (i = 0; !r && job->opt.owner && i < job->nr; i++)
		r = bind_give_node(&job->sysfs, job->targets[i].dev.bdf, owner);
	/* All or none. */
	for (i = job->nr; r && i-- > 0;)
		undo_one(job, &job->targets[i]);
	return r;
}

/* What there is to know now; what still stands in the way goes to stderr. */
static void report_bound(struct job *job)
{
	char why[SYSFS_WHY_SIZE];
	unsigned int i;

	if (sysfs_unsafe_interrupts(&job->sysfs, why, sizeof(why)))
		log_notice("bound, but this host cannot assign devices: %s",
			   why);
	for (i = 0; i < job->nr; i++) {
		struct target *t = &job->targets[i];

		if (sysfs_read_pci(&job->sysfs, t->dev.bdf, &t->dev))
			continue;
		printf("%s: %s%s%s\n", t->dev.name, t->dev.driver,
		       t->dev.node[0] ? " " : "", t->dev.node);
		if (!job->opt.owner &&
		    sysfs_why_not(&job->sysfs, &t->dev, why, sizeof(why)))
			log_notice("%s: bound, but not yet assignable: %s",
				   t->dev.name, why);
	}
}

static int run_bind(struct job *job)
{
	struct bind_owner owner = { .known = false };
	unsigned int i;
	int r;

	for (i = 0; i < job->nr; i++) {
		r = check_bind(job, &job->targets[i]);
		if (r)
			return r;
	}
	if (job->opt.owner) {
		r = bind_find_user(job->opt.owner, &owner);
		if (r)
			return r;
	}
	r = bind_all(job, &owner);
	if (!r)
		report_bound(job);
	return r;
}

/* ----- unbind ----- */

/* wherry listens when the host asks for a device, and lets it go. */
static bool will_let_go(const char *who)
{
	static const char wherry[] = "wherry (pid ";

	return !strncmp(who, wherry, strlen(wherry)) && !strchr(who, ',');
}

static int check_unbind(struct job *job, struct target *t)
{
	const struct sysfs_device *dev = &t->dev;
	char who[128];
	int r;

	r = bind_record_load(job->record_fd, dev->bdf, &t->from);
	t->recorded = !r;
	if (r && r != -ENOENT)
		return r;
	if (r && !dev->has_vfio_dev) {
		log_err("%s: not bound: it is on %s%s; there is nothing to do",
			dev->name, dev->driver[0] ? "the driver " : "no driver",
			dev->driver);
		return -EINVAL;
	}
	/* Since then somebody has given it to the host. */
	if (!dev->has_vfio_dev && strcmp(dev->driver, t->from.driver))
		return check_users(job, dev);
	/* Unbinding blocks until the last reference is gone. */
	if (!sysfs_node_holder(&job->sysfs, dev->rdev, who, sizeof(who)))
		return 0;
	if (will_let_go(who)) {
		log_notice("%s: in use by %s: its guest is asked to end",
			   dev->name, who);
		return 0;
	}
	if (job->opt.force) {
		log_notice("%s: held by %s; waiting until that lets it go",
			   dev->name, who);
		return 0;
	}
	log_err("%s: in use by %s; stop that first, or wait for it with"
		" --force",
		dev->name, who);
	return -EBUSY;
}

static int unbind_one(struct job *job, struct target *t)
{
	int r;

	if (!t->recorded)
		return bind_release(&job->sysfs, &t->dev);
	r = bind_restore(&job->sysfs, &t->dev, &t->from);
	if (!r)
		bind_record_remove(job->record_fd, t->dev.bdf);
	return r;
}

static int run_unbind(struct job *job)
{
	unsigned int i;
	int r;

	for (i = 0; i < job->nr; i++) {
		r = check_unbind(job, &job->targets[i]);
		if (r)
			return r;
	}
	for (i = 0; i < job->nr; i++) {
		struct sysfs_device *dev = &job->targets[i].dev;

		r = unbind_one(job, &job->targets[i]);
		if (r)
			return r;
		if (!sysfs_read_pci(&job->sysfs, dev->bdf, dev))
			printf("%s: %s\n", dev->name,
			       dev->driver[0] ? dev->driver : "no driver");
	}
	return 0;
}

/* ----- both ----- */

static int check_operands(const char *name, char **operands, int nr)
{
	char bdf[BDF_SIZE];
	int i;

	if (!nr) {
		log_err("%s: no device given; name it as in 0000:3b:00.0, see"
			" 'wherry devices'",
			name);
		return -EINVAL;
	}
	for (i = 0; i < nr; i++) {
		if (!bdf_parse(operands[i], bdf))
			continue;
		log_err("%s: not a PCI address; write it as 0000:3b:00.0, see"
			" 'wherry devices'",
			operands[i]);
		return -EINVAL;
	}
	return 0;
}

static int run_job(struct job *job, const struct opt *opts, size_t nr_opts,
		   int argc, char **argv, int (*run)(struct job *job))
{
	int nr, r;

	r = options_parse(opts, nr_opts, argc, argv, &job->opt, &nr);
	if (r)
		return cmd_answer(argv[0], r);
	if (check_operands(argv[0], argv + 1, nr))
		return STATUS_USAGE;
	r = find_targets(job, argv + 1, nr);
	if (!r) {
		job->record_fd = bind_record_open(&job->sysfs);
		r = MIN(job->record_fd, 0);
	}
	if (!r) {
		/* Another wherry may have moved them before this one had the
		 * lock. */
		job->nr = 0;
		r = find_targets(job, argv + 1, nr);
	}
	if (!r)
		r = run(job);
	fd_close(&job->record_fd);
	free(job->targets);
	return r ? STATUS_FAILED : STATUS_OK;
}

int cmd_bind(int argc, char **argv)
{
	struct job job = { .binding = true,
			   .sysfs = { .root = "" },
			   .record_fd = -1 };

	return run_job(&job, bind_opts, ARRAY_SIZE(bind_opts), argc, argv,
		       run_bind);
}

int cmd_unbind(int argc, char **argv)
{
	struct job job = { .sysfs = { .root = "" }, .record_fd = -1 };

	return run_job(&job, unbind_opts, ARRAY_SIZE(unbind_opts), argc, argv,
		       run_unbind);
}
