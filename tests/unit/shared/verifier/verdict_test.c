/* What callers see of a run: facts, entries, texts, JSON, errors; and what happens when memory is short. */
#include "tests/unit/test.h"

#include "shared/base/file.h"
#include "shared/base/mem.h"
#include "shared/codec/json.h"
#include "shared/verifier/verifier.h"

#include <stdio.h>

struct fixture {
	struct object *object;
	struct role *role;
	struct verdict *verdict;
};

static const char everything[] =
	"capabilities:\n"
	"  - {name: Maps, apis: [bpf_map_lookup_elem, bpf_map_update_elem]}\n"
	"roles:\n"
	"  - {name: Writer, capabilities: [Maps]}\n"
	"  - {name: Nobody, capabilities: []}\n";

static struct fixture verify(const char *program, const char *role)
{
	struct fixture f = {0};
	char path[256];
	OWNED_BUF struct buf image = BUF_INIT(OBJECT_MAX_BYTES);
	OWNED(spec) struct spec *spec = NULL;
	snprintf(path, sizeof(path), "build/tests/programs/%s.bpf.o", program);
	assert_ok(file_read(path, &image));
	assert_ok(object_parse(buf_bytes(&image), &f.object));
	assert_ok(spec_parse(str_of(everything), &spec));
	assert_ok(role_resolve(spec, str_of(role), NULL, &f.role));
	assert_ok(verifier_run(f.object, f.role, VERIFIER_LIMITS_DEFAULT, &f.verdict));
	return f;
}

static void drop(struct fixture *f)
{
	verdict_destroy(f->verdict);
	role_destroy(f->role);
	object_destroy(f->object);
}

static const struct object_function *function_named(const struct object *o, const char *name)
{
	uint32_t count;
	const struct object_function *functions = object_functions(o, &count);
	for (uint32_t i = 0; i < count; i++)
		if (str_is(functions[i].name, name))
			return &functions[i];
	fail();
	return NULL;
}

/* The first instruction of `kind` in a function. */
static uint32_t find_insn(const struct object *o, const char *function, enum insn_kind kind)
{
	uint32_t all;
	const struct bpf_insn *insns = object_insns(o, &all);
	const struct object_function *f = function_named(o, function);
	for (uint32_t i = f->first; i < f->first + f->count; i += insn_slots(&insns[i]))
		if (insn_kind(&insns[i]) == kind)
			return i;
	fail();
	return 0;
}

static const struct verifier_insn_fact *call_of(const struct fixture *f, const char *function)
{
	return &verdict_facts(f->verdict)[find_insn(f->object, function, INSN_CALL_HELPER)];
}

static void facts_hold_what_is_the_same_on_all_paths(void **state UNUSED)
{
	struct fixture f = verify("facts", "Writer");
	const struct verifier_insn_fact *call = call_of(&f, "fixed");
	uint32_t count;
	assert_null(verdict_finding(f.verdict));
	assert_true(call->reached);
	assert_true(str_is(object_maps(f.object, &count)[call->map].name, "second"));
	assert_int_equal(call->arg_on_stack, 6); /* key and value */
	assert_true(call->arg_stack_offset[1] < 0 && call->arg_stack_offset[2] < 0);
	assert_true(call->arg_const[3] && call->arg_value[3] == 1);
	drop(&f);
}

static void facts_forget_what_differs_by_path(void **state UNUSED)
{
	struct fixture f = verify("facts", "Writer");
	const struct verifier_insn_fact *call = call_of(&f, "mixed");
	assert_null(verdict_finding(f.verdict));
	assert_true(call->reached);
	assert_true(call->map == VERIFIER_MIXED);
	assert_false(call->arg_const[3]);
	assert_int_equal(call->arg_on_stack, 6);
	drop(&f);
}

