/*
 * The whole way: an object that clang made, verified, compiled by what the verifier proved, and run.
 */
#include "tests/unit/shared/jit/load.h"

#include "shared/eim/spec.h"
#include "shared/jit/program.h"

#include <glob.h>
#include <linux/bpf.h>
#include <stdio.h>

#define REGS_BYTES 4096 /* a context, and more than any program may read of it */

struct loaded {
	struct object *object;
	struct role *role;
	struct verdict *verdict;
};

static void loaded_fini(struct loaded *l)
{
	verdict_destroy(l->verdict);
	role_destroy(l->role);
	object_destroy(l->object);
}

static struct role *everyone(void)
{
	OWNED_BUF struct buf document = BUF_INIT(1 << 20);
	OWNED(spec) struct spec *spec = NULL;
	struct role *role = NULL;
	assert_ok(file_read("tests/cases/specs/all.yaml", &document));
	assert_ok(spec_parse(buf_str(&document), &spec));
	assert_ok(role_resolve(spec, spec->roles[0].name, NULL, &role));
	return role;
}

/* Parses and verifies; the verdict may be a rejection. */
static bool load(const char *path, struct loaded *out)
{
	OWNED_BUF struct buf file = BUF_INIT(OBJECT_MAX_BYTES);
	*out = (struct loaded){0};
	assert_ok(file_read(path, &file));
	struct err *e = object_parse(buf_bytes(&file), &out->object);
	if (e) {
		err_destroy(e);
		return false;
	}
	out->role = everyone();
	assert_ok(verifier_run(out->object, out->role, VERIFIER_LIMITS_DEFAULT, &out->verdict));
	return verdict_finding(out->verdict) == NULL;
}

static struct load compile(const struct loaded *l)
{
	struct image *image = NULL;
	assert_ok(jit_init(NULL));
	assert_ok(jit_compile(l->object, l->role, l->verdict, &image));
	return load_image(image);
}

/* The same without a fact: what the facts allow must not change what is computed. */
static struct load compile_without_facts(const struct loaded *l)
{
	struct jit_program p = {.role_digest = l->role->digest};
	struct image *image = NULL;
	p.insns = object_insns(l->object, &p.insns_count);
	p.maps = object_maps(l->object, &p.maps_count);
	p.functions = object_functions(l->object, &p.functions_count);
	p.entries = verdict_entries(l->verdict, &p.entries_count);
	p.externs = verdict_externs(l->verdict, &p.externs_count);
	assert_ok(jit_compile_program(&p, &image));
	return load_image(image);
}

static uint32_t entry_named(const struct load *l, const char *name)
{
	for (uint32_t i = 0; i < l->image->entries_count; i++)
		if (str_is(l->image->entries[i].name, name))
			return i;
	fail_msg("no entry %s", name);
	return 0;
}

static struct rt_map *map_named(struct load *l, const char *name)
{
	for (uint32_t i = 0; i < l->image->maps_count; i++)
		if (str_is(l->image->maps[i].name, name))
			return &l->maps[i];
	fail_msg("no map %s", name);
	return NULL;
}

static struct err *keep_u64(void *context, struct bytes record)
{
	assert_int_equal(record.size, 8);
	memcpy(context, record.data, 8);
	return NULL;
}

#define AX 10
#define SI 13
#define DI 14

static void maps_of_a_program_hold_what_it_wrote(void **state)
{
	(void)state;
	struct loaded program;
	uint64_t regs[32] = {[DI] = 2, [AX] = 77}, got = 0;
	uint32_t consumed;
	assert_true(load("build/tests/programs/maps.bpf.o", &program));
	struct load l = compile(&program);
	struct {
		int32_t x, y;
		char name[16];
	} * point;
	uint32_t key = 2;
	uint64_t slot = 5;
	assert_int_equal(load_run(&l, entry_named(&l, "on_work"), regs), 0);
	point = rt_map_lookup_elem(map_named(&l, "points"), &key);
	assert_non_null(point);
	assert_string_equal(point->name, "new");
	assert_int_equal(point->y, -1);
	uint8_t value[24] = {0};
	memcpy(value, &slot, 8);
	assert_int_equal(rt_map_update_elem(map_named(&l, "slots"), &key, value, RT_ANY), 0);
	assert_int_equal(load_run(&l, entry_named(&l, "on_work"), regs), 5);
	assert_int_equal(point->x, 2);
	load_run(&l, entry_named(&l, "on_return"), regs);
	assert_ok(map_consume(map_named(&l, "events"), 9, keep_u64, &got, &consumed));
	assert_int_equal(consumed, 1);
	assert_int_equal(got, 77);
	load_fini(&l);
	loaded_fini(&program);
}

