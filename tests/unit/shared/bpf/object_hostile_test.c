/* Objects that must be refused, and objects that are damaged in every place. */
#include "tests/unit/test.h"
#include "tests/unit/shared/bpf/sound.h"

#include "shared/base/file.h"
#include "shared/base/mem.h"

#include <elf.h>
#include <stdio.h>

static void read_image(const char *name, struct buf *out)
{
	char path[256];
	snprintf(path, sizeof(path), "build/tests/programs/%s.bpf.o", name);
	assert_ok(file_read(path, out));
}

static Elf64_Shdr *headers(const struct buf *image)
{
	return (Elf64_Shdr *)(image->data + ((Elf64_Ehdr *)image->data)->e_shoff);
}

static Elf64_Shdr *section(const struct buf *image, const char *name)
{
	const Elf64_Ehdr *h = (const Elf64_Ehdr *)image->data;
	Elf64_Shdr *s = headers(image);
	for (unsigned i = 0; i < h->e_shnum; i++)
		if (!strcmp(image->data + s[h->e_shstrndx].sh_offset + s[i].sh_name, name))
			return &s[i];
	fail_msg("no section %s", name);
	return NULL;
}

static void *content(const struct buf *image, const char *name)
{
	return image->data + section(image, name)->sh_offset;
}

static Elf64_Sym *symbol(const struct buf *image, const char *name)
{
	const Elf64_Shdr *table = section(image, ".symtab");
	Elf64_Sym *s = (Elf64_Sym *)(image->data + table->sh_offset);
	const char *names = image->data + headers(image)[table->sh_link].sh_offset;
	for (size_t i = 0; i < table->sh_size / sizeof(*s); i++)
		if (!strcmp(names + s[i].st_name, name))
			return &s[i];
	fail_msg("no symbol %s", name);
	return NULL;
}

/* Parses and, where it parses, destroys. */
static struct err *try_parse(const struct buf *image)
{
	OWNED(object) struct object *o = NULL;
	return object_parse(buf_bytes(image), &o);
}

#define assert_program_fails(name, code, path, part)                      \
	do {                                                              \
		OWNED_BUF struct buf image_ = BUF_INIT(OBJECT_MAX_BYTES); \
		read_image(name, &image_);                                \
		assert_fails(try_parse(&image_), code, path, part);       \
	} while (0)

/* ---- programs that compile and are refused ---- */

static void rejects_objects_without_code_or_entries(void **state UNUSED)
{
	assert_program_fails("bad_no_code", ERR_INVALID, "", "the object has no code");
	assert_program_fails("bad_no_entry", ERR_INVALID, "",
			     "put a function in SEC(\"uprobe/…\")");
}

static void names_the_nearest_section_name(void **state UNUSED)
{
	assert_program_fails("bad_section", ERR_UNSUPPORTED, "/sections/urpobe//usr/bin/app:work",
			     "is it \"uprobe\"?");
}

static void names_map_kinds_and_properties_that_it_refuses(void **state UNUSED)
{
	assert_program_fails("bad_map_kind", ERR_UNSUPPORTED, "/maps/routes/type",
			     "the runtime has no maps of kind lpm_trie");
	assert_program_fails("bad_map_property", ERR_INVALID, "/maps/slots/max_entry",
			     "is it \"max_entries\"?");
	assert_program_fails("bad_map_flags", ERR_UNSUPPORTED, "/maps/slots/map_flags",
			     "flags 0x80 are not supported by a map of kind array");
	assert_program_fails("bad_map_sizes", ERR_INVALID, "/maps/hits",
			     "key_size is 4, but the key's type has 8 bytes");
	assert_program_fails("bad_map_large", ERR_TOO_LARGE, "/maps/slots/max_entries",
			     "1073741824 bytes are the limit");
	assert_program_fails("bad_ring_value", ERR_INVALID, "/maps/events/value",
			     "EIM_RECORD() types its records");
	assert_program_fails("bad_map_legacy", ERR_UNSUPPORTED, "/sections/maps",
			     "declare them in SEC(\".maps\")");
}

static void rejects_what_a_linker_would_have_to_resolve(void **state UNUSED)
{
	assert_program_fails("bad_extern", ERR_UNSUPPORTED, "/sections/uprobe/1",
			     "\"elsewhere\" is not defined");
	assert_program_fails("bad_weak", ERR_UNSUPPORTED, "/sections/eim/serve/1",
			     "declare it without __weak");
	assert_program_fails("bad_extern_address", ERR_UNSUPPORTED, "/sections/eim/serve/1",
			     "\"host_close\" is a function: it can be called");
	assert_program_fails("bad_data_address", ERR_UNSUPPORTED, "/sections/.data",
			     "data that holds addresses");
	assert_program_fails("bad_core", ERR_UNSUPPORTED, "/sections/.BTF.ext", "CO-RE");
}

