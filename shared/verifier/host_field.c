/*
 * Fields, by the role's places and the host's BTF.
 *
 * [I1] What types can make a look cost is bounded: DEPTH_MAX levels. Deeper, everything may be a pointer.
 */
#include "shared/verifier/host_field.h"

#include "shared/verifier/words.h"

#define DEPTH_MAX 16
#define SHOWN_MAX 16 /* fields that a message lists */

/* ---- what the role grants ---- */

bool host_field_find(const struct check *c, const struct state_reg *r, struct memory_span s,
		     bool is_write)
{
	uint64_t from = 8 * (uint64_t)s.from, to = 8 * (uint64_t)s.to;
	for (size_t i = 0; i < c->role->fields_count; i++) {
		const struct role_field *f = &c->role->fields[i];
		if (f->place == r->map && f->from <= from && to <= f->to &&
		    (f->is_write || !is_write))
			return true;
	}
	return false;
}

/* Two paths may take the same bytes of a union for pointers to different structs: then it is neither. */
uint32_t host_field_child(const struct check *c, const struct state_reg *r, struct memory_span s)
{
	uint32_t found = UINT32_MAX;
	if (s.to - s.from != 8 || r->kind != STATE_HOST_STRUCT)
		return UINT32_MAX;
	for (uint32_t i = 0; i < c->role->places_count; i++) {
		const struct role_place *p = &c->role->places[i];
		if (p->parent != r->map || p->offset != s.from)
			continue;
		if (found != UINT32_MAX && c->role->places[found].type != p->type)
			return UINT32_MAX;
		if (found == UINT32_MAX)
			found = i;
	}
	return found;
}

uint64_t host_field_left(const struct check *c, const struct state_reg *r)
{
	uint64_t from = 8 * (uint64_t)r->range.full.smin, last = 8 * (uint64_t)r->range.full.smax;
	uint64_t left = 0;
	for (size_t i = 0; i < c->role->fields_count; i++) {
		const struct role_field *f = &c->role->fields[i];
		if (f->place == r->map && f->from <= from && last < f->to)
			left = MAX(left, (f->to - last) / 8);
	}
	return left;
}

/* ---- what lies there ---- */

static bool overlaps(const struct btf_member *m, uint64_t size, struct memory_span s)
{
	int64_t from = m->offset_bits / 8;
	int64_t to = m->size_bits ? (m->offset_bits + m->size_bits + 7) / 8
				  : from + (int64_t)MIN(size, (uint64_t)INT32_MAX);
	return from < s.to && s.from < to;
}

static struct memory_span below(struct memory_span s, int64_t by)
{
	return (struct memory_span){s.from - by, s.to - by};
}

/* At most DEPTH_MAX deep. [I1] */
static bool has_pointer(const struct btf *btf, uint32_t id, struct memory_span s, unsigned depth)
{
	const struct btf_type *t = btf_type(btf, btf_skip(btf, id));
	if (depth == DEPTH_MAX || t->kind == BTF_PTR)
		return true;
	if (t->kind == BTF_ARRAY) {
		int64_t each = (int64_t)btf_size(btf, t->type);
		if (each == 0)
			return true;
		bool is_one = s.from >= 0 && s.from / each == (s.to - 1) / each;
		struct memory_span in = {0, each};
		return has_pointer(btf, t->type, is_one ? below(s, s.from / each * each) : in,
				   depth + 1);
	}
	if (t->kind != BTF_STRUCT && t->kind != BTF_UNION)
		return false;
	for (uint32_t i = 0; i < t->count; i++) {
		struct btf_member m = btf_member(btf, t, i);
		if (overlaps(&m, btf_size(btf, m.type), s) &&
		    has_pointer(btf, m.type, below(s, m.offset_bits / 8), depth + 1))
			return true;
	}
	return false;
}

bool host_field_has_pointer(const struct check *c, uint32_t type, struct memory_span s)
{
	return has_pointer(c->role->host, type, s, 0);
}

/* ---- names ---- */

