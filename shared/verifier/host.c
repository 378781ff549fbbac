/*
 * Accesses to the host's memory.
 *
 * [I1] Nothing is read or written but what the role names: bytes of one field, bytes within a size that the
 *      entry vouches for, a variable.
 * [I2] Only pointers that a path of the role goes on behind are followed, and no program ever changes a pointer
 *      of the host's: else it could choose what is followed.
 * [I3] A write needs the field, memory or variable to be listed for writing, allow_memory_write: true, and, where
 *      the pointer comes from the entry's arguments, always_const: false. What BTF calls const stays so.
 */
#include "shared/verifier/host.h"

#include "shared/verifier/host_field.h"
#include "shared/verifier/limit.h"
#include "shared/verifier/words.h"

/* ---- may it be written? [I3] ---- */

static struct err *reject_attribute(struct check *c, const char *subject, const char *attribute,
				    const char *value, const char *wanted)
{
	return check_reject(c, VERIFIER_ATTRIBUTE,
			    check_text(c, "a role with %s: %s may write there", attribute, wanted),
			    "%s: writing memory of the host is forbidden by role %.*s (%s: %s)",
			    subject, STR_FMT(c->role->name), attribute, value);
}

static struct err *check_attributes(struct check *c, const struct memory_access *a)
{
	const struct role_attributes *at = &c->role->attributes;
	if (!at->allow_memory_write)
		return reject_attribute(c, a->subject, "allow_memory_write", "false", "true");
	if (at->always_const && a->pointer.kind != STATE_HOST_VAR)
		return reject_attribute(c, a->subject, "always_const", "true", "false");
	return NULL;
}

static struct err *reject_const(struct check *c, const struct memory_access *a, const char *hint)
{
	return check_reject(c, VERIFIER_READ_ONLY, hint, "%s is %s, which is read-only", a->subject,
			    words_of(c, &a->pointer));
}

/* ---- structs and variables ---- */

static uint32_t type_of(const struct check *c, const struct state_reg *r)
{
	return r->kind == STATE_HOST_VAR ? c->role->variables[r->map].type_id
					 : c->role->places[r->map].type;
}

static struct err *reject_outside(struct check *c, const struct memory_access *a,
				  struct memory_span s)
{
	const char *hint = "check the index before it is used: if (i >= MAX) return 0;";
	if (range_is_const(&a->pointer.range))
		hint = check_text(c, "only the bytes at offsets 0 to %lld belong to it",
				  (long long)a->pointer.size - 1);
	return check_reject(c, VERIFIER_OUT_OF_BOUNDS, hint,
			    "%s: bytes %lld to %lld are accessed of the %u bytes there (it is %s)",
			    a->subject, (long long)s.from, (long long)s.to - 1, a->pointer.size,
			    words_of(c, &a->pointer));
}

/* [I2] */
static struct err *check_no_pointer(struct check *c, const struct memory_access *a,
				    struct memory_span s)
{
	if (!host_field_has_pointer(c, type_of(c, &a->pointer), s))
		return NULL;
	OWNED_BUF struct buf name = BUF_INIT(1 << 14);
	host_field_name(c, type_of(c, &a->pointer), s, &name);
	c->is_short |= name.failed;
	return check_reject(c, VERIFIER_FIELD_NOT_GRANTED,
			    "write numbers only; a pointer is changed by a function of the host",
			    "%s: %s is a pointer of the host's, which no program may change",
			    a->subject, name.size ? buf_text(&name) : "what lies there");
}

static struct err *check_struct(struct check *c, const struct memory_access *a,
				struct memory_span s)
{
	bool is_write = a->use != MEMORY_READ;
	if (!is_write && a->size_bytes == 8 && host_field_child(c, &a->pointer, s) != UINT32_MAX)
		return NULL;
	if (!host_field_find(c, &a->pointer, s, is_write))
		return host_field_reject(c, a, s, is_write);
	if (!is_write)
		return NULL;
	TRY(check_attributes(c, a));
	return check_no_pointer(c, a, s);
}

