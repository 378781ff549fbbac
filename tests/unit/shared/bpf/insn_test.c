#include "tests/unit/test.h"

#include "shared/bpf/insn.h"

#define ROW(code, dst, src, off, imm)              \
	{                                          \
		(code), (dst), (src), (off), (imm) \
	}

struct text_case {
	struct bpf_insn insn[2];
	enum insn_kind kind;
	const char *text;
};

static const struct text_case texts[] = {
	{{ROW(0x07, 1, 0, 0, -5)}, INSN_ALU, "r1 += -5"},
	{{ROW(0x0c, 1, 2, 0, 0)}, INSN_ALU, "w1 += w2"},
	{{ROW(0x1f, 1, 2, 0, 0)}, INSN_ALU, "r1 -= r2"},
	{{ROW(0x27, 1, 0, 0, 3)}, INSN_ALU, "r1 *= 3"},
	{{ROW(0x3f, 1, 2, 0, 0)}, INSN_ALU, "r1 /= r2"},
	{{ROW(0x3f, 1, 2, 1, 0)}, INSN_ALU, "r1 s/= r2"},
	{{ROW(0x94, 1, 0, 1, 7)}, INSN_ALU, "w1 s%= 7"},
	{{ROW(0x97, 1, 0, 0, 7)}, INSN_ALU, "r1 %= 7"},
	{{ROW(0x47, 1, 0, 0, 7)}, INSN_ALU, "r1 |= 7"},
	{{ROW(0x5c, 1, 2, 0, 0)}, INSN_ALU, "w1 &= w2"},
	{{ROW(0x67, 1, 0, 0, 32)}, INSN_ALU, "r1 <<= 32"},
	{{ROW(0x77, 1, 0, 0, 32)}, INSN_ALU, "r1 >>= 32"},
	{{ROW(0xaf, 1, 2, 0, 0)}, INSN_ALU, "r1 ^= r2"},
	{{ROW(0xc7, 1, 0, 0, 32)}, INSN_ALU, "r1 s>>= 32"},
	{{ROW(0x87, 3, 0, 0, 0)}, INSN_ALU, "r3 = -r3"},
	{{ROW(0x84, 3, 0, 0, 0)}, INSN_ALU, "w3 = -w3"},
	{{ROW(0xb4, 3, 0, 0, 9)}, INSN_ALU, "w3 = 9"},
	{{ROW(0xbf, 6, 10, 0, 0)}, INSN_ALU, "r6 = r10"},
	{{ROW(0xbf, 6, 1, 32, 0)}, INSN_ALU, "r6 = (s32)r1"},
	{{ROW(0xbc, 6, 1, 8, 0)}, INSN_ALU, "w6 = (s8)w1"},
	{{ROW(0xd4, 2, 0, 0, 16)}, INSN_END, "r2 = le16 r2"},
	{{ROW(0xdc, 2, 0, 0, 64)}, INSN_END, "r2 = be64 r2"},
	{{ROW(0xd7, 2, 0, 0, 32)}, INSN_END, "r2 = bswap32 r2"},
	{{ROW(0x18, 1, 0, 0, -1), ROW(0, 0, 0, 0, 1)}, INSN_LD_IMM64, "r1 = 8589934591 ll"},
	{{ROW(0x18, 1, 1, 0, 3)}, INSN_LD_IMM64, "r1 = map[3] ll"},
	{{ROW(0x18, 1, 2, 0, 3), ROW(0, 0, 0, 0, 16)}, INSN_LD_IMM64, "r1 = map[3][0]+16 ll"},
	{{ROW(0x18, 1, 4, 0, 12)}, INSN_LD_IMM64, "r1 = subprog[12] ll"},
	{{ROW(0x61, 1, 2, 8, 0)}, INSN_LOAD, "r1 = *(u32 *)(r2 + 8)"},
	{{ROW(0x71, 1, 10, -1, 0)}, INSN_LOAD, "r1 = *(u8 *)(r10 - 1)"},
	{{ROW(0x79, 1, 2, -32768, 0)}, INSN_LOAD, "r1 = *(u64 *)(r2 - 32768)"},
	{{ROW(0x89, 1, 2, 2, 0)}, INSN_LOAD, "r1 = *(s16 *)(r2 + 2)"},
	{{ROW(0x62, 10, 0, -4, 7)}, INSN_STORE, "*(u32 *)(r10 - 4) = 7"},
	{{ROW(0x7b, 10, 1, -8, 0)}, INSN_STORE, "*(u64 *)(r10 - 8) = r1"},
	{{ROW(0xdb, 0, 1, 0, 0)}, INSN_ATOMIC_OP, "lock *(u64 *)(r0 + 0) += r1"},
	{{ROW(0xc3, 0, 1, 4, 0xa0)}, INSN_ATOMIC_OP, "lock *(u32 *)(r0 + 4) ^= r1"},
	{{ROW(0xdb, 0, 1, 0, 1)}, INSN_ATOMIC_OP, "r1 = atomic64_fetch_add((u64 *)(r0 + 0), r1)"},
	{{ROW(0xc3, 2, 1, 0, 0xe1)}, INSN_ATOMIC_OP, "w1 = atomic_xchg((u32 *)(r2 + 0), w1)"},
	{{ROW(0xdb, 2, 1, 0, 0xf1)},
	 INSN_ATOMIC_OP,
	 "r0 = atomic64_cmpxchg((u64 *)(r2 + 0), r0, r1)"},
	{{ROW(0x66, 3, 0, 4, 7)}, INSN_JUMP, "if w3 s> 7 goto +4"},
	{{ROW(0x1d, 3, 4, -2, 0)}, INSN_JUMP, "if r3 == r4 goto -2"},
	{{ROW(0x45, 3, 0, 1, 8)}, INSN_JUMP, "if r3 & 8 goto +1"},
	{{ROW(0x05, 0, 0, -3, 0)}, INSN_GOTO, "goto -3"},
	{{ROW(0x06, 0, 0, 0, 70000)}, INSN_GOTO, "gotol +70000"},
	{{ROW(0xe5, 0, 0, 5, 0)}, INSN_MAY_GOTO, "may_goto +5"},
	{{ROW(0x85, 0, 0, 0, 14)}, INSN_CALL_HELPER, "call 14"},
	{{ROW(0x85, 0, 1, 0, 5)}, INSN_CALL_LOCAL, "call pc+5"},
	{{ROW(0x85, 0, 2, 3, 77)}, INSN_CALL_KFUNC, "call kernel-function 77"},
	{{ROW(0x95, 0, 0, 0, 0)}, INSN_EXIT, "exit"},
	{{ROW(0xff, 1, 2, 3, 4)}, INSN_INVALID, "invalid (code 0xff dst 1 src 2 off 3 imm 4)"},
};

