#include "agent/attach/binary.h"

#include "shared/base/file.h"
#include "shared/base/mem.h"
#include "tests/unit/agent/host.h"

#include <elf.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

static struct buf host_file(void)
{
	struct buf file = BUF_INIT(BINARY_MAX_BYTES);
	char path[PATH_MAX];
	host_path("target_host", path);
	assert_ok(file_read(path, &file));
	return file;
}

static void finds_functions_by_name_and_by_place(void **state)
{
	(void)state;
	char path[PATH_MAX];
	struct binary *b;
	struct binary_function f, at;
	host_path("target_host", path);
	assert_ok(binary_open(path, &b));
	assert_ok(binary_find(b, STR("probed_mid"), &f));
	assert_true(str_is(f.name, "probed_mid"));
	assert_int_equal(f.size_bytes, 42);
	struct bytes code = binary_code(b, f.file_offset, f.size_bytes);
	assert_int_equal(code.size, f.size_bytes);
	assert_memory_equal(code.data, "\x89\x7c\x24\xf8", 4); /* mov [rsp-8], edi */
	assert_ok(binary_find_at(b, f.file_offset + 41, &at));
	assert_int_equal(at.address, f.address);
	assert_true(str_is(at.name, "probed_mid"));
	binary_destroy(b);
}

static void says_which_file_it_is(void **state)
{
	(void)state;
	char path[PATH_MAX];
	struct stat st;
	struct binary *b;
	host_path("target_host", path);
	assert_int_equal(stat(path, &st), 0);
	assert_ok(binary_open(path, &b));
	assert_int_equal(binary_inode(b), st.st_ino);
	assert_int_equal(binary_device(b), makedev(major(st.st_dev), minor(st.st_dev)));
	assert_int_equal(binary_build_id(b).size, 40);
	assert_int_equal(binary_btf(b).size, 0);
	binary_destroy(b);
}

static void offers_near_names(void **state)
{
	(void)state;
	char path[PATH_MAX];
	struct binary *b;
	struct binary_function f;
	host_path("target_host", path);
	assert_ok(binary_open(path, &b));
	assert_fails(binary_find(b, STR("probed_midd"), &f), ERR_NOT_FOUND, "",
		     "no function probed_midd; near it: probed_mid");
	assert_fails(binary_find(b, STR("qqqqqqqqqq"), &f), ERR_NOT_FOUND, "",
		     "no function qqqqqqqqqq");
	binary_destroy(b);
}

static void there_is_no_function_outside_of_code(void **state)
{
	(void)state;
	char path[PATH_MAX];
	struct binary *b;
	struct binary_function f;
	host_path("target_host", path);
	assert_ok(binary_open(path, &b));
	assert_fails(binary_find_at(b, 0, &f), ERR_INVALID, "", "no function holds");
	assert_fails(binary_find_at(b, UINT64_MAX, &f), ERR_INVALID, "", "no function holds");
	assert_int_equal(binary_code(b, 0, 100).size, 0);
	assert_int_equal(binary_code(b, UINT64_MAX, 100).size, 0);
	binary_destroy(b);
}

/* Without section headers there are no symbols: unwind entries still tell where functions are. */
static void a_stripped_file_tells_functions_by_unwind_entries(void **state)
{
	(void)state;
	struct buf file = host_file();
	struct binary *b, *bare;
	struct binary_function f, at;
	Elf64_Ehdr header;
	assert_ok(binary_parse(buf_bytes(&file), &b));
	assert_ok(binary_find(b, STR("probed_call"), &f));
	struct buf stripped = BUF_INIT(BINARY_MAX_BYTES);
	buf_append(&stripped, file.data, file.size);
	memcpy(&header, stripped.data, sizeof(header));
	header.e_shnum = 0;
	memcpy(stripped.data, &header, sizeof(header));
	assert_ok(binary_parse(buf_bytes(&stripped), &bare));
	assert_ok(binary_find_at(bare, f.file_offset + 5, &at));
	assert_int_equal(at.file_offset, f.file_offset);
	assert_int_equal(at.size_bytes, f.size_bytes);
	assert_int_equal(at.name.size, 0);
	assert_fails(binary_find(bare, STR("probed_call"), &at), ERR_NOT_FOUND, "",
		     "name the place by its file offset");
	binary_destroy(bare);
	binary_destroy(b);
	buf_fini(&stripped);
	buf_fini(&file);
}

static void refuses_what_is_no_host(void **state)
{
	(void)state;
	struct binary *b;
	struct buf file = host_file();
	assert_fails(binary_open("/no/such/file", &b), ERR_NOT_FOUND, "", "/no/such/file");
	assert_fails(binary_open("/etc/passwd", &b), ERR_INVALID, "", "/etc/passwd: no ELF file");
	assert_fails(binary_open("/proc", &b), ERR_INVALID, "", "is no file");
	file.data[EI_CLASS] = ELFCLASS32;
	assert_fails(binary_parse(buf_bytes(&file), &b), ERR_UNSUPPORTED, "", "not a 64-bit");
	file.data[EI_CLASS] = ELFCLASS64;
	file.data[offsetof(Elf64_Ehdr, e_type)] = ET_REL;
	assert_fails(binary_parse(buf_bytes(&file), &b), ERR_INVALID, "", "neither an executable");
	buf_fini(&file);
}

/* Cut anywhere: an error or a smaller answer, never a read behind the end. */
static void a_file_cut_short_is_harmless(void **state)
{
	(void)state;
	struct buf file = host_file();
	for (size_t size = 0; size < file.size; size += 509) {
		struct binary *b;
		struct binary_function f;
		uint8_t *exact = mem_alloc(size);
		memcpy(exact, file.data, size);
		struct err *e = binary_parse(bytes_of(exact, size), &b);
		if (!e) {
			err_destroy(binary_find(b, STR("probed"), &f));
			err_destroy(binary_find_at(b, size / 2, &f));
			binary_code(b, size - 1, 64);
			binary_destroy(b);
		}
		err_destroy(e);
		mem_free(exact);
	}
	buf_fini(&file);
}

static void survives_running_out_of_memory(void **state)
{
	(void)state;
	struct buf file = host_file();
	for (uint64_t nth = 1;; nth++) {
		struct binary *b = NULL;
		mem_fail_at(nth);
		struct err *e = binary_parse(buf_bytes(&file), &b);
		bool has_failed = mem_failed();
		mem_fail_at(0);
		if (!e) {
			binary_destroy(b);
			assert_false(has_failed);
			break;
		}
		assert_int_equal(err_code(e), ERR_NO_MEMORY);
		err_destroy(e);
	}
	buf_fini(&file);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(finds_functions_by_name_and_by_place),
		cmocka_unit_test(says_which_file_it_is),
		cmocka_unit_test(offers_near_names),
		cmocka_unit_test(there_is_no_function_outside_of_code),
		cmocka_unit_test(a_stripped_file_tells_functions_by_unwind_entries),
		cmocka_unit_test(refuses_what_is_no_host),
		cmocka_unit_test(a_file_cut_short_is_harmless),
		cmocka_unit_test(survives_running_out_of_memory),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
