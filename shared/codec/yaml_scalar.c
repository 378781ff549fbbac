#include "shared/codec/yaml_scalar.h"

#include <math.h>
#include <stdlib.h>

#define REAL_MAX_BYTES 63 /* of a real as written; a longer one is text */

static const struct {
	const char *text;
	enum node_kind kind;
	int64_t integer;
} words[] = {
	{"", NODE_NULL, 0},	 {"~", NODE_NULL, 0},	  {"null", NODE_NULL, 0},
	{"Null", NODE_NULL, 0},	 {"NULL", NODE_NULL, 0},  {"true", NODE_BOOL, 1},
	{"True", NODE_BOOL, 1},	 {"TRUE", NODE_BOOL, 1},  {"false", NODE_BOOL, 0},
	{"False", NODE_BOOL, 0}, {"FALSE", NODE_BOOL, 0},
};

static size_t count_digits(struct str s)
{
	size_t n = 0;
	while (n < s.size && s.data[n] >= '0' && s.data[n] <= '9')
		n++;
	return n;
}

static bool is_sign(struct str s)
{
	return s.size && (s.data[0] == '-' || s.data[0] == '+');
}

static bool resolve_integer(struct node *n)
{
	struct str s = n->text;
	bool hex = str_starts(s, "0x");
	struct str digits = str_from(s, is_sign(s));
	if (!hex && (digits.size == 0 || count_digits(digits) != digits.size))
		return false;
	if (!str_to_i64(s.size && s.data[0] == '+' ? digits : s, &n->integer))
		return false;
	n->kind = NODE_INT;
	n->real = (double)n->integer;
	return true;
}

/* [-+]? ( \. [0-9]+ | [0-9]+ ( \. [0-9]* )? ) ( [eE] [-+]? [0-9]+ )?, and not an integer */
static bool has_real_form(struct str s)
{
	s = str_from(s, is_sign(s));
	size_t whole = count_digits(s), fraction = 0;
	bool marked = false;
	s = str_from(s, whole);
	if (str_starts(s, ".")) {
		fraction = count_digits(str_from(s, 1));
		s = str_from(s, 1 + fraction);
		marked = true;
	}
	if (whole + fraction == 0)
		return false;
	if (s.size && (s.data[0] == 'e' || s.data[0] == 'E')) {
		s = str_from(s, 1);
		s = str_from(s, is_sign(s));
		marked = count_digits(s) > 0;
		s = str_from(s, count_digits(s));
	}
	return marked && s.size == 0;
}

static bool resolve_real(struct node *n)
{
	char text[REAL_MAX_BYTES + 1] = {0};
	if (n->text.size > REAL_MAX_BYTES || !has_real_form(n->text))
		return false;
	memcpy(text, n->text.data, n->text.size);
	double real = strtod(text, NULL);
	if (!isfinite(real))
		return false;
	n->kind = NODE_REAL;
	n->real = real;
	return true;
}

void yaml_scalar_resolve(struct node *n)
{
	for (size_t i = 0; i < ARRAY_SIZE(words); i++) {
		if (!str_is(n->text, words[i].text))
			continue;
		n->kind = words[i].kind;
		n->integer = words[i].integer;
		return;
	}
	if (!resolve_integer(n) && !resolve_real(n))
		n->kind = NODE_TEXT;
}
