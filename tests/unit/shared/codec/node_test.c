#include "tests/unit/test.h"

#include "shared/base/buf.h"
#include "shared/codec/node.h"

/* {"a/b": [10, {"~k": "deep"}], "empty": ""} */
static struct node *build(struct arena *a)
{
	struct node *root = node_new(a, NODE_MAP), *list = node_new(a, NODE_LIST);
	struct node *inner = node_new(a, NODE_MAP);
	node_set(a, root, STR("a/b"), list);
	node_add(list, node_new_int(a, 10));
	node_add(list, inner);
	node_set(a, inner, STR("~k"), node_new_text(a, STR("deep")));
	node_set(a, root, STR("empty"), node_new_text(a, STR("")));
	return root;
}

static void finds_members_by_pointer(void **state UNUSED)
{
	OWNED_ARENA struct arena a = ARENA_INIT(10000);
	const struct node *root = build(&a);
	assert_ptr_equal(node_at(root, ""), root);
	assert_true(str_is(node_at(root, "/a~1b/1/~0k")->text, "deep"));
	assert_int_equal(node_at(root, "/a~1b/0")->integer, 10);
	assert_true(node_at(root, "/empty")->text.size == 0);
}

static void finds_nothing_where_the_pointer_leads_nowhere(void **state UNUSED)
{
	static const char *const bad[] = {"a",	    "/",	 "/a~1b/2", "/a~1b/-", "/a~1b/01",
					  "/a~1b/", "/a~1b/0/x", "/a/b",    "/empty/"};
	OWNED_ARENA struct arena a = ARENA_INIT(10000);
	const struct node *root = build(&a);
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		assert_null(node_at(root, bad[i]));
	assert_null(node_at(NULL, "/x"));
	assert_null(node_find(NULL, "x"));
	assert_null(node_find(node_at(root, "/empty"), "x"));
}

static void builds_with_one_check_at_the_end(void **state UNUSED)
{
	OWNED_ARENA struct arena a = ARENA_INIT(150);
	struct node *map = node_new(&a, NODE_MAP);
	assert_non_null(map);
	assert_null(node_set(&a, map, STR("k"), node_new(&a, NODE_LIST)));
	assert_null(node_add(NULL, map));
	assert_null(node_add(map, NULL));
	assert_int_equal(map->count, 0);
}

static void copies_a_whole_tree(void **state UNUSED)
{
	OWNED_ARENA struct arena a = ARENA_INIT(10000), b = ARENA_INIT(10000);
	const struct node *copy = node_copy(&b, build(&a));
	arena_fini(&a);
	assert_true(str_is(node_at(copy, "/a~1b/1/~0k")->text, "deep"));
	assert_int_equal(copy->count, 2);
	assert_int_equal(node_at(copy, "/a~1b")->count, 2);
}

static void compares_scalars_by_kind_and_value(void **state UNUSED)
{
	const struct node one = {.kind = NODE_INT, .integer = 1, .real = 1};
	const struct node two = {.kind = NODE_INT, .integer = 2, .real = 2};
	const struct node yes = {.kind = NODE_BOOL, .integer = 1};
	const struct node text = {.kind = NODE_TEXT, .text = STR("1")};
	const struct node same = {.kind = NODE_TEXT, .text = STR("1")};
	const struct node list = {.kind = NODE_LIST}, other = {.kind = NODE_LIST};
	assert_true(node_same(&one, &one) && node_same(&text, &same) && node_same(&list, &list));
	assert_false(node_same(&one, &two) || node_same(&one, &yes) || node_same(&one, &text));
	assert_false(node_same(&list, &other));
}

static void says_the_line_in_its_errors(void **state UNUSED)
{
	const struct node n = {.line = 3, .column = 7}, built = {.line = 0};
	assert_fails(node_err(&n, "/x", "is %s", "bad"), ERR_INVALID, "/x", "line 3:7: is bad");
	OWNED(err) struct err *e = node_err(&built, "", "is bad");
	assert_string_equal(err_message(e), "is bad");
}

static void escapes_steps_of_pointers(void **state UNUSED)
{
	OWNED_BUF struct buf out = BUF_INIT(100);
	node_print_step(STR("a/b~c"), &out);
	assert_string_equal(buf_text(&out), "/a~1b~0c");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(finds_members_by_pointer),
		cmocka_unit_test(finds_nothing_where_the_pointer_leads_nowhere),
		cmocka_unit_test(builds_with_one_check_at_the_end),
		cmocka_unit_test(copies_a_whole_tree),
		cmocka_unit_test(compares_scalars_by_kind_and_value),
		cmocka_unit_test(says_the_line_in_its_errors),
		cmocka_unit_test(escapes_steps_of_pointers),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
