/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * VFIO and iommufd of fake-kernel.h: two devices, config space in region 7, BAR 0
 * of 16 KiB. Included by it, after its state.
 */
#ifndef TESTS_UNIT_FAKE_KERNEL_VFIO_H
#define TESTS_UNIT_FAKE_KERNEL_VFIO_H

static inline void fake_config(int fd, unsigned int off, unsigned int len,
			       uint32_t val)
{
	uint8_t bytes[4];

	store_le(bytes, len, val);
	assert_int_equal(pwrite(fd, bytes, len,
				(off_t)(FAKE_REGION(VFIO_REGION_CONFIG) + off)),
			 len);
}

static inline int fake_open_device(int i)
{
	int fd = fake_fd(FAKE_DEVICE + i, FAKE_REGION(VFIO_MAX_REGIONS));

	fake_config(fd, PCI_VENDOR_ID, 4, 0x00101b36);
	fake_config(fd, PCI_COMMAND, 4, 0x00100103);
	fake_config(fd, PCI_CLASS_REVISION, 4, 0x01080202);
	fake_config(fd, PCI_CAPABILITY_LIST, 1, 0x40);
	fake_config(fd, PCI_INTERRUPT_PIN, 1, 1);
	fake_config(fd, PCI_BASE_ADDRESS_0, 4,
		    0xfe000000u | PCI_BASE_ADDRESS_MEM_TYPE_64);
	fake_config(fd, 0x40, 4, PCI_CAP_ID_MSIX | 0x80 << 8 | 64u << 16);
	fake_config(fd, 0x44, 4, 0x2000);
	fake_config(fd, 0x48, 4, 0x3000);
	fake_config(fd, 0x80, 4, PCI_CAP_ID_EXP | 2u << 16);
	fake_config(fd, 0x84, 4, PCI_EXP_DEVCAP_FLR);
	return fd;
}

static inline int fake_region_info(struct vfio_region_info *info)
{
	uint64_t size = info->index == 0		  ? KIB(16) :
			info->index == VFIO_REGION_CONFIG ? 4096 :
							    0;

	info->size = size;
	info->offset = FAKE_REGION(info->index);
	info->flags = size ? VFIO_REGION_INFO_FLAG_READ |
				      VFIO_REGION_INFO_FLAG_WRITE :
			     0;
	if (size == KIB(16))
		info->flags |= VFIO_REGION_INFO_FLAG_MMAP;
	return 0;
}

static inline int fake_irq_info(struct vfio_irq_info *info)
{
	static const uint32_t counts[VFIO_NR_IRQS] = { 1, 1, 65, 1, 1 };

	info->flags = VFIO_IRQ_INFO_EVENTFD;
	info->count = counts[info->index];
	return 0;
}

static inline int fake_set_irqs(const struct vfio_irq_set *set)
{
	if (set->count == 1 && set->flags & VFIO_IRQ_SET_DATA_EVENTFD)
		memcpy(&fake.event_fds[set->index], set->data, sizeof(int));
	return 0;
}

static inline int fake_bind(int i, struct abi_vfio_bind *bind)
{
	if (fake.bound[i] || fake.kinds[bind->iommufd] != FAKE_IOMMU)
		return fake_no(EINVAL);
	fake_note("bind", fake_names[FAKE_DEVICE + i]);
	fake.bound[i] = true;
	bind->out_devid = (uint32_t)i + 1;
	return 0;
}

static inline int fake_feature(int i, const struct abi_vfio_feature_dma_buf *f)
{
	if ((f->feature & VFIO_DEVICE_FEATURE_MASK) != ABI_VFIO_FEATURE_DMA_BUF)
		return fake_no(ENOTTY);
	if (fake.no_dmabuf[i])
		return fake_no(fake.no_dmabuf[i]);
	if (f->feature & VFIO_DEVICE_FEATURE_PROBE)
		return 0;
	assert_int_equal(f->argsz, sizeof(*f));
	fake_note("export", fake_names[FAKE_DEVICE + i]);
	return fake_fd(FAKE_OTHER, f->length);
}

/* Each allowed range lies within one that the device reaches. */
static inline bool fake_reaches_all(void)
{
	for (unsigned int i = 0; i < fake.nr_allowed; i++) {
		unsigned int k = 0;

		while (k < fake.nr_reach &&
		       (fake.allowed[i].start < fake.reach[k].start ||
			fake.allowed[i].last > fake.reach[k].last))
			k++;
		if (k == fake.nr_reach)
			return false;
	}
	return true;
}

static inline int fake_attach_pasid(int i, const struct abi_vfio_attach *a)
{
	char what[32];

	assert_int_equal(a->argsz, 16);
	assert_int_equal(a->flags, ABI_VFIO_DEVICE_ATTACH_PASID);
	if (fake.pasid_errno)
		return fake_no(fake.pasid_errno);
	if (a->pt_id != FAKE_HWPT)
		return fake_no(ENOENT);
	assert_true(fake.attached[i]);
	snprintf(what, sizeof(what), "pasid%u-", a->pasid);
	fake_note(what, fake_names[FAKE_DEVICE + i]);
	return 0;
}

static inline int fake_attach(int i, const struct abi_vfio_attach *a)
{
	if (a->flags)
		return fake_attach_pasid(i, a);
	assert_int_equal(a->argsz, 12);
	if (a->pt_id == FAKE_SCRATCH) {
		fake_note("look", fake_names[FAKE_DEVICE + i]);
		return 0;
	}
	if (a->pt_id != FAKE_IOAS && a->pt_id != FAKE_HWPT)
		return fake_no(ENOENT);
	if (!fake_reaches_all())
		return fake_no(EADDRINUSE);
	fake_note(a->pt_id == FAKE_HWPT ? "attach-hwpt" : "attach",
		  fake_names[FAKE_DEVICE + i]);
	fake.attached[i] = true;
	return 0;
}

