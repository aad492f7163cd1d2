// SPDX-License-Identifier: BSD-2-Clause
/*
 * options - turns argv and "value,key=value" lists into calls of setters, and
 * finds the nearest match for a word that is none. Knows no particular
 * option; what the values mean is options-value.c's.
 */
#include "options.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fd.h"
#include "log.h"
#include "util.h"

#define MAX_OPTIONS 64
#define MAX_WORD 63

/*
 * Edit distance where a swap of neighbours counts one, as for the commonest
 * slips of the finger (optimal string alignment).
 */
static unsigned int distance(const char *a, const char *b)
{
	unsigned int rows[3][MAX_WORD + 1];
	size_t la = strlen(a), lb = strlen(b);

	if (la > MAX_WORD || lb > MAX_WORD)
		return UINT32_MAX;
	for (size_t j = 0; j <= lb; j++)
		rows[0][j] = (unsigned int)j;

	for (size_t i = 1; i <= la; i++) {
		unsigned int *now = rows[i % 3];
		unsigned int *prev = rows[(i + 2) % 3];
		unsigned int *prev2 = rows[(i + 1) % 3];

		now[0] = (unsigned int)i;
		for (size_t j = 1; j <= lb; j++) {
			unsigned int cost = a[i - 1] != b[j - 1];

			now[j] = MIN(prev[j] + 1, now[j - 1] + 1);
			now[j] = MIN(now[j], prev[j - 1] + cost);
			if (i > 1 && j > 1 && a[i - 1] == b[j - 2] &&
			    a[i - 2] == b[j - 1])
				now[j] = MIN(now[j], prev2[j - 2] + 1);
		}
	}
	return rows[la % 3][lb];
}

const char *nearest_match(const char *word, const char *const *candidates,
			  size_t nr)
{
	size_t len = strlen(word);
	unsigned int best = MAX((unsigned int)len / 3 + 1, 2U);
	const char *found = NULL;

	for (size_t i = 0; i < nr; i++) {
		unsigned int d = distance(word, candidates[i]);

		/* An abbreviation is far by distance, near by intent. */
		if (len >= 2 && !strncmp(word, candidates[i], len))
			d = MIN(d, 1);
		if (d < best) {
			best = d;
			found = candidates[i];
		}
	}
	return found;
}

/* An option as it stands in argv, taken apart. */
struct arg {
	const struct opt *opt;
	char name[MAX_WORD + 3]; /* "--memory" or "-m", as given */
	const char *value; /* after "=" or glued to a letter; NULL: none */
};

/* The one name that begins with this letter, or NULL. */
static const char *by_letter(char letter, const char *const *names, size_t nr)
{
	const char *found = NULL;

	for (size_t i = 0; i < nr; i++) {
		if (names[i][0] != letter)
			continue;
		if (found)
			return NULL;
		found = names[i];
	}
	return found;
}

static int unknown_option(const char *cmd, const char *name,
			  const struct opt *opts, size_t nr)
{
	const char *names[MAX_OPTIONS + 2];
	const char *near;
	size_t n = 0;

	names[n++] = "help";
	names[n++] = "version";
	for (size_t i = 0; i < nr && n < ARRAY_SIZE(names); i++)
		names[n++] = opts[i].name;
	near = name[1] == '-' ? nearest_match(name + 2, names, n) :
				by_letter(name[1], names, n);

	if (near)
		log_err("%s: %s has no such option; did you mean --%s?", name,
			cmd, near);
	else
		log_err("%s: %s has no such option; see 'wherry help %s'", name,
			cmd, cmd);
	return -EINVAL;
}