/* ---- containers ---- */

static void rejects_files_that_are_no_ebpf_objects(void **state UNUSED)
{
	OWNED_BUF struct buf image = BUF_INIT(OBJECT_MAX_BYTES);
	assert_fails(try_parse(&image), ERR_INVALID, "", "not an ELF file");
	read_image("entries", &image);
	Elf64_Ehdr *h = (Elf64_Ehdr *)image.data, good = *h;
	h->e_ident[EI_CLASS] = ELFCLASS32;
	assert_fails(try_parse(&image), ERR_INVALID, "", "32-bit");
	*h = good;
	h->e_ident[EI_DATA] = ELFDATA2MSB;
	assert_fails(try_parse(&image), ERR_INVALID, "", "big-endian");
	*h = good;
	h->e_machine = EM_X86_64;
	assert_fails(try_parse(&image), ERR_INVALID, "", "machine 62");
	*h = good;
	h->e_type = ET_DYN;
	assert_fails(try_parse(&image), ERR_INVALID, "", "ELF type 3");
	*h = good;
	image.data[0] = 'X';
	assert_fails(try_parse(&image), ERR_INVALID, "", "not an ELF file");
}

static void rejects_objects_past_the_limit_of_size(void **state UNUSED)
{
	OWNED_BUF struct buf image = BUF_INIT(OBJECT_MAX_BYTES + 16);
	assert_non_null(buf_extend(&image, OBJECT_MAX_BYTES + 1));
	assert_fails(try_parse(&image), ERR_TOO_LARGE, "", "8388608 are the limit");
}

static void asks_for_btf_where_maps_are_declared(void **state UNUSED)
{
	OWNED_BUF struct buf image = BUF_INIT(OBJECT_MAX_BYTES);
	read_image("maps", &image);
	section(&image, ".BTF")->sh_name = section(&image, ".llvm_addrsig")->sh_name;
	assert_fails(try_parse(&image), ERR_INVALID, "/sections/.maps", "compile with -g");
}

/* ---- functions ---- */

static void rejects_overlapping_and_missing_functions(void **state UNUSED)
{
	OWNED_BUF struct buf image = BUF_INIT(OBJECT_MAX_BYTES);
	read_image("calls", &image);
	Elf64_Sym *first = symbol(&image, "first");
	first->st_size += 8;
	assert_fails(try_parse(&image), ERR_INVALID, "/sections/.symtab",
		     "functions first and second overlap");
	first->st_size -= 16;
	assert_fails(try_parse(&image), ERR_INVALID, "/sections/.symtab", "belongs to no function");
	first->st_size = 0;
	assert_fails(try_parse(&image), ERR_INVALID, "/sections/.symtab", "function first: bytes");
	first->st_size = UINT64_MAX - 7;
	first->st_value = 16;
	assert_fails(try_parse(&image), ERR_INVALID, "/sections/.symtab", "function first: bytes");
	first->st_shndx = 60000;
	assert_fails(try_parse(&image), ERR_INVALID, "/sections/.symtab",
		     "\"first\" is in no section of code");
}

static void rejects_calls_into_the_middle_of_functions(void **state UNUSED)
{
	OWNED_BUF struct buf image = BUF_INIT(OBJECT_MAX_BYTES);
	read_image("calls", &image);
	struct bpf_insn *text = content(&image, ".text"), *uprobe = content(&image, "uprobe");
	text[0].imm++;
	assert_fails(try_parse(&image), ERR_INVALID, "/sections/.text/0", "no function");
	text[0].imm = INT32_MAX;
	assert_fails(try_parse(&image), ERR_INVALID, "/sections/.text/0", "no function");
	text[0].imm = 1;
	uprobe[1].imm++;
	assert_fails(try_parse(&image), ERR_INVALID, "/sections/uprobe/1",
		     "no function's beginning");
	uprobe[1].imm = INT32_MIN;
	assert_fails(try_parse(&image), ERR_INVALID, "/sections/uprobe/1",
		     "no function's beginning");
}

