/*
 * What makes a place safe to patch. The jump overwrites five bytes, the window; the instructions there
 * move elsewhere. That goes wrong where someone arrives in the middle of the window:
 *
 *	a branch of the function      all direct ones are decoded, from the function's start to its end
 *	a jump table                  not seen by decoding; in mid-function, where the function has an
 *	                              indirect jump, only a window of one instruction is safe
 *	a part that was split off     GCC's .cold parts jump back anywhere: the same
 *	a return                      so a call may only be the last instruction of a window
 * or where an instruction means something else at another address.
 *
 * [S1] Every instruction of the window is executed as a whole in the copy, or not reachable at all.
 * [S2] Nothing behind the function is overwritten but padding.
 * [S3] Flags, r11 and the red zone are called dead only at an entry to which no jump of the function
 *      comes back: a loop around the whole body may keep things in them.
 */
#include "agent/attach/site.h"

#include "agent/attach/x86_64/decode.h"

#define ENDBR_BYTES 4u

struct scan {
	struct bytes code;
	uint64_t size, at;
	bool is_insn;	     /* `at` is where an instruction starts */
	bool has_indirect;   /* an indirect jump */
	bool leaves;	     /* a conditional branch out of the function */
	bool sets_direction; /* std */
};

static struct err *refuse(const struct scan *s, uint64_t offset, const char *why)
{
	struct decode_insn insn;
	char text[DECODE_TEXT_MAX];
	if (!decode_at(s->code, offset, &insn))
		return err_new(ERR_FAILED_PRECONDITION, "not safe to patch: +0x%llx: %s",
			       (unsigned long long)offset, why);
	return err_new(ERR_FAILED_PRECONDITION, "not safe to patch: +0x%llx `%s`: %s",
		       (unsigned long long)offset, decode_text(&insn, offset, text), why);
}

/* ---- the whole function ---- */

static void note(struct scan *s, uint64_t offset, const struct decode_insn *insn)
{
	s->is_insn |= offset == s->at;
	s->sets_direction |= insn->raw.mnemonic == ZYDIS_MNEMONIC_STD;
	s->has_indirect |= decode_is_jump(insn) && !insn->has_target;
	s->leaves |= decode_is_branch(insn) && insn->has_target &&
		     (insn->target < 0 || (uint64_t)insn->target >= s->size);
}

static struct err *scan_function(struct scan *s)
{
	struct bytes code = {s->code.data, s->size};
	for (uint64_t offset = 0; offset < s->size;) {
		struct decode_insn insn;
		if (!decode_at(code, offset, &insn))
			return refuse(s, offset,
				      "not an instruction that is known, so branches cannot be "
				      "followed");
		note(s, offset, &insn);
		offset += insn.raw.length;
	}
	if (!s->is_insn)
		return err_new(ERR_INVALID, "+0x%llx is not the start of an instruction",
			       (unsigned long long)s->at);
	return NULL;
}

/* ---- the window ---- */

