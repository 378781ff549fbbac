#include "shared/codec/json.h"

#define BODY_MAX_BYTES	 ((size_t)16 << 20) /* memory for the tree of an error's body */
#define DATA_MAX_BYTES	 ((size_t)32 << 10) /* of a verdict in it; a larger one is left out */
#define BODY_SHOWN_BYTES ((size_t)200)	    /* of a body that is no error of ours */

static void print_finding(struct json *w, const struct err *e)
{
	json_object(w, NULL);
	json_text(w, "path", str_of(err_path(e)));
	json_text(w, "message", str_of(err_message(e)));
	if (err_detail(e))
		json_text(w, "detail", str_of(err_detail(e)));
	if (err_data(e))
		json_raw(w, "verdict", str_of(err_data(e)));
	json_end(w);
}

void json_print_err(const struct err *e, struct buf *out)
{
	struct json w = json_start(out);
	json_object(&w, NULL);
	json_object(&w, "error");
	json_int(&w, "code", err_http(err_code(e)));
	json_text(&w, "status", str_of(err_status(err_code(e))));
	json_text(&w, "message", str_of(err_message(e)));
	json_list(&w, "details");
	for (const struct err *each = e; each; each = err_next(each))
		print_finding(&w, each);
	json_end(&w);
	json_end(&w);
	json_end(&w);
}

/* What an HTTP status alone says: a proxy's answer, not ours. */
static enum err_code code_of_http(int http)
{
	static const struct {
		enum err_code code;
		int http;
	} codes[] = {
#define ERR(name, status, http, exit) {ERR_##name, http},
#include "shared/base/err.tbl.h"
#undef ERR
	};
	for (size_t i = 0; i < ARRAY_SIZE(codes); i++)
		if (codes[i].http == http)
			return codes[i].code;
	return http >= 400 && http < 500 ? ERR_INVALID : ERR_UNAVAILABLE;
}

static struct err *foreign_body(struct str body, int http)
{
	struct str shown = str_trim((struct str){body.data, MIN(body.size, BODY_SHOWN_BYTES)});
	return err_new(code_of_http(http), "HTTP status %d%s%.*s", http, shown.size ? ": " : "",
		       STR_FMT(shown));
}

/* A member's text; "" where it is absent or no text. Node text is NUL-terminated in its arena. */
static const char *text_of(const struct node *n, const char *key)
{
	const struct node *member = node_find(n, key);
	return member && member->kind == NODE_TEXT ? member->text.data : "";
}

static struct err *read_finding(const struct node *n, enum err_code code)
{
	struct err *e = err_at(code, text_of(n, "path"), "%s", text_of(n, "message"));
	const char *detail = text_of(n, "detail");
	const struct node *data = node_find(n, "verdict");
	OWNED_BUF struct buf json = BUF_INIT(DATA_MAX_BYTES);
	if (*detail)
		e = err_with_detail(e, detail);
	if (!data || data->kind != NODE_MAP)
		return e;
	json_print(data, &json);
	return json.failed ? e : err_with_data(e, buf_text(&json));
}

struct err *json_parse_err(struct str body, int http)
{
	OWNED_ARENA struct arena arena = ARENA_INIT(BODY_MAX_BYTES);
	const struct node *root = NULL;
	OWNED(err) struct err *no_json = json_parse(body, &arena, &root);
	const struct node *error = node_find(root, "error");
	if (!error || error->kind != NODE_MAP)
		return foreign_body(body, http);
	enum err_code code = err_code_of(text_of(error, "status"), http);
	const struct node *details = node_find(error, "details");
	struct err *found = NULL;
	if (details && details->kind == NODE_LIST)
		NODE_EACH (each, details)
			err_add(&found, read_finding(each, code));
	return found ? found : err_new(code, "%s", text_of(error, "message"));
}
