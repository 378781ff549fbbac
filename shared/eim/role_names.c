/*
 * Roles by name: "A", or "A & B" where a program has several. The names are sorted, so that the same roles
 * are the same text wherever it is compared.
 */
#include "shared/codec/json.h"
#include "shared/eim/role.h"

#include <stdlib.h>

#define NAMES_MAX_BYTES ((size_t)1 << 20)

struct err *role_split_names(struct str text, struct str names[ROLE_MAX_TOGETHER], size_t *count)
{
	struct str rest = text;
	size_t n = 0;
	for (bool more = true; more;) {
		struct str head = rest, tail = {0};
		more = str_split(rest, '&', &head, &tail);
		if (n == ROLE_MAX_TOGETHER)
			return err_new(ERR_INVALID, "more than %d roles on one program",
				       ROLE_MAX_TOGETHER);
		names[n] = more || n > 0 ? str_trim(head) : head;
		n++;
		rest = tail;
	}
	*count = n;
	return NULL;
}

static int compare_names(const void *a, const void *b)
{
	const struct str *x = a, *y = b;
	size_t size = MIN(x->size, y->size);
	int order = size ? memcmp(x->data, y->data, size) : 0;
	return order ? order : (x->size > y->size) - (x->size < y->size);
}

bool role_is_name(struct str name)
{
	return name.size > 0 && !memchr(name.data, '&', name.size) &&
	       !memchr(name.data, ',', name.size);
}

static struct err *check_names(const struct str *sorted, size_t count, const char *path)
{
	for (size_t i = 0; i < count; i++) {
		struct str name = sorted[i];
		if (!role_is_name(name))
			return err_at(ERR_INVALID, path, "\"%.*s\" is the name of no role",
				      STR_FMT(name));
		if (i > 0 && str_equal(name, sorted[i - 1]))
			return err_at(ERR_INVALID, path, "role \"%.*s\" stands twice",
				      STR_FMT(name));
	}
	return NULL;
}

struct err *role_join_names(const struct str *names, size_t count, const char *path,
			    struct buf *out)
{
	struct str sorted[ROLE_MAX_TOGETHER];
	if (count == 0 || count > ROLE_MAX_TOGETHER)
		return err_at(ERR_INVALID, path, "a program has 1 to %d roles, not %zu",
			      ROLE_MAX_TOGETHER, count);
	memcpy(sorted, names, count * sizeof(*sorted));
	qsort(sorted, count, sizeof(*sorted), compare_names);
	TRY(check_names(sorted, count, path));
	for (size_t i = 0; i < count; i++)
		buf_printf(out, "%s%.*s", i ? " & " : "", STR_FMT(sorted[i]));
	return buf_check(out);
}

struct err *role_join_texts(const char *const *texts, size_t count, struct buf *out)
{
	struct str names[ROLE_MAX_TOGETHER];
	size_t n = 0;
	for (size_t i = 0; i < count; i++) {
		struct str rest = str_of(texts[i]);
		for (bool more = true; more;) {
			struct str head = rest, tail = {0};
			more = str_split(rest, ',', &head, &tail);
			if (n == ROLE_MAX_TOGETHER)
				return err_new(ERR_INVALID, "more than %d roles on one program",
					       ROLE_MAX_TOGETHER);
			names[n] = str_trim(head);
			n++;
			rest = tail;
		}
	}
	return role_join_names(names, n, "", out);
}

/* ---- in documents: `role: A`, or `roles: [A, B]` ---- */

static struct err *read_list(const struct node *list, struct str names[ROLE_MAX_TOGETHER])
{
	size_t count = 0;
	if (list->count > ROLE_MAX_TOGETHER)
		return err_at(ERR_INVALID, "/roles", "%zu roles are more than the limit of %d",
			      list->count, ROLE_MAX_TOGETHER);
	NODE_EACH (each, list) {
		if (each->kind != NODE_TEXT)
			return err_in(err_new(ERR_INVALID, "a role's name is text, this is %s",
					      node_kind_name(each->kind)),
				      "/roles/%zu", count);
		names[count] = each->text;
		count++;
	}
	return NULL;
}

static struct err *check_sizes(const struct str *names, size_t count, const char *path)
{
	for (size_t i = 0; i < count; i++)
		if (names[i].size == 0 || names[i].size > ROLE_MAX_NAME)
			return err_at(ERR_INVALID, path, "a role's name has 1 to %u bytes",
				      ROLE_MAX_NAME);
	return NULL;
}

struct err *role_read_names(struct str role, const struct node *roles, struct arena *a,
			    struct str *out)
{
	struct str names[ROLE_MAX_TOGETHER] = {role};
	OWNED_BUF struct buf text = BUF_INIT(NAMES_MAX_BYTES);
	const char *path = roles ? "/roles" : "/role";
	if (roles && role.data)
		return err_at(ERR_INVALID, "/roles", "give role or roles, not both");
	if (!roles && !role.data)
		return err_at(ERR_INVALID, "",
			      "the key \"role\" is missing (roles: [A, B] gives what both allow)");
	if (roles)
		TRY(read_list(roles, names));
	TRY(check_sizes(names, roles ? roles->count : 1, path));
	TRY(role_join_names(names, roles ? roles->count : 1, path, &text));
	struct str joined = arena_str(a, buf_str(&text));
	TRY_MEMORY(joined.data);
	*out = joined;
	return NULL;
}

void role_print_names(struct str role, struct json *w)
{
	struct str names[ROLE_MAX_TOGETHER];
	size_t count = 0;
	OWNED(err) struct err *e = role_split_names(role, names, &count);
	if (e || count < 2) {
		json_text(w, "role", role);
		return;
	}
	json_list(w, "roles");
	for (size_t i = 0; i < count; i++)
		json_text(w, NULL, names[i]);
	json_end(w);
}
