/* Objects that clang has compiled from tests/programs: what parsing makes of them. */
#include "tests/unit/test.h"

#include "shared/base/file.h"
#include "shared/bpf/map_kind.h"
#include "shared/bpf/object.h"

#include <stdio.h>

/* NULL where it does not parse; the caller destroys it. */
static struct object *load(const char *name)
{
	char path[256];
	struct object *o = NULL;
	OWNED_BUF struct buf image = BUF_INIT(OBJECT_MAX_BYTES);
	snprintf(path, sizeof(path), "build/tests/programs/%s.bpf.o", name);
	assert_ok(file_read(path, &image));
	assert_ok(object_parse(buf_bytes(&image), &o));
	return o;
}

static const struct object_map *map_named(const struct object *o, const char *name)
{
	uint32_t count;
	const struct object_map *maps = object_maps(o, &count);
	for (uint32_t i = 0; i < count; i++)
		if (str_is(maps[i].name, name))
			return &maps[i];
	fail_msg("no map %s", name);
	return NULL;
}

static uint32_t map_index(const struct object *o, const char *name)
{
	uint32_t count;
	return (uint32_t)(map_named(o, name) - object_maps(o, &count));
}

static const struct object_function *function_named(const struct object *o, const char *name)
{
	uint32_t count;
	const struct object_function *functions = object_functions(o, &count);
	for (uint32_t i = 0; i < count; i++)
		if (str_is(functions[i].name, name))
			return &functions[i];
	fail_msg("no function %s", name);
	return NULL;
}

/* How many instructions of `function` are of `kind` and, for ld_imm64, have `src`; *first is the first
 * one's index. */
static unsigned count_insns(const struct object *o, const char *function, enum insn_kind kind,
			    unsigned src, uint32_t *first)
{
	uint32_t all;
	unsigned count = 0;
	const struct bpf_insn *insns = object_insns(o, &all);
	const struct object_function *f = function_named(o, function);
	for (uint32_t i = f->first; i < f->first + f->count; i += insn_slots(&insns[i]))
		if (insn_kind(&insns[i]) == kind && insns[i].src_reg == src && !count++)
			*first = i;
	return count;
}

static void reads_declared_maps_with_their_types(void **state UNUSED)
{
	OWNED(object) struct object *o = load("maps");
	const struct object_map *points = map_named(o, "points"), *slots = map_named(o, "slots"),
				*events = map_named(o, "events");
	assert_int_equal(points->kind, MAP_KIND_HASH);
	assert_int_equal(points->key_size, 4);
	assert_int_equal(points->value_size, 24);
	assert_int_equal(points->max_entries, 1024);
	assert_true(str_is(btf_type(object_btf(o), points->value_type)->name, "point"));
	assert_true(str_is(btf_type(object_btf(o), points->key_type)->name, "__u32"));
	assert_int_equal(slots->kind, MAP_KIND_ARRAY);
	assert_int_equal(slots->value_size, 24);
	assert_int_equal(slots->flags, 1024);
	assert_int_equal(slots->value_type, 0);
	assert_int_equal(events->kind, MAP_KIND_RINGBUF);
	assert_int_equal(events->key_size + events->value_size, 0);
	assert_int_equal(events->max_entries, 4096);
	assert_int_equal(events->role, OBJECT_MAP_DECLARED);
}

static void points_instructions_at_their_maps(void **state UNUSED)
{
	OWNED(object) struct object *o = load("maps");
	uint32_t count, at = 0;
	const struct bpf_insn *insns = object_insns(o, &count);
	assert_int_equal(count_insns(o, "on_return", INSN_LD_IMM64, BPF_PSEUDO_MAP_FD, &at), 1);
	assert_int_equal(insns[at].imm, map_index(o, "events"));
	assert_true(count_insns(o, "on_work", INSN_LD_IMM64, BPF_PSEUDO_MAP_FD, &at) >= 3);
	assert_int_equal(insns[at].imm, map_index(o, "points"));
	assert_int_equal(insns[at + 1].imm, 0);
}

