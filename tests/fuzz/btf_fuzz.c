/*
 * Any bytes as BTF: an error, or types that can all be walked, printed, and used to print a value.
 * The same bytes also stand for .BTF.ext, against what was parsed.
 */
#include "shared/base/buf.h"
#include "shared/bpf/btf.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void walk_members(const struct btf *b, const struct btf_type *t)
{
	volatile size_t sum = 0; /* reading is the point */
	for (uint32_t i = 0; t->kind != BTF_ARRAY && i < t->count; i++) {
		struct btf_member m = btf_member(b, t, i);
		struct btf_enum_value v = btf_enum_value(b, t, i);
		sum += m.name.size + v.name.size + btf_size(b, m.type) + btf_skip(b, m.type);
	}
}

static void print_all(const struct btf *b)
{
	static const uint8_t value[4096] = {1, 2, 3, 0xff, 0x80, 'a', 'b'};
	OWNED_BUF struct buf out = BUF_INIT((size_t)1 << 16);
	uint32_t count = btf_count(b) < 200 ? btf_count(b) : 200;
	for (uint32_t id = 0; id < count; id++) {
		uint64_t size = btf_size(b, id);
		walk_members(b, btf_type(b, id));
		btf_print_type(b, id, &out);
		buf_clear(&out);
		if (size <= sizeof(value))
			btf_print_value(b, id, bytes_of(value, size), &out);
		buf_clear(&out);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	OWNED(btf) struct btf *b = NULL;
	OWNED(btf_lines) struct btf_lines *lines = NULL;
	OWNED(err) struct err *e = btf_parse(bytes_of(data, size), &b);
	if (e)
		return 0;
	print_all(b);
	OWNED(err) struct err *no_lines = btf_lines_parse(b, bytes_of(data, size), &lines);
	if (!no_lines)
		btf_lines_find(lines, STR("uprobe"), 1);
	return 0;
}
