#include "tests/unit/test.h"

#include "agent/daemon/options.h"

#define PARSE(argv, out) options_parse((int)(ARRAY_SIZE(argv) - 1), argv, out)
#define W(text)		 ((char *)(text))

static void reads_the_resident_agents_options(void **state)
{
	(void)state;
	char *argv[] = {W("eim-agent"), W("--controller"), W("http://127.0.0.1:1"),
			W("--state"),	W("/s"),	   W("--label"),
			W("env=prod"),	W("--label=a=b"),  NULL};
	struct options o;
	assert_ok(PARSE(argv, &o));
	assert_int_equal(OPTIONS_RUN, o.command);
	assert_string_equal("/s", o.state);
	assert_int_equal(2, o.labels_count);
	assert_true(str_is(o.labels[0].key, "env") && str_is(o.labels[0].value, "prod"));
}

static void reads_the_options_of_attach(void **state)
{
	(void)state;
	char *argv[] = {W("eim-agent"),	 W("attach"), W("--pid"),      W("12"),	    W("--program"),
			W("p.o"),	 W("--spec"), W("s.yaml"),     W("--role"), W("r"),
			W("--duration"), W("500ms"),  W("--role=s,t"), NULL};
	struct options o;
	assert_ok(PARSE(argv, &o));
	assert_int_equal(OPTIONS_ATTACH, o.command);
	assert_int_equal(12, o.pid);
	assert_int_equal(2, o.roles_count);
	assert_string_equal("r", o.roles[0]);
	assert_string_equal("s,t", o.roles[1]);
	assert_int_equal(500, o.duration_ms);
	assert_string_equal("-", o.dump_maps);
	assert_string_equal("s.yaml", o.spec);
	char *declared[] = {W("eim-agent"), W("attach"), W("--pid"), W("12"), W("--program"),
			    W("p.o"),	    W("--role"), W("r"),     NULL};
	assert_ok(PARSE(declared, &o));
	assert_null(o.spec); /* the host says what its roles are */
}

static void names_what_is_missing_or_wrong(void **state)
{
	(void)state;
	char *no_state[] = {W("eim-agent"), W("--controller"), W("http://127.0.0.1:1"), NULL};
	char *unknown[] = {W("eim-agent"), W("--stat"), W("x"), W("--nonsense"), NULL};
	char *command[] = {W("eim-agent"), W("atach"), NULL};
	char *pid[] = {W("eim-agent"), W("attach"), W("--pid"), W("-3"), NULL};
	char *no_value[] = {W("eim-agent"), W("--state"), NULL};
	struct options o = {.pid = 77};
	assert_fails(PARSE(no_state, &o), ERR_INVALID, "", "--state DIR is missing");
	assert_fails(PARSE(unknown, &o), ERR_INVALID, "", "unknown option --nonsense");
	assert_fails(PARSE(command, &o), ERR_INVALID, "", "unknown command \"atach\"");
	assert_fails(PARSE(pid, &o), ERR_INVALID, "", "--pid -3");
	assert_fails(PARSE(no_value, &o), ERR_INVALID, "", "no value for --state");
	assert_int_equal(77, o.pid);
}

static void reads_times_with_their_units(void **state)
{
	(void)state;
	static const struct {
		const char *text;
		int64_t ms;
	} good[] = {{"10s", 10000}, {"500ms", 500}, {"2m", 120000}, {"1h", 3600000}, {"3", 3000}};
	int64_t ms;
	for (size_t i = 0; i < ARRAY_SIZE(good); i++) {
		assert_ok(options_parse_duration(str_of(good[i].text), &ms));
		assert_int_equal(good[i].ms, ms);
	}
	static const char *const bad[] = {"", "s", "-1s", "1d", "1.5s", "99999999999999999h"};
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		assert_fails(options_parse_duration(str_of(bad[i]), &ms), ERR_INVALID, "",
			     "is no time");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_the_resident_agents_options),
		cmocka_unit_test(reads_the_options_of_attach),
		cmocka_unit_test(names_what_is_missing_or_wrong),
		cmocka_unit_test(reads_times_with_their_units),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
