#include "tests/unit/test.h"

#include "shared/base/mem.h"
#include "shared/eim/constraint.h"

#define ARENA_BYTES ((size_t)1 << 20)

static void assert_canonical(const char *text, const char *wanted)
{
	OWNED_ARENA struct arena a = ARENA_INIT(ARENA_BYTES);
	OWNED_BUF struct buf out = BUF_INIT(4096);
	struct constraint c;
	assert_ok(constraint_parse(str_of(text), &a, &c));
	if (c.is_prose)
		fail_msg("\"%s\" was taken for prose", text);
	assert_true(str_is(c.text, text));
	constraint_print(&c, &out);
	assert_string_equal(buf_text(&out), wanted);
}

static void assert_prose(const char *text)
{
	OWNED_ARENA struct arena a = ARENA_INIT(ARENA_BYTES);
	OWNED_BUF struct buf out = BUF_INIT(4096);
	struct constraint c;
	assert_ok(constraint_parse(str_of(text), &a, &c));
	if (!c.is_prose)
		fail_msg("\"%s\" was not taken for prose", text);
	assert_int_equal(c.count, 0);
	constraint_print(&c, &out);
	assert_string_equal(buf_text(&out), text);
}

static void reads_both_spellings_of_relations(void **state UNUSED)
{
	assert_canonical("value ≥ 0", "value ≥ 0");
	assert_canonical("value>=0", "value ≥ 0");
	assert_canonical("a ≤ b", "a ≤ b");
	assert_canonical("a <= b", "a ≤ b");
	assert_canonical("a ≠ 1", "a ≠ 1");
	assert_canonical("a != 1", "a ≠ 1");
	assert_canonical("a = 1", "a = 1");
	assert_canonical("a == 1", "a = 1");
	assert_canonical("a < 0x10", "a < 16");
	assert_canonical("len > 0", "len > 0");
}

static void reads_sums_and_sizes(void **state UNUSED)
{
	assert_canonical("return ≤ len - 1 + sizeof(p)", "return ≤ len - 1 + sizeof(p)");
	assert_canonical("-a<-9223372036854775808", "-a < -9223372036854775808");
	assert_canonical("sizeof ( p ) = 8", "sizeof(p) = 8");
	assert_canonical("sizeof > 1", "sizeof > 1"); /* a parameter may be called so */
}

static void reads_predicates(void **state UNUSED)
{
	assert_canonical("map.non_null", "map.non_null");
	assert_canonical("non_null", "value.non_null");
	assert_canonical("null_terminated", "value.null_terminated");
	assert_canonical("return.non_null", "return.non_null");
	assert_canonical("p.readable(len + 1)", "p.readable(len + 1)");
	assert_canonical("readable(sizeof(value))", "value.readable(sizeof(value))");
	assert_canonical(" buf . writable ( 16 ) ", "buf.writable(16)");
	assert_canonical("non_null > 3", "non_null > 3");
}

static void reads_conjunctions(void **state UNUSED)
{
	assert_canonical("a > 0 and b > 0, c.non_null && return ≥ 0",
			 "a > 0 and b > 0 and c.non_null and return ≥ 0");
}

static void reads_alternatives_of_conjunctions(void **state UNUSED)
{
	assert_canonical("a > 0 || b > 0", "a > 0 or b > 0");
	assert_canonical("return < 0 or return.non_null", "return < 0 or return.non_null");
	assert_canonical("non_null and value > 1 or value = 0, a.readable(8) or b=1&&c=2",
			 "value.non_null and value > 1 or value = 0 and a.readable(8) or b = 1 and "
			 "c = 2");
	assert_canonical("non_null or order ≥ 0", "value.non_null or order ≥ 0");
}

static size_t sizes_of(const char *text, size_t sizes[CONSTRAINT_MAX_TERMS])
{
	OWNED_ARENA struct arena a = ARENA_INIT(ARENA_BYTES);
	struct constraint c;
	size_t from, to = 0, count = 0;
	assert_ok(constraint_parse(str_of(text), &a, &c));
	while (constraint_next(&c, &from, &to))
		sizes[count++] = to - from;
	assert_int_equal(constraint_has_choice(&c), count > 1);
	return count;
}

static void tells_alternatives_apart(void **state UNUSED)
{
	size_t sizes[CONSTRAINT_MAX_TERMS];
	assert_int_equal(sizes_of("a > 0 and b > 0", sizes), 1);
	assert_int_equal(sizes[0], 2);
	assert_int_equal(sizes_of("a > 0 or b > 0 and c > 0 or d > 0", sizes), 3);
	assert_int_equal(sizes[0], 1);
	assert_int_equal(sizes[1], 2);
	assert_int_equal(sizes[2], 1);
	assert_int_equal(sizes_of("some prose", sizes), 0);
}

