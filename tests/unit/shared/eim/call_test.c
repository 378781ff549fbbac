/* What calls of the host's functions take: constraints that nobody wrote, and such that cannot be met. */
#include "tests/unit/shared/eim/host_btf.h"
#include "tests/unit/test.h"

#include "shared/base/mem.h"
#include "shared/eim/lint.h"
#include "shared/eim/role.h"
#include "shared/eim/role_internal.h"

enum { FUNC_PROTO = 13, PTR = 2, ARRAY = 3, STRUCT = 4, FWD = 7, CONST = 10, FLOAT = 16 };

static uint32_t pointer(struct host_btf *h, uint32_t to)
{
	return host_btf_type(h, PTR, "", to, 0);
}

static void member(struct host_btf *h, const char *name, uint32_t type, uint32_t bits)
{
	host_btf_word(h, host_btf_name(h, name));
	host_btf_word(h, type);
	host_btf_word(h, bits);
}

struct types {
	uint32_t i, u8, boolean, wide, c, cc, plain, linked, hidden, real, code;
};

/* struct plain {int a, b;}; struct linked {int a; char *text;}; struct hidden; */
static struct types make_types(struct host_btf *h)
{
	struct types t;
	t.i = host_btf_int(h, "int", 4, HOST_BTF_SIGNED);
	t.u8 = host_btf_int(h, "unsigned char", 1, HOST_BTF_UNSIGNED);
	t.boolean = host_btf_int(h, "_Bool", 1, HOST_BTF_BOOL);
	t.wide = host_btf_int(h, "__int128", 16, HOST_BTF_SIGNED);
	t.c = host_btf_int(h, "char", 1, HOST_BTF_SIGNED);
	t.cc = host_btf_type(h, CONST, "", t.c, 0);
	uint32_t text = pointer(h, t.c);
	t.plain = host_btf_type(h, STRUCT, "plain", 8, 2);
	member(h, "a", t.i, 0);
	member(h, "b", t.i, 32);
	t.linked = host_btf_type(h, STRUCT, "linked", 16, 2);
	member(h, "a", t.i, 0);
	member(h, "text", text, 64);
	t.hidden = host_btf_type(h, FWD, "hidden", 0, 0);
	t.real = host_btf_type(h, FLOAT, "double", 8, 0);
	t.code = host_btf_type(h, FUNC_PROTO, "", 0, 0);
	return t;
}

static struct btf *make_host(void)
{
	struct host_btf h = host_btf_start();
	struct btf *b = NULL;
	struct types t = make_types(&h);
	uint32_t text = pointer(&h, t.cc), bytes = pointer(&h, t.c), raw = pointer(&h, 0);
	uint32_t plain = pointer(&h, t.plain);
	uint32_t const_plain = pointer(&h, host_btf_type(&h, CONST, "", t.plain, 0));
	uint32_t linked = pointer(&h, t.linked), hidden = pointer(&h, t.hidden);
	uint32_t u8 = pointer(&h, t.u8), code = pointer(&h, t.code), twice = pointer(&h, text);
	const struct host_btf_param one[] = {{"p", plain}}, fixed[] = {{"p", const_plain}};
	host_btf_func(&h, "fill", t.i, one, 1);
	host_btf_func(&h, "look", t.i, fixed, 1);
	host_btf_func(&h, "link", t.i, (struct host_btf_param[]){{"l", linked}}, 1);
	host_btf_func(&h, "hide", t.i, (struct host_btf_param[]){{"x", hidden}}, 1);
	host_btf_func(&h, "open", t.i, (struct host_btf_param[]){{"name", text}, {"flags", t.i}},
		      2);
	host_btf_func(&h, "read", t.i, (struct host_btf_param[]){{"to", bytes}, {"max_len", t.i}},
		      2);
	host_btf_func(&h, "send", t.i,
		      (struct host_btf_param[]){{"from", u8}, {"version", t.i}, {"n", t.i}}, 3);
	host_btf_func(&h, "copy", t.i, (struct host_btf_param[]){{"to", raw}}, 1);
	host_btf_func(&h, "each", t.i, (struct host_btf_param[]){{"visit", code}}, 1);
	host_btf_func(&h, "texts", t.i, (struct host_btf_param[]){{"of", twice}}, 1);
	host_btf_func(&h, "flag", t.i, (struct host_btf_param[]){{"on", t.boolean}}, 1);
	host_btf_func(&h, "huge", t.i, (struct host_btf_param[]){{"x", t.wide}}, 1);
	host_btf_func(&h, "real", t.real, NULL, 0);
	host_btf_func(&h, "same", t.i, (struct host_btf_param[]){{"a", t.i}, {"a", t.i}}, 2);
	host_btf_func(&h, "unnamed", t.i, (struct host_btf_param[]){{"", text}}, 1);
	host_btf_func(&h, "various", t.i, (struct host_btf_param[]){{"a", t.i}, {"", 0}}, 2);
	host_btf_func(&h, "number", t.i, (struct host_btf_param[]){{"fd", t.i}, {"len", t.i}}, 2);
	host_btf_func(&h, "drop", 0, (struct host_btf_param[]){{"why", t.i}, {"h", hidden}}, 2);
	host_btf_func(&h, "make", hidden, NULL, 0);
	assert_ok(host_btf_end(&h, &b));
	return b;
}

