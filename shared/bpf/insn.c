/*
 * The opcode byte decides everything but a handful of exceptions, so one table of 256 rows, written
 * down family by family, says for each byte what the instruction is and which of its fields it uses.
 *
 *	  7      4  3  2    0		  7    5  4  3  2    0
 *	+---------+---+------+		+-------+------+------+
 *	| operation| X | class|		| mode  | size | class|
 *	+---------+---+------+		+-------+------+------+
 *	 ALU, ALU64, JMP, JMP32		 LD, LDX, ST, STX
 *
 * [I1] A byte without a row is no instruction.
 * [I2] A field that the row does not list is reserved and must be 0.
 * [I3] What a listed field may hold is the `check` of the row, for the few that limit it.
 */
#include "shared/bpf/insn.h"

#define REGISTERS 11

enum field { DST = 1, SRC = 2, OFF = 4, IMM = 8 };

struct form {
	uint8_t kind;
	uint8_t fields;
	bool (*check)(const struct bpf_insn *insn);
};

static bool check_signed(const struct bpf_insn *insn)
{
	return insn->off == 0 || insn->off == 1;
}

static bool check_movsx32(const struct bpf_insn *insn)
{
	return insn->off == 0 || insn->off == 8 || insn->off == 16;
}

static bool check_movsx64(const struct bpf_insn *insn)
{
	return check_movsx32(insn) || insn->off == 32;
}

static bool check_width(const struct bpf_insn *insn)
{
	return insn->imm == 16 || insn->imm == 32 || insn->imm == 64;
}

static bool check_imm64(const struct bpf_insn *insn)
{
	return insn->src_reg <= BPF_PSEUDO_MAP_IDX_VALUE;
}

static bool check_call(const struct bpf_insn *insn)
{
	return insn->src_reg == BPF_PSEUDO_KFUNC_CALL ||
	       (insn->src_reg <= BPF_PSEUDO_CALL && insn->off == 0);
}

static bool check_atomic(const struct bpf_insn *insn)
{
	static const uint8_t operations[] = {
		BPF_ADD,
		BPF_OR,
		BPF_AND,
		BPF_XOR,
		BPF_ADD | BPF_FETCH,
		BPF_OR | BPF_FETCH,
		BPF_AND | BPF_FETCH,
		BPF_XOR | BPF_FETCH,
		BPF_XCHG,
		BPF_CMPXCHG,
	};
	for (size_t i = 0; i < ARRAY_SIZE(operations); i++)
		if (insn->imm == operations[i])
			return true;
	return false;
}

/* An operation of ALU and ALU64, with an immediate and with a register. */
#define ALU_ROWS(op, more, check)                                                             \
	[BPF_ALU | (op) | BPF_K] = {INSN_ALU, DST | IMM | (more), check},                     \
			  [BPF_ALU | (op) | BPF_X] = {INSN_ALU, DST | SRC | (more), check},   \
			  [BPF_ALU64 | (op) | BPF_K] = {INSN_ALU, DST | IMM | (more), check}, \
			  [BPF_ALU64 | (op) | BPF_X] = {INSN_ALU, DST | SRC | (more), check}

#define JUMP_ROWS(op)                                                                      \
	[BPF_JMP | (op) | BPF_K] = {INSN_JUMP, DST | OFF | IMM, NULL},                     \
			  [BPF_JMP | (op) | BPF_X] = {INSN_JUMP, DST | SRC | OFF, NULL},   \
			  [BPF_JMP32 | (op) | BPF_K] = {INSN_JUMP, DST | OFF | IMM, NULL}, \
			  [BPF_JMP32 | (op) | BPF_X] = {INSN_JUMP, DST | SRC | OFF, NULL}

#define MEMORY_ROWS(size)                                                                       \
	[BPF_LDX | BPF_MEM | (size)] = {INSN_LOAD, DST | SRC | OFF, NULL},                      \
			     [BPF_ST | BPF_MEM | (size)] = {INSN_STORE, DST | OFF | IMM, NULL}, \
			     [BPF_STX | BPF_MEM | (size)] = {INSN_STORE, DST | SRC | OFF, NULL}

#define SIGNED_LOAD_ROW(size) [BPF_LDX | INSN_MEMSX | (size)] = {INSN_LOAD, DST | SRC | OFF, NULL}

#define ATOMIC_ROW(size) \
	[BPF_STX | INSN_ATOMIC | (size)] = {INSN_ATOMIC_OP, DST | SRC | OFF | IMM, check_atomic}

