// SPDX-License-Identifier: BSD-2-Clause
/*
 * config-console - parses --console and --channel. Opens nothing.
 */
#include "config-console.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/un.h>

#include "config-device.h"
#include "config.h"
#include "log.h"
#include "options.h"
#include "util.h"

/* "file:PATH" and "unix:PATH". */
static int set_path(const char *option, const char *value, bool socket,
		    char **path)
{
	if (!value[5]) {
		log_err("%s: %s has no path; write %sPATH", option, value,
			value);
		return -EINVAL;
	}
	if (socket &&
	    strlen(value + 5) >= sizeof(((struct sockaddr_un *)0)->sun_path)) {
		log_err("%s: %s: longer than the name of a socket can be",
			option, value + 5);
		return -EINVAL;
	}
	return option_string(option, value + 5, path);
}

static int set_console_kind(void *ctx, const char *option, const char *value)
{
	static const char *const words[] = { "stdio", "file:PATH", "unix:PATH",
					     "off" };
	struct console_config *con = ctx;
	unsigned int kind = CONSOLE_STDIO;
	int r;

	if (!strncmp(value, "file:", 5) || !strncmp(value, "unix:", 5)) {
		con->kind = *value == 'f' ? CONSOLE_FILE : CONSOLE_UNIX;
		return set_path(option, value, con->kind == CONSOLE_UNIX,
				&con->path);
	}
	r = option_word(option, value, words, ARRAY_SIZE(words), &kind);
	con->kind = kind;
	return r;
}

static int set_console_device(void *ctx, const char *option, const char *value)
{
	static const char *const words[] = { "serial", "virtio" };
	struct console_config *con = ctx;
	unsigned int word = 0;
	int r;

	r = option_word(option, value, words, ARRAY_SIZE(words), &word);
	con->is_virtio = word;
	return r;
}

int config_set_console(void *ctx, const char *value)
{
	static const struct opt_key keys[] = {
		{ "device", set_console_device },
	};
	struct run_config *cfg = ctx;

	return option_list("--console", value, set_console_kind, keys,
			   ARRAY_SIZE(keys), &cfg->console);
}

static int set_channel_kind(void *ctx, const char *option, const char *value)
{
	struct channel_config *ch = ctx;

	if (!strncmp(value, "fd=", 3)) {
		ch->kind = CHANNEL_FD;
		return option_fd(option, value + 3, &ch->fd);
	}
	if (strncmp(value, "file:", 5) && strncmp(value, "unix:", 5)) {
		log_err("%s: %s: not one of unix:PATH, file:PATH, fd=N", option,
			value);
		return -EINVAL;
	}
	ch->kind = *value == 'f' ? CHANNEL_FILE : CHANNEL_UNIX;
	return set_path(option, value, ch->kind == CHANNEL_UNIX, &ch->path);
}

static int set_channel_name(void *ctx, const char *option, const char *value)
{
	struct channel_config *ch = ctx;

	return config_set_name(option, value, &ch->name);
}

int config_add_channel(void *ctx, const char *value)
{
	static const struct opt_key keys[] = {
		{ "name", set_channel_name },
	};
	struct run_config *cfg = ctx;
	struct channel_config *ch = &cfg->channels[cfg->nr_channels];
	int r;

	if (cfg->nr_channels == CONFIG_MAX_CHANNELS) {
		log_err("--channel: %s: one too many; %u are possible", value,
			CONFIG_MAX_CHANNELS);
		return -EINVAL;
	}
	cfg->nr_channels++;
	ch->fd = -1;
	r = option_list("--channel", value, set_channel_kind, keys,
			ARRAY_SIZE(keys), ch);
	if (r)
		return r;
	if (!ch->name) {
		log_err("--channel: %s: without a name; add ,name=NAME, which "
			"is /dev/virtio-ports/NAME in the guest",
			value);
		return -EINVAL;
	}
	for (const struct channel_config *o = cfg->channels; o != ch; o++) {
		if (!strcmp(o->name, ch->name)) {
			log_err("--channel: name=%s: given twice", ch->name);
			return -EINVAL;
		}
		if (ch->fd >= 0 && o->fd == ch->fd) {
			log_err("--channel: fd=%d: given twice", ch->fd);
			return -EINVAL;
		}
	}
	return 0;
}

void config_free_consoles(struct run_config *cfg)
{
	free(cfg->console.path);
	for (unsigned int i = 0; i < cfg->nr_channels; i++) {
		free(cfg->channels[i].path);
		free(cfg->channels[i].name);
	}
}