static struct err *resolve(const char *text, struct role **out)
{
	OWNED(btf) struct btf *host = make_host();
	OWNED(spec) struct spec *s = NULL;
	assert_ok(spec_parse(str_of(text), &s));
	return role_resolve(s, s->roles[0].name, host, out);
}

/* A role that may call `function`, which the document says `about` of. */
static struct err *resolve_one(const char *function, const char *about, struct role **out)
{
	OWNED_BUF struct buf text = BUF_INIT(1 << 16);
	buf_printf(&text,
		   "host_functions: [{name: %s%s}]\ncapabilities: [{name: c, apis: [%s]}]\n"
		   "roles: [{name: r, capabilities: [c]}]",
		   function, about, function);
	return resolve(buf_text(&text), out);
}

static void put_pre(const struct role_function *f, struct buf *out)
{
	for (size_t i = 0; i < f->pre_count; i++)
		buf_printf(out, "%s%s%.*s", i ? ", " : "", f->pre[i].is_default ? "? " : "",
			   STR_FMT(f->pre[i].text));
}

static void assert_asks(const char *function, const char *about, const char *wanted)
{
	OWNED(role) struct role *r = NULL;
	OWNED_BUF struct buf text = BUF_INIT(1 << 16);
	assert_ok(resolve_one(function, about, &r));
	put_pre(&r->functions[0], &text);
	assert_string_equal(buf_text(&text), wanted);
	assert_int_equal(r->functions[0].refusal.size, 0);
}

static void asks_of_pointers_what_their_types_say(void **state UNUSED)
{
	assert_asks("fill", "", "? p.readable(8), ? p.writable(8)");
	assert_asks("look", "", "? p.readable(8)");
	assert_asks("link", "", "? l.non_null");
	assert_asks("hide", "", "? x.non_null");
	assert_asks("open", "", "? name.null_terminated");
	assert_asks("read", "", "? to.writable(max_len)");
	assert_asks("flag", "", "? on ≥ 0, ? on ≤ 1");
	assert_asks("number", "", "");
}

static void asks_nothing_where_the_document_says_something(void **state UNUSED)
{
	assert_asks("fill", ", function_constraints: [p.readable(4)]", "p.readable(4)");
	assert_asks("open", ", function_constraints: [name.readable(flags)]",
		    "name.readable(flags)");
	assert_asks("link", ", function_constraints: [l.readable(16)]", "l.readable(16)");
	assert_asks("copy", ", function_constraints: [to.writable(64)]", "to.writable(64)");
	assert_asks("open", ", function_constraints: [name.non_null]",
		    "name.non_null, ? name.null_terminated"); /* that says not how much */
	assert_asks("read", ", function_constraints: [to.writable(8) or to = 0]",
		    "to.writable(8) or to = 0");
	assert_asks("link", ", function_constraints: [l.non_null]", "l.non_null");
}

static void assert_refused(const char *function, const char *why)
{
	OWNED(role) struct role *r = NULL;
	OWNED_BUF struct buf out = BUF_INIT(1 << 16);
	assert_ok(resolve_one(function, "", &r));
	if (!str_is(r->functions[0].refusal, why))
		fail_msg("%s: %.*s", function, STR_FMT(r->functions[0].refusal));
	role_print(r, &out);
	assert_non_null(strstr(buf_text(&out), "      no program may call it: "));
	assert_non_null(strstr(buf_text(&out), why));
}

