/*
 * Tail calls. Entries are explored one by one, each from any context; so what a tail call leads to is explored
 * anyway. What remains is arithmetic over the graph of who may go on with whom:
 *
 *	W(f, 0) = longest way of f to its exit
 *	W(f, d) = the larger of that, and f's longest way to a tail call + the largest W(g, d - 1) of its targets
 *
 * A run makes HELPER_MAX_TAIL_CALLS tail calls at the most, so it costs W(entry, HELPER_MAX_TAIL_CALLS). Frames do not add up: that of an
 * entry is gone before the next one begins.
 *
 * [I1] At a tail call nothing is held, and no frame but the entry's is there: what the next entry finds is what any
 *      entry finds.
 * [I2] Source and target get contexts of the same kind.
 * [I3] A context word that a target reads is read by whoever may go on with it.
 */
#include "shared/verifier/tail.h"

#include "shared/base/mem.h"
#include "shared/bpf/map_kind.h"
#include "shared/verifier/call.h"
#include "shared/verifier/iter.h"
#include "shared/verifier/meter.h"
#include "shared/verifier/words.h"

_Static_assert(OBJECT_MAX_MAPS <= 64, "maps are bits of a word");

/* ---- the call ---- */

static struct err *check_frame(struct check *c)
{
	const struct state *s = c->state;
	if (s->frames_count > 1 || c->root != c->entry)
		return check_reject(c, VERIFIER_UNSUPPORTED,
				    "call it in the entry itself, or make the function "
				    "__always_inline",
				    "a tail call in a function that the entry calls");
	if (s->refs_count == 0)
		return NULL;
	if (s->refs[0].is_iterator)
		return iter_reject_undestroyed(c, &s->refs[0], "before the tail call");
	const struct btf_line *line = object_line_at(c->object, s->refs[0].insn);
	return check_reject(
		c, VERIFIER_UNRELEASED, "release it before the tail call",
		"what was acquired at line %u (instruction %u) is not released, and the "
		"next program does not know of it",
		line ? line->line : 0, s->refs[0].insn); /* [I1] */
}

static bool same_context(const struct object_function *a, const struct object_function *b)
{
	if (a->kind != b->kind)
		return false;
	return a->kind->kind != SECTION_EXTENSION || str_equal(a->section, b->section);
}

static struct err *check_targets(struct check *c, const struct object_map *m)
{
	const struct object_function *from = &c->functions[c->entry];
	for (uint32_t i = 0; i < m->slots_count; i++) {
		const struct object_function *to = &c->functions[m->slots[i].index];
		if (!to->is_entry || !same_context(from, to)) /* [I2] */
			return check_reject(c, VERIFIER_BAD_ARGUMENT,
					    "put both in sections of the same kind",
					    "slot %u of %.*s is %.*s() in section %.*s, which gets "
					    "another context than %.*s() in section %.*s",
					    m->slots[i].slot, STR_FMT(m->name), STR_FMT(to->name),
					    STR_FMT(to->section), STR_FMT(from->name),
					    STR_FMT(from->section));
	}
	return NULL;
}

/* The compiler makes the choice a constant. */
static struct err *check_one_map(struct check *c, uint32_t map)
{
	if (c->verdict->facts[c->insn].map == map)
		return NULL;
	return check_reject(c, VERIFIER_BAD_ARGUMENT, "write one call for each of the maps",
			    "argument 2 (r2) of bpf_tail_call is another map on another path");
}

struct err *tail_call(struct check *c, const struct bpf_insn *insn)
{
	struct state_reg map = *check_reg(c, 2);
	TRY(check_frame(c));
	if (map.kind == STATE_INNER_MAP)
		return check_reject(c, VERIFIER_BAD_MAP_USE, "name the array of programs itself",
				    "argument 2 (r2) of bpf_tail_call is %s", words_of(c, &map));
	TRY(call_helper(c, insn));
	TRY(check_one_map(c, map.map));
	TRY(check_targets(c, &c->maps[map.map]));
	c->tail_maps |= UINT64_C(1) << map.map;
	tree_mark_tail(c->node, MAX(c->state->count - c->node->state->count, (uint64_t)1));
	return NULL;
}

/* ---- whole runs ---- */

struct run {
	struct check *c;
	struct verifier_entry *entries;
	uint32_t entries_count;
	uint32_t *row;		/* of a function: its entry's */
	uint64_t *worst, *next; /* of an entry: W(f, d) */
};

static uint64_t sum(uint64_t a, uint64_t b)
{
	uint64_t all;
	return __builtin_add_overflow(a, b, &all) ? UINT64_MAX : all;
}

/* The largest of those in map `m`; false where it is empty. */
static bool best_of(const struct run *r, const struct object_map *m, uint64_t *out)
{
	*out = 0;
	for (uint32_t i = 0; i < m->slots_count; i++)
		*out = MAX(*out, r->worst[r->row[m->slots[i].index]]);
	return m->slots_count > 0;
}

static void one_more(struct run *r)
{
	uint64_t best[OBJECT_MAX_MAPS], filled = 0;
	for (uint32_t i = 0; i < r->c->maps_count; i++)
		if (r->c->maps[i].kind == MAP_KIND_PROG_ARRAY &&
		    best_of(r, &r->c->maps[i], &best[i]))
			filled |= UINT64_C(1) << i;
	for (uint32_t f = 0; f < r->entries_count; f++) {
		const struct verifier_entry *e = &r->entries[f];
		r->next[f] = e->worst_insns;
		for (uint64_t left = e->tail_maps & filled; left; left &= left - 1)
			r->next[f] =
				MAX(r->next[f], sum(e->tail_insns, best[__builtin_ctzll(left)]));
	}
	memcpy(r->worst, r->next, r->entries_count * sizeof *r->worst);
}

