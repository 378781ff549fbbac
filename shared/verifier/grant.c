/*
 * Rights. Whether the role grants a helper is asked before whether the runtime has it: the first is
 * what the author of the program can learn from.
 */
#include "shared/verifier/grant.h"

static bool is_first_of_capability(const struct role *r, size_t index)
{
	for (size_t i = 0; i < index; i++)
		if (str_equal(r->functions[i].capability, r->functions[index].capability))
			return false;
	return true;
}

static void put_capabilities(const struct role *r, struct buf *out)
{
	size_t count = 0;
	for (size_t i = 0; i < r->functions_count; i++)
		if (is_first_of_capability(r, i))
			buf_printf(out, "%s%.*s", count++ ? ", " : "",
				   STR_FMT(r->functions[i].capability));
	if (count == 0)
		buf_puts(out, "none");
}

static void put_granted(const struct role *r, enum role_function_kind kind, struct buf *out)
{
	size_t count = 0;
	for (size_t i = 0; i < r->functions_count; i++)
		if (r->functions[i].kind == kind)
			buf_printf(out, "%s%.*s", count++ ? ", " : "",
				   STR_FMT(r->functions[i].name));
	if (count == 0)
		buf_puts(out, kind == ROLE_FUNCTION_HOST      ? "no function of the host"
			      : kind == ROLE_FUNCTION_RUNTIME ? "no function of the runtime by name"
							      : "no helper at all");
}

static void put_nearest(const struct role *r, enum role_function_kind kind, struct str name,
			struct buf *out)
{
	struct near near = near_start(name);
	for (size_t i = 0; i < r->functions_count; i++)
		if (r->functions[i].kind == kind)
			near_offer(&near, r->functions[i].name);
	struct str found = near_found(&near);
	if (found.size > 0)
		buf_printf(out, "; the nearest name is %.*s", STR_FMT(found));
}

static void put_other(const struct role *r, struct str name, struct buf *out)
{
	const struct role_other *other = role_find_other(r, name);
	if (other)
		buf_printf(out, "; role %.*s has it, by capability %.*s", STR_FMT(other->role),
			   STR_FMT(other->capability));
}

/* Of several roles, one may grant what another does not. */
static void put_omission(const struct role *r, struct str name, struct buf *out)
{
	for (size_t i = 0; i < r->omissions_count; i++) {
		struct str what = r->omissions[i].what;
		if (str_starts(what, "function ") &&
		    str_equal(str_from(what, strlen("function ")), name))
			buf_printf(out, "; of the roles together, %.*s",
				   STR_FMT(r->omissions[i].why));
	}
}

static void put_absence(const struct role *r, enum role_function_kind kind, struct str name,
			struct buf *out)
{
	if (kind == ROLE_FUNCTION_HOST && r->host && !btf_find(r->host, BTF_FUNC, name))
		buf_printf(out, "; the host has no function %.*s", STR_FMT(name));
}

static struct err *reject_grant(struct check *c, enum role_function_kind kind, struct str name)
{
	OWNED_BUF struct buf has = BUF_INIT(1 << 14), hint = BUF_INIT(1 << 14);
	put_capabilities(c->role, &has);
	buf_printf(&hint, "the role may call: ");
	put_granted(c->role, kind, &hint);
	put_nearest(c->role, kind, name, &hint);
	put_other(c->role, name, &hint);
	put_omission(c->role, name, &hint);
	put_absence(c->role, kind, name, &hint);
	buf_printf(&hint, "; or grant the role a capability that includes %.*s", STR_FMT(name));
	c->is_short |= has.failed || hint.failed;
	return check_reject(
		c, VERIFIER_CALL_NOT_GRANTED, buf_text(&hint),
		"role %.*s may not call %.*s: none of its capabilities (%s) includes it",
		STR_FMT(c->role->name), STR_FMT(name), buf_text(&has));
}

static struct err *reject_missing(struct check *c, const char *name)
{
	OWNED_BUF struct buf hint = BUF_INIT(1 << 14);
	buf_puts(&hint, "the role may call: ");
	put_granted(c->role, ROLE_FUNCTION_HELPER, &hint);
	c->is_short |= hint.failed;
	return check_reject(c, VERIFIER_UNKNOWN_HELPER, buf_text(&hint),
			    "the role grants %s, but the runtime has no such helper", name);
}

