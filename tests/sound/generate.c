/*
 * A program is written function by function, a function statement by statement; what statements there are
 * the parts say (generate_part.tbl.h), and here one is picked by weight.
 *
 * [I1] No jump is written that leaves its function: a program is never just rejected for its shape.
 * [I2] Functions refer to later ones only: none calls itself.
 */
#include "tests/sound/generate_part.h"

/* ---- chance ---- */
uint64_t generate_next(struct generate_random *r)
{
	r->state ^= r->state >> 12;
	r->state ^= r->state << 25;
	r->state ^= r->state >> 27;
	return r->state * UINT64_C(2685821657736338717);
}

uint32_t generate_below(struct generate_random *r, uint32_t count)
{
	return (uint32_t)((generate_next(r) >> 32) * count >> 32);
}

uint64_t generate_number(struct generate_random *r)
{
	uint64_t power = UINT64_C(1) << generate_below(r, 64);
	switch (generate_below(r, 8)) {
	case 0:
		return 0;
	case 1:
		return power;
	case 2:
		return power - 1;
	case 3:
		return 0 - power;
	case 4:
		return generate_next(r);
	case 5:
		return UINT64_MAX - generate_below(r, 4);
	case 6:
		return generate_next(r) >> generate_below(r, 64);
	}
	return generate_below(r, 40);
}

/* ---- statements ---- */
static const struct generate_part *const parts[] = {
#define PART(name) &generate_part_##name,
#include "tests/sound/generate_part.tbl.h"
#undef PART
};

static bool has_part(const struct writer *w, const struct generate_part *part)
{
	return w->p->extension || !part->is_for_extensions;
}

static uint32_t all_weights(const struct writer *w)
{
	uint32_t all = 0;
	for (size_t k = 0; k < ARRAY_SIZE(parts); k++)
		for (size_t n = 0; has_part(w, parts[k]) && n < parts[k]->count; n++)
			all += parts[k]->statements[n].weight;
	return all;
}

static const struct generate_statement *pick_statement(const struct writer *w, uint32_t pick)
{
	for (size_t k = 0; k < ARRAY_SIZE(parts); k++) {
		for (size_t n = 0; has_part(w, parts[k]) && n < parts[k]->count; n++) {
			const struct generate_statement *s = &parts[k]->statements[n];
			if (pick < s->weight)
				return s;
			pick -= s->weight;
		}
	}
	return &parts[0]->statements[0];
}

void generate_statement(struct writer *w)
{
	const struct generate_statement *s = pick_statement(w, below(w, w->weights));
	if (s->nests && w->depth >= GENERATE_MAX_DEPTH)
		s = &parts[0]->statements[0];
	s->write(w);
}

void generate_block(struct writer *w, uint32_t most)
{
	uint32_t count = 1 + below(w, most);
	w->depth++;
	while (count-- && !is_full(w))
		generate_statement(w);
	w->depth--;
}

/* ---- functions ---- */
static bool is_wanted(const struct writer *w, const struct generate_kind *kind, uint32_t upto)
{
	for (uint32_t n = w->references_done; n < upto; n++)
		if (w->references[n].kind == kind)
			return true;
	return false;
}

bool generate_may_refer(const struct writer *w, const struct generate_kind *kind)
{
	uint32_t wanted = 0;
	for (uint32_t n = w->references_done; n < w->references_count; n++)
		wanted += w->references[n].kind && !is_wanted(w, w->references[n].kind, n);
	return w->references_count < GENERATE_REFERENCES && !is_full(w) &&
	       (is_wanted(w, kind, w->references_count) ||
		w->functions + wanted < GENERATE_FUNCTIONS);
}

void generate_refer(struct writer *w, const struct generate_kind *kind)
{
	w->references[w->references_count++] = (struct generate_reference){w->count, kind};
}

