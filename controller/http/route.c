#include "controller/http/route.h"
#include "shared/base/buf.h"
#include "shared/base/near.h"

#include <stdio.h>

/* Cuts the next segment off `*rest` (which begins with '/'); false at the end. */
static bool next_segment(struct str *rest, struct str *segment)
{
	if (rest->size == 0)
		return false;
	struct str after = str_from(*rest, 1);
	const char *slash = after.size ? memchr(after.data, '/', after.size) : NULL;
	size_t size = slash ? (size_t)(slash - after.data) : after.size;
	*segment = (struct str){after.data, size};
	*rest = str_from(after, size);
	return true;
}

/* "{name}:verb" is name "{name}" and suffix ":verb". */
static void cut_verb(struct str segment, struct str *name, struct str *suffix)
{
	const char *colon = segment.size ? memchr(segment.data, ':', segment.size) : NULL;
	size_t size = colon ? (size_t)(colon - segment.data) : segment.size;
	*name = (struct str){segment.data, size};
	*suffix = str_from(segment, size);
}

static bool match_segment(struct str pattern, struct str raw)
{
	struct str name, suffix, raw_name, raw_suffix;
	cut_verb(pattern, &name, &suffix);
	cut_verb(raw, &raw_name, &raw_suffix);
	if (!str_equal(suffix, raw_suffix))
		return false;
	return str_starts(name, "{") ? raw_name.size > 0 : str_equal(name, raw_name);
}

static bool match_path(const char *pattern, const struct target *t)
{
	struct str rest = str_of(pattern), segment;
	size_t i = 0;
	for (; next_segment(&rest, &segment); i++)
		if (i == t->segments_count || !match_segment(segment, t->raw_segments[i]))
			return false;
	return i == t->segments_count;
}

/* `pattern` with what the request has in the places of its captures: "/v1/hosts/web-1:sync". */
static void fill_pattern(const char *pattern, const struct target *t, struct buf *out)
{
	struct str rest = str_of(pattern), segment, name, suffix, raw_name, raw_suffix;
	for (size_t i = 0; next_segment(&rest, &segment); i++) {
		cut_verb(segment, &name, &suffix);
		bool known = str_starts(name, "{") && i < t->segments_count;
		if (known) {
			cut_verb(t->raw_segments[i], &raw_name, &raw_suffix);
			name = raw_name;
		}
		buf_putc(out, '/');
		buf_add(out, name);
		buf_add(out, suffix);
	}
}

static struct err *err_unknown(struct route_table table, struct str method, const struct target *t)
{
	struct near near = near_start(t->path);
	const struct http_route *best = NULL;
	for (size_t i = 0; i < table.count; i++) {
		OWNED_BUF struct buf candidate = BUF_INIT(4096);
		fill_pattern(table.rows[i].pattern, t, &candidate);
		size_t before = near.distance;
		near_offer(&near, buf_str(&candidate));
		if (near.distance < before)
			best = &table.rows[i];
	}
	if (!best)
		return err_new(ERR_NOT_FOUND, "no route %.*s %.*s", STR_FMT(method),
			       STR_FMT(t->path));
	return err_new(ERR_NOT_FOUND, "no route %.*s %.*s; the nearest is %s %s", STR_FMT(method),
		       STR_FMT(t->path), best->method, best->pattern);
}

void route_allowed(struct route_table table, const struct target *target, struct buf *out)
{
	for (size_t i = 0; i < table.count; i++) {
		const char *method = table.rows[i].method;
		if (!match_path(table.rows[i].pattern, target))
			continue;
		buf_printf(out, "%s%s%s", out->size ? ", " : "", method,
			   strcmp(method, "GET") == 0 ? ", HEAD" : "");
	}
}

static struct err *err_method(struct route_table table, struct str method, const struct target *t)
{
	OWNED_BUF struct buf allowed = BUF_INIT(1024);
	route_allowed(table, t, &allowed);
	return err_new(ERR_NO_METHOD, "%.*s has no method %.*s, only %s", STR_FMT(t->path),
		       STR_FMT(method), buf_text(&allowed));
}

struct err *route_find(struct route_table table, struct str method, const struct target *target,
		       const struct http_route **out)
{
	bool path_known = false;
	struct str wanted = str_is(method, "HEAD") ? STR("GET") : method;
	for (size_t i = 0; i < table.count; i++) {
		if (!match_path(table.rows[i].pattern, target))
			continue;
		path_known = true;
		if (str_is(wanted, table.rows[i].method)) {
			*out = &table.rows[i];
			return NULL;
		}
	}
	return path_known ? err_method(table, method, target) : err_unknown(table, method, target);
}

struct str route_capture(const struct http_route *route, const struct target *target,
			 const char *name)
{
	struct str rest = str_of(route->pattern), segment, pattern_name, suffix;
	for (size_t i = 0; next_segment(&rest, &segment) && i < target->segments_count; i++) {
		cut_verb(segment, &pattern_name, &suffix);
		struct str inner = pattern_name.size > 2 ? (struct str){pattern_name.data + 1,
									pattern_name.size - 2}
							 : (struct str){NULL, 0};
		if (!str_starts(pattern_name, "{") || !str_is(inner, name))
			continue;
		/* The verb is as long encoded as it is decoded: matching compared it as sent. */
		struct str value = target->segments[i];
		return (struct str){value.data, value.size - suffix.size};
	}
	return (struct str){"", 0};
}