static struct err *check_variable(struct check *c, const struct memory_access *a,
				  struct memory_span s)
{
	const struct role_variable *v = &c->role->variables[a->pointer.map];
	if (a->use == MEMORY_READ)
		return NULL;
	if (!v->is_write)
		return reject_const(c, a, "list the variable with access: write");
	if (v->is_const)
		return reject_const(c, a, "the host declares it const: it cannot be written");
	TRY(check_attributes(c, a));
	return check_no_pointer(c, a, s);
}

/* ---- memory of a size ---- */

static const struct role_argument *argument_of(const struct check *c, const struct state_reg *r)
{
	return &c->host->args[r->map];
}

/* Whether `bytes` bytes at `offset` from the pointer lie inside, wherever it points; `size` may hold how many
 * there are of them: its limits may say better where the access ends. */
static bool is_inside(const struct check *c, const struct state_reg *r, int64_t offset,
		      int64_t bytes, const struct state_reg *size)
{
	const struct role_argument *a = argument_of(c, r);
	int64_t base = a->size_base, end = r->range.full.smax + offset, left;
	if (r->range.full.smin + offset < 0)
		return false;
	if (a->size_of == 0)
		return end + bytes <= base;
	int64_t least = c->state->least[a->size_of - 1];
	if (least > 0 && end + bytes <= base + least)
		return true;
	if (limit_find(r, a->size_of, LIMIT_S64, &left) && offset + bytes <= base + left)
		return true;
	return size && limit_find(size, a->size_of, LIMIT_U64, &left) && end <= base + left;
}

static struct err *reject_memory(struct check *c, const struct memory_access *a,
				 struct memory_span s)
{
	const struct role_argument *g = argument_of(c, &a->pointer);
	struct str of = g->size_of ? c->host->params[g->size_of - 1].name : STR("");
	const char *hint = check_text(c, "only the first %u bytes are vouched for", g->size_base);
	if (g->size_of && s.from < 0)
		hint = "check that the index is not negative";
	else if (g->size_of)
		hint = check_text(c, "compare the place with the size first: if (i < %.*s) …",
				  STR_FMT(of));
	else if (g->size_base == 0)
		hint = "copy it: bpf_probe_read_user_str(local, sizeof(local), text)";
	return check_reject(c, VERIFIER_OUT_OF_BOUNDS, hint,
			    "%s: bytes %lld to %lld are accessed, which are not proved to lie "
			    "inside (it is %s)",
			    a->subject, (long long)s.from, (long long)s.to - 1,
			    words_of(c, &a->pointer));
}

static struct err *check_memory(struct check *c, const struct memory_access *a,
				struct memory_span s)
{
	if (!is_inside(c, &a->pointer, a->offset, (int64_t)a->size_bytes, a->size))
		return reject_memory(c, a, s);
	if (a->use == MEMORY_READ)
		return NULL;
	if (!argument_of(c, &a->pointer)->is_writable)
		return reject_const(c, a, "an entry that vouches for writable() memory has some");
	return check_attributes(c, a);
}

/* ---- all of them ---- */

static struct err *check_kind(struct check *c, const struct memory_access *a, struct memory_span s)
{
	bool is_memory = state_kinds[a->pointer.kind].not_null == STATE_HOST_MEM;
	if (is_memory)
		return check_memory(c, a, s);
	if (s.from < 0 || s.to > a->pointer.size)
		return reject_outside(c, a, s);
	if (a->pointer.kind == STATE_HOST_VAR)
		return check_variable(c, a, s);
	return check_struct(c, a, s);
}

struct err *host_check(struct check *c, const struct memory_access *a, struct memory_span *out)
{
	if (!(state_flags(&a->pointer) & STATE_IS_MEMORY))
		return check_reject(c, VERIFIER_NULL_POINTER,
				    "compare it with 0 first: if (!p) return 0;",
				    "%s may be null here: it is %s", a->subject,
				    words_of(c, &a->pointer));
	if (a->size_bytes > INT32_MAX)
		return check_reject(c, VERIFIER_OUT_OF_BOUNDS, "access less at a time",
				    "%s: %llu bytes are accessed at once", a->subject,
				    (unsigned long long)a->size_bytes);
	struct memory_span s = {a->pointer.range.full.smin + a->offset,
				a->pointer.range.full.smax + a->offset + (int64_t)a->size_bytes};
	TRY(check_kind(c, a, s));
	*out = s;
	return NULL;
}

