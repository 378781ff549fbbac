/*
 * Sums with a symbol in them.
 *
 * [I1] A limit holds in mathematics. Whatever may wrap drops it.
 * [I2] A limit that one number got by being compared with another depends on that one: check_depend().
 * [I3] What a number says of a size stays known after the number is gone, so the number is precise then.
 */
#include "shared/verifier/limit.h"

typedef __int128 wide;

#define LEFT_MAX (1 << 30)

struct bounds {
	wide low, high;
};

/* What the register may be, read in `form`. */
static struct bounds reading(const struct range *r, enum limit_form form)
{
	switch (form) {
	case LIMIT_U64:
		return (struct bounds){r->full.umin, r->full.umax};
	case LIMIT_S64:
		return (struct bounds){r->full.smin, r->full.smax};
	case LIMIT_U32:
		return (struct bounds){r->low.umin, r->low.umax};
	case LIMIT_S32:
		return (struct bounds){r->low.smin, r->low.smax};
	case LIMIT_HIGH_U32:
		return (struct bounds){0, UINT32_MAX};
	case LIMIT_HIGH_S32:
		return (struct bounds){INT32_MIN, INT32_MAX};
	}
	return (struct bounds){INT64_MIN, UINT64_MAX};
}

/* Whether reading the register as `to` never gives more than reading it as `from`. */
static bool is_at_most(const struct range *r, enum limit_form from, enum limit_form to)
{
	bool is_positive = r->full.smin >= 0;
	if (from == to)
		return true;
	if (to == LIMIT_HIGH_U32 || to == LIMIT_HIGH_S32)
		return false;
	switch (from) {
	case LIMIT_U64: /* a part is at most the whole, a signed reading at most the unsigned one */
		return true;
	case LIMIT_S64:
		return is_positive ||
		       (to == LIMIT_S32 && r->full.smin >= INT32_MIN && r->full.smax <= INT32_MAX);
	case LIMIT_U32:
		return to == LIMIT_S32 || r->full.umax <= UINT32_MAX;
	case LIMIT_S32:
		if (to == LIMIT_U32)
			return r->low.smin >= 0;
		if (to == LIMIT_S64)
			return r->full.smin >= INT32_MIN && r->full.smax <= INT32_MAX;
		return r->full.umax <= INT32_MAX;
	case LIMIT_HIGH_U32:
	case LIMIT_HIGH_S32:
		return false;
	}
	return false;
}

bool limit_find(const struct state_reg *r, uint8_t of, enum limit_form form, int64_t *left)
{
	bool is_found = false;
	for (unsigned i = 0; of && i < STATE_LIMITS; i++) {
		const struct state_limit *l = &r->limits[i];
		if (l->of != of || !is_at_most(&r->range, l->form, form))
			continue;
		*left = is_found ? MAX(*left, (int64_t)l->left) : l->left;
		is_found = true;
	}
	return is_found;
}

static bool put(struct state_reg *r, uint8_t of, enum limit_form form, wide left)
{
	struct state_limit *room = NULL;
	if (left < -LEFT_MAX || left > LEFT_MAX)
		return false;
	for (unsigned i = 0; i < STATE_LIMITS; i++) {
		struct state_limit *l = &r->limits[i];
		if (l->of == of && is_at_most(&r->range, l->form, form) && l->left >= left)
			return false;
		if (l->of == of && is_at_most(&r->range, form, l->form) && l->left <= left)
			room = l;
		else if (l->of == 0 && !room)
			room = l;
	}
	if (!room)
		return false;
	*room = (struct state_limit){of, (uint8_t)form, (int32_t)left};
	return true;
}

bool limit_add(struct state_reg *r, uint8_t of, enum limit_form form, int64_t left)
{
	return put(r, of, form, left);
}

static void drop(struct state_reg *r)
{
	memset(r->limits, 0, sizeof r->limits);
}

/* ---- what is known of the sizes ---- */

void limit_raise(struct check *c, const struct state_reg *r)
{
	for (unsigned i = 0; i < STATE_LIMITS; i++) {
		const struct state_limit *l = &r->limits[i];
		if (l->of == 0)
			continue;
		wide least = MIN(reading(&r->range, l->form).low + l->left, (wide)LIMIT_MAX);
		if (least <= c->state->least[l->of - 1])
			continue;
		c->state->least[l->of - 1] = (int64_t)least;
		check_precise(c, r); /* [I3] */
	}
}

