// SPDX-License-Identifier: BSD-2-Clause
/*
 * test-irq - interrupt routes on a KVM that is not there: what it is told of
 * pins and messages, and who sends a message where the irqchip wants to know.
 */
#include "harness.h"

#include "capture.h"

#include <errno.h>
#include <string.h>

#include "abi/kvm.h"
#include "irq.h"
#include "kvm.h"

#define FIRST_MSI 32

static struct {
	bool by_device;
	unsigned int nr_tables;
	unsigned int nr;
	struct kvm_irq_routing_entry entries[64]; /* of the last table */
	struct kvm_irq_level level;
	int errnum; /* of every request */
} fake;

int kvm_vm_fd(const struct kvm *kvm)
{
	(void)kvm;
	return 3;
}

int kvm_extension(struct kvm *kvm, unsigned int cap)
{
	(void)kvm;
	switch (cap) {
	case KVM_CAP_IRQ_ROUTING:
		return 64;
	case KVM_CAP_MSI_DEVID:
		return fake.by_device;
	default:
		return 0;
	}
}

int kvm_ioctl(struct kvm *kvm, int fd, unsigned long request, void *arg)
{
	const struct kvm_irq_routing *table = arg;

	(void)kvm;
	assert_int_equal(fd, 3);
	if (fake.errnum)
		return -fake.errnum;
	switch (request) {
	case KVM_SET_GSI_ROUTING:
		assert_true(table->nr <= ARRAY_SIZE(fake.entries));
		assert_int_equal(table->flags, 0);
		fake.nr = table->nr;
		memcpy(fake.entries, table->entries,
		       table->nr * sizeof(fake.entries[0]));
		fake.nr_tables++;
		return 0;
	case KVM_IRQ_LINE:
		fake.level = *(struct kvm_irq_level *)arg;
		return 0;
	default:
		fail_msg("unexpected request %#lx", request);
		return -ENOTTY;
	}
}

static const struct kvm_route pins[] = {
	{ .gsi = 0, .chip = 2, .pin = 5, .line = 0x1000020 },
	{ .gsi = 7, .chip = 2, .pin = 6, .line = 0x1000027 },
};

static struct irq *create(bool by_device)
{
	struct irq *irq = NULL;

	memset(&fake, 0, sizeof(fake));
	fake.by_device = by_device;
	assert_int_equal(
		irq_create(&irq, NULL, pins, ARRAY_SIZE(pins), FIRST_MSI), 0);
	return irq;
}

static void pins_are_routed_and_raised_by_their_names(void **state)
{
	struct irq *irq = create(false);

	(void)state;
	assert_int_equal(fake.nr, 2);
	assert_int_equal(fake.entries[1].gsi, 7);
	assert_int_equal(fake.entries[1].type, KVM_IRQ_ROUTING_IRQCHIP);
	assert_int_equal(fake.entries[1].u.irqchip.irqchip, 2);
	assert_int_equal(fake.entries[1].u.irqchip.pin, 6);
	irq_set_level(irq, 7, true);
	assert_int_equal(fake.level.irq, 0x1000027);
	assert_int_equal(fake.level.level, 1);
	irq_set_level(irq, 0, false);
	assert_int_equal(fake.level.irq, 0x1000020);
	assert_int_equal(fake.level.level, 0);
	irq_destroy(irq);
}

static void shared_pin_is_high_while_one_says_so(void **state)
{
	struct irq *irq = create(false);

	(void)state;
	irq_share_level(irq, 7, true);
	assert_int_equal(fake.level.level, 1);
	irq_share_level(irq, 7, true);
	irq_share_level(irq, 7, false);
	assert_int_equal(fake.level.level, 1);
	irq_share_level(irq, 7, false);
	assert_int_equal(fake.level.irq, 0x1000027);
	assert_int_equal(fake.level.level, 0);
	assert_int_equal(irq_nr_raised(irq), 1);
	irq_share_level(irq, 7, true);
	assert_int_equal(fake.level.level, 1);
	irq_destroy(irq);
}

/* On a GIC ITS the same message of two devices is two interrupts. */
static void messages_say_who_sends_them(void **state)
{
	static const struct irq_message msg = { 0x109020040, 0x77, 0x0318 };
	struct irq_message moved = msg;
	struct irq *irq = create(true);
	uint32_t gsi;

	(void)state;
	assert_int_equal(irq_msi_alloc(irq, &gsi), 0);
	assert_int_equal(gsi, FIRST_MSI);
	irq_msi_set(irq, gsi, &msg);
	assert_int_equal(irq_commit(irq), 0);
	assert_int_equal(fake.nr, 3);
	assert_int_equal(fake.entries[2].gsi, gsi);
	assert_int_equal(fake.entries[2].type, KVM_IRQ_ROUTING_MSI);
	assert_int_equal(fake.entries[2].flags, KVM_MSI_VALID_DEVID);
	assert_int_equal(fake.entries[2].u.msi.address_lo, 0x09020040);
	assert_int_equal(fake.entries[2].u.msi.address_hi, 1);
	assert_int_equal(fake.entries[2].u.msi.data, 0x77);
	assert_int_equal(fake.entries[2].u.msi.devid, 0x0318);
	/* No change, no cost; a new bus number is one. */
	irq_msi_set(irq, gsi, &msg);
	assert_int_equal(irq_commit(irq), 0);
	assert_int_equal(fake.nr_tables, 2);
	moved.requester = 0x0418;
	irq_msi_set(irq, gsi, &moved);
	assert_int_equal(irq_commit(irq), 0);
	assert_int_equal(fake.nr_tables, 3);
	assert_int_equal(fake.entries[2].u.msi.devid, 0x0418);
	irq_destroy(irq);
}

