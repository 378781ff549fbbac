#include "tests/unit/test.h"

#include "shared/base/mem.h"
#include "shared/jit/image.h"

static const uint8_t code[] = {0x31, 0xc0, 0xc3};

/* An image in order, with a map of each role; borrowed parts are static. */
static void fill(struct image *i, struct image_entry entries[2], struct image_map maps[2])
{
	static struct image_import imports[2];
	imports[0] = (struct image_import){STR("host_open_file"), true};
	imports[1] = (struct image_import){STR("host_limit"), false};
	*i = (struct image){.arena = ARENA_INIT(1 << 20),
			    .code = bytes_of(code, sizeof(code)),
			    .entries = entries,
			    .maps = maps,
			    .entries_count = 2,
			    .maps_count = 2,
			    .imports = imports,
			    .imports_count = 2,
			    .imports_offset = 4096,
			    .private_offset = 8192,
			    .total_bytes = 12288 + 8192 + 3 * 4096 + 8192,
			    .needs = IMAGE_NEEDS_OWNER | IMAGE_NEEDS_SYSCALLS,
			    .object_digest = STR("0123"),
			    .role_digest = STR("4567"),
			    .btf = bytes_of("btf", 3)};
	entries[0] = (struct image_entry){.name = STR("on_open"),
					  .section = STR("uprobe/x:y"),
					  .offset = 0,
					  .ctx_reads = 5};
	entries[1] = (struct image_entry){.name = STR("on_close"),
					  .section = STR("eim/close"),
					  .symbol = STR("host_close"),
					  .offset = 2};
	maps[0] = (struct image_map){.name = STR(".data"),
				     .role = OBJECT_MAP_DATA,
				     .kind = 2,
				     .key_size = 4,
				     .value_size = 3,
				     .max_entries = 1,
				     .key_type = 9,
				     .value_type = 8,
				     .offset = 12288,
				     .file_bytes = 8192,
				     .span_bytes = 8192,
				     .initial = bytes_of("abc", 3)};
	maps[1] = (struct image_map){.name = STR("ring"),
				     .role = OBJECT_MAP_DECLARED,
				     .kind = 27,
				     .max_entries = 4096,
				     .offset = 20480,
				     .file_bytes = 4 * 4096,
				     .span_bytes = 5 * 4096};
}

static void encode(const struct image *i, struct buf *out)
{
	image_encode(i, out);
	assert_ok(buf_check(out));
}

static void what_is_decoded_is_what_was_encoded(void **state)
{
	(void)state;
	struct image image;
	struct image_entry entries[2];
	struct image_map maps[2];
	OWNED_BUF struct buf data = BUF_INIT(1 << 20), again = BUF_INIT(1 << 20);
	OWNED(image) struct image *got = NULL;
	fill(&image, entries, maps);
	encode(&image, &data);
	assert_ok(image_decode(buf_bytes(&data), &got));
	assert_int_equal(got->needs, image.needs);
	assert_memory_equal(got->code.data, code, sizeof(code));
	assert_true(str_is(got->entries[1].name, "on_close"));
	assert_int_equal(got->entries[1].offset, 2);
	assert_int_equal(got->entries[0].ctx_reads, 5);
	assert_true(str_is(got->entries[1].symbol, "host_close"));
	assert_int_equal(got->entries[0].symbol.size, 0);
	assert_int_equal(got->imports_offset, 4096);
	assert_true(str_is(got->imports[0].symbol, "host_open_file"));
	assert_true(got->imports[0].is_function);
	assert_true(str_is(got->imports[1].symbol, "host_limit"));
	assert_false(got->imports[1].is_function);
	assert_true(str_is(got->maps[1].name, "ring"));
	assert_int_equal(got->maps[0].value_type, 8);
	assert_memory_equal(got->maps[0].initial.data, "abc", 3);
	assert_true(str_is(got->role_digest, "4567"));
	assert_int_equal(got->btf.size, 3);
	encode(got, &again);
	assert_int_equal(again.size, data.size);
	assert_memory_equal(again.data, data.data, data.size);
}

static void an_image_that_is_cut_short_is_refused_at_every_length(void **state)
{
	(void)state;
	struct image image;
	struct image_entry entries[2];
	struct image_map maps[2];
	OWNED_BUF struct buf data = BUF_INIT(1 << 20);
	fill(&image, entries, maps);
	encode(&image, &data);
	for (size_t size = 0; size < data.size; size++) {
		struct image *got = NULL;
		struct err *e = image_decode(bytes_of(data.data, size), &got);
		assert_non_null(e);
		assert_int_equal(err_code(e), ERR_INVALID);
		assert_null(got);
		err_destroy(e);
	}
	buf_putc(&data, 0);
	struct image *got = NULL;
	assert_fails(image_decode(buf_bytes(&data), &got), ERR_INVALID, "", "1 bytes follow");
}

static void other_formats_and_layouts_are_named(void **state)
{
	(void)state;
	struct image image, *got = NULL;
	struct image_entry entries[2];
	struct image_map maps[2];
	OWNED_BUF struct buf data = BUF_INIT(1 << 20);
	fill(&image, entries, maps);
	encode(&image, &data);
	data.data[8] = 77;
	assert_fails(image_decode(buf_bytes(&data), &got), ERR_INVALID, "",
		     "layout 77, this program reads 2");
	data.data[0] = 'X';
	assert_fails(image_decode(buf_bytes(&data), &got), ERR_INVALID, "", "not an image");
}