static struct err *check_attributes(struct check *c, const struct helper *h,
				    const struct role_function *f)
{
	const struct role_attributes *a = &c->role->attributes;
	if (f->lacks.size)
		return check_reject(c, VERIFIER_ATTRIBUTE,
				    "give the role the attribute, or call something else",
				    "%.*s requires %.*s, which role %.*s does not hold",
				    STR_FMT(f->name), STR_FMT(f->lacks), STR_FMT(c->role->name));
	if (h && (h->flags & HELPER_WRITES_HOST) && !a->allow_memory_write)
		return check_reject(c, VERIFIER_ATTRIBUTE,
				    "a role with allow_memory_write: true may call it",
				    "%s writes memory of the host, which role %.*s forbids "
				    "(allow_memory_write: false)",
				    h->name, STR_FMT(c->role->name));
	if (f->side_effect && !a->may_have_side_effect)
		return check_reject(c, VERIFIER_ATTRIBUTE,
				    "a role with may_have_side_effect: true may call it",
				    "%.*s has a side effect, which role %.*s forbids "
				    "(may_have_side_effect: false)",
				    STR_FMT(f->name), STR_FMT(c->role->name));
	return NULL;
}

struct err *grant_helper(struct check *c, uint32_t id, const struct helper **helper,
			 const struct role_function **granted)
{
	const struct helper *h = helper_find(id);
	const char *name = h ? h->name : helper_known_name(id);
	if (!name)
		return check_reject(c, VERIFIER_UNKNOWN_HELPER,
				    "eim_bpf.h declares the helpers that there are",
				    "there is no helper %u", id);
	const struct role_function *f =
		h ? role_find_helper(c->role, h) : role_find_function(c->role, str_of(name));
	if (!f)
		return reject_grant(c, ROLE_FUNCTION_HELPER, str_of(name));
	if (!h)
		return reject_missing(c, name);
	TRY(check_attributes(c, h, f));
	*helper = h;
	*granted = f;
	return NULL;
}

/* ---- the host ---- */

static struct err *reject_kind(struct check *c, const struct role_function *f)
{
	if (f->kind == ROLE_FUNCTION_HELPER)
		return check_reject(c, VERIFIER_UNSUPPORTED, "call it as eim_bpf.h declares it",
				    "%.*s is a helper of the runtime, not a function of the host",
				    STR_FMT(f->name));
	return check_reject(c, VERIFIER_UNKNOWN_HELPER,
			    "verify against the binary that the program is for: its types say what "
			    "it has (eimctl verify --host-binary FILE)",
			    "the role grants %.*s, but the types of the host do not have it",
			    STR_FMT(f->name));
}

/* Host functions use what a stopped thread may be in the middle of using: vector registers, locks. Where the
 * host calls a function of its own, nothing of that is in use. */
static struct err *check_entry(struct check *c, const struct role_function *f)
{
	const struct object_function *entry = &c->functions[c->entry];
	if (entry->kind && entry->kind->kind == SECTION_EXTENSION)
		return NULL;
	return check_reject(
		c, VERIFIER_UNSUPPORTED,
		"put the program in SEC(\"eim/NAME\"), in the place of an entry that the "
		"host offers",
		"%.*s is a function of the host: extension entries call it, a %.*s may "
		"stop the host anywhere",
		STR_FMT(f->name), STR_FMT(entry->section));
}

static struct err *grant_host(struct check *c, const struct role_function *f)
{
	if (f->kind != ROLE_FUNCTION_HOST)
		return reject_kind(c, f);
	TRY(check_attributes(c, NULL, f));
	if (f->refusal.size)
		return check_reject(c, VERIFIER_CONSTRAINT, NULL, "%.*s cannot be called: %.*s",
				    STR_FMT(f->name), STR_FMT(f->refusal));
	return check_entry(c, f);
}

struct err *grant_extern(struct check *c, struct str name, const struct role_function **granted,
			 const struct kfunc **runtime)
{
	const struct role_function *f = role_find_function(c->role, name);
	const struct kfunc *k = kfunc_find(name);
	if (!f)
		return reject_grant(c, k ? ROLE_FUNCTION_RUNTIME : ROLE_FUNCTION_HOST, name);
	if (f->kind == ROLE_FUNCTION_RUNTIME && k) {
		TRY(check_attributes(c, NULL, f));
		*runtime = k;
	} else {
		TRY(grant_host(c, f));
		*runtime = NULL;
	}
	*granted = f;
	return NULL;
}