static void classifies_and_prints_as_the_kernel_does(void **state UNUSED)
{
	for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
		OWNED_BUF struct buf out = BUF_INIT(256);
		insn_print(texts[i].insn, &out);
		assert_string_equal(buf_text(&out), texts[i].text);
		assert_int_equal(insn_kind(texts[i].insn), texts[i].kind);
	}
}

static const struct bpf_insn reserved[] = {
	ROW(0x07, 1, 1, 0, 5),	   /* src beside an immediate */
	ROW(0x0f, 1, 2, 0, 5),	   /* immediate beside src */
	ROW(0x0f, 1, 2, 1, 0),	   /* offset of an addition */
	ROW(0x3f, 1, 2, 2, 0),	   /* division: offset neither 0 nor 1 */
	ROW(0xb7, 1, 0, 8, 1),	   /* sign extension of a constant */
	ROW(0xbc, 1, 2, 32, 0),	   /* 32 bits extended to 32 */
	ROW(0xbf, 1, 2, 64, 0),	   /* no such width */
	ROW(0x87, 1, 0, 0, 1),	   /* negation with an immediate */
	ROW(0x8f, 1, 2, 0, 0),	   /* negation of a register by a register */
	ROW(0xd4, 1, 0, 0, 8),	   /* swap of one byte */
	ROW(0xd4, 1, 1, 0, 16),	   /* swap with src */
	ROW(0xdf, 1, 0, 0, 16),	   /* bswap has no X form */
	ROW(0x18, 1, 7, 0, 0),	   /* no such constant */
	ROW(0x18, 1, 0, 1, 0),	   /* offset of a constant */
	ROW(0x61, 1, 2, 0, 1),	   /* immediate of a load */
	ROW(0x99, 1, 2, 0, 0),	   /* sign extension of 64 bits */
	ROW(0x62, 1, 2, 0, 0),	   /* src of a constant store */
	ROW(0x63, 1, 2, 0, 1),	   /* immediate of a register store */
	ROW(0xcb, 1, 2, 0, 0),	   /* atomic on 16 bits */
	ROW(0xd3, 1, 2, 0, 0),	   /* atomic on 8 bits */
	ROW(0xdb, 1, 2, 0, 2),	   /* no such atomic operation */
	ROW(0xdb, 1, 2, 0, 0xe0),  /* exchange without fetch */
	ROW(0xdb, 1, 2, 0, 0x1f1), /* bits above the operation */
	ROW(0x05, 0, 0, 1, 1),	   /* immediate of a short jump */
	ROW(0x06, 0, 0, 1, 1),	   /* offset of a long jump */
	ROW(0x05, 1, 0, 1, 0),	   /* jump with dst */
	ROW(0x15, 1, 1, 1, 1),	   /* src beside an immediate */
	ROW(0x1d, 1, 1, 1, 1),	   /* immediate beside src */
	ROW(0x85, 1, 0, 0, 1),	   /* call with dst */
	ROW(0x85, 0, 0, 1, 1),	   /* helper call with offset */
	ROW(0x85, 0, 1, 1, 1),	   /* local call with offset */
	ROW(0x85, 0, 3, 0, 1),	   /* no such call */
	ROW(0x86, 0, 0, 0, 1),	   /* call of class JMP32 */
	ROW(0x8d, 0, 0, 0, 1),	   /* call through a register */
	ROW(0x95, 0, 0, 0, 1),	   /* exit with an immediate */
	ROW(0x96, 0, 0, 0, 0),	   /* exit of class JMP32 */
	ROW(0xe5, 0, 1, 1, 0),	   /* may_goto with src */
	ROW(0xe5, 0, 0, 1, 1),	   /* … with an immediate */
	ROW(0x20, 0, 0, 0, 0),	   /* packet access of classic BPF */
	ROW(0x07, 11, 0, 0, 1),	   /* r11 */
	ROW(0x0f, 1, 11, 0, 0),	   ROW(0x00, 0, 0, 0, 0),
};

