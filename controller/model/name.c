#include "controller/model/name.h"

static bool is_inner(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '.' || c == '-';
}

static bool is_outer(char c)
{
	return is_inner(c) && c != '.' && c != '-';
}

static bool is_name(struct str s)
{
	if (s.size == 0 || s.size > NAME_MAX_BYTES || !is_outer(s.data[0]) ||
	    !is_outer(s.data[s.size - 1]))
		return false;
	for (size_t i = 0; i < s.size; i++)
		if (!is_inner(s.data[i]))
			return false;
	return true;
}

struct err *name_check(const char *what, struct str name)
{
	if (is_name(name))
		return NULL;
	return err_new(
		ERR_INVALID,
		"\"%.*s\" is no %s name: 1 to %d of a-z, 0-9, \"-\" and \".\", with a letter "
		"or digit at both ends",
		(int)MIN(name.size, (size_t)80), name.data, what, NAME_MAX_BYTES);
}
