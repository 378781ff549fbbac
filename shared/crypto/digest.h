/*
 * digest - SHA-256 (GnuTLS), as lower-case hex: the names of programs, documents, images.
 */
#pragma once

#include "shared/base/err.h"
#include "shared/base/str.h"

#define DIGEST_HEX_SIZE 65 /* 64 digits and a NUL */

/* fails INTERNAL (GnuTLS has no SHA-256: FIPS mode gone wrong). */
MUST_CHECK struct err *digest_hex(struct bytes data, char out[DIGEST_HEX_SIZE]);

/* Whether `s` is 64 lower-case hex digits. */
bool digest_is_hex(struct str s);