static void takes_everything_else_for_prose(void **state UNUSED)
{
	static const char *const texts[] = {
		"",
		"All map operations require non_null map and key",
		"String pointers must be non_null",
		"ctx must be valid and non_null",
		"a > 0 or",
		"or a > 0",
		"a > 0 or or b > 0",
		"a > 0 and or b > 0",
		"a > 0 | b > 0",
		"a > 0 or b",
		"or > 0",
		"len > 0 bytes",
		"a > 0 and",
		"and a > 0",
		"a >",
		"> 1",
		"a",
		"a b",
		"1",
		"a.b",
		"a.non_nul",
		"a.readable",
		"a.readable()",
		"a.readable(1",
		"1.non_null",
		"-a.non_null",
		"a + b.non_null",
		"sizeof(a).non_null",
		"a + > 1",
		"a - - 1 > 2",
		"a > 1 > 2",
		"a => 1",
		"a > 9223372036854775808",
		"a > -9223372036854775809",
		"a > 1x",
		"a > (1)",
		"a > 1;",
		"sizeof(1) > 1",
		"sizeof() > 1",
		"readable(8",
		"≥",
	};
	for (size_t i = 0; i < ARRAY_SIZE(texts); i++)
		assert_prose(texts[i]);
}

static void refuses_constraints_past_the_limits(void **state UNUSED)
{
	OWNED_ARENA struct arena a = ARENA_INIT(ARENA_BYTES);
	OWNED_BUF struct buf terms = BUF_INIT(4096), atoms = BUF_INIT(4096);
	struct constraint c;
	buf_puts(&terms, "a > 0");
	for (size_t i = 1; i < CONSTRAINT_MAX_TERMS; i++)
		buf_puts(&terms, ", a > 0");
	assert_ok(constraint_parse(buf_str(&terms), &a, &c));
	assert_int_equal(c.count, CONSTRAINT_MAX_TERMS);
	buf_puts(&terms, ", a > 0");
	assert_fails(constraint_parse(buf_str(&terms), &a, &c), ERR_INVALID, "",
		     "more than 16 terms or 8 summands");
	buf_puts(&atoms, "p.readable(1");
	for (size_t i = 0; i < CONSTRAINT_MAX_ATOMS; i++)
		buf_puts(&atoms, "+1");
	buf_puts(&atoms, ")");
	assert_fails(constraint_parse(buf_str(&atoms), &a, &c), ERR_INVALID, "", "8 summands");
}

static void tells_before_from_after(void **state UNUSED)
{
	static const struct {
		const char *text;
		bool post;
	} cases[] = {{"len > 0", false},
		     {"return ≥ 0", true},
		     {"0 ≤ len - return", true},
		     {"return.non_null", true},
		     {"len > 0 and return ≤ len", true},
		     {"p.readable(return)", true},
		     {"fd < 0 or return ≥ 0", true},
		     {"value ≥ 0", false},
		     {"return means success", false}};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		OWNED_ARENA struct arena a = ARENA_INIT(ARENA_BYTES);
		struct constraint c;
		assert_ok(constraint_parse(str_of(cases[i].text), &a, &c));
		assert_int_equal(constraint_is_post(&c), cases[i].post);
	}
}

/* ---- properties ---- */

static uint64_t next_random(uint64_t *state)
{
	*state ^= *state << 13; /* xorshift64 */
	*state ^= *state >> 7;
	*state ^= *state << 17;
	return *state;
}

static struct constraint_atom make_atom(uint64_t *r)
{
	static const char *const names[] = {"a",	"len",	   "_x9",  "sizeof",
					    "non_null", "android", "order"};
	struct constraint_atom atom = {.kind = (enum constraint_atom_kind)(next_random(r) % 5),
				       .negative = next_random(r) % 2};
	struct str name = str_of(names[next_random(r) % ARRAY_SIZE(names)]);
	if (atom.kind == CONSTRAINT_INTEGER) {
		atom.integer = (int64_t)(next_random(r) >> (1 + next_random(r) % 63));
		if (atom.negative && next_random(r) % 8 == 0)
			atom.integer = INT64_MIN;
	}
	if (atom.kind == CONSTRAINT_NAME || atom.kind == CONSTRAINT_SIZEOF)
		atom.name = name;
	return atom;
}

static struct constraint_sum make_sum(uint64_t *r)
{
	struct constraint_sum sum = {.count = 1 + next_random(r) % CONSTRAINT_MAX_ATOMS};
	for (size_t i = 0; i < sum.count; i++)
		sum.atoms[i] = make_atom(r);
	return sum;
}

