#include "agent/attach/site.h"
#include "tests/unit/test.h"

/* Plans `at` in a function of these bytes, with `after` of them standing behind it. */
#define PLAN(at, after, ...)                                                                       \
	do {                                                                                       \
		static const uint8_t code_[] = {__VA_ARGS__};                                      \
		assert_ok(site_plan(bytes_of(code_, sizeof(code_)), sizeof(code_) - (after), (at), \
				    &site));                                                       \
	} while (0)

#define REFUSES(at, after, code, part, ...)                                                     \
	do {                                                                                    \
		static const uint8_t code_[] = {__VA_ARGS__};                                   \
		struct site refused_;                                                           \
		assert_fails(site_plan(bytes_of(code_, sizeof(code_)), sizeof(code_) - (after), \
				       (at), &refused_),                                        \
			     code, "", part);                                                   \
	} while (0)

#define UNSAFE(part, ...) REFUSES(0, 0, ERR_FAILED_PRECONDITION, part, __VA_ARGS__)

#define NOP8 0x0f, 0x1f, 0x84, 0, 0, 0, 0, 0

static void displaces_whole_instructions(void **state)
{
	(void)state;
	struct site site;
	/* push rbp; mov rbp,rsp; sub rsp,32; ret */
	PLAN(0, 0, 0x55, 0x48, 0x89, 0xe5, 0x48, 0x83, 0xec, 0x20, 0xc3);
	assert_int_equal(site.window, 8);
	assert_int_equal(site.insns_count, 3);
	assert_int_equal(site.insns[1].offset, 1);
	assert_int_equal(site.insns[2].offset, 4);
	assert_int_equal(site.insns[2].length, 4);
	assert_memory_equal(site.original, "\x55\x48\x89\xe5\x48\x83\xec\x20", 8);
	assert_true(site.at_entry);
}

static void keeps_endbr64_in_front_of_the_jump(void **state)
{
	(void)state;
	struct site site;
	PLAN(0, 0, 0xf3, 0x0f, 0x1e, 0xfa, 0xb8, 1, 0, 0, 0, 0xc3);
	assert_int_equal(site.skip, 4);
	assert_int_equal(site.window, 5);
	assert_int_equal(site.original[0], 0xb8);
	assert_true(site.at_entry);
	PLAN(4, 0, 0xf3, 0x0f, 0x1e, 0xfa, 0xb8, 1, 0, 0, 0, 0xc3);
	assert_int_equal(site.skip, 0);
	assert_true(site.at_entry);
}

static void patches_the_middle_of_a_function(void **state)
{
	(void)state;
	struct site site;
	PLAN(1, 0, 0x90, 0xb8, 1, 0, 0, 0, 0xc3);
	assert_int_equal(site.function_offset, 1);
	assert_false(site.at_entry);
}

static void refuses_a_place_between_instructions(void **state)
{
	(void)state;
	REFUSES(2, 0, ERR_INVALID, "+0x2 is not the start", 0xb8, 1, 0, 0, 0, 0xc3);
	REFUSES(6, 0, ERR_INVALID, "outside", 0xb8, 1, 0, 0, 0, 0xc3);
	REFUSES(0, 7, ERR_INVALID, "outside", 0xb8, 1, 0, 0, 0, 0xc3, 0xcc);
}

static void refuses_a_branch_into_the_window(void **state)
{
	(void)state;
	/* nop; nop; mov eax,1; jmp to the second nop */
	UNSAFE("+0x7 `jmp 0x0000000000000001`: branches into", 0x90, 0x90, 0xb8, 1, 0, 0, 0, 0xeb,
	       0xf8, 0xc3);
}

static void a_jump_back_to_the_start_is_fine_but_makes_it_no_entry(void **state)
{
	(void)state;
	struct site site;
	PLAN(0, 0, 0xb8, 1, 0, 0, 0, 0x75, 0xf9, 0xc3);
	assert_false(site.at_entry);
}

static void a_recursive_call_leaves_it_an_entry(void **state)
{
	(void)state;
	struct site site;
	PLAN(0, 0, 0xb8, 1, 0, 0, 0, 0xe8, 0xf4, 0xff, 0xff, 0xff, 0xc3);
	assert_true(site.at_entry);
}

