/*
 * Knowledge in words. Nothing here decides anything.
 */
#include "shared/verifier/words.h"

#include "shared/verifier/host.h"

const char *words_name(unsigned reg)
{
	static const char *const names[STATE_REGS] = {"r0", "r1", "r2", "r3", "r4", "r5",
						      "r6", "r7", "r8", "r9", "r10"};
	return reg < STATE_REGS ? names[reg] : "r?";
}

static bool is_small(int64_t x)
{
	return x >= -1000000 && x <= 0xffffffff;
}

static void put_number(int64_t x, struct buf *out)
{
	if (is_small(x))
		buf_printf(out, "%lld", (long long)x);
	else
		buf_printf(out, "0x%llx", (unsigned long long)x);
}

static void put_unsigned(uint64_t x, struct buf *out)
{
	buf_printf(out, x <= 0xffffffff ? "%llu" : "0x%llx", (unsigned long long)x);
}

static void put_scalar(const struct range *r, struct buf *out)
{
	if (range_is_const(r)) {
		buf_puts(out, "the number ");
		put_number((int64_t)r->bits.value, out);
	} else if (r->full.smin != INT64_MIN && is_small(r->full.smin)) {
		buf_puts(out, "a number from ");
		put_number(r->full.smin, out);
		if (r->full.smax != INT64_MAX) {
			buf_puts(out, " to ");
			put_number(r->full.smax, out);
		} else {
			buf_puts(out, " up");
		}
	} else if (r->full.umax != UINT64_MAX) {
		buf_puts(out, "a number from ");
		put_unsigned(r->full.umin, out);
		buf_puts(out, " to ");
		put_unsigned(r->full.umax, out);
	} else {
		buf_puts(out, "an unknown number");
	}
}

void words_offset(const struct range *r, struct buf *out)
{
	if (range_is_const(r))
		buf_printf(out, ", at offset %lld", (long long)r->bits.value);
	else
		buf_printf(out, ", at an offset from %lld to %lld", (long long)r->full.smin,
			   (long long)r->full.smax);
}

static void put_stack(const struct check *c, const struct state_reg *r, struct buf *out)
{
	buf_printf(out, "a %s, at ", state_kinds[r->kind].words);
	if (range_is_const(&r->range) && r->range.bits.value == 0)
		buf_puts(out, "r10");
	else if (range_is_const(&r->range))
		buf_printf(out, "r10%+lld", (long long)r->range.bits.value);
	else
		buf_printf(out, "r10%+lld to r10%+lld", (long long)r->range.full.smin,
			   (long long)r->range.full.smax);
	if (r->frame + 1u != c->state->frames_count)
		buf_printf(out, " of %.*s()",
			   STR_FMT(c->functions[c->state->frames[r->frame].function].name));
}

static void put_size(const struct object_map *shape, struct buf *out)
{
	buf_printf(out, " (%u bytes", shape->value_size);
	if (shape->lock_end)
		buf_printf(out, ", a spin lock in bytes %u to %u", shape->lock_end - 4,
			   shape->lock_end - 1);
	buf_puts(out, ")");
}

static void put_value(const struct check *c, const struct state_reg *r, struct buf *out)
{
	const struct object_map *m = &c->maps[r->map];
	if (m->role == OBJECT_MAP_DECLARED) {
		buf_printf(out, "%s of %s %.*s",
			   r->kind == STATE_VALUE ? "a pointer to a value"
						  : "null or a pointer to a value",
			   m->inner ? "a map in" : "map", STR_FMT(m->name));
		put_size(object_map_shape(m), out);
	} else {
		buf_printf(out, "a pointer to the globals of %.*s (%u bytes)", STR_FMT(m->name),
			   m->value_size);
	}
	if (r->kind == STATE_VALUE)
		words_offset(&r->range, out);
}