static void fails_with(void (*spoil)(struct image *i), enum err_code error, const char *path,
		       const char *part)
{
	struct image image, *got = NULL;
	struct image_entry entries[2];
	struct image_map maps[2];
	OWNED_BUF struct buf data = BUF_INIT(1 << 20);
	fill(&image, entries, maps);
	spoil(&image);
	encode(&image, &data);
	assert_fails(image_decode(buf_bytes(&data), &got), error, path, part);
}

#define SPOILS(name, statement)           \
	static void name(struct image *i) \
	{                                 \
		statement;                \
	}
SPOILS(entry_outside, i->entries[1].offset = 3)
SPOILS(entry_without_name, i->entries[0].name = STR(""))
SPOILS(map_over_private, i->maps[0].offset = 8192)
SPOILS(map_over_map, i->maps[1].offset = 16384)
SPOILS(map_off_page, i->maps[1].offset += 8)
SPOILS(map_far, i->maps[1].offset = 1ull << 62)
SPOILS(map_of_other_size, i->maps[0].span_bytes = 4096)
SPOILS(map_of_no_kind, i->maps[0].kind = 98)
SPOILS(map_rodata, i->maps[0].role = OBJECT_MAP_RODATA)
SPOILS(map_role, i->maps[0].role = (enum object_map_role)9)
SPOILS(map_initial, i->maps[0].initial.size = 2)
SPOILS(map_lock, i->maps[0].lock_end = 4)
SPOILS(no_code, i->code.size = 0)
SPOILS(imports_over_code, i->imports_offset = 0)
SPOILS(imports_off_page, i->imports_offset = 4104)
SPOILS(imports_over_private, i->imports_offset = 8192)
SPOILS(imports_past_private, i->imports_offset = 12288)
SPOILS(imports_of_nothing, i->imports_count = 0)
SPOILS(import_without_name, i->imports[1].symbol = STR(""))
SPOILS(seventh_argument, i->entries[1].ctx_reads = 64)
SPOILS(private_over_code, i->private_offset = 0)
SPOILS(private_off_page, i->private_offset = 4097)
SPOILS(unknown_needs, i->needs = 64)
SPOILS(wrong_end, i->total_bytes += 4096)
SPOILS(name_with_nul, i->entries[0].name = STR("a\0b"))

static void what_does_not_fit_together_is_refused(void **state)
{
	(void)state;
	fails_with(entry_outside, ERR_INVALID, "/entries/1/offset", "behind the code");
	fails_with(entry_without_name, ERR_INVALID, "/entries/0/name", "needs a name");
	fails_with(map_over_private, ERR_INVALID, "/maps/0/offset", "across");
	fails_with(map_over_map, ERR_INVALID, "/maps/1/offset", "across");
	fails_with(map_off_page, ERR_INVALID, "/maps/1/offset", "not on a page");
	fails_with(map_far, ERR_INVALID, "/maps/1/offset", "across");
	fails_with(map_of_other_size, ERR_INVALID, "/maps/0/file_bytes", "has others");
	fails_with(map_of_no_kind, ERR_INVALID, "/maps/0/kind", "number 98");
	fails_with(map_rodata, ERR_INVALID, "/maps/0/role", "no map");
	fails_with(map_role, ERR_INVALID, "/maps/0/role", "no map");
	fails_with(map_initial, ERR_INVALID, "/maps/0/initial", "another size");
	fails_with(map_lock, ERR_INVALID, "/maps/0/lock_end", "no spin lock");
	fails_with(no_code, ERR_INVALID, "/code", "has code");
	fails_with(private_over_code, ERR_INVALID, "/private_offset", "across");
	fails_with(private_off_page, ERR_INVALID, "/private_offset", "not on a page");
	fails_with(imports_over_code, ERR_INVALID, "/imports_offset", "without imports, or none");
	fails_with(imports_off_page, ERR_INVALID, "/imports_offset", "not on a page");
	fails_with(imports_over_private, ERR_INVALID, "/imports_offset", "across");
	fails_with(imports_past_private, ERR_INVALID, "/imports_offset", "across");
	fails_with(imports_of_nothing, ERR_INVALID, "/imports_offset", "without imports");
	fails_with(import_without_name, ERR_INVALID, "/imports", "import 1 has no name");
	fails_with(seventh_argument, ERR_INVALID, "/entries/1/ctx_reads", "6 arguments");
	fails_with(unknown_needs, ERR_INVALID, "/needs", "0x40");
	fails_with(wrong_end, ERR_INVALID, "/total_bytes", "does not end");
	fails_with(name_with_nul, ERR_INVALID, "/entries/0", "NUL");
}

static void out_of_memory_is_an_error_at_every_allocation(void **state)
{
	(void)state;
	struct image image;
	struct image_entry entries[2];
	struct image_map maps[2];
	OWNED_BUF struct buf data = BUF_INIT(1 << 20);
	fill(&image, entries, maps);
	encode(&image, &data);
	for (uint64_t n = 1;; n++) {
		struct image *got = NULL;
		mem_fail_at(n);
		struct err *e = image_decode(buf_bytes(&data), &got);
		bool failed = mem_failed();
		mem_fail_at(0);
		if (!failed) {
			assert_null(e);
			image_destroy(got);
			assert_true(n > 1);
			return;
		}
		assert_non_null(e);
		assert_int_equal(err_code(e), ERR_NO_MEMORY);
		err_destroy(e);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_decoded_is_what_was_encoded),
		cmocka_unit_test(an_image_that_is_cut_short_is_refused_at_every_length),
		cmocka_unit_test(other_formats_and_layouts_are_named),
		cmocka_unit_test(what_does_not_fit_together_is_refused),
		cmocka_unit_test(out_of_memory_is_an_error_at_every_allocation),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
