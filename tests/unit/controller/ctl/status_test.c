#include "tests/unit/test.h"

#include "controller/ctl/status.h"
#include "shared/codec/json.h"

static void the_word_for_a_policy_is_what_its_hosts_say(void **state)
{
	(void)state;
	static const struct {
		const char *state, *active, *pending, *failed, *reported, *word;
	} rows[] = {
		{"ACTIVE", "0", "0", "0", "2", "IDLE"},
		{"ACTIVE", "3", "0", "0", "2", "ACTIVE"},
		{"ACTIVE", "3", "0", "0", "1", "PENDING"},
		{"ACTIVE", "3", "1", "0", "2", "PENDING"},
		{"ACTIVE", "3", "1", "1", "1", "FAILED"},
		{"DELETING", "3", "0", "1", "2", "DELETING"},
	};
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		OWNED_ARENA struct arena a = ARENA_INIT(65536);
		OWNED_BUF struct buf text = BUF_INIT(4096);
		const struct node *policy;
		buf_printf(&text,
			   "{\"state\":\"%s\",\"status\":{\"counts\":{\"active\":%s,\"pending\":%s,"
			   "\"failed\":%s},\"coverage\":{\"matched\":2,\"reported\":%s}}}",
			   rows[i].state, rows[i].active, rows[i].pending, rows[i].failed,
			   rows[i].reported);
		assert_ok(json_parse(buf_str(&text), &a, &policy));
		assert_string_equal(rows[i].word, status_word(policy));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_word_for_a_policy_is_what_its_hosts_say),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