static void says_why_a_function_cannot_be_called(void **state UNUSED)
{
	assert_refused("copy",
		       "nothing says how much memory its parameter 1 (to, \"void *\") points "
		       "to; write \"to.writable(n)\" among its constraints");
	assert_refused("send",
		       "nothing says how much memory its parameter 1 (from, \"unsigned char "
		       "*\") points to; write \"from.writable(n)\" among its constraints");
	assert_refused("texts",
		       "its parameter 1 (of) is \"const char **\": what pointers lead to is "
		       "not for programs to make up, unless its constraints say "
		       "\"of.readable(n)\" or \"of.writable(n)\"");
	assert_refused("each", "its parameter 1 (visit) is \"void (*)(void)\", which is neither an "
			       "integer nor a pointer to data");
	assert_refused("huge",
		       "its parameter 1 (x) is \"__int128\", which is neither an integer nor "
		       "a pointer to data");
	assert_refused("real",
		       "its result is \"double\", which is neither an integer nor a pointer "
		       "to data");
	assert_refused("same", "two of its parameters are called a");
	assert_refused("unnamed",
		       "its parameter 1 has no name in the host's types: declare it in the "
		       "document");
	assert_refused("various", "it takes a variable number of arguments");
}

static void knows_names_of_sizes(void **state UNUSED)
{
	static const struct {
		const char *name;
		bool is_size;
	} cases[] = {{"length", true},	   {"len", true},
		     {"size", true},	   {"count", true},
		     {"n", true},	   {"nbytes", true},
		     {"buflen", true},	   {"bufferLength", true},
		     {"data_len", true},   {"max_n", true},
		     {"byte_count", true}, {"version", false},
		     {"mode", false},	   {"discount", false},
		     {"fn", false},	   {"flags", false},
		     {"", false},	   {"lengthy", false}};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		if (role_is_size_name(str_of(cases[i].name)) != cases[i].is_size)
			fail_msg("%s", cases[i].name);
}

static void tells_resources_from_other_arguments(void **state UNUSED)
{
	OWNED(role) struct role *r = NULL;
	assert_ok(resolve("host_functions: [{name: make, acquires: thing}, {name: drop, releases: "
			  "thing}, {name: real, acquires: other}]\n"
			  "capabilities: [{name: c, apis: [make, drop]}]\n"
			  "roles: [{name: r, capabilities: [c]}]",
			  &r));
	const struct role_function *drop = role_find_function(r, STR("drop"));
	assert_int_equal(drop->args[0].resource.size, 0); /* a number; make() returns a pointer */
	assert_true(str_is(drop->args[1].resource, "thing"));
	assert_int_equal(drop->pre_count, 0);
	assert_int_equal(drop->refusal.size, 0);
}

/* ---- const ---- */

static void takes_no_const_that_the_host_does_not_have(void **state UNUSED)
{
	struct role *r = NULL;
	assert_fails(
		resolve_one("read",
			    ", signature: {params: [{type: const char *, name: to}, {type: "
			    "int, name: n}], return_type: int}",
			    &r),
		ERR_REJECTED, "/host_functions/0/signature/params/0",
		"parameter 1 (to) is \"const char *\" in the spec and \"char *\" in the host's "
		"BTF");
	assert_fails(resolve_one("read",
				 ", signature: {params: [{type: const_char_ptr, name: to}, {type: "
				 "int, name: n}], return_type: int}",
				 &r),
		     ERR_REJECTED, "/host_functions/0/signature/params/0", "\"const_char_ptr\"");
	/* Less is said than the host does: its own word counts. */
	assert_asks("open",
		    ", signature: {params: [{type: char *, name: file}, {type: int, name: how}], "
		    "return_type: int}",
		    "? file.null_terminated");
}

/* ---- contradictions ---- */

static void assert_contradicts(const char *text, const char *path, const char *message)
{
	OWNED(spec) struct spec *s = NULL;
	const struct spec_finding *findings;
	struct role *r = NULL;
	size_t count, found = 0;
	assert_fails(resolve(text, &r), ERR_INVALID, path, message);
	assert_ok(spec_parse(str_of(text), &s));
	assert_ok(spec_lint(s, false, &findings, &count));
	for (size_t i = 0; i < count; i++)
		if (!strcmp(findings[i].code, "contradiction")) {
			found++;
			assert_string_equal(findings[i].at.path, path);
			assert_int_equal(findings[i].severity, SPEC_ERROR);
			assert_non_null(strstr(findings[i].message, message));
		}
	assert_int_equal(found, 1);
}