static void rejects_calls_that_leave_their_section_unrelocated(void **state UNUSED)
{
	OWNED_BUF struct buf image = BUF_INIT(OBJECT_MAX_BYTES);
	read_image("calls", &image);
	struct bpf_insn *text = content(&image, ".text");
	text[0].imm = (int32_t)(section(&image, ".text")->sh_size / 8) - 1; /* `first` */
	assert_fails(try_parse(&image), ERR_INVALID, "/sections/.text/0", "of its section");
}

/* ---- relocations ---- */

static void rejects_relocations_out_of_place(void **state UNUSED)
{
	OWNED_BUF struct buf image = BUF_INIT(OBJECT_MAX_BYTES);
	read_image("globals", &image);
	Elf64_Rel *rel = content(&image, ".reluprobe"), good = rel[0];
	rel[0].r_offset += 8;
	assert_fails(try_parse(&image), ERR_INVALID, "/sections/uprobe/2",
		     "the second half of an ld_imm64");
	rel[0].r_offset = good.r_offset + 4;
	assert_fails(try_parse(&image), ERR_INVALID, "/sections/uprobe", "relocation at byte 12");
	rel[0].r_offset = UINT64_MAX - 7;
	assert_fails(try_parse(&image), ERR_INVALID, "/sections/uprobe", "relocation at byte");
	rel[0].r_offset = 0;
	assert_fails(try_parse(&image), ERR_INVALID, "/sections/uprobe/0", "does not fit");
	rel[0] = rel[1];
	assert_fails(try_parse(&image), ERR_INVALID, "/sections/uprobe/6", "already");
}

static void rejects_relocation_kinds_and_symbols_that_are_not_there(void **state UNUSED)
{
	OWNED_BUF struct buf image = BUF_INIT(OBJECT_MAX_BYTES);
	read_image("globals", &image);
	Elf64_Rel *rel = content(&image, ".reluprobe"), good = rel[0];
	rel[0].r_info = ELF64_R_INFO(ELF64_R_SYM(good.r_info), 2);
	assert_fails(try_parse(&image), ERR_UNSUPPORTED, "/sections/uprobe/1", "kind 2");
	rel[0].r_info = ELF64_R_INFO(ELF64_R_SYM(good.r_info), R_BPF_64_32);
	assert_fails(try_parse(&image), ERR_INVALID, "/sections/uprobe/1", "does not fit");
	rel[0].r_info = ELF64_R_INFO(1000000u, R_BPF_64_64);
	assert_fails(try_parse(&image), ERR_INVALID, "/sections/uprobe/1", "symbol 1000000 of");
	rel[0] = good;
	symbol(&image, "total")->st_shndx = 50000;
	assert_fails(try_parse(&image), ERR_INVALID, "/sections/uprobe/29",
		     "\"total\" is in section 50000");
	symbol(&image, "total")->st_shndx = SHN_UNDEF;
	assert_fails(try_parse(&image), ERR_UNSUPPORTED, "/sections/uprobe/29",
		     "\"total\" is not defined");
}

static void rejects_addresses_outside_of_the_data(void **state UNUSED)
{
	OWNED_BUF struct buf image = BUF_INIT(OBJECT_MAX_BYTES);
	read_image("globals", &image);
	struct bpf_insn *code = content(&image, "uprobe");
	code[1].imm = 16;
	assert_fails(try_parse(&image), ERR_INVALID, "/sections/uprobe/1", "byte 16 of the 16");
	code[1].imm = -1;
	assert_fails(try_parse(&image), ERR_INVALID, "/sections/uprobe/1", "byte -1 of the 16");
	code[1].imm = 0;
	code[2].imm = 1;
	assert_fails(try_parse(&image), ERR_INVALID, "/sections/uprobe/1", "constant of 64 bits");
}

static void rejects_map_numbers_that_no_relocation_gave(void **state UNUSED)
{
	OWNED_BUF struct buf image = BUF_INIT(OBJECT_MAX_BYTES);
	read_image("globals", &image);
	struct bpf_insn *code = content(&image, "uprobe");
	code[1].src_reg = BPF_PSEUDO_MAP_FD;
	assert_fails(try_parse(&image), ERR_INVALID, "/sections/uprobe/1", "already");
	section(&image, ".reluprobe")->sh_type = SHT_NOTE;
	assert_fails(try_parse(&image), ERR_INVALID, "/sections/uprobe/1",
		     "an ld_imm64 of kind 1 without a relocation");
}