void limit_learn(struct check *c, struct state_reg *low, const struct state_reg *high,
		 enum limit_form form, int strict)
{
	bool is_new = false;
	if (range_is_const(&low->range))
		return; /* what it says of the size is known by limit_raise() */
	for (unsigned i = 0; i < STATE_LIMITS; i++) {
		const struct state_limit *l = &high->limits[i];
		if (l->of && is_at_most(&high->range, l->form, form))
			is_new |= put(low, l->of, form, (wide)l->left + strict);
	}
	if (is_new)
		check_depend(c, low, high); /* [I2] */
}

/* ---- arithmetic ---- */

/* a + [low, high], where no wrap can happen: each reading grows by at most `high`. [I1] */
static void shift(const struct state_reg *a, bool is64, struct bounds by64, struct bounds by32,
		  struct state_reg *out)
{
	static const struct bounds all[] = {
		[LIMIT_U64] = {0, UINT64_MAX},
		[LIMIT_S64] = {INT64_MIN, INT64_MAX},
		[LIMIT_U32] = {0, UINT32_MAX},
		[LIMIT_S32] = {INT32_MIN, INT32_MAX},
	};
	for (unsigned i = 0; i < STATE_LIMITS; i++) {
		enum limit_form form = a->limits[i].form;
		if (a->limits[i].of == 0)
			continue;
		if (!is64 && (form == LIMIT_U64 || form == LIMIT_S64)) {
			form = form == LIMIT_U64 ? LIMIT_U32 : LIMIT_S32;
			if (!is_at_most(&a->range, a->limits[i].form, form))
				continue;
		}
		if (form > LIMIT_S32)
			continue;
		struct bounds v = reading(&a->range, form);
		struct bounds by = form <= LIMIT_S64 ? by64 : by32;
		if (v.low + by.low >= all[form].low && v.high + by.high <= all[form].high)
			put(out, a->limits[i].of, form, a->limits[i].left - by.high);
	}
}

static struct bounds negated(struct bounds b)
{
	return (struct bounds){-b.high, -b.low};
}

static void add(bool is64, const struct state_reg *a, const struct state_reg *b,
		struct state_reg *out)
{
	shift(a, is64, reading(&b->range, LIMIT_S64), reading(&b->range, LIMIT_S32), out);
	shift(b, is64, reading(&a->range, LIMIT_S64), reading(&a->range, LIMIT_S32), out);
}

static void subtract(bool is64, const struct state_reg *a, const struct state_reg *b,
		     struct state_reg *out)
{
	shift(a, is64, negated(reading(&b->range, LIMIT_S64)),
	      negated(reading(&b->range, LIMIT_S32)), out);
}

/* The result is at most `a`, `more` less, both read without sign. */
static void below(bool is64, const struct state_reg *a, int more, struct state_reg *out)
{
	enum limit_form form = is64 ? LIMIT_U64 : LIMIT_U32;
	for (unsigned i = 0; i < STATE_LIMITS; i++)
		if (a->limits[i].of && is_at_most(&a->range, a->limits[i].form, form))
			put(out, a->limits[i].of, form, (wide)a->limits[i].left + more);
}

/* The result is at most the low half of `a`. */
static void low_half(const struct state_reg *a, struct state_reg *out)
{
	for (unsigned i = 0; i < STATE_LIMITS; i++)
		if (a->limits[i].of && is_at_most(&a->range, a->limits[i].form, LIMIT_U32))
			put(out, a->limits[i].of, LIMIT_U64, a->limits[i].left);
}

/* `<<= 32`, then `>>= 32` or `s>>= 32`: how the low half is extended before version 4 of the instruction set. */
static void halves(unsigned op, const struct state_reg *a, struct state_reg *out)
{
	for (unsigned i = 0; i < STATE_LIMITS; i++) {
		const struct state_limit *l = &a->limits[i];
		if (l->of == 0)
			continue;
		if (op == BPF_LSH) {
			if (is_at_most(&a->range, l->form, LIMIT_U32))
				put(out, l->of, LIMIT_HIGH_U32, l->left);
			else if (is_at_most(&a->range, l->form, LIMIT_S32))
				put(out, l->of, LIMIT_HIGH_S32, l->left);
		} else if (l->form == LIMIT_HIGH_U32) {
			put(out, l->of, op == BPF_RSH ? LIMIT_U64 : LIMIT_U32, l->left);
		} else if (l->form == LIMIT_HIGH_S32) {
			put(out, l->of, op == BPF_ARSH ? LIMIT_S64 : LIMIT_S32, l->left);
		}
	}
}

