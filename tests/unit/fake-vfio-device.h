/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The device of fake-vfio.h, by the functions of vfio.h: it answers from the
 * state that a test has set, and notes what it was asked. Included by
 * fake-vfio.h, after its state.
 */
#ifndef TESTS_UNIT_FAKE_VFIO_DEVICE_H
#define TESTS_UNIT_FAKE_VFIO_DEVICE_H

const char *vfio_name(const struct vfio_device *dev)
{
	(void)dev;
	return "0000:01:00.0";
}

uint32_t vfio_devid(const struct vfio_device *dev)
{
	return dev->devid ? dev->devid : 1;
}

bool vfio_can_reset(const struct vfio_device *dev)
{
	return dev->can_reset;
}

const struct vfio_region *vfio_region(const struct vfio_device *dev,
				      unsigned int index)
{
	return index < VFIO_MAX_REGIONS ? &dev->regions[index] : NULL;
}

const struct vfio_irq *vfio_irq(const struct vfio_device *dev,
				unsigned int index)
{
	return index < VFIO_NR_IRQS ? &dev->irqs[index] : NULL;
}

int vfio_read(struct vfio_device *dev, unsigned int index, uint64_t offset,
	      void *buf, unsigned int len)
{
	if (dev->read_errno)
		return -dev->read_errno;
	if (!range_contains(0, dev->regions[index].size, offset, len))
		return -EINVAL;
	if (index == VFIO_REGION_CONFIG) {
		dev->nr_config_reads++;
		memcpy(buf, dev->config + offset, len);
		return 0;
	}
	dev->nr_reads++;
	dev->last_offset = offset;
	dev->last_len = len;
	memset(buf, 0, len);
	if (index < 6 && offset + len <= sizeof(dev->bar_bytes[0]))
		memcpy(buf, dev->bar_bytes[index] + offset, len);
	return 0;
}

int vfio_read_all(struct vfio_device *dev, unsigned int index, uint64_t offset,
		  void *buf, size_t size)
{
	if (dev->read_errno)
		return -dev->read_errno;
	assert_true(range_contains(0, dev->regions[index].size, offset, size));
	dev->nr_reads++;
	memset(buf, 0x5a, size);
	return 0;
}

/* A device that loses its state in D3hot has it put back by the kernel. */
static inline void fake_power(struct vfio_device *dev, uint8_t to)
{
	uint8_t was = dev->config[dev->pm_ctrl];

	if (was & PCI_PM_CTRL_NO_SOFT_RESET)
		return;
	if ((was & PCI_PM_CTRL_STATE_MASK) < 3 &&
	    (to & PCI_PM_CTRL_STATE_MASK) == 3)
		memcpy(dev->saved_command, dev->config + PCI_COMMAND, 2);
	if ((was & PCI_PM_CTRL_STATE_MASK) == 3 &&
	    !(to & PCI_PM_CTRL_STATE_MASK))
		memcpy(dev->config + PCI_COMMAND, dev->saved_command, 2);
}

static inline void fake_config_write(struct vfio_device *dev, uint64_t offset,
				     const void *buf, unsigned int len)
{
	uint32_t val = (uint32_t)load_le(buf, len);

	/* The kernel acts on COMMAND only as a whole, and a 0 for memory
	 * would zap every BAR mapping. */
	if (offset <= PCI_COMMAND + 1 && offset + len > PCI_COMMAND) {
		assert_int_equal(offset, PCI_COMMAND);
		assert_int_equal(len, 2);
		assert_int_equal(val & 3, 3);
	}
	/* Asleep, its BARs fault, and what peers have mapped is revoked. */
	if (offset == dev->pm_ctrl && (val & PCI_PM_CTRL_STATE_MASK)) {
		assert_int_equal(fake_nr_slots(), 0);
		assert_int_equal(fake_nr_iovas(), 0);
	}
	dev->last_offset = offset;
	dev->last_len = len;
	dev->last_value = val;
	dev->nr_writes++;
	if (offset == dev->pm_ctrl && dev->power_stuck)
		return;
	if (dev->pm_ctrl && offset == dev->pm_ctrl)
		fake_power(dev, (uint8_t)val);
	memcpy(dev->config + offset, buf, len);
}

int vfio_write(struct vfio_device *dev, unsigned int index, uint64_t offset,
	       const void *buf, unsigned int len)
{
	if (!range_contains(0, dev->regions[index].size, offset, len))
		return -EINVAL;
	if (index == VFIO_REGION_CONFIG) {
		fake_config_write(dev, offset, buf, len);
		return 0;
	}
	dev->nr_writes++;
	dev->last_offset = offset;
	dev->last_len = len;
	dev->last_value = load_le(buf, len);
	return 0;
}

int vfio_map_region(struct vfio_device *dev, unsigned int index,
		    const struct range *areas, unsigned int nr, void **hva)
{
	int r = fake_fails();

	assert_true(nr > 0);
	for (unsigned int i = 0; i < nr; i++)
		assert_int_equal((areas[i].start | areas[i].size) %
					 host_page_bytes(),
				 0);
	assert_true(dev->regions[index].mmap);
	assert_null(dev->maps[index]);
	if (r)
		return r;
	*hva = dev->maps[index] = (void *)((index + 1ULL) << 44);
	dev->nr_maps++;
	return 0;
}

