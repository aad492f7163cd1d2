/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The host of fake-vfio.h but for the device: memslots, the IOAS and interrupt
 * routes, by the functions of kvm.h, iommufd.h and irq.h that an assigned
 * function calls. Included by fake-vfio.h, after its state.
 */
#ifndef TESTS_UNIT_FAKE_VFIO_HOST_H
#define TESTS_UNIT_FAKE_VFIO_HOST_H

/* kvm.h */

int kvm_memslot_add(struct kvm *kvm, gpa_t gpa, uint64_t size, void *hva,
		    bool readonly, unsigned int *slot)
{
	unsigned int i = 0;

	(void)kvm;
	assert_int_equal((gpa | size | (uintptr_t)hva) % host_page_bytes(), 0);
	assert_true(size > 0);
	if (fake_fails())
		return -ENOSPC;
	if (gpa < FAKE_RAM_END)
		return -EEXIST;
	for (i = 0; i < FAKE_SLOTS; i++)
		if (fake.slots[i].used &&
		    ranges_overlap(fake.slots[i].gpa, fake.slots[i].size, gpa,
				   size))
			return -EEXIST;
	for (i = 0; fake.slots[i].used; i++)
		assert_true(i < FAKE_SLOTS - 1);
	fake.slots[i].used = true;
	fake.slots[i].gpa = gpa;
	fake.slots[i].size = size;
	fake.slots[i].hva = hva;
	fake.slots[i].readonly = readonly;
	fake.nr_slot_changes++;
	*slot = i;
	return 0;
}

int kvm_memslot_del(struct kvm *kvm, unsigned int slot)
{
	(void)kvm;
	assert_true(slot < FAKE_SLOTS && fake.slots[slot].used);
	if (fake.slots_stuck)
		return -ENOMEM;
	fake.slots[slot].used = false;
	fake.nr_slot_changes++;
	return 0;
}

/* irq.h */

int irq_msi_alloc(struct irq *irq, uint32_t *gsi)
{
	int r = fake_fails();

	(void)irq;
	for (*gsi = 24; fake.gsis[*gsi].used; ++*gsi)
		assert_true(*gsi < FAKE_GSIS - 1);
	fake.gsis[*gsi].used = !r;
	return r;
}

void irq_msi_free(struct irq *irq, uint32_t gsi)
{
	(void)irq;
	assert_true(fake.gsis[gsi].used);
	assert_true(fake.gsis[gsi].fd < 0);
	fake.gsis[gsi].used = false;
	fake.gsis[gsi].set = fake.gsis[gsi].committed = false;
}

void irq_msi_set(struct irq *irq, uint32_t gsi, const struct irq_message *msg)
{
	(void)irq;
	assert_true(fake.gsis[gsi].used);
	if (fake.gsis[gsi].set && fake.gsis[gsi].addr == msg->addr &&
	    fake.gsis[gsi].data == msg->data)
		return;
	fake.gsis[gsi].set = true;
	fake.gsis[gsi].committed = false;
	fake.gsis[gsi].addr = msg->addr;
	fake.gsis[gsi].data = msg->data;
}

int irq_commit(struct irq *irq)
{
	bool dirty = false;

	(void)irq;
	for (unsigned int i = 24; i < FAKE_GSIS; i++) {
		dirty |= fake.gsis[i].set && !fake.gsis[i].committed;
		fake.gsis[i].committed = fake.gsis[i].set;
	}
	fake.nr_commits += dirty;
	return 0;
}

int irq_fd_assign(struct irq *irq, uint32_t gsi, int fd, int resamplefd)
{
	int r = fake_fails();

	(void)irq;
	fake.nr_irqfd_calls++;
	assert_true(fd >= 0);
	assert_true(fake.gsis[gsi].fd < 0);
	/* Before its route is in effect, an event would be lost. */
	assert_true(gsi < 24 || fake.gsis[gsi].committed);
	if (r)
		return r;
	fake.gsis[gsi].fd = fd;
	fake.gsis[gsi].resample_fd = resamplefd;
	/* KVM looks for what came before, but leaves it there. */
	fake.gsis[gsi].injected +=
		poll(&(struct pollfd){ .fd = fd, .events = POLLIN }, 1, 0) == 1;
	return 0;
}

int irq_fd_deassign(struct irq *irq, uint32_t gsi, int fd)
{
	(void)irq;
	fake.nr_irqfd_calls++;
	assert_int_equal(fake.gsis[gsi].fd, fd);
	fake.gsis[gsi].fd = fake.gsis[gsi].resample_fd = -1;
	return 0;
}

/* iommufd.h */

/* Whether peers reach gpa. */
static inline bool fake_iova_at(uint64_t gpa)
{
	for (unsigned int i = 0; i < FAKE_SLOTS; i++)
		if (ranges_overlap(fake.iovas[i].start, fake.iovas[i].size, gpa,
				   1))
			return true;
	return false;
}

int iommufd_map_dmabuf(struct iommufd *iommufd, iova_t iova, uint64_t size,
		       int dmabuf_fd)
{
	unsigned int i;

	assert_non_null(iommufd);
	assert_int_equal(fake.dev.exported[dmabuf_fd], size);
	if (fake.map_errno)
		return -fake.map_errno;
	if (iova < FAKE_RAM_END)
		return -EEXIST;
	for (i = 0; i < FAKE_SLOTS; i++)
		if (ranges_overlap(fake.iovas[i].start, fake.iovas[i].size,
				   iova, size))
			return -EEXIST;
	for (i = 0; fake.iovas[i].size; i++)
		assert_true(i < FAKE_SLOTS - 1);
	fake.iovas[i] = (struct range){ iova, size };
	return 0;
}

int iommufd_unmap_dmabuf(struct iommufd *iommufd, iova_t iova, uint64_t size)
{
	assert_non_null(iommufd);
	if (fake.unmap_errno)
		return -fake.unmap_errno;
	for (unsigned int i = 0; i < FAKE_SLOTS; i++)
		if (fake.iovas[i].start == iova && fake.iovas[i].size == size) {
			fake.iovas[i] = (struct range){ 0, 0 };
			return 0;
		}
	fail_msg("not mapped: 0x%llx", (unsigned long long)iova);
	return -ENOENT;
}

#endif
