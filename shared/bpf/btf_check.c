/*
 * Problem: records refer to each other by id, in any direction. Hostile ids must not lead a reader
 * outside, nor round for ever, nor into a type that has no size where one is needed.
 *
 * Idea: C permits a cycle of types only through a struct (or union) *and* a pointer (or function). So
 * two graphs must be free of cycles:
 *	by size   the edges that a value's size depends on: all but those of pointers and functions
 *	by name   the edges that spelling a type follows: all but those of structs and unions
 * Each is walked once, depth first, with a stack of our own; leaving a type in the first walk gives its
 * size, as those of all types below it are known by then.
 *
 * [C1] A walk over types that stops at structs, or that stops at pointers, ends.
 * [C2] sizes[id] is right for every type left by the first walk.
 * [C3] Members and variables lie inside of their struct or section.
 */
#include "shared/bpf/btf_data.h"
#include "shared/base/mem.h"

#define POINTER_BYTES 8
#define SECTION_MAX   (UINT32_MAX / 8)
/* Of one type. Larger than any value: libbpf's __uint() writes numbers as lengths of arrays. */
#define SIZE_MAX_BYTES ((uint64_t)1 << 40)

/* Which kinds are types of values, and which are only declarations about them. */
static const bool is_declaration[BTF_ENUM64 + 1] = {
	[BTF_FUNC] = true,
	[BTF_VAR] = true,
	[BTF_DATASEC] = true,
	[BTF_DECL_TAG] = true,
};

enum walk { BY_SIZE, BY_NAME };

static const bool is_leaf[2][BTF_ENUM64 + 1] = {
	[BY_SIZE] = {[BTF_PTR] = true,
		     [BTF_FUNC] = true,
		     [BTF_FUNC_PROTO] = true,
		     [BTF_DECL_TAG] = true},
	[BY_NAME] = {[BTF_STRUCT] = true, [BTF_UNION] = true},
};

/* Edges of `t`: the members', then its own. */
static uint32_t edge_count(const struct btf_type *t)
{
	bool has_members =
		btf_layouts[t->kind].each && t->kind != BTF_ENUM && t->kind != BTF_ENUM64;
	bool has_own = btf_layouts[t->kind].has_type || t->kind == BTF_ARRAY;
	return (has_members ? t->count : 0) + has_own;
}

static uint32_t member_type(const struct btf *b, const struct btf_type *t, uint32_t index)
{
	uint64_t at = t->first + (uint64_t)index * btf_layouts[t->kind].each;
	return btf_word(b, at + (t->kind == BTF_DATASEC ? 0 : 4));
}

static uint32_t edge(const struct btf *b, const struct btf_type *t, uint32_t index)
{
	bool is_member = t->kind != BTF_ARRAY && index < t->count;
	return is_member ? member_type(b, t, index) : t->type;
}

/* Whether a record of kind `from` may refer to one of kind `to`. */
static bool may_refer(enum btf_kind from, enum btf_kind to)
{
	if (from == BTF_DECL_TAG)
		return to != BTF_VOID && to != BTF_DECL_TAG;
	if (from == BTF_DATASEC)
		return to == BTF_VAR || to == BTF_FUNC;
	if (from == BTF_FUNC)
		return to == BTF_FUNC_PROTO;
	if ((from == BTF_STRUCT || from == BTF_UNION || from == BTF_ARRAY) &&
	    (to == BTF_VOID || to == BTF_FUNC_PROTO))
		return false;
	return !is_declaration[to];
}

static struct err *check_edges(const struct btf *b, const struct btf_type *t)
{
	for (uint32_t i = 0; i < edge_count(t); i++) {
		uint32_t to = edge(b, t, i);
		if (to >= b->count)
			return err_new(ERR_INVALID, "refers to type %u of %u", to, b->count);
		if (!may_refer(t->kind, b->types[to].kind))
			return err_new(ERR_INVALID, "may not refer to type %u, of kind %u", to,
				       b->types[to].kind);
	}
	if (t->kind == BTF_ARRAY && t->index_type >= b->count)
		return err_new(ERR_INVALID, "refers to type %u of %u", t->index_type, b->count);
	return NULL;
}

/* UINT64_MAX where the product does not fit. */
static uint64_t array_size(uint32_t count, uint64_t element)
{
	uint64_t size;
	return __builtin_mul_overflow(count, element, &size) ? UINT64_MAX : size;
}

static struct err *set_size(struct btf *b, uint32_t id)
{
	const struct btf_type *t = &b->types[id];
	uint64_t size = t->size_bytes;
	if (t->kind == BTF_PTR)
		size = POINTER_BYTES;
	else if (t->kind == BTF_ARRAY)
		size = array_size(t->count, b->sizes[t->type]);
	else if (t->kind == BTF_FUNC || t->kind == BTF_FUNC_PROTO || t->kind == BTF_DECL_TAG ||
		 t->kind == BTF_FWD)
		size = 0;
	else if (btf_layouts[t->kind].has_type)
		size = b->sizes[t->type];
	if (size > SIZE_MAX_BYTES)
		return err_new(ERR_INVALID, "a type of %llu bytes; %llu are the most",
			       (unsigned long long)size, (unsigned long long)SIZE_MAX_BYTES);
	b->sizes[id] = size;
	return NULL;
}

