/*
 * Extension entries: which one, and what its arguments are when it begins.
 *
 * [I1] What the host vouches for is believed of the argument as its C type reads it: above a type's width a
 *      register may hold anything.
 * [I2] An argument of less than 4 bytes may be extended or not: nothing is believed of it.
 */
#include "shared/verifier/host.h"

#include "shared/base/near.h"
#include "shared/verifier/limit.h"
#include "shared/verifier/refine.h"

_Static_assert(STATE_SIZES == ROLE_MAX_ARGUMENTS, "one size for each argument");

/* ---- which ---- */

static struct err *reject_unknown(struct check *c, struct str name)
{
	OWNED_BUF struct buf hint = BUF_INIT(1 << 16);
	struct near near = near_start(name);
	for (size_t i = 0; i < c->role->entries_count; i++) {
		struct str each = c->role->entries[i].name;
		near_offer(&near, each);
		buf_printf(&hint, "%s%.*s", i ? ", " : "its entries are ", STR_FMT(each));
	}
	struct str found = near_found(&near);
	if (found.size)
		buf_printf(&hint, "; did you mean SEC(\"eim/%.*s\")?", STR_FMT(found));
	if (c->role->entries_count == 0)
		buf_puts(&hint, "list it under extension_exports, for this role");
	c->is_short |= hint.failed;
	return check_reject(c, VERIFIER_ENTRY_NOT_GRANTED, buf_text(&hint),
			    "role %.*s has no extension entry \"%.*s\"", STR_FMT(c->role->name),
			    STR_FMT(name));
}

static struct err *check_shape(struct check *c, const struct role_entry *e)
{
	if (e->refusal)
		return check_reject(c, VERIFIER_ENTRY_NOT_GRANTED,
				    "watch that function with SEC(\"uprobe/…\")",
				    "no program can take the place of %.*s: %s", STR_FMT(e->name),
				    e->refusal);
	if (e->btf_id == 0 && e->params_count == 0 && e->return_type.size == 0)
		return check_reject(c, VERIFIER_ENTRY_NOT_GRANTED,
				    "declare its signature, or name a host that has types",
				    "nothing says what the arguments of entry %.*s are",
				    STR_FMT(e->name));
	return NULL;
}

static const char *check_argument_read(uint32_t offset, unsigned size)
{
	(void)size; /* less than 8 bytes: the low ones */
	return offset % 8 ? "an argument begins at a multiple of 8 bytes" : NULL;
}

/* ---- what the host vouches for ---- */

/* Relations of an argument that has the type with a number, and with their sides swapped. */
static const struct {
	uint8_t with_sign, without;
	uint8_t swapped; /* enum constraint_relation */
} relations[] = {
	[CONSTRAINT_EQ] = {BPF_JEQ, BPF_JEQ, CONSTRAINT_EQ},
	[CONSTRAINT_NE] = {BPF_JNE, BPF_JNE, CONSTRAINT_NE},
	[CONSTRAINT_LT] = {BPF_JSLT, BPF_JLT, CONSTRAINT_GT},
	[CONSTRAINT_LE] = {BPF_JSLE, BPF_JLE, CONSTRAINT_GE},
	[CONSTRAINT_GT] = {BPF_JSGT, BPF_JGT, CONSTRAINT_LT},
	[CONSTRAINT_GE] = {BPF_JSGE, BPF_JGE, CONSTRAINT_LE},
};

/* The argument that is the whole sum, and a number as its type reads it; -1 where there is none. */
static int sole_argument(const struct role_entry *e, const struct constraint_sum *sum)
{
	if (sum->count != 1 || sum->atoms[0].kind != CONSTRAINT_NAME || sum->atoms[0].negative)
		return -1;
	for (size_t i = 0; i < e->params_count; i++) {
		const struct role_argument *a = &e->args[i];
		if (str_equal(e->params[i].name, sum->atoms[0].name))
			return a->kind == ROLE_ARGUMENT_NUMBER && a->size_bytes >= 4 ? (int)i : -1;
	}
	return -1;
}

static bool is_constant(const struct constraint_sum *sum, int64_t *out)
{
	__int128 all = 0;
	for (size_t i = 0; i < sum->count; i++) {
		if (sum->atoms[i].kind != CONSTRAINT_INTEGER)
			return false;
		__int128 each = (uint64_t)sum->atoms[i].integer;
		all += sum->atoms[i].negative ? -each : each;
	}
	*out = (int64_t)all;
	return all >= INT64_MIN && all <= INT64_MAX;
}

static bool fits_type(const struct role_argument *a, int64_t n)
{
	if (!a->is_signed)
		return n >= 0 && (a->size_bytes == 8 || n <= UINT32_MAX);
	return a->size_bytes == 8 || (n >= INT32_MIN && n <= INT32_MAX);
}

static enum limit_form form_of(const struct role_argument *a)
{
	if (a->size_bytes == 8)
		return a->is_signed ? LIMIT_S64 : LIMIT_U64;
	return a->is_signed ? LIMIT_S32 : LIMIT_U32;
}