static void makes_a_map_of_each_section_of_data(void **state UNUSED)
{
	OWNED(object) struct object *o = load("globals");
	const struct object_map *rodata = map_named(o, ".rodata"), *data = map_named(o, ".data"),
				*bss = map_named(o, ".bss"), *marked = map_named(o, ".data.marked"),
				*strings = map_named(o, ".rodata.str1.1");
	assert_int_equal(rodata->role, OBJECT_MAP_RODATA);
	assert_int_equal(rodata->value_size, 8);
	assert_memory_equal(rodata->initial.data, "\x2a\0\0\0\1\2\3\4", 8);
	assert_int_equal(data->role, OBJECT_MAP_DATA);
	assert_int_equal(data->value_size, 12);
	assert_memory_equal(data->initial.data, "\xe8\3\0\0\0\0\0\0\7\0\0\0", 12);
	assert_int_equal(bss->role, OBJECT_MAP_BSS);
	assert_int_equal(bss->value_size, 16);
	assert_int_equal(bss->initial.size, 0);
	assert_int_equal(marked->role, OBJECT_MAP_DATA);
	assert_int_equal(strings->role, OBJECT_MAP_RODATA);
	assert_memory_equal(strings->initial.data, "stopping", 9);
	assert_int_equal(strings->value_type, 0);
	assert_int_equal(bss->kind, MAP_KIND_ARRAY);
	assert_int_equal(bss->key_size, 4);
	assert_int_equal(bss->max_entries, 1);
}

/* Each global variable's place, as instructions see it. */
static bool refers_to(const struct object *o, const char *map, int32_t offset)
{
	uint32_t count;
	const struct bpf_insn *insns = object_insns(o, &count);
	for (uint32_t i = 0; i < count; i += insn_slots(&insns[i]))
		if (insns[i].code == 0x18 && insns[i].src_reg == BPF_PSEUDO_MAP_VALUE &&
		    insns[i].imm == (int32_t)map_index(o, map) && insns[i + 1].imm == offset)
			return true;
	return false;
}

static void points_instructions_at_global_variables(void **state UNUSED)
{
	OWNED(object) struct object *o = load("globals");
	assert_true(refers_to(o, ".data", 0));	 /* start, a global symbol */
	assert_true(refers_to(o, ".data", 8));	 /* second, its section's symbol and an addend */
	assert_true(refers_to(o, ".bss", 0));	 /* calls */
	assert_true(refers_to(o, ".bss", 8));	 /* total */
	assert_true(refers_to(o, ".rodata", 0)); /* limit */
	assert_true(refers_to(o, ".rodata", 4)); /* table */
	assert_true(refers_to(o, ".data.marked", 0));
	assert_true(refers_to(o, ".rodata.str1.1", 0));
	assert_false(refers_to(o, ".bss", 4));
}

static void puts_global_variables_where_the_linker_would(void **state UNUSED)
{
	OWNED(object) struct object *o = load("globals");
	OWNED_BUF struct buf out = BUF_INIT(4096);
	const struct object_map *data = map_named(o, ".data");
	assert_int_equal(btf_size(object_btf(o), data->value_type), 12);
	btf_print_value(object_btf(o), data->value_type, data->initial, &out);
	assert_non_null(strstr(buf_text(&out), "\"start\":1000"));
	assert_non_null(strstr(buf_text(&out), "\"second\":7"));
}

static void resolves_calls_in_and_between_sections(void **state UNUSED)
{
	OWNED(object) struct object *o = load("calls");
	static const struct {
		const char *from, *to;
		unsigned calls;
	} edges[] = {
		{"shared_code", "quad", 1}, {"quad", "twice", 2},	 {"second", "twice", 1},
		{"first", "quad", 1},	    {"third", "shared_code", 1},
	};
	uint32_t count;
	const struct bpf_insn *insns = object_insns(o, &count);
	for (size_t e = 0; e < ARRAY_SIZE(edges); e++) {
		const struct object_function *from = function_named(o, edges[e].from),
					     *to = function_named(o, edges[e].to);
		unsigned calls = 0;
		for (uint32_t i = from->first; i < from->first + from->count; i++)
			calls += insn_kind(&insns[i]) == INSN_CALL_LOCAL &&
				 i + 1 + (uint32_t)insns[i].imm == to->first;
		assert_int_equal(calls, edges[e].calls);
	}
}

