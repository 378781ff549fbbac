/*
 * api/openapi.yaml and the controller's table of routes say the same. Run from the repository's root.
 */
#include "tests/unit/test.h"

#include "controller/api/api.h"
#include "shared/base/file.h"
#include "shared/codec/yaml.h"

#include <strings.h>

struct fixture {
	struct arena arena;
	const struct node *root, *paths;
};

static int load(void **state)
{
	static struct fixture f;
	OWNED_BUF struct buf text = BUF_INIT(1 << 20);
	f.arena = ARENA_INIT((size_t)64 << 20);
	assert_ok(file_read("api/openapi.yaml", &text));
	assert_ok(yaml_parse(buf_str(&text), &f.arena, &f.root));
	f.paths = node_find(f.root, "paths");
	assert_non_null(f.paths);
	*state = &f;
	return 0;
}

static int unload(void **state)
{
	struct fixture *f = *state;
	arena_fini(&f->arena);
	return 0;
}

static bool is_method(struct str key)
{
	return str_is(key, "get") || str_is(key, "put") || str_is(key, "post") ||
	       str_is(key, "delete");
}

static void every_route_is_described(void **state)
{
	const struct fixture *f = *state;
	struct route_table table = api_routes();
	for (size_t i = 0; i < table.count; i++) {
		const struct http_route *row = &table.rows[i];
		const struct node *path = node_find(f->paths, row->pattern);
		const struct node *found = NULL;
		if (!path)
			fail_msg("openapi.yaml lacks %s", row->pattern);
		NODE_EACH (each, path)
			if (each->key.size == strlen(row->method) &&
			    strncasecmp(each->key.data, row->method, each->key.size) == 0)
				found = each;
		if (!found)
			fail_msg("openapi.yaml lacks %s %s", row->method, row->pattern);
	}
}

static size_t count_described(const struct node *paths)
{
	size_t count = 0;
	NODE_EACH (path, paths)
		NODE_EACH (operation, path)
			count += is_method(operation->key);
	return count;
}

static void nothing_else_is_described(void **state)
{
	const struct fixture *f = *state;
	assert_int_equal(count_described(f->paths), api_routes().count);
}

/* "#/components/schemas/Name" leads somewhere. */
static void check_references(const struct node *root, const struct node *n)
{
	const struct node *stack[NODE_MAX_DEPTH * 64] = {n};
	for (size_t depth = 1; depth;) {
		const struct node *at = stack[--depth];
		if (str_is(at->key, "$ref") && at->kind == NODE_TEXT) {
			assert_true(str_starts(at->text, "#/"));
			if (!node_at(root, at->text.data + 1))
				fail_msg("%u:%u: %s leads nowhere", at->line, at->column,
					 at->text.data);
		}
		NODE_EACH (member, at) {
			assert_true(depth < ARRAY_SIZE(stack));
			stack[depth++] = member;
		}
	}
}

static void every_reference_leads_somewhere(void **state)
{
	const struct fixture *f = *state;
	check_references(f->root, f->root);
}

static void every_operation_has_a_name_of_its_own_and_an_error(void **state)
{
	const struct fixture *f = *state;
	struct str seen[128];
	size_t count = 0;
	NODE_EACH (path, f->paths) {
		NODE_EACH (operation, path) {
			if (!is_method(operation->key))
				continue;
			const struct node *id = node_find(operation, "operationId");
			assert_non_null(id);
			assert_non_null(node_find(node_find(operation, "responses"), "default"));
			for (size_t i = 0; i < count; i++)
				assert_false(str_equal(seen[i], id->text));
			assert_true(count < ARRAY_SIZE(seen));
			seen[count++] = id->text;
		}
	}
	assert_true(count > 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_route_is_described),
		cmocka_unit_test(nothing_else_is_described),
		cmocka_unit_test(every_reference_leads_somewhere),
		cmocka_unit_test(every_operation_has_a_name_of_its_own_and_an_error),
	};
	return cmocka_run_group_tests(tests, load, unload);
}
