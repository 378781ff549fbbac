#include "tests/unit/shared/runtime/maps.h"

#include <fcntl.h>
#include <linux/bpf.h>

#define ARRAY(entries)                                                                          \
	{                                                                                       \
		.kind = RT_KIND_ARRAY, .key_size = 4, .value_size = 8, .max_entries = (entries) \
	}

static void refuses_shapes_that_the_kind_does_not_allow(void **state)
{
	(void)state;
	static const struct {
		struct rt_map map;
		enum err_code code;
		const char *path, *part;
	} rows[] = {
		{{.kind = 99}, ERR_INVALID, "/kind", "no map kind has the number 99"},
		{{.kind = 2, .key_size = 4, .value_size = 8, .max_entries = 4, .flags = 1},
		 ERR_INVALID,
		 "/flags",
		 "0x1"},
		{{.kind = 2, .key_size = 8, .value_size = 8, .max_entries = 1},
		 ERR_INVALID,
		 "/key_size",
		 "4 bytes, not 8"},
		{{.kind = 2, .key_size = 4, .max_entries = 1},
		 ERR_INVALID,
		 "/value_size",
		 "one byte"},
		{{.kind = 2, .key_size = 4, .value_size = 1},
		 ERR_INVALID,
		 "/max_entries",
		 "one element"},
		{{.kind = 2, .key_size = 4, .value_size = UINT32_MAX, .max_entries = UINT32_MAX},
		 ERR_TOO_LARGE,
		 "",
		 "limit"},
		{{.kind = 1, .value_size = 1, .max_entries = 1},
		 ERR_INVALID,
		 "/key_size",
		 "1 to 512"},
		{{.kind = 1, .key_size = 513, .value_size = 1, .max_entries = 1},
		 ERR_INVALID,
		 "/key_size",
		 "not 513"},
		{{.kind = 1, .key_size = 4, .max_entries = 1},
		 ERR_INVALID,
		 "/value_size",
		 "one byte"},
		{{.kind = 1, .key_size = 4, .value_size = 1},
		 ERR_INVALID,
		 "/max_entries",
		 "one element"},
		{{.kind = 1, .key_size = 4, .value_size = 8, .max_entries = 1u << 31},
		 ERR_TOO_LARGE,
		 "",
		 "limit"},
		{{.kind = 1, .key_size = 4, .value_size = 1u << 20, .max_entries = 1u << 20},
		 ERR_TOO_LARGE,
		 "",
		 "limit"},
		{{.kind = 27, .key_size = 4, .max_entries = 4096},
		 ERR_INVALID,
		 "/key_size",
		 "no keys"},
		{{.kind = 27, .value_size = 4, .max_entries = 4096},
		 ERR_INVALID,
		 "/value_size",
		 "no values"},
		{{.kind = 27, .max_entries = 4095}, ERR_INVALID, "/max_entries", "power of two"},
		{{.kind = 27, .max_entries = 12288}, ERR_INVALID, "/max_entries", "power of two"},
		{{.kind = 27, .max_entries = 2048}, ERR_INVALID, "/max_entries", "power of two"},
		{{.kind = 27, .max_entries = 1u << 30}, ERR_TOO_LARGE, "", "limit"},
	};
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct map_layout out;
		assert_fails(map_layout(&rows[i].map, &out), rows[i].code, rows[i].path,
			     rows[i].part);
	}
}

static void layouts_are_whole_pages_and_rings_are_mapped_twice(void **state)
{
	(void)state;
	struct rt_map array = ARRAY(4), ring = {.kind = 27, .max_entries = 8192};
	struct rt_map hash = {.kind = 1,
			      .key_size = 4,
			      .value_size = 8,
			      .max_entries = 10,
			      .flags = BPF_F_NO_PREALLOC};
	struct map_layout out;
	assert_ok(map_layout(&array, &out));
	assert_int_equal(out.file_bytes, 8192);
	assert_int_equal(out.span_bytes, 8192);
	assert_int_equal(out.twice_bytes, 0);
	assert_ok(map_layout(&hash, &out));
	assert_int_equal(out.file_bytes, 8192);
	assert_ok(map_layout(&ring, &out));
	assert_int_equal(out.file_bytes, 3 * 4096 + 8192);
	assert_int_equal(out.twice_offset, 3 * 4096);
	assert_int_equal(out.twice_bytes, 8192);
	assert_int_equal(out.span_bytes, 3 * 4096 + 2 * 8192);
}

static void a_map_begins_with_its_initial_value(void **state)
{
	(void)state;
	struct rt_map m = {.kind = 2, .key_size = 4, .value_size = 6, .max_entries = 1};
	OWNED(fd) int fd = -1;
	uint32_t zero = 0;
	assert_ok(map_create(&m, "data", bytes_of("abcdef", 6), &fd));
	assert_ok(map_open(fd, &m));
	assert_memory_equal(rt_array_lookup(&m, &zero), "abcdef", 6);
	map_close(&m);
	assert_null(m.base);
	map_close(&m);
	assert_fails(map_create(&m, "data", bytes_of("abc", 3), &fd), ERR_INVALID, "/initial",
		     "of its size");
}

static void refuses_a_file_that_is_not_the_map(void **state)
{
	(void)state;
	struct rt_map m = ARRAY(4), other = ARRAY(5), bigger = ARRAY(5000);
	OWNED(fd) int fd = -1;
	assert_ok(map_create(&m, "x", (struct bytes){NULL, 0}, &fd));
	assert_fails(map_open(fd, &other), ERR_INVALID, "", "another map");
	assert_fails(map_open(fd, &bigger), ERR_INVALID, "", "bytes instead of");
	assert_null(other.base);
	OWNED(fd) int open_ended = memfd_create("x", MFD_ALLOW_SEALING);
	assert_int_equal(ftruncate(open_ended, 8192), 0);
	assert_fails(map_open(open_ended, &m), ERR_INVALID, "", "not sealed");
}

static void the_files_size_is_sealed(void **state)
{
	(void)state;
	struct rt_map m = ARRAY(4);
	OWNED(fd) int fd = -1;
	assert_ok(map_create(&m, "x", (struct bytes){NULL, 0}, &fd));
	assert_int_not_equal(ftruncate(fd, 0), 0);
	assert_int_not_equal(ftruncate(fd, 1 << 20), 0);
}

static void only_ring_buffers_are_consumed(void **state)
{
	(void)state;
	struct rt_map m = maps_array(8, 1);
	uint32_t consumed;
	assert_fails(map_consume(&m, 1, NULL, NULL, &consumed), ERR_INVALID, "/kind",
		     "only ring buffers");
	map_close(&m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(refuses_shapes_that_the_kind_does_not_allow),
		cmocka_unit_test(layouts_are_whole_pages_and_rings_are_mapped_twice),
		cmocka_unit_test(a_map_begins_with_its_initial_value),
		cmocka_unit_test(refuses_a_file_that_is_not_the_map),
		cmocka_unit_test(the_files_size_is_sealed),
		cmocka_unit_test(only_ring_buffers_are_consumed),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
