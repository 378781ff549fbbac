/*
 * A .BTF section is a header, a run of type records and a table of strings:
 *
 *	+--------+----------------------------------------+----------------------+
 *	| header | INT int | PTR →1 | STRUCT s {a, b} | … | \0 int\0 s\0 a\0 b\0 |
 *	+--------+----------------------------------------+----------------------+
 *		   id 1      id 2     id 3
 *
 * Records have no index; an id is a record's place in the run. One pass decodes each record's head and
 * remembers where its members begin. What refers to other types is checked afterwards (btf_check.c).
 *
 * [T1] After the pass every record with its members lies inside `raw`, so that btf_member() and
 *	btf_enum_value() need no check but that of the index.
 * [T2] Every name's offset was tried, so that decoding it again cannot fail.
 */
#include "shared/bpf/btf_data.h"
#include "shared/base/cursor.h"
#include "shared/base/mem.h"

#define MAGIC		0xeb9f
#define MAGIC_SWAPPED	0x9feb
#define HEADER_BYTES	24
#define RECORD_BYTES	12
#define ARENA_MAX_BYTES ((size_t)256 << 20)

const struct btf_layout btf_layouts[] = {
	[BTF_INT] = {.extra = 4, .is_named = true},
	[BTF_PTR] = {.has_type = true},
	[BTF_ARRAY] = {.extra = 12},
	[BTF_STRUCT] = {.each = 12, .may_count = true},
	[BTF_UNION] = {.each = 12, .may_count = true},
	[BTF_ENUM] = {.each = 8, .may_count = true},
	[BTF_FWD] = {.is_named = true},
	[BTF_TYPEDEF] = {.has_type = true, .is_named = true},
	[BTF_VOLATILE] = {.has_type = true},
	[BTF_CONST] = {.has_type = true},
	[BTF_RESTRICT] = {.has_type = true},
	[BTF_FUNC] = {.has_type = true, .may_count = true, .is_named = true}, /* vlen: linkage */
	[BTF_FUNC_PROTO] = {.each = 8, .has_type = true, .may_count = true},
	[BTF_VAR] = {.extra = 4, .has_type = true, .is_named = true},
	[BTF_DATASEC] = {.each = 12, .may_count = true, .is_named = true},
	[BTF_FLOAT] = {.is_named = true},
	[BTF_DECL_TAG] = {.extra = 4, .has_type = true, .is_named = true},
	[BTF_TYPE_TAG] = {.has_type = true, .is_named = true},
	[BTF_ENUM64] = {.each = 12, .may_count = true},
};

struct header {
	uint32_t size, types_offset, types_size, strings_offset, strings_size;
};

static struct err *parse_magic(struct cursor *c)
{
	uint16_t magic;
	uint8_t version, flags;
	TRY(cursor_u16(c, &magic));
	if (magic == MAGIC_SWAPPED)
		return err_new(ERR_UNSUPPORTED,
			       "the BTF is big-endian; only little-endian is read");
	if (magic != MAGIC)
		return err_new(ERR_INVALID, "no BTF: it begins with 0x%04x, not 0xeb9f", magic);
	TRY(cursor_u8(c, &version));
	TRY(cursor_u8(c, &flags));
	if (version != 1 || flags != 0)
		return err_new(ERR_UNSUPPORTED, "BTF version %u with flags 0x%x; version 1 is read",
			       version, flags);
	return NULL;
}

static struct err *parse_header(struct bytes image, struct header *out)
{
	struct cursor c = cursor_of(image);
	struct header h;
	TRY(parse_magic(&c));
	TRY(cursor_u32(&c, &h.size));
	TRY(cursor_u32(&c, &h.types_offset));
	TRY(cursor_u32(&c, &h.types_size));
	TRY(cursor_u32(&c, &h.strings_offset));
	TRY(cursor_u32(&c, &h.strings_size));
	if (h.size < HEADER_BYTES || h.types_offset % 4)
		return err_new(ERR_INVALID,
			       "the BTF header is %u bytes long, its types begin at %u", h.size,
			       h.types_offset);
	*out = h;
	return NULL;
}

static struct err *copy_parts(struct btf *b, struct bytes image, const struct header *h)
{
	TRY_DOING(bytes_slice(image, (uint64_t)h->size + h->types_offset, h->types_size, &b->raw),
		  "BTF types");
	TRY_DOING(bytes_slice(image, (uint64_t)h->size + h->strings_offset, h->strings_size,
			      &b->strings),
		  "BTF strings");
	struct bytes s = b->strings;
	if (s.size == 0 || s.data[0] != 0 || s.data[s.size - 1] != 0)
		return err_new(ERR_INVALID, "the BTF strings do not begin and end with a NUL");
	void *raw = arena_alloc(&b->arena, b->raw.size);
	void *strings = arena_alloc(&b->arena, s.size);
	TRY_MEMORY(raw);
	TRY_MEMORY(strings);
	if (b->raw.size)
		memcpy(raw, b->raw.data, b->raw.size);
	memcpy(strings, s.data, s.size);
	b->raw.data = raw;
	b->strings.data = strings;
	return NULL;
}