void words_reg(const struct check *c, const struct state_reg *r, struct buf *out)
{
	switch ((enum state_kind)r->kind) {
	case STATE_NONE:
		buf_puts(out, "nothing: it was not written to, or a call has used it up");
		return;
	case STATE_SCALAR:
		put_scalar(&r->range, out);
		host_words_limits(c, r, "", out);
		return;
	case STATE_STACK:
		put_stack(c, r, out);
		return;
	case STATE_CTX:
		buf_printf(out, "a %s (%s)", state_kinds[r->kind].words, c->ctx->name);
		words_offset(&r->range, out);
		return;
	case STATE_MAP:
		buf_printf(out, "the map %.*s", STR_FMT(c->maps[r->map].name));
		return;
	case STATE_INNER_MAP:
	case STATE_INNER_MAP_OR_NULL:
		buf_printf(out, "%s %.*s",
			   r->kind == STATE_INNER_MAP ? "a map in" : "null or a map in",
			   STR_FMT(c->maps[r->map].name));
		return;
	case STATE_FUNCTION:
		buf_printf(out, "the function %.*s()", STR_FMT(c->functions[r->map].name));
		return;
	case STATE_KEY:
		buf_printf(out, "a %s of %s %.*s (%u bytes)", state_kinds[r->kind].words,
			   c->maps[r->map].inner ? "a map in" : "map",
			   STR_FMT(c->maps[r->map].name), check_map_shape(c, r)->key_size);
		words_offset(&r->range, out);
		return;
	case STATE_VALUE:
	case STATE_VALUE_OR_NULL:
		put_value(c, r, out);
		return;
	case STATE_HOST_STRUCT:
	case STATE_HOST_STRUCT_OR_NULL:
	case STATE_HOST_MEM:
	case STATE_HOST_MEM_OR_NULL:
	case STATE_HOST_VAR:
		host_words(c, r, out);
		return;
	case STATE_RECORD:
	case STATE_RECORD_OR_NULL:
		buf_printf(out, "%s%s of %u bytes", r->kind == STATE_RECORD ? "a " : "",
			   state_kinds[r->kind].words, r->size);
		if (r->kind == STATE_RECORD)
			words_offset(&r->range, out);
		return;
	case STATE_HANDLE:
	case STATE_HANDLE_OR_NULL:
		buf_printf(out, "%s%s", r->kind == STATE_HANDLE ? "a " : "",
			   state_kinds[r->kind].words);
		if (r->maker)
			buf_printf(out, " (\"%.*s\", from %.*s)", STR_FMT(r->maker->return_type),
				   STR_FMT(r->maker->name));
		return;
	case STATE_INTEGER_OR_NULL:
		buf_puts(out, state_kinds[r->kind].words);
		return;
	case STATE_INTEGER:
	case STATE_ITERATOR:
	case STATE_DYNPTR:
	case STATE_DYNPTR_RECORD:
		buf_printf(out, "a %s", state_kinds[r->kind].words);
		return;
	case STATE_SLICE:
	case STATE_SLICE_OR_NULL:
		buf_printf(out, "%s%s of %u bytes", r->kind == STATE_SLICE ? "a " : "",
			   state_kinds[r->kind].words, r->size);
		if (r->kind == STATE_SLICE)
			words_offset(&r->range, out);
		return;
	case STATE_PARAM:
	case STATE_CONST_PARAM:
		buf_printf(out, "a %s (parameter %u, %u bytes)", state_kinds[r->kind].words,
			   r->map + 1, r->size);
		words_offset(&r->range, out);
		return;
	case STATE_PARAM_OR_NULL:
	case STATE_CONST_PARAM_OR_NULL:
		buf_printf(out, "%s (parameter %u, %u bytes)", state_kinds[r->kind].words,
			   r->map + 1, r->size);
		return;
	}
}

const char *words_of(struct check *c, const struct state_reg *r)
{
	OWNED_BUF struct buf text = BUF_INIT(4096);
	words_reg(c, r, &text);
	c->is_short |= text.failed;
	return check_text(c, "%s", buf_text(&text));
}

/* ---- lists ---- */

