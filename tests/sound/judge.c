/*
 * An accepted program runs in the checking interpreter with the limit that the verifier has proved and
 * with the facts that the compiler will trust; then, from the same context and the same maps, as machine
 * code. What it returns and leaves behind must be the same, unless the outcome is open (interp.h).
 */
#include "tests/sound/judge.h"

#include "tests/unit/shared/jit/load.h"

#include "shared/bpf/map_kind.h"
#include "shared/jit/jit.h"

#include <stdio.h>
#include <unistd.h>

/* ---- set-up ---- */
static struct err *map_host(struct judge *j)
{
	uint8_t *at = mmap(NULL, 3 * 4096, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (at == MAP_FAILED || mprotect(at + 4096, 4096, PROT_READ | PROT_WRITE) != 0)
		return err_no_memory();
	for (unsigned n = 0; n < 4096; n++)
		at[4096 + n] = n % 13 == 0 ? 0 : (uint8_t)(n * 7);
	j->host = bytes_of(at + 4096, 4096);
	return NULL;
}

struct err *judge_init(struct judge *j)
{
	OWNED_BUF struct buf document = BUF_INIT(1 << 16);
	*j = (struct judge){0};
	TRY(map_host(j));
	j->interp = mem_zalloc(sizeof *j->interp);
	TRY_MEMORY(j->interp);
	TRY(jit_init(NULL));
	TRY(judge_types(&j->types));
	TRY(judge_host_types(&j->host_types));
	TRY(world_init(&j->world));
	j->pid_tgid = (uint64_t)(uint32_t)getpid() << 32 | (uint32_t)gettid();
	judge_document(&document);
	TRY(spec_parse(buf_str(&document), &j->spec));
	for (size_t n = 0; n < JUDGE_ROLES; n++) {
		TRY(role_resolve(j->spec, j->spec->roles[n].name, j->host_types, &j->roles[n]));
		judge_grants(j->roles[n], j->granted[n]);
	}
	return NULL;
}

void judge_fini(struct judge *j)
{
	for (size_t n = 0; n < JUDGE_ROLES; n++)
		role_destroy(j->roles[n]);
	spec_destroy(j->spec);
	btf_destroy(j->types);
	btf_destroy(j->host_types);
	world_fini(&j->world);
	mem_free(j->interp);
	if (j->host.data)
		munmap((void *)(uintptr_t)(j->host.data - 4096), 3 * 4096);
}

/* ---- inputs ---- */
static void fill(struct generate_random *r, uint8_t *to, size_t size)
{
	for (size_t n = 0; n < size; n += 8) {
		uint64_t value = generate_number(r);
		memcpy(to + n, &value, MIN(size - n, sizeof value));
	}
}

static void fill_context(struct judge *j, struct generate_random *r)
{
	for (size_t n = 0; n < INTERP_CTX; n += 8) {
		uint64_t value = generate_number(r);
		if (generate_below(r, 5) == 0)
			value = (uint64_t)(uintptr_t)j->host.data + generate_below(r, 4096);
		memcpy(j->interp->ctx + n, &value, 8);
	}
}

static void fill_map(struct generate_random *r, struct interp_map_state *m)
{
	const struct object_map *map = m->map;
	bool is_hash = map->kind == MAP_KIND_HASH, is_kept = generate_below(r, 2);
	if (map->role == OBJECT_MAP_RODATA || map->kind == MAP_KIND_RINGBUF || map->inner ||
	    (map->role != OBJECT_MAP_DECLARED && is_kept))
		return;
	for (uint32_t n = 0; n < map->max_entries; n++) {
		uint64_t key = n;
		if (is_hash && generate_below(r, 2))
			continue;
		if (is_hash)
			memcpy(m->elements[n].key, &key, map->key_size);
		m->elements[n].is_used = true;
		fill(r, m->elements[n].value, map->value_size);
		if (map->lock_end)
			memset(m->elements[n].value + map->lock_end - 4, 0, 4);
	}
}

static void prepare(struct judge *j, const struct generate_program *p, uint64_t seed)
{
	struct generate_random r = {(seed + 77) * UINT64_C(0xd1342543de82ef95) | 1};
	generate_next(&r);
	interp_reset(j->interp, &p->object);
	fill_context(j, &r);
	for (uint32_t n = 0; n < GENERATE_MAPS; n++)
		fill_map(&r, &j->interp->maps[n]);
	j->interp->host = j->host;
	j->interp->seed = seed;
	j->interp->pid_tgid = j->pid_tgid;
	if (!p->extension)
		return;
	world_begin(&j->world, (enum world_entry)(p->extension - 1), seed);
	interp_extension(j->interp, &j->world, (enum world_entry)(p->extension - 1), j->role);
}

static bool found(struct judge_finding *out, enum interp_trap trap, uint64_t input,
		  const char *format, ...) PRINTF(4, 5);
static bool found(struct judge_finding *out, enum interp_trap trap, uint64_t input,
		  const char *format, ...)
{
	va_list args;
	va_start(args, format);
	out->trap = trap;
	out->input = input;
	vsnprintf(out->message, sizeof out->message, format, args);
	va_end(args);
	return false;
}

static bool interpret(struct judge *j, const struct generate_program *p, uint64_t input,
		      const struct verifier_entry *entry, struct judge_finding *finding)
{
	struct interp *i = j->interp;
	prepare(j, p, input);
	i->limit = entry->worst_insns;
	i->is_metered = entry->is_metered;
	i->stack_limit = entry->stack_bytes ?: 1;
	i->is_wild = input % 16 == 15;
	interp_run(i, &p->functions[0]);
	j->figures.runs++;
	j->figures.extension_runs += p->extension != 0;
	j->figures.open_runs += i->result.is_open;
	j->figures.executed += i->result.count;
	j->figures.host_accesses += i->host_accesses;
	for (size_t n = 0; n < WORLD_EXTERNS; n++)
		j->figures.host_calls[n] += i->host_calls[n];
	j->figures.ended += i->result.has_ended;
	if (i->result.trap != INTERP_FINE)
		return found(finding, i->result.trap, input, "trap %s at instruction %u: %s",
			     interp_trap_text(i->result.trap), i->result.insn, i->result.message);
	if (i->result.ctx_reads & ~entry->ctx_reads)
		return found(finding, INTERP_FACT, input, "context words %#lx are read, told %#lx",
			     (unsigned long)i->result.ctx_reads, (unsigned long)entry->ctx_reads);
	return true;
}

/* ---- compiled ---- */
struct comparison {
	struct interp *i;
	uint32_t map, count;
	bool differs;
};

static struct err *compare_element(void *context, struct bytes key, struct bytes value)
{
	struct comparison *c = context;
	const struct interp_element *e = interp_find(c->i, c->map, key.data);
	c->count++;
	c->differs |= !e || memcmp(e->value, value.data, value.size) != 0;
	return NULL;
}

static struct err *compare_record(void *context, struct bytes record)
{
	struct comparison *c = context;
	while (c->count < c->i->records_count && c->i->records[c->count].is_discarded)
		c->count++;
	if (c->count == c->i->records_count) {
		c->differs = true;
		return NULL;
	}
	const struct interp_record *r = &c->i->records[c->count++];
	c->differs |= r->size != record.size || memcmp(r->data, record.data, record.size) != 0;
	return NULL;
}

static uint32_t used_elements(const struct interp_map_state *m)
{
	uint32_t count = 0;
	for (uint32_t n = 0; n < m->map->max_entries; n++)
		count += m->elements[n].is_used;
	return count;
}

static uint32_t map_number(const struct judge *j, const struct image_map *m)
{
	uint32_t n = 0;
	while (n < j->interp->maps_count && !str_equal(j->interp->maps[n].map->name, m->name))
		n++;
	assert_true(n < j->interp->maps_count);
	return n;
}

static bool same_map(struct judge *j, const struct load *l, uint32_t n)
{
	struct comparison c = {.i = j->interp, .map = map_number(j, &l->image->maps[n])};
	uint32_t consumed;
	if (l->maps[n].kind == RT_KIND_RINGBUF) {
		assert_ok(map_consume(&l->maps[n], 4096, compare_record, &c, &consumed));
		while (c.count < c.i->records_count && c.i->records[c.count].is_discarded)
			c.count++;
		return !c.differs && c.count == c.i->records_count;
	}
	assert_ok(map_each(&l->maps[n], compare_element, &c));
	return !c.differs && c.count == used_elements(&j->interp->maps[c.map]);
}

static void copy_map(struct judge *j, const struct load *l, uint32_t n)
{
	struct interp_map_state *m = &j->interp->maps[map_number(j, &l->image->maps[n])];
	if (m->map->kind == MAP_KIND_RINGBUF)
		return;
	for (uint32_t k = 0; k < m->map->max_entries; k++)
		if (m->elements[k].is_used)
			assert_int_equal(rt_map_update_elem(&l->maps[n], m->elements[k].key,
							    m->elements[k].value, 0),
					 0);
}

/* Whether the run, the image's only one, was ended by the code itself. */
static bool has_ended(const struct load *l)
{
	return ((const struct rt_private *)(l->base + l->image->private_offset))->ended;
}

/* Functions and variables of the host are those of the world. */
static void import(struct judge *j, const struct generate_program *p, struct load *l)
{
	for (uint32_t n = 0; n < l->image->imports_count; n++)
		for (uint32_t k = 0; k < p->object.externs_count; k++)
			if (str_equal(l->image->imports[n].symbol, p->externs[k].name))
				load_import(l, p->externs[k].name.data,
					    world_native(&j->world, (enum world_extern)k));
}

/* What the host takes from a register. */
static uint64_t result_of(const struct generate_program *p, uint64_t r0)
{
	if (!p->extension)
		return r0;
	const struct world_entry_row *e = &world_entries[p->extension - 1];
	if (e->result_bytes == 8)
		return r0;
	return e->is_result_signed ? (uint64_t)(int32_t)r0 : (uint32_t)r0;
}

static uint64_t trace_of(struct judge *j)
{
	world_trace_memory(&j->world);
	return j->world.trace;
}

/* The image's row of the first entry: its rows lack entries that only follow others. */
static uint32_t first_of(const struct generate_program *p, const struct image *image)
{
	uint32_t n = 0;
	while (n < image->entries_count && !str_equal(image->entries[n].name, p->functions[0].name))
		n++;
	return n;
}

static bool run_compiled(struct judge *j, const struct generate_program *p, uint64_t input,
			 const struct verifier_entry *entry, struct load *l,
			 struct judge_finding *finding)
{
	uint8_t ctx[INTERP_CTX] __attribute__((aligned(16)));
	prepare(j, p, input);
	memcpy(ctx, j->interp->ctx, sizeof ctx);
	for (uint32_t n = 0; n < l->image->maps_count; n++)
		copy_map(j, l, n);
	if (!interpret(j, p, input, entry, finding))
		return false;
	if (j->interp->result.is_open)
		return true;
	uint64_t trace = 0;
	if (p->extension) {
		trace = trace_of(j);
		world_begin(&j->world, (enum world_entry)(p->extension - 1), input);
		import(j, p, l);
	}
	uint64_t got = load_run(l, first_of(p, l->image), ctx);
	j->figures.compiled_runs++;
	bool is_early = has_ended(l);
	if (is_early && got != 0)
		return found(finding, INTERP_FINE, input, "a run that was ended gives %#lx",
			     (unsigned long)got);
	if (j->interp->result.has_ended && !is_early)
		return found(finding, INTERP_TOO_LONG, input,
			     "compiled code executes more than %lu instructions",
			     (unsigned long)entry->worst_insns);
	if (is_early && !entry->is_metered)
		return found(finding, INTERP_FINE, input, "a run that was proved to end is ended");
	j->figures.early += is_early && !j->interp->result.has_ended;
	if (is_early)
		return true;
	if (got != result_of(p, j->interp->result.r0))
		return found(finding, INTERP_FINE, input, "compiled code gives %#lx, not %#lx",
			     (unsigned long)got, (unsigned long)j->interp->result.r0);
	if (p->extension && trace_of(j) != trace)
		return found(finding, INTERP_FINE, input, "compiled code leaves another host");
	if (memcmp(ctx, j->interp->ctx, sizeof ctx) != 0)
		return found(finding, INTERP_FINE, input, "compiled code writes the context");
	for (uint32_t n = 0; n < l->image->maps_count; n++)
		if (!same_map(j, l, n))
			return found(finding, INTERP_FINE, input,
				     "compiled code leaves map %u in another state",
				     map_number(j, &l->image->maps[n]));
	return true;
}

static bool compile_and_run(struct judge *j, const struct generate_program *p, uint64_t seed,
			    const struct role *role, const struct verdict *v,
			    const struct verifier_entry *entry, struct judge_finding *finding)
{
	struct image *first = NULL;
	OWNED_BUF struct buf bytes = BUF_INIT(IMAGE_MAX_BYTES);
	OWNED(err) struct err *e = jit_compile(&p->object, role, v, &first);
	if (e)
		return found(finding, INTERP_FINE, 0, "the compiler fails: %s", err_message(e));
	j->figures.compiled++;
	bool is_left_out = first_of(p, first) == first->entries_count;
	image_encode(first, &bytes);
	image_destroy(first);
	for (uint64_t n = 0; n < JUDGE_INPUTS && !is_left_out; n++) { /* each with fresh maps */
		struct image *image = NULL;
		assert_ok(image_decode(buf_bytes(&bytes), &image));
		struct load l = load_image(image);
		bool is_fine = run_compiled(j, p, seed * JUDGE_INPUTS + n, entry, &l, finding);
		load_fini(&l);
		if (!is_fine)
			return false;
	}
	return true;
}

/* ---- one program ---- */
static bool judge_accepted(struct judge *j, const struct generate_program *p, uint64_t seed,
			   bool compiles, const struct verdict *v, struct judge_finding *finding)
{
	uint32_t count;
	const struct verifier_entry *entries = verdict_entries(v, &count);
	size_t role = seed % JUDGE_ROLES;
	j->role = (unsigned)role;
	j->interp->facts = verdict_facts(v);
	memcpy(j->interp->granted, j->granted[role], sizeof j->interp->granted);
	if (entries[0].worst_insns > j->roles[role]->attributes.max_instructions)
		return found(finding, INTERP_TOO_LONG, 0,
			     "the worst case is more than the role has");
	j->figures.metered += entries[0].is_metered;
	memset(j->interp->visits, 0, p->object.insns_count * sizeof j->interp->visits[0]);
	for (uint64_t n = 0; n < JUDGE_INPUTS; n++)
		if (!interpret(j, p, seed * JUDGE_INPUTS + n, &entries[0], finding))
			return false;
	cover_note(&j->figures.cover, p->insns, p->object.insns_count, j->interp->visits);
	return !compiles || compile_and_run(j, p, seed, j->roles[role], v, &entries[0], finding);
}

bool judge_program(struct judge *j, const struct generate_program *p, uint64_t seed, bool compiles,
		   bool *accepted, struct judge_finding *finding)
{
	const struct verifier_limits limits = {.max_steps = 60000,
					       .max_memory_bytes = (size_t)32 << 20};
	OWNED(verdict) struct verdict *v = NULL;
	OWNED(err)
	struct err *e = verifier_run(&p->object, j->roles[seed % JUDGE_ROLES], limits, &v);
	*accepted = false;
	j->figures.programs++;
	j->figures.extensions += p->extension != 0;
	if (e)
		return found(finding, INTERP_FINE, 0, "the verifier fails: %s", err_message(e));
	if (verdict_finding(v)) {
		j->figures.rules[verdict_finding(v)->rule]++;
		if (p->extension)
			j->figures.extension_rules[verdict_finding(v)->rule]++;
		return true;
	}
	*accepted = true;
	j->figures.accepted++;
	j->figures.extensions_accepted += p->extension != 0;
	return judge_accepted(j, p, seed, compiles, v, finding);
}

void judge_minimise(struct judge *j, struct generate_program *p, uint64_t seed, bool compiles,
		    struct judge_finding *finding)
{
	struct generate_program *smaller = mem_zalloc(sizeof *smaller);
	for (int round = 0; smaller && round < 2; round++) {
		for (uint32_t n = p->object.insns_count; n-- > 0;) {
			struct judge_finding again;
			bool accepted;
			generate_copy(p, smaller);
			generate_blank(smaller, n);
			if (judge_program(j, smaller, seed, compiles, &accepted, &again) ||
			    again.trap != finding->trap)
				continue;
			generate_copy(smaller, p);
			*finding = again;
		}
	}
	mem_free(smaller);
}

/* ---- one seed ---- */
static void report_finding(struct judge *j, struct generate_program *p, uint64_t seed,
			   uint64_t inputs, bool compiles, struct judge_finding *f,
			   struct buf *report)
{
	struct judge_figures figures = j->figures;
	buf_printf(report, "finding: seed %lu, role %s: %s\n", (unsigned long)seed,
		   j->roles[inputs % JUDGE_ROLES]->name.data, f->message);
	judge_minimise(j, p, inputs, compiles, f);
	j->figures = figures;
	buf_printf(report, "smaller (input %lu): %s\n", (unsigned long)f->input, f->message);
	generate_print(p, report);
}

#define MUTATIONS 4

uint32_t judge_seed(struct judge *j, uint64_t seed, uint32_t every, struct buf *report)
{
	struct generate_program *p = mem_zalloc(sizeof *p), *next = mem_zalloc(sizeof *next);
	struct generate_random r = {(seed + 5) * UINT64_C(0xbf58476d1ce4e5b9) | 1};
	uint32_t findings = 0;
	if (p && next)
		generate_program(seed, p);
	if (p)
		p->object.btf = j->types;
	for (uint32_t n = 0; p && next && n <= MUTATIONS; n++) {
		struct judge_finding f;
		uint64_t inputs = seed * (MUTATIONS + 1) + n;
		bool accepted, compiles = generate_below(&r, MAX(every, 1u)) == 0 && every;
		generate_copy(p, next);
		if (n > 0)
			generate_mutate(&r, next);
		if (!judge_program(j, next, inputs, compiles, &accepted, &f)) {
			findings++;
			j->figures.findings++;
			report_finding(j, next, seed, inputs, compiles, &f, report);
			break;
		}
		if (n == 0 && !accepted)
			break;
		if (accepted)
			generate_copy(next, p);
	}
	mem_free(p);
	mem_free(next);
	return findings;
}
