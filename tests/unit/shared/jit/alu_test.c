/*
 * Every arithmetic instruction, with a register and with immediates, in both widths, on values where
 * mistakes show, against C.
 */
#include "tests/unit/shared/jit/assemble.h"

static const uint64_t values[] = {0,
				  1,
				  2,
				  3,
				  7,
				  31,
				  32,
				  33,
				  63,
				  64,
				  255,
				  0x7fffffff,
				  0x80000000,
				  0xffffffff,
				  0x100000000,
				  0x123456789abcdef0,
				  0x7fffffffffffffff,
				  0x8000000000000000,
				  0x8000000080000000,
				  0xffffffff80000000,
				  0xffffffffffffffff,
				  0xfffffffffffffffe,
				  0xdeadbeefcafebabe};

static const int32_t immediates[] = {0, 1, -1, 7, 31, 63, 64, INT32_MAX, INT32_MIN};

struct operation {
	uint8_t op;
	int16_t off;
};

static const struct operation operations[] = {{BPF_ADD, 0}, {BPF_SUB, 0},  {BPF_MUL, 0},
					      {BPF_DIV, 0}, {BPF_DIV, 1},  {BPF_OR, 0},
					      {BPF_AND, 0}, {BPF_LSH, 0},  {BPF_RSH, 0},
					      {BPF_MOD, 0}, {BPF_MOD, 1},  {BPF_XOR, 0},
					      {BPF_MOV, 0}, {BPF_ARSH, 0}, {BPF_NEG, 0},
					      {BPF_MOV, 8}, {BPF_MOV, 16}, {BPF_MOV, 32}};

static uint64_t signed_64(struct operation o, int64_t a, int64_t b)
{
	if (b == 0)
		return o.op == BPF_DIV ? 0 : (uint64_t)a;
	if (b == -1)
		return o.op == BPF_DIV ? 0 - (uint64_t)a : 0;
	return (uint64_t)(o.op == BPF_DIV ? a / b : a % b);
}

static uint64_t unsigned_64(struct operation o, uint64_t a, uint64_t b)
{
	if (b == 0)
		return o.op == BPF_DIV ? 0 : a;
	return o.op == BPF_DIV ? a / b : a % b;
}

static uint64_t extend(uint64_t b, int16_t bits)
{
	switch (bits) {
	case 8:
		return (uint64_t)(int64_t)(int8_t)b;
	case 16:
		return (uint64_t)(int64_t)(int16_t)b;
	case 32:
		return (uint64_t)(int64_t)(int32_t)b;
	}
	return b;
}

static uint64_t reference_64(struct operation o, uint64_t a, uint64_t b)
{
	switch (o.op) {
	case BPF_ADD:
		return a + b;
	case BPF_SUB:
		return a - b;
	case BPF_MUL:
		return a * b;
	case BPF_DIV:
	case BPF_MOD:
		return o.off ? signed_64(o, (int64_t)a, (int64_t)b) : unsigned_64(o, a, b);
	case BPF_OR:
		return a | b;
	case BPF_AND:
		return a & b;
	case BPF_LSH:
		return a << (b & 63);
	case BPF_RSH:
		return a >> (b & 63);
	case BPF_ARSH:
		return (uint64_t)((int64_t)a >> (b & 63));
	case BPF_XOR:
		return a ^ b;
	case BPF_NEG:
		return 0 - a;
	}
	return extend(b, o.off);
}

/* The same on 32 bits, by 64-bit arithmetic where that shows no difference. */
static uint64_t reference_32(struct operation o, uint64_t a64, uint64_t b64)
{
	uint32_t a = (uint32_t)a64, b = (uint32_t)b64;
	switch (o.op) {
	case BPF_DIV:
	case BPF_MOD:
		return o.off ? (uint32_t)signed_64(o, (int32_t)a, (int32_t)b)
			     : (uint32_t)unsigned_64(o, a, b);
	case BPF_LSH:
		return (uint32_t)(a << (b & 31));
	case BPF_RSH:
		return a >> (b & 31);
	case BPF_ARSH:
		return (uint32_t)((int32_t)a >> (b & 31));
	}
	return (uint32_t)reference_64(o, a, b);
}

static uint64_t reference(bool is_64, struct operation o, uint64_t a, uint64_t b)
{
	return is_64 ? reference_64(o, a, b) : reference_32(o, a, b);
}

static bool exists(bool is_64, struct operation o, bool immediate)
{
	if (o.op == BPF_NEG)
		return immediate;
	if (o.op == BPF_MOV && o.off)
		return !immediate && (is_64 || o.off != 32);
	return true;
}

static void add_operation(struct assemble *a, bool is_64, struct operation o,
			  const int32_t *immediate)
{
	uint8_t class = is_64 ? BPF_ALU64 : BPF_ALU;
	ASSEMBLE(a, LOAD(BPF_DW, 2, 1, 0), LOAD(BPF_DW, 3, 1, 8),
		 INSN(class | o.op | (immediate ? BPF_K : BPF_X), 2, immediate ? 0 : 3, o.off,
		      immediate && o.op != BPF_NEG ? *immediate : 0),
		 MOV_X(0, 2), EXIT);
}

