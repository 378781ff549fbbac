/*
 * The machine code itself: what it must never contain, and that small programs stay small. With
 * EIM_TEST_DISASSEMBLE set it is printed.
 */
#include "tests/unit/shared/jit/assemble.h"

#include <Zydis/Zydis.h>
#include <stdio.h>
#include <stdlib.h>

static struct assemble a;
static struct verifier_insn_fact facts[ASSEMBLE_INSNS];

static bool is_general(ZydisRegister reg)
{
	switch (ZydisRegisterGetClass(reg)) {
	case ZYDIS_REGCLASS_INVALID:
	case ZYDIS_REGCLASS_GPR8:
	case ZYDIS_REGCLASS_GPR16:
	case ZYDIS_REGCLASS_GPR32:
	case ZYDIS_REGCLASS_GPR64:
	case ZYDIS_REGCLASS_FLAGS:
	case ZYDIS_REGCLASS_IP:
	case ZYDIS_REGCLASS_SEGMENT:
		return true;
	default: /* Zydis's enum, not ours */
		return false;
	}
}

static void check_operands(const ZydisDecodedInstruction *insn, const ZydisDecodedOperand *operands)
{
	for (int i = 0; i < insn->operand_count; i++) {
		const ZydisDecodedOperand *o = &operands[i];
		if (o->type == ZYDIS_OPERAND_TYPE_REGISTER &&
		    insn->mnemonic != ZYDIS_MNEMONIC_RDTSC &&
		    insn->mnemonic != ZYDIS_MNEMONIC_RDTSCP &&
		    insn->mnemonic != ZYDIS_MNEMONIC_SYSCALL)
			assert_true(is_general(o->reg.value));
		if (o->type == ZYDIS_OPERAND_TYPE_MEMORY)
			assert_true(is_general(o->mem.base) && is_general(o->mem.index) &&
				    (o->mem.segment == ZYDIS_REGISTER_DS ||
				     o->mem.segment == ZYDIS_REGISTER_SS ||
				     o->mem.segment == ZYDIS_REGISTER_ES));
	}
}

/* Instructions from `from` to `to`; each is checked. */
static int walk(const struct image *image, uint64_t from, uint64_t to)
{
	ZydisDecoder decoder;
	ZydisFormatter formatter;
	int count = 0;
	ZydisDecoderInit(&decoder, ZYDIS_MACHINE_MODE_LONG_64, ZYDIS_STACK_WIDTH_64);
	ZydisFormatterInit(&formatter, ZYDIS_FORMATTER_STYLE_INTEL);
	while (from < to) {
		ZydisDecodedInstruction insn;
		ZydisDecodedOperand operands[ZYDIS_MAX_OPERAND_COUNT];
		char text[128];
		assert_true(ZYAN_SUCCESS(ZydisDecoderDecodeFull(&decoder, image->code.data + from,
								to - from, &insn, operands)));
		check_operands(&insn, operands);
		if (getenv("EIM_TEST_DISASSEMBLE") &&
		    ZYAN_SUCCESS(ZydisFormatterFormatInstruction(&formatter, &insn, operands,
								 insn.operand_count_visible, text,
								 sizeof(text), from, NULL)))
			printf("  %4llx  %s\n", (unsigned long long)from, text);
		from += insn.length;
		count++;
		if (insn.mnemonic == ZYDIS_MNEMONIC_RET && to == image->code.size)
			break;
	}
	return count;
}

/* The instructions of the last entry, up to its first return. */
static int last_entry(const struct image *image, const char *name)
{
	if (getenv("EIM_TEST_DISASSEMBLE"))
		printf("%s:\n", name);
	return walk(image, image->entries[image->entries_count - 1].offset, image->code.size);
}

static struct verifier_insn_fact *know(uint32_t map, int16_t key)
{
	for (uint32_t i = 0; i < a.insns_count; i++) {
		facts[i] = (struct verifier_insn_fact){.reached = true, .map = map};
		if (insn_kind(&a.insns[i]) == INSN_CALL_HELPER) {
			facts[i].arg_on_stack = 2;
			facts[i].arg_stack_offset[1] = key;
		}
		if (BPF_CLASS(a.insns[i].code) == BPF_ST ||
		    (BPF_CLASS(a.insns[i].code) == BPF_STX && a.insns[i].dst_reg == 10))
			facts[i] = (struct verifier_insn_fact){.reached = true,
							       .base = VERIFIER_BASE_STACK,
							       .has_offset = true,
							       .offset = a.insns[i].off};
	}
	a.entries[0].stack_bytes = 8;
	return facts;
}

static void an_empty_program_is_two_instructions(void **state)
{
	(void)state;
	struct image *image = NULL;
	memset(&a, 0, sizeof(a));
	ASSEMBLE(&a, MOV_K(0, 0), EXIT);
	assert_ok(assemble_compile(&a, know(VERIFIER_MIXED, 0), &image));
	assert_int_equal(last_entry(image, "empty"), 2);
	assert_memory_equal(image->code.data + image->entries[0].offset, "\x31\xc0\xc3", 3);
	image_destroy(image);
}

/* counts[ctx[0]]++, as `__sync_fetch_and_add` without use of its result. */
static void add_counter(struct object_map map)
{
	memset(&a, 0, sizeof(a));
	assemble_map(&a, map);
	ASSEMBLE(&a, LOAD(BPF_DW, 2, 1, 0), STORE(map.key_size == 4 ? BPF_W : BPF_DW, 10, 2, -8),
		 MOV_X(2, 10), ALU64_K(BPF_ADD, 2, -8), LD_MAP(1, 0),
		 CALL(BPF_FUNC_map_lookup_elem), JUMP_K(BPF_JEQ, 0, 0, 2), MOV_K(1, 1),
		 INSN(BPF_STX | INSN_ATOMIC | BPF_DW, 0, 1, 0, BPF_ADD), MOV_K(0, 0), EXIT);
}