#define NUMBER(about)                                                                           \
	"types: [{name: fd_t, base: int, constraints: [\"value ≥ 5\"]}]\n"                    \
	"host_functions:\n"                                                                     \
	"- name: number\n"                                                                      \
	"  signature: {params: [{type: fd_t, name: fd}, {type: int, name: len}], return_type: " \
	"int}\n"                                                                                \
	"  function_constraints: [" about "]\n"                                                 \
	"capabilities: [{name: c, apis: [number], constraints: [\"len < 4\"]}]\n"               \
	"roles: [{name: r, capabilities: [c]}]"

static void names_both_conditions_that_contradict_each_other(void **state UNUSED)
{
	assert_contradicts(NUMBER("fd < 3"), "/types/0/constraints/0",
			   "function \"number\": \"fd ≥ 5\" (line 1:47) and \"fd < 3\" (line 5:26) "
			   "contradict each other: no call can meet both");
	assert_contradicts(NUMBER("fd ≤ 5, fd ≠ 5"), "/host_functions/0/function_constraints/1",
			   "\"fd ≠ 5\" (line 5:34) and \"fd ≤ 5\" (line 5:26) contradict");
	assert_contradicts(NUMBER("len > 10"), "/host_functions/0/function_constraints/0",
			   "\"len > 10\" (line 5:26) and \"len < 4\" (line 6:");
	assert_contradicts(NUMBER("fd < len, len - fd ≤ 0"),
			   "/host_functions/0/function_constraints/1", "contradict each other");
	assert_contradicts(NUMBER("return > 4, return = 2"),
			   "/host_functions/0/function_constraints/0", "\"return > 4\"");
	assert_contradicts(
		NUMBER("fd > 3000000000"), "/host_functions/0/function_constraints/0",
		"\"fd > 3000000000\" (line 5:26) cannot hold: no value of type \"fd_t\"");
	assert_contradicts(NUMBER("1 > 2"), "/host_functions/0/function_constraints/0",
			   "\"1 > 2\" (line 5:26) cannot hold");
	assert_contradicts(NUMBER("fd < 3 or len > 9, len < 2"),
			   "/host_functions/0/function_constraints/0",
			   "none of the alternatives of \"fd < 3 or len > 9\" can hold");
}

static void takes_conditions_that_can_be_met_together(void **state UNUSED)
{
	static const char *const texts[] = {
		NUMBER("fd ≤ 5"),
		NUMBER("fd ≠ 5, fd ≤ 6"),
		NUMBER("fd < 3 or len > 2"),
		NUMBER("len > fd - 100, fd > len"),
		NUMBER("return < 0 or return > 5, return ≠ 3"),
		NUMBER("fd - len > 3, len - fd > -20"),
	};
	for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
		OWNED(role) struct role *r = NULL;
		assert_ok(resolve(texts[i], &r));
	}
}

/* Only the role that holds both capabilities cannot be. */
static void finds_what_only_inheriting_brings_together(void **state UNUSED)
{
	static const char text[] =
		"host_functions: [{name: number, signature: {params: [{type: int, name: fd}, "
		"{type: "
		"int, name: len}], return_type: int}}]\n"
		"capabilities:\n"
		"- {name: low, apis: [number], constraints: [fd < 3]}\n"
		"- {name: high, apis: [number], constraints: [fd > 7]}\n"
		"roles: [{name: both, capabilities: [high], inherits: [less]}, {name: less, "
		"capabilities: [low]}]";
	struct role *r = NULL;
	assert_fails(resolve(text, &r), ERR_INVALID, "/capabilities/1/constraints/0",
		     "\"fd > 7\" (line 4:46) and \"fd < 3\" (line 3:45) contradict");
}

static void keeps_a_choice_whole(void **state UNUSED)
{
	OWNED(role) struct role *r = NULL;
	OWNED_BUF struct buf text = BUF_INIT(1 << 16);
	assert_ok(resolve(
		"types: [{name: res, base: int, constraints: [\"value < 0 or value > 9\"]}]\n"
		"host_functions: [{name: number, signature: {params: [{type: int, name: fd}, "
		"{type: int, name: len}], return_type: res}, function_constraints: [\"fd > 1 "
		"or len > 2 and fd = 0\", \"fd ≥ 0 or return = -1\"]}]\n"
		"capabilities: [{name: c, apis: [number], constraints: [\"other > 1 or fd < "
		"90\", \"return > 3 or other > 4\"]}]\n"
		"roles: [{name: r, capabilities: [c]}]",
		&r));
	const struct role_function *f = &r->functions[0];
	put_pre(f, &text);
	/* of a capability, alternatives that the function does not have are none */
	assert_string_equal(buf_text(&text), "fd > 1 or len > 2 and fd = 0, fd < 90");
	assert_int_equal(f->post_count, 2);
	assert_true(str_is(f->post[0].text, "return < 0 or return > 9"));
	assert_true(str_is(f->post[1].text, "fd ≥ 0 or return = -1"));
}

