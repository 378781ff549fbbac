#include "shared/crypto/digest.h"

#include <gnutls/crypto.h>

#define SHA256_BYTES 32

_Static_assert(DIGEST_HEX_SIZE == 2 * SHA256_BYTES + 1, "two digits a byte");

struct err *digest_hex(struct bytes data, char out[DIGEST_HEX_SIZE])
{
	static const char digits[] = "0123456789abcdef";
	uint8_t raw[SHA256_BYTES];
	int code = gnutls_hash_fast(GNUTLS_DIG_SHA256, data.data, data.size, raw);
	if (code < 0)
		return err_new(ERR_INTERNAL, "SHA-256: %s", gnutls_strerror(code));
	for (size_t i = 0; i < SHA256_BYTES; i++) {
		out[2 * i] = digits[raw[i] >> 4];
		out[2 * i + 1] = digits[raw[i] & 15];
	}
	out[2 * SHA256_BYTES] = 0;
	return NULL;
}

bool digest_is_hex(struct str s)
{
	for (size_t i = 0; i < s.size; i++)
		if (!(s.data[i] >= '0' && s.data[i] <= '9') &&
		    !(s.data[i] >= 'a' && s.data[i] <= 'f'))
			return false;
	return s.size == DIGEST_HEX_SIZE - 1;
}
