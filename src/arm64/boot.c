// SPDX-License-Identifier: BSD-2-Clause
/*
 * Owns what is in RAM when the guest starts: kernel, devicetree and initrd.
 * What a kernel looks like is image.c's, what the tree says tree.c's.
 */
#include "arch.h"

#include <errno.h>
#include <sys/random.h>

#include "arm64/image.h"
#include "arm64/tree.h"
#include "boot.h"
#include "devtree.h"
#include "log.h"

/* Linux's COMMAND_LINE_SIZE; it would cut what is longer. */
#define CMDLINE_MAX 2047

/* How far the kernel reaches before it has mapped memory (booting.rst). */
#define INITRD_REACH GIB(32)

static int load_kernel(struct image *img, struct ram *ram,
		       const struct boot_params_in *in)
{
	struct boot_file f;
	int r = boot_file_init(&f, in->kernel_fd, in->kernel_name);

	return r ? r : image_load(img, &f, ram);
}

int arch_image_version(const struct boot_file *f, char *version, size_t size)
{
	return image_version(f, version, size);
}

/* The tree has what lies above the kernel, the initrd the highest place. */
static int load_initrd(struct tree_params *p, struct ram *ram,
		       const struct boot_params_in *in, const struct image *img,
		       gpa_t tree)
{
	const struct ram_range *low = ram_range(ram, 0);
	uint64_t reach = align_down(img->start, GIB(1)) + INITRD_REACH;
	uint64_t top = MIN(low->gpa + low->size, reach);
	struct range room = { tree + TREE_MAX_BYTES, 0 };

	if (top < room.start) {
		log_err("--memory: there is no room for a devicetree above "
			"the kernel; give the guest more");
		return -EINVAL;
	}
	room.size = top - room.start;
	return boot_load_initrd(ram, in->initrd_fd, in->initrd_name, &room,
				&p->initrd);
}

static int draw(void *buf, size_t len)
{
	ssize_t n = getrandom(buf, len, 0);
	int r = n < 0 ? -errno : -EIO;

	if (n == (ssize_t)len)
		return 0;
	log_err("cannot draw random numbers for the guest: %s", strerror(-r));
	return r;
}

static int load_tree(struct ram *ram, gpa_t gpa, const struct tree_params *p)
{
	struct devtree t;
	const void *blob;
	size_t size;
	int r;

	devtree_init(&t, TREE_MAX_BYTES);
	tree_write(&t, p);
	r = devtree_finish(&t, &blob, &size);
	if (!r)
		r = ram_write(ram, gpa, blob, size);
	devtree_fini(&t);
	return r;
}

int arch_boot_load(struct ram *ram, const struct layout *l,
		   const struct boot_params_in *in, struct boot_entry *entry)
{
	struct tree_params p = {
		.l = l,
		.nr_cpus = in->nr_cpus,
		.pci_slots = in->pci_slots,
		.cmdline = in->cmdline,
	};
	struct image img;
	gpa_t tree;
	int r = boot_check_cmdline(in->cmdline, CMDLINE_MAX);

	if (!r)
		r = load_kernel(&img, ram, in);
	if (r)
		return r;
	tree = align_up(img.end, TREE_MAX_BYTES);
	r = load_initrd(&p, ram, in, &img, tree);
	if (!r)
		r = draw(p.seed, sizeof(p.seed));
	if (!r)
		r = draw(&p.kaslr_seed, sizeof(p.kaslr_seed));
	if (!r)
		r = load_tree(ram, tree, &p);
	*entry = (struct boot_entry){
		.ip = img.start,
		.arg = tree,
		.page_bytes = img.page_bytes,
	};
	return r;
}
