/*
 * Global functions.
 *
 * [G1] What the walk through the function knows of its arguments holds for every call: numbers are any
 *      numbers, memory has the type's size and was written, and is null only where calls may pass null.
 * [G2] What a call knows afterwards holds for every execution of the function: nothing of r0, nothing of
 *      memory that it may write. Its frames and the caller's do not know each other: no pointer of one
 *      is stored in the other, since what is passed holds numbers only.
 * [G3] Functions are walked callees first, so what a call costs is known. Where it is not, the function
 *      is being walked: it calls itself.
 * [G4] A callback that is global is walked like any other.
 */
#include "shared/verifier/global.h"

#include "shared/base/mem.h"
#include "shared/verifier/host_call.h"
#include "shared/verifier/iter.h"
#include "shared/verifier/memory.h"
#include "shared/verifier/meter.h"
#include "shared/verifier/uses.h"
#include "shared/verifier/words.h"

#include <stdio.h>

#define CONTEXT_STRUCT "pt_regs"

bool global_is(const struct check *c, uint32_t f)
{
	const struct object_function *fn = &c->functions[f];
	const struct btf *btf = object_btf(c->object);
	const struct btf_type *t = btf && fn->btf_id ? btf_type(btf, fn->btf_id) : NULL;
	return fn->is_global && !fn->is_entry && t && t->kind == BTF_FUNC &&
	       t->linkage == BTF_GLOBAL;
}

/* ---- which, in what order ---- */

struct visit {
	uint32_t function, next; /* the instruction to look at next */
};

static bool names_function(const struct check *c, uint32_t i, uint32_t *out)
{
	const struct bpf_insn *insn = &c->insns[i];
	const struct flow_insn *at = &c->flow.insns[i];
	*out = at->target;
	if (at->kind == INSN_CALL_LOCAL)
		return true;
	if (at->kind != INSN_LD_IMM64 || insn->src_reg != BPF_PSEUDO_FUNC || insn->imm < 0 ||
	    (uint32_t)insn->imm >= c->flow.count)
		return false;
	*out = c->flow.insns[insn->imm].function;
	return *out != FLOW_NO_FUNCTION;
}

/* The next function that one on the stack names and nobody has seen; false where there is none. */
static bool find_next(const struct check *c, struct visit *v, const uint8_t *seen, uint32_t *out)
{
	const struct object_function *f = &c->functions[v->function];
	while (v->next < f->first + f->count) {
		uint32_t i = v->next;
		v->next = c->flow.insns[i].next;
		if (names_function(c, i, out) && !seen[*out])
			return true;
	}
	return false;
}

struct err *global_order(const struct check *c, uint32_t entry, uint32_t *out, uint32_t *count)
{
	uint32_t n = c->functions_count, depth = 0, found = 0, next;
	OWNED(mem) void *stack_memory = mem_zalloc_array(n, sizeof(struct visit));
	OWNED(mem) void *seen_memory = mem_zalloc_array(n, 1);
	if (!stack_memory || !seen_memory)
		return err_no_memory();
	struct visit *stack = stack_memory;
	uint8_t *seen = seen_memory;
	stack[depth] = (struct visit){entry, c->functions[entry].first};
	depth++;
	seen[entry] = true;
	while (depth > 0) {
		struct visit *top = &stack[depth - 1];
		if (find_next(c, top, seen, &next)) {
			seen[next] = true; /* so each is on the stack at most once */
			stack[depth] = (struct visit){next, c->functions[next].first};
			depth++;
			continue;
		}
		if (global_is(c, top->function))
			out[found++] = top->function; /* [G3] */
		depth--;
	}
	*count = found;
	return NULL;
}

/* ---- types ---- */

/* `id` without what btf_skip() skips; whether const was among it. */
static uint32_t skip_const(const struct btf *b, uint32_t id, bool *is_const)
{
	const struct btf_type *t = btf_type(b, id);
	*is_const = false;
	while (t && id &&
	       (t->kind == BTF_TYPEDEF || t->kind == BTF_CONST || t->kind == BTF_VOLATILE ||
		t->kind == BTF_RESTRICT || t->kind == BTF_TYPE_TAG)) {
		*is_const |= t->kind == BTF_CONST;
		id = t->type;
		t = btf_type(b, id);
	}
	return id;
}