static inline int fake_detach(int i, const struct abi_vfio_detach *d)
{
	const char *name = fake_names[FAKE_DEVICE + i];
	char what[32];

	assert_int_equal(d->argsz, d->flags ? 12 : 8);
	if (d->flags) {
		assert_int_equal(d->flags, ABI_VFIO_DEVICE_DETACH_PASID);
		snprintf(what, sizeof(what), "unpasid%u-", d->pasid);
		fake_note(what, name);
		return 0;
	}
	fake_note(fake.attached[i] ? "detach" : "away", name);
	fake.attached[i] = false;
	return 0;
}

static inline int fake_vfio(int i, unsigned long request, void *arg)
{
	const char *name = fake_names[FAKE_DEVICE + i];

	/* A fresh device can do nothing but bind. */
	if (!fake.bound[i] && request != ABI_VFIO_DEVICE_BIND_IOMMUFD)
		return fake_no(EINVAL);
	switch (request) {
	case ABI_VFIO_DEVICE_BIND_IOMMUFD:
		return fake_bind(i, arg);
	case ABI_VFIO_DEVICE_ATTACH_IOMMUFD_PT:
		return fake_attach(i, arg);
	case ABI_VFIO_DEVICE_DETACH_IOMMUFD_PT:
		return fake_detach(i, arg);
	case VFIO_DEVICE_GET_INFO:
		((struct vfio_device_info *)arg)->flags =
			VFIO_DEVICE_FLAGS_PCI | VFIO_DEVICE_FLAGS_RESET;
		((struct vfio_device_info *)arg)->num_regions = 9;
		((struct vfio_device_info *)arg)->num_irqs = 5;
		return 0;
	case VFIO_DEVICE_GET_REGION_INFO:
		return fake_region_info(arg);
	case VFIO_DEVICE_GET_IRQ_INFO:
		return fake_irq_info(arg);
	case VFIO_DEVICE_SET_IRQS:
		return fake_set_irqs(arg);
	case VFIO_DEVICE_FEATURE:
		return fake_feature(i, arg);
	case VFIO_DEVICE_RESET:
		fake_note("reset", name);
		return 0;
	default:
		return fake_no(ENOTTY);
	}
}

static inline int fake_ioas(struct abi_iommu_ioas_alloc *alloc)
{
	alloc->out_ioas_id = fake.has_ioas ? FAKE_SCRATCH : FAKE_IOAS;
	fake_note(fake.has_ioas ? "scratch" : "ioas", "");
	fake.has_ioas = true;
	return 0;
}

static inline int fake_allow(const struct abi_iommu_ioas_allow_iovas *a)
{
	assert_true(a->num_iovas <= ARRAY_SIZE(fake.allowed));
	memcpy(fake.allowed, (void *)(uintptr_t)a->allowed_iovas,
	       a->num_iovas * sizeof(fake.allowed[0]));
	fake.nr_allowed = a->num_iovas;
	fake_note("allow", "");
	return 0;
}

static inline int fake_ranges(struct abi_iommu_ioas_iova_ranges *get)
{
	assert_true(get->num_iovas >= fake.nr_reach);
	get->num_iovas = fake.nr_reach;
	memcpy((void *)(uintptr_t)get->allowed_iovas, fake.reach,
	       fake.nr_reach * sizeof(fake.reach[0]));
	return 0;
}

static inline int fake_hwpt(struct abi_iommu_hwpt_alloc *alloc)
{
	struct abi_iommu_hwpt_alloc want = {
		.size = 48,
		.flags = ABI_IOMMU_HWPT_ALLOC_PASID,
		.dev_id = alloc->dev_id,
		.pt_id = FAKE_IOAS,
	};

	assert_memory_equal(alloc, &want, sizeof(want));
	assert_in_range(alloc->dev_id, 1, 2);
	if (fake.hwpt_errno)
		return fake_no(fake.hwpt_errno);
	fake_note("hwpt", fake_names[FAKE_DEVICE + alloc->dev_id - 1]);
	alloc->out_hwpt_id = FAKE_HWPT;
	return 0;
}

static inline int fake_destroy(const struct abi_iommu_destroy *d)
{
	if (d->id != FAKE_SCRATCH && (fake.attached[0] || fake.attached[1]))
		return fake_no(EBUSY);
	fake_note(d->id == FAKE_IOAS ? "destroy" :
		  d->id == FAKE_HWPT ? "free-hwpt" :
				       "free-scratch",
		  "");
	return 0;
}

static inline int fake_iommu(unsigned long request, void *arg)
{
	switch (request) {
	case ABI_IOMMU_IOAS_ALLOC:
		return fake_ioas(arg);
	case ABI_IOMMU_IOAS_ALLOW_IOVAS:
		return fake_allow(arg);
	case ABI_IOMMU_IOAS_IOVA_RANGES:
		return fake_ranges(arg);
	case ABI_IOMMU_GET_HW_INFO:
		((struct abi_iommu_hw_info *)arg)->out_max_pasid_log2 =
			fake.pasid_log2;
		return 0;
	case ABI_IOMMU_HWPT_ALLOC:
		return fake_hwpt(arg);
	case ABI_IOMMU_IOAS_MAP_FILE:
		fake_note("map", "");
		return 0;
	case ABI_IOMMU_IOAS_UNMAP:
		fake_note("unmap", "");
		return 0;
	case ABI_IOMMU_DESTROY:
		return fake_destroy(arg);
	default:
		return fake_no(ENOTTY);
	}
}

#endif
