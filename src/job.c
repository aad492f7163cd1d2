// SPDX-License-Identifier: BSD-2-Clause
/*
 * job - the encoding of jobs and messages.  One list of fields serves both
 * directions, so that they cannot differ.  Owns no state.
 */
#include "job.h"

#include <errno.h>
#include <stdlib.h>

#include "util.h"

#define MAGIC 0x424f4a57 /* "WJOB" */
#define HEAD_BYTES 8 /* of a message */

/*
 * Where in the bytes the fields are being put or taken.  Without `at` they
 * are only counted.
 */
struct coder {
	bool decode;
	uint8_t *at;
	size_t done, size;
	int err; /* the first; everything after it is skipped */
};

static void fail(struct coder *c, int err)
{
	if (!c->err)
		c->err = err;
}

/* Where the next len bytes are, NULL if they are not to be touched. */
static uint8_t *next(struct coder *c, size_t len)
{
	uint8_t *p = NULL;

	if (c->err)
		return NULL;
	if (c->at && len > c->size - c->done) {
		fail(c, -EPROTO);
		return NULL;
	}
	if (c->at)
		p = c->at + c->done;
	c->done += len;
	return p;
}

/* An unsigned integer of len bytes, in memory and on the wire. */
static void number(struct coder *c, void *v, unsigned int len)
{
	uint8_t *p = next(c, len);

	if (p && c->decode)
		memcpy(v, p, len); /* little-endian, as store_le() */
	else if (p)
		memcpy(p, v, len);
}

static void flag(struct coder *c, bool *v)
{
	uint8_t b = *v;

	number(c, &b, sizeof(b));
	if (b > 1)
		fail(c, -EPROTO);
	*v = b == 1;
}

/* A value of an enum that has nr of them. */
static void choice(struct coder *c, uint32_t *v, uint32_t nr)
{
	number(c, v, sizeof(*v));
	if (*v >= nr)
		fail(c, -EPROTO);
}

static void *allocate(struct coder *c, size_t nr, size_t size)
{
	void *p = c->err ? NULL : calloc(nr, size);

	if (!p)
		fail(c, -ENOMEM);
	return p;
}

/* The length without the NUL, the bytes, the NUL. */
static void string(struct coder *c, const char **s)
{
	const char *from = !c->decode && *s ? *s : "";
	uint32_t len = (uint32_t)strlen(from);
	uint8_t *p;
	char *copy;

	number(c, &len, sizeof(len));
	p = next(c, (size_t)len + 1);
	if (!p)
		return;
	if (!c->decode) {
		memcpy(p, from, (size_t)len + 1);
		return;
	}
	if (memchr(p, '\0', (size_t)len + 1) != p + len) {
		fail(c, -EPROTO);
		return;
	}
	copy = allocate(c, (size_t)len + 1, 1);
	if (copy)
		memcpy(copy, p, len);
	*s = copy;
}

/* How many things follow, each of at least min bytes. */
static void count(struct coder *c, size_t *nr, size_t min)
{
	uint32_t n = (uint32_t)*nr;

	number(c, &n, sizeof(n));
	if (c->decode && n > (c->size - c->done) / min)
		fail(c, -EPROTO);
	*nr = c->err ? 0 : n;
}

static void strings(struct coder *c, char ***list)
{
	size_t nr = 0;

	while (!c->decode && *list && (*list)[nr])
		nr++;
	count(c, &nr, sizeof(uint32_t) + 1);
	if (c->decode)
		*list = allocate(c, nr + 1, sizeof(**list));
	for (size_t i = 0; i < nr && !c->err; i++)
		string(c, (const char **)&(*list)[i]);
}

static void limits(struct coder *c, struct job *job)
{
	count(c, &job->nr_limits, 20);
	if (c->decode)
		job->limits =
			allocate(c, job->nr_limits + 1, sizeof(*job->limits));
	for (size_t i = 0; i < job->nr_limits && !c->err; i++) {
		struct job_limit *l = &job->limits[i];

		number(c, &l->resource, sizeof(l->resource));
		number(c, &l->soft, sizeof(l->soft));
		number(c, &l->hard, sizeof(l->hard));
	}
}

