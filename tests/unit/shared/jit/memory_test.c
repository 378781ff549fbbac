/*
 * Loads, stores, atomic operations, frames and global data.
 */
#include "tests/unit/shared/jit/assemble.h"

static const uint8_t sizes[] = {BPF_B, BPF_H, BPF_W, BPF_DW};
static const unsigned widths[] = {8, 16, 32, 64};

static uint64_t low(uint64_t value, unsigned bits)
{
	return bits == 64 ? value : value & ((1ull << bits) - 1);
}

static void loads_extend_and_stores_cut(void **state)
{
	(void)state;
	static struct assemble a;
	memset(&a, 0, sizeof(a));
	for (size_t i = 0; i < 4; i++) {
		ASSEMBLE(&a, LOAD(sizes[i], 0, 1, 9), EXIT);
		ASSEMBLE(&a, LOAD(BPF_DW, 2, 1, 0), STORE(sizes[i], 1, 2, 9), MOV_K(0, 0), EXIT);
		ASSEMBLE(&a, STORE_K(sizes[i], 1, 9, -2), MOV_K(0, 0), EXIT);
	}
	struct load l = assemble_load(&a, NULL);
	for (uint32_t i = 0; i < 4; i++) {
		uint8_t ctx[24], want[24];
		uint64_t value = 0xfedcba9876543210;
		memset(ctx, 0xa5, sizeof(ctx));
		assert_int_equal(load_run(&l, 3 * i, ctx), low(0xa5a5a5a5a5a5a5a5, widths[i]));
		memcpy(ctx, &value, 8);
		memcpy(want, ctx, sizeof(ctx));
		memcpy(want + 9, &value, widths[i] / 8);
		load_run(&l, 3 * i + 1, ctx);
		assert_memory_equal(ctx, want, sizeof(ctx));
		value = (uint64_t)-2;
		memcpy(want + 9, &value, widths[i] / 8);
		load_run(&l, 3 * i + 2, ctx);
		assert_memory_equal(ctx, want, sizeof(ctx));
	}
	load_fini(&l);
}

static void signed_loads_extend_the_sign(void **state)
{
	(void)state;
	static struct assemble a;
	memset(&a, 0, sizeof(a));
	for (size_t i = 0; i < 3; i++)
		ASSEMBLE(&a, INSN(BPF_LDX | INSN_MEMSX | sizes[i], 0, 1, 0, 0), EXIT);
	struct load l = assemble_load(&a, NULL);
	uint64_t negative = 0x80f180f280f380f4, positive = 0x7071727374757677;
	assert_int_equal((int64_t)load_run(&l, 0, &negative), (int8_t)0xf4);
	assert_int_equal((int64_t)load_run(&l, 1, &negative), (int16_t)0x80f4);
	assert_int_equal((int64_t)load_run(&l, 2, &negative), (int32_t)0x80f380f4);
	assert_int_equal(load_run(&l, 0, &positive), 0x77);
	assert_int_equal(load_run(&l, 1, &positive), 0x7677);
	assert_int_equal(load_run(&l, 2, &positive), 0x74757677);
	load_fini(&l);
}

/* ---- frames ---- */

/* Parts of the frame overlap, so that a wrong place shows. */
static void fill_frame_program(struct assemble *a)
{
	memset(a, 0, sizeof(*a));
	ASSEMBLE(a, LOAD(BPF_DW, 2, 1, 0), MOV_X(3, 10), ALU64_K(BPF_ADD, 3, -16),
		 STORE(BPF_DW, 3, 2, 8), STORE_K(BPF_H, 10, -6, 0x1234), STORE_K(BPF_B, 3, 0, 7),
		 LOAD(BPF_W, 0, 10, -8), LOAD(BPF_W, 4, 3, 12), ALU64_K(BPF_LSH, 4, 32),
		 ALU64_X(BPF_OR, 0, 4), LOAD(BPF_B, 4, 10, -16), ALU64_X(BPF_ADD, 0, 4), EXIT);
}

static void the_frame_is_memory_like_any_other(void **state)
{
	(void)state;
	static struct assemble a;
	fill_frame_program(&a);
	struct load l = assemble_load(&a, NULL);
	uint64_t ctx = 0x1122334455667788;
	assert_int_equal(load_run(&l, 0, &ctx), 0x112233441234778full);
	load_fini(&l);
}