static void arithmetic_with_registers_is_as_in_c(void **state)
{
	(void)state;
	for (int is_64 = 0; is_64 < 2; is_64++) {
		static struct assemble a;
		memset(&a, 0, sizeof(a));
		for (size_t i = 0; i < ARRAY_SIZE(operations); i++)
			if (exists(is_64, operations[i], false))
				add_operation(&a, is_64, operations[i], NULL);
		struct load l = assemble_load(&a, NULL);
		uint32_t entry = 0;
		for (size_t i = 0; i < ARRAY_SIZE(operations); i++) {
			if (!exists(is_64, operations[i], false))
				continue;
			for (size_t v = 0; v < ARRAY_SIZE(values) * ARRAY_SIZE(values); v++) {
				uint64_t ctx[2] = {values[v / ARRAY_SIZE(values)],
						   values[v % ARRAY_SIZE(values)]};
				uint64_t want = reference(is_64, operations[i], ctx[0], ctx[1]);
				uint64_t got = load_run(&l, entry, ctx);
				if (got != want)
					fail_msg("op 0x%x off %d 64:%d %llx, %llx: %llx instead of "
						 "%llx",
						 operations[i].op, operations[i].off, is_64,
						 (unsigned long long)ctx[0],
						 (unsigned long long)ctx[1],
						 (unsigned long long)got, (unsigned long long)want);
			}
			entry++;
		}
		load_fini(&l);
	}
}

static void arithmetic_with_immediates_is_as_in_c(void **state)
{
	(void)state;
	for (size_t k = 0; k < ARRAY_SIZE(immediates); k++) {
		static struct assemble a;
		memset(&a, 0, sizeof(a));
		for (int is_64 = 0; is_64 < 2; is_64++)
			for (size_t i = 0; i < ARRAY_SIZE(operations); i++)
				if (exists(is_64, operations[i], true))
					add_operation(&a, is_64, operations[i], &immediates[k]);
		struct load l = assemble_load(&a, NULL);
		uint32_t entry = 0;
		for (int is_64 = 0; is_64 < 2; is_64++)
			for (size_t i = 0; i < ARRAY_SIZE(operations); i++) {
				if (!exists(is_64, operations[i], true))
					continue;
				for (size_t v = 0; v < ARRAY_SIZE(values); v++) {
					uint64_t ctx[2] = {values[v], 99};
					uint64_t want = reference(is_64, operations[i], ctx[0],
								  (uint64_t)(int64_t)immediates[k]);
					uint64_t got = load_run(&l, entry, ctx);
					if (got != want)
						fail_msg("op 0x%x off %d 64:%d %llx, imm %d: %llx "
							 "instead of %llx",
							 operations[i].op, operations[i].off, is_64,
							 (unsigned long long)ctx[0], immediates[k],
							 (unsigned long long)got,
							 (unsigned long long)want);
				}
				entry++;
			}
		load_fini(&l);
	}
}

static void byte_swaps_cut_and_turn(void **state)
{
	(void)state;
	static const int32_t widths[] = {16, 32, 64};
	static const uint8_t codes[] = {BPF_ALU | BPF_END | BPF_TO_LE,
					BPF_ALU | BPF_END | BPF_TO_BE, BPF_ALU64 | BPF_END};
	static struct assemble a;
	memset(&a, 0, sizeof(a));
	for (size_t c = 0; c < 3; c++)
		for (size_t w = 0; w < 3; w++)
			ASSEMBLE(&a, LOAD(BPF_DW, 0, 1, 0), INSN(codes[c], 0, 0, 0, widths[w]),
				 EXIT);
	struct load l = assemble_load(&a, NULL);
	for (size_t v = 0; v < ARRAY_SIZE(values); v++) {
		uint64_t x = values[v], ctx = x;
		uint64_t cut[] = {(uint16_t)x, (uint32_t)x, x};
		uint64_t turned[] = {__builtin_bswap16((uint16_t)x), __builtin_bswap32((uint32_t)x),
				     __builtin_bswap64(x)};
		for (uint32_t w = 0; w < 3; w++) {
			assert_int_equal(load_run(&l, w, &ctx), cut[w]);
			assert_int_equal(load_run(&l, 3 + w, &ctx), turned[w]);
			assert_int_equal(load_run(&l, 6 + w, &ctx), turned[w]);
		}
	}
	load_fini(&l);
}

static void constants_of_64_bits_arrive_whole(void **state)
{
	(void)state;
	static struct assemble a;
	memset(&a, 0, sizeof(a));
	ASSEMBLE(&a, LD_IMM64(0, 0, 0x9abcdef0, 0x12345678), EXIT);
	ASSEMBLE(&a, LD_IMM64(0, 0, -1, 0), EXIT);
	ASSEMBLE(&a, MOV_K(0, -1), EXIT);
	ASSEMBLE(&a, INSN(BPF_ALU | BPF_MOV | BPF_K, 0, 0, 0, -1), EXIT);
	struct load l = assemble_load(&a, NULL);
	assert_int_equal(load_run(&l, 0, NULL), 0x123456789abcdef0);
	assert_int_equal(load_run(&l, 1, NULL), 0xffffffff);
	assert_int_equal(load_run(&l, 2, NULL), UINT64_MAX);
	assert_int_equal(load_run(&l, 3, NULL), 0xffffffff);
	load_fini(&l);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(arithmetic_with_registers_is_as_in_c),
		cmocka_unit_test(arithmetic_with_immediates_is_as_in_c),
		cmocka_unit_test(byte_swaps_cut_and_turn),
		cmocka_unit_test(constants_of_64_bits_arrive_whole),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