static void runs_maps_in_maps(void (*check)(const struct loaded *, struct load *))
{
	struct loaded program;
	assert_true(load("build/tests/programs/map_in_map.bpf.o", &program));
	struct load with = compile(&program), without = compile_without_facts(&program);
	check(&program, &with);
	check(&program, &without);
	load_fini(&with);
	load_fini(&without);
	loaded_fini(&program);
}

static uint64_t run_with(struct load *l, const char *entry, uint64_t first)
{
	uint64_t regs[32] = {[DI] = first};
	return load_run(l, entry_named(l, entry), regs);
}

static uint64_t counted(struct load *l, const char *map)
{
	uint32_t two = 2;
	return *(uint64_t *)rt_map_lookup_elem(map_named(l, map), &two);
}

static void count_by_slot(const struct loaded *program, struct load *l)
{
	(void)program;
	for (uint64_t i = 0; i < 7; i++)
		assert_int_equal(run_with(l, "on_kind", i), i == 1 || i == 3 || i == 4);
	assert_int_equal(run_with(l, "on_kind", 3), 2);
	assert_int_equal(run_with(l, "on_kind", UINT32_MAX), 0);
	assert_int_equal(run_with(l, "on_nothing", 0), 0);
	assert_int_equal(counted(l, "reads"), 1);
	assert_int_equal(counted(l, "writes"), 2);
	assert_int_equal(counted(l, "hidden"), 1);
	assert_int_equal(run_with(l, "on_number", 999), 3);
	assert_int_equal(run_with(l, "on_number", 0), 4);
	assert_int_equal(run_with(l, "on_number", 1), 0);
	assert_int_equal(run_with(l, "on_number", 1000), 0);
	assert_int_equal(run_with(l, "on_each", 4), 7 + 700);
	assert_int_equal(counted(l, "hidden"), 7);
	assert_int_equal(counted(l, "reads"), 1);
}

static void maps_in_maps_are_found_by_their_slot(void **state)
{
	(void)state;
	runs_maps_in_maps(count_by_slot);
}

static void only_the_maps_inside_have_files(const struct loaded *program, struct load *l)
{
	(void)program;
	for (uint32_t i = 0; i < l->image->maps_count; i++)
		assert_int_equal(l->image->maps[i].kind, BPF_MAP_TYPE_ARRAY);
	assert_int_equal(l->image->maps_count, 3);
}

static void maps_of_maps_need_no_file(void **state)
{
	(void)state;
	runs_maps_in_maps(only_the_maps_inside_have_files);
}

static void functions_of_several_sections_call_each_other(void **state)
{
	(void)state;
	struct loaded program;
	uint64_t regs[32] = {[DI] = 5, [SI] = 9, [AX] = 1};
	assert_true(load("build/tests/programs/calls.bpf.o", &program));
	struct load l = compile(&program);
	assert_int_equal(load_run(&l, entry_named(&l, "first"), regs), 22 + 14);
	assert_int_equal(load_run(&l, entry_named(&l, "second"), regs), 18);
	assert_int_equal(load_run(&l, entry_named(&l, "third"), regs), 6 + 18);
	load_fini(&l);
	loaded_fini(&program);
}

static void types_travel_with_the_image(void **state)
{
	(void)state;
	struct loaded program;
	OWNED(btf) struct btf *types = NULL;
	OWNED_BUF struct buf text = BUF_INIT(1 << 16);
	assert_true(load("build/tests/programs/maps.bpf.o", &program));
	struct load l = compile(&program);
	assert_ok(btf_parse(l.image->btf, &types));
	assert_int_equal(btf_count(types), btf_count(object_btf(program.object)));
	for (uint32_t i = 0; i < l.image->maps_count; i++)
		if (str_is(l.image->maps[i].name, "points"))
			btf_print_type(types, l.image->maps[i].value_type, &text);
	assert_string_equal(buf_text(&text), "struct point");
	assert_true(str_is(l.image->object_digest, object_digest(program.object)));
	load_fini(&l);
	loaded_fini(&program);
}

static void global_data_is_typed_too(void **state)
{
	(void)state;
	struct loaded program;
	OWNED(btf) struct btf *types = NULL;
	if (!load("build/tests/programs/globals.bpf.o", &program)) {
		loaded_fini(&program);
		fail_msg("globals.bpf.o is rejected");
	}
	struct load l = compile(&program);
	assert_ok(btf_parse(l.image->btf, &types));
	assert_true(l.image->maps_count >= 2);
	for (uint32_t i = 0; i < l.image->maps_count; i++)
		assert_int_equal(btf_size(types, l.image->maps[i].value_type),
				 l.image->maps[i].value_size);
	load_fini(&l);
	loaded_fini(&program);
}