/* Stack and context of all that may run, until nothing is new: HELPER_MAX_TAIL_CALLS rounds see every chain. [I3] */
static void take_over(struct run *r, struct verifier_entry *e)
{
	for (uint64_t left = e->tail_maps; left; left &= left - 1) {
		const struct object_map *m = &r->c->maps[__builtin_ctzll(left)];
		for (uint32_t i = 0; i < m->slots_count; i++) {
			const struct verifier_entry *to = &r->entries[r->row[m->slots[i].index]];
			e->ctx_reads |= to->ctx_reads;
			e->stack_bytes = MAX(e->stack_bytes, to->stack_bytes);
		}
	}
}

static uint32_t first_call(const struct check *c, const struct object_function *f)
{
	for (uint32_t i = f->first; i < f->first + f->count; i = c->flow.insns[i].next)
		if (c->flow.insns[i].kind == INSN_CALL_HELPER &&
		    c->insns[i].imm == BPF_FUNC_tail_call)
			return i;
	return f->first;
}

static struct err *check_length(struct run *r, uint32_t f)
{
	struct check *c = r->c;
	const struct verifier_entry *e = &r->entries[f];
	if (r->worst[f] <= c->role->attributes.max_instructions)
		return NULL;
	c->entry = (uint32_t)(e->function - c->functions);
	c->insn = first_call(c, e->function);
	c->state->frames_count = c->state->decisions = 0;
	return check_reject(
		c, VERIFIER_INSN_LIMIT,
		"let fewer programs follow one another, or let the role allow more "
		"instructions",
		"with %d tail calls an event may execute %llu instructions or more, but "
		"role %.*s allows max_instructions: %llu",
		HELPER_MAX_TAIL_CALLS, (unsigned long long)r->worst[f], STR_FMT(c->role->name),
		(unsigned long long)c->role->attributes.max_instructions);
}

/* Whether a chain needs to be counted, and the role has it counted. */
static bool is_metered(const struct run *r)
{
	uint64_t max = r->c->role->attributes.max_instructions;
	bool is_needed = false;
	for (uint32_t f = 0; f < r->entries_count; f++)
		is_needed |= r->entries[f].is_metered || r->worst[f] > max;
	return is_needed && r->c->role->attributes.metered;
}

/* A run keeps its counter when it goes on with another entry. */
static struct err *meter_all(struct run *r)
{
	for (uint32_t f = 0; f < r->entries_count; f++)
		if (r->entries[f].tail_maps)
			TRY(meter_chain(r->c, &r->entries[f]));
	return NULL;
}

static struct err *compute(struct run *r)
{
	for (uint32_t f = 0; f < r->entries_count; f++) {
		r->row[r->entries[f].function - r->c->functions] = f;
		r->worst[f] = r->entries[f].worst_insns;
	}
	for (unsigned d = 0; d < HELPER_MAX_TAIL_CALLS; d++) {
		one_more(r);
		for (uint32_t f = 0; f < r->entries_count; f++)
			take_over(r, &r->entries[f]);
	}
	if (is_metered(r))
		return meter_all(r);
	for (uint32_t f = 0; f < r->entries_count; f++)
		TRY(check_length(r, f));
	for (uint32_t f = 0; f < r->entries_count; f++)
		r->entries[f].worst_insns = r->worst[f];
	return NULL;
}

/* Whether `f` is in an array that one of the entries goes on with. */
static bool follows(const struct run *r, uint32_t f)
{
	for (uint32_t from = 0; from < r->entries_count; from++)
		for (uint64_t left = r->entries[from].tail_maps; left; left &= left - 1) {
			const struct object_map *m = &r->c->maps[__builtin_ctzll(left)];
			for (uint32_t i = 0; from != f && i < m->slots_count; i++)
				if (r->row[m->slots[i].index] == f)
					return true;
		}
	return false;
}

static bool names_a_place(const struct object_function *f)
{
	bool is_extension = f->kind && f->kind->kind == SECTION_EXTENSION;
	return !is_extension && memchr(f->section.data, '/', f->section.size);
}

/* Entries that no place is named for run after others only, and nothing is attached to them (shared/jit/compile.c
 * leaves them out by the same rule); one has to be the first. */
static struct err *check_first(struct run *r)
{
	struct check *c = r->c;
	for (uint32_t f = 0; f < r->entries_count; f++)
		if (names_a_place(r->entries[f].function) || !follows(r, f))
			return NULL;
	c->entry = (uint32_t)(r->entries[0].function - c->functions);
	c->insn = first_call(c, r->entries[0].function);
	c->state->frames_count = c->state->decisions = 0;
	return check_reject(
		c, VERIFIER_UNSUPPORTED,
		"leave the first one out of the arrays; or name the place where it runs: "
		"SEC(\"uprobe/PATH:SYMBOL\")",
		"each of the entries follows another one: which one begins is not known");
}

struct err *tail_finish(struct check *c)
{
	struct run r = {.c = c,
			.entries = c->verdict->entries,
			.entries_count = c->verdict->entries_count};
	uint64_t any = 0;
	for (uint32_t f = 0; f < r.entries_count; f++)
		any |= r.entries[f].tail_maps;
	if (!any)
		return NULL;
	OWNED(mem) void *row = mem_zalloc_array(c->functions_count, sizeof *r.row);
	OWNED(mem) void *worst = mem_zalloc_array(2 * (size_t)r.entries_count, sizeof *r.worst);
	TRY_MEMORY(row);
	TRY_MEMORY(worst);
	r.row = row;
	r.worst = worst;
	r.next = r.worst + r.entries_count;
	TRY(compute(&r));
	return check_first(&r);
}