static uint16_t used_regs(const struct check *c)
{
	const struct bpf_insn *i = &c->insns[c->insn];
	uint16_t dst = (uint16_t)(1u << i->dst_reg), src = (uint16_t)(1u << i->src_reg);
	switch ((enum insn_kind)c->flow.insns[c->insn].kind) {
	case INSN_CALL_HELPER:
	case INSN_CALL_LOCAL:
	case INSN_CALL_KFUNC:
		return 0x3e;
	case INSN_EXIT:
		return 1;
	case INSN_LOAD:
		return src;
	case INSN_ALU:
	case INSN_JUMP:
		return BPF_SRC(i->code) == BPF_X ? dst | src : dst;
	case INSN_STORE:
		return BPF_CLASS(i->code) == BPF_STX ? dst | src : dst;
	case INSN_ATOMIC_OP:
		return dst | src;
	case INSN_END:
		return dst;
	case INSN_LD_IMM64:
	case INSN_GOTO:
	case INSN_MAY_GOTO:
	case INSN_INVALID:
		return 0;
	}
	return 0;
}

uint16_t words_registers_of(const struct check *c)
{
	if (c->state->frames_count == 0 || !c->flow.insns)
		return 0;
	const struct state_frame *f = state_top(c->state);
	uint16_t used = used_regs(c), shown = 0;
	bool is_call = used == 0x3e;
	for (unsigned r = 0; r < STATE_REGS; r++)
		if ((used & 1u << r) && !(is_call && f->regs[r].kind == STATE_NONE))
			shown |= (uint16_t)(1u << r);
	return shown;
}

const char *words_kind(const struct state_reg *r)
{
	static const char *const names[] = {
#define KIND(name, words, base, not_null, flags) [STATE_##name] = #name,
#include "shared/verifier/kind.tbl.h"
#undef KIND
	};
	return r->kind == STATE_SCALAR ? "NUMBER" : names[r->kind];
}

void words_registers(const struct check *c, struct buf *out)
{
	uint16_t shown = words_registers_of(c);
	const struct state_frame *f = shown ? state_top(c->state) : NULL;
	for (unsigned r = 0; r < STATE_REGS; r++) {
		if (!(shown & 1u << r))
			continue;
		buf_printf(out, "%sr%u = ", out->size ? "\n" : "", r);
		words_reg(c, &f->regs[r], out);
	}
}

static void put_decision(const struct check *c, const struct state_decision *d, struct buf *out)
{
	const struct btf_line *line = object_line_at(c->object, d->insn);
	buf_puts(out, out->size ? "\n" : "");
	if (line)
		buf_printf(out, "line %u: %.*s: ", line->line, STR_FMT(str_trim(line->text)));
	buf_printf(out, "instruction %u, ", d->insn);
	insn_print(&c->insns[d->insn], out);
	buf_puts(out, d->taken ? ": taken" : ": not taken");
}

static void put_widened(const struct check *c, struct buf *out)
{
	uint32_t insn = c->state->widened - 1;
	if (c->state->widened == 0)
		return;
	const struct btf_line *line = object_line_at(c->object, insn);
	buf_printf(out, "%s(the loop at ", out->size ? "\n" : "");
	if (line)
		buf_printf(out, "line %u, ", line->line);
	buf_printf(
		out,
		"instruction %u, has no proved end: of what its rounds change only that is known "
		"which any round may find)",
		insn);
}

/* A branch that goes the same way round by round is shown once. */
void words_path(const struct check *c, struct buf *out)
{
	const struct state *s = c->state;
	uint32_t shown = MIN(s->decisions, (uint32_t)STATE_PATH), times;
	if (s->decisions > shown)
		buf_printf(out, "(not shown: %u before these)", s->decisions - shown);
	for (uint32_t n = s->decisions - shown; n < s->decisions; n += times) {
		const struct state_decision *d = &s->path[n % STATE_PATH];
		times = 1;
		while (n + times < s->decisions &&
		       s->path[(n + times) % STATE_PATH].insn == d->insn &&
		       s->path[(n + times) % STATE_PATH].taken == d->taken)
			times++;
		put_decision(c, d, out);
		if (times > 1)
			buf_printf(out, ", %u times", times);
	}
	put_widened(c, out);
}
