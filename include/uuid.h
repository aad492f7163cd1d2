/* SPDX-License-Identifier: BSD-2-Clause */
/* A UUID as text, "83b8f4f2-509f-382f-3c1e-e6bfe0fa1001" (RFC 9562, 4). Pure. */
#ifndef WHERRY_UUID_H
#define WHERRY_UUID_H

#include <stdbool.h>
#include <stdint.h>

#define UUID_SIZE 37 /* with a NUL */

/* Lower-case, as sysfs has it, from user input; false when malformed. */
bool uuid_parse(const char *s, char out[UUID_SIZE]);

/* The bytes of what uuid_parse() gave, in the order they are written. */
void uuid_bytes(const char *uuid, uint8_t out[16]);

#endif
