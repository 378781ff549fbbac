/*
 * .BTF.ext: a header, then tables of "one section's name, how many records, the records". Of the
 * tables only the lines' is read:
 *
 *	u32 record_bytes │ name, count │ record × count │ name, count │ record × count …
 *	record: u32 insn offset in bytes, file name, text, line << 10 | column
 *
 * Lines go to one array. A section's run of it is in the order of its instructions, as the kernel too
 * demands, so finding is a binary search.
 */
#include "shared/bpf/btf_data.h"
#include "shared/base/cursor.h"
#include "shared/base/mem.h"

#define MAGIC		0xeb9f
#define RECORD_BYTES	16
#define RECORD_MAX	256 /* a newer record may be longer than what is known */
#define INSN_BYTES	8
#define TEXT_MAX	65536u
#define ARENA_MAX_BYTES ((size_t)256 << 20)

struct run {
	struct str section;
	uint32_t first, count;
};

struct btf_lines {
	struct arena arena;
	struct btf_line *lines;
	struct run *runs;
	uint32_t lines_count, runs_count;
	uint32_t lines_room, runs_room;
};

/* The table's bytes: [u32 record_bytes, …]. Empty where there is none. */
static struct err *find_table(struct bytes ext, struct bytes *out)
{
	struct cursor c = cursor_of(ext);
	uint16_t magic, version;
	uint32_t header, skipped, offset, size;
	TRY(cursor_u16(&c, &magic));
	TRY(cursor_u16(&c, &version)); /* and flags, both of one byte */
	TRY(cursor_u32(&c, &header));
	TRY(cursor_u32(&c, &skipped));
	TRY(cursor_u32(&c, &skipped));
	TRY(cursor_u32(&c, &offset));
	TRY(cursor_u32(&c, &size));
	if (magic != MAGIC || version != 1 || header < c.at)
		return err_new(ERR_INVALID, "magic 0x%04x, version %u, header of %u bytes", magic,
			       version, header);
	return bytes_slice(ext, (uint64_t)header + offset, size, out);
}

static struct err *take_string(const struct btf *b, struct cursor *c, struct str *out)
{
	uint32_t offset;
	TRY(cursor_u32(c, &offset));
	if (!btf_string(b, offset, TEXT_MAX, out))
		return err_new(ERR_INVALID, "no string at offset %u", offset);
	return NULL;
}

static struct err *take_line(const struct btf *b, struct bytes record, struct btf_line *line)
{
	struct cursor c = cursor_of(record);
	uint32_t offset, place;
	TRY(cursor_u32(&c, &offset));
	TRY(take_string(b, &c, &line->file));
	TRY(take_string(b, &c, &line->text));
	TRY(cursor_u32(&c, &place));
	if (offset % INSN_BYTES)
		return err_new(ERR_INVALID, "byte %u is no instruction's", offset);
	line->insn = offset / INSN_BYTES;
	line->line = place >> 10;
	line->column = place & 1023;
	line->text = str_trim(line->text);
	return NULL;
}

static struct err *take_run(const struct btf *b, struct cursor *c, uint32_t record_bytes,
			    struct btf_lines *l)
{
	struct run run = {.first = l->lines_count};
	TRY(take_string(b, c, &run.section));
	TRY(cursor_u32(c, &run.count));
	if (run.count == 0 || run.count > l->lines_room - l->lines_count)
		return err_new(ERR_INVALID, "%u lines for section %.*s", run.count,
			       STR_FMT(run.section));
	for (uint32_t i = 0; i < run.count; i++) {
		struct bytes record;
		struct btf_line *line = &l->lines[l->lines_count++];
		line->section = run.section;
		TRY(cursor_take(c, record_bytes, &record));
		TRY(take_line(b, record, line));
		if (i && line->insn < line[-1].insn)
			return err_new(ERR_INVALID, "the lines of section %.*s are not in order",
				       STR_FMT(run.section));
	}
	l->runs[l->runs_count++] = run;
	return NULL;
}

static struct err *take_table(const struct btf *b, struct bytes table, struct btf_lines *l)
{
	struct cursor c = cursor_of(table);
	uint32_t record_bytes;
	TRY(cursor_u32(&c, &record_bytes));
	if (record_bytes < RECORD_BYTES || record_bytes > RECORD_MAX || record_bytes % 4)
		return err_new(ERR_INVALID, "line records of %u bytes", record_bytes);
	/* Each line takes a record, each run a head and at least one record. */
	l->lines_room = (uint32_t)(table.size / RECORD_BYTES);
	l->runs_room = (uint32_t)(table.size / (8 + RECORD_BYTES));
	l->lines = arena_alloc_array(&l->arena, l->lines_room, sizeof(*l->lines));
	l->runs = arena_alloc_array(&l->arena, l->runs_room, sizeof(*l->runs));
	TRY_MEMORY(l->lines);
	TRY_MEMORY(l->runs);
	while (cursor_left(&c))
		TRY(take_run(b, &c, record_bytes, l));
	return NULL;
}

struct err *btf_lines_parse(const struct btf *b, struct bytes ext, struct btf_lines **out)
{
	struct bytes table;
	if (ext.size > BTF_MAX_BYTES)
		return err_new(ERR_TOO_LARGE, ".BTF.ext of %zu bytes; %zu are the limit", ext.size,
			       BTF_MAX_BYTES);
	OWNED(btf_lines) struct btf_lines *l = mem_zalloc(sizeof(*l));
	TRY_MEMORY(l);
	l->arena = ARENA_INIT(ARENA_MAX_BYTES);
	TRY_DOING(find_table(ext, &table), ".BTF.ext");
	if (table.size)
		TRY_DOING(take_table(b, table, l), ".BTF.ext lines");
	*out = MOVE(l);
	return NULL;
}

void btf_lines_destroy(struct btf_lines *l)
{
	if (!l)
		return;
	arena_fini(&l->arena);
	mem_free(l);
}

/* The last line of the run that begins at or before `insn`. */
static const struct btf_line *find_in_run(const struct btf_lines *l, const struct run *run,
					  uint32_t insn)
{
	uint32_t low = 0, high = run->count;
	while (low < high) {
		uint32_t middle = low + (high - low) / 2;
		if (l->lines[run->first + middle].insn <= insn)
			low = middle + 1;
		else
			high = middle;
	}
	return low ? &l->lines[run->first + low - 1] : NULL;
}

const struct btf_line *btf_lines_find(const struct btf_lines *l, struct str section, uint32_t insn)
{
	for (uint32_t i = 0; l && i < l->runs_count; i++)
		if (str_equal(l->runs[i].section, section))
			return find_in_run(l, &l->runs[i], insn);
	return NULL;
}