static const char *reason_against(const struct decode_insn *insn)
{
	static const struct {
		ZydisMnemonic mnemonic;
		const char *why;
	} rows[] = {
		{ZYDIS_MNEMONIC_SYSCALL, "a system call cannot be moved: it is restarted in place"},
		{ZYDIS_MNEMONIC_SYSENTER, "a system call cannot be moved"},
		{ZYDIS_MNEMONIC_INT, "a software interrupt cannot be moved"},
		{ZYDIS_MNEMONIC_INT1, "a breakpoint, of a debugger perhaps"},
		{ZYDIS_MNEMONIC_INT3, "a breakpoint, of a debugger perhaps"},
		{ZYDIS_MNEMONIC_IRETD, "returns from an interrupt"},
		{ZYDIS_MNEMONIC_IRETQ, "returns from an interrupt"},
		{ZYDIS_MNEMONIC_IRET, "returns from an interrupt"},
		{ZYDIS_MNEMONIC_XBEGIN, "begins a transaction with an abort address"},
		{ZYDIS_MNEMONIC_LOOP, "has no form that reaches far enough"},
		{ZYDIS_MNEMONIC_LOOPE, "has no form that reaches far enough"},
		{ZYDIS_MNEMONIC_LOOPNE, "has no form that reaches far enough"},
		{ZYDIS_MNEMONIC_JCXZ, "has no form that reaches far enough"},
		{ZYDIS_MNEMONIC_JECXZ, "has no form that reaches far enough"},
		{ZYDIS_MNEMONIC_JRCXZ, "has no form that reaches far enough"},
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		if (rows[i].mnemonic == insn->raw.mnemonic)
			return rows[i].why;
	return NULL;
}

/* Reasons that lie in the operands. */
static const char *operand_against(const struct decode_insn *insn)
{
	bool transfers = decode_is_call(insn) || decode_is_jump(insn);
	if (insn->raw.meta.branch_type == ZYDIS_BRANCH_TYPE_FAR)
		return "a far jump, call or return";
	if (insn->has_target && (insn->raw.attributes & ZYDIS_ATTRIB_HAS_OPERANDSIZE))
		return "a branch of 16 bits";
	for (unsigned i = 0; i < insn->raw.operand_count; i++) {
		const ZydisDecodedOperand *o = &insn->operands[i];
		bool is_visible = i < insn->raw.operand_count_visible;
		if (o->type == ZYDIS_OPERAND_TYPE_MEMORY && o->mem.base == ZYDIS_REGISTER_EIP)
			return "addresses relative to eip";
		if (o->type == ZYDIS_OPERAND_TYPE_MEMORY && transfers && is_visible &&
		    (o->mem.base == ZYDIS_REGISTER_RSP || o->mem.index == ZYDIS_REGISTER_RSP) &&
		    decode_is_call(insn))
			return "calls through the stack";
		if (o->type == ZYDIS_OPERAND_TYPE_REGISTER && is_visible && decode_is_call(insn) &&
		    o->reg.value == ZYDIS_REGISTER_RSP)
			return "calls through the stack";
	}
	return NULL;
}

static struct err *take(const struct scan *s, struct site *w, uint64_t start, bool *is_over,
			bool *is_call)
{
	struct decode_insn insn;
	uint64_t offset = start + w->window;
	struct bytes code = {s->code.data, s->size};
	if (*is_call)
		return refuse(s, offset, "the call before it would return into the window");
	if (!decode_at(code, offset, &insn))
		return refuse(s, offset, "the function ends inside the window");
	const char *why = reason_against(&insn);
	if (!why)
		why = operand_against(&insn);
	if (why)
		return refuse(s, offset, why);
	w->insns[w->insns_count++] =
		(struct site_insn){.offset = w->window, .length = insn.raw.length};
	w->window = (uint8_t)(w->window + insn.raw.length);
	*is_over = decode_is_end(&insn);
	*is_call = decode_is_call(&insn);
	return NULL;
}

/* Behind a jump or return, only padding may be overwritten. */
static struct err *take_padding(const struct scan *s, struct site *w, uint64_t start)
{
	struct decode_insn insn;
	uint64_t offset = start + w->window;
	if (!decode_at(s->code, offset, &insn) || !decode_is_padding(&insn))
		return refuse(
			s, offset,
			offset < s->size
				? "not reached from above, so it is reached in another way"
				: "the function is shorter than a jump, and no padding follows");
	w->window = (uint8_t)(w->window + insn.raw.length);
	return NULL;
}

static struct err *plan_window(const struct scan *s, struct site *w)
{
	static const uint8_t endbr64[ENDBR_BYTES] = {0xf3, 0x0f, 0x1e, 0xfa};
	bool is_over = false, is_call = false;
	if (s->size - s->at >= ENDBR_BYTES &&
	    memcmp(s->code.data + s->at, endbr64, ENDBR_BYTES) == 0)
		w->skip = ENDBR_BYTES;
	uint64_t start = s->at + w->skip;
	while (w->window < SITE_JUMP_BYTES) {
		if (is_over)
			TRY(take_padding(s, w, start));
		else if (start + w->window >= s->size)
			return refuse(s, start, "the function ends inside the window");
		else
			TRY(take(s, w, start, &is_over, &is_call));
	}
	memcpy(w->original, s->code.data + start, w->window);
	return NULL;
}

/* ---- who may arrive inside ---- */

static struct err *check_branches(const struct scan *s, struct site *w)
{
	struct bytes code = {s->code.data, s->size};
	int64_t start = (int64_t)(s->at + w->skip), end = start + w->window;
	struct decode_insn insn;
	for (uint64_t offset = 0; offset < s->size; offset += insn.raw.length) {
		if (!decode_at(code, offset, &insn))
			return refuse(s, offset, "not an instruction");
		if (!insn.has_target)
			continue;
		if (insn.target > start && insn.target < end)
			return refuse(s, offset,
				      "branches into the bytes that a jump would replace");
		if (!decode_is_call(&insn) && insn.target >= (int64_t)s->at && insn.target <= start)
			w->at_entry = false;
	}
	return NULL;
}

static struct err *check_middle(const struct scan *s, const struct site *w)
{
	if (s->sets_direction)
		return refuse(s, s->at, "the function sets the direction flag");
	if (w->insns_count == 1)
		return NULL;
	if (s->has_indirect)
		return refuse(s, s->at, "a jump table of the function may lead into the window");
	if (s->leaves)
		return refuse(s, s->at,
			      "the function has a part elsewhere, which may jump back into the "
			      "window");
	return NULL;
}

struct err *site_plan(struct bytes code, uint64_t size, uint64_t at, struct site *out)
{
	struct scan s = {.code = code, .size = size, .at = at};
	if (size > code.size || at >= size)
		return err_new(ERR_INVALID, "+0x%llx is outside of the function's 0x%llx bytes",
			       (unsigned long long)at, (unsigned long long)size);
	struct site w = {.function_offset = at, .at_entry = at == 0};
	TRY(scan_function(&s));
	if (at == ENDBR_BYTES && size > at &&
	    memcmp(code.data, "\xf3\x0f\x1e\xfa", ENDBR_BYTES) == 0)
		w.at_entry = true;
	TRY(plan_window(&s, &w));
	TRY(check_branches(&s, &w));
	if (!w.at_entry)
		TRY(check_middle(&s, &w));
	*out = w;
	return NULL;
}

bool site_is_padded(const struct site *s)
{
	struct decode_insn insn;
	for (uint8_t i = 0; i < s->insns_count; i++)
		if (!decode_at(bytes_of(s->original, s->window), s->insns[i].offset, &insn) ||
		    !decode_is_padding(&insn))
			return false;
	return true;
}