static struct constraint_term make_term(uint64_t *r)
{
	struct constraint_term term = {.relation = (enum constraint_relation)(next_random(r) % 10)};
	term.left = make_sum(r);
	if (term.relation >= CONSTRAINT_NON_NULL) {
		term.left = (struct constraint_sum){.count = 1};
		do
			term.left.atoms[0] = make_atom(r);
		while (term.left.atoms[0].negative ||
		       term.left.atoms[0].kind == CONSTRAINT_INTEGER ||
		       term.left.atoms[0].kind == CONSTRAINT_SIZEOF);
	}
	if (term.relation <= CONSTRAINT_GE || term.relation >= CONSTRAINT_READABLE)
		term.right = make_sum(r);
	return term;
}

static bool same_sum(const struct constraint_sum *a, const struct constraint_sum *b)
{
	if (a->count != b->count)
		return false;
	for (size_t i = 0; i < a->count; i++) {
		const struct constraint_atom *x = &a->atoms[i], *y = &b->atoms[i];
		if (x->kind != y->kind || x->negative != y->negative || x->integer != y->integer ||
		    !str_equal(x->name, y->name))
			return false;
	}
	return true;
}

static void parses_what_it_prints_to_the_same(void **state UNUSED)
{
	uint64_t r = 0x9e3779b97f4a7c15;
	for (unsigned round = 0; round < 20000; round++) {
		OWNED_ARENA struct arena a = ARENA_INIT(ARENA_BYTES);
		OWNED_BUF struct buf text = BUF_INIT(65536), again = BUF_INIT(65536);
		struct constraint_term terms[CONSTRAINT_MAX_TERMS];
		struct constraint c = {.terms = terms, .count = 1 + next_random(&r) % 4}, back;
		for (size_t i = 0; i < c.count; i++)
			terms[i] = make_term(&r);
		for (size_t i = 1; i < c.count; i++)
			terms[i].is_or = next_random(&r) % 2;
		constraint_print(&c, &text);
		assert_ok(constraint_parse(buf_str(&text), &a, &back));
		if (back.is_prose || back.count != c.count)
			fail_msg("not read back: %s", buf_text(&text));
		for (size_t i = 0; i < c.count; i++)
			if (back.terms[i].relation != terms[i].relation ||
			    back.terms[i].is_or != terms[i].is_or ||
			    !same_sum(&back.terms[i].left, &terms[i].left) ||
			    !same_sum(&back.terms[i].right, &terms[i].right))
				fail_msg("read back differently: %s", buf_text(&text));
		constraint_print(&back, &again);
		assert_string_equal(buf_text(&again), buf_text(&text));
	}
}

static void never_half_reads_mutilated_text(void **state UNUSED)
{
	static const char bytes[] = "a1 .,()<>=!+-&|\xe2\x89\xa5\x00zandor";
	uint64_t r = 42;
	for (unsigned round = 0; round < 20000; round++) {
		OWNED_ARENA struct arena a = ARENA_INIT(ARENA_BYTES);
		OWNED_BUF struct buf once = BUF_INIT(4096), twice = BUF_INIT(4096);
		char text[24];
		size_t size = next_random(&r) % sizeof(text);
		struct constraint c, back;
		for (size_t i = 0; i < size; i++)
			text[i] = bytes[next_random(&r) % (sizeof(bytes) - 1)];
		assert_ok(constraint_parse((struct str){text, size}, &a, &c));
		constraint_print(&c, &once);
		assert_ok(constraint_parse(buf_str(&once), &a, &back));
		assert_int_equal(back.is_prose, c.is_prose);
		constraint_print(&back, &twice);
		assert_true(str_equal(buf_str(&once), buf_str(&twice)));
	}
}

struct point {
	int64_t x, y, result;
	bool x_known;
};

static bool value_of(void *context, const struct constraint_atom *atom, int64_t *out)
{
	const struct point *p = context;
	if (atom->kind == CONSTRAINT_RETURN)
		*out = p->result;
	else if (atom->kind == CONSTRAINT_SIZEOF)
		*out = 4;
	else
		*out = str_is(atom->name, "x") ? p->x : p->y;
	return !str_is(atom->name, "x") || atom->kind == CONSTRAINT_SIZEOF || p->x_known;
}

static bool x_below_y(const struct point *p)
{
	return p->x < p->y;
}

static bool sum_reaches(const struct point *p)
{
	return p->x + p->y - 1 >= p->result && p->x != p->y;
}

static bool within_size(const struct point *p)
{
	return -p->x <= 4 && p->y == p->result;
}

static bool non_null_and_more(const struct point *p)
{
	return p->x != 0 && p->y > p->x - p->result + 2;
}

