/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The one way in which every subcommand reads its arguments: long and short
 * options, "value,key=value" lists, sizes, times, passed descriptors.  Opens
 * nothing.  Everything here logs its own error, with the nearest match.
 */
#ifndef WHERRY_OPTIONS_H
#define WHERRY_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * One option.  set is called with its value, as given ("" for a flag), and
 * returns 0 or -EINVAL after logging.  --help and --version (-h, -V) belong to
 * every command and are in no table.
 */
struct opt {
	const char *name; /* without "--" */
	char letter; /* of the short form, or 0 */
	bool flag; /* takes no value */
	bool many; /* may be repeated */
	int (*set)(void *ctx, const char *value);
	/* Without set: a member of *ctx, by the macros below. */
	enum { OPT_IS_FLAG, OPT_IS_STRING, OPT_IS_TIME, OPT_IS_WORD } kind;
	size_t offset;
	const char *const *words; /* up to a NULL */
};

/* Where a member is, which has that very type. */
#define OPT_OFFSET(type, member, as) \
	(offsetof(type, member) + 0 * sizeof(&((type *)0)->member == (as *)0))
/* The same of an integer of 32 bits, an enumeration among them. */
#define OPT_OFFSET_32(type, member) \
	(offsetof(type, member) / (sizeof(((type *)0)->member) == 4))

/* A bool that becomes true. */
#define OPT_FLAG(option, type, member)                       \
	.name = (option), .flag = true, .kind = OPT_IS_FLAG, \
	.offset = OPT_OFFSET(type, member, bool)
/* As option_string(). */
#define OPT_STRING(option, type, member)         \
	.name = (option), .kind = OPT_IS_STRING, \
	.offset = OPT_OFFSET(type, member, char *)
/* As option_time(). */
#define OPT_TIME(option, type, member)         \
	.name = (option), .kind = OPT_IS_TIME, \
	.offset = OPT_OFFSET(type, member, uint64_t)
/* As option_word(), by a list with a NULL at its end. */
#define OPT_WORD(option, type, member, list)                    \
	.name = (option), .kind = OPT_IS_WORD, .words = (list), \
	.offset = OPT_OFFSET_32(type, member)

#define OPTIONS_HELP 1
#define OPTIONS_VERSION 2

/*
 * Reads the arguments of command argv[0].  Options and operands may be mixed;
 * "--" ends the options.  On success argv[1] to argv[*nr_operands] are the
 * operands.  Returns 0; OPTIONS_HELP or OPTIONS_VERSION as soon as it meets
 * one; -EINVAL after a usage error.  nr_operands NULL: operands are an error.
 */
int options_parse(const struct opt *opts, size_t nr, int argc, char **argv,
		  void *ctx, int *nr_operands);

/*
 * The same, but the first operand, or "--", ends the options: *first is its
 * index, argc if there is none, and what follows is left as it is.
 */
int options_parse_command(const struct opt *opts, size_t nr, int argc,
			  char **argv, void *ctx, int *first);

/*
 * One key of a "value,key=value,..." list.  Not necessarily given a value:
 * "key" alone is passed as NULL, which option_bool() takes for "on".
 */
struct opt_key {
	const char *name;
	int (*set)(void *ctx, const char *option, const char *value);
	/* Without set: a member of *ctx, by the macros below. */
	size_t offset;
	bool number; /* within [min, max], else on or off */
	uint64_t min, max;
};

/* A bool. */
#define OPT_KEY_BOOL(key, type, member)                                 \
	{                                                               \
		.name = (key), .offset = OPT_OFFSET(type, member, bool) \
	}
/* A signed or unsigned number of 32 bits. */
#define OPT_KEY_NUMBER(key, type, member, first, last)                        \
	{                                                                     \
		.name = (key), .number = true, .min = (first), .max = (last), \
		.offset = OPT_OFFSET_32(type, member)                         \
	}

/*
 * Splits value at its commas (",," is a comma within), gives the first part
 * to first (NULL: there is none, keys start at once) and each further one to
 * its key.  option ("--memory") is for messages.  0 or -EINVAL.
 */
int option_list(const char *option, const char *value,
		int (*first)(void *ctx, const char *option, const char *value),
		const struct opt_key *keys, size_t nr, void *ctx);

/* "512M": a number with K, M, G or T, powers of 1024. */
int option_size(const char *option, const char *value, uint64_t *bytes);
/* As timeout(1): a decimal fraction, then s, m, h or d, or nothing (s). */
int option_time(const char *option, const char *value, uint64_t *ms);
/* Decimal, within [min, max]. */
int option_number(const char *option, const char *value, uint64_t min,
		  uint64_t max, uint64_t *out);
/* "on", "off", or NULL for "on". */
int option_bool(const char *option, const char *value, bool *out);
/* Index of value among words, which may be an enumeration from 0 up; as it was
 * on an error. */
int option_word(const char *option, const char *value, const char *const *words,
		size_t nr, unsigned int *out);
/*
 * What follows "fd=": the number of an open descriptor from 3 up, or a name
 * from LISTEN_FDNAMES when LISTEN_PID is this process (sd_listen_fds(3)).
 */
int option_fd(const char *option, const char *value, int *fd);
/* Copies a value that may not be empty. */
int option_string(const char *option, const char *value, char **out);

/*
 * The candidate nearest to word by edit distance, or NULL when none is near
 * enough to be what was meant.
 */
const char *nearest_match(const char *word, const char *const *candidates,
			  size_t nr);

#endif
