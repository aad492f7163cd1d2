// SPDX-License-Identifier: BSD-2-Clause
/*
 * result - writes the file of --result. Owns nothing: the descriptor is the
 * caller's.
 */
#include "result.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>

#include "fd.h"
#include "json.h"
#include "log.h"
#include "util.h"

static uint64_t timeval_us(const struct timeval *tv)
{
	return (uint64_t)tv->tv_sec * 1000000 + (uint64_t)tv->tv_usec;
}

static void write_rusage(struct json *j)
{
	struct rusage ru = { 0 };

	getrusage(RUSAGE_SELF, &ru);
	json_object(j, "rusage");
	json_u64(j, "user_us", timeval_us(&ru.ru_utime));
	json_u64(j, "system_us", timeval_us(&ru.ru_stime));
	json_u64(j, "maxrss_bytes", KIB(ru.ru_maxrss));
	json_object_end(j);
}

int result_write(int fd, const char *path, const struct result *result,
		 void (*more)(struct json *j, const void *opaque),
		 const void *opaque)
{
	char *text cleanup_free = NULL;
	struct json j;
	size_t len;
	FILE *f;
	int r;

	if (fd < 0)
		return 0;

	/* In memory first: a stream on fd would want fstat(). */
	f = open_memstream(&text, &len);
	if (!f) {
		r = -errno;
		goto err;
	}
	json_init(&j, f);
	json_object(&j, NULL);
	json_str(&j, "name", result->name);
	json_str(&j, "reason", result->reason);
	json_i64(&j, "status", result->status);
	if (more)
		more(&j, opaque);
	write_rusage(&j);
	json_object_end(&j);
	r = fclose(f) ? -errno : fd_write_all(fd, text, len);
	if (!r)
		return 0;
err:
	log_err("%s: writing the result: %s", path, strerror(-r));
	return r;
}

int result_check(int fd, const char *option, const char *path)
{
	if (fd < 0 || !path || !fd_is_file(fd, path))
		return 0;
	log_err("%s: %s: also the file of --result; name another", option,
		path);
	return -EINVAL;
}

int result_open(const char *path, int *fd)
{
	int r;

	if (!path)
		return 0;
	*fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOCTTY,
		   0666);
	if (*fd >= 0)
		return 0;
	r = -errno;
	log_err("%s: creating the file of --result: %s", path, strerror(-r));
	return r;
}
