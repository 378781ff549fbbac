#include "shared/base/str.h"

static bool is_space(char c)
{
	return c == ' ' || (c >= '\t' && c <= '\r');
}

struct str str_trim(struct str s)
{
	while (s.size && is_space(s.data[0]))
		s = str_from(s, 1);
	while (s.size && is_space(s.data[s.size - 1]))
		s.size--;
	return s;
}

bool str_split(struct str s, char separator, struct str *head, struct str *tail)
{
	const char *at = s.size ? memchr(s.data, separator, s.size) : NULL;
	if (!at) {
		*head = s;
		*tail = (struct str){s.data + s.size, 0};
		return false;
	}
	size_t before = (size_t)(at - s.data);
	*head = (struct str){s.data, before};
	*tail = str_from(s, before + 1);
	return true;
}

static int digit_value(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return 16;
}

bool str_to_u64(struct str s, uint64_t *out)
{
	unsigned base = 10;
	if (str_starts(s, "0x") || str_starts(s, "0X")) {
		base = 16;
		s = str_from(s, 2);
	}
	uint64_t value = 0;
	for (size_t i = 0; i < s.size; i++) {
		unsigned digit = (unsigned)digit_value(s.data[i]);
		if (digit >= base || __builtin_mul_overflow(value, base, &value) ||
		    __builtin_add_overflow(value, digit, &value))
			return false;
	}
	if (s.size == 0)
		return false;
	*out = value;
	return true;
}

bool str_to_i64(struct str s, int64_t *out)
{
	bool negative = s.size && s.data[0] == '-';
	uint64_t magnitude;
	if (!str_to_u64(str_from(s, negative), &magnitude))
		return false;
	if (magnitude > (uint64_t)INT64_MAX + negative)
		return false;
	*out = (int64_t)(negative ? 0 - magnitude : magnitude);
	return true;
}
