/*
 * Limits against numbers: values are drawn together with what is known of them, and every operation has to keep
 * what it promises about the size.
 */
#include "tests/unit/test.h"

#include "shared/verifier/host.h"
#include "shared/verifier/limit.h"
#include "shared/verifier/refine.h"

#include <stdlib.h>

#define ROUNDS 400000

typedef __int128 wide;

static uint64_t seed = 88172645463325252u;

static uint64_t draw(void)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return seed;
}

/* Numbers near the places where readings differ. */
static uint64_t draw_number(void)
{
	static const uint64_t places[] = {0,
					  0,
					  8,
					  INT32_MAX,
					  UINT32_MAX,
					  INT64_MAX,
					  UINT64_MAX,
					  UINT64_C(1) << 40,
					  UINT64_C(0xffffffff00000000)};
	uint64_t place = places[draw() % ARRAY_SIZE(places)];
	return draw() % 4 == 0 ? draw() : place + draw() % 17 - 8;
}

static struct range draw_range(uint64_t value)
{
	uint64_t low = value - MIN(value, draw() % 20), high = value + MIN(~value, draw() % 20);
	switch (draw() % 4) {
	case 0:
		return range_const(value);
	case 1:
		return range_unsigned(low, high);
	case 2:
		return range_unsigned(0, MAX(value, draw_number()));
	default:
		return range_unknown();
	}
}

static wide reading(uint64_t v, enum limit_form form)
{
	switch (form) {
	case LIMIT_U64:
		return v;
	case LIMIT_S64:
		return (int64_t)v;
	case LIMIT_U32:
		return (uint32_t)v;
	case LIMIT_S32:
		return (int32_t)v;
	case LIMIT_HIGH_U32:
		return v >> 32;
	case LIMIT_HIGH_S32:
		return (int64_t)v >> 32;
	}
	return 0;
}

/* A register that holds `value`, with limits of a size of `size` that are true. */
static struct state_reg draw_reg(uint64_t value, wide size)
{
	struct state_reg r = state_scalar(draw_range(value));
	for (unsigned i = draw() % 3; i-- > 0;) {
		enum limit_form form = draw() % 6;
		wide left = size - reading(value, form) - (wide)(draw() % 3);
		if (left > -1000000 && left < 1000000)
			(void)limit_add(&r, 1, form, (int64_t)left);
	}
	return r;
}

static void check_limits(const struct state_reg *r, uint64_t value, wide size, const char *what)
{
	assert_true(range_contains(&r->range, value));
	for (unsigned i = 0; i < STATE_LIMITS; i++)
		if (r->limits[i].of && reading(value, r->limits[i].form) + r->limits[i].left > size)
			fail_msg("%s: %llx as %d, + %d, is above %lld", what,
				 (unsigned long long)value, r->limits[i].form, r->limits[i].left,
				 (long long)size);
	for (int form = LIMIT_U64; form <= LIMIT_S32; form++) {
		int64_t left;
		if (limit_find(r, 1, form, &left) && reading(value, form) + left > size)
			fail_msg("%s: %llx found as %d, + %lld, is above %lld", what,
				 (unsigned long long)value, form, (long long)left, (long long)size);
	}
}

static wide draw_size(uint64_t near)
{
	wide size = reading(near, draw() % 4) + (wide)(draw() % 5);
	return MIN(size, (wide)LIMIT_MAX);
}

static void arithmetic_keeps_limits(void **state UNUSED)
{
	static const uint8_t ops[] = {BPF_ADD, BPF_SUB, BPF_AND, BPF_RSH,  BPF_LSH,
				      BPF_DIV, BPF_MOD, BPF_OR,	 BPF_ARSH, BPF_MUL};
	unsigned kept = 0;
	for (int round = 0; round < ROUNDS; round++) {
		uint64_t x = draw_number(), y = draw() % 3 ? draw() % 40 : draw_number();
		unsigned op = ops[draw() % ARRAY_SIZE(ops)];
		if ((op == BPF_LSH || op == BPF_RSH || op == BPF_ARSH) && draw() % 2)
			y = 32;
		bool is64 = draw() % 2, is_signed = draw() % 4 == 0;
		wide size = draw_size(draw() % 2 ? x : y);
		struct state_reg a = draw_reg(x, size), b = draw_reg(y, size), out = a;
		uint64_t z = range_eval(op, is64, is_signed, x, y);
		out.range = range_alu(op, is64, is_signed, &a.range, &b.range);
		limit_alu(op, is64, is_signed, &a, &b, &out);
		check_limits(&out, z, size, "arithmetic");
		kept += out.limits[0].of != 0;
	}
	assert_true(kept > ROUNDS / 20);
}

