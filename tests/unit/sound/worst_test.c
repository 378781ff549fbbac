/*
 * The proved worst case against the longest run there is: never below it, and for programs whose length
 * does not hang on data within twice of it.
 *
 * Problem: a bound may be sound and of no use. Idea: run each accepted program of the cases, packs and test
 * programs in the checking interpreter on inputs that are made from the program itself, the numbers that it
 * compares with and their neighbours, and from the longest run so far, until a run is long enough or there were RUNS_MAX.
 *
 * [W1] The limit of a run is the proved worst case: one more instruction is a trap.
 * [W2] Cases that say their worst case (`worst:`) have a run that is exactly so long, unless a helper calls
 *      back: a round costs one more.
 * [W3] Where a program's length hangs on data that no input reaches, it has no place among these.
 */
#include "tests/sound/interp.h"
#include "tests/unit/shared/verifier/scenario.h"

#include "shared/base/mem.h"
#include "shared/bpf/map_kind.h"

#include <glob.h>

#define RUNS_MAX    40000u
#define NUMBERS_MAX 512u

struct numbers {
	uint64_t items[NUMBERS_MAX];
	uint32_t count;
};

struct subject {
	const char *name;
	bool is_exact;
	const struct object *object;
	struct numbers numbers;
	uint64_t seed;
	uint8_t best[INTERP_CTX]; /* the context of the longest run so far */
};

static struct interp *interp;
static uint8_t host_page[4096];
static uint32_t programs, entries_seen;

static uint64_t next(struct subject *s)
{
	uint64_t z = (s->seed += 0x9e3779b97f4a7c15u);
	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
	return z ^ (z >> 31);
}

/* ---- inputs ---- */

static void add_number(struct numbers *n, uint64_t value)
{
	if (n->count < NUMBERS_MAX)
		n->items[n->count++] = value;
}

static void find_numbers(struct subject *s)
{
	uint32_t count;
	const struct bpf_insn *insns = object_insns(s->object, &count);
	for (uint32_t i = 0; i < count; i += insn_slots(&insns[i])) {
		uint64_t imm = insn_kind(&insns[i]) == INSN_LD_IMM64
				       ? insn_imm64(&insns[i])
				       : (uint64_t)(int64_t)insns[i].imm;
		for (int d = -1; d <= 1; d++)
			add_number(&s->numbers, imm + (uint64_t)d);
	}
	add_number(&s->numbers, (uint64_t)(uintptr_t)host_page);
	add_number(&s->numbers, 0);
	add_number(&s->numbers, UINT64_MAX);
}

static uint64_t any_number(struct subject *s)
{
	uint64_t kind = next(s) % 8;
	if (kind < 4)
		return s->numbers.items[next(s) % s->numbers.count];
	if (kind < 6)
		return next(s) % 16;
	return kind == 6 ? next(s) : next(s) % 4096;
}

static void fill(struct subject *s, uint8_t *to, size_t size)
{
	for (size_t n = 0; n < size; n += 8) {
		uint64_t value = any_number(s);
		memcpy(to + n, &value, MIN(size - n, sizeof value));
	}
}

/* Elements under the keys that programs like to use. */
static void fill_map(struct subject *s, uint32_t map)
{
	const struct object_map *m = interp->maps[map].map;
	if (m->kind != MAP_KIND_HASH || next(s) % 4 == 0)
		return;
	for (uint32_t n = 0; n < 8; n++) {
		uint8_t key[INTERP_ELEMENT] = {0}, value[INTERP_ELEMENT];
		uint64_t number = n < 4 ? n : any_number(s);
		memcpy(key, &number, MIN(m->key_size, (uint32_t)8));
		fill(s, value, sizeof value);
		(void)interp_update(interp, map, key, value, 0);
	}
}

/* Every other time one bit beside the longest run. */
static void fill_context(struct subject *s)
{
	uint64_t bit = next(s) % (8 * INTERP_CTX);
	if (next(s) % 2 == 0) {
		fill(s, interp->ctx, sizeof interp->ctx);
		return;
	}
	memcpy(interp->ctx, s->best, sizeof interp->ctx);
	interp->ctx[bit / 8] ^= (uint8_t)(1u << bit % 8);
}

static void prepare(struct subject *s)
{
	interp_reset(interp, s->object);
	fill_context(s);
	for (uint32_t m = 0; m < interp->maps_count; m++)
		fill_map(s, m);
	fill(s, host_page, sizeof host_page);
	interp->host = bytes_of(host_page, sizeof host_page);
	interp->seed = next(s);
	interp->pid_tgid = any_number(s);
	memset(interp->granted, 0xff, sizeof interp->granted);
}

/* The interpreter models maps of a few elements, and most helpers. */
static bool is_modelled(const struct object *o, const struct verdict *v)
{
	uint32_t count, externs, called;
	const struct helper *const *used = verdict_helpers(v, &called);
	for (uint32_t i = 0; i < called; i++)
		if (used[i]->id == BPF_FUNC_for_each_map_elem)
			return false;
	const struct object_map *maps = object_maps(o, &count);
	(void)object_externs(o, &externs);
	bool is_small = count <= INTERP_MAPS && externs == 0;
	for (uint32_t i = 0; i < count && is_small; i++)
		is_small = maps[i].kind == MAP_KIND_RINGBUF ||
			   (maps[i].key_size <= INTERP_ELEMENT &&
			    maps[i].value_size <= INTERP_ELEMENT &&
			    maps[i].max_entries <= INTERP_ENTRIES &&
			    (maps[i].kind == MAP_KIND_HASH || maps[i].kind == MAP_KIND_ARRAY));
	return is_small;
}

