/*
 * The host's memory in words.
 */
#include "shared/verifier/host.h"

#include "shared/verifier/words.h"

static void put_size(const struct check *c, const struct role_argument *a, struct buf *out)
{
	if (a->size_of)
		buf_printf(out, "%.*s", STR_FMT(c->host->params[a->size_of - 1].name));
	if (a->size_of && a->size_base)
		buf_printf(out, " + %u", a->size_base);
	else if (!a->size_of)
		buf_printf(out, "%u", a->size_base);
}

void host_words_limits(const struct check *c, const struct state_reg *r, const char *what,
		       struct buf *out)
{
	for (unsigned i = 0; c->host && i < STATE_LIMITS; i++) {
		const struct state_limit *l = &r->limits[i];
		if (l->of == 0)
			continue;
		buf_printf(out, ", %sat most %.*s", what, STR_FMT(c->host->params[l->of - 1].name));
		if (l->left)
			buf_printf(out, " %c %d", l->left > 0 ? '-' : '+',
				   l->left > 0 ? l->left : -l->left);
	}
}

static void put_memory(const struct check *c, const struct state_reg *r, struct buf *out)
{
	const struct role_argument *a = &c->host->args[r->map];
	buf_printf(out, "%.*s, %s%s of ", STR_FMT(c->host->params[r->map].name),
		   r->kind == STATE_HOST_MEM ? "a " : "", state_kinds[r->kind].words);
	put_size(c, a, out);
	buf_puts(out, " bytes");
	if (a->size_of && c->state->frames_count && c->state->least[a->size_of - 1] > 0)
		buf_printf(out, " (%.*s is at least %lld)",
			   STR_FMT(c->host->params[a->size_of - 1].name),
			   (long long)c->state->least[a->size_of - 1]);
	words_offset(&r->range, out);
	host_words_limits(c, r, "which is ", out);
}

void host_words(const struct check *c, const struct state_reg *r, struct buf *out)
{
	const struct role *role = c->role;
	if (state_kinds[r->kind].not_null == STATE_HOST_MEM) {
		put_memory(c, r, out);
		return;
	}
	if (r->kind == STATE_HOST_VAR) {
		const struct role_variable *v = &role->variables[r->map];
		buf_printf(out, "a pointer to the host's variable %.*s (%u bytes)",
			   STR_FMT(v->name), r->size);
	} else {
		buf_printf(out, "%.*s, %sa pointer to ", STR_FMT(role->places[r->map].path),
			   r->kind == STATE_HOST_STRUCT ? "" : "null or ");
		btf_print_type(role->host, role->places[r->map].type, out);
		buf_printf(out, " (%u bytes)", r->size);
	}
	words_offset(&r->range, out);
}
