/*
 * One run: the maps against the role, the shape of the code, then each entry.
 */
#include "shared/verifier/check.h"
#include "shared/verifier/explore.h"
#include "shared/verifier/fact.h"
#include "shared/verifier/host.h"
#include "shared/verifier/meter.h"

#include "shared/base/mem.h"
#include "shared/bpf/map_kind.h"

static void fini(struct check *c)
{
	meter_fini(c);
	tree_fini(&c->tree);
	flow_fini(&c->flow);
	mem_free(c->state);
	mem_free(c->depth);
	mem_free(c->calls);
	verdict_destroy(c->verdict);
}

static struct err *init(struct check *c)
{
	uint32_t insns;
	c->insns = object_insns(c->object, &insns);
	c->maps = object_maps(c->object, &c->maps_count);
	c->functions = object_functions(c->object, &c->functions_count);
	size_t n = c->functions_count;
	TRY(verdict_create(c->object, c->role, &c->verdict));
	TRY(tree_init(&c->tree, insns));
	TRY(meter_init(c));
	c->state = mem_zalloc(sizeof *c->state);
	c->depth = mem_zalloc_array(n + 1, sizeof *c->depth);
	c->calls = mem_zalloc_array(n * n / 64 + 1, sizeof *c->calls);
	return c->state && c->depth && c->calls ? NULL : err_no_memory();
}

/* What a map's elements take, keys included. */
static uint64_t map_bytes(const struct object_map *m)
{
	uint64_t element = (uint64_t)m->key_size + m->value_size, all;
	if (m->kind == MAP_KIND_RINGBUF)
		return m->max_entries;
	if (m->kind == MAP_KIND_ARRAY)
		element = m->value_size;
	return __builtin_mul_overflow(element, m->max_entries, &all) ? UINT64_MAX : all;
}

static struct err *check_maps(struct check *c)
{
	uint64_t all = 0, max = c->role->attributes.max_map_memory;
	for (uint32_t i = 0; i < c->maps_count; i++) {
		uint64_t bytes = map_bytes(&c->maps[i]);
		if (__builtin_add_overflow(all, bytes, &all) || all > max)
			return check_reject(
				c, VERIFIER_MAP_MEMORY, "give the map fewer or smaller elements",
				"with map %.*s (%llu bytes) the maps need more than role %.*s "
				"allows, max_map_memory: %llu",
				STR_FMT(c->maps[i].name), (unsigned long long)bytes,
				STR_FMT(c->role->name), (unsigned long long)max);
	}
	return NULL;
}

static struct err *check_shape(struct check *c)
{
	struct flow_fault fault;
	TRY(flow_init(c->object, &c->flow, &fault));
	if (!fault.message)
		return NULL;
	c->insn = fault.insn;
	const char *hint =
		fault.rule == VERIFIER_BAD_INSN
			? "compile with clang -target bpf, for version 4 (-mcpu=v4) at the most"
			: "let every path end with return, and jump within functions only";
	return check_reject(c, fault.rule, hint, "%s", fault.message);
}

static struct err *check_entry(struct check *c, uint32_t index)
{
	const struct object_function *f = &c->functions[index];
	c->entry = index;
	c->insn = f->first;
	c->state->frames_count = c->state->decisions = 0;
	c->ctx = f->kind ? ctx_find(f->kind->kind) : NULL;
	c->host = NULL;
	if (f->kind && f->kind->kind == SECTION_EXTENSION)
		TRY(host_entry(c, f));
	if (!c->ctx)
		return check_reject(
			c, VERIFIER_UNSUPPORTED,
			"use SEC(\"uprobe/…\"), SEC(\"uretprobe/…\") or SEC(\"eim/ENTRY\")",
			"entries of section %.*s are not run here", STR_FMT(f->section));
	return explore_entry(c, index);
}

static struct err *check_entries(struct check *c)
{
	bool any = false;
	for (uint32_t i = 0; i < c->functions_count; i++)
		any |= c->functions[i].is_entry;
	if (!any)
		return check_reject(c, VERIFIER_UNSUPPORTED,
				    "put SEC(\"uprobe/PATH:SYMBOL\") before the function",
				    "the program has no entry: no function has a known SEC()");
	TRY(check_maps(c));
	TRY(check_shape(c));
	for (uint32_t i = 0; i < c->functions_count; i++)
		if (c->functions[i].is_entry)
			TRY(check_entry(c, i));
	fact_finish(c->verdict);
	return NULL;
}

struct err *verifier_run(const struct object *object, const struct role *role,
			 struct verifier_limits limits, struct verdict **out)
{
	struct check c = {.object = object, .role = role, .limits = limits};
	struct err *e = init(&c);
	if (!e)
		e = check_entries(&c);
	if (e && err_code(e) == ERR_REJECTED && c.verdict && c.verdict->is_rejected) {
		err_destroy(e); /* the finding has it */
		e = c.is_short ? err_no_memory() : NULL;
	}
	if (!e)
		*out = MOVE(c.verdict);
	fini(&c);
	return e;
}