static void facts_name_what_loads_and_stores_reach(void **state UNUSED)
{
	struct fixture f = verify("facts", "Writer");
	const struct verifier_insn_fact *facts = verdict_facts(f.verdict);
	const struct verifier_insn_fact *load = &facts[find_insn(f.object, "fixed", INSN_LOAD)];
	const struct verifier_insn_fact *store = &facts[find_insn(f.object, "fixed", INSN_STORE)];
	assert_true(load->base == VERIFIER_BASE_CTX && load->has_offset && load->offset == 112);
	assert_true(store->has_offset);
	drop(&f);
}

/* A 64-bit constant is one instruction. */
static uint64_t count_insns(const struct object *o, const struct object_function *f)
{
	uint32_t all;
	uint64_t count = 0;
	const struct bpf_insn *insns = object_insns(o, &all);
	for (uint32_t i = f->first; i < f->first + f->count; i += insn_slots(&insns[i]))
		count++;
	return count;
}

static void entries_tell_what_was_proved(void **state UNUSED)
{
	struct fixture f = verify("facts", "Writer");
	uint32_t entries, called;
	const struct verifier_entry *e = verdict_entries(f.verdict, &entries);
	assert_int_equal(entries, 2);
	assert_true(str_is(e[0].function->name, "fixed"));
	assert_int_equal(e[0].ctx_reads, 1u << 14);
	assert_int_equal(e[1].ctx_reads, 1u << 14 | 1u << 13);
	assert_int_equal(e[0].stack_bytes, 16);
	assert_int_equal(e[0].worst_insns, count_insns(f.object, e[0].function));
	assert_string_equal(verdict_helpers(f.verdict, &called)[0]->name, "bpf_map_update_elem");
	assert_int_equal(called, 1);
	assert_true(verdict_steps(f.verdict) > e[0].worst_insns);
	drop(&f);
}

static void a_rejection_reads_well(void **state UNUSED)
{
	struct fixture f = verify("facts", "Nobody");
	OWNED_BUF struct buf text = BUF_INIT(1 << 16);
	verdict_print(f.verdict, &text);
	assert_non_null(strstr(
		buf_text(&text),
		"rejected: role Nobody may not call bpf_map_update_elem: none of its "
		"capabilities (none) includes it [call-not-granted]\n"
		"  entry fixed, role Nobody\n"
		"  at ./tests/programs/facts.bpf.c:19, in fixed()\n"
		"    19 | return bpf_map_update_elem(&second, &key, &value, BPF_NOEXIST);\n"));
	assert_non_null(strstr(buf_text(&text), "    r1 = the map second\n"));
	assert_non_null(strstr(buf_text(&text), "  hint: the role may call: no helper at all"));
	drop(&f);
}

static void a_rejection_becomes_an_error(void **state UNUSED)
{
	struct fixture f = verify("facts", "Nobody");
	struct err *e = verdict_err(f.verdict);
	assert_non_null(e);
	assert_non_null(err_detail(e));
	assert_non_null(strstr(err_detail(e), "entry fixed"));
	assert_fails(e, ERR_REJECTED, "./tests/programs/facts.bpf.c:19", "may not call");
	drop(&f);
}

static void an_acceptance_is_no_error(void **state UNUSED)
{
	struct fixture f = verify("facts", "Writer");
	OWNED_BUF struct buf text = BUF_INIT(1 << 16);
	assert_null(verdict_err(f.verdict));
	verdict_print(f.verdict, &text);
	assert_non_null(strstr(buf_text(&text), "accepted under role Writer\n  fixed: at most "));
	assert_non_null(strstr(buf_text(&text), "    writes second, .bss; reads the context\n"));
	drop(&f);
}

static const struct node *print_and_parse(const struct fixture *f, struct arena *a)
{
	OWNED_BUF struct buf text = BUF_INIT(1 << 16);
	const struct node *n = NULL;
	verdict_print_json(f->verdict, &text);
	assert_ok(json_parse(buf_str(&text), a, &n));
	return n;
}

