/*
 * Both messages of a sync from any bytes; what parses prints, and what was printed parses to the same
 * text.
 */
#include "shared/wire/sync.h"

#define ARENA_BYTES ((size_t)64 << 20)
#define TEXT_BYTES  ((size_t)16 << 20)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* A broken promise ends the run. */
static void must(struct err *e)
{
	if (e)
		__builtin_trap();
}

static void must_equal(const struct buf *a, const struct buf *b)
{
	if (!str_equal(buf_str(a), buf_str(b)))
		__builtin_trap();
}

static void try_request(struct str text)
{
	OWNED_ARENA struct arena a = ARENA_INIT(ARENA_BYTES);
	OWNED_BUF struct buf first = BUF_INIT(TEXT_BYTES), second = BUF_INIT(TEXT_BYTES);
	struct wire_sync_request m;
	OWNED(err) struct err *e = wire_sync_request_parse(text, &a, &m);
	if (e)
		return;
	wire_sync_request_print(&m, &first);
	must(wire_sync_request_parse(buf_str(&first), &a, &m));
	wire_sync_request_print(&m, &second);
	must_equal(&first, &second);
}

static void try_response(struct str text)
{
	OWNED_ARENA struct arena a = ARENA_INIT(ARENA_BYTES);
	OWNED_BUF struct buf first = BUF_INIT(TEXT_BYTES), second = BUF_INIT(TEXT_BYTES);
	struct wire_sync_response m;
	OWNED(err) struct err *e = wire_sync_response_parse(text, &a, &m);
	if (e)
		return;
	wire_sync_response_print(&m, &first);
	must(wire_sync_response_parse(buf_str(&first), &a, &m));
	wire_sync_response_print(&m, &second);
	must_equal(&first, &second);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str text = {(const char *)data, size};
	try_request(text);
	try_response(text);
	return 0;
}