/* The member that the span begins in, a named one before a nameless one. */
static bool find_member(const struct btf *btf, const struct btf_type *t, struct memory_span s,
			struct btf_member *out)
{
	bool is_found = false;
	struct memory_span first = {s.from, s.from + 1};
	for (uint32_t i = 0; i < t->count; i++) {
		struct btf_member m = btf_member(btf, t, i);
		if (!overlaps(&m, btf_size(btf, m.type), first) || (is_found && !m.name.size))
			continue;
		*out = m;
		is_found = true;
		if (m.name.size)
			break;
	}
	return is_found;
}

void host_field_name(const struct check *c, uint32_t type, struct memory_span s, struct buf *out)
{
	const struct btf *btf = c->role->host;
	size_t start = out->size;
	for (unsigned depth = 0; depth < DEPTH_MAX; depth++) {
		struct btf_member m = {0};
		const struct btf_type *t = btf_type(btf, btf_skip(btf, type));
		if (t->kind == BTF_ARRAY && btf_size(btf, t->type) > 0) {
			int64_t each = (int64_t)btf_size(btf, t->type);
			buf_printf(out, "[%lld]", (long long)(s.from / each));
			s = below(s, s.from / each * each);
			type = t->type;
			continue;
		}
		if ((t->kind != BTF_STRUCT && t->kind != BTF_UNION) || !find_member(btf, t, s, &m))
			return;
		if (m.name.size)
			buf_printf(out, "%s%.*s", out->size > start ? "." : "", STR_FMT(m.name));
		s = below(s, m.offset_bits / 8);
		type = m.type;
	}
}

/* ---- saying no ---- */

static bool is_of_this_entry(const struct check *c, uint32_t place)
{
	while (c->role->places[place].parent != UINT32_MAX)
		place = c->role->places[place].parent;
	for (size_t i = 0; i < c->host->params_count; i++)
		if (c->host->args[i].kind == ROLE_ARGUMENT_STRUCT &&
		    c->host->args[i].place == place)
			return true;
	return false;
}

static const char *list_fields(struct check *c, bool is_write)
{
	OWNED_BUF struct buf text = BUF_INIT(1 << 16);
	unsigned shown = 0;
	for (size_t i = 0; i < c->role->fields_count; i++) {
		const struct role_field *f = &c->role->fields[i];
		if ((is_write && !f->is_write) || !is_of_this_entry(c, f->place))
			continue;
		if (shown++ < SHOWN_MAX)
			buf_printf(&text, "%s%.*s", shown > 1 ? ", " : "", STR_FMT(f->path));
	}
	if (shown > SHOWN_MAX)
		buf_printf(&text, " and %u more", shown - SHOWN_MAX);
	c->is_short |= text.failed;
	const char *verb = is_write ? "write" : "read";
	return shown ? check_text(c, "the role may %s %s", verb, buf_text(&text))
		     : check_text(c, "the role may %s no field; list some under access: {%s: […]}",
				  verb, verb);
}

struct err *host_field_reject(struct check *c, const struct memory_access *a, struct memory_span s,
			      bool is_write)
{
	const struct role_place *p = &c->role->places[a->pointer.map];
	OWNED_BUF struct buf name = BUF_INIT(1 << 14);
	const char *hint = list_fields(c, is_write);
	if (is_write && p->is_const)
		return check_reject(c, VERIFIER_READ_ONLY, hint,
				    "%s: the host's type says that what %.*s points to is const",
				    a->subject, STR_FMT(p->path));
	if (range_is_const(&a->pointer.range))
		host_field_name(c, p->type, s, &name);
	c->is_short |= name.failed;
	const char *what = name.size
				   ? check_text(c, "%.*s.%s", STR_FMT(p->path), buf_text(&name))
				   : check_text(c, "bytes %lld to %lld of *%.*s", (long long)s.from,
						(long long)s.to - 1, STR_FMT(p->path));
	return check_reject(c, VERIFIER_FIELD_NOT_GRANTED, hint,
			    "%s: this %s %s, which is not in the access list of role %.*s%s",
			    a->subject, is_write ? "writes" : "reads", what, STR_FMT(c->role->name),
			    is_write ? " for writing" : "");
}
