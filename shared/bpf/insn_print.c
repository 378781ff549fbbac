/*
 * Instructions as text, in the kernel's words with llvm-objdump's spaces; numbers are decimal.
 */
#include "shared/bpf/insn.h"

static const char *const operators[16] = {
	[BPF_ADD >> 4] = "+=",	[BPF_SUB >> 4] = "-=",	[BPF_MUL >> 4] = "*=",
	[BPF_DIV >> 4] = "/=",	[BPF_OR >> 4] = "|=",	[BPF_AND >> 4] = "&=",
	[BPF_LSH >> 4] = "<<=", [BPF_RSH >> 4] = ">>=", [BPF_MOD >> 4] = "%=",
	[BPF_XOR >> 4] = "^=",	[BPF_MOV >> 4] = "=",	[BPF_ARSH >> 4] = "s>>=",
};

static const char *const comparisons[16] = {
	[BPF_JEQ >> 4] = "==",	 [BPF_JGT >> 4] = ">",	  [BPF_JGE >> 4] = ">=",
	[BPF_JSET >> 4] = "&",	 [BPF_JNE >> 4] = "!=",	  [BPF_JSGT >> 4] = "s>",
	[BPF_JSGE >> 4] = "s>=", [BPF_JLT >> 4] = "<",	  [BPF_JLE >> 4] = "<=",
	[BPF_JSLT >> 4] = "s<",	 [BPF_JSLE >> 4] = "s<=",
};

/* "r1" or, where the instruction works on 32 bits, "w1". */
static void put_register(struct buf *out, bool is_32, unsigned number)
{
	buf_printf(out, "%c%u", is_32 ? 'w' : 'r', number);
}

static void put_source(struct buf *out, const struct bpf_insn *insn, bool is_32)
{
	if (BPF_SRC(insn->code) == BPF_X)
		put_register(out, is_32, insn->src_reg);
	else
		buf_printf(out, "%d", insn->imm);
}

/* "(u32 *)(r2 + 8)" */
static void put_memory(struct buf *out, const struct bpf_insn *insn, char sign, unsigned base)
{
	buf_printf(out, "(%c%u *)(r%u %c %d)", sign, insn_size_bytes(insn) * 8, base,
		   insn->off < 0 ? '-' : '+', insn->off < 0 ? -(int)insn->off : insn->off);
}

static void print_alu(const struct bpf_insn *insn, struct buf *out)
{
	bool is_32 = BPF_CLASS(insn->code) == BPF_ALU;
	unsigned operation = BPF_OP(insn->code);
	bool is_division = operation == BPF_DIV || operation == BPF_MOD;
	put_register(out, is_32, insn->dst_reg);
	if (operation == BPF_NEG) {
		buf_puts(out, " = -");
		put_register(out, is_32, insn->dst_reg);
		return;
	}
	buf_printf(out, " %s%s ", is_division && insn->off ? "s" : "", operators[operation >> 4]);
	if (operation == BPF_MOV && insn->off)
		buf_printf(out, "(s%d)", insn->off);
	put_source(out, insn, is_32);
}

static void print_end(const struct bpf_insn *insn, struct buf *out)
{
	const char *what = BPF_CLASS(insn->code) == BPF_ALU64 ? "bswap"
			   : BPF_SRC(insn->code) == BPF_TO_BE ? "be"
							      : "le";
	buf_printf(out, "r%u = %s%d r%u", insn->dst_reg, what, insn->imm, insn->dst_reg);
}

static void print_imm64(const struct bpf_insn *insn, struct buf *out)
{
	buf_printf(out, "r%u = ", insn->dst_reg);
	switch (insn->src_reg) {
	case BPF_PSEUDO_MAP_FD:
		buf_printf(out, "map[%d] ll", insn->imm);
		return;
	case BPF_PSEUDO_MAP_VALUE:
		buf_printf(out, "map[%d][0]+%u ll", insn->imm, (uint32_t)insn[1].imm);
		return;
	case BPF_PSEUDO_BTF_ID:
		buf_printf(out, "extern[%d] ll", insn->imm);
		return;
	case BPF_PSEUDO_FUNC:
		buf_printf(out, "subprog[%d] ll", insn->imm);
		return;
	}
	buf_printf(out, "%lld ll", (long long)insn_imm64(insn));
}

static void print_load(const struct bpf_insn *insn, struct buf *out)
{
	buf_printf(out, "r%u = *", insn->dst_reg);
	put_memory(out, insn, BPF_MODE(insn->code) == INSN_MEMSX ? 's' : 'u', insn->src_reg);
}

