/*
 * What all parts share.
 */
#include "shared/verifier/check.h"

#include "shared/verifier/words.h"

static const char *keep_text(struct check *c, const struct buf *text)
{
	const char *copy = text->failed && !text->too_large
				   ? NULL
				   : arena_text(&c->verdict->arena, buf_str(text));
	c->is_short |= !copy;
	return copy ? copy : "";
}

const char *check_text(struct check *c, const char *format, ...)
{
	OWNED_BUF struct buf text = BUF_INIT(1 << 16);
	va_list args;
	va_start(args, format);
	buf_vprintf(&text, format, args);
	va_end(args);
	return keep_text(c, &text);
}

/* What `write` puts, or NULL where that is nothing. */
static const char *collect(struct check *c, void (*write)(const struct check *, struct buf *))
{
	OWNED_BUF struct buf text = BUF_INIT(1 << 16);
	write(c, &text);
	return text.size || text.failed ? keep_text(c, &text) : NULL;
}

struct err *check_reject(struct check *c, enum verifier_rule rule, const char *hint,
			 const char *format, ...)
{
	OWNED_BUF struct buf text = BUF_INIT(1 << 16);
	va_list args;
	va_start(args, format);
	buf_vprintf(&text, format, args);
	va_end(args);
	const struct object_function *fn = object_function_at(c->object, c->insn);
	c->verdict->is_rejected = true;
	c->verdict->finding = (struct verifier_finding){
		.rule = rule,
		.entry = c->functions_count ? c->functions[c->entry].name : STR(""),
		.function = fn ? fn->name : STR(""),
		.insn = c->insn,
		.line = object_line_at(c->object, c->insn),
		.message = keep_text(c, &text),
		.hint = hint ? check_text(c, "%s", hint) : NULL,
		.registers = collect(c, words_registers),
		.path = collect(c, words_path),
	};
	return err_new(ERR_REJECTED, "%s", c->verdict->finding.message);
}

struct state_reg *check_reg(struct check *c, unsigned reg)
{
	return &state_top(c->state)->regs[reg];
}

struct err *check_readable(struct check *c, unsigned reg)
{
	if (check_reg(c, reg)->kind != STATE_NONE)
		return NULL;
	if (reg >= 1 && reg <= 5)
		return check_reject(
			c, VERIFIER_UNINIT_REGISTER,
			"give the variable a value on every path; calls use up r1 to r5: "
			"keep what is needed later in r6 to r9",
			"r%u is read, but nothing was written to it on this path, or a call "
			"has used it up",
			reg);
	return check_reject(
		c, VERIFIER_UNINIT_REGISTER,
		"give the variable a value on every path, and use no record after it was "
		"submitted or discarded",
		"r%u is read, but nothing was written to it on this path, or a call has used "
		"it up",
		reg);
}

struct err *check_writable(struct check *c, unsigned reg)
{
	if (reg != 10)
		return NULL;
	return check_reject(c, VERIFIER_FRAME_POINTER, "copy it to another register first",
			    "r10 points to the top of the frame and cannot be changed");
}

uint32_t check_new_id(struct check *c)
{
	return ++c->next_id;
}

static void add_var(uint64_t vars[STATE_VAR_WORDS], uint16_t dep)
{
	if (dep)
		vars[(dep - 1u) / 64] |= UINT64_C(1) << (dep - 1u) % 64;
}

void check_precise(struct check *c, const struct state_reg *r)
{
	uint64_t vars[STATE_VAR_WORDS] = {0};
	for (unsigned i = 0; i < STATE_DEPS; i++)
		add_var(vars, r->deps[i]);
	tree_mark_precise(c->node, vars);
}

static bool add_dep(struct state_reg *r, uint16_t dep)
{
	if (dep == 0)
		return true;
	for (unsigned i = 0; i < STATE_DEPS; i++) {
		if (r->deps[i] == dep)
			return true;
		if (r->deps[i] == 0) {
			r->deps[i] = dep;
			return true;
		}
	}
	return false;
}

/* Too many origins to keep: all of them are marked now, and then need not be remembered. */
void check_depend(struct check *c, struct state_reg *r, const struct state_reg *from)
{
	struct state_reg both = *r, other = *from;
	for (unsigned i = 0; i < STATE_DEPS; i++) {
		if (add_dep(&both, other.deps[i]))
			continue;
		check_precise(c, &both);
		check_precise(c, &other);
		memset(both.deps, 0, sizeof both.deps);
		break;
	}
	memcpy(r->deps, both.deps, sizeof r->deps);
}

struct sharing {
	struct check *c;
	struct state_reg from;
};

static void share_one(void *context, struct state_reg *r)
{
	struct sharing *s = context;
	if (r->kind != STATE_SCALAR || r->id != s->from.id)
		return;
	r->range = s->from.range;
	memcpy(r->limits, s->from.limits, sizeof r->limits);
	check_depend(s->c, r, &s->from);
}

void check_share(struct check *c, const struct state_reg *r)
{
	struct sharing s = {c, *r};
	if (r->id != 0)
		state_each(c->state, share_one, &s);
}

void check_read(struct check *c, unsigned frame, uint64_t slots)
{
	tree_mark_read(c->node, frame, slots & ~c->state->frames[frame].written);
}

void check_written(struct check *c, unsigned frame, uint64_t slots)
{
	if (frame < state_callback(c->state))
		tree_mark_written(c->node, frame, slots);
}

/* ---- stack ---- */

void check_calls(struct check *c, uint32_t caller, uint32_t callee)
{
	uint64_t bit = (uint64_t)caller * c->functions_count + callee;
	c->calls[bit / 64] |= UINT64_C(1) << bit % 64;
}

struct err *check_depth(struct check *c, unsigned frame, int64_t offset)
{
	uint32_t *depth = &c->depth[c->state->frames[frame].function];
	if (-offset <= (int64_t)*depth)
		return NULL;
	*depth = (uint32_t)-offset;
	uint32_t all = 0;
	for (uint32_t i = 0; i < c->state->frames_count; i++)
		all += c->depth[c->state->frames[i].function];
	if (all <= c->role->attributes.max_memory)
		return NULL;
	return check_reject(c, VERIFIER_STACK_LIMIT,
			    "use smaller local variables, or keep large ones in a map",
			    "the stack grows to %u bytes here, but role %.*s allows max_memory: %u",
			    all, STR_FMT(c->role->name), c->role->attributes.max_memory);
}
