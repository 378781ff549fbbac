/*
 * Any bytes as a function: planning and relocating never read or write outside, and what they promise
 * holds: whole instructions, at least a jump's room, nothing past the code that was given.
 *
 * Input: where (2 bytes), how many of the bytes are behind the function (1 byte), code.
 */
#include "agent/attach/thunk.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void expect(bool condition)
{
	if (!condition)
		abort();
}

static void check_plan(const struct site *s, struct bytes code, uint64_t at)
{
	unsigned end = 0;
	expect(s->window >= SITE_JUMP_BYTES && s->window <= SITE_MAX_WINDOW);
	expect(at + s->skip + s->window <= code.size);
	expect(memcmp(s->original, code.data + at + s->skip, s->window) == 0);
	expect(s->insns_count >= 1 && s->insns_count <= SITE_MAX_INSNS);
	for (unsigned i = 0; i < s->insns_count; i++) {
		expect(s->insns[i].offset == end);
		end += s->insns[i].length;
	}
	expect(end <= s->window);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct site site;
	uint8_t out[SITE_RELOCATED_MAX], thunk[THUNK_MAX_BYTES];
	size_t written, displaced;
	if (size < 4)
		return 0;
	struct bytes code = {data + 3, size - 3};
	uint64_t at = data[0] | (uint64_t)data[1] << 8;
	uint64_t function = code.size - (data[2] < code.size ? data[2] : code.size);
	struct err *e = site_plan(code, function, at, &site);
	if (!e) {
		check_plan(&site, code, at);
		e = site_relocate(&site, 0x400000, 0x10000000, out, &written);
		expect(e || (written > 0 && written <= sizeof(out)));
	}
	if (!e) {
		struct thunk_call call = {.entry = 0x7f0000001000,
					  .counter = 0x10002000,
					  .ctx_reads = ~(uint64_t)0};
		struct thunk_plan plan = {&site, 0x400000, 0x10000000, &call, 1};
		e = thunk_encode(&plan, thunk, &written, &displaced);
		expect(e || (displaced < written && written <= sizeof(thunk)));
	}
	err_destroy(e);
	return 0;
}