static bool is_number(const struct btf_type *t)
{
	return t && t->size_bytes <= 8 &&
	       (t->kind == BTF_INT || t->kind == BTF_ENUM || t->kind == BTF_ENUM64);
}

static bool is_context(const struct btf *b, uint32_t id)
{
	const struct btf_type *t = btf_type(b, btf_skip(b, id));
	return t && t->kind == BTF_STRUCT && str_is(t->name, CONTEXT_STRUCT);
}

static struct err *reject_type(struct check *c, uint32_t type, const char *what)
{
	OWNED_BUF struct buf text = BUF_INIT(1 << 14);
	const struct object_function *f = &c->functions[c->root];
	btf_print_type(object_btf(c->object), type, &text);
	c->is_short |= text.failed;
	return check_reject(c, VERIFIER_UNSUPPORTED,
			    "make the function static, so that calls walk into it; or use numbers "
			    "and pointers to types with a size",
			    "the global function %.*s() is verified by its types alone, but %s is "
			    "of type \"%s\"",
			    STR_FMT(f->name), what, buf_text(&text));
}

static void read_pointer(const struct check *c, uint32_t pointee, unsigned i,
			 struct global_param *p, bool *is_known)
{
	const struct btf *b = object_btf(c->object);
	uint32_t id = skip_const(b, pointee, &p->is_const);
	uint64_t size = id ? btf_size(b, id) : 0;
	*is_known = true;
	if (i == 0 && is_context(b, id)) {
		p->kind = GLOBAL_CTX;
		return;
	}
	*is_known = size > 0 && size <= INT32_MAX && !is_context(b, id);
	p->kind = GLOBAL_MEMORY;
	p->may_be_null = true;
	p->align = 1;
	p->size = (uint32_t)size;
}

/* What declaration tags say beside the type. */
static void apply_tags(const struct global_tags *tags, unsigned i, struct global_param *p)
{
	if (tags->nonnull & 1u << i)
		p->may_be_null = false;
	if ((tags->context & 1u << i) && p->kind != GLOBAL_NUMBER)
		p->kind = GLOBAL_CTX;
}

static struct err *read_param(struct check *c, const struct btf_member *m, unsigned i,
			      struct global_param *p)
{
	const struct btf *b = object_btf(c->object);
	const struct btf_type *t = btf_type(b, btf_skip(b, m->type));
	bool is_known = is_number(t);
	*p = (struct global_param){.kind = GLOBAL_NUMBER};
	if (t && m->type && t->kind == BTF_PTR)
		read_pointer(c, t->type, i, p, &is_known);
	apply_tags(&c->tags[c->root], i, p);
	if (is_known || p->kind == GLOBAL_CTX)
		return NULL;
	const char *what = check_text(c, "parameter %u (%.*s)", i + 1, STR_FMT(m->name));
	return reject_type(c, m->type, what);
}

struct err *global_read_tags(struct check *c)
{
	const struct btf *b = object_btf(c->object);
	uint32_t count = b ? btf_count(b) : 0;
	OWNED(mem) void *memory = mem_zalloc_array(count + 1, sizeof(uint16_t));
	TRY_MEMORY(memory);
	uint16_t *function_of = memory; /* by FUNC: index + 1 */
	_Static_assert(OBJECT_MAX_FUNCTIONS < UINT16_MAX, "an index and one more");
	for (uint32_t f = 0; f < c->functions_count; f++)
		if (c->functions[f].btf_id < count)
			function_of[c->functions[f].btf_id] = (uint16_t)(f + 1);
	for (uint32_t id = 1; id < count; id++) {
		const struct btf_type *t = btf_type(b, id);
		if (t->kind != BTF_DECL_TAG || t->type == 0 || !function_of[t->type] ||
		    t->component >= GLOBAL_MAX_PARAMS)
			continue;
		struct global_tags *tags = &c->tags[function_of[t->type] - 1];
		uint8_t bit = (uint8_t)(1u << t->component);
		tags->nonnull |= str_is(t->name, "arg:nonnull") ? bit : 0;
		tags->context |= str_is(t->name, "arg:ctx") ? bit : 0;
	}
	return NULL;
}