struct state_reg host_load(struct check *c, const struct memory_access *a,
			   const struct memory_span *span, bool is_extended)
{
	uint32_t child = UINT32_MAX;
	if (a->pointer.kind == STATE_HOST_STRUCT && a->size_bytes == 8 && !is_extended)
		child = host_field_child(c, &a->pointer, *span);
	if (child == UINT32_MAX)
		return state_scalar(range_bytes((unsigned)a->size_bytes));
	return (struct state_reg){.kind = STATE_HOST_STRUCT_OR_NULL,
				  .map = child,
				  .id = check_new_id(c),
				  .size = (uint32_t)btf_size(c->role->host,
							     c->role->places[child].type),
				  .range = range_const(0)};
}

/* ---- for calls ---- */

static uint64_t left_in_memory(const struct check *c, const struct state_reg *r)
{
	const struct role_argument *a = argument_of(c, r);
	int64_t left = -1, limit, least;
	if (a->size_of == 0)
		left = (int64_t)a->size_base - r->range.full.smax;
	else if ((least = c->state->least[a->size_of - 1]) > 0)
		left = (int64_t)a->size_base + least - r->range.full.smax;
	if (a->size_of && limit_find(r, a->size_of, LIMIT_S64, &limit))
		left = MAX(left, (int64_t)a->size_base + limit);
	return left > 0 ? (uint64_t)left : 0;
}

uint64_t host_left(const struct check *c, const struct state_reg *r)
{
	if (!(state_flags(r) & STATE_IS_MEMORY) || r->range.full.smin < 0)
		return 0;
	if (state_kinds[r->kind].not_null == STATE_HOST_MEM)
		return left_in_memory(c, r);
	if (r->range.full.smax >= r->size)
		return 0;
	if (r->kind == STATE_HOST_VAR)
		return r->size - (uint64_t)r->range.full.smax;
	return host_field_left(c, r);
}

static bool may_write(const struct check *c, const struct state_reg *r, struct memory_span s)
{
	const struct role_attributes *at = &c->role->attributes;
	if (!at->allow_memory_write)
		return false;
	if (r->kind == STATE_HOST_VAR)
		return c->role->variables[r->map].is_write &&
		       !c->role->variables[r->map].is_const &&
		       !host_field_has_pointer(c, type_of(c, r), s);
	if (at->always_const)
		return false;
	if (state_kinds[r->kind].not_null == STATE_HOST_MEM)
		return argument_of(c, r)->is_writable;
	return host_field_find(c, r, s, true) && !host_field_has_pointer(c, type_of(c, r), s);
}

bool host_allows(struct check *c, const struct state_reg *r, uint64_t max,
		 const struct state_reg *size, enum memory_use use)
{
	if (!(state_flags(r) & STATE_IS_MEMORY) || r->range.full.smin < 0 || max > INT64_MAX / 4)
		return false;
	struct memory_span s = {r->range.full.smin, r->range.full.smax + (int64_t)max};
	bool is_memory = state_kinds[r->kind].not_null == STATE_HOST_MEM;
	bool is_there = is_memory ? is_inside(c, r, 0, (int64_t)max, size) : max <= host_left(c, r);
	return is_there && (use == MEMORY_READ || may_write(c, r, s));
}

bool host_is_writable(const struct check *c, const struct state_reg *r)
{
	int64_t from = r->range.full.smin, left = (int64_t)host_left(c, r);
	return left > 0 && may_write(c, r, (struct memory_span){from, r->range.full.smax + left});
}

bool host_is_terminated(const struct check *c, const struct state_reg *r)
{
	return r->kind == STATE_HOST_MEM && range_is(&r->range, 0) &&
	       argument_of(c, r)->null_terminated && !argument_of(c, r)->is_writable;
}

uint32_t host_pointer_type(const struct check *c, const struct state_reg *r)
{
	if ((r->kind != STATE_HOST_STRUCT && r->kind != STATE_HOST_VAR) || !range_is(&r->range, 0))
		return 0;
	uint32_t id = btf_skip(c->role->host, type_of(c, r));
	const struct btf_type *t = btf_type(c->role->host, id);
	return t->kind == BTF_STRUCT || t->kind == BTF_UNION ? id : 0;
}
