#include "agent/attach/x86_64/decode.h"

static ZydisDecoder decoder(void)
{
	ZydisDecoder d;
	ZydisDecoderInit(&d, ZYDIS_MACHINE_MODE_LONG_64, ZYDIS_STACK_WIDTH_64);
	return d;
}

static void find_target(struct decode_insn *insn, uint64_t offset)
{
	for (unsigned i = 0; i < insn->raw.operand_count_visible; i++) {
		const ZydisDecodedOperand *o = &insn->operands[i];
		if (o->type != ZYDIS_OPERAND_TYPE_IMMEDIATE || !o->imm.is_relative)
			continue;
		insn->has_target = true;
		insn->target = (int64_t)(offset + insn->raw.length + o->imm.value.u);
	}
}

bool decode_at(struct bytes code, uint64_t offset, struct decode_insn *out)
{
	ZydisDecoder d = decoder();
	memset(out, 0, sizeof(*out));
	if (offset >= code.size ||
	    !ZYAN_SUCCESS(ZydisDecoderDecodeFull(&d, code.data + offset, code.size - offset,
						 &out->raw, out->operands)))
		return false;
	find_target(out, offset);
	return true;
}

const char *decode_text(const struct decode_insn *insn, uint64_t address, char out[DECODE_TEXT_MAX])
{
	ZydisFormatter f;
	ZydisFormatterInit(&f, ZYDIS_FORMATTER_STYLE_INTEL);
	out[0] = 0;
	ZydisFormatterFormatInstruction(&f, &insn->raw, insn->operands,
					insn->raw.operand_count_visible, out, DECODE_TEXT_MAX,
					address, NULL);
	return out;
}

bool decode_is_call(const struct decode_insn *insn)
{
	return insn->raw.meta.category == ZYDIS_CATEGORY_CALL;
}

bool decode_is_jump(const struct decode_insn *insn)
{
	return insn->raw.meta.category == ZYDIS_CATEGORY_UNCOND_BR;
}

bool decode_is_branch(const struct decode_insn *insn)
{
	return insn->raw.meta.category == ZYDIS_CATEGORY_COND_BR;
}

bool decode_is_end(const struct decode_insn *insn)
{
	return decode_is_jump(insn) || insn->raw.meta.category == ZYDIS_CATEGORY_RET ||
	       insn->raw.mnemonic == ZYDIS_MNEMONIC_UD2 || insn->raw.mnemonic == ZYDIS_MNEMONIC_HLT;
}

bool decode_is_padding(const struct decode_insn *insn)
{
	return insn->raw.mnemonic == ZYDIS_MNEMONIC_NOP ||
	       insn->raw.mnemonic == ZYDIS_MNEMONIC_INT3;
}

const ZydisDecodedOperand *decode_rip_operand(const struct decode_insn *insn)
{
	for (unsigned i = 0; i < insn->raw.operand_count; i++) {
		const ZydisDecodedOperand *o = &insn->operands[i];
		if (o->type == ZYDIS_OPERAND_TYPE_MEMORY && o->mem.base == ZYDIS_REGISTER_RIP)
			return o;
	}
	return NULL;
}