struct err *global_read(struct check *c)
{
	const struct btf *b = object_btf(c->object);
	struct global *g = &c->globals[c->root];
	const struct btf_type *f = btf_type(b, c->functions[c->root].btf_id);
	const struct btf_type *proto = btf_type(b, f->type);
	if (proto->count > GLOBAL_MAX_PARAMS)
		return check_reject(c, VERIFIER_UNSUPPORTED, "make the function static",
				    "the global function %.*s() has more than %d parameters",
				    STR_FMT(f->name), GLOBAL_MAX_PARAMS);
	*g = (struct global){.params_count = (uint8_t)proto->count};
	for (unsigned i = 0; i < proto->count; i++) {
		struct btf_member m = btf_member(b, proto, i);
		TRY(read_param(c, &m, i, &g->params[i]));
	}
	g->is_void = btf_skip(b, proto->type) == 0;
	if (!g->is_void && !is_number(btf_type(b, btf_skip(b, proto->type))))
		return reject_type(c, proto->type, "its result");
	return NULL;
}

/* ---- inside ---- */

static struct state_reg argument(struct check *c, const struct global_param *p, unsigned i)
{
	if (p->kind == GLOBAL_NUMBER)
		return state_scalar(range_unknown());
	if (p->kind == GLOBAL_CTX)
		return (struct state_reg){.kind = STATE_CTX, .range = range_const(0)};
	uint8_t kind = p->is_const ? STATE_CONST_PARAM : STATE_PARAM;
	if (p->may_be_null)
		kind = p->is_const ? STATE_CONST_PARAM_OR_NULL : STATE_PARAM_OR_NULL;
	return (struct state_reg){.kind = kind,
				  .map = i,
				  .id = check_new_id(c),
				  .size = p->size,
				  .range = range_const(0)};
}

void global_arguments(struct check *c, struct state_reg *regs)
{
	const struct global *g = &c->globals[c->root];
	for (unsigned i = 0; i < g->params_count; i++)
		regs[i + 1] = argument(c, &g->params[i], i); /* [G1] */
}

void global_aligned(struct check *c, const struct state_reg *pointer, uint8_t size_bytes)
{
	if (pointer->kind != STATE_PARAM)
		return;
	struct global_param *p = &c->globals[c->root].params[pointer->map];
	p->align = MAX(p->align, size_bytes);
}

struct err *global_leave(struct check *c)
{
	const struct global *g = &c->globals[c->root];
	const struct state_reg *r0 = check_reg(c, 0);
	const struct state *s = c->state;
	if (!g->is_void && r0->kind != STATE_SCALAR)
		return check_reject(c, VERIFIER_BAD_RETURN,
				    "return a number; or make the function static",
				    "the global function must return a number, but r0 is %s",
				    words_of(c, r0));
	if (s->refs_count == 0)
		return NULL;
	if (s->refs[0].is_iterator)
		return iter_reject_undestroyed(c, &s->refs[0], "when the function returns");
	const struct btf_line *line = object_line_at(c->object, s->refs[0].insn);
	return check_reject(c, VERIFIER_UNRELEASED,
			    "release it in this function, or make the function static",
			    "what the global function acquired at line %u (instruction %u) is not "
			    "released when it returns",
			    line ? line->line : 0, s->refs[0].insn);
}

/* ---- calls ---- */

struct call {
	struct check *c;
	const struct object_function *function;
	unsigned param;
	char subject[96];
};

static struct err *reject_argument(struct call *k, const char *wanted)
{
	return check_reject(k->c, VERIFIER_BAD_ARGUMENT, NULL, "%s is %s, but must be %s",
			    k->subject, words_of(k->c, check_reg(k->c, k->param + 1)), wanted);
}

static struct err *pass_number(struct call *k, struct global_param *p)
{
	(void)p;
	if (check_reg(k->c, k->param + 1)->kind == STATE_SCALAR)
		return NULL;
	return reject_argument(k, "a number");
}

static struct err *pass_context(struct call *k, struct global_param *p)
{
	const struct state_reg *r = check_reg(k->c, k->param + 1);
	(void)p;
	if (r->kind == STATE_CTX && range_is(&r->range, 0))
		return NULL;
	return reject_argument(k, "the context as the entry got it");
}