/* [I1] A host that does not keep to its word has no number at all there: then nothing is learnt. */
static void narrow(struct check *c, size_t i, enum constraint_relation relation, int64_t n)
{
	const struct role_argument *a = &c->host->args[i];
	struct range r = c->host_args[i].range, number = range_const((uint64_t)n);
	unsigned op = a->is_signed ? relations[relation].with_sign : relations[relation].without;
	if (fits_type(a, n) && refine_jump(op, a->size_bytes == 8, true, &r, &number))
		c->host_args[i].range = r;
}

static void relate(struct check *c, size_t low, size_t high, int strict)
{
	const struct role_argument *a = &c->host->args[low];
	if (c->host->args[high].is_size)
		(void)limit_add(&c->host_args[low], (uint8_t)(high + 1), form_of(a), strict);
}

static void believe(struct check *c, const struct constraint_term *t)
{
	int64_t n;
	if (t->relation >= CONSTRAINT_NON_NULL)
		return; /* in the arguments already */
	int left = sole_argument(c->host, &t->left), right = sole_argument(c->host, &t->right);
	if (left >= 0 && is_constant(&t->right, &n))
		narrow(c, (size_t)left, t->relation, n);
	else if (right >= 0 && is_constant(&t->left, &n))
		narrow(c, (size_t)right, relations[t->relation].swapped, n);
	if (left < 0 || right < 0)
		return;
	if (t->relation == CONSTRAINT_LT || t->relation == CONSTRAINT_LE ||
	    t->relation == CONSTRAINT_EQ)
		relate(c, (size_t)left, (size_t)right, t->relation == CONSTRAINT_LT);
	if (t->relation == CONSTRAINT_GT || t->relation == CONSTRAINT_GE ||
	    t->relation == CONSTRAINT_EQ)
		relate(c, (size_t)right, (size_t)left, t->relation == CONSTRAINT_GT);
}

/* ---- arguments ---- */

static struct state_reg start_number(const struct role_argument *a, size_t i)
{
	struct state_reg r = state_scalar(range_unknown());
	if (a->is_size)
		(void)limit_add(&r, (uint8_t)(i + 1), form_of(a), 0);
	return r;
}

static struct state_reg start_argument(struct check *c, size_t i)
{
	const struct role_argument *a = &c->host->args[i];
	struct state_reg r = {.map = (uint32_t)i, .range = range_const(0)};
	if (a->kind == ROLE_ARGUMENT_NUMBER)
		return start_number(a, i);
	r.id = check_new_id(c);
	if (a->kind == ROLE_ARGUMENT_MEMORY) {
		r.kind = a->non_null ? STATE_HOST_MEM : STATE_HOST_MEM_OR_NULL;
		return r;
	}
	r.kind = a->non_null ? STATE_HOST_STRUCT : STATE_HOST_STRUCT_OR_NULL;
	r.map = a->place;
	r.size = (uint32_t)btf_size(c->role->host, c->role->places[a->place].type);
	return r;
}

static void start_arguments(struct check *c)
{
	const struct role_entry *e = c->host;
	for (size_t i = 0; i < e->params_count; i++)
		c->host_args[i] = start_argument(c, i);
	for (size_t i = 0; i < e->pre_count; i++)
		for (size_t n = 0; !constraint_has_choice(&e->pre[i]) && n < e->pre[i].count; n++)
			believe(c, &e->pre[i].terms[n]);
	for (size_t i = 0; i < e->params_count; i++) {
		const struct role_argument *a = &e->args[i];
		if (a->kind == ROLE_ARGUMENT_NUMBER && a->non_null)
			narrow(c, i, CONSTRAINT_NE, 0);
		if (a->is_size && a->size_bytes == 8)
			narrow(c, i, CONSTRAINT_LE, LIMIT_MAX);
	}
}

struct err *host_entry(struct check *c, const struct object_function *f)
{
	struct str section = f->section, kind, name;
	str_split(section, '/', &kind, &name);
	const struct role_entry *e = role_find_entry(c->role, name);
	if (!e)
		return reject_unknown(c, name);
	TRY(check_shape(c, e));
	c->host = e;
	c->host_ctx = (struct ctx_layout){
		.section = SECTION_EXTENSION,
		.name = check_text(c, "the arguments of %.*s", STR_FMT(e->name)),
		.size_bytes = 8 * (uint32_t)e->params_count,
		.check_read = check_argument_read,
	};
	c->ctx = &c->host_ctx;
	start_arguments(c);
	return NULL;
}

void host_begin(struct check *c)
{
	for (size_t i = 0; c->host && i < c->host->params_count; i++)
		limit_raise(c, &c->host_args[i]);
}

struct state_reg host_argument(struct check *c, uint32_t offset, unsigned size)
{
	const struct state_reg *whole = &c->host_args[offset / 8];
	if (size == 8)
		return *whole;
	if (state_is_pointer(whole))
		return state_scalar(range_bytes(size));
	struct state_reg part = state_scalar(range_zero_extend(&whole->range, size));
	limit_cut(whole, size, false, &part);
	return part;
}
