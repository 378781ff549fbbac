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

static void put_granted(const struct role *r, struct buf *out)
{
	size_t count = 0;
	for (size_t i = 0; i < r->functions_count; i++)
		if (r->functions[i].kind == ROLE_FUNCTION_HELPER)
			buf_printf(out, "%s%.*s", count++ ? ", " : "",
				   STR_FMT(r->functions[i].name));
	if (count == 0)
		buf_puts(out, "no helper at all");
}

static void put_nearest(const struct role *r, struct str name, struct buf *out)
{
	struct near near = near_start(name);
	for (size_t i = 0; i < r->functions_count; i++)
		if (r->functions[i].kind == ROLE_FUNCTION_HELPER)
			near_offer(&near, r->functions[i].name);
	struct str found = near_found(&near);
	if (found.size > 0)
		buf_printf(out, "; the nearest name is %.*s", STR_FMT(found));
}

static struct err *reject_grant(struct check *c, const char *name)
{
	OWNED_BUF struct buf has = BUF_INIT(1 << 14), hint = BUF_INIT(1 << 14);
	put_capabilities(c->role, &has);
	buf_printf(&hint, "the role may call: ");
	put_granted(c->role, &hint);
	put_nearest(c->role, str_of(name), &hint);
	buf_printf(&hint, "; or grant the role a capability that includes %s", name);
	c->is_short |= has.failed || hint.failed;
	return check_reject(c, VERIFIER_CALL_NOT_GRANTED, buf_text(&hint),
			    "role %.*s may not call %s: none of its capabilities (%s) includes it",
			    STR_FMT(c->role->name), name, buf_text(&has));
}

static struct err *reject_missing(struct check *c, const char *name)
{
	OWNED_BUF struct buf hint = BUF_INIT(1 << 14);
	buf_puts(&hint, "the role may call: ");
	put_granted(c->role, &hint);
	c->is_short |= hint.failed;
	return check_reject(c, VERIFIER_UNKNOWN_HELPER, buf_text(&hint),
			    "the role grants %s, but the runtime has no such helper", name);
}

static struct err *check_attributes(struct check *c, const struct helper *h,
				    const struct role_function *f)
{
	const struct role_attributes *a = &c->role->attributes;
	if ((h->flags & HELPER_WRITES_HOST) && !a->allow_memory_write)
		return check_reject(c, VERIFIER_ATTRIBUTE,
				    "a role with allow_memory_write: true may call it",
				    "%s writes memory of the host, which role %.*s forbids "
				    "(allow_memory_write: false)",
				    h->name, STR_FMT(c->role->name));
	if (f->side_effect && !a->may_have_side_effect)
		return check_reject(c, VERIFIER_ATTRIBUTE,
				    "a role with may_have_side_effect: true may call it",
				    "%s has a side effect, which role %.*s forbids "
				    "(may_have_side_effect: false)",
				    h->name, STR_FMT(c->role->name));
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
		return reject_grant(c, name);
	if (!h)
		return reject_missing(c, name);
	TRY(check_attributes(c, h, f));
	*helper = h;
	*granted = f;
	return NULL;
}
