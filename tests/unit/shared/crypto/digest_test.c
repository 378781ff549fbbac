#include "tests/unit/test.h"

#include "shared/crypto/digest.h"

/* Vectors of FIPS 180-4. */
static void matches_published_vectors(void **state UNUSED)
{
	char hex[DIGEST_HEX_SIZE];
	assert_ok(digest_hex(bytes_of("", 0), hex));
	assert_string_equal(hex,
			    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
	assert_ok(digest_hex((struct bytes){0}, hex));
	assert_string_equal(hex,
			    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
	assert_ok(digest_hex(bytes_of("abc", 3), hex));
	assert_string_equal(hex,
			    "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}

static void knows_a_digest_when_it_sees_one(void **state UNUSED)
{
	char hex[DIGEST_HEX_SIZE];
	assert_ok(digest_hex(bytes_of("abc", 3), hex));
	assert_true(digest_is_hex(str_of(hex)));
	assert_false(digest_is_hex((struct str){hex, 63}));
	hex[5] = 'A';
	assert_false(digest_is_hex(str_of(hex)));
	hex[5] = '/';
	assert_false(digest_is_hex(str_of(hex)));
	assert_false(digest_is_hex(STR("")));
	assert_false(digest_is_hex(
		STR("ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015adf")));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(matches_published_vectors),
		cmocka_unit_test(knows_a_digest_when_it_sees_one),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