static int split_long(const char *cmd, const char *s, const struct opt *opts,
		      size_t nr, struct arg *arg)
{
	size_t len = strcspn(s, "=");

	snprintf(arg->name, sizeof(arg->name), "%.*s", (int)MIN(len, 99), s);
	arg->value = s[len] ? s + len + 1 : NULL;

	for (size_t i = 0; i < nr; i++)
		if (!strcmp(arg->name + 2, opts[i].name))
			arg->opt = &opts[i];
	if (arg->opt)
		return 0;
	if (!arg->value && !strcmp(arg->name, "--help"))
		return OPTIONS_HELP;
	if (!arg->value && !strcmp(arg->name, "--version"))
		return OPTIONS_VERSION;
	return unknown_option(cmd, arg->name, opts, nr);
}

/* s is "-m" or "-m512M"; flags cannot be bundled, there are so few. */
static int split_short(const char *cmd, const char *s, const struct opt *opts,
		       size_t nr, struct arg *arg)
{
	snprintf(arg->name, sizeof(arg->name), "-%c", s[1]);
	arg->value = s[2] ? s + 2 : NULL;

	for (size_t i = 0; i < nr; i++)
		if (opts[i].letter == s[1])
			arg->opt = &opts[i];
	if (arg->opt)
		return 0;
	if (!strcmp(s, "-h"))
		return OPTIONS_HELP;
	if (!strcmp(s, "-V"))
		return OPTIONS_VERSION;
	return unknown_option(cmd, s, opts, nr);
}

static int set_plain(void *ctx, const struct opt *opt, const char *value)
{
	void *member = (char *)ctx + opt->offset;
	char name[MAX_WORD + 3];
	size_t nr = 0;

	snprintf(name, sizeof(name), "--%s", opt->name);
	switch (opt->kind) {
	case OPT_IS_STRING:
		return option_string(name, value, member);
	case OPT_IS_TIME:
		return option_time(name, value, member);
	case OPT_IS_WORD:
		while (opt->words[nr])
			nr++;
		return option_word(name, value, opt->words, nr, member);
	case OPT_IS_FLAG:
		break;
	}
	*(bool *)member = true;
	return 0;
}

/* Reads the option at argv[*i], and its value at argv[*i + 1] if it is there. */
static int read_option(const struct opt *opts, size_t nr, int argc, char **argv,
		       int *i, uint64_t *seen, void *ctx)
{
	struct arg arg = { 0 };
	uint64_t bit;
	int r;

	if (argv[*i][1] == '-')
		r = split_long(argv[0], argv[*i], opts, nr, &arg);
	else
		r = split_short(argv[0], argv[*i], opts, nr, &arg);
	if (r)
		return r;

	if (arg.opt->flag && arg.value) {
		log_err("%s: takes no value", arg.name);
		return -EINVAL;
	}
	if (!arg.opt->flag && !arg.value) {
		if (*i + 1 >= argc) {
			log_err("%s: its value is missing", arg.name);
			return -EINVAL;
		}
		arg.value = argv[++*i];
	}

	bit = UINT64_C(1) << (arg.opt - opts);
	if (!arg.opt->many && *seen & bit) {
		log_err("--%s: given twice; give it once", arg.opt->name);
		return -EINVAL;
	}
	*seen |= bit;
	return arg.opt->set ? arg.opt->set(ctx, arg.value ? arg.value : "") :
			      set_plain(ctx, arg.opt, arg.value);
}

/* Operands end the options, or come between them. */
static int parse(const struct opt *opts, size_t nr, int argc, char **argv,
		 void *ctx, bool mixed, int *nr_operands, int *next)
{
	bool only_operands = false;
	uint64_t seen = 0;
	int i, r, found = 0;

	if (nr > MAX_OPTIONS)
		return -EINVAL;

	for (i = 1; i < argc; i++) {
		if (!only_operands && !strcmp(argv[i], "--")) {
			only_operands = true;
			continue;
		}
		/* "-" alone is an operand, by custom. */
		if (!only_operands && argv[i][0] == '-' && argv[i][1]) {
			r = read_option(opts, nr, argc, argv, &i, &seen, ctx);
			if (r)
				return r;
			continue;
		}
		if (!mixed)
			break;
		if (!nr_operands) {
			log_err("%s: unexpected argument of %s; see 'wherry "
				"help %s'",
				argv[i], argv[0], argv[0]);
			return -EINVAL;
		}
		argv[1 + found++] = argv[i];
	}

	if (nr_operands)
		*nr_operands = found;
	*next = i;
	return 0;
}