static void known_places_in_the_frame_give_the_same_result(void **state)
{
	(void)state;
	static struct assemble a;
	static struct verifier_insn_fact facts[16];
	static const int16_t offsets[13] = {
		[3] = -8, [4] = -6, [5] = -16, [6] = -8, [7] = -4, [10] = -16};
	fill_frame_program(&a);
	a.entries[0].stack_bytes = 16;
	for (int i = 0; i < 13; i++)
		facts[i] = (struct verifier_insn_fact){.reached = true,
						       .base = offsets[i] ? VERIFIER_BASE_STACK
									  : VERIFIER_BASE_CTX,
						       .has_offset = offsets[i] != 0,
						       .offset = offsets[i],
						       .map = VERIFIER_MIXED};
	struct load l = assemble_load(&a, facts);
	uint64_t ctx = 0x1122334455667788;
	assert_int_equal(load_run(&l, 0, &ctx), 0x112233441234778full);
	load_fini(&l);
}

static void facts_that_lie_outside_of_the_frame_are_refused(void **state)
{
	(void)state;
	static struct assemble a;
	struct verifier_insn_fact facts[2] = {{.reached = true,
					       .base = VERIFIER_BASE_STACK,
					       .has_offset = true,
					       .offset = -24,
					       .map = VERIFIER_MIXED},
					      {.reached = true, .map = VERIFIER_MIXED}};
	struct image *image = NULL;
	memset(&a, 0, sizeof(a));
	ASSEMBLE(&a, LOAD(BPF_DW, 0, 1, 0), EXIT);
	a.entries[0].stack_bytes = 16;
	assert_fails(assemble_compile(&a, facts, &image), ERR_INTERNAL, "", "outside of the frame");
}

/* ---- atomic ---- */
struct atomic {
	int32_t imm;
	uint64_t (*result)(uint64_t old, uint64_t value);
};
static uint64_t add(uint64_t old, uint64_t value)
{
	return old + value;
}
static uint64_t or (uint64_t old, uint64_t value)
{
	return old | value;
}
static uint64_t and (uint64_t old, uint64_t value)
{
	return old & value;
}
static uint64_t xor (uint64_t old, uint64_t value) { return old ^ value; } static uint64_t
	exchange(uint64_t old, uint64_t value)
{
	(void)old;
	return value;
}

static const struct atomic atomics[] = {{BPF_ADD, add},
					{BPF_OR, or },
					{BPF_AND, and},
					{BPF_XOR, xor},
					{BPF_ADD | BPF_FETCH, add},
					{BPF_OR | BPF_FETCH, or },
					{BPF_AND | BPF_FETCH, and},
					{BPF_XOR | BPF_FETCH, xor},
					{BPF_XCHG, exchange}};

/* ctx: [0] the operand, [1] the memory; the result is the source register afterwards. */
static void atomic_operations_are_as_in_c(void **state)
{
	(void)state;
	static struct assemble a;
	memset(&a, 0, sizeof(a));
	for (int wide = 0; wide < 2; wide++)
		for (size_t i = 0; i < ARRAY_SIZE(atomics); i++)
			ASSEMBLE(&a, LOAD(BPF_DW, 2, 1, 0),
				 INSN(BPF_STX | INSN_ATOMIC | (wide ? BPF_DW : BPF_W), 1, 2, 8,
				      atomics[i].imm),
				 MOV_X(0, 2), EXIT);
	struct load l = assemble_load(&a, NULL);
	for (uint32_t wide = 0; wide < 2; wide++)
		for (uint32_t i = 0; i < ARRAY_SIZE(atomics); i++) {
			unsigned bits = wide ? 64 : 32;
			uint64_t value = 0xf0f0f0f0fedcba98, old = 0x0123456789abcdef,
				 ctx[2] = {value, old};
			uint64_t got = load_run(&l, wide * ARRAY_SIZE(atomics) + i, ctx);
			uint64_t want = low(atomics[i].result(old, value), bits) |
					(wide ? 0 : old >> 32 << 32);
			assert_int_equal(ctx[1], want);
			assert_int_equal(got, atomics[i].imm & BPF_FETCH ? low(old, bits) : value);
		}
	load_fini(&l);
}

static void compare_and_exchange_compares_r0(void **state)
{
	(void)state;
	static struct assemble a;
	memset(&a, 0, sizeof(a));
	for (int wide = 0; wide < 2; wide++)
		ASSEMBLE(&a, LOAD(BPF_DW, 0, 1, 0), LOAD(BPF_DW, 2, 1, 8),
			 INSN(BPF_STX | INSN_ATOMIC | (wide ? BPF_DW : BPF_W), 1, 2, 16,
			      BPF_CMPXCHG),
			 EXIT);
	struct load l = assemble_load(&a, NULL);
	uint64_t same[] = {0x1111111122222222, 0x99, 0x1111111122222222};
	assert_int_equal(load_run(&l, 1, same), 0x1111111122222222);
	assert_int_equal(same[2], 0x99);
	uint64_t other[] = {0x3111111122222222, 0x99, 0x1111111122222222};
	assert_int_equal(load_run(&l, 1, other), 0x1111111122222222);
	assert_int_equal(other[2], 0x1111111122222222);
	assert_int_equal(load_run(&l, 0, other), 0x22222222); /* 32 bits are the same */
	assert_int_equal(other[2], 0x1111111100000099);
	load_fini(&l);
}