static void mounts(struct coder *c, struct job *job)
{
	unsigned int nr[JOB_NR_MOUNT_KINDS] = { 0 };

	count(c, &job->nr_mounts, 25);
	if (c->decode)
		job->mounts =
			allocate(c, job->nr_mounts + 1, sizeof(*job->mounts));
	for (size_t i = 0; i < job->nr_mounts && !c->err; i++) {
		struct job_mount *m = &job->mounts[i];

		choice(c, &m->kind, JOB_NR_MOUNT_KINDS);
		flag(c, &m->read_only);
		string(c, &m->type);
		string(c, &m->source);
		string(c, &m->path);
		string(c, &m->data);
		if (!c->err && m->kind == JOB_MOUNT_DIR &&
		    (!m->path || m->path[0] != '/'))
			fail(c, -EPROTO);
		if (!c->err)
			nr[m->kind]++;
	}
	if (nr[JOB_MOUNT_ROOT] != 1 || nr[JOB_MOUNT_UPPER] > 1)
		fail(c, -EPROTO);
}

/* Somebody must show what the pseudo-terminal says, and have the pipe. */
static bool streams_fit(const uint32_t *s)
{
	if (s[0] == JOB_AS_OUT || s[1] == JOB_AS_OUT ||
	    (s[2] == JOB_AS_OUT && s[1] != JOB_PIPE))
		return false;
	return s[0] != JOB_TTY || s[1] == JOB_TTY || s[2] == JOB_TTY;
}

static void fields(struct coder *c, struct job *job)
{
	uint32_t magic = MAGIC, version = JOB_VERSION;

	number(c, &magic, sizeof(magic));
	number(c, &version, sizeof(version));
	if (magic != MAGIC || version != JOB_VERSION)
		fail(c, -EPROTO);
	strings(c, &job->argv);
	strings(c, &job->env);
	strings(c, &job->modules);
	string(c, &job->cwd);
	string(c, &job->hostname);
	string(c, &job->user);
	number(c, &job->made_us, sizeof(job->made_us));
	number(c, &job->umask, sizeof(job->umask));
	for (int i = 0; i < JOB_NR_STREAMS; i++)
		choice(c, &job->stream[i], JOB_NR_STREAM_KINDS);
	number(c, &job->rows, sizeof(job->rows));
	number(c, &job->cols, sizeof(job->cols));
	limits(c, job);
	mounts(c, job);
	if (!c->err && (!job->argv || !job->argv[0] || !job->cwd ||
			job->cwd[0] != '/' || !streams_fit(job->stream)))
		fail(c, -EPROTO);
}

int job_encode(const struct job *job, void **out, size_t *len_bytes)
{
	struct job copy = *job; /* is not written to, but may not be const */
	struct coder c = { 0 };

	fields(&c, &copy);
	if (c.done > JOB_MAX_BYTES)
		return -EFBIG;
	if (c.err)
		return c.err;
	c = (struct coder){ .size = c.done, .at = malloc(c.done) };
	if (!c.at)
		return -ENOMEM;
	fields(&c, &copy);
	*out = c.at;
	*len_bytes = c.done;
	return 0;
}

int job_decode(struct job *job, const void *buf, size_t len_bytes)
{
	/* Not written to when decoding. */
	struct coder c = { .decode = true,
			   .at = (uint8_t *)(uintptr_t)buf,
			   .size = len_bytes };

	memset(job, 0, sizeof(*job));
	if (len_bytes > JOB_MAX_BYTES)
		return -EPROTO;
	fields(&c, job);
	if (c.done != len_bytes)
		fail(&c, -EPROTO);
	return c.err;
}

static void free_string(const char *s)
{
	free((void *)(uintptr_t)s);
}

static void free_strings(char **list)
{
	for (size_t i = 0; list && list[i]; i++)
		free(list[i]);
	free(list);
}

void job_fini(struct job *job)
{
	free_strings(job->argv);
	free_strings(job->env);
	free_strings(job->modules);
	free_string(job->cwd);
	free_string(job->hostname);
	free_string(job->user);
	for (size_t i = 0; job->mounts && i < job->nr_mounts; i++) {
		free_string(job->mounts[i].type);
		free_string(job->mounts[i].source);
		free_string(job->mounts[i].path);
		free_string(job->mounts[i].data);
	}
	free(job->mounts);
	free(job->limits);
	memset(job, 0, sizeof(*job));
}

