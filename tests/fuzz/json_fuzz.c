/*
 * Any bytes are JSON or refused; what is JSON prints as JSON that reads back to the same print. The same
 * bytes as the body of an error response always give an error.
 */
#include "shared/codec/json.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	OWNED_ARENA struct arena a = ARENA_INIT((size_t)64 << 20), b = ARENA_INIT((size_t)64 << 20);
	OWNED_BUF struct buf once = BUF_INIT(BUF_DEFAULT_MAX), twice = BUF_INIT(BUF_DEFAULT_MAX);
	struct str text = {(const char *)data, size};
	const struct node *n, *back;
	OWNED(err) struct err *e = json_parse(text, &a, &n);
	OWNED(err) struct err *other = json_parse_err(text, 500);
	if (!other)
		abort();
	if (e)
		return 0;
	json_print(n, &once);
	OWNED(err) struct err *again = json_parse(buf_str(&once), &b, &back);
	if (again)
		abort();
	json_print(back, &twice);
	if (!str_equal(buf_str(&once), buf_str(&twice)))
		abort();
	json_print_pretty(n, &once);
	return 0;
}