static bool has_limit(const struct state_reg *r)
{
	return r->limits[0].of || r->limits[1].of;
}

void limit_alu(unsigned op, bool is64, bool is_signed, const struct state_reg *a,
	       const struct state_reg *b, struct state_reg *out)
{
	struct state_reg x = *a, y = *b;
	drop(out);
	if (!has_limit(&x) && !has_limit(&y))
		return;
	if (op == BPF_ADD)
		add(is64, &x, &y, out);
	else if (op == BPF_SUB)
		subtract(is64, &x, &y, out);
	else if ((op == BPF_LSH || op == BPF_RSH || op == BPF_ARSH) && is64 &&
		 range_is(&y.range, 32))
		halves(op, &x, out);
	if (op == BPF_AND || op == BPF_RSH || (op == BPF_DIV && !is_signed))
		below(is64, &x, 0, out);
	else if (op == BPF_MOD && !is_signed &&
		 reading(&y.range, is64 ? LIMIT_U64 : LIMIT_U32).low > 0)
		below(is64, &y, 1, out);
	if (op == BPF_AND)
		below(is64, &y, 0, out);
	if (op == BPF_AND && is64 && y.range.full.umax <= UINT32_MAX)
		low_half(&x, out);
}

void limit_cut(const struct state_reg *from, unsigned bytes, bool is_signed, struct state_reg *out)
{
	struct state_reg old = *from;
	struct range cut = is_signed ? range_sign_extend(&old.range, bytes)
				     : range_zero_extend(&old.range, bytes);
	if (bytes == 8 || range_equal(&cut, &old.range)) {
		memcpy(out->limits, old.limits, sizeof out->limits);
		return;
	}
	drop(out);
	if (!is_signed)
		below(bytes == 8, &old, 0, out);
	for (unsigned i = 0; bytes == 4 && i < STATE_LIMITS; i++)
		if (old.limits[i].of && is_at_most(&old.range, old.limits[i].form, LIMIT_S32))
			put(out, old.limits[i].of, LIMIT_S32, old.limits[i].left);
}

/* ---- pointers ---- */

void limit_move(const struct state_reg *pointer, const struct state_reg *number, bool is_sum,
		struct state_reg *out)
{
	struct state_reg p = *pointer, n = *number;
	struct bounds by = reading(&n.range, LIMIT_S64), at = reading(&p.range, LIMIT_S64);
	by = is_sum ? by : negated(by);
	drop(out);
	for (unsigned i = 0; i < STATE_LIMITS; i++)
		if (p.limits[i].of)
			put(out, p.limits[i].of, LIMIT_S64, p.limits[i].left - by.high);
	for (unsigned i = 0; is_sum && i < STATE_LIMITS; i++)
		if (n.limits[i].of && is_at_most(&n.range, n.limits[i].form, LIMIT_S64))
			put(out, n.limits[i].of, LIMIT_S64, n.limits[i].left - at.high);
}

void limit_distance(const struct state_reg *a, const struct state_reg *b, struct state_reg *out)
{
	struct state_reg from = *a;
	wide low = reading(&b->range, LIMIT_S64).low;
	drop(out);
	for (unsigned i = 0; i < STATE_LIMITS; i++)
		if (from.limits[i].of)
			put(out, from.limits[i].of, LIMIT_S64, from.limits[i].left + low);
}

/* ---- families ---- */

#define PLUS_MAX (1 << 29)

static bool is_memory(const struct state_reg *r)
{
	return state_kinds[r->kind].not_null == STATE_HOST_MEM;
}

void limit_link(struct check *c, struct state_reg *r)
{
	if (is_memory(r) && r->link == 0 && !range_is_const(&r->range)) {
		r->link = check_new_id(c);
		r->plus = 0;
	}
}

bool limit_family(const struct state_reg *r, uint32_t *name, int32_t *plus)
{
	*name = r->link ? r->link : r->kind == STATE_SCALAR ? r->id : 0;
	*plus = r->link ? r->plus : 0;
	return *name != 0;
}