static void an_array_counter_is_ten_instructions(void **state)
{
	(void)state;
	struct image *image = NULL;
	add_counter((struct object_map){
		.kind = RT_KIND_ARRAY, .key_size = 4, .value_size = 8, .max_entries = 16});
	assert_ok(assemble_compile(&a, know(0, -8), &image));
	assert_in_range(last_entry(image, "array counter"), 3, 12);
	image_destroy(image);
}

static void a_hash_counter_is_inlined(void **state)
{
	(void)state;
	struct image *image = NULL;
	add_counter((struct object_map){
		.kind = RT_KIND_HASH, .key_size = 8, .value_size = 8, .max_entries = 1024});
	assert_ok(assemble_compile(&a, know(0, -8), &image));
	assert_in_range(last_entry(image, "hash counter"), 20, 80);
	image_destroy(image);
}

/* One call that is not inlined would get the address of the map's numbers, and none were constant. */
static void an_update_is_compiled_for_the_sizes_of_its_map(void **state)
{
	(void)state;
	struct image *image = NULL;
	memset(&a, 0, sizeof(a));
	assemble_map(&a, (struct object_map){.kind = RT_KIND_HASH,
					     .key_size = 8,
					     .value_size = 24,
					     .max_entries = 1024});
	ASSEMBLE(&a, MOV_X(2, 1), MOV_X(3, 1), MOV_K(4, 0), LD_MAP(1, 0),
		 CALL(BPF_FUNC_map_update_elem), EXIT);
	assert_ok(assemble_compile(&a, NULL, &image));
	assert_in_range(image->code.size, 100, 1500);
	image_destroy(image);
}

/* One program that calls everything. */
static void no_vector_or_x87_register_is_used(void **state)
{
	(void)state;
	struct image *image = NULL;
	memset(&a, 0, sizeof(a));
	assemble_map(&a, (struct object_map){.kind = RT_KIND_HASH,
					     .key_size = 16,
					     .value_size = 200,
					     .max_entries = 64});
	assemble_map(&a, (struct object_map){.kind = RT_KIND_RINGBUF, .max_entries = 4096});
	assemble_map(&a, (struct object_map){.kind = RT_KIND_ARRAY,
					     .key_size = 4,
					     .value_size = 400,
					     .max_entries = 64});
	for (uint32_t map = 0; map < 3; map += 2)
		ASSEMBLE(&a, MOV_X(6, 1), MOV_X(2, 1), LD_MAP(1, map),
			 CALL(BPF_FUNC_map_lookup_elem), MOV_X(7, 0), LD_MAP(1, map), MOV_X(2, 6),
			 MOV_X(3, 6), MOV_K(4, 0), CALL(BPF_FUNC_map_update_elem),
			 ALU64_X(BPF_ADD, 7, 0), LD_MAP(1, map), MOV_X(2, 6),
			 CALL(BPF_FUNC_map_delete_elem), ALU64_X(BPF_ADD, 0, 7), EXIT);
	ASSEMBLE(&a, MOV_X(6, 1), LD_MAP(1, 1), MOV_X(2, 6), MOV_K(3, 300), MOV_K(4, 0),
		 CALL(BPF_FUNC_ringbuf_output), LD_MAP(1, 1), MOV_K(2, 128), MOV_K(3, 0),
		 CALL(BPF_FUNC_ringbuf_reserve), MOV_X(1, 0), MOV_K(2, 0),
		 CALL(BPF_FUNC_ringbuf_submit), MOV_X(1, 6), MOV_K(2, 100), MOV_X(3, 6),
		 CALL(BPF_FUNC_probe_read), MOV_X(1, 6), MOV_K(2, 100), MOV_X(3, 6),
		 CALL(BPF_FUNC_probe_read_str), CALL(BPF_FUNC_ktime_get_ns), MOV_X(7, 0),
		 CALL(BPF_FUNC_get_prandom_u32), ALU64_X(BPF_ADD, 7, 0),
		 CALL(BPF_FUNC_get_smp_processor_id), ALU64_X(BPF_ADD, 7, 0),
		 CALL(BPF_FUNC_get_current_pid_tgid), ALU64_X(BPF_ADD, 0, 7), EXIT);
	/* 64 stores of zeros and a copy: what a vectoriser and a libc call are made for. */
	struct bpf_insn insns[200];
	uint32_t n = 0;
	for (int i = 0; i < 64; i++)
		insns[n++] = STORE_K(BPF_DW, 10, -512 + 8 * i, 0);
	insns[n++] = MOV_X(2, 10);
	insns[n++] = ALU64_K(BPF_ADD, 2, -512);
	for (int i = 0; i < 32; i++) {
		insns[n++] = LOAD(BPF_DW, 3, 1, 8 * i);
		insns[n++] = STORE(BPF_DW, 2, 3, 8 * i);
	}
	insns[n++] = MOV_X(3, 2);
	insns[n++] = MOV_X(1, 2);
	insns[n++] = MOV_K(2, 512);
	insns[n++] = CALL(BPF_FUNC_probe_read);
	insns[n++] = EXIT;
	assemble_entry(&a, insns, n);
	assert_ok(assemble_compile(&a, NULL, &image));
	walk(image, 0, image->code.size - 1);
	image_destroy(image);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_empty_program_is_two_instructions),
		cmocka_unit_test(an_array_counter_is_ten_instructions),
		cmocka_unit_test(a_hash_counter_is_inlined),
		cmocka_unit_test(an_update_is_compiled_for_the_sizes_of_its_map),
		cmocka_unit_test(no_vector_or_x87_register_is_used),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