bool btf_string(const struct btf *b, uint32_t offset, uint32_t max, struct str *out)
{
	if (offset >= b->strings.size)
		return false;
	const char *text = (const char *)b->strings.data + offset;
	size_t most = MIN(b->strings.size - offset, (size_t)max);
	size_t size = strnlen(text, most);
	if (size == most)
		return false;
	*out = (struct str){text, size};
	return true;
}

/* What an INT's extra word says: encoding in bits 24…27, offset 16…23, bits 0…7. */
static struct err *decode_int(struct btf_type *t, uint32_t word)
{
	uint32_t encoding = word >> 24 & 15, bits = word & 0xff;
	if (t->size_bytes > 16 || __builtin_popcount(t->size_bytes) != 1 ||
	    bits > t->size_bytes * 8 || bits == 0 || word >> 28 || (word >> 16 & 0xff))
		return err_new(ERR_INVALID, "an integer of %u bytes and %u bits (0x%08x)",
			       t->size_bytes, bits, word);
	t->is_signed = encoding & 1;
	t->is_bool = encoding & 4;
	/* clang does not set the encoding's char bit for `char`. */
	t->is_char = (encoding & 2) || (t->size_bytes == 1 && str_is(t->name, "char"));
	return NULL;
}

static struct err *check_size(const struct btf_type *t)
{
	bool is_enum = t->kind == BTF_ENUM || t->kind == BTF_ENUM64;
	uint32_t most = is_enum ? 8 : 16;
	if ((is_enum || t->kind == BTF_FLOAT) &&
	    (t->size_bytes > most || (t->size_bytes != 10 && t->size_bytes != 12 &&
				      __builtin_popcount(t->size_bytes) != 1)))
		return err_new(ERR_INVALID, "a size of %u bytes", t->size_bytes);
	return NULL;
}

static void decode_array(const struct btf *b, struct btf_type *t)
{
	t->type = btf_word(b, t->first);
	t->index_type = btf_word(b, t->first + 4);
	t->count = btf_word(b, t->first + 8);
}

/* Checks that names and, for records that have them, members lie where they should. [T1] [T2] */
static struct err *take_members(const struct btf *b, struct btf_type *t, struct cursor *c)
{
	const struct btf_layout *layout = &btf_layouts[t->kind];
	struct bytes extra, members;
	struct str name;
	t->first = (uint32_t)c->at;
	TRY(cursor_take(c, layout->extra, &extra));
	TRY(cursor_take(c, (size_t)t->count * layout->each, &members));
	bool is_named_late = t->kind == BTF_DATASEC; /* its members begin with a type, not a name */
	for (uint32_t i = 0; layout->each && !is_named_late && i < t->count; i++) {
		uint32_t offset = btf_word(b, t->first + (uint64_t)i * layout->each);
		if (!btf_string(b, offset, BTF_MAX_NAME, &name))
			return err_new(ERR_INVALID, "member %u: no name at offset %u", i, offset);
	}
	return NULL;
}

static struct err *decode_head(const struct btf *b, struct cursor *c, struct btf_type *t)
{
	uint32_t name, info, last;
	TRY(cursor_u32(c, &name));
	TRY(cursor_u32(c, &info));
	TRY(cursor_u32(c, &last));
	uint32_t kind = info >> 24 & 31, count = info & 0xffff;
	if (kind == BTF_VOID || kind > BTF_ENUM64 || (info & 0x60ff0000))
		return err_new(ERR_INVALID, "no such kind of type: 0x%08x", info);
	const struct btf_layout *layout = &btf_layouts[kind];
	if (!btf_string(b, name, BTF_MAX_NAME, &t->name))
		return err_new(ERR_INVALID, "no name at offset %u", name);
	if ((layout->is_named && t->name.size == 0) || (!layout->may_count && count != 0))
		return err_new(ERR_INVALID, "a type of kind %u with name \"%.*s\" and %u members",
			       kind, STR_FMT(t->name), count);
	t->kind = (enum btf_kind)kind;
	t->count = count;
	t->is_signed = info >> 31; /* enums; structs use it for bit fields, see btf_member() */
	*(layout->has_type ? &t->type : &t->size_bytes) = last;
	return NULL;
}

static struct err *decode_type(const struct btf *b, struct cursor *c, struct btf_type *out)
{
	struct btf_type t = {0};
	TRY(decode_head(b, c, &t));
	TRY(take_members(b, &t, c));
	if (t.kind == BTF_INT)
		TRY(decode_int(&t, btf_word(b, t.first)));
	else
		TRY(check_size(&t));
	if (t.kind == BTF_ARRAY)
		decode_array(b, &t);
	if (t.kind == BTF_FUNC && t.count > 2)
		return err_new(ERR_INVALID, "a function with linkage %u", t.count);
	if (t.kind == BTF_FUNC) {
		t.linkage = (uint8_t)t.count;
		t.count = 0;
	}
	if (t.kind == BTF_DECL_TAG)
		t.component = btf_word(b, t.first);
	*out = t;
	return NULL;
}

