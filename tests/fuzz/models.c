// SPDX-License-Identifier: BSD-2-Clause
/*
 * Fuzzes the models of config space, BARs and MSI-X against the reference
 * models of models.h.  Input: which of them, then what next() draws.
 */
#include "tests/fuzz/must.h"

static uint64_t next(struct source *src)
{
	return draw(src, 6);
}

#include "tests/fuzz/models.h"

static void config(struct source *src)
{
	struct pci_config c;
	struct bits b;

	config_start(&c, &b);
	while (src->left)
		config_step(&c, &b, src);
	for (unsigned int i = 0; i < 64; i++)
		assert_int_equal(c.data[i], bits_get(b.data, i, 1));
}

static void bars(struct source *src)
{
	struct pci_bars b;
	struct regs r;

	regs_make(&r, &b, src);
	while (src->left)
		bars_step(&b, &r, src);
	for (unsigned int i = 0; i <= PCI_BAR_ROM; i++)
		assert_int_equal(pci_bars_read(&b, i), r.val[i]);
}

static void msix(struct source *src)
{
	struct raw *r = calloc(1, sizeof(*r));

	assert_non_null(r);
	raw_start(r, src);
	while (src->left)
		raw_step(r, src);
	pci_msix_fini(&r->m);
	free(r);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static void (*const models[])(struct source * src) = { config, bars,
							       msix };
	struct source src = { data, size };

	models[draw(&src, 1) % ARRAY_SIZE(models)](&src);
	return 0;
}
