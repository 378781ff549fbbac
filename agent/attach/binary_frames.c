/*
 * Where a function begins and ends, when no symbol says so: .eh_frame_hdr has a sorted table of all
 * unwind entries (Linux Standard Base, "Exception Frames").
 *
 *	+0   version 1, encodings: of the pointer (1b), of the count (03), of the table (3b)
 *	+4   pointer to .eh_frame, count: 4 bytes each
 *	+12  count × (start of the code, address of its entry), both relative to the table's own start
 *
 * An entry: length u32, CIE u32, start, size. How `start` is written is told by its CIE; that it comes
 * out as the table's own start tells it as well, and cheaper.
 */
#include "agent/attach/binary_impl.h"

#define TABLE_AT       12u
#define ROW_BYTES      8u
#define PCREL_SDATA4   0x1b
#define UDATA4	       0x03
#define DATAREL_SDATA4 0x3b

struct rows {
	struct bytes table;
	uint64_t base; /* address that they are relative to */
};

static int32_t s32_at(struct bytes b, size_t at)
{
	int32_t value;
	memcpy(&value, b.data + at, sizeof(value));
	return value;
}

static bool find_rows(const struct binary *b, struct rows *out)
{
	for (uint32_t i = 0; i < b->headers_count; i++) {
		const Elf64_Phdr *h = &b->headers[i];
		if (h->p_type != PT_GNU_EH_FRAME)
			continue;
		struct bytes all = binary_bytes_at(b, h->p_vaddr, h->p_filesz);
		if (all.size < TABLE_AT || all.data[0] != 1 || all.data[1] != PCREL_SDATA4 ||
		    all.data[2] != UDATA4 || all.data[3] != DATAREL_SDATA4)
			return false;
		uint64_t bytes = (uint64_t)(uint32_t)s32_at(all, 8) * ROW_BYTES;
		if (bytes > all.size - TABLE_AT)
			return false;
		*out = (struct rows){bytes_of(all.data + TABLE_AT, bytes), h->p_vaddr};
		return true;
	}
	return false;
}

static uint64_t row_start(const struct rows *rows, size_t row)
{
	return rows->base + (uint64_t)(int64_t)s32_at(rows->table, row * ROW_BYTES);
}

/* How many rows begin at or before `address`. */
static size_t rows_before(const struct rows *rows, uint64_t address)
{
	size_t low = 0, high = rows->table.size / ROW_BYTES;
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		if (row_start(rows, middle) <= address)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static bool read_entry(const struct binary *b, uint64_t entry, uint64_t start, uint64_t *size)
{
	struct bytes bytes = binary_bytes_at(b, entry, 24);
	uint64_t absolute;
	if (bytes.size < 24)
		return false;
	if (entry + 8 + (uint64_t)(int64_t)s32_at(bytes, 8) == start) {
		*size = (uint32_t)s32_at(bytes, 12);
		return true;
	}
	memcpy(&absolute, bytes.data + 8, sizeof(absolute));
	memcpy(size, bytes.data + 16, sizeof(*size));
	return absolute == start;
}

bool binary_frame_at(const struct binary *b, uint64_t address, uint64_t *start, uint64_t *size)
{
	struct rows rows;
	if (!find_rows(b, &rows))
		return false;
	size_t row = rows_before(&rows, address);
	if (row == 0)
		return false;
	uint64_t entry =
		rows.base + (uint64_t)(int64_t)s32_at(rows.table, (row - 1) * ROW_BYTES + 4);
	*start = row_start(&rows, row - 1);
	return read_entry(b, entry, *start, size) && address - *start < *size;
}