static bool either(const struct point *p)
{
	return (p->x < 0 && p->y < 0) || p->result > 2 || (p->x == p->y && p->result != 0);
}

static bool failed_or_known(const struct point *p)
{
	return p->result < 0 || p->x != 0;
}

static void agrees_with_brute_force(void **state UNUSED)
{
	static const struct {
		const char *text;
		bool (*holds)(const struct point *p);
	} cases[] = {
		{"x < y", x_below_y},
		{"x + y - 1 ≥ return and x ≠ y", sum_reaches},
		{"-x ≤ sizeof(x), y = return", within_size},
		{"x.non_null && y > x - return + 2", non_null_and_more},
		{"x < 0 and y < 0 or return > 2 or x = y, return ≠ 0", either},
		{"return < 0 || x.non_null", failed_or_known},
	};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		OWNED_ARENA struct arena a = ARENA_INIT(ARENA_BYTES);
		struct constraint c;
		assert_ok(constraint_parse(str_of(cases[i].text), &a, &c));
		for (int64_t n = 0; n < 13 * 13 * 13; n++) {
			struct point p = {n % 13 - 6, n / 13 % 13 - 6, n / 169 - 6, true};
			assert_int_equal(constraint_eval(&c, value_of, &p), cases[i].holds(&p));
		}
	}
}

static int eval(const char *text, struct point p)
{
	OWNED_ARENA struct arena a = ARENA_INIT(ARENA_BYTES);
	struct constraint c;
	assert_ok(constraint_parse(str_of(text), &a, &c));
	return constraint_eval(&c, value_of, &p);
}

static void says_unknown_only_where_it_is(void **state UNUSED)
{
	const struct point p = {.y = 1};
	assert_int_equal(eval("x > 0", p), -1);
	assert_int_equal(eval("y > 0 and x > 0", p), -1);
	assert_int_equal(eval("x > 0 and y > 0", p), -1);
	assert_int_equal(eval("x > 0 and y > 1", p), 0); /* false whatever x is */
	assert_int_equal(eval("y > 1 and x > 0", p), 0);
	assert_int_equal(eval("y.null_terminated", p), -1);
	assert_int_equal(eval("y.readable(1)", p), -1);
	assert_int_equal(eval("x.non_null", p), -1);
	assert_int_equal(eval("y.non_null", p), 1);
	assert_int_equal(eval("some prose", p), -1);
	assert_int_equal(eval("x > 0 or y > 0", p), 1); /* true whatever x is */
	assert_int_equal(eval("y > 0 or x > 0", p), 1);
	assert_int_equal(eval("x > 0 or y > 1", p), -1);
	assert_int_equal(eval("y > 1 or x > 0", p), -1);
	assert_int_equal(eval("y > 1 and x > 0 or y > 2", p), 0);
}

static void wraps_like_int64(void **state UNUSED)
{
	const struct point p = {.x = INT64_MAX, .y = INT64_MIN, .x_known = true};
	assert_int_equal(eval("x + 1 = y", p), 1);
	assert_int_equal(eval("-y = y", p), 1);
	assert_int_equal(eval("y = -9223372036854775808", p), 1);
}

static void survives_every_failed_allocation(void **state UNUSED)
{
	bool failed = true;
	for (uint64_t n = 1; failed; n++) {
		OWNED_ARENA struct arena a = ARENA_INIT(ARENA_BYTES);
		struct constraint c, copy;
		mem_fail_at(n);
		struct err *e = constraint_parse(STR("a > 0 and b.readable(len)"), &a, &c);
		if (!e)
			e = constraint_copy(&c, &a, &copy);
		failed = mem_failed();
		mem_fail_at(0);
		assert_true(!e == !failed);
		if (e)
			assert_int_equal(err_code(e), ERR_NO_MEMORY);
		err_destroy(e);
		assert_true(n < 100);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_both_spellings_of_relations),
		cmocka_unit_test(reads_sums_and_sizes),
		cmocka_unit_test(reads_predicates),
		cmocka_unit_test(reads_conjunctions),
		cmocka_unit_test(reads_alternatives_of_conjunctions),
		cmocka_unit_test(tells_alternatives_apart),
		cmocka_unit_test(takes_everything_else_for_prose),
		cmocka_unit_test(refuses_constraints_past_the_limits),
		cmocka_unit_test(tells_before_from_after),
		cmocka_unit_test(parses_what_it_prints_to_the_same),
		cmocka_unit_test(never_half_reads_mutilated_text),
		cmocka_unit_test(agrees_with_brute_force),
		cmocka_unit_test(says_unknown_only_where_it_is),
		cmocka_unit_test(wraps_like_int64),
		cmocka_unit_test(survives_every_failed_allocation),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