/* ---- lint ---- */

static void tells_of_pointers_that_nothing_is_said_of(void **state UNUSED)
{
	static const char text[] =
		"host_functions:\n"
		"- {name: a, signature: {params: [{type: const char *, name: s}], return_type: "
		"int}}\n"
		"- {name: b, signature: {params: [{type: void *, name: p}, {type: int, name: "
		"size}], "
		"return_type: int}}\n"
		"- {name: c, signature: {params: [{type: void *, name: p}], return_type: int}}\n"
		"- {name: d, signature: {params: [{type: void *, name: p}], return_type: int}, "
		"function_constraints: [p.readable(4)]}\n"
		"- {name: e, signature: {params: [{type: struct x *, name: p}], return_type: "
		"int}}\n"
		"- {name: bpf_probe_read_user, signature: {params: [{type: void *, name: d}, "
		"{type: "
		"int, name: k}, {type: void *, name: s}], return_type: int}}\n";
	static const char *const wanted[] = {"\"s.null_terminated\" is asked for",
					     "\"p.writable(size)\" is asked for",
					     "so no program can call it; write \"p.writable(n)\""};
	OWNED(spec) struct spec *s = NULL;
	const struct spec_finding *findings;
	size_t count, found = 0;
	assert_ok(spec_parse(str_of(text), &s));
	assert_ok(spec_lint(s, false, &findings, &count));
	for (size_t i = 0; i < count; i++) {
		if (strcmp(findings[i].code, "unsaid-pointer"))
			continue;
		assert_true(found < ARRAY_SIZE(wanted));
		assert_non_null(strstr(findings[i].message, wanted[found++]));
	}
	assert_int_equal(found, ARRAY_SIZE(wanted));
}

static void survives_every_failed_allocation(void **state UNUSED)
{
	OWNED(btf) struct btf *host = make_host();
	OWNED(spec) struct spec *s = NULL;
	bool failed = true;
	assert_ok(spec_parse(
		STR("host_functions: [{name: drop, releases: t}, {name: make, acquires: t}, "
		    "{name: number, function_constraints: [\"fd < 3 or len > 2\"]}]\n"
		    "capabilities: [{name: c, apis: [fill, open, read, copy, drop, make, "
		    "number]}, {name: d, apis: [look]}]\n"
		    "roles: [{name: r, capabilities: [c]}, {name: q, capabilities: [d]}]"),
		&s));
	for (uint64_t n = 1; failed; n++) {
		OWNED(role) struct role *r = NULL;
		mem_fail_at(n);
		struct err *e = role_resolve(s, STR("r"), host, &r);
		failed = mem_failed();
		mem_fail_at(0);
		assert_true(!e == !failed);
		if (e)
			assert_int_equal(err_code(e), ERR_NO_MEMORY);
		err_destroy(e);
		assert_true(n < 2000);
	}
}

static void knows_who_else_has_a_function(void **state UNUSED)
{
	OWNED(role) struct role *r = NULL;
	assert_ok(resolve(
		"capabilities: [{name: c, apis: [number]}, {name: d, apis: [open, number]}]\n"
		"roles: [{name: r, capabilities: [c]}, {name: q, capabilities: [d]}]",
		&r));
	const struct role_other *other = role_find_other(r, STR("open"));
	assert_non_null(other);
	assert_true(str_is(other->role, "q"));
	assert_true(str_is(other->capability, "d"));
	assert_null(role_find_other(r, STR("number")));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(asks_of_pointers_what_their_types_say),
		cmocka_unit_test(asks_nothing_where_the_document_says_something),
		cmocka_unit_test(says_why_a_function_cannot_be_called),
		cmocka_unit_test(knows_names_of_sizes),
		cmocka_unit_test(tells_resources_from_other_arguments),
		cmocka_unit_test(takes_no_const_that_the_host_does_not_have),
		cmocka_unit_test(names_both_conditions_that_contradict_each_other),
		cmocka_unit_test(takes_conditions_that_can_be_met_together),
		cmocka_unit_test(finds_what_only_inheriting_brings_together),
		cmocka_unit_test(keeps_a_choice_whole),
		cmocka_unit_test(tells_of_pointers_that_nothing_is_said_of),
		cmocka_unit_test(survives_every_failed_allocation),
		cmocka_unit_test(knows_who_else_has_a_function),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