static void rejects_halves_of_ld_imm64(void **state UNUSED)
{
	OWNED_BUF struct buf image = BUF_INIT(OBJECT_MAX_BYTES);
	read_image("globals", &image);
	struct bpf_insn *code = content(&image, "uprobe");
	size_t last = section(&image, "uprobe")->sh_size / 8 - 1;
	code[2].dst_reg = 1;
	assert_fails(try_parse(&image), ERR_INVALID, "/sections/uprobe", "lacks its second half");
	code[2].dst_reg = 0;
	code[last].code = 0x18;
	assert_fails(try_parse(&image), ERR_INVALID, "/sections/uprobe", "ends inside an ld_imm64");
}

static void rejects_addresses_between_maps(void **state UNUSED)
{
	OWNED_BUF struct buf image = BUF_INIT(OBJECT_MAX_BYTES);
	read_image("maps", &image);
	struct bpf_insn *code = content(&image, "uretprobe//usr/bin/app:work");
	code[1].imm = 8;
	assert_fails(try_parse(&image), ERR_INVALID, "/sections/uretprobe//usr/bin/app:work/1",
		     "no map begins at byte 80");
}

static void rejects_two_maps_in_one_place(void **state UNUSED)
{
	OWNED_BUF struct buf image = BUF_INIT(OBJECT_MAX_BYTES);
	read_image("maps", &image);
	section(&image, ".rel.BTF")->sh_type = SHT_NOTE;
	assert_fails(try_parse(&image), ERR_INVALID, "/maps/slots", "another map is at byte 0");
}

/* ---- externs ---- */

static void asks_for_btf_of_externs(void **state UNUSED)
{
	OWNED_BUF struct buf image = BUF_INIT(OBJECT_MAX_BYTES);
	read_image("externs", &image);
	section(&image, ".BTF.ext")->sh_name = section(&image, ".llvm_addrsig")->sh_name;
	section(&image, ".BTF")->sh_name = section(&image, ".llvm_addrsig")->sh_name;
	assert_fails(try_parse(&image), ERR_UNSUPPORTED, "/sections/.text/1",
		     "\"host_close\" is not defined in the object, which has no BTF; compile "
		     "with -g, and declare what the host has as \"extern … host_close … __ksym;\"");
}

static void rejects_externs_that_are_not_their_beginning(void **state UNUSED)
{
	OWNED_BUF struct buf image = BUF_INIT(OBJECT_MAX_BYTES);
	read_image("externs", &image);
	struct bpf_insn *text = content(&image, ".text");
	assert_int_equal(text[1].imm, -1);
	text[1].imm = 0;
	assert_fails(try_parse(&image), ERR_INVALID, "/sections/.text/1",
		     "not the beginning of \"host_close\"");
	text[1].imm = -1;
	symbol(&image, "host_close")->st_value = 8;
	assert_fails(try_parse(&image), ERR_INVALID, "/sections/.text/1",
		     "not the beginning of \"host_close\"");
}

static void rejects_calls_of_kernel_functions_that_no_relocation_gave(void **state UNUSED)
{
	OWNED_BUF struct buf image = BUF_INIT(OBJECT_MAX_BYTES);
	read_image("externs", &image);
	struct bpf_insn *text = content(&image, ".text");
	text[0] = (struct bpf_insn){.code = 0x85, .src_reg = BPF_PSEUDO_KFUNC_CALL};
	assert_fails(try_parse(&image), ERR_INVALID, "/sections/.text/0",
		     "a call of kernel function 0 without a relocation");
	text[0] = (struct bpf_insn){.code = 0xb7};
	text[1].src_reg = BPF_PSEUDO_KFUNC_CALL;
	assert_fails(try_parse(&image), ERR_INVALID, "/sections/.text/1", "does not fit");
}

/* The DATASEC's row for host_open names host_close's FUNC instead. */
static void rejects_an_extern_that_is_there_twice(void **state UNUSED)
{
	OWNED_BUF struct buf image = BUF_INIT(OBJECT_MAX_BYTES);
	OWNED(object) struct object *o = NULL;
	uint32_t count;
	read_image("externs", &image);
	assert_ok(object_parse(buf_bytes(&image), &o));
	const struct object_extern *e = object_externs(o, &count);
	struct bytes btf = bytes_of(content(&image, ".BTF"), section(&image, ".BTF")->sh_size);
	uint32_t row[3] = {e[0].btf_id, 0, 0}, changed = 0;
	for (size_t at = 0; at + sizeof(row) <= btf.size; at += 4) {
		if (memcmp(btf.data + at, row, sizeof(row)))
			continue;
		memcpy((uint8_t *)btf.data + at, &e[1].btf_id, 4);
		changed++;
	}
	assert_int_equal(changed, 1);
	assert_fails(try_parse(&image), ERR_INVALID, "/externs", "is there twice");
}