static void shifts_by_halves_keep_limits(void **state UNUSED)
{
	unsigned kept = 0;
	for (int round = 0; round < ROUNDS; round++) {
		uint64_t x = draw_number();
		bool is_signed = draw() % 2;
		unsigned back = is_signed ? BPF_ARSH : BPF_RSH;
		wide size = draw_size(x);
		struct state_reg a = draw_reg(x, size), by = state_scalar(range_const(32));
		struct state_reg up = a, down = a;
		up.range = range_alu(BPF_LSH, true, false, &a.range, &by.range);
		limit_alu(BPF_LSH, true, false, &a, &by, &up);
		check_limits(&up, x << 32, size, "up");
		down.range = range_alu(back, true, false, &up.range, &by.range);
		limit_alu(back, true, false, &up, &by, &down);
		check_limits(&down, range_eval(back, true, false, x << 32, 32), size, "down");
		kept += down.limits[0].of != 0;
	}
	assert_true(kept > ROUNDS / 20);
}

static void cuts_keep_limits(void **state UNUSED)
{
	for (int round = 0; round < ROUNDS; round++) {
		static const unsigned sizes[] = {1, 2, 4, 8};
		unsigned bytes = sizes[draw() % 4], bits = 64 - 8 * bytes;
		bool is_signed = draw() % 2 && bytes < 8;
		uint64_t x = draw_number(), z = is_signed ? (uint64_t)((int64_t)(x << bits) >> bits)
							  : x << bits >> bits;
		wide size = draw_size(x);
		struct state_reg a = draw_reg(x, size), out = a;
		out.range = is_signed ? range_sign_extend(&a.range, bytes)
				      : range_zero_extend(&a.range, bytes);
		limit_cut(&a, bytes, is_signed, &out);
		check_limits(&out, z, size, "cut");
	}
}

struct lesson {
	struct check c;
	struct state state;
};

static void comparisons_teach_what_is_true(void **state UNUSED)
{
	struct lesson *l = test_calloc(1, sizeof *l);
	unsigned learnt = 0;
	l->c.state = &l->state;
	for (int round = 0; round < ROUNDS; round++) {
		enum limit_form form = draw() % 4;
		uint64_t x = draw_number(), y = draw() % 2 ? x + draw() % 9 : draw_number();
		wide size = draw_size(draw() % 2 ? x : y);
		struct state_reg low = draw_reg(x, size), high = draw_reg(y, size);
		int strict = reading(x, form) < reading(y, form);
		if (reading(x, form) > reading(y, form))
			continue;
		struct state_reg before = low;
		limit_learn(&l->c, &low, &high, form, strict);
		check_limits(&low, x, size, "lesson");
		learnt += !limit_equal(&before, &low);
		memset(l->state.least, 0, sizeof l->state.least);
		limit_raise(&l->c, &low);
		limit_raise(&l->c, &high);
		assert_true(l->state.least[0] == 0 || l->state.least[0] <= size);
	}
	assert_true(learnt > ROUNDS / 100);
	test_free(l);
}

/* A pointer `at` bytes into memory of `size` bytes. */
static struct state_reg draw_pointer(int64_t at, wide size)
{
	struct state_reg p = {.kind = STATE_HOST_MEM, .range = range_const((uint64_t)at)};
	wide left = size - at - (wide)(draw() % 3);
	if (draw() % 2 && left > -1000000 && left < 1000000)
		(void)limit_add(&p, 1, LIMIT_S64, (int64_t)left);
	return p;
}

