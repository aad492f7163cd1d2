// SPDX-License-Identifier: BSD-2-Clause
/*
 * What payloads stand on, on aarch64: an Image at the beginning of RAM, entered
 * with the MMU off. The payload has payload(), and take(), which is called for
 * each message that comes: its data is MSI_DATA and the vector's number.
 * Interrupts stay masked in the CPU: relax() takes what is pending.
 * GIC Architecture Specification, version 3 (IHI 0069), chapters 5 and 12.
 */
#include <stdint.h>

#define ECAM 0x30000000u /* where wherry has it, as all below */
#define UART 0x0b000000u
#define GICD 0x09000000u
#define GITS 0x09020000u
#define GICR 0x09800000u
#define DEVICE_ID 0x100u /* of the function behind the first root port */

#define NR_VECTORS 16
#define MSI_ADDRESS (GITS + 0x10040)
#define MSI_DATA 0x40

#define PSCI_SYSTEM_OFF 0x84000008u
#define FIRST_LPI 8192

static void take(unsigned int vector);

/* Without write-back of an address, which KVM could not decode. */
#define ACCESS(bits, suffix, reg)                                             \
	static inline uint##bits##_t load##bits(const volatile void *at)      \
	{                                                                     \
		uint##bits##_t val;                                           \
                                                                              \
		asm volatile("ldr" suffix " %" reg "0, [%1]\n"                \
			     "dsb sy"                                         \
			     : "=r"(val)                                      \
			     : "r"(at)                                        \
			     : "memory");                                     \
		return val;                                                   \
	}                                                                     \
	static inline void store##bits(volatile void *at, uint##bits##_t val) \
	{                                                                     \
		asm volatile("dsb sy\n"                                       \
			     "str" suffix " %" reg "0, [%1]"                  \
			     :                                                \
			     : "r"(val), "r"(at)                              \
			     : "memory");                                     \
	}
/* clang-format off */
ACCESS(8, "b", "w") ACCESS(16, "h", "w") ACCESS(32, "", "w") ACCESS(64, "", "x")
	/* clang-format on */

	static void put_char(char c)
{
	store8((uint8_t *)(uintptr_t)UART, (uint8_t)c);
}

static _Noreturn void power_off(void)
{
	register uint64_t x0 asm("x0") = PSCI_SYSTEM_OFF;

	asm volatile("hvc #0" : : "r"(x0));
	for (;;)
		asm volatile("wfi");
}

#define ICC_SRE_EL1 "s3_0_c12_c12_5"
#define ICC_PMR_EL1 "s3_0_c4_c6_0"
#define ICC_IGRPEN1_EL1 "s3_0_c12_c12_7"
#define ICC_IAR1_EL1 "s3_0_c12_c12_0"
#define ICC_EOIR1_EL1 "s3_0_c12_c12_1"

#define WRITE_REGISTER(name, val) \
	asm volatile("msr " name ", %0\nisb" : : "r"((uint64_t)(val)))

static void relax(void)
{
	uint64_t id;

	asm volatile("mrs %0, " ICC_IAR1_EL1 "\n"
		     "dsb sy"
		     : "=r"(id)
		     :
		     : "memory");
	if (id < FIRST_LPI || id >= FIRST_LPI + NR_VECTORS)
		return;
	WRITE_REGISTER(ICC_EOIR1_EL1, id);
	take((unsigned int)id - FIRST_LPI);
}

/* What the redistributor and the ITS keep in memory. */
#define TABLE(name, bytes) \
	static uint8_t name[bytes] __attribute__((aligned(65536)))

TABLE(properties, 8192); /* a byte for each LPI: priority, enabled */
TABLE(pending, 65536);
TABLE(devices, 65536);
TABLE(collections, 65536);
TABLE(translations, 65536);
static uint64_t commands_of_its[512] __attribute__((aligned(65536)));
static unsigned int nr_its_commands;

#define ID_BITS 14
#define VALID (1ull << 63)
#define FLAT_64K 0x200ull
#define EVENT_BITS 8

static volatile uint8_t *at(uintptr_t base, unsigned int off)
{
	return (volatile uint8_t *)(base + off);
}

static void its_command(uint64_t dw0, uint64_t dw1, uint64_t dw2)
{
	uint64_t *to = &commands_of_its[4 * nr_its_commands++];

	to[0] = dw0;
	to[1] = dw1;
	to[2] = dw2;
	store64(at(GITS, 0x88), nr_its_commands * 32ull); /* CWRITER */
	while (load64(at(GITS, 0x90)) != nr_its_commands * 32ull)
		;
}

/* Each message of the function is an LPI of this CPU. */
static void set_up_its(void)
{
	const uint64_t device = (uint64_t)DEVICE_ID << 32;

	store64(at(GITS, 0x100), VALID | FLAT_64K | (uintptr_t)devices);
	store64(at(GITS, 0x108), VALID | FLAT_64K | (uintptr_t)collections);
	store64(at(GITS, 0x80), VALID | (uintptr_t)commands_of_its);
	store32(at(GITS, 0), 1);
	its_command(device | 8, EVENT_BITS - 1,
		    VALID | (uintptr_t)translations); /* MAPD */
	its_command(9, 0, VALID); /* MAPC */
	for (unsigned int i = 0; i < NR_VECTORS; i++)
		its_command(device | 10,
			    (FIRST_LPI + (uint64_t)i) << 32 | (MSI_DATA + i),
			    0); /* MAPTI */
}

static void set_up_interrupts(void)
{
	WRITE_REGISTER(ICC_SRE_EL1, 1);
	WRITE_REGISTER(ICC_PMR_EL1, 0xff);
	WRITE_REGISTER(ICC_IGRPEN1_EL1, 1);
	store32(at(GICD, 0), 0x12); /* affinity routing, group 1 */
	for (unsigned int i = 0; i < NR_VECTORS; i++)
		properties[i] = 0xa1;
	store64(at(GICR, 0x70), (uintptr_t)properties | (ID_BITS - 1));
	store64(at(GICR, 0x78), (uintptr_t)pending);
	store32(at(GICR, 0), 1); /* LPIs */
	set_up_its();
}

static uint8_t stack[16384] __attribute__((used, aligned(16)));

/* Documentation/arch/arm64/booting.rst: what is above _end is free. */
asm(".section .head, \"ax\"\n"
    ".global _start\n"
    "_start:\n"
    "	b	1f\n"
    "	nop\n"
    "	.quad	0\n" /* offset from the beginning of RAM */
    "	.quad	_end - . + 16\n" /* size */
    "	.quad	0xa\n" /* 4 KiB pages, little-endian, anywhere */
    "	.quad	0, 0, 0\n"
    "	.ascii	\"ARM\\x64\"\n"
    "	.long	0\n"
    "1:	adrp	x0, stack + 16384\n"
    "	add	x0, x0, :lo12:stack + 16384\n"
    "	mov	sp, x0\n"
    "	b	payload\n"
    ".previous\n");
