/* What is proved of entries that go on with others: of whole chains, not of each alone. */
#include "tests/unit/test.h"

#include "shared/base/file.h"
#include "shared/eim/spec.h"
#include "shared/verifier/verifier.h"

static const char document[] = "capabilities:\n"
			       "  - {name: Go, apis: [bpf_tail_call]}\n"
			       "roles:\n"
			       "  - {name: Goer, capabilities: [Go]}\n";

static const struct verifier_entry *entry_named(const struct verdict *v, const char *name)
{
	uint32_t count;
	const struct verifier_entry *e = verdict_entries(v, &count);
	for (uint32_t i = 0; i < count; i++)
		if (str_is(e[i].function->name, name))
			return &e[i];
	fail_msg("no entry %s", name);
	return NULL;
}

static void an_entry_stands_for_all_that_may_follow(void **state)
{
	(void)state;
	OWNED_BUF struct buf image = BUF_INIT(OBJECT_MAX_BYTES);
	OWNED(object) struct object *o = NULL;
	OWNED(spec) struct spec *spec = NULL;
	OWNED(role) struct role *role = NULL;
	OWNED(verdict) struct verdict *v = NULL;
	assert_ok(file_read("build/tests/programs/tail_calls.bpf.o", &image));
	assert_ok(object_parse(buf_bytes(&image), &o));
	assert_ok(spec_parse(str_of(document), &spec));
	assert_ok(role_resolve(spec, STR("Goer"), NULL, &role));
	assert_ok(verifier_run(o, role, VERIFIER_LIMITS_DEFAULT, &v));
	assert_null(verdict_finding(v));
	const struct verifier_entry *first = entry_named(v, "first"),
				    *second = entry_named(v, "second"),
				    *third = entry_named(v, "third");
	const uint64_t di = UINT64_C(1) << 14, si = UINT64_C(1) << 13;
	assert_int_equal(first->ctx_reads, di | si);
	assert_int_equal(second->ctx_reads, di | si); /* slot 7 of the map is first() */
	assert_int_equal(third->ctx_reads, si);
	assert_int_equal(third->tail_maps, 0);
	assert_int_equal(third->tail_insns, 0);
	assert_true(first->tail_insns > 0 && first->tail_maps != 0);
	/* 33 tail calls of the longer of both, and one exit. */
	uint64_t longer = MAX(first->tail_insns, second->tail_insns);
	assert_true(first->worst_insns >= 32 * longer + first->tail_insns);
	assert_true(first->worst_insns <= 33 * longer + 2 * longer);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_entry_stands_for_all_that_may_follow),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