static void tells_entries_from_subprograms(void **state UNUSED)
{
	OWNED(object) struct object *o = load("calls");
	const struct object_function *quad = function_named(o, "quad"),
				     *shared = function_named(o, "shared_code"),
				     *first = function_named(o, "first"),
				     *second = function_named(o, "second"),
				     *third = function_named(o, "third");
	assert_false(quad->is_entry || quad->is_global || quad->kind);
	assert_true(!shared->is_entry && shared->is_global);
	assert_true(first->is_entry && second->is_entry && third->is_entry);
	assert_int_equal(first->kind->kind, SECTION_UPROBE);
	assert_int_equal(third->kind->kind, SECTION_URETPROBE);
	assert_true(str_is(second->section, "uprobe"));
	assert_int_equal(second->section_insn, first->count);
	assert_int_equal(second->first, first->first + first->count);
	assert_true(str_is(btf_type(object_btf(o), quad->btf_id)->name, "quad"));
}

static void finds_each_functions_type(void **state UNUSED)
{
	OWNED(object) struct object *o = load("calls");
	uint32_t count;
	const struct object_function *f = object_functions(o, &count);
	for (uint32_t i = 0; i < count; i++) {
		const struct btf_type *t = btf_type(object_btf(o), f[i].btf_id);
		assert_int_equal(t->kind, BTF_FUNC);
		assert_true(str_equal(t->name, f[i].name));
	}
}

static void covers_all_instructions_with_functions(void **state UNUSED)
{
	OWNED(object) struct object *o = load("calls");
	uint32_t insns, functions, next = 0;
	object_insns(o, &insns);
	const struct object_function *f = object_functions(o, &functions);
	assert_int_equal(functions, 6);
	for (uint32_t i = 0; i < functions; i++) {
		assert_int_equal(f[i].first, next);
		next += f[i].count;
		assert_ptr_equal(object_function_at(o, f[i].first), &f[i]);
		assert_ptr_equal(object_function_at(o, next - 1), &f[i]);
	}
	assert_int_equal(next, insns);
	assert_null(object_function_at(o, insns));
}

static void resolves_addresses_of_static_and_global_callbacks(void **state UNUSED)
{
	OWNED(object) struct object *o = load("callback");
	uint32_t count, at = 0;
	const struct bpf_insn *insns = object_insns(o, &count);
	assert_int_equal(count_insns(o, "run", INSN_LD_IMM64, BPF_PSEUDO_FUNC, &at), 2);
	assert_int_equal(insns[at].imm, function_named(o, "add")->first);
	for (at++; insns[at].src_reg != BPF_PSEUDO_FUNC; at++)
		continue;
	assert_int_equal(insns[at].imm, function_named(o, "add_global")->first);
}

static void names_functions_and_variables_of_the_host(void **state UNUSED)
{
	OWNED(object) struct object *o = load("externs");
	uint32_t count, first, all;
	const struct object_extern *e = object_externs(o, &count);
	const struct bpf_insn *insns = object_insns(o, &all);
	assert_int_equal(count, 3); /* the compiler drops what nothing uses */
	assert_true(str_is(e[0].name, "host_close"));
	assert_true(e[0].is_function);
	assert_true(str_is(e[1].name, "host_open"));
	assert_true(e[1].is_function);
	assert_true(str_is(e[2].name, "host_verbose"));
	assert_false(e[2].is_function);
	assert_int_equal(btf_type(object_btf(o), e[2].btf_id)->kind, BTF_VAR);
	assert_int_equal(count_insns(o, "shut", INSN_CALL_KFUNC, BPF_PSEUDO_KFUNC_CALL, &first), 1);
	assert_int_equal(insns[first].imm, 0);
	assert_int_equal(count_insns(o, "serve", INSN_CALL_KFUNC, BPF_PSEUDO_KFUNC_CALL, &first),
			 2);
	assert_int_equal(insns[first].imm, 1);
	assert_int_equal(count_insns(o, "serve", INSN_LD_IMM64, BPF_PSEUDO_BTF_ID, &first), 1);
	assert_int_equal(insns[first].imm, 2);
	assert_int_equal(insns[first + 1].imm, 0);
}

