// SPDX-License-Identifier: BSD-2-Clause
// The guest's constant DSDT.  What differs between machines is read from the
// info page (struct acpi_info) at run time; the fixed addresses are those of
// include/x86/map.h and include/power.h.  Guests interpret this under slow
// emulation, too: it is as small as it can be.
DefinitionBlock ("dsdt.aml", "DSDT", 2, "WHERRY", "WHERRY", 1)
{
	Name (_S5, Package () { 5, 0, 0, 0 })

	Scope (_SB)
	{
		OperationRegion (INFO, SystemMemory, 0x000EF000, 0x88)
		Field (INFO, DWordAcc, NoLock, Preserve)
		{
			SLTS, 32,
			NPRT, 32,
			CRSB, 1024,
		}

		// The host bridge
		Device (PCI0)
		{
			Name (_HID, EisaId ("PNP0A08"))
			Name (_CID, EisaId ("PNP0A03"))
			Name (_UID, 0)

			// Windows, as descriptors made by the VMM
			Method (_CRS)
			{
				Return (CRSB)
			}

			// GSI 16 + ((slot + pin) & 7), for the slots in use
			Method (_PRT)
			{
				Local0 = Package (NPRT) {}
				Local1 = SLTS
				Local2 = 0
				While (Local1)
				{
					FindSetRightBit (Local1, Local3)
					Local1 &= Local1 - 1
					Local3--
					Local4 = 0
					While (Local4 < 4)
					{
						Local5 = Package (4) { 0xFFFF, 0, 0, 16 }
						Local5[0] = (Local3 << 16) | 0xFFFF
						Local5[1] = Local4
						Local5[3] = 16 + ((Local3 + Local4) & 7)
						Local0[Local2] = Local5
						Local2++
						Local4++
					}
				}
				Return (Local0)
			}

			// No control is granted: no native hot-plug, PME or AER
			Method (_OSC, 4)
			{
				CreateDWordField (Arg3, 0, STAT)
				If (Arg0 == ToUUID ("33DB4D5B-1FF7-401C-9657-7441C03DD766"))
				{
					CreateDWordField (Arg3, 8, CTRL)
					If (CTRL)
					{
						STAT |= 0x10
						CTRL = 0
					}
				}
				Else
				{
					STAT |= 4
				}
				Return (Arg3)
			}
		}

		// ECAM is no window of the bridge
		Device (ECAM)
		{
			Name (_HID, EisaId ("PNP0C02"))
			Name (_CRS, ResourceTemplate ()
			{
				Memory32Fixed (ReadWrite, 0xE0000000, 0x10000000)
			})
		}

		Device (COM1)
		{
			Name (_HID, EisaId ("PNP0501"))
			Name (_UID, 1)
			Name (_CRS, ResourceTemplate ()
			{
				IO (Decode16, 0x3F8, 0x3F8, 0, 8)
				Interrupt (ResourceConsumer, Level, ActiveHigh, Exclusive) { 4 }
			})
		}

		Device (PVPN)
		{
			Name (_HID, "QEMU0001")
			Name (_CRS, ResourceTemplate ()
			{
				IO (Decode16, 0x505, 0x505, 0, 1)
			})
		}

		Device (PWRB)
		{
			Name (_HID, EisaId ("PNP0C0C"))
		}

		// Generic event device: reading its port clears the events
		Device (GED)
		{
			Name (_HID, "ACPI0013")
			Name (_CRS, ResourceTemplate ()
			{
				Interrupt (ResourceConsumer, Level, ActiveHigh, Exclusive) { 9 }
			})
			OperationRegion (EVTR, SystemIO, 0x600, 4)
			Field (EVTR, DWordAcc, NoLock, WriteAsZeros)
			{
				EVTS, 32,
			}
			Method (_EVT, 1)
			{
				If (EVTS & 1)
				{
					Notify (PWRB, 0x80)
				}
			}
		}
	}
}
