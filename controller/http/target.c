#include "controller/http/target.h"

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* The byte at `part[*at]`, which moves past it; -1 for a bad sequence. */
static int decode_byte(struct str part, size_t *at, bool plus_is_space)
{
	char c = part.data[*at];
	if (c != '%') {
		(*at)++;
		return plus_is_space && c == '+' ? ' ' : (unsigned char)c;
	}
	if (part.size - *at < 3)
		return -1;
	int high = hex_digit(part.data[*at + 1]), low = hex_digit(part.data[*at + 2]);
	*at += 3;
	return high < 0 || low < 0 ? -1 : high * 16 + low;
}

struct err *target_decode(struct str part, bool plus_is_space, struct arena *a, struct str *out)
{
	char *text = arena_alloc(a, part.size + 1);
	size_t size = 0;
	TRY_MEMORY(text);
	for (size_t at = 0; at < part.size;) {
		int byte = decode_byte(part, &at, plus_is_space);
		if (byte <= 0)
			return err_new(
				ERR_INVALID,
				"the request target has a bad %% sequence or a NUL in \"%.*s\"",
				STR_FMT(part));
		text[size++] = (char)byte;
	}
	*out = (struct str){text, size};
	return NULL;
}

static struct err *parse_path(struct str path, struct arena *a, struct target *t)
{
	struct str rest = str_from(path, 1);
	for (bool more = true; more;) {
		struct str segment, tail;
		more = str_split(rest, '/', &segment, &tail);
		rest = tail;
		if (t->segments_count == TARGET_MAX_SEGMENTS)
			return err_new(ERR_TOO_LARGE, "the path has more than %d segments",
				       TARGET_MAX_SEGMENTS);
		size_t i = t->segments_count++;
		t->raw_segments[i] = arena_str(a, segment);
		TRY_MEMORY(t->raw_segments[i].data);
		TRY(target_decode(segment, false, a, &t->segments[i]));
	}
	return NULL;
}

static struct err *parse_parameter(struct str pair, struct arena *a, struct target *t)
{
	struct str name, value;
	struct target_parameter *p = &t->parameters[t->parameters_count];
	if (t->parameters_count == TARGET_MAX_PARAMETERS)
		return err_new(ERR_TOO_LARGE, "the query has more than %d parameters",
			       TARGET_MAX_PARAMETERS);
	str_split(pair, '=', &name, &value);
	TRY(target_decode(name, true, a, &p->name));
	TRY(target_decode(value, true, a, &p->value));
	if (target_parameter(t, p->name.data))
		return err_new(ERR_INVALID, "query parameter \"%s\" is given twice", p->name.data);
	t->parameters_count++;
	return NULL;
}

static struct err *parse_query(struct str query, struct arena *a, struct target *t)
{
	while (query.size) {
		struct str pair, tail;
		str_split(query, '&', &pair, &tail);
		if (pair.size)
			TRY(parse_parameter(pair, a, t));
		query = tail;
	}
	return NULL;
}

struct err *target_parse(struct str raw, struct arena *a, struct target *out)
{
	struct target *t = arena_alloc(a, sizeof(*t));
	struct str path, query;
	TRY_MEMORY(t);
	str_split(raw, '?', &path, &query);
	if (!str_starts(path, "/"))
		return err_new(ERR_INVALID, "the request target does not begin with \"/\"");
	t->path = arena_str(a, path);
	TRY_MEMORY(t->path.data);
	TRY(parse_path(path, a, t));
	TRY(parse_query(query, a, t));
	*out = *t;
	return NULL;
}

const char *target_parameter(const struct target *t, const char *name)
{
	for (size_t i = 0; i < t->parameters_count; i++)
		if (str_is(t->parameters[i].name, name))
			return t->parameters[i].value.data;
	return NULL;
}