/* ---- global data ---- */
static void global_data_is_reached_and_begins_as_declared(void **state)
{
	(void)state;
	static struct assemble a;
	static const uint8_t constant[] = {1, 0, 0, 0, 2, 0, 0, 0},
			     data[] = {10, 0, 0, 0, 0, 0, 0, 0, 20, 0, 0, 0, 0, 0, 0, 0};
	memset(&a, 0, sizeof(a));
	assemble_map(&a, (struct object_map){.role = OBJECT_MAP_RODATA,
					     .kind = 2,
					     .key_size = 4,
					     .value_size = 8,
					     .max_entries = 1,
					     .initial = bytes_of(constant, 8)});
	assemble_map(&a, (struct object_map){.role = OBJECT_MAP_DATA,
					     .kind = 2,
					     .key_size = 4,
					     .value_size = 16,
					     .max_entries = 1,
					     .initial = bytes_of(data, 16)});
	assemble_map(&a, (struct object_map){.role = OBJECT_MAP_BSS,
					     .kind = 2,
					     .key_size = 4,
					     .value_size = 8,
					     .max_entries = 1});
	assemble_map(&a, (struct object_map){.role = OBJECT_MAP_BSS,
					     .kind = 2,
					     .key_size = 4,
					     .value_size = 8,
					     .max_entries = 1});
	ASSEMBLE(&a, LD_VALUE(1, 1, 8), LOAD(BPF_DW, 2, 1, 0), ALU64_K(BPF_ADD, 2, 1),
		 STORE(BPF_DW, 1, 2, 0), LD_VALUE(1, 0, 4), LOAD(BPF_W, 0, 1, 0),
		 ALU64_X(BPF_ADD, 0, 2), LD_VALUE(1, 3, 0), LOAD(BPF_DW, 2, 1, 0),
		 ALU64_X(BPF_ADD, 0, 2), EXIT);
	struct load l = assemble_load(&a, NULL);
	assert_int_equal(load_run(&l, 0, NULL), 23);
	assert_int_equal(load_run(&l, 0, NULL), 24);
	assert_int_equal(l.image->maps_count, 2); /* .rodata is code, one .bss is not reached */
	assert_int_equal(l.image->maps[0].role, OBJECT_MAP_DATA);
	assert_int_equal(*(uint64_t *)(l.maps[0].base + RT_PAGE + 8), 22);
	load_fini(&l);
}

static void constants_can_be_read_at_any_place(void **state)
{
	(void)state;
	static struct assemble a;
	uint8_t constant[64];
	for (uint8_t i = 0; i < 64; i++)
		constant[i] = (uint8_t)(i * 3);
	memset(&a, 0, sizeof(a));
	assemble_map(&a, (struct object_map){.role = OBJECT_MAP_RODATA,
					     .kind = 2,
					     .key_size = 4,
					     .value_size = 64,
					     .max_entries = 1,
					     .initial = bytes_of(constant, 64)});
	ASSEMBLE(&a, LOAD(BPF_DW, 2, 1, 0), LD_VALUE(3, 0, 0), ALU64_X(BPF_ADD, 3, 2),
		 LOAD(BPF_B, 0, 3, 0), EXIT);
	struct load l = assemble_load(&a, NULL);
	for (uint64_t i = 0; i < 64; i++)
		assert_int_equal(load_run(&l, 0, &i), (uint8_t)(i * 3));
	load_fini(&l);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(loads_extend_and_stores_cut),
		cmocka_unit_test(signed_loads_extend_the_sign),
		cmocka_unit_test(the_frame_is_memory_like_any_other),
		cmocka_unit_test(known_places_in_the_frame_give_the_same_result),
		cmocka_unit_test(facts_that_lie_outside_of_the_frame_are_refused),
		cmocka_unit_test(atomic_operations_are_as_in_c),
		cmocka_unit_test(compare_and_exchange_compares_r0),
		cmocka_unit_test(global_data_is_reached_and_begins_as_declared),
		cmocka_unit_test(constants_can_be_read_at_any_place),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