static void json_has_what_the_text_has(void **state UNUSED)
{
	OWNED_ARENA struct arena a = ARENA_INIT(1 << 20);
	struct fixture f = verify("facts", "Nobody");
	const struct node *n = print_and_parse(&f, &a);
	assert_true(str_is(node_find(n, "verdict")->text, "rejected"));
	assert_true(str_is(node_find(n, "rule")->text, "call-not-granted"));
	assert_true(str_is(node_find(n, "function")->text, "fixed"));
	assert_int_equal(node_find(n, "line")->integer, 19);
	const struct node *first = node_at(n, "/registers/0");
	assert_true(str_is(node_find(first, "register")->text, "r1"));
	assert_true(str_is(node_find(first, "kind")->text, "MAP"));
	assert_true(str_is(node_find(first, "text")->text, "the map second"));
	assert_int_equal(node_find(n, "path")->count, 0);
	drop(&f);
	f = verify("facts", "Writer");
	n = print_and_parse(&f, &a);
	assert_true(str_is(node_find(n, "verdict")->text, "accepted"));
	const struct node *entry = node_find(n, "entries")->first;
	assert_true(str_is(node_find(entry, "name")->text, "fixed"));
	assert_true(str_is(node_at(entry, "/helpers/0")->text, "bpf_map_update_elem"));
	assert_int_equal(node_find(entry, "hostFunctions")->count, 0);
	assert_int_equal(node_at(entry, "/memory/mapsRead")->count, 0);
	assert_int_equal(node_at(entry, "/memory/mapsWritten")->count, 2);
	assert_true(str_is(node_at(entry, "/memory/mapsWritten/0")->text, "second"));
	assert_true(str_is(node_at(entry, "/memory/mapsWritten/1")->text, ".bss"));
	assert_int_equal(node_at(entry, "/memory/context/0/from")->integer, 112);
	assert_int_equal(node_at(entry, "/memory/context/0/to")->integer, 119);
	entry = entry->next; /* it reads two words in a row, and writes either map */
	assert_int_equal(node_at(entry, "/memory/context")->count, 1);
	assert_int_equal(node_at(entry, "/memory/context/0/from")->integer, 104);
	assert_int_equal(node_at(entry, "/memory/mapsWritten")->count, 2);
	drop(&f);
}

static void json_tells_the_branches(void **state UNUSED)
{
	OWNED_ARENA struct arena a = ARENA_INIT(1 << 20);
	struct fixture f = verify("branches", "Nobody");
	const struct node *n = print_and_parse(&f, &a), *path = node_find(n, "path");
	assert_true(path->count > 0);
	const struct node *last = path->last;
	assert_true(str_is(node_find(last, "source")->text, "if (bits == 7)"));
	assert_int_equal(node_find(last, "line")->integer, 10);
	assert_int_equal(node_find(last, "taken")->kind, NODE_BOOL);
	drop(&f);
}

static void the_error_has_the_verdict_as_data(void **state UNUSED)
{
	OWNED_ARENA struct arena a = ARENA_INIT(1 << 20);
	struct fixture f = verify("facts", "Nobody");
	OWNED(err) struct err *e = verdict_err(f.verdict);
	const struct node *n = NULL;
	assert_ok(json_parse(str_of(err_data(e)), &a, &n));
	assert_true(str_is(node_find(n, "rule")->text, "call-not-granted"));
	drop(&f);
}

static void every_failing_allocation_is_an_error_or_a_verdict(void **state UNUSED)
{
	for (int rejected = 0; rejected < 2; rejected++) {
		struct fixture f = verify("facts", rejected ? "Nobody" : "Writer");
		uint64_t n = 1;
		for (;; n++) {
			struct verdict *v = NULL;
			mem_fail_at(n);
			struct err *e = verifier_run(f.object, f.role, VERIFIER_LIMITS_DEFAULT, &v);
			bool failed = mem_failed();
			mem_fail_at(0);
			if (e) {
				assert_int_equal(err_code(e), ERR_NO_MEMORY);
				err_destroy(e);
			} else {
				const struct verifier_finding *found = verdict_finding(v);
				assert_int_equal(found != NULL, rejected);
				assert_true(!found || (strstr(found->message, "may not call") &&
						       strstr(found->hint, "the role may call")));
				verdict_destroy(v);
			}
			if (!failed)
				break;
		}
		assert_true(n > 5);
		drop(&f);
	}
}