/* A walk's memory: what is on the way from a root to the type at hand. */
struct way {
	uint32_t *stack, *next_edge;
	uint8_t *state; /* 0 new, 1 on the way, 2 left */
	uint32_t depth;
};

static struct err *enter(struct way *w, uint32_t id)
{
	if (w->state[id] == 1)
		return err_at(ERR_INVALID, "", "the type holds itself");
	if (w->state[id] == 0) {
		w->state[id] = 1;
		w->stack[w->depth++] = id;
	}
	return NULL;
}

static struct err *walk_from(struct btf *b, enum walk walk, struct way *w, uint32_t root)
{
	TRY_AT(enter(w, root), "/types/%u", root);
	while (w->depth) {
		uint32_t id = w->stack[w->depth - 1];
		const struct btf_type *t = &b->types[id];
		if (!is_leaf[walk][t->kind] && w->next_edge[id] < edge_count(t)) {
			TRY_AT(enter(w, edge(b, t, w->next_edge[id]++)), "/types/%u", id);
			continue;
		}
		if (walk == BY_SIZE)
			TRY_AT(set_size(b, id), "/types/%u", id); /* [C2] */
		w->state[id] = 2;
		w->depth--;
	}
	return NULL;
}

static struct err *walk_all(struct btf *b, enum walk walk)
{
	OWNED(mem) void *stack = mem_zalloc_array(b->count, sizeof(uint32_t));
	OWNED(mem) void *next_edge = mem_zalloc_array(b->count, sizeof(uint32_t));
	OWNED(mem) void *state = mem_zalloc_array(b->count, 1);
	TRY_MEMORY(stack);
	TRY_MEMORY(next_edge);
	TRY_MEMORY(state);
	struct way w = {stack, next_edge, state, 0};
	for (uint32_t id = 1; id < b->count; id++)
		if (w.state[id] == 0)
			TRY(walk_from(b, walk, &w, id));
	return NULL;
}

static bool is_bit_field_type(const struct btf *b, uint32_t id)
{
	enum btf_kind kind = b->types[btf_skip(b, id)].kind;
	return kind == BTF_INT || kind == BTF_ENUM || kind == BTF_ENUM64;
}

static struct err *check_member(const struct btf *b, const struct btf_type *t, uint32_t index)
{
	struct btf_member m = btf_member(b, t, index);
	uint64_t bits = m.size_bits ? m.size_bits : b->sizes[m.type] * 8;
	if (m.offset_bits + bits > (uint64_t)t->size_bytes * 8)
		return err_new(ERR_INVALID, "member %u ends after the %u bytes of its type", index,
			       t->size_bytes);
	if (m.size_bits && (!is_bit_field_type(b, m.type) || m.size_bits > 64 ||
			    m.size_bits > b->sizes[m.type] * 8))
		return err_new(ERR_INVALID, "member %u is no bit field of %u bits", index,
			       m.size_bits);
	if (!m.size_bits && m.offset_bits % 8)
		return err_new(ERR_INVALID, "member %u begins at bit %u", index, m.offset_bits);
	return NULL;
}

/* `size` is the section's, 0 while it is unknown. */
static struct err *check_variable(const struct btf *b, const struct btf_type *t, uint32_t index,
				  uint32_t size)
{
	uint64_t at = t->first + (uint64_t)index * btf_layouts[BTF_DATASEC].each;
	uint64_t offset = btf_word(b, at + 4), own = btf_word(b, at + 8);
	if (offset + own > (size ? size : SECTION_MAX))
		return err_new(ERR_INVALID, "variable %u ends after the %u bytes of its section",
			       index, size);
	if (own < b->sizes[btf_word(b, at)])
		return err_new(ERR_INVALID, "variable %u has %u bytes, its type more", index,
			       (uint32_t)own);
	return NULL;
}

static struct err *check_places(const struct btf *b, const struct btf_type *t)
{
	bool is_struct = t->kind == BTF_STRUCT || t->kind == BTF_UNION;
	for (uint32_t i = 0; is_struct && i < t->count; i++)
		TRY(check_member(b, t, i));
	for (uint32_t i = 0; t->kind == BTF_DATASEC && i < t->count; i++)
		TRY(check_variable(b, t, i, t->size_bytes));
	return NULL;
}

struct err *btf_check(struct btf *b)
{
	for (uint32_t id = 1; id < b->count; id++)
		TRY_AT(check_edges(b, &b->types[id]), "/types/%u", id);
	TRY(walk_all(b, BY_SIZE));
	TRY(walk_all(b, BY_NAME));
	for (uint32_t id = 1; id < b->count; id++) /* [C3] */
		TRY_AT(check_places(b, &b->types[id]), "/types/%u", id);
	return NULL;
}

struct err *btf_set_section_size(struct btf *b, uint32_t id, uint32_t size_bytes)
{
	struct btf_type *t = &b->types[id];
	if (size_bytes > SECTION_MAX || (t->size_bytes && t->size_bytes != size_bytes))
		return err_at(ERR_INVALID, "", "section %.*s has %u bytes, its BTF says %u",
			      STR_FMT(t->name), size_bytes, t->size_bytes);
	for (uint32_t i = 0; i < t->count; i++)
		TRY(check_variable(b, t, i, size_bytes));
	t->size_bytes = b->sizes[id] = size_bytes;
	return NULL;
}