static struct err *check_alignment(struct call *k, const struct state_reg *r, uint8_t align)
{
	if (align <= 1)
		return NULL;
	global_aligned(k->c, r, align);
	bool is_place_known =
		state_flags(r) & STATE_IS_ATOMIC; /* not of slices, nor of bytes of the host */
	if (is_place_known && ((r->range.bits.value | r->range.bits.mask) & (align - 1u)) == 0)
		return NULL;
	return check_reject(k->c, VERIFIER_MISALIGNED, "align the variable to its own size",
			    "%s is %s, which is not at a multiple of %u, but the function uses an "
			    "atomic operation there",
			    k->subject, words_of(k->c, r), align);
}

static struct err *check_memory(struct call *k, struct state_reg r, enum memory_use use,
				const struct global_param *p)
{
	struct memory_span span;
	struct memory_access a = {.subject = k->subject,
				  .pointer = r,
				  .size_bytes = p->size,
				  .use = use};
	TRY(memory_check(k->c, &a, &span));
	if (use == MEMORY_READ && r.kind == STATE_STACK)
		return memory_check_stack(k->c, k->subject, r.frame, span);
	return NULL;
}

static struct err *pass_memory(struct call *k, struct global_param *p)
{
	struct state_reg r = *check_reg(k->c, k->param + 1);
	if (r.kind == STATE_SCALAR && p->may_be_null && range_is(&r.range, 0)) {
		check_precise(k->c, &r); /* that it is 0 decides */
		return NULL;
	}
	if (p->may_be_null && (state_flags(&r) & STATE_IS_NULL))
		r.kind = state_kinds[r.kind].not_null;
	if (!(state_flags(&r) & (STATE_IS_MEMORY | STATE_IS_NULL)) || r.kind == STATE_CTX)
		return reject_argument(k, p->may_be_null ? "memory of the program, or 0"
							 : "memory of the program");
	TRY(check_memory(k, r, MEMORY_READ, p));
	if (!p->is_const)
		TRY(check_memory(k, r, MEMORY_WRITE, p));
	return check_alignment(k, &r, p->align);
}

static struct err *pass(struct call *k, struct global_param *p)
{
	static struct err *(*const by_kind[])(struct call *, struct global_param *) = {
		[GLOBAL_NUMBER] = pass_number,
		[GLOBAL_CTX] = pass_context,
		[GLOBAL_MEMORY] = pass_memory,
	};
	snprintf(k->subject, sizeof k->subject, "argument %u (r%u) of %.*s()", k->param + 1,
		 k->param + 1, (int)MIN(k->function->name.size, (size_t)48),
		 k->function->name.data);
	TRY(check_readable(k->c, k->param + 1));
	return by_kind[p->kind](k, p);
}

/* What it costs: instructions, frames, stack. */
static struct err *pay(struct check *c, uint32_t f)
{
	const struct global *g = &c->globals[f];
	uint32_t frames = c->state->frames_count + g->frames;
	if (!g->is_verified || frames > STATE_FRAMES) /* [G3] */
		return check_reject(
			c, VERIFIER_CALL_DEPTH,
			"write a function that calls itself as a loop with a constant bound; "
			"or make the innermost function __always_inline",
			g->is_verified ? "calls nest deeper than %d frames"
				       : "a global function calls itself (%d frames are the limit)",
			STATE_FRAMES);
	c->frames_most = MAX(c->frames_most, frames);
	c->depth[f] = MAX(c->depth[f], g->stack_bytes);
	check_calls(c, state_top(c->state)->function, f);
	c->ctx_reads |= g->ctx_reads;
	TRY(meter_call(c, g->holds));
	uses_add(c, &g->uses);
	return check_spend(c, g->longest);
}

struct err *global_call(struct check *c, uint32_t f)
{
	struct global *g = &c->globals[f];
	struct call k = {.c = c, .function = &c->functions[f]};
	for (k.param = 0; g->is_verified && k.param < g->params_count; k.param++)
		TRY(pass(&k, &g->params[k.param]));
	TRY(pay(c, f));
	for (unsigned i = 0; i < g->params_count; i++)
		if (g->params[i].kind == GLOBAL_MEMORY && !g->params[i].is_const)
			memory_written(c, check_reg(c, i + 1), g->params[i].size,
				       g->params[i].size); /* [G2] */
	host_call_expect(c);				   /* it may call the host */
	memset(check_reg(c, 0), 0, 6 * sizeof(struct state_reg));
	if (!g->is_void)
		*check_reg(c, 0) = state_scalar(range_unknown());
	return NULL;
}
