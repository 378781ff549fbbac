/* The tables of helpers and map kinds, held against the kernel's numbers. */
#include "tests/unit/test.h"

#include "shared/bpf/helper.h"
#include "shared/bpf/kfunc.h"
#include "shared/bpf/map_kind.h"

#include <linux/bpf.h>

static void names_every_helper_as_the_kernel_does(void **state UNUSED)
{
	for (size_t i = 0; i < helpers_count; i++) {
		assert_string_equal(helpers[i].name, helper_known_name(helpers[i].id));
		assert_ptr_equal(helper_find(helpers[i].id), &helpers[i]);
	}
}

static void finds_helpers_by_name_with_and_without_prefix(void **state UNUSED)
{
	const struct helper *lookup = helper_find(BPF_FUNC_map_lookup_elem);
	assert_ptr_equal(helper_find_name(STR("bpf_map_lookup_elem")), lookup);
	assert_ptr_equal(helper_find_name(STR("map_lookup_elem")), lookup);
	assert_string_equal(lookup->function, "rt_map_lookup_elem");
	assert_null(helper_find_name(STR("bpf_map_lookup")));
	assert_null(helper_find_name(STR("bpf_")));
	assert_null(helper_find_name(STR("")));
}

static void names_helpers_that_the_runtime_lacks(void **state UNUSED)
{
	assert_null(helper_find(BPF_FUNC_trace_printk));
	assert_string_equal(helper_known_name(BPF_FUNC_trace_printk), "bpf_trace_printk");
	assert_string_equal(helper_known_name(BPF_FUNC_loop), "bpf_loop");
	assert_null(helper_known_name(0));
	assert_null(helper_known_name(100000));
}

static void keeps_size_arguments_behind_memory_arguments(void **state UNUSED)
{
	for (size_t i = 0; i < helpers_count; i++)
		for (size_t arg = 0; arg < 5; arg++) {
			enum helper_arg what = helpers[i].args[arg];
			if (what != HELPER_ARG_MEM_IN && what != HELPER_ARG_MEM_OUT)
				continue;
			assert_true(arg < 4);
			enum helper_arg next = helpers[i].args[arg + 1];
			assert_true(next == HELPER_ARG_SIZE || next == HELPER_ARG_SIZE_OR_ZERO);
		}
}

static void knows_map_kinds_by_the_kernels_numbers(void **state UNUSED)
{
	assert_int_equal(MAP_KIND_HASH, BPF_MAP_TYPE_HASH);
	assert_int_equal(MAP_KIND_ARRAY, BPF_MAP_TYPE_ARRAY);
	assert_int_equal(MAP_KIND_RINGBUF, BPF_MAP_TYPE_RINGBUF);
	for (size_t i = 0; i < map_kinds_count; i++) {
		assert_ptr_equal(map_kind_find(map_kinds[i].number), &map_kinds[i]);
		assert_string_equal(map_kind_known_name(map_kinds[i].number), map_kinds[i].text);
	}
	assert_null(map_kind_find(0));
}

static void names_map_kinds_that_the_runtime_lacks(void **state UNUSED)
{
	for (uint32_t number = 1; number <= BPF_MAP_TYPE_USER_RINGBUF; number++)
		assert_non_null(map_kind_known_name(number));
	assert_string_equal(map_kind_known_name(BPF_MAP_TYPE_LPM_TRIE), "lpm_trie");
	assert_null(map_kind_known_name(0));
	assert_null(map_kind_known_name(UINT32_MAX));
}

static void finds_functions_of_the_runtime_by_their_whole_name(void **state UNUSED)
{
	for (size_t i = 0; i < kfuncs_count; i++) {
		assert_int_equal(kfuncs[i].id, i);
		assert_ptr_equal(kfunc_find(str_of(kfuncs[i].name)), &kfuncs[i]);
		assert_null(helper_find_name(str_of(kfuncs[i].name)));
		for (unsigned arg = 0; arg < KFUNC_MAX_ARGS; arg++)
			assert_int_equal(kfuncs[i].args[arg] != KFUNC_ARG_NONE,
					 arg < kfuncs[i].args_count);
	}
	const struct kfunc *new = kfunc_find(STR("bpf_iter_num_new"));
	assert_string_equal(new->function, "rt_iter_num_new");
	assert_true(new->result_bytes == 4 && new->is_result_signed);
	assert_int_equal(kfunc_arg_bytes(new, 0), 8);
	assert_int_equal(kfunc_arg_bytes(new, 2), 4);
	assert_null(kfunc_find(STR("iter_num_new")));
	assert_null(kfunc_find(STR("")));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names_every_helper_as_the_kernel_does),
		cmocka_unit_test(finds_helpers_by_name_with_and_without_prefix),
		cmocka_unit_test(names_helpers_that_the_runtime_lacks),
		cmocka_unit_test(keeps_size_arguments_behind_memory_arguments),
		cmocka_unit_test(finds_functions_of_the_runtime_by_their_whole_name),
		cmocka_unit_test(knows_map_kinds_by_the_kernels_numbers),
		cmocka_unit_test(names_map_kinds_that_the_runtime_lacks),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
