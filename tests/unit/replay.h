/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Runs a fuzz target on its corpus and on inputs that are always the same, so
 * that it stays compiled and true where there is no fuzzer. After harness.h
 * and the target.
 */
#ifndef TESTS_UNIT_REPLAY_H
#define TESTS_UNIT_REPLAY_H

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>

#include "capture.h"

static inline void replay_random(void)
{
	uint64_t seed = 0x13198a2e03707344, in[200];

	for (unsigned int round = 0; round < 100; round++) {
		for (size_t i = 0; i < ARRAY_SIZE(in); i++) {
			seed ^= seed << 13;
			seed ^= seed >> 7;
			seed ^= seed << 17;
			in[i] = seed;
		}
		LLVMFuzzerTestOneInput((const uint8_t *)in, sizeof(in));
	}
	LLVMFuzzerTestOneInput((const uint8_t *)"", 0);
}

/* Messages are no concern here. */
static inline void replay_corpus(const char *target)
{
	const char *srcdir = getenv("srcdir");
	struct capture c;
	unsigned int nr = 0;
	struct dirent *de;
	char path[1024];
	uint8_t in[4096];
	DIR *dir;

	snprintf(path, sizeof(path), "%s/tests/fuzz/corpus/%s",
		 srcdir ? srcdir : "..", target);
	dir = opendir(path);
	if (!dir) {
		fail_msg("no corpus at %s", path);
		return; /* for those who cannot know that it never gets here */
	}
	capture_begin(&c);
	while ((de = readdir(dir))) {
		FILE *f;

		snprintf(path, sizeof(path), "%s/tests/fuzz/corpus/%s/%s",
			 srcdir ? srcdir : "..", target, de->d_name);
		f = de->d_name[0] != '.' ? fopen(path, "r") : NULL;
		if (!f)
			continue;
		LLVMFuzzerTestOneInput(in, fread(in, 1, sizeof(in), f));
		fclose(f);
		nr++;
	}
	replay_random();
	capture_end(&c);
	closedir(dir);
	assert_true(nr > 50);
}

#endif