void vfio_unmap_region(struct vfio_device *dev, unsigned int index, void *hva,
		       bool keep)
{
	bool shown = false;

	assert_ptr_equal(dev->maps[index], hva);
	/* A memslot must not outlive what it shows. */
	for (unsigned int i = 0; i < FAKE_SLOTS; i++)
		shown |= fake.slots[i].used &&
			 (uintptr_t)fake.slots[i].hva >> 44 == index + 1;
	assert_int_equal(keep, shown);
	dev->maps[index] = NULL;
	dev->nr_maps--;
}

int vfio_dmabuf_export(struct vfio_device *dev, unsigned int index,
		       const struct range *area, int *fd)
{
	int r = fake_fails();

	if (!r && dev->export_errno)
		r = -dev->export_errno;
	if (r)
		return r;
	assert_true(index < 6 && dev->regions[index].mmap);
	assert_int_equal((area->start | area->size) % host_page_bytes(), 0);
	assert_true(area->size > 0);
	*fd = dup(STDOUT_FILENO); /* any: nobody reads it */
	dev->exported[*fd] = area->size;
	return 0;
}

static inline bool fake_is_exclusive(unsigned int index)
{
	return index == VFIO_INTX || index == VFIO_MSI || index == VFIO_MSIX;
}

int vfio_irq_set(struct vfio_device *dev, unsigned int index,
		 unsigned int start, unsigned int count, const int *fds)
{
	int r = fake_fails();

	dev->nr_set_irqs++;
	assert_true(range_contains(0, dev->irqs[index].count, start, count));
	if (r)
		return r;
	if (!fake_is_exclusive(index)) {
		dev->event_fds[index] = fds[0];
		return 0;
	}
	assert_true(dev->active_irq < 0 || dev->active_irq == (int)index);
	if (dev->active_irq < 0 && dev->max_host_vectors &&
	    start + count > dev->max_host_vectors)
		return -ENOSPC;
	if (dev->active_irq < 0)
		dev->nr_host_vectors = start + count;
	else if (dev->irqs[index].noresize &&
		 start + count > dev->nr_host_vectors)
		return -EINVAL;
	dev->active_irq = (int)index;
	memcpy(&dev->vector_fds[start], fds, count * sizeof(fds[0]));
	if (index == VFIO_INTX && dev->line_is_high)
		fake_fire(0);
	return 0;
}

int vfio_irq_disable(struct vfio_device *dev, unsigned int index)
{
	if (!fake_is_exclusive(index)) {
		dev->event_fds[index] = -1;
		return 0;
	}
	if (dev->active_irq != (int)index)
		return 0;
	/* Nothing may be injected from a source that is gone. */
	assert_int_equal(fake_nr_irqfds(), 0);
	memset(dev->vector_fds, 0xff, sizeof(dev->vector_fds));
	dev->active_irq = -1;
	dev->unmask_fd = -1;
	return 0;
}

int vfio_irq_unmask(struct vfio_device *dev, unsigned int index)
{
	assert_int_equal(index, VFIO_INTX);
	assert_int_equal(dev->active_irq, VFIO_INTX);
	dev->nr_unmasks++;
	return 0;
}

int vfio_irq_unmask_fd(struct vfio_device *dev, unsigned int index, int fd)
{
	assert_int_equal(index, VFIO_INTX);
	if (dev->unmask_fd_errno)
		return -dev->unmask_fd_errno;
	assert_int_equal(dev->active_irq, VFIO_INTX); /* TRIGGER first */
	dev->unmask_fd = fd;
	return 0;
}

int vfio_reset(struct vfio_device *dev)
{
	int r = fake_fails();

	assert_int_equal(fake_nr_slots(), 0);
	assert_int_equal(fake_nr_iovas(), 0);
	assert_int_equal(fake_nr_irqfds(), 0);
	assert_int_equal(dev->active_irq, -1);
	assert_int_equal(fake_config(PCI_COMMAND, 2) & PCI_COMMAND_MASTER, 0);
	assert_false(dev->asleep);
	dev->nr_resets++;
	return r;
}

int vfio_hot_reset_set(struct vfio_device *dev, uint32_t *devids,
		       unsigned int max)
{
	if (dev->set_errno)
		return -dev->set_errno;
	assert_true(fake.nr_bus <= max);
	memcpy(devids, fake.bus, fake.nr_bus * sizeof(*devids));
	return (int)fake.nr_bus;
}

int vfio_hot_reset(struct vfio_device *dev)
{
	assert_int_equal(fake_nr_slots(), 0);
	assert_int_equal(fake_nr_irqfds(), 0);
	assert_int_equal(
		load_le(dev->config + PCI_COMMAND, 2) & PCI_COMMAND_MASTER, 0);
	assert_false(dev->asleep);
	fake.nr_bus_resets++;
	return -fake.bus_errno;
}

int vfio_low_power(struct vfio_device *dev, bool on)
{
	if (dev->low_power_errno)
		return -dev->low_power_errno;
	assert_int_equal(fake_nr_slots(), 0);
	assert_int_equal(dev->asleep, !on);
	dev->asleep = on;
	dev->nr_low_power += on;
	return 0;
}

#endif