static void rejects_every_use_of_reserved_fields(void **state UNUSED)
{
	for (size_t i = 0; i < ARRAY_SIZE(reserved); i++)
		if (insn_kind(&reserved[i]) != INSN_INVALID)
			fail_msg("row %zu (code 0x%02x) is taken for kind %d", i, reserved[i].code,
				 insn_kind(&reserved[i]));
}

/* The count is the ISA's: 12 binary ALU operations × 4, 2 negations, 3 swaps, 1 constant, 4 sizes × 3
 * accesses, 3 signed loads, 2 atomics, 11 conditions × 4, 3 jumps, call, exit. */
static void knows_the_whole_isa_and_nothing_else(void **state UNUSED)
{
	size_t known = 0;
	for (unsigned code = 0; code < 256; code++) {
		struct bpf_insn plain = {.code = (__u8)code};
		struct bpf_insn wide = {.code = (__u8)code, .imm = 16};
		known += insn_kind(&plain) != INSN_INVALID || insn_kind(&wide) != INSN_INVALID;
	}
	assert_int_equal(known, 12 * 4 + 2 + 3 + 1 + 4 * 3 + 3 + 2 + 11 * 4 + 3 + 2);
}

static void prints_whatever_the_bits_are(void **state UNUSED)
{
	static const __s16 offsets[] = {0, 1, 8, 16, 32, -1};
	static const __s32 imms[] = {0, 1, 16, 32, 64, 0x41, 0xe1, 0xf1, INT32_MIN};
	OWNED_BUF struct buf out = BUF_INIT(256);
	for (unsigned bits = 0; bits < 1u << 16; bits++)
		for (size_t i = 0; i < ARRAY_SIZE(offsets) * ARRAY_SIZE(imms); i++) {
			struct bpf_insn insn[2] = {{.code = (__u8)bits,
						    .dst_reg = (__u8)(bits >> 8 & 15),
						    .src_reg = (__u8)(bits >> 12),
						    .off = offsets[i % ARRAY_SIZE(offsets)],
						    .imm = imms[i / ARRAY_SIZE(offsets)]}};
			if (bits >> 8 && insn_kind(insn) == INSN_INVALID)
				continue;
			buf_clear(&out);
			insn_print(insn, &out);
			assert_true(out.size > 3);
			assert_null(strstr(buf_text(&out), "(null)"));
		}
}

static void gives_sizes_slots_and_targets(void **state UNUSED)
{
	struct bpf_insn byte = ROW(0x71, 1, 2, 0, 0), half = ROW(0x69, 1, 2, 0, 0),
			word = ROW(0x61, 1, 2, 0, 0), wide = ROW(0x79, 1, 2, 0, 0),
			constant = ROW(0x18, 1, 0, 0, 0), near_jump = ROW(0x05, 0, 0, -7, 0),
			far_jump = ROW(0x06, 0, 0, 0, -70000);
	assert_int_equal(insn_size_bytes(&byte), 1);
	assert_int_equal(insn_size_bytes(&half), 2);
	assert_int_equal(insn_size_bytes(&word), 4);
	assert_int_equal(insn_size_bytes(&wide), 8);
	assert_int_equal(insn_slots(&wide), 1);
	assert_int_equal(insn_slots(&constant), 2);
	assert_int_equal(insn_jump_offset(&near_jump), -7);
	assert_int_equal(insn_jump_offset(&far_jump), -70000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(classifies_and_prints_as_the_kernel_does),
		cmocka_unit_test(rejects_every_use_of_reserved_fields),
		cmocka_unit_test(knows_the_whole_isa_and_nothing_else),
		cmocka_unit_test(prints_whatever_the_bits_are),
		cmocka_unit_test(gives_sizes_slots_and_targets),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