static void refuses_what_cannot_be_moved(void **state)
{
	(void)state;
	UNSAFE("`syscall`: a system call", 0x90, 0x0f, 0x05, 0x90, 0x90, 0x90, 0xc3);
	UNSAFE("`jrcxz 0x0000000000000009`: has no form", 0xe3, 7, 0x90, 0x90, 0x90, 0x90, 0x90,
	       0x90, 0x90, 0xc3);
	UNSAFE("has no form", 0xe2, 7, 0x90, 0x90, 0x90, 0x90, 0x90, 0x90, 0x90, 0xc3);
	UNSAFE("breakpoint", 0xcc, 0x90, 0x90, 0x90, 0x90, 0xc3);
	UNSAFE("eip", 0x67, 0x8b, 0x05, 0, 0, 0, 0, 0xc3);
	UNSAFE("calls through the stack", 0xff, 0x54, 0x24, 0x08, 0x90, 0xc3);
	UNSAFE("far", 0xff, 0x2c, 0x24, 0x90, 0x90, 0xc3);
	UNSAFE("would return into the window", 0xff, 0xd0, 0x90, 0x90, 0x90, 0xc3);
	UNSAFE("abort address", 0xc7, 0xf8, 0, 0, 0, 0, 0xc3);
}

static void refuses_code_that_does_not_decode(void **state)
{
	(void)state;
	UNSAFE("+0x5: not an instruction", 0xb8, 1, 0, 0, 0, 0x06, 0xc3);
}

static void a_short_function_needs_padding_behind_it(void **state)
{
	(void)state;
	struct site site;
	PLAN(0, 13, 0x89, 0xf8, 0xc3, 0x66, 0x66, 0x2e, 0x0f, 0x1f, 0x84, 0, 0, 0, 0, 0, 0x66,
	     0x90);
	assert_int_equal(site.insns_count, 2);
	assert_true(site.window >= 5);
	PLAN(0, 2, 0x89, 0xf8, 0xc3, 0xcc, 0xcc);
	assert_int_equal(site.window, 5);
	REFUSES(0, 2, ERR_FAILED_PRECONDITION, "no padding follows", 0x89, 0xf8, 0xc3, 0x55, 0x53);
	REFUSES(0, 0, ERR_FAILED_PRECONDITION, "no padding follows", 0x89, 0xf8, 0xc3);
	REFUSES(0, 8, ERR_FAILED_PRECONDITION, "ends inside the window", 0x89, 0xf8, NOP8);
}

static void bytes_behind_a_jump_have_to_be_padding(void **state)
{
	(void)state;
	struct site site;
	PLAN(0, 0, 0xeb, 3, 0x0f, 0x1f, 0x00, 0xc3);
	assert_int_equal(site.insns_count, 1);
	assert_int_equal(site.window, 5);
	UNSAFE("reached in another way", 0xeb, 3, 0x89, 0xf8, 0x90, 0xc3);
}

static void jump_tables_leave_single_instructions_only(void **state)
{
	(void)state;
	struct site site;
	/* mov eax,1; nop; mov ecx,2; jmp rax */
	PLAN(6, 0, 0xb8, 1, 0, 0, 0, 0x90, 0xb9, 2, 0, 0, 0, 0xff, 0xe0);
	REFUSES(5, 0, ERR_FAILED_PRECONDITION, "jump table", 0xb8, 1, 0, 0, 0, 0x90, 0xb9, 2, 0, 0,
		0, 0xff, 0xe0);
	REFUSES(5, 0, ERR_FAILED_PRECONDITION, "part elsewhere", 0xb8, 1, 0, 0, 0, 0x90, 0xb9, 2, 0,
		0, 0, 0x0f, 0x84, 0, 1, 0, 0, 0xc3);
	PLAN(0, 0, 0x90, 0xb8, 1, 0, 0, 0, 0xff, 0xe0);
}

static void refuses_the_middle_of_what_sets_the_direction_flag(void **state)
{
	(void)state;
	REFUSES(1, 0, ERR_FAILED_PRECONDITION, "direction flag", 0xfd, 0xb8, 1, 0, 0, 0, 0xfc,
		0xc3);
}

/* ---- relocating ---- */

#define FROM 0x555500001000ull
#define TO   0x555500800000ull

static void relocated(struct site *site, uint64_t to, const char *want, size_t want_size)
{
	uint8_t code[SITE_RELOCATED_MAX];
	size_t size;
	assert_ok(site_relocate(site, FROM, to, code, &size));
	assert_int_equal(size, want_size);
	assert_memory_equal(code, want, size);
}
#define RELOCATES(site, to, want) relocated(site, to, want, sizeof(want) - 1)

static void copies_what_is_independent_of_its_place_and_jumps_back(void **state)
{
	(void)state;
	struct site site;
	PLAN(0, 0, 0xb8, 1, 0, 0, 0, 0xc3);
	RELOCATES(&site, TO, "\xb8\x01\0\0\0\xe9\xfb\x0f\x80\xff");
	RELOCATES(&site, FROM + 0x100, "\xb8\x01\0\0\0\xe9\xfb\xfe\xff\xff");
}

