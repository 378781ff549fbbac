/*
 * What is done to a program that was written: an instruction or two are changed, one is blanked, all are
 * printed.
 */
#include "tests/sound/generate.h"

static bool is_second_slot(const struct generate_program *p, uint32_t at)
{
	return at > 0 && p->insns[at - 1].code == (BPF_LD | BPF_IMM | BPF_DW);
}

/* What object_parse() vouches for must stay so: constants whole, calls to functions. */
static bool is_changeable(const struct generate_program *p, uint32_t at)
{
	return !is_second_slot(p, at) && p->insns[at].code != (BPF_LD | BPF_IMM | BPF_DW) &&
	       !(p->insns[at].code == (BPF_JMP | BPF_CALL) && p->insns[at].src_reg != 0);
}

static void change(struct generate_random *r, struct bpf_insn *insn)
{
	switch (generate_below(r, 6)) {
	case 0: {
		uint8_t code = insn->code ^ (uint8_t)(1u << generate_below(r, 8));
		if (code != (BPF_LD | BPF_IMM | BPF_DW))
			insn->code = code;
		return;
	}
	case 1:
		insn->dst_reg = (uint8_t)(generate_below(r, 11) & 15);
		return;
	case 2:
		insn->src_reg = (uint8_t)(generate_below(r, 11) & 15);
		return;
	case 3:
		insn->off = (int16_t)(insn->off + (int)generate_below(r, 17) - 8);
		return;
	case 4:
		insn->imm = (int32_t)((uint32_t)insn->imm + generate_below(r, 5) - 2);
		return;
	case 5:
		insn->imm = (int32_t)generate_number(r);
		return;
	}
}

static void swap_two(struct generate_program *p, uint32_t a, uint32_t b)
{
	struct bpf_insn kept = p->insns[a];
	if (!is_changeable(p, a) || !is_changeable(p, b))
		return;
	p->insns[a] = p->insns[b];
	p->insns[b] = kept;
}

void generate_mutate(struct generate_random *r, struct generate_program *p)
{
	for (uint32_t n = 1 + generate_below(r, 3); n--;) {
		uint32_t at = generate_below(r, p->object.insns_count);
		if (!is_changeable(p, at))
			continue;
		switch (generate_below(r, 6)) {
		case 0:
			generate_blank(p, at);
			break;
		case 1:
			if (at + 1 < p->object.insns_count)
				swap_two(p, at, at + 1);
			break;
		default: {
			struct bpf_insn kept = p->insns[at];
			change(r, &p->insns[at]);
			if (p->insns[at].code == (BPF_JMP | BPF_CALL))
				p->insns[at].src_reg = 0;
			if (insn_kind(&p->insns[at]) == INSN_INVALID && generate_below(r, 20))
				p->insns[at] = kept;
		}
		}
	}
}

static const struct bpf_insn nothing = {.code = BPF_JMP | BPF_JA};

void generate_blank(struct generate_program *p, uint32_t insn)
{
	if (is_second_slot(p, insn))
		return;
	if (p->insns[insn].code == (BPF_LD | BPF_IMM | BPF_DW))
		p->insns[insn + 1] = nothing;
	p->insns[insn] = nothing;
}

void generate_print(const struct generate_program *p, struct buf *out)
{
	for (uint32_t f = 0; f < p->object.functions_count; f++) {
		const struct object_function *fn = &p->functions[f];
		buf_printf(out, "%.*s:\n", STR_FMT(fn->name));
		for (uint32_t n = fn->first; n < fn->first + fn->count;
		     n += insn_slots(&p->insns[n])) {
			if (p->insns[n].code == (BPF_JMP | BPF_JA) && p->insns[n].off == 0)
				continue; /* blank */
			buf_printf(out, "%4u: ", n);
			insn_print(&p->insns[n], out);
			buf_putc(out, '\n');
		}
	}
}
