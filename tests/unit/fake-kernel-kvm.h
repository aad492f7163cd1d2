/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * KVM of fake-kernel.h: it has what is asked of it but for what the test takes
 * away. Included by fake-kernel.h, after its state.
 */
#ifndef TESTS_UNIT_FAKE_KERNEL_KVM_H
#define TESTS_UNIT_FAKE_KERNEL_KVM_H

static inline int fake_capability(unsigned int cap)
{
	if (fake.cap_is_missing && cap == fake.missing_cap)
		return 0;
	switch (cap) {
	case KVM_CAP_NR_MEMSLOTS:
	case KVM_CAP_IRQ_ROUTING:
	case KVM_CAP_XSAVE2:
	case KVM_CAP_NESTED_STATE:
		return 4096;
	case KVM_CAP_MAX_VCPUS:
		return (int)fake.max_vcpus;
	case KVM_CAP_DISABLE_QUIRKS2:
		return 0xff;
	default:
		return 1;
	}
}

static inline int fake_cpuid(struct kvm_cpuid2 *c)
{
	static const struct kvm_cpuid_entry2 leaves[] = {
		{ .function = 0, .eax = 0xd },
		{ .function = 1 },
		{ .function = 0x40000000, .eax = 0x40000001 },
		{ .function = 0x40000001,
		  .eax = 1u << KVM_FEATURE_CLOCKSOURCE2 },
		{ .function = 0x80000008, .eax = 40 },
	};

	assert_true(c->nent >= ARRAY_SIZE(leaves));
	c->nent = ARRAY_SIZE(leaves);
	memcpy(c->entries, leaves, sizeof(leaves));
	if (fake.no_kvm_clock)
		c->entries[3].eax = 0;
	return 0;
}

static inline int fake_kvm_vfio(const struct kvm_device_attr *a)
{
	int i = fake.kinds[*(int32_t *)(uintptr_t)a->addr] - FAKE_DEVICE;
	bool add = a->attr == KVM_DEV_VFIO_FILE_ADD;

	assert_int_equal(a->group, KVM_DEV_VFIO_FILE);
	assert_in_range(i, 0, 1);
	if (fake.in_kvm[i] == add)
		return fake_no(add ? EEXIST : ENOENT);
	fake.in_kvm[i] = add;
	fake_note(add ? "add" : "del", fake_names[FAKE_DEVICE + i]);
	return 0;
}

static inline int fake_run(int fd)
{
	struct kvm_run *run = mmap(NULL, FAKE_RUN_BYTES, PROT_READ | PROT_WRITE,
				   MAP_SHARED, fd, 0);
	int err;

	if (run == MAP_FAILED)
		abort();
	err = run->immediate_exit ? EINTR : fake.run(run);
	munmap(run, FAKE_RUN_BYTES);
	return err ? fake_no(err) : 0;
}

static inline int fake_kvm(int fd, unsigned long request, void *arg)
{
	struct kvm_create_device *cd = arg;

	switch (request) {
	case KVM_GET_API_VERSION:
		return fake.kinds[fd] == FAKE_KVM ? 12 : fake_no(ENOTTY);
	case KVM_CREATE_VM:
		fake_note("vm", "");
		return fake_fd(FAKE_VM, 0);
	case KVM_CHECK_EXTENSION:
		return fake_capability((unsigned int)(uintptr_t)arg);
	case KVM_GET_SUPPORTED_CPUID:
		return fake_cpuid(arg);
	case KVM_GET_VCPU_MMAP_SIZE:
		return FAKE_RUN_BYTES;
	case KVM_CREATE_VCPU:
		return fake_fd(FAKE_VCPU, FAKE_RUN_BYTES);
	case KVM_GET_STATS_FD:
		return fake_fd(FAKE_STATS, 0);
	case KVM_CREATE_DEVICE:
		cd->fd = (uint32_t)fake_fd(FAKE_KVM_VFIO, 0);
		return 0;
	case KVM_SET_DEVICE_ATTR:
		return fake_kvm_vfio(arg);
	case KVM_SET_MSRS:
		return (int)((struct kvm_msrs *)arg)->nmsrs;
	case KVM_GET_TSC_KHZ:
		return 2000000;
	case KVM_RUN:
		return fake_run(fd);
	default:
		return 0; /* sets something, or gives zeros */
	}
}

#endif