static void exited(struct coder *c, struct job_exited *e)
{
	uint64_t *v[] = {
		&e->utime_us, &e->stime_us,	&e->maxrss_kib,	  &e->minflt,
		&e->majflt,   &e->inblock,	&e->oublock,	  &e->nvcsw,
		&e->nivcsw,   &e->stdout_bytes, &e->stderr_bytes, &e->oom_kills,
	};

	flag(c, &e->signaled);
	flag(c, &e->dumped_core);
	number(c, &e->value, sizeof(e->value));
	for (size_t i = 0; i < ARRAY_SIZE(v); i++)
		number(c, v[i], sizeof(*v[i]));
	/* An exit status has eight bits, and Linux 64 signals. */
	if (e->value > (e->signaled ? 64 : 255) || (e->signaled && !e->value))
		fail(c, -EPROTO);
}

static void failed(struct coder *c, struct job_failed *f)
{
	uint32_t len = (uint32_t)strnlen(f->text, JOB_TEXT_BYTES - 1);
	uint8_t *p;

	choice(c, &f->stage, JOB_NR_STAGES);
	number(c, &f->error, sizeof(f->error));
	number(c, &len, sizeof(len));
	if (len >= JOB_TEXT_BYTES)
		fail(c, -EPROTO);
	p = next(c, len);
	if (p && !c->decode)
		memcpy(p, f->text, len);
	/* It goes to a terminal of the host. */
	for (uint32_t i = 0; p && c->decode && i < len; i++)
		f->text[i] = p[i] < ' ' || p[i] > '~' ? '?' : (char)p[i];
}

static void message(struct coder *c, struct job_msg *m)
{
	if (m->type < JOB_SIGNAL)
		for (int i = 0; i < JOB_NR_MOMENTS; i++)
			number(c, &m->at_us[i], sizeof(m->at_us[i]));
	switch (m->type) {
	case JOB_HELLO:
		number(c, &m->version, sizeof(m->version));
		break;
	case JOB_STARTED:
	case JOB_PING:
	case JOB_PONG:
		break;
	case JOB_EXITED:
		exited(c, &m->exited);
		break;
	case JOB_FAILED:
		failed(c, &m->failed);
		break;
	case JOB_SIGNAL:
		number(c, &m->signal, sizeof(m->signal));
		if (!m->signal || m->signal > 64)
			fail(c, -EPROTO);
		break;
	case JOB_WINCH:
		number(c, &m->winch.rows, sizeof(m->winch.rows));
		number(c, &m->winch.cols, sizeof(m->winch.cols));
		break;
	case JOB_STDIN_END:
		number(c, &m->stdin_bytes, sizeof(m->stdin_bytes));
		break;
	case JOB_OUT_CLOSED:
		choice(c, &m->stream, JOB_NR_STREAMS);
		if (!m->stream)
			fail(c, -EPROTO);
		break;
	default:
		fail(c, -EPROTO);
	}
}

size_t job_msg_encode(const struct job_msg *msg, void *buf)
{
	struct job_msg copy = *msg;
	struct coder c = { .at = buf, .done = HEAD_BYTES, .size = JOB_MSG_MAX };

	message(&c, &copy);
	store_le(buf, 4, msg->type);
	store_le((uint8_t *)buf + 4, 4, c.done - HEAD_BYTES);
	return c.done;
}

int job_msg_decode(struct job_msg *msg, const void *buf, size_t len_bytes)
{
	struct coder c = { .decode = true, .at = (uint8_t *)(uintptr_t)buf };
	uint64_t len;

	memset(msg, 0, sizeof(*msg));
	if (len_bytes < HEAD_BYTES)
		return 0;
	msg->type = (uint32_t)load_le(buf, 4);
	len = load_le(c.at + 4, 4);
	if (!msg->type || msg->type >= JOB_MSG_TYPES_END ||
	    len > JOB_MSG_MAX - HEAD_BYTES)
		return -EPROTO;
	if (len_bytes < HEAD_BYTES + len)
		return 0;
	c.done = HEAD_BYTES;
	c.size = HEAD_BYTES + len;
	message(&c, msg);
	if (c.done != c.size)
		fail(&c, -EPROTO);
	return c.err ? c.err : (int)c.size;
}