static void rewrites_distances(void **state)
{
	(void)state;
	struct site site;
	/* mov eax,[rip+0x10]; ret */
	PLAN(0, 0, 0x8b, 0x05, 0x10, 0, 0, 0, 0xc3);
	RELOCATES(&site, FROM + 0x100, "\x8b\x05\x10\xff\xff\xff\xe9\xfb\xfe\xff\xff");
	/* cmp dword [rip+0x10], 7: an immediate behind the distance */
	PLAN(0, 0, 0x83, 0x3d, 0x10, 0, 0, 0, 7, 0xc3);
	RELOCATES(&site, FROM + 0x100, "\x83\x3d\x10\xff\xff\xff\x07\xe9\xfb\xfe\xff\xff");
}

static void lengthens_short_branches(void **state)
{
	(void)state;
	struct site site;
	/* test edi,edi; je +4; nop…; ret: je lies in the window, its target behind it */
	PLAN(0, 0, 0x85, 0xff, 0x74, 4, 0x90, 0x90, 0x90, 0x90, 0xc3);
	assert_int_equal(site.window, 5);
	RELOCATES(&site, FROM + 0x100, "\x85\xff\x0f\x84\x00\xff\xff\xff\x90\xe9\xf7\xfe\xff\xff");
	assert_int_equal(site.insns[1].relocated_offset, 2);
	assert_int_equal(site.insns[2].relocated_offset, 8);
}

static void a_displaced_call_pushes_the_original_return_address(void **state)
{
	(void)state;
	struct site site;
	PLAN(0, 0, 0xe8, 0, 1, 0, 0, 0xc3);
	/* push 0x1005; mov dword [rsp+4], 0x5555; jmp FROM+0x105 */
	RELOCATES(&site, FROM + 0x100,
		  "\x68\x05\x10\x00\x00\xc7\x44\x24\x04\x55\x55\x00\x00\xe9\xf3\xff\xff\xff");
	/* call [rip+0x20] becomes jmp [rip+…] */
	PLAN(0, 0, 0xff, 0x15, 0x20, 0, 0, 0, 0xc3);
	RELOCATES(&site, FROM + 0x100,
		  "\x68\x06\x10\x00\x00\xc7\x44\x24\x04\x55\x55\x00\x00\xff\x25\x13\xff\xff\xff");
}

static void a_far_away_jump_goes_through_a_pointer(void **state)
{
	(void)state;
	struct site site;
	PLAN(0, 0, 0xe9, 0x00, 0x00, 0x00, 0x81, 0xc3);
	RELOCATES(&site, FROM + 0x70000000, "\xff\x25\0\0\0\0\x05\x10\x00\x81\x54\x55\0\0");
}

static void refuses_data_out_of_reach(void **state)
{
	(void)state;
	struct site site;
	uint8_t code[SITE_RELOCATED_MAX];
	size_t size;
	PLAN(0, 0, 0x8b, 0x05, 0, 0, 0, 0x81, 0xc3);
	assert_fails(site_relocate(&site, FROM, FROM + 0x70000000, code, &size),
		     ERR_FAILED_PRECONDITION, "", "out of reach");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(displaces_whole_instructions),
		cmocka_unit_test(keeps_endbr64_in_front_of_the_jump),
		cmocka_unit_test(patches_the_middle_of_a_function),
		cmocka_unit_test(refuses_a_place_between_instructions),
		cmocka_unit_test(refuses_a_branch_into_the_window),
		cmocka_unit_test(a_jump_back_to_the_start_is_fine_but_makes_it_no_entry),
		cmocka_unit_test(a_recursive_call_leaves_it_an_entry),
		cmocka_unit_test(refuses_what_cannot_be_moved),
		cmocka_unit_test(refuses_code_that_does_not_decode),
		cmocka_unit_test(a_short_function_needs_padding_behind_it),
		cmocka_unit_test(bytes_behind_a_jump_have_to_be_padding),
		cmocka_unit_test(jump_tables_leave_single_instructions_only),
		cmocka_unit_test(refuses_the_middle_of_what_sets_the_direction_flag),
		cmocka_unit_test(copies_what_is_independent_of_its_place_and_jumps_back),
		cmocka_unit_test(rewrites_distances),
		cmocka_unit_test(lengthens_short_branches),
		cmocka_unit_test(a_displaced_call_pushes_the_original_return_address),
		cmocka_unit_test(a_far_away_jump_goes_through_a_pointer),
		cmocka_unit_test(refuses_data_out_of_reach),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
