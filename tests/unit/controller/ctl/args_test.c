#include "controller/ctl/args.h"

#include "tests/unit/test.h"

#define PARSE(args, ...)                                                  \
	args_parse((int)ARRAY_SIZE(((const char *const[]){__VA_ARGS__})), \
		   (const char *const[]){__VA_ARGS__}, args)

static void finds_options_before_between_and_after_words(void **state)
{
	(void)state;
	struct args a;
	assert_ok(PARSE(&a, "-o", "json", "maps", "policy", "--server", "http://x", "hits", "--by",
			"host"));
	assert_string_equal(a.command->name, "maps");
	assert_int_equal(a.words_count, 2);
	assert_string_equal(a.words[0], "policy");
	assert_string_equal(a.words[1], "hits");
	assert_string_equal(a.values[OPTION_OUTPUT], "json");
	assert_string_equal(a.values[OPTION_SERVER], "http://x");
	assert_string_equal(a.values[OPTION_BY], "host");
	assert_false(args_has(&a, OPTION_WAIT));
}

static void takes_a_value_behind_an_equals_sign(void **state)
{
	(void)state;
	struct args a;
	assert_ok(PARSE(&a, "verify", "x.o", "--spec=a=b.yaml", "--role=r"));
	assert_string_equal(a.values[OPTION_SPEC], "a=b.yaml");
	assert_string_equal(a.values[OPTION_ROLE], "r");
}

static void gathers_an_option_that_may_come_again(void **state)
{
	(void)state;
	struct args a;
	assert_ok(PARSE(&a, "apply", "-f", "one", "--file", "two", "--file=three"));
	assert_int_equal(a.files_count, 3);
	assert_string_equal(a.files[0], "one");
	assert_string_equal(a.files[2], "three");
}

static void takes_a_number_that_may_be_left_out(void **state)
{
	(void)state;
	struct args a;
	assert_ok(PARSE(&a, "apply", "--wait", "-f", "x"));
	assert_string_equal(a.values[OPTION_WAIT], "");
	assert_ok(PARSE(&a, "apply", "--wait", "30", "-f", "x"));
	assert_string_equal(a.values[OPTION_WAIT], "30");
	assert_ok(PARSE(&a, "apply", "-f", "x", "--wait=5"));
	assert_string_equal(a.values[OPTION_WAIT], "5");
	assert_ok(PARSE(&a, "delete", "--wait", "policy", "x"));
	assert_string_equal(a.values[OPTION_WAIT], "");
	assert_int_equal(a.words_count, 2);
}

static void takes_everything_behind_two_dashes_as_words(void **state)
{
	(void)state;
	struct args a;
	assert_ok(PARSE(&a, "lint", "--", "--strict", "-"));
	assert_int_equal(a.words_count, 2);
	assert_string_equal(a.words[0], "--strict");
	assert_false(args_has(&a, OPTION_STRICT));
}

static void takes_a_dash_alone_as_a_word(void **state)
{
	(void)state;
	struct args a;
	assert_ok(PARSE(&a, "lint", "-"));
	assert_string_equal(a.words[0], "-");
}

static void names_the_nearest_command(void **state)
{
	(void)state;
	struct args a;
	assert_fails(PARSE(&a, "aply"), ERR_INVALID, "",
		     "\"aply\" is no command; did you mean apply?");
	assert_fails(PARSE(&a, "frobnicate"), ERR_INVALID, "",
		     "is no command; eimctl --help lists them");
}

static void names_the_nearest_option_of_the_command(void **state)
{
	(void)state;
	struct args a;
	assert_fails(PARSE(&a, "lint", "x", "--strikt"), ERR_INVALID, "",
		     "lint has no option --strikt; did you mean --strict?");
	assert_fails(PARSE(&a, "lint", "x", "--role", "r"), ERR_INVALID, "",
		     "lint has no option --role");
	assert_fails(PARSE(&a, "lint", "-x"), ERR_INVALID, "", "lint has no option --x");
	assert_fails(PARSE(&a, "--strict"), ERR_INVALID, "", "eimctl has no option --strict");
}

static void refuses_a_missing_value(void **state)
{
	(void)state;
	struct args a;
	assert_fails(PARSE(&a, "verify", "x.o", "--role"), ERR_INVALID, "",
		     "--role wants a value: NAME");
	assert_fails(PARSE(&a, "-o"), ERR_INVALID, "", "--output wants a value: table|json|yaml");
}

static void refuses_an_unwanted_value(void **state)
{
	(void)state;
	struct args a;
	assert_fails(PARSE(&a, "lint", "x", "--strict=yes"), ERR_INVALID, "",
		     "--strict takes no value; leave =yes away");
}