/* ---- damage ---- */

static const char *const victims[] = {"globals", "maps", "calls", "externs"};

/* Parses; whatever is accepted is sound. Tells whether it was. */
static bool survives(const struct buf *image, size_t at)
{
	OWNED(object) struct object *o = NULL;
	OWNED(err) struct err *e = object_parse(buf_bytes(image), &o);
	const char *wrong = e ? NULL : sound_object(o);
	if (wrong)
		fail_msg("byte %zu: %s", at, wrong);
	return !e;
}

static void survives_truncation_at_every_length(void **state UNUSED)
{
	for (size_t v = 0; v < ARRAY_SIZE(victims); v++) {
		OWNED_BUF struct buf image = BUF_INIT(OBJECT_MAX_BYTES);
		read_image(victims[v], &image);
		size_t whole = image.size;
		assert_true(survives(&image, whole));
		for (image.size = 0; image.size < whole; image.size++) {
			/* A copy of exactly that size, so that a sanitizer sees what lies behind. */
			OWNED_BUF struct buf cut = BUF_INIT(OBJECT_MAX_BYTES);
			buf_append(&cut, image.data, image.size);
			assert_false(survives(&cut, image.size));
		}
	}
}

static void survives_damage_to_every_byte(void **state UNUSED)
{
	static const uint8_t values[] = {0x00, 0xff, 0x7f, 0x01};
	for (size_t v = 0; v < ARRAY_SIZE(victims); v++) {
		OWNED_BUF struct buf image = BUF_INIT(OBJECT_MAX_BYTES);
		read_image(victims[v], &image);
		size_t refused = 0;
		for (size_t at = 0; at < image.size; at++) {
			char good = image.data[at];
			for (size_t i = 0; i < ARRAY_SIZE(values); i++) {
				image.data[at] = (char)values[i];
				refused += !survives(&image, at);
			}
			image.data[at] = good;
		}
		assert_true(refused > image.size / 8);
	}
}

static void survives_failure_of_every_allocation(void **state UNUSED)
{
	for (size_t v = 0; v < ARRAY_SIZE(victims); v++) {
		OWNED_BUF struct buf image = BUF_INIT(OBJECT_MAX_BYTES);
		read_image(victims[v], &image);
		for (uint64_t nth = 1;; nth++) {
			OWNED(object) struct object *o = NULL;
			mem_fail_at(nth);
			OWNED(err) struct err *e = object_parse(buf_bytes(&image), &o);
			int failed = mem_failed();
			mem_fail_at(0);
			if (!failed) {
				assert_null(e);
				assert_true(nth > 5);
				break;
			}
			assert_non_null(e);
			assert_int_equal(err_code(e), ERR_NO_MEMORY);
			assert_null(o);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(rejects_objects_without_code_or_entries),
		cmocka_unit_test(names_the_nearest_section_name),
		cmocka_unit_test(names_map_kinds_and_properties_that_it_refuses),
		cmocka_unit_test(rejects_what_a_linker_would_have_to_resolve),
		cmocka_unit_test(rejects_files_that_are_no_ebpf_objects),
		cmocka_unit_test(rejects_objects_past_the_limit_of_size),
		cmocka_unit_test(asks_for_btf_where_maps_are_declared),
		cmocka_unit_test(rejects_overlapping_and_missing_functions),
		cmocka_unit_test(rejects_calls_into_the_middle_of_functions),
		cmocka_unit_test(rejects_calls_that_leave_their_section_unrelocated),
		cmocka_unit_test(rejects_relocations_out_of_place),
		cmocka_unit_test(rejects_relocation_kinds_and_symbols_that_are_not_there),
		cmocka_unit_test(rejects_addresses_outside_of_the_data),
		cmocka_unit_test(rejects_map_numbers_that_no_relocation_gave),
		cmocka_unit_test(rejects_halves_of_ld_imm64),
		cmocka_unit_test(rejects_addresses_between_maps),
		cmocka_unit_test(rejects_two_maps_in_one_place),
		cmocka_unit_test(asks_for_btf_of_externs),
		cmocka_unit_test(rejects_externs_that_are_not_their_beginning),
		cmocka_unit_test(rejects_calls_of_kernel_functions_that_no_relocation_gave),
		cmocka_unit_test(rejects_an_extern_that_is_there_twice),
		cmocka_unit_test(survives_truncation_at_every_length),
		cmocka_unit_test(survives_damage_to_every_byte),
		cmocka_unit_test(survives_failure_of_every_allocation),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
