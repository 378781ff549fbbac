/*
 * Sets of bits, by the rows of the tables that they speak of; paths of host memory are a list, since
 * there is no table of them.
 */
#include "shared/verifier/uses.h"

static void set_bit(uint64_t *words, uint32_t bit, uint32_t max)
{
	if (bit < max)
		words[bit / 64] |= UINT64_C(1) << bit % 64;
}

void uses_start(struct check *c)
{
	c->uses = (struct verifier_uses){0};
	c->uses_host_room = 0;
}

void uses_insn(struct check *c)
{
	const struct bpf_insn *insn = &c->insns[c->insn];
	enum insn_kind kind = c->flow.insns[c->insn].kind;
	const struct helper *h = kind == INSN_CALL_HELPER ? helper_find((uint32_t)insn->imm) : NULL;
	bool is_variable = kind == INSN_LD_IMM64 && insn->src_reg == BPF_PSEUDO_BTF_ID;
	if (h)
		set_bit(c->uses.helpers, (uint32_t)(h - helpers), VERIFIER_USES_HELPERS);
	if (kind == INSN_CALL_KFUNC || is_variable)
		set_bit(c->uses.externs, (uint32_t)insn->imm, OBJECT_MAX_EXTERNS);
}

void uses_map(struct check *c, uint32_t map, bool is_write)
{
	set_bit(is_write ? &c->uses.maps_written : &c->uses.maps_read, map, OBJECT_MAX_MAPS);
}

/* Helpers that only look at their map; all others change it. */
static const uint32_t readers[] = {BPF_FUNC_map_lookup_elem, BPF_FUNC_for_each_map_elem,
				   BPF_FUNC_ringbuf_query};

void uses_map_by(struct check *c, uint32_t map, const struct helper *h)
{
	bool only_reads = false;
	for (size_t i = 0; i < ARRAY_SIZE(readers); i++)
		only_reads |= readers[i] == h->id;
	uses_map(c, map, !only_reads);
}

static bool is_noted(const struct verifier_uses *u, struct str path, bool is_write)
{
	for (uint32_t i = 0; i < u->host_count; i++)
		if (u->host[i].is_write == is_write && str_equal(u->host[i].path, path))
			return true;
	return false;
}

void uses_host(struct check *c, struct str path, bool is_write)
{
	struct arena *a = &c->verdict->arena;
	if (c->uses.host_count == USES_MAX_HOST || is_noted(&c->uses, path, is_write))
		return;
	if (c->uses.host_count == c->uses_host_room) {
		uint32_t room = MAX(2 * c->uses_host_room, (uint32_t)8);
		struct verifier_host_use *larger = arena_alloc_array(a, room, sizeof *larger);
		if (larger && c->uses.host_count > 0)
			memcpy(larger, c->uses.host, c->uses.host_count * sizeof *larger);
		c->is_short |= !larger;
		if (!larger)
			return;
		c->uses.host = c->uses_host = larger;
		c->uses_host_room = room;
	}
	struct str copy = arena_str(a, path);
	c->is_short |= !copy.data;
	if (copy.data)
		c->uses_host[c->uses.host_count++] = (struct verifier_host_use){copy, is_write};
}

void uses_add(struct check *c, const struct verifier_uses *more)
{
	for (size_t i = 0; i < ARRAY_SIZE(more->helpers); i++)
		c->uses.helpers[i] |= more->helpers[i];
	for (size_t i = 0; i < ARRAY_SIZE(more->externs); i++)
		c->uses.externs[i] |= more->externs[i];
	c->uses.maps_read |= more->maps_read;
	c->uses.maps_written |= more->maps_written;
	for (uint32_t i = 0; i < more->host_count; i++)
		uses_host(c, more->host[i].path, more->host[i].is_write);
}
