// SPDX-License-Identifier: BSD-2-Clause
// The guest's constant DSDT.
DefinitionBlock ("dsdt.aml", "DSDT", 2, "WHERRY", "WHERRY", 1)
{
}