static void finds_source_lines(void **state UNUSED)
{
	OWNED(object) struct object *o = load("calls");
	const struct object_function *twice = function_named(o, "twice"),
				     *third = function_named(o, "third");
	const struct btf_line *line = object_line_at(o, twice->first + 1);
	assert_non_null(line);
	assert_true(str_is(line->text, "return x * 2;"));
	assert_true(str_ends(line->file, "tests/programs/calls.bpf.c"));
	assert_int_equal(line->line, 7);
	line = object_line_at(o, third->first + 2);
	assert_non_null(line);
	assert_true(str_is(line->text, "return shared_code(PT_REGS_RC(ctx)) + second(ctx);"));
	assert_null(object_line_at(o, UINT32_MAX));
}

static void reads_instructions_of_version_4(void **state UNUSED)
{
	OWNED(object) struct object *o = load("isa.v4");
	OWNED_BUF struct buf text = BUF_INIT(65536);
	uint32_t count;
	const struct bpf_insn *insns = object_insns(o, &count);
	for (uint32_t i = 0; i < count; i += insn_slots(&insns[i])) {
		assert_int_not_equal(insn_kind(&insns[i]), INSN_INVALID);
		insn_print(&insns[i], &text);
		buf_putc(&text, '\n');
	}
	assert_non_null(strstr(buf_text(&text), " s/= "));
	assert_non_null(strstr(buf_text(&text), "bswap64"));
	assert_non_null(strstr(buf_text(&text), "(s8)"));
	assert_non_null(strstr(buf_text(&text), "*(s16 *)"));
	assert_int_equal(function_named(o, "update")->kind->kind, SECTION_EXTENSION);
}

static void keeps_sections_license_and_digest(void **state UNUSED)
{
	OWNED(object) struct object *o = load("entries");
	uint32_t count;
	object_maps(o, &count);
	assert_int_equal(count, 0);
	assert_true(str_is(object_license(o), "Dual MIT/GPL"));
	assert_int_equal(strlen(object_digest(o)), 64);
	assert_true(
		str_is(function_named(o, "on_malloc")->section, "uprobe/libc.so.6:malloc+0x10"));
	assert_int_equal(function_named(o, "drop")->kind->provider, SECTION_KERNEL);
	assert_int_equal(function_named(o, "filter")->kind->provider, SECTION_USERSPACE);
	OWNED(object) struct object *other = load("maps");
	assert_string_not_equal(object_digest(o), object_digest(other));
	assert_int_equal(object_license(other).size, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_declared_maps_with_their_types),
		cmocka_unit_test(points_instructions_at_their_maps),
		cmocka_unit_test(makes_a_map_of_each_section_of_data),
		cmocka_unit_test(points_instructions_at_global_variables),
		cmocka_unit_test(puts_global_variables_where_the_linker_would),
		cmocka_unit_test(resolves_calls_in_and_between_sections),
		cmocka_unit_test(tells_entries_from_subprograms),
		cmocka_unit_test(finds_each_functions_type),
		cmocka_unit_test(covers_all_instructions_with_functions),
		cmocka_unit_test(resolves_addresses_of_static_and_global_callbacks),
		cmocka_unit_test(names_functions_and_variables_of_the_host),
		cmocka_unit_test(finds_source_lines),
		cmocka_unit_test(reads_instructions_of_version_4),
		cmocka_unit_test(keeps_sections_license_and_digest),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