int options_parse(const struct opt *opts, size_t nr, int argc, char **argv,
		  void *ctx, int *nr_operands)
{
	int next;

	return parse(opts, nr, argc, argv, ctx, true, nr_operands, &next);
}

int options_parse_command(const struct opt *opts, size_t nr, int argc,
			  char **argv, void *ctx, int *first)
{
	return parse(opts, nr, argc, argv, ctx, false, NULL, first);
}

/*
 * Takes the part of a list that starts at *s, its ",," turned into ",", and
 * moves *s behind the comma that ends it, or to NULL at the end.
 */
static char *next_part(char **s)
{
	char *part = *s;
	char *out = part;
	char *p;

	for (p = part; *p; p++) {
		if (*p == ',' && p[1] != ',')
			break;
		if (*p == ',')
			p++;
		*out++ = *p;
	}
	*s = *p ? p + 1 : NULL;
	*out = '\0';
	return part;
}

static int unknown_key(const char *option, const char *name,
		       const struct opt_key *keys, size_t nr)
{
	const char *names[MAX_OPTIONS];
	const char *near;
	size_t n;

	for (n = 0; n < nr && n < ARRAY_SIZE(names); n++)
		names[n] = keys[n].name;
	near = nearest_match(name, names, n);

	if (!*name)
		log_err("%s: nothing follows a comma; a comma within a value "
			"is written ',,'",
			option);
	else if (near)
		log_err("%s: %s: no such key; did you mean %s?", option, name,
			near);
	else
		log_err("%s: %s: no such key; a comma within a value is "
			"written ',,'",
			option, name);
	return -EINVAL;
}

/* What is wrong leaves it as it was. */
static int set_member(void *ctx, const struct opt_key *key, const char *option,
		      const char *value)
{
	void *member = (char *)ctx + key->offset;
	uint64_t number;
	uint32_t stored;
	int r;

	if (!key->number)
		return option_bool(option, value, member);
	r = option_number(option, value, key->min, key->max, &number);
	if (!r) {
		stored = (uint32_t)number;
		memcpy(member, &stored, sizeof(stored));
	}
	return r;
}

static int set_key(const char *option, char *part, const struct opt_key *keys,
		   size_t nr, uint64_t *seen, void *ctx)
{
	char name[2 * MAX_WORD];
	char *value = strchr(part, '=');
	size_t i;

	if (value)
		*value++ = '\0';

	for (i = 0; i < nr; i++)
		if (!strcmp(part, keys[i].name))
			break;
	if (i == nr)
		return unknown_key(option, part, keys, nr);

	if (*seen & UINT64_C(1) << i) {
		log_err("%s: %s: given twice; give it once", option, part);
		return -EINVAL;
	}
	*seen |= UINT64_C(1) << i;

	snprintf(name, sizeof(name), "%s: %s", option, part);
	return keys[i].set ? keys[i].set(ctx, name, value) :
			     set_member(ctx, &keys[i], name, value);
}

int option_list(const char *option, const char *value,
		int (*first)(void *ctx, const char *option, const char *value),
		const struct opt_key *keys, size_t nr, void *ctx)
{
	char *copy cleanup_free = strdup(value);
	char *rest = copy;
	uint64_t seen = 0;
	int r;

	if (!copy) {
		log_err("%s: out of memory", option);
		return -ENOMEM;
	}
	if (first) {
		r = first(ctx, option, next_part(&rest));
		if (r)
			return r;
	}
	while (rest) {
		r = set_key(option, next_part(&rest), keys, nr, &seen, ctx);
		if (r)
			return r;
	}
	return 0;
}
