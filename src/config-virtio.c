// SPDX-License-Identifier: BSD-2-Clause
/*
 * config-virtio - the options that give a guest virtio devices. Opens nothing.
 */
#include "config-virtio.h"

#include "config.h"

int config_set_rng(void *ctx, const char *value)
{
	struct run_config *cfg = ctx;

	(void)value;
	cfg->rng = true;
	return 0;
}