/* Numbers of a family are not negative and below LIMIT_MAX, so that every reading of 64 bits is the number. */
static bool is_plain(const struct range *r, bool is64)
{
	return r->full.umax <= (is64 ? (uint64_t)LIMIT_MAX : INT32_MAX);
}

void limit_add_constant(const struct state_reg *a, int64_t by, bool is64, struct state_reg *out)
{
	uint32_t name;
	int32_t plus;
	struct bounds v = reading(&a->range, LIMIT_S64);
	bool is_kept = limit_family(a, &name, &plus) && by >= -PLUS_MAX && by <= PLUS_MAX;
	if (is_kept && !is_memory(a)) /* [I1] */
		is_kept = is_plain(&a->range, is64) && v.low + by >= 0 &&
			  v.high + by <= (is64 ? LIMIT_MAX : INT32_MAX);
	is_kept = is_kept && plus + by >= -PLUS_MAX && plus + by <= PLUS_MAX;
	out->link = is_kept ? name : 0;
	out->plus = is_kept ? (int32_t)(plus + by) : 0;
}

struct sharing {
	struct check *c;
	struct state_reg from;
	uint32_t name;
	int32_t plus;
};

static void share_one(void *context, struct state_reg *r)
{
	const struct sharing *s = context;
	uint32_t name;
	int32_t plus;
	bool is_new = false;
	if (!limit_family(r, &name, &plus) || name != s->name ||
	    is_memory(r) != is_memory(&s->from))
		return;
	for (unsigned i = 0; i < STATE_LIMITS; i++) {
		int64_t left;
		uint8_t of = s->from.limits[i].of;
		if (of && limit_find(&s->from, of, LIMIT_S64, &left))
			is_new |= put(r, of, LIMIT_S64, (wide)left + s->plus - plus);
	}
	if (is_new)
		check_depend(s->c, r, &s->from); /* [I2] */
}

void limit_share(struct check *c, const struct state_reg *r)
{
	struct sharing s = {.c = c, .from = *r};
	bool is_usable = is_memory(r) || is_plain(&r->range, true);
	if (is_usable && limit_family(r, &s.name, &s.plus))
		state_each(c->state, share_one, &s);
}

/* ---- comparing states ---- */

/* How much remains above `r` below size `of`, which is at least `least`: by a limit, or by its range. */
static bool left_above(const struct state_reg *r, uint8_t of, enum limit_form form,
		       const int64_t *least, wide *left)
{
	int64_t said;
	bool is_said = limit_find(r, of, form, &said), is_known = least[of - 1] > 0;
	wide known = (wide)least[of - 1] - reading(&r->range, form).high;
	if (!is_said && !is_known)
		return false;
	*left = !is_said ? known : !is_known ? said : MAX(known, (wide)said);
	return true;
}

bool limit_covers(const struct state_reg *old, const struct state_reg *now, const int64_t *least)
{
	for (unsigned i = 0; i < STATE_LIMITS; i++) {
		const struct state_limit *l = &old->limits[i];
		wide left;
		if (l->of &&
		    (!left_above(now, l->of, l->form, least, &left) || left < (wide)l->left))
			return false;
	}
	return true;
}

void limit_widen(const struct state_reg *old, const int64_t *old_least, const struct state_reg *was,
		 const int64_t *was_least, struct state_reg *now)
{
	struct state_reg from = *old, to = *was;
	wide left;
	drop(now);
	for (unsigned i = 0; i < STATE_LIMITS; i++) {
		const struct state_limit *l = &from.limits[i];
		if (l->of && left_above(&to, l->of, l->form, was_least, &left) &&
		    left >= (wide)l->left)
			put(now, l->of, l->form, l->left);
	}
	if (!range_is_const(&from.range) || range_is_const(&now->range))
		return;
	for (unsigned i = 0; i < STATE_SIZES; i++) {
		wide most = (wide)old_least[i] - reading(&from.range, LIMIT_S64).high;
		if (old_least[i] > 0 && most >= 0 &&
		    left_above(&to, (uint8_t)(i + 1), LIMIT_S64, was_least, &left) && left >= 0)
			put(now, (uint8_t)(i + 1), LIMIT_S64, MIN(left, most));
	}
}

bool limit_equal(const struct state_reg *a, const struct state_reg *b)
{
	return memcmp(a->limits, b->limits, sizeof a->limits) == 0;
}
