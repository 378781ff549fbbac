/*
 * GET /v1/audit: who wrote what and when, the newest first.
 */
#include "controller/api/common.h"

static struct err *print_row(struct json *w, const struct store_log_row *row, struct arena *a)
{
	const struct node *tree;
	TRY(json_parse(row->text, a, &tree));
	json_object(w, NULL);
	json_int(w, "sequence", row->sequence);
	common_time(w, "time", row->time_ms);
	NODE_EACH (member, tree)
		json_node(w, member->key.data, member);
	json_end(w);
	return NULL;
}

struct err *audit_list(void *context, struct http_call *c)
{
	struct api *a = context;
	struct common_page page;
	const struct store_log_row *rows;
	size_t count;
	char next[STORE_TOKEN_SIZE];
	TRY(common_page(c, &page));
	TRY(store_list_log(a->store, page.token, page.size, http_call_arena(c), &rows, &count,
			   next));
	struct json w = common_json(c, 200);
	json_object(&w, NULL);
	json_list(&w, "entries");
	for (size_t i = 0; i < count; i++)
		TRY(print_row(&w, &rows[i], http_call_arena(c)));
	json_end(&w);
	json_text(&w, "nextPageToken", str_of(next));
	json_end(&w);
	return NULL;
}