/* ---- one program ---- */

static void check_entry(struct subject *s, const struct verifier_entry *e)
{
	uint64_t longest = 0, times = s->is_exact ? 1 : 2; /* [W2] */
	for (uint32_t run = 0; run < RUNS_MAX && times * longest < e->worst_insns; run++) {
		prepare(s);
		interp->limit = e->worst_insns; /* [W1] */
		interp_run(interp, e->function);
		if (interp->result.trap != INTERP_FINE)
			fail_msg("%s: %s: %s", s->name, interp_trap_text(interp->result.trap),
				 interp->result.message);
		if (interp->result.count >= longest)
			memcpy(s->best, interp->ctx, sizeof s->best);
		longest = MAX(longest, interp->result.count);
		assert_true(longest <= e->worst_insns);
	}
	entries_seen++;
	if (times * longest < e->worst_insns) /* [W3] */
		fail_msg("%s, entry %.*s: %lu instructions are proved, the longest of %u runs has "
			 "%lu",
			 s->name, STR_FMT(e->function->name), (unsigned long)e->worst_insns,
			 RUNS_MAX, (unsigned long)longest);
}

static bool calls_back(const struct verdict *v)
{
	uint32_t called;
	const struct helper *const *used = verdict_helpers(v, &called);
	for (uint32_t i = 0; i < called; i++)
		if (used[i]->flags & HELPER_CALLS)
			return true;
	return false;
}

static void check_program(const char *name, bool is_exact, const struct object *o,
			  const struct verdict *v)
{
	struct subject s = {.name = name, .is_exact = is_exact, .object = o, .seed = 1};
	uint32_t count;
	const struct verifier_entry *entries = verdict_entries(v, &count);
	if (verdict_finding(v) || !is_modelled(o, v))
		return;
	find_numbers(&s);
	programs++;
	for (uint32_t i = 0; i < count; i++)
		/* Not: memory of hosts that the interpreter does not have; what nothing is proved of. */
		if (!entries[i].host && !entries[i].is_metered)
			check_entry(&s, &entries[i]);
}

/* "tests/cases/verifier/x.case" → "x" */
static void name_of(const char *path, char *out, size_t size)
{
	const char *slash = strrchr(path, '/');
	const char *name = slash ? slash + 1 : path;
	snprintf(out, size, "%.*s", (int)strcspn(name, "."), name);
}

static void cases_are_bounded_tightly(void **state UNUSED)
{
	glob_t found;
	assert_int_equal(glob("tests/cases/verifier/*.case", 0, NULL, &found), 0);
	for (size_t i = 0; i < found.gl_pathc; i++) {
		struct scenario_run r;
		char name[128];
		name_of(found.gl_pathv[i], name, sizeof name);
		scenario_run(found.gl_pathv[i], &r);
		check_program(name, r.header.worst > 0 && !calls_back(r.verdict), r.object,
			      r.verdict);
		scenario_fini(&r);
	}
	globfree(&found);
	assert_true(programs > 60);
}

static void check_file(const char *path, const struct role *role)
{
	OWNED_BUF struct buf image = BUF_INIT(OBJECT_MAX_BYTES);
	OWNED(object) struct object *object = NULL;
	OWNED(verdict) struct verdict *verdict = NULL;
	char name[128];
	assert_ok(file_read(path, &image));
	OWNED(err) struct err *e = object_parse(buf_bytes(&image), &object);
	if (e)
		return; /* the test of bad objects has it */
	assert_ok(verifier_run(object, role, VERIFIER_LIMITS_DEFAULT, &verdict));
	name_of(path, name, sizeof name);
	check_program(name, false, object, verdict);
}

static void programs_and_packs_are_bounded_tightly(void **state UNUSED)
{
	OWNED_BUF struct buf text = BUF_INIT(1 << 20);
	OWNED(spec) struct spec *spec = NULL;
	OWNED(role) struct role *role = NULL;
	uint32_t before = programs;
	glob_t found;
	assert_ok(file_read("tests/cases/specs/all.yaml", &text));
	assert_ok(spec_parse(buf_str(&text), &spec));
	assert_ok(role_resolve(spec, STR("Everyone"), NULL, &role));
	assert_int_equal(glob("build/tests/programs/*.bpf.o", 0, NULL, &found), 0);
	assert_int_equal(glob("build/policies/*/*.bpf.o", GLOB_APPEND, NULL, &found), 0);
	for (size_t i = 0; i < found.gl_pathc; i++)
		check_file(found.gl_pathv[i], role);
	globfree(&found);
	print_message("%u entries of %u programs\n", entries_seen, programs);
	assert_true(programs - before >= 5);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(cases_are_bounded_tightly),
		cmocka_unit_test(programs_and_packs_are_bounded_tightly),
	};
	interp = mem_zalloc(sizeof *interp);
	if (!interp)
		return 1;
	int failed = cmocka_run_group_tests(tests, NULL, NULL);
	mem_free(interp);
	return failed;
}
