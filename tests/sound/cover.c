/*
 * A form is an opcode with those operands that make another instruction of it: the width that a move
 * extends from, signed division, the width of a swap, the operation of an atomic, what a constant or a
 * call means. Which forms there are, insn_kind() says: all are tried.
 */
#include "tests/sound/cover.h"

#include "shared/bpf/helper.h"

/* Values of imm, off or src_reg that make a form, by what the opcode is. */
static const int32_t atomics[] = {BPF_ADD,
				  BPF_OR,
				  BPF_AND,
				  BPF_XOR,
				  BPF_ADD | BPF_FETCH,
				  BPF_OR | BPF_FETCH,
				  BPF_AND | BPF_FETCH,
				  BPF_XOR | BPF_FETCH,
				  BPF_XCHG,
				  BPF_CMPXCHG};
static const int32_t widths[] = {16, 32, 64};
static const int32_t offsets[] = {0, 1, 8, 16, 32};
static const int32_t sources[] = {0, 1, 2, 3, 4, 5, 6};

enum field { FIELD_NONE, FIELD_IMM, FIELD_OFF, FIELD_SRC };

struct variants {
	enum field field;
	const int32_t *values;
	uint32_t count;
};

static struct variants variants_of(uint8_t code)
{
	unsigned class = BPF_CLASS(code), op = BPF_OP(code);
	bool is_alu = class == BPF_ALU || class == BPF_ALU64;
	if (class == BPF_STX && BPF_MODE(code) == INSN_ATOMIC)
		return (struct variants){FIELD_IMM, atomics, ARRAY_SIZE(atomics)};
	if (is_alu && op == BPF_END)
		return (struct variants){FIELD_IMM, widths, ARRAY_SIZE(widths)};
	if (is_alu && (op == BPF_MOV || op == BPF_DIV || op == BPF_MOD))
		return (struct variants){FIELD_OFF, offsets, ARRAY_SIZE(offsets)};
	if (code == (BPF_LD | BPF_IMM | BPF_DW) || code == (BPF_JMP | BPF_CALL))
		return (struct variants){FIELD_SRC, sources, ARRAY_SIZE(sources)};
	return (struct variants){FIELD_NONE, offsets, 1};
}

static uint32_t form_of(const struct bpf_insn *insn)
{
	struct variants v = variants_of(insn->code);
	int32_t value = v.field == FIELD_IMM   ? insn->imm
			: v.field == FIELD_OFF ? insn->off
			: v.field == FIELD_SRC ? insn->src_reg
					       : 0;
	for (uint32_t n = 0; n < v.count; n++)
		if (v.values[n] == value)
			return (uint32_t)insn->code << 4 | n;
	return (uint32_t)insn->code << 4 | 15; /* none that the ISA has */
}

/* The form as an instruction; false where the ISA has none. */
static bool insn_of(uint32_t form, struct bpf_insn *out)
{
	struct variants v = variants_of((uint8_t)(form >> 4));
	if ((form & 15) >= v.count)
		return false;
	int32_t value = v.values[form & 15];
	*out = (struct bpf_insn){.code = (uint8_t)(form >> 4)};
	if (v.field == FIELD_IMM)
		out->imm = value;
	else if (v.field == FIELD_OFF)
		out->off = (int16_t)value;
	else if (v.field == FIELD_SRC)
		out->src_reg = (uint8_t)(value & 15);
	if (out->code == (BPF_JMP | BPF_CALL) && out->src_reg == 0)
		out->imm = 1;
	return insn_kind(out) != INSN_INVALID;
}

void cover_note(struct cover *c, const struct bpf_insn *insns, uint32_t count,
		const uint32_t *visits)
{
	uint32_t seen[COVER_FORMS / 32] = {0}, called[COVER_HELPERS / 32] = {0};
	for (uint32_t n = 0; n < count; n += insn_slots(&insns[n])) {
		uint32_t form = form_of(&insns[n]), id = (uint32_t)insns[n].imm;
		c->forms[form].executed += visits[n];
		c->forms[form].programs += !(seen[form / 32] >> form % 32 & 1);
		seen[form / 32] |= 1u << form % 32;
		if (insns[n].code != (BPF_JMP | BPF_CALL) || insns[n].src_reg ||
		    id >= COVER_HELPERS)
			continue;
		c->helpers[id].executed += visits[n];
		c->helpers[id].programs += !(called[id / 32] >> id % 32 & 1);
		called[id / 32] |= 1u << id % 32;
	}
}

void cover_add(struct cover *to, const struct cover *c)
{
	for (uint32_t n = 0; n < COVER_FORMS; n++) {
		to->forms[n].programs += c->forms[n].programs;
		to->forms[n].executed += c->forms[n].executed;
	}
	for (uint32_t n = 0; n < COVER_HELPERS; n++) {
		to->helpers[n].programs += c->helpers[n].programs;
		to->helpers[n].executed += c->helpers[n].executed;
	}
}

static void print_count(const struct cover_count *c, struct buf *out)
{
	buf_printf(out, "%10lu %12lu  ", (unsigned long)c->programs, (unsigned long)c->executed);
}

/* Returns how many lines it wrote; `reached` and not, or only those never executed. */
static uint32_t print_forms(const struct cover *c, bool is_reached, struct buf *out)
{
	uint32_t count = 0;
	for (uint32_t form = 0; form < COVER_FORMS; form++) {
		struct bpf_insn insn[2] = {0};
		if ((c->forms[form].executed != 0) != is_reached || !insn_of(form, &insn[0]))
			continue;
		count++;
		print_count(&c->forms[form], out);
		insn_print(insn, out);
		buf_putc(out, '\n');
	}
	return count;
}

static uint32_t print_helpers(const struct cover *c, bool is_reached, struct buf *out)
{
	uint32_t count = 0;
	for (size_t n = 0; n < helpers_count; n++) {
		const struct cover_count *k = &c->helpers[helpers[n].id % COVER_HELPERS];
		if ((k->executed != 0) != is_reached)
			continue;
		count++;
		print_count(k, out);
		buf_printf(out, "%s\n", helpers[n].name);
	}
	return count;
}

void cover_print(const struct cover *c, struct buf *out)
{
	buf_printf(out,
		   "  programs     executed  accepted programs that hold it, and executions\n");
	uint32_t reached = print_forms(c, true, out) + print_helpers(c, true, out);
	buf_printf(out, "never executed:\n");
	uint32_t missing = print_forms(c, false, out) + print_helpers(c, false, out);
	buf_printf(out, "%u forms of instructions and helpers of %u were executed\n", reached,
		   reached + missing);
}