/* All references to that kind that there are lead to the function that begins here. */
static void connect(struct writer *w, const struct generate_kind *kind)
{
	for (uint32_t n = w->references_done; n < w->references_count; n++) {
		struct generate_reference *r = &w->references[n];
		struct bpf_insn *insn = &w->p->insns[r->insn];
		if (r->kind != kind)
			continue;
		r->kind = NULL;
		if (kind->is_entry)
			continue;
		insn->imm = (int32_t)w->count;
		if (insn->code == (BPF_JMP | BPF_CALL))
			insn->imm -= (int32_t)r->insn + 1;
	}
}

static void begin_function(struct writer *w, const struct generate_kind *kind)
{
	bool is_entry = kind->is_entry;
	struct str section = w->p->extension ? str_of(world_entries[w->p->extension - 1].section)
					     : STR("uprobe");
	w->p->functions[w->functions++] =
		(struct object_function){.name = str_of(kind->name),
					 .section = is_entry ? section : STR(".text"),
					 .first = w->count,
					 .is_entry = is_entry,
					 .is_global = is_entry || kind->type,
					 .btf_id = kind->type,
					 .kind = is_entry ? section_find(section) : NULL};
	w->numbers = 0x380;
	w->slots = 0;
	w->has_buffer = false;
	w->has_ctx = is_entry;
	w->depth = is_entry ? 0 : 1;
}

static void end_function(struct writer *w)
{
	struct object_function *f = &w->p->functions[w->functions - 1];
	put_mov(w, 0, any_number(w));
	if (w->p->extension && f->is_entry)
		generate_result(w);
	put(w, INSN(BPF_JMP | BPF_EXIT, 0, 0, 0, 0));
	f->count = w->count - f->first;
	w->p->object.functions_count = w->functions;
}

void generate_prologue(struct writer *w)
{
	put_mov(w, 6, 1);
	for (unsigned reg = 7; reg < 10; reg++)
		put_load(w, reg, 6, generate_word(w));
}

static void put_entry(struct writer *w)
{
	static const struct generate_kind entry = {.name = "entry", .is_entry = true};
	begin_function(w, &entry);
	generate_prologue(w);
	generate_block(w, 12);
	end_function(w);
}

static void put_functions(struct writer *w)
{
	for (; w->references_done < w->references_count; w->references_done++) {
		const struct generate_kind *kind = w->references[w->references_done].kind;
		if (!kind)
			continue;
		connect(w, kind);
		begin_function(w, kind);
		kind->write(w, kind);
		end_function(w);
	}
}

/* ---- programs ---- */
static void set_maps(struct generate_program *p)
{
	static const struct object_map maps[] = {
#define MAP(n, r, k, ks, vs, max) \
	{.name = STR(#n),         \
	 .role = OBJECT_MAP_##r,  \
	 .kind = MAP_KIND_##k,    \
	 .key_size = (ks),        \
	 .value_size = (vs),      \
	 .max_entries = (max)},
#include "tests/sound/generate_map.tbl.h"
#undef MAP
	};
	memcpy(p->maps, maps, sizeof maps);
	for (size_t n = 0; n < ARRAY_SIZE(parts); n++)
		if (parts[n]->set_up)
			parts[n]->set_up(p);
}

static void connect_parts(struct generate_program *p)
{
	p->object.insns = p->insns;
	p->object.maps = p->maps;
	p->object.functions = p->functions;
	p->object.maps_count = GENERATE_MAPS;
	p->object.externs = p->externs;
	p->object.externs_count = GENERATE_EXTERNS;
	p->maps[GENERATE_MAP_PROGRAMS].slots = p->slots;
}

void generate_program(uint64_t seed, struct generate_program *out)
{
	struct writer w = {.random = {(seed + 1) * UINT64_C(0x9e3779b97f4a7c15)}, .p = out};
	memset(out, 0, sizeof *out);
	if (w.random.state == 0)
		w.random.state = 1;
	generate_next(&w.random);
	out->extension = below(&w, 3) ? 0 : 1 + below(&w, WORLD_ENTRIES);
	w.weights = all_weights(&w);
	connect_parts(out);
	set_maps(out);
	put_entry(&w);
	put_functions(&w);
	out->object.insns_count = w.count;
}

void generate_copy(const struct generate_program *from, struct generate_program *out)
{
	*out = *from;
	connect_parts(out);
}
