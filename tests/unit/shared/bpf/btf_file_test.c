#include "tests/unit/test.h"

#include "shared/base/mem.h"
#include "shared/bpf/btf_file.h"

#include <elf.h>

/* An ELF file of one segment with two notes: one of another name, and the build id. */
struct image {
	Elf64_Ehdr header;
	Elf64_Phdr segments[2];
	Elf64_Nhdr other;
	char other_name[8];
	char other_content[4];
	Elf64_Nhdr note;
	char name[4];
	uint8_t id[20];
};

static struct image good_image(void)
{
	struct image e = {0};
	memcpy(e.header.e_ident, ELFMAG, SELFMAG);
	e.header.e_ident[EI_CLASS] = ELFCLASS64;
	e.header.e_ident[EI_DATA] = ELFDATA2LSB;
	e.header.e_phoff = offsetof(struct image, segments);
	e.header.e_phentsize = sizeof(Elf64_Phdr);
	e.header.e_phnum = 2;
	e.segments[0].p_type = PT_LOAD;
	e.segments[1].p_type = PT_NOTE;
	e.segments[1].p_offset = offsetof(struct image, other);
	e.segments[1].p_filesz = sizeof(e) - offsetof(struct image, other);
	e.other = (Elf64_Nhdr){5, 3, NT_GNU_BUILD_ID}; /* padded to 8 and 4 */
	memcpy(e.other_name, "LIKE", 5);
	e.note = (Elf64_Nhdr){4, sizeof(e.id), NT_GNU_BUILD_ID};
	memcpy(e.name, "GNU", 4);
	for (uint8_t i = 0; i < sizeof(e.id); i++)
		e.id[i] = (uint8_t)(0xa0 + i);
	return e;
}

#define ID "a0a1a2a3a4a5a6a7a8a9aaabacadaeafb0b1b2b3"

static void finds_the_build_id_among_notes(void **state UNUSED)
{
	struct image e = good_image();
	char id[BTF_FILE_ID_SIZE];
	assert_ok(btf_file_build_id(bytes_of(&e, sizeof(e)), id));
	assert_string_equal(id, ID);
}

static void says_when_there_is_no_build_id(void **state UNUSED)
{
	struct image e = good_image();
	char id[BTF_FILE_ID_SIZE] = "x";
	e.note.n_type = NT_GNU_ABI_TAG;
	assert_ok(btf_file_build_id(bytes_of(&e, sizeof(e)), id));
	assert_string_equal(id, "");
	e = good_image();
	e.segments[1].p_type = PT_LOAD;
	assert_ok(btf_file_build_id(bytes_of(&e, sizeof(e)), id));
	assert_string_equal(id, "");
	e.header.e_phnum = 0;
	assert_ok(btf_file_build_id(bytes_of(&e, sizeof(e)), id));
	assert_string_equal(id, "");
}

/* A content that is too long to be a build id is another's note. */
static void passes_over_a_long_note(void **state UNUSED)
{
	struct {
		struct image image;
		uint8_t more[BTF_FILE_ID_MAX];
	} e = {.image = good_image()};
	char id[BTF_FILE_ID_SIZE] = "x";
	e.image.note.n_descsz = BTF_FILE_ID_MAX + 1;
	e.image.segments[1].p_filesz += sizeof(e.more);
	assert_ok(btf_file_build_id(bytes_of(&e, sizeof(e)), id));
	assert_string_equal(id, "");
	e.image.note.n_descsz = BTF_FILE_ID_MAX;
	assert_ok(btf_file_build_id(bytes_of(&e, sizeof(e)), id));
	assert_int_equal(strlen(id), 2 * BTF_FILE_ID_MAX);
}

static void refuse(const struct image *e, const char *part)
{
	char id[BTF_FILE_ID_SIZE] = "x";
	assert_fails(btf_file_build_id(bytes_of(e, sizeof(*e)), id), ERR_INVALID, "", part);
	assert_string_equal(id, "x");
}

static void refuses_broken_files(void **state UNUSED)
{
	struct image e = good_image();
	e.header.e_phoff = UINT64_MAX - 10;
	refuse(&e, "program header");
	e.header.e_phoff = sizeof(e);
	refuse(&e, "program header 0");
	e = good_image();
	e.header.e_phentsize = 1;
	refuse(&e, "program headers of 1 bytes");
	e = good_image();
	e.segments[1].p_filesz++;
	refuse(&e, "notes");
	e = good_image();
	e.segments[1].p_offset = UINT64_MAX;
	refuse(&e, "notes");
	e = good_image();
	e.note.n_descsz = UINT32_MAX;
	refuse(&e, "notes");
	e = good_image();
	e.other.n_namesz = UINT32_MAX - 1;
	refuse(&e, "notes");
	e = good_image();
	e.header.e_ident[EI_CLASS] = ELFCLASS32;
	refuse(&e, "not a 64-bit little-endian ELF file");
	e.header.e_ident[0] = 0;
	refuse(&e, "not an ELF file");
}

static void survives_every_cut(void **state UNUSED)
{
	struct image e = good_image();
	char id[BTF_FILE_ID_SIZE];
	for (size_t size = 0; size < sizeof(e); size++) {
		void *exact = mem_alloc(size); /* so that a sanitizer sees what reads past it */
		assert_non_null(exact);
		memcpy(exact, &e, size);
		OWNED(err) struct err *error = btf_file_build_id(bytes_of(exact, size), id);
		mem_free(exact);
		assert_non_null(error);
		assert_int_equal(err_code(error), ERR_INVALID);
	}
}

static void a_path_is_made_of_hex_digits_alone(void **state UNUSED)
{
	OWNED_BUF struct buf path = BUF_INIT(1000);
	static const char *const bad[] = {"", "a", "ab", "ab/../..", "abcg", "ABCD", "ab cd"};
	assert_ok(btf_file_path("/f", STR(ID), &path));
	assert_string_equal(buf_text(&path), "/f/a0/a1a2a3a4a5a6a7a8a9aaabacadaeafb0b1b2b3.btf");
	buf_clear(&path);
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		assert_fails(btf_file_path("/f", str_of(bad[i]), &path), ERR_NOT_FOUND, "",
			     "no build id");
	assert_int_equal(path.size, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(finds_the_build_id_among_notes),
		cmocka_unit_test(says_when_there_is_no_build_id),
		cmocka_unit_test(passes_over_a_long_note),
		cmocka_unit_test(refuses_broken_files),
		cmocka_unit_test(survives_every_cut),
		cmocka_unit_test(a_path_is_made_of_hex_digits_alone),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
