#include "controller/ctl/api.h"

#include "shared/codec/json.h"

#define PATH_MAX_BYTES ((size_t)16 << 10)
#define MAX_PAGES      10000

struct err *api_client(struct ctl *ctl, struct client **out)
{
	if (!ctl->client)
		TRY(client_create(ctl->server, &ctl->client));
	*out = ctl->client;
	return NULL;
}

static struct err *parse_body(struct str text, struct arena *a, const struct node **out)
{
	if (str_trim(text).size == 0) {
		*out = node_new(a, NODE_NULL);
		return *out ? NULL : err_no_memory();
	}
	return json_parse(text, a, out);
}

static struct err *read_response(const struct api_request *request,
				 const struct client_response *response, struct arena *a,
				 struct api_answer *out)
{
	struct api_answer answer = {.status = response->status};
	memcpy(answer.etag, response->etag, sizeof(answer.etag));
	TRY_DOING(parse_body(buf_str(&response->body), a, &answer.body), "the answer to %s %s",
		  request->method, request->path);
	*out = answer;
	return NULL;
}

struct err *api_call(struct ctl *ctl, const struct api_request *request, struct arena *a,
		     struct api_answer *out)
{
	struct client *client;
	struct client_response response;
	struct client_request r = {
		.method = request->method,
		.path = request->path,
		.content_type = request->content_type,
		.body = request->body,
		.timeout_ms = request->timeout_ms ? request->timeout_ms : CTL_TIMEOUT_MS,
	};
	TRY(api_client(ctl, &client));
	TRY(client_call(client, &r, &response));
	struct err *e = read_response(request, &response, a, out);
	client_response_fini(&response);
	return e;
}

struct err *api_get(struct ctl *ctl, const char *path, struct arena *a, struct api_answer *out)
{
	return api_call(ctl, &(struct api_request){.method = "GET", .path = path}, a, out);
}

/* Moves the members of `from` to the end of `to`. */
static void adopt(struct node *to, const struct node *from)
{
	if (!from || !from->first)
		return;
	if (to->last)
		to->last->next = from->first;
	else
		to->first = from->first;
	to->last = from->last;
	to->count += from->count;
}

struct err *api_list(struct ctl *ctl, const char *path, const char *key, struct arena *a,
		     const struct node **out)
{
	struct node *all = node_new(a, NODE_LIST);
	struct str token = STR("");
	TRY_MEMORY(all);
	for (int page = 0; page < MAX_PAGES; page++) {
		OWNED_BUF struct buf url = BUF_INIT(PATH_MAX_BYTES);
		struct api_answer answer;
		buf_printf(&url, "%s?pageSize=1000", path);
		if (token.size)
			buf_puts(&url, "&pageToken=");
		api_escape(&url, token);
		TRY(buf_check(&url));
		TRY(api_get(ctl, buf_text(&url), a, &answer));
		adopt(all, node_find(answer.body, key));
		token = api_text(answer.body, "/nextPageToken");
		if (!token.size)
			break;
	}
	*out = all;
	return NULL;
}

void api_escape(struct buf *out, struct str text)
{
	static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
				    "-._~";
	for (size_t i = 0; i < text.size; i++) {
		char c = text.data[i];
		if (c && strchr(plain, c))
			buf_putc(out, c);
		else
			buf_printf(out, "%%%02X", (unsigned char)c);
	}
}

void api_path(struct buf *out, const char *kind, struct str name)
{
	buf_printf(out, "/v1/%s/", kind);
	api_escape(out, name);
}

struct str api_text(const struct node *n, const char *pointer)
{
	const struct node *at = n ? node_at(n, pointer) : NULL;
	bool scalar = at && at->kind != NODE_LIST && at->kind != NODE_MAP && at->kind != NODE_NULL;
	return scalar ? at->text : STR("");
}

int64_t api_int(const struct node *n, const char *pointer)
{
	const struct node *at = n ? node_at(n, pointer) : NULL;
	int64_t value = 0;
	if (at && at->kind == NODE_INT)
		return at->integer;
	return at && at->kind == NODE_TEXT && str_to_i64(at->text, &value) ? value : 0;
}