static void a_budget_of_steps_ends_the_analysis(void **state UNUSED)
{
	struct fixture f = verify("facts", "Writer");
	struct verifier_limits few = {.max_steps = 3, .max_memory_bytes = 1 << 20};
	struct verifier_limits narrow = {.max_steps = 1000, .max_memory_bytes = 100};
	verdict_destroy(f.verdict);
	assert_ok(verifier_run(f.object, f.role, few, &f.verdict));
	assert_int_equal(verdict_finding(f.verdict)->rule, VERIFIER_TOO_COMPLEX);
	verdict_destroy(f.verdict);
	assert_ok(verifier_run(f.object, f.role, narrow, &f.verdict));
	assert_int_equal(verdict_finding(f.verdict)->rule, VERIFIER_TOO_COMPLEX);
	drop(&f);
}

static bool is_late_at(void *context)
{
	uint32_t *left = context;
	return (*left)-- == 0;
}

/* A loop of a million rounds that nothing prunes. */
static struct fixture verify_limited(struct verifier_limits limits)
{
	struct fixture f = verify("spins", "Writer");
	verdict_destroy(f.verdict);
	f.verdict = NULL;
	assert_ok(verifier_run(f.object, f.role, limits, &f.verdict));
	return f;
}

static void a_time_limit_ends_the_analysis(void **state UNUSED)
{
	uint32_t never = UINT32_MAX, third = 3;
	struct verifier_limits limits = VERIFIER_LIMITS_DEFAULT;
	limits.is_late = is_late_at;
	limits.context = &never;
	limits.max_time_ms = 2500;
	struct fixture f = verify_limited(limits);
	assert_null(verdict_finding(f.verdict));
	assert_true(UINT32_MAX - never > 10); /* it was asked */
	drop(&f);
	limits.context = &third;
	f = verify_limited(limits);
	assert_int_equal(verdict_finding(f.verdict)->rule, VERIFIER_TOO_COMPLEX);
	assert_string_equal(verdict_finding(f.verdict)->message, "no answer after 2.5 s");
	drop(&f);
}

static void comparisons_are_limited_too(void **state UNUSED)
{
	struct verifier_limits limits = VERIFIER_LIMITS_DEFAULT;
	limits.max_comparisons = 1000000;
	struct fixture f = verify_limited(limits);
	assert_int_equal(verdict_finding(f.verdict)->rule, VERIFIER_TOO_COMPLEX);
	assert_non_null(strstr(verdict_finding(f.verdict)->message, "1000000 comparisons"));
	drop(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(facts_hold_what_is_the_same_on_all_paths),
		cmocka_unit_test(facts_forget_what_differs_by_path),
		cmocka_unit_test(facts_name_what_loads_and_stores_reach),
		cmocka_unit_test(entries_tell_what_was_proved),
		cmocka_unit_test(a_rejection_reads_well),
		cmocka_unit_test(a_rejection_becomes_an_error),
		cmocka_unit_test(an_acceptance_is_no_error),
		cmocka_unit_test(json_has_what_the_text_has),
		cmocka_unit_test(json_tells_the_branches),
		cmocka_unit_test(the_error_has_the_verdict_as_data),
		cmocka_unit_test(every_failing_allocation_is_an_error_or_a_verdict),
		cmocka_unit_test(a_time_limit_ends_the_analysis),
		cmocka_unit_test(comparisons_are_limited_too),
		cmocka_unit_test(a_budget_of_steps_ends_the_analysis),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
