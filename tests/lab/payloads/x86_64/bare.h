// SPDX-License-Identifier: BSD-2-Clause
/*
 * What payloads stand on, on x86_64: entered by the 64-bit boot protocol on
 * wherry's page table, which maps the first 4 GiB as they are. The payload has
 * payload(), and take(), which is called for each message that comes: its data
 * is MSI_DATA and the vector's number.
 */
#include <stdint.h>

#define ECAM 0xe0000000u /* where wherry has it, as all below */
#define LAPIC 0xfee00000u
#define UART 0x3f8
#define SLEEP_CONTROL 0x604
#define SLEEP_S5 0x34

#define NR_VECTORS 16
#define MSI_ADDRESS LAPIC
#define MSI_DATA 0x40

static void take(unsigned int vector);

#define ACCESS(bits)                                                          \
	static inline uint##bits##_t load##bits(const volatile void *at)      \
	{                                                                     \
		return *(const volatile uint##bits##_t *)at;                  \
	}                                                                     \
	static inline void store##bits(volatile void *at, uint##bits##_t val) \
	{                                                                     \
		*(volatile uint##bits##_t *)at = val;                         \
	}
/* clang-format off */
ACCESS(8) ACCESS(16) ACCESS(32)
	/* clang-format on */

	static void out8(uint16_t port, uint8_t val)
{
	asm volatile("outb %0, %1" : : "a"(val), "Nd"(port));
}

static void put_char(char c)
{
	out8(UART, (uint8_t)c);
}

static _Noreturn void power_off(void)
{
	out8(SLEEP_CONTROL, SLEEP_S5);
	for (;;)
		asm volatile("hlt");
}

static void relax(void)
{
	asm volatile("pause");
}

/* One handler for each vector. */

struct interrupt_frame;

static void handle(unsigned int i)
{
	take(i);
	store32((uint8_t *)(uintptr_t)LAPIC + 0xb0, 0); /* end of interrupt */
}

#define HANDLER(n)                                                     \
	__attribute__((interrupt)) static void on_##n(                 \
		struct interrupt_frame *frame __attribute__((unused))) \
	{                                                              \
		handle(n);                                             \
	}
/* clang-format off */
HANDLER(0) HANDLER(1) HANDLER(2) HANDLER(3) HANDLER(4) HANDLER(5) HANDLER(6)
HANDLER(7) HANDLER(8) HANDLER(9) HANDLER(10) HANDLER(11) HANDLER(12)
HANDLER(13) HANDLER(14) HANDLER(15)

typedef void handler(struct interrupt_frame *);
/* clang-format on */
static handler *const handlers[NR_VECTORS] = { on_0,  on_1,  on_2,  on_3,
					       on_4,  on_5,  on_6,  on_7,
					       on_8,  on_9,  on_10, on_11,
					       on_12, on_13, on_14, on_15 };

static struct {
	uint16_t low, selector, type, mid;
	uint32_t high, zero;
} idt[256];

static void set_up_interrupts(void)
{
	struct __attribute__((packed)) {
		uint16_t limit;
		uint64_t base;
	} idtr = { sizeof(idt) - 1, (uintptr_t)idt };

	for (unsigned int i = 0; i < NR_VECTORS; i++) {
		uintptr_t at = (uintptr_t)handlers[i];

		idt[MSI_DATA + i].low = (uint16_t)at;
		idt[MSI_DATA + i].mid = (uint16_t)(at >> 16);
		idt[MSI_DATA + i].high = (uint32_t)(at >> 32);
		idt[MSI_DATA + i].selector = 0x10;
		idt[MSI_DATA + i].type = 0x8e00; /* interrupt gate */
	}
	asm volatile("lidt %0" : : "m"(idtr));
	store32((uint8_t *)(uintptr_t)LAPIC + 0xf0, 0x1ff); /* enable */
	asm volatile("sti");
}

static uint8_t stack[16384] __attribute__((used, aligned(16)));

__attribute__((naked, section(".text.start"))) void _start(void)
{
	asm volatile("lea stack + 16384(%rip), %rsp\n"
		     "call payload\n");
}