static void refuses_an_option_that_stands_twice(void **state)
{
	(void)state;
	struct args a;
	assert_fails(PARSE(&a, "verify", "x.o", "--spec=a", "--spec=b"), ERR_INVALID, "",
		     "--spec is given twice");
	assert_ok(PARSE(&a, "lint", "x", "--strict", "--strict"));
}

static void takes_several_roles(void **state)
{
	(void)state;
	struct args a;
	assert_ok(PARSE(&a, "verify", "x.o", "--role=a", "--role", "b,c"));
	assert_int_equal(a.roles_count, 2);
	assert_string_equal(a.roles[0], "a");
	assert_string_equal(a.roles[1], "b,c");
	assert_int_equal(a.files_count, 0);
}

static void counts_words(void **state)
{
	(void)state;
	struct args a;
	assert_fails(PARSE(&a, "maps", "p"), ERR_INVALID, "", "maps wants POLICY MAP");
	assert_fails(PARSE(&a, "maps", "p", "m", "n"), ERR_INVALID, "",
		     "maps does not know what to do with \"n\"");
	assert_ok(PARSE(&a, "maps", "--help"));
	assert_true(args_has(&a, OPTION_HELP));
}

static void refuses_more_words_and_files_than_fit(void **state)
{
	(void)state;
	struct args a;
	const char *many[ARGS_MAX_WORDS + 2] = {"lint"};
	for (size_t i = 1; i < ARRAY_SIZE(many); i++)
		many[i] = "x";
	assert_fails(args_parse((int)ARRAY_SIZE(many), many, &a), ERR_INVALID, "",
		     "more than 256 words");
	assert_ok(args_parse((int)ARRAY_SIZE(many) - 1, many, &a));
	many[0] = "apply";
	for (size_t i = 1; i < 2 * ARGS_MAX_FILES + 3; i++)
		many[i] = i % 2 ? "-f" : "x";
	assert_fails(args_parse(2 * ARGS_MAX_FILES + 3, many, &a), ERR_INVALID, "",
		     "more than 64 times --file");
}

static void helps_with_every_command_and_option(void **state)
{
	(void)state;
	static const char *const commands[] = {
#define COMMAND(name, words, fewest, most, options, help, more) #name,
#include "controller/ctl/command.tbl.h"
#undef COMMAND
	};
	OWNED_BUF struct buf help = BUF_INIT(1 << 16);
	args_print_help(NULL, &help);
	for (size_t i = 0; i < ARRAY_SIZE(commands); i++) {
		struct args a;
		const char *line[] = {commands[i], "--help"};
		OWNED_BUF struct buf own = BUF_INIT(1 << 16);
		assert_non_null(strstr(buf_text(&help), commands[i]));
		assert_ok(args_parse(2, line, &a));
		args_print_help(a.command, &own);
		assert_ok(buf_check(&own));
		assert_non_null(strstr(buf_text(&own), "--output table|json|yaml"));
	}
	assert_non_null(strstr(buf_text(&help), "  -h, --help "));
	assert_null(strstr(buf_text(&help), " \n"));
}

static void shows_only_the_options_of_the_command(void **state)
{
	(void)state;
	struct args a;
	OWNED_BUF struct buf help = BUF_INIT(1 << 16);
	assert_ok(PARSE(&a, "lint", "--help"));
	args_print_help(a.command, &help);
	assert_non_null(strstr(buf_text(&help), "eimctl lint FILE… [OPTION…]"));
	assert_non_null(strstr(buf_text(&help), "--strict"));
	assert_null(strstr(buf_text(&help), "--role"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(finds_options_before_between_and_after_words),
		cmocka_unit_test(takes_a_value_behind_an_equals_sign),
		cmocka_unit_test(gathers_an_option_that_may_come_again),
		cmocka_unit_test(takes_a_number_that_may_be_left_out),
		cmocka_unit_test(takes_everything_behind_two_dashes_as_words),
		cmocka_unit_test(takes_a_dash_alone_as_a_word),
		cmocka_unit_test(names_the_nearest_command),
		cmocka_unit_test(names_the_nearest_option_of_the_command),
		cmocka_unit_test(refuses_a_missing_value),
		cmocka_unit_test(refuses_an_unwanted_value),
		cmocka_unit_test(refuses_an_option_that_stands_twice),
		cmocka_unit_test(takes_several_roles),
		cmocka_unit_test(counts_words),
		cmocka_unit_test(refuses_more_words_and_files_than_fit),
		cmocka_unit_test(helps_with_every_command_and_option),
		cmocka_unit_test(shows_only_the_options_of_the_command),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
