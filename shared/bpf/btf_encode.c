/*
 * BTF as bytes again, for those who get a program's types without its object: header, records and
 * strings as they were parsed, with the sizes of sections that a linker would have filled in.
 */
#include "shared/bpf/btf_data.h"
#include "shared/base/buf.h"

struct header {
	uint16_t magic;
	uint8_t version, flags;
	uint32_t size, types_offset, types_size, strings_offset, strings_size;
};

void btf_encode(const struct btf *b, struct buf *out)
{
	struct header h = {.magic = 0xeb9f,
			   .version = 1,
			   .size = sizeof(h),
			   .types_size = (uint32_t)b->raw.size,
			   .strings_offset = (uint32_t)b->raw.size,
			   .strings_size = (uint32_t)b->strings.size};
	buf_append(out, &h, sizeof(h));
	size_t types = out->size;
	buf_append(out, b->raw.data, b->raw.size);
	for (uint32_t id = 1; id < b->count && !out->failed; id++)
		if (b->types[id].kind == BTF_DATASEC) /* the word before its variables */
			memcpy(out->data + types + b->types[id].first - sizeof(uint32_t),
			       &b->types[id].size_bytes, sizeof(uint32_t));
	buf_append(out, b->strings.data, b->strings.size);
}
