/* maps - a map's content now, merged over the hosts, or a row per host. */
#include "controller/ctl/api.h"
#include "controller/ctl/command.h"
#include "controller/ctl/table.h"
#include "shared/codec/json.h"

#define QUERY_TIMEOUT_MS  15000L
#define QUERY_TIMEOUT	  "10s"
#define CELL_MAX_BYTES	  ((size_t)1 << 20)
#define REQUEST_MAX_BYTES ((size_t)16 << 10)

static struct err *ask(struct ctl *ctl, const struct args *args, bool by_host, struct arena *a,
		       const struct node **out)
{
	OWNED_BUF struct buf body = BUF_INIT(REQUEST_MAX_BYTES);
	struct json w = json_start(&body);
	struct api_answer answer;
	json_object(&w, NULL);
	json_text(&w, "policy", str_of(args->words[0]));
	json_text(&w, "map", str_of(args->words[1]));
	json_text(&w, "timeout", STR(QUERY_TIMEOUT));
	json_bool(&w, "byHost", by_host);
	json_end(&w);
	TRY(buf_check(&body));
	struct api_request request = {.method = "POST",
				      .path = "/v1/queries",
				      .body = buf_bytes(&body),
				      .timeout_ms = QUERY_TIMEOUT_MS};
	TRY(api_call(ctl, &request, a, &answer));
	*out = answer.body;
	return NULL;
}

/* A key or value: scalars as they are, the rest as JSON. */
static struct err *add_value(struct table *t, const struct node *n)
{
	OWNED_BUF struct buf cell = BUF_INIT(CELL_MAX_BYTES);
	if (n && n->kind != NODE_LIST && n->kind != NODE_MAP)
		buf_add(&cell, n->text);
	else if (n)
		json_print(n, &cell);
	TRY(buf_check(&cell));
	table_cell(t, buf_str(&cell));
	return NULL;
}

static struct err *add_element(struct table *t, const struct node *element)
{
	const struct node *value = node_find(element, "value");
	TRY(add_value(t, node_find(element, "key")));
	return add_value(t, value ? value : node_find(element, "values"));
}

static struct err *print_merged(const struct node *answer, struct buf *out)
{
	OWNED_TABLE struct table t = TABLE_INIT(2);
	const struct node *elements = node_find(answer, "elements");
	table_cell(&t, STR("KEY"));
	table_cell(&t, STR("VALUE"));
	for (const struct node *e = elements ? elements->first : NULL; e; e = e->next)
		TRY(add_element(&t, e));
	TRY(table_check(&t));
	table_print(&t, out);
	return NULL;
}

static struct err *print_by_host(const struct node *answer, struct buf *out)
{
	OWNED_TABLE struct table t = TABLE_INIT(3);
	const struct node *hosts = node_find(answer, "hosts");
	table_header(&t, (const char *const[]){"HOST", "KEY", "VALUE"});
	for (const struct node *h = hosts ? hosts->first : NULL; h; h = h->next) {
		const struct node *elements = node_find(h, "elements");
		for (const struct node *e = elements ? elements->first : NULL; e; e = e->next) {
			table_cell(&t, api_text(h, "/host"));
			TRY(add_element(&t, e));
		}
	}
	TRY(table_check(&t));
	table_print(&t, out);
	return NULL;
}

/* How much of the fleet this is, and who did not answer. */
static void print_coverage(const struct node *answer, struct buf *out)
{
	const struct node *hosts = node_find(answer, "hosts");
	long long of = (long long)api_int(answer, "/coverage/of");
	long long lost = (long long)api_int(answer, "/lost");
	buf_printf(out, "\n%lld of %lld host%s answered",
		   (long long)api_int(answer, "/coverage/answered"), of, of == 1 ? "" : "s");
	if (lost)
		buf_printf(out, "; %lld element%s not shown", lost, lost == 1 ? "" : "s");
	buf_putc(out, '\n');
	for (const struct node *h = hosts ? hosts->first : NULL; h; h = h->next)
		if (api_text(h, "/error").size)
			buf_printf(out, "%.*s: %.*s\n", STR_FMT(api_text(h, "/host")),
				   STR_FMT(api_text(h, "/error")));
}

struct err *cmd_maps(struct ctl *ctl, const struct args *args)
{
	OWNED_ARENA struct arena a = ARENA_INIT(CTL_MAX_MEMORY);
	const struct node *answer;
	bool by_host = args_has(args, OPTION_BY);
	if (by_host && strcmp(args->values[OPTION_BY], "host") != 0)
		return err_new(ERR_INVALID, "--by %s: known is host", args->values[OPTION_BY]);
	TRY(ask(ctl, args, by_host, &a, &answer));
	bool all = api_int(answer, "/coverage/answered") == api_int(answer, "/coverage/of");
	ctl->exit_code = all ? 0 : 1;
	if (!ctl_is_table(ctl)) {
		ctl_print_node(ctl, answer);
		return NULL;
	}
	TRY(by_host ? print_by_host(answer, &ctl->out) : print_merged(answer, &ctl->out));
	print_coverage(answer, &ctl->out);
	return NULL;
}
