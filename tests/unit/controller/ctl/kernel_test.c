/* Where this kernel loads nothing for us, the tests hold what is said then. */
#include "tests/unit/test.h"

#include "controller/ctl/kernel.h"
#include "shared/base/file.h"
#include "shared/base/mem.h"

static const char spec_text[] = "roles:\n  - name: any\n    capabilities: []\n";

struct subject {
	struct buf image;
	struct object *object;
	struct spec *spec;
	struct role *role;
	struct verdict *verdict;
};

static void open_subject(struct subject *s, const char *path)
{
	*s = (struct subject){.image = BUF_INIT(OBJECT_MAX_BYTES)};
	assert_ok(file_read(path, &s->image));
	assert_ok(object_parse(buf_bytes(&s->image), &s->object));
	assert_ok(spec_parse(str_of(spec_text), &s->spec));
	assert_ok(role_resolve(s->spec, STR("any"), NULL, &s->role));
	assert_ok(verifier_run(s->object, s->role, VERIFIER_LIMITS_DEFAULT, &s->verdict));
}

static void close_subject(struct subject *s)
{
	verdict_destroy(s->verdict);
	role_destroy(s->role);
	spec_destroy(s->spec);
	object_destroy(s->object);
	buf_fini(&s->image);
}

static void has(const struct buf *text, const char *part)
{
	if (!strstr(buf_text(text), part))
		fail_msg("\"%s\" is not in:\n%s", part, buf_text(text));
}

static void shows_each_entry_with_both_verdicts(void **state)
{
	(void)state;
	struct subject s;
	OWNED(kernel) struct kernel_answer *a = NULL;
	OWNED_BUF struct buf text = BUF_INIT(1 << 16), json = BUF_INIT(1 << 16);
	open_subject(&s, "build/tests/programs/entries.bpf.o");
	assert_ok(kernel_ask(buf_bytes(&s.image), s.object, &a));
	kernel_print(a, s.verdict, &text);
	kernel_print_json(a, s.verdict, &json);
	if (a->refusal) {
		has(&text, "the kernel does not allow it: ");
		has(&json, "{\"allowed\":false,\"message\":\"");
	} else {
		has(&text, "ENTRY      OURS         KERNEL\n");
		has(&text, "on_malloc  not-reached  accepted\n");
		has(&text, "filter     rejected     not-loaded\n"
			   "    its section is not one of the kernel's\n");
		has(&json, "{\"allowed\":true,\"entries\":[{\"name\":\"on_malloc\","
			   "\"ours\":\"not-reached\",\"verdict\":\"accepted\"}");
	}
	close_subject(&s);
}

static void keeps_the_end_of_the_kernels_log(void **state)
{
	(void)state;
	struct subject s;
	OWNED(kernel) struct kernel_answer *a = NULL;
	open_subject(&s, "build/tests/cases/verifier/past_the_value.bpf.o");
	assert_ok(kernel_ask(buf_bytes(&s.image), s.object, &a));
	if (!a->refusal) {
		assert_int_equal(a->count, 1);
		assert_int_equal(a->entries[0].state, KERNEL_REJECTED);
		assert_non_null(strstr(a->entries[0].words, "invalid access to map value"));
		assert_null(strstr(a->entries[0].words, "processed "));
	}
	close_subject(&s);
}

static void what_libbpf_cannot_open_is_not_loaded(void **state)
{
	(void)state;
	struct subject s;
	OWNED(kernel) struct kernel_answer *a = NULL;
	open_subject(&s, "build/tests/programs/entries.bpf.o");
	assert_ok(kernel_ask((struct bytes){(const uint8_t *)"no ELF", 6}, s.object, &a));
	if (!a->refusal) {
		assert_int_equal(a->entries[0].state, KERNEL_NOT_LOADED);
		assert_non_null(strstr(a->entries[0].words, "libbpf does not open it: "));
	}
	close_subject(&s);
}

static void memory_runs_out_at_each_allocation(void **state)
{
	(void)state;
	struct subject s;
	open_subject(&s, "build/tests/cases/verifier/past_the_value.bpf.o");
	for (uint64_t nth = 1;; nth++) {
		struct kernel_answer *a = NULL;
		mem_fail_at(nth);
		struct err *e = kernel_ask(buf_bytes(&s.image), s.object, &a);
		bool has_failed = mem_failed();
		mem_fail_at(0);
		if (!has_failed) {
			assert_null(e);
			kernel_destroy(a);
			assert_true(nth > 2);
			break;
		}
		assert_non_null(e);
		assert_int_equal(err_code(e), ERR_NO_MEMORY);
		assert_null(a);
		err_destroy(e);
	}
	close_subject(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(shows_each_entry_with_both_verdicts),
		cmocka_unit_test(keeps_the_end_of_the_kernels_log),
		cmocka_unit_test(what_libbpf_cannot_open_is_not_loaded),
		cmocka_unit_test(memory_runs_out_at_each_allocation),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