static void check_chain(const struct load *l)
{
	static const struct {
		uint64_t index, result, steps;
	} rows[] = {{0, 77, 10101}, {1, 1, 1}, {2, 77, 10001}, {7, 1, 34}, {8, 1, 1}};
	uint64_t *steps = (uint64_t *)(l->maps[0].base + RT_PAGE);
	assert_int_equal(l->image->maps_count, 1);    /* .bss */
	assert_int_equal(l->image->entries_count, 1); /* the others name no place to attach to */
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct {
			uint64_t before[13], si, di, after[6];
		} ctx = {.si = 77, .di = rows[i].index};
		*steps = 0;
		assert_int_equal(load_run(l, 0, &ctx), rows[i].result);
		assert_int_equal(*steps, rows[i].steps);
	}
}

static void programs_go_on_with_one_another(void **state)
{
	(void)state;
	struct loaded program;
	uint32_t count;
	assert_true(load("build/tests/programs/tail_calls.bpf.o", &program));
	const struct verifier_entry *e = verdict_entries(program.verdict, &count);
	assert_int_equal(count, 3);
	for (uint32_t i = 0; i < count; i++) /* the context of all that may follow is read */
		assert_true(e[i].ctx_reads & UINT64_C(1) << 13);
	struct load with = compile(&program), without = compile_without_facts(&program);
	check_chain(&with);
	check_chain(&without);
	load_fini(&with);
	load_fini(&without);
	loaded_fini(&program);
}

static void a_rejected_program_is_not_compiled(void **state)
{
	(void)state;
	struct loaded program;
	struct image *image = NULL;
	assert_false(load("build/tests/cases/verifier/past_the_context.bpf.o", &program));
	assert_fails(jit_compile(program.object, program.role, program.verdict, &image),
		     ERR_INVALID, "", "a rejected program is not compiled");
	loaded_fini(&program);
}

/* Time, chance and place are not the same twice. */
static bool is_repeatable(const struct loaded *l)
{
	uint32_t count;
	const struct helper *const *helpers_called = verdict_helpers(l->verdict, &count);
	for (uint32_t i = 0; i < count; i++)
		if (helpers_called[i]->id == BPF_FUNC_ktime_get_ns ||
		    helpers_called[i]->id == BPF_FUNC_get_prandom_u32 ||
		    helpers_called[i]->id == BPF_FUNC_get_smp_processor_id)
			return false;
	return true;
}

static void run_both(const struct load *a, const struct load *b, uint64_t seed)
{
	static uint64_t one[REGS_BYTES / 8], two[REGS_BYTES / 8];
	for (size_t i = 0; i < ARRAY_SIZE(one); i++)
		one[i] = two[i] = (seed * (i + 1)) % 1000;
	for (uint32_t e = 0; e < a->image->entries_count; e++) {
		assert_int_equal(load_run(a, e, one), load_run(b, e, two));
		assert_memory_equal(one, two, sizeof(one));
	}
	assert_int_equal(a->image->maps_count <= b->image->maps_count, true);
}

static bool compare(const char *path)
{
	struct loaded program;
	bool accepted = load(path, &program);
	if (accepted) {
		struct load with = compile(&program), without = compile_without_facts(&program);
		for (uint64_t seed = 0; seed < 8 && is_repeatable(&program); seed++)
			run_both(&with, &without, seed);
		load_fini(&with);
		load_fini(&without);
	}
	loaded_fini(&program);
	return accepted;
}

static void facts_change_no_result_of_any_accepted_case(void **state)
{
	(void)state;
	glob_t found;
	uint32_t accepted = 0;
	assert_int_equal(glob("build/tests/cases/verifier/*.bpf.o", 0, NULL, &found), 0);
	for (size_t i = 0; i < found.gl_pathc; i++)
		accepted += compare(found.gl_pathv[i]);
	globfree(&found);
	assert_true(accepted >= 20);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(maps_of_a_program_hold_what_it_wrote),
		cmocka_unit_test(maps_in_maps_are_found_by_their_slot),
		cmocka_unit_test(maps_of_maps_need_no_file),
		cmocka_unit_test(programs_go_on_with_one_another),
		cmocka_unit_test(functions_of_several_sections_call_each_other),
		cmocka_unit_test(types_travel_with_the_image),
		cmocka_unit_test(global_data_is_typed_too),
		cmocka_unit_test(a_rejected_program_is_not_compiled),
		cmocka_unit_test(facts_change_no_result_of_any_accepted_case),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
