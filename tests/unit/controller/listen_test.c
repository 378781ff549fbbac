#include "tests/unit/test.h"

#include "controller/listen.h"

static void reads_addresses_and_knows_the_loopback(void **state)
{
	(void)state;
	static const struct {
		const char *text;
		int family;
		bool is_loopback;
	} cases[] = {
		{"127.0.0.1:8080", AF_INET, true},  {"127.9.9.9:0", AF_INET, true},
		{"localhost:65535", AF_INET, true}, {"[::1]:8080", AF_INET6, true},
		{"0.0.0.0:8080", AF_INET, false},   {"[::]:8080", AF_INET6, false},
		{"10.0.0.1:1", AF_INET, false},	    {"[::ffff:127.0.0.1]:1", AF_INET6, false},
	};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct sockaddr_storage address;
		socklen_t size;
		assert_ok(listen_parse(str_of(cases[i].text), &address, &size));
		assert_int_equal(address.ss_family, cases[i].family);
		assert_int_equal(listen_is_loopback(&address), cases[i].is_loopback);
	}
}

static void refuses_what_is_no_address(void **state)
{
	(void)state;
	static const char *const bad[] = {"",	     "8080",	"127.0.0.1",	   "127.0.0.1:",
					  ":8080",   "h:1",	"127.0.0.1:65536", "127.0.0.1:-1",
					  "[::1:80", "::1:80",	"[127.0.0.1]:80",  "127.0.0.1:80x",
					  "[]:80",   "1.2.3:4", "[::1]x:80"};
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		struct sockaddr_storage address;
		socklen_t size;
		assert_fails(listen_parse(str_of(bad[i]), &address, &size), ERR_INVALID, "",
			     "--listen takes ADDR:PORT");
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_addresses_and_knows_the_loopback),
		cmocka_unit_test(refuses_what_is_no_address),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