static void print_store(const struct bpf_insn *insn, struct buf *out)
{
	buf_putc(out, '*');
	put_memory(out, insn, 'u', insn->dst_reg);
	if (BPF_CLASS(insn->code) == BPF_STX)
		buf_printf(out, " = r%u", insn->src_reg);
	else
		buf_printf(out, " = %d", insn->imm);
}

static void print_fetch(const struct bpf_insn *insn, struct buf *out, const char *operation)
{
	bool is_32 = insn_size_bytes(insn) == 4, is_compare = insn->imm == BPF_CMPXCHG;
	put_register(out, is_32, is_compare ? BPF_REG_0 : insn->src_reg);
	buf_printf(out, " = atomic%s_%s(", is_32 ? "" : "64", operation);
	put_memory(out, insn, 'u', insn->dst_reg);
	buf_puts(out, ", ");
	if (is_compare) {
		put_register(out, is_32, BPF_REG_0);
		buf_puts(out, ", ");
	}
	put_register(out, is_32, insn->src_reg);
	buf_putc(out, ')');
}

static void print_atomic(const struct bpf_insn *insn, struct buf *out)
{
	static const struct {
		int32_t imm;
		const char *name;
	} fetches[] = {
		{BPF_ADD | BPF_FETCH, "fetch_add"},
		{BPF_OR | BPF_FETCH, "fetch_or"},
		{BPF_AND | BPF_FETCH, "fetch_and"},
		{BPF_XOR | BPF_FETCH, "fetch_xor"},
		{BPF_XCHG, "xchg"},
		{BPF_CMPXCHG, "cmpxchg"},
	};
	for (size_t i = 0; i < ARRAY_SIZE(fetches); i++)
		if (fetches[i].imm == insn->imm) {
			print_fetch(insn, out, fetches[i].name);
			return;
		}
	buf_puts(out, "lock *");
	put_memory(out, insn, 'u', insn->dst_reg);
	buf_printf(out, " %s r%u", operators[BPF_OP(insn->imm) >> 4], insn->src_reg);
}

static void print_jump(const struct bpf_insn *insn, struct buf *out)
{
	bool is_32 = BPF_CLASS(insn->code) == BPF_JMP32;
	buf_puts(out, "if ");
	put_register(out, is_32, insn->dst_reg);
	buf_printf(out, " %s ", comparisons[BPF_OP(insn->code) >> 4]);
	put_source(out, insn, is_32);
	buf_printf(out, " goto %+d", insn->off);
}

static void print_goto(const struct bpf_insn *insn, struct buf *out)
{
	bool is_long = BPF_CLASS(insn->code) == BPF_JMP32;
	buf_printf(out, "goto%s %+d", is_long ? "l" : "", insn_jump_offset(insn));
}

static void print_call(const struct bpf_insn *insn, struct buf *out)
{
	static const char *const formats[] = {"", "pc", "kernel-function "};
	buf_printf(out, "call %s", formats[insn->src_reg]);
	buf_printf(out, insn->src_reg == BPF_PSEUDO_CALL ? "%+d" : "%d", insn->imm);
}

static void print_exit(const struct bpf_insn *insn UNUSED, struct buf *out)
{
	buf_puts(out, "exit");
}

static void print_invalid(const struct bpf_insn *insn, struct buf *out)
{
	buf_printf(out, "invalid (code 0x%02x dst %u src %u off %d imm %d)", insn->code,
		   insn->dst_reg, insn->src_reg, insn->off, insn->imm);
}

void insn_print(const struct bpf_insn *insn, struct buf *out)
{
	static void (*const printers[])(const struct bpf_insn *, struct buf *) = {
		[INSN_INVALID] = print_invalid,	 [INSN_ALU] = print_alu,
		[INSN_END] = print_end,		 [INSN_LD_IMM64] = print_imm64,
		[INSN_LOAD] = print_load,	 [INSN_STORE] = print_store,
		[INSN_ATOMIC_OP] = print_atomic, [INSN_JUMP] = print_jump,
		[INSN_GOTO] = print_goto,	 [INSN_CALL_HELPER] = print_call,
		[INSN_CALL_LOCAL] = print_call,	 [INSN_CALL_KFUNC] = print_call,
		[INSN_EXIT] = print_exit,
	};
	printers[insn_kind(insn)](insn, out);
}