static void or_not_where_nobody_asks(void **state)
{
	static const struct irq_message msg = { 0xfee00000, 0x41, 0x0318 };
	struct irq *irq = create(false);
	uint32_t gsi;

	(void)state;
	assert_int_equal(irq_msi_alloc(irq, &gsi), 0);
	irq_msi_set(irq, gsi, &msg);
	assert_int_equal(irq_commit(irq), 0);
	assert_int_equal(fake.entries[2].flags, 0);
	assert_int_equal(fake.entries[2].u.msi.devid, 0);
	irq_destroy(irq);
}

/* Of 64 routes the pins take two. */
static void each_message_has_its_own_gsi(void **state)
{
	static const struct irq_message msg = { 0xfee00000, 0x41, 0 };
	struct irq *irq = create(false);
	struct capture c;
	uint32_t gsi;

	(void)state;
	for (unsigned int i = 0; i < 62; i++) {
		assert_int_equal(irq_msi_alloc(irq, &gsi), 0);
		assert_int_equal(gsi, FIRST_MSI + i);
	}
	capture_begin(&c);
	assert_int_equal(irq_msi_alloc(irq, &gsi), -ENOSPC);
	assert_non_null(strstr(capture_end(&c), "all 62 MSI routes"));
	/* Free again, its route goes, and it is the next one's. */
	irq_msi_set(irq, 40, &msg);
	assert_int_equal(irq_commit(irq), 0);
	assert_int_equal(fake.nr, 3);
	irq_msi_free(irq, 40);
	assert_int_equal(irq_commit(irq), 0);
	assert_int_equal(fake.nr, 2);
	assert_int_equal(irq_msi_alloc(irq, &gsi), 0);
	assert_int_equal(gsi, 40);
	irq_destroy(irq);
}

/* A guest can make each of them fail, and as often as it likes. */
static void failures_are_not_told_for_ever(void **state)
{
	static const struct irq_message msg = { 0xfee00000, 0x41, 0 };
	struct irq *irq = create(false);
	struct capture c;
	uint32_t gsi;

	(void)state;
	assert_int_equal(irq_msi_alloc(irq, &gsi), 0);
	irq_msi_set(irq, gsi, &msg);
	fake.errnum = EINVAL;
	capture_begin(&c);
	for (int i = 0; i < 100; i++) {
		assert_int_equal(irq_commit(irq), -EINVAL);
		assert_int_equal(irq_fd_assign(irq, gsi, 9, -1), -EINVAL);
		assert_int_equal(irq_fd_deassign(irq, gsi, 9), -EINVAL);
		irq_set_level(irq, 7, true);
	}
	assert_true(strlen(capture_end(&c)) < 1000);
	assert_non_null(strstr(c.text, "cannot set 3 routes: Invalid"));
	assert_non_null(strstr(c.text, "GSI 32: cannot assign its irqfd: "));
	assert_non_null(strstr(c.text, "GSI 32: cannot deassign its irqfd: "));
	assert_int_equal(irq_nr_irqfds(irq), 0);
	assert_int_equal(irq_nr_raised(irq), 100);
	/* What failed is tried again. */
	fake.errnum = 0;
	assert_int_equal(irq_commit(irq), 0);
	assert_int_equal(fake.nr, 3);
	irq_destroy(irq);
}

static void reset_leaves_the_pins(void **state)
{
	static const struct irq_message msg = { 0xfee00000, 0x41, 0 };
	struct irq *irq = create(false);
	uint32_t gsi;

	(void)state;
	assert_int_equal(irq_msi_alloc(irq, &gsi), 0);
	irq_msi_set(irq, gsi, &msg);
	assert_int_equal(irq_commit(irq), 0);
	assert_int_equal(fake.nr, 3);
	assert_int_equal(irq_reset(irq), 0);
	assert_int_equal(fake.nr, 2);
	irq_destroy(irq);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(pins_are_routed_and_raised_by_their_names),
		cmocka_unit_test(shared_pin_is_high_while_one_says_so),
		cmocka_unit_test(messages_say_who_sends_them),
		cmocka_unit_test(or_not_where_nobody_asks),
		cmocka_unit_test(each_message_has_its_own_gsi),
		cmocka_unit_test(failures_are_not_told_for_ever),
		cmocka_unit_test(reset_leaves_the_pins),
	};

	return run_all(tests);
}