static struct err *decode_types(struct btf *b)
{
	struct cursor c = cursor_of(b->raw);
	size_t most = MIN(b->raw.size / RECORD_BYTES, (size_t)BTF_MAX_TYPES) + 1;
	b->types = arena_alloc_array(&b->arena, most, sizeof(*b->types));
	b->sizes = arena_alloc_array(&b->arena, most, sizeof(*b->sizes));
	TRY_MEMORY(b->types);
	TRY_MEMORY(b->sizes);
	for (b->count = 1; cursor_left(&c); b->count++) {
		if (b->count == BTF_MAX_TYPES)
			return err_new(ERR_TOO_LARGE, "more than %u types", BTF_MAX_TYPES);
		/* A whole record is at least RECORD_BYTES, so `most` of them is never passed: the
		 * record that would do so is cut off. */
		if (cursor_left(&c) < RECORD_BYTES)
			return err_at(ERR_INVALID, "/types", "%zu bytes follow the last type",
				      cursor_left(&c));
		TRY_AT(decode_type(b, &c, &b->types[b->count]), "/types/%u", b->count);
	}
	return NULL;
}

struct err *btf_parse(struct bytes image, struct btf **out)
{
	struct header header;
	if (image.size > BTF_MAX_BYTES)
		return err_new(ERR_TOO_LARGE, "BTF of %zu bytes; %zu are the limit", image.size,
			       BTF_MAX_BYTES);
	TRY_DOING(parse_header(image, &header), "BTF");
	OWNED(btf) struct btf *b = mem_zalloc(sizeof(*b));
	TRY_MEMORY(b);
	b->arena = ARENA_INIT(ARENA_MAX_BYTES);
	TRY(copy_parts(b, image, &header));
	TRY(decode_types(b));
	TRY(btf_check(b));
	*out = MOVE(b);
	return NULL;
}

void btf_destroy(struct btf *b)
{
	if (!b)
		return;
	arena_fini(&b->arena);
	mem_free(b);
}

uint32_t btf_count(const struct btf *b)
{
	return b->count;
}

const struct btf_type *btf_type(const struct btf *b, uint32_t id)
{
	return id < b->count ? &b->types[id] : NULL;
}

/* Bits of an old-style bit field, which has an integer type of its own. */
static uint32_t int_bits(const struct btf *b, uint32_t id)
{
	const struct btf_type *t = btf_type(b, id);
	if (!t || t->kind != BTF_INT)
		return 0;
	uint32_t bits = btf_word(b, t->first) & 0xff;
	return bits == t->size_bytes * 8 ? 0 : bits;
}

struct btf_member btf_member(const struct btf *b, const struct btf_type *t, uint32_t index)
{
	struct btf_member m = {.name = STR("")};
	uint64_t at = t->first + (uint64_t)index * btf_layouts[t->kind].each;
	if (index >= t->count || t->kind == BTF_ARRAY || btf_layouts[t->kind].each == 0)
		return m;
	uint32_t first = btf_word(b, at), second = btf_word(b, at + 4);
	if (t->kind == BTF_DATASEC) {
		m = (struct btf_member){b->types[first].name, first, second * 8,
					btf_word(b, at + 8) * 8};
		return m;
	}
	btf_string(b, first, BTF_MAX_NAME, &m.name); /* [T2] */
	m.type = second;
	if (t->kind == BTF_FUNC_PROTO)
		return m;
	uint32_t place = btf_word(b, at + 8);
	m.offset_bits = t->is_signed ? place & 0xffffff : place;
	m.size_bits = t->is_signed ? place >> 24 : int_bits(b, btf_skip(b, second));
	return m;
}

struct btf_enum_value btf_enum_value(const struct btf *b, const struct btf_type *t, uint32_t index)
{
	struct btf_enum_value v = {.name = STR("")};
	if (index >= t->count || (t->kind != BTF_ENUM && t->kind != BTF_ENUM64))
		return v;
	uint64_t at = t->first + (uint64_t)index * btf_layouts[t->kind].each;
	uint32_t low = btf_word(b, at + 4);
	btf_string(b, btf_word(b, at), BTF_MAX_NAME, &v.name); /* [T2] */
	if (t->kind == BTF_ENUM)
		v.value = t->is_signed ? (int64_t)(int32_t)low : (int64_t)low;
	else
		v.value = (int64_t)(low | (uint64_t)btf_word(b, at + 8) << 32);
	return v;
}

uint32_t btf_find(const struct btf *b, enum btf_kind kind, struct str name)
{
	for (uint32_t id = 1; id < b->count; id++)
		if (b->types[id].kind == kind && str_equal(b->types[id].name, name))
			return id;
	return 0;
}

uint32_t btf_skip(const struct btf *b, uint32_t id)
{
	static const bool is_skipped[BTF_ENUM64 + 1] = {
		[BTF_TYPEDEF] = true,  [BTF_VOLATILE] = true, [BTF_CONST] = true,
		[BTF_RESTRICT] = true, [BTF_TYPE_TAG] = true,
	};
	while (id < b->count && is_skipped[b->types[id].kind])
		id = b->types[id].type;
	return id;
}

uint64_t btf_size(const struct btf *b, uint32_t id)
{
	return id < b->count ? b->sizes[id] : 0;
}
