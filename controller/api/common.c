#include "controller/api/common.h"
#include "controller/model/name.h"
#include "shared/base/clock.h"
#include "shared/base/near.h"
#include "shared/codec/yaml.h"

#include <strings.h>

#define MAX_REQUEST_ID 64u

struct err *common_name(const struct http_call *c, const char *key, struct str *out)
{
	struct str name = http_call_capture(c, key);
	TRY(name_check(key, name));
	*out = name;
	return NULL;
}

struct err *common_no_query(const struct http_call *c)
{
	return http_call_check_query(c, NULL, 0);
}

struct err *common_page(const struct http_call *c, struct common_page *out)
{
	static const char *const known[] = {"pageSize", "pageToken"};
	TRY(http_call_check_query(c, known, ARRAY_SIZE(known)));
	const char *size = http_call_query(c, "pageSize"), *token = http_call_query(c, "pageToken");
	uint64_t number = COMMON_PAGE_DEFAULT;
	if (size && (!str_to_u64(str_of(size), &number) || number == 0))
		return err_new(ERR_INVALID, "pageSize \"%s\" is no number from 1 to %u", size,
			       STORE_MAX_PAGE);
	out->size = (unsigned)MIN(number, (uint64_t)STORE_MAX_PAGE);
	out->token = token ? token : "";
	return NULL;
}

struct err *common_flag(const struct http_call *c, const char *name, bool *out)
{
	const char *value = http_call_query(c, name);
	if (!value)
		return NULL;
	bool is_true = strcmp(value, "true") == 0;
	if (!is_true && strcmp(value, "false") != 0)
		return err_new(ERR_INVALID, "%s is true or false, not \"%s\"", name, value);
	*out = is_true;
	return NULL;
}

static struct err *check_request_id(const char *id)
{
	size_t size = strlen(id);
	bool ok = size >= 1 && size <= MAX_REQUEST_ID;
	for (size_t i = 0; i < size && ok; i++)
		ok = id[i] > ' ' && id[i] < 0x7f;
	return ok ? NULL
		  : err_new(ERR_INVALID, "requestId has 1 to %u printable characters",
			    MAX_REQUEST_ID);
}

/* An If-Match header's one etag, in the call's arena without its quotes. */
static struct err *read_etag(const struct http_call *c, const char *header, const char **out)
{
	struct str s = str_trim(str_of(header));
	if (s.size < 2 || s.data[0] != '"' || s.data[s.size - 1] != '"' ||
	    memchr(s.data + 1, '"', s.size - 2))
		return err_new(ERR_INVALID, "If-Match takes one etag in quotes, not %s", header);
	/* The arena is the call's own; reading a header does not change what the caller sees. */
	const char *text = arena_text(http_call_arena((struct http_call *)c),
				      (struct str){s.data + 1, s.size - 2});
	TRY_MEMORY(text);
	*out = *text ? text : "-";
	return NULL;
}

static struct err *read_conditions(const struct http_call *c, struct common_write *w)
{
	const char *match = http_call_header(c, "If-Match");
	const char *none = http_call_header(c, "If-None-Match");
	if (match && none)
		return err_new(ERR_INVALID, "If-Match and If-None-Match exclude each other");
	if (none && strcmp(none, "*") != 0)
		return err_new(ERR_INVALID, "If-None-Match takes only * on a write");
	if (none)
		w->if_match = STORE_ETAG_ABSENT;
	w->must_exist = match && strcmp(match, "*") == 0;
	if (match && !w->must_exist)
		TRY(read_etag(c, match, &w->if_match));
	return NULL;
}

struct err *common_write(const struct http_call *c, struct common_write *out)
{
	static const char *const known[] = {"validateOnly", "requestId"};
	struct common_write w = {.request_id = ""};
	TRY(http_call_check_query(c, known, ARRAY_SIZE(known)));
	TRY(common_flag(c, "validateOnly", &w.validate_only));
	const char *id = http_call_query(c, "requestId");
	if (id) {
		TRY(check_request_id(id));
		w.request_id = id;
	}
	TRY(read_conditions(c, &w));
	*out = w;
	return NULL;
}

struct err *common_body(struct http_call *c, const struct node **out)
{
	const char *type = http_call_header(c, "Content-Type");
	bool is_yaml = type && strcasestr(type, "yaml");
	struct str body = http_call_body(c);
	if (str_trim(body).size == 0)
		return err_new(ERR_INVALID, "the request needs a body");
	if (is_yaml)
		return yaml_parse(body, http_call_arena(c), out);
	return json_parse(body, http_call_arena(c), out);
}

struct json common_json(struct http_call *c, int status)
{
	return json_start(http_call_answer(c, status, HTTP_JSON));
}

void common_time(struct json *w, const char *key, int64_t unix_ms)
{
	char stamp[CLOCK_STAMP_SIZE];
	json_text(w, key, str_of(clock_stamp((uint64_t)unix_ms, stamp)));
}

struct err *common_near(struct api *a, struct http_call *c, const char *kind, bool revisions,
			struct str wanted, struct err *e)
{
	struct store_page page = {0};
	struct arena *arena = http_call_arena(c);
	if (!e || err_code(e) != ERR_NOT_FOUND)
		return e;
	OWNED(err)
	struct err *ignored =
		revisions ? store_list_revisions(a->store, kind, STR(""), NULL, STORE_MAX_PAGE,
						 arena, &page)
			  : store_list(a->store, kind, NULL, STORE_MAX_PAGE, arena, &page);
	struct near near = near_start(wanted);
	for (size_t i = 0; !ignored && i < page.count; i++)
		near_offer(&near, page.docs[i].name);
	struct str best = near_found(&near);
	if (best.size == 0 || str_equal(best, wanted))
		return e;
	struct err *better = err_at(ERR_NOT_FOUND, err_path(e), "%s; did you mean \"%.*s\"?",
				    err_message(e), STR_FMT(best));
	err_destroy(e);
	return better;
}

struct err *common_audit(struct api *a, struct http_call *c, const char *action,
			 const char *request_id, int64_t revision, const char *format, ...)
{
	OWNED_BUF struct buf text = BUF_INIT(65536);
	OWNED_BUF struct buf resource = BUF_INIT(4096);
	va_list args;
	va_start(args, format);
	buf_vprintf(&resource, format, args);
	va_end(args);
	struct json w = json_start(&text);
	json_object(&w, NULL);
	json_textf(&w, "actor", "anonymous@%s", http_call_peer(c));
	json_text(&w, "action", str_of(action));
	json_text(&w, "resource", buf_str(&resource));
	if (revision)
		json_int(&w, "revision", revision);
	if (*request_id)
		json_text(&w, "requestId", str_of(request_id));
	json_end(&w);
	TRY(buf_check(&resource));
	TRY(buf_check(&text));
	return store_append_log(a->store, buf_str(&text));
}