static const struct form forms[256] = {
	ALU_ROWS(BPF_ADD, 0, NULL),
	ALU_ROWS(BPF_SUB, 0, NULL),
	ALU_ROWS(BPF_MUL, 0, NULL),
	ALU_ROWS(BPF_OR, 0, NULL),
	ALU_ROWS(BPF_AND, 0, NULL),
	ALU_ROWS(BPF_LSH, 0, NULL),
	ALU_ROWS(BPF_RSH, 0, NULL),
	ALU_ROWS(BPF_XOR, 0, NULL),
	ALU_ROWS(BPF_ARSH, 0, NULL),
	ALU_ROWS(BPF_DIV, OFF, check_signed),
	ALU_ROWS(BPF_MOD, OFF, check_signed),
	[BPF_ALU | BPF_MOV | BPF_K] = {INSN_ALU, DST | IMM, NULL},
	[BPF_ALU | BPF_MOV | BPF_X] = {INSN_ALU, DST | SRC | OFF, check_movsx32},
	[BPF_ALU64 | BPF_MOV | BPF_K] = {INSN_ALU, DST | IMM, NULL},
	[BPF_ALU64 | BPF_MOV | BPF_X] = {INSN_ALU, DST | SRC | OFF, check_movsx64},
	[BPF_ALU | BPF_NEG] = {INSN_ALU, DST, NULL},
	[BPF_ALU64 | BPF_NEG] = {INSN_ALU, DST, NULL},
	[BPF_ALU | BPF_END | BPF_TO_LE] = {INSN_END, DST | IMM, check_width},
	[BPF_ALU | BPF_END | BPF_TO_BE] = {INSN_END, DST | IMM, check_width},
	[BPF_ALU64 | BPF_END] = {INSN_END, DST | IMM, check_width},

	[BPF_LD | BPF_IMM | BPF_DW] = {INSN_LD_IMM64, DST | SRC | IMM, check_imm64},
	MEMORY_ROWS(BPF_B),
	MEMORY_ROWS(BPF_H),
	MEMORY_ROWS(BPF_W),
	MEMORY_ROWS(BPF_DW),
	SIGNED_LOAD_ROW(BPF_B),
	SIGNED_LOAD_ROW(BPF_H),
	SIGNED_LOAD_ROW(BPF_W),
	ATOMIC_ROW(BPF_W),
	ATOMIC_ROW(BPF_DW),

	JUMP_ROWS(BPF_JEQ),
	JUMP_ROWS(BPF_JNE),
	JUMP_ROWS(BPF_JGT),
	JUMP_ROWS(BPF_JGE),
	JUMP_ROWS(BPF_JLT),
	JUMP_ROWS(BPF_JLE),
	JUMP_ROWS(BPF_JSET),
	JUMP_ROWS(BPF_JSGT),
	JUMP_ROWS(BPF_JSGE),
	JUMP_ROWS(BPF_JSLT),
	JUMP_ROWS(BPF_JSLE),
	[BPF_JMP | BPF_JA] = {INSN_GOTO, OFF, NULL},
	[BPF_JMP32 | BPF_JA] = {INSN_GOTO, IMM, NULL},
	[BPF_JMP | INSN_JCOND] = {INSN_MAY_GOTO, OFF, NULL},
	[BPF_JMP | BPF_CALL] = {INSN_CALL_HELPER, SRC | OFF | IMM, check_call},
	[BPF_JMP | BPF_EXIT] = {INSN_EXIT, 0, NULL},
};

static bool fields_fit(const struct bpf_insn *insn, const struct form *form)
{
	unsigned used = form->fields;
	return insn->dst_reg < ((used & DST) ? REGISTERS : 1) &&
	       insn->src_reg < ((used & SRC) ? REGISTERS : 1) && ((used & OFF) || insn->off == 0) &&
	       ((used & IMM) || insn->imm == 0);
}

enum insn_kind insn_kind(const struct bpf_insn *insn)
{
	static const uint8_t calls[] = {
		[0] = INSN_CALL_HELPER,
		[BPF_PSEUDO_CALL] = INSN_CALL_LOCAL,
		[BPF_PSEUDO_KFUNC_CALL] = INSN_CALL_KFUNC,
	};
	const struct form *form = &forms[insn->code];
	if (form->kind == INSN_INVALID || !fields_fit(insn, form))
		return INSN_INVALID;
	if (form->check && !form->check(insn))
		return INSN_INVALID;
	return form->kind == INSN_CALL_HELPER ? calls[insn->src_reg] : form->kind;
}

unsigned insn_slots(const struct bpf_insn *insn)
{
	return insn->code == (BPF_LD | BPF_IMM | BPF_DW) ? 2 : 1;
}

unsigned insn_size_bytes(const struct bpf_insn *insn)
{
	static const uint8_t sizes[] = {4, 2, 1, 8}; /* W, H, B, DW */
	return sizes[BPF_SIZE(insn->code) >> 3];
}

int32_t insn_jump_offset(const struct bpf_insn *insn)
{
	return insn->code == (BPF_JMP32 | BPF_JA) ? insn->imm : insn->off;
}