static void pointers_keep_limits(void **state UNUSED)
{
	for (int round = 0; round < ROUNDS; round++) {
		int64_t at = (int64_t)(draw() % 40) - 8;
		uint64_t x = draw() % 60;
		bool is_sum = draw() % 2;
		wide size = (wide)(draw() % 64);
		struct state_reg n = draw_reg(x, size), p = draw_pointer(at, size), out = p;
		if (n.range.full.smin < 0 || n.range.full.smax > HOST_MAX_OFFSET)
			continue;
		int64_t to = is_sum ? at + (int64_t)x : at - (int64_t)x;
		out.range = range_alu(is_sum ? BPF_ADD : BPF_SUB, true, false, &p.range, &n.range);
		limit_move(&p, &n, is_sum, &out);
		check_limits(&out, (uint64_t)to, size, "moved pointer");
		struct state_reg distance =
			state_scalar(range_alu(BPF_SUB, true, false, &out.range, &p.range));
		limit_distance(&out, &p, &distance);
		check_limits(&distance, (uint64_t)(to - at), size, "distance");
	}
}

static void families_share_limits(void **state UNUSED)
{
	struct lesson *l = test_calloc(1, sizeof *l);
	unsigned shared = 0;
	l->c.state = &l->state;
	l->state.frames_count = 1;
	for (int round = 0; round < ROUNDS; round++) {
		struct state_reg *a = &l->state.frames[0].regs[1], *b = a + 1;
		uint64_t x = draw_number(), by = draw() % 17 - 8;
		bool is64 = draw() % 2;
		uint64_t y = is64 ? x + by : (uint32_t)(x + by);
		struct range number = range_const(by);
		wide size = draw_size(x);
		*a = state_scalar(draw_range(x));
		a->id = 7;
		*b = *a;
		b->range = range_alu(BPF_ADD, is64, false, &a->range, &number);
		b->id = 0;
		limit_add_constant(a, (int64_t)by, is64, b);
		bool is_second = draw() % 2;
		struct state_reg *from = is_second ? b : a, *to = is_second ? a : b;
		wide left = size - reading(is_second ? y : x, LIMIT_U64);
		if (left > -1000000 && left < 1000000)
			(void)limit_add(from, 1, LIMIT_U64, (int64_t)left);
		limit_share(&l->c, from);
		check_limits(to, is_second ? x : y, size, "family");
		shared += to->limits[0].of != 0;
	}
	assert_true(shared > ROUNDS / 100);
	test_free(l);
}

/* Two rounds of a loop: what is left afterwards is true of the number of either, beside its own size. */
static void widened_limits_hold_in_both_rounds(void **state)
{
	unsigned kept = 0;
	(void)state;
	for (unsigned i = 0; i < ROUNDS; i++) {
		uint64_t a = draw_number(), b = a + draw() % 3;
		wide sizes[] = {draw_size(a), draw_size(b)};
		struct state_reg old = draw_reg(a, sizes[0]), was = draw_reg(b, sizes[1]);
		int64_t least[2][STATE_SIZES] = {{0}};
		for (unsigned n = 0; n < 2; n++)
			least[n][0] = (int64_t)MAX(sizes[n] - (wide)(draw() % 3), (wide)0);
		struct state_reg now = was;
		now.range = range_join(&old.range, &was.range);
		limit_widen(&old, least[0], &was, least[1], &now);
		check_limits(&now, a, sizes[0], "the earlier round");
		check_limits(&now, b, sizes[1], "the later round");
		assert_true(limit_covers(&now, &was, least[1]));
		kept += now.limits[0].of != 0;
	}
	assert_true(kept > ROUNDS / 100);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(widened_limits_hold_in_both_rounds),
		cmocka_unit_test(arithmetic_keeps_limits),
		cmocka_unit_test(shifts_by_halves_keep_limits),
		cmocka_unit_test(cuts_keep_limits),
		cmocka_unit_test(comparisons_teach_what_is_true),
		cmocka_unit_test(pointers_keep_limits),
		cmocka_unit_test(families_share_limits),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
