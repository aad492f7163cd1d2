// SPDX-License-Identifier: BSD-2-Clause
/*
 * Fuzzes a split virtqueue against the reference model of virtq.h.  Input:
 * whether the driver lies, then what next() draws.
 */
#include "tests/fuzz/must.h"

static uint64_t next(struct source *src)
{
	return draw(src, 4);
}

#include "tests/fuzz/virtq.h"

/* Made once: RAM for each input would take all the time. */
static struct rig *rig(void)
{
	static struct rig r;

	if (!r.mem.ram)
		driver_mem_init(&r.mem);
	return &r;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct source src = { data, size };
	bool may_lie = draw(&src, 1) & 1;
	struct rig *r = rig();

	rig_start(r, &src);
	while (src.left)
		rig_step(r, &src, may_lie);
	return 0;
}
