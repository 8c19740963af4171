/* base/uuid: UUIDv7 (RFC 9562): ordered by time, so that inserts stay at the end of an index. */
#ifndef PERI_BASE_UUID_H
#define PERI_BASE_UUID_H

#include <stdbool.h>

#include "base/str.h"

#define PERI_UUID_TEXT 37
void peri_uuid7(char out[PERI_UUID_TEXT]);      /* monotonic inside a process, also within one millisecond */
bool peri_uuid_read(peri_str s, char out[PERI_UUID_TEXT]); /* any usual spelling -> lower case with hyphens */
void peri_random(void *out, size_t n);          /* from the kernel; core only */

#endif
