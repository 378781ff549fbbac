#include "controller/ctl/status.h"

#include "controller/ctl/table.h"

#define PATH_MAX_BYTES 4096u
#define MAX_PAGES      10000
#define INDENT	       "  "

/* ---- fetching ---- */

static struct err *get_page(struct ctl *ctl, struct str name, struct str token, struct arena *a,
			    const struct node **out)
{
	OWNED_BUF struct buf path = BUF_INIT(PATH_MAX_BYTES);
	struct api_answer answer;
	api_path(&path, "policies", name);
	buf_puts(&path, "?pageSize=1000");
	if (token.size) {
		buf_puts(&path, "&pageToken=");
		api_escape(&path, token);
	}
	TRY(buf_check(&path));
	TRY(api_get(ctl, buf_text(&path), a, &answer));
	*out = answer.body;
	return NULL;
}

/* Puts the links of `page` behind those of `policy`; both are ours, in the arena. */
static void join_links(const struct node *policy, const struct node *page)
{
	struct node *all = (struct node *)node_at(policy, "/status/links");
	const struct node *more = node_at(page, "/status/links");
	if (!all || !more || !more->first)
		return;
	if (all->last)
		all->last->next = more->first;
	else
		all->first = more->first;
	all->last = more->last;
	all->count += more->count;
}

struct err *status_get(struct ctl *ctl, struct str name, struct arena *a, const struct node **out)
{
	const struct node *policy, *page;
	TRY(get_page(ctl, name, STR(""), a, &policy));
	page = policy;
	for (int pages = 0; pages < MAX_PAGES; pages++) {
		struct str token = api_text(page, "/status/nextPageToken");
		if (!token.size)
			break;
		TRY(get_page(ctl, name, token, a, &page));
		join_links(policy, page);
	}
	*out = policy;
	return NULL;
}

/* ---- links ---- */

static void add_link(struct table *t, const struct node *link, unsigned columns)
{
	int64_t pid = api_int(link, "/pid");
	if (columns & STATUS_HOST)
		table_cell(t, api_text(link, "/host"));
	if (columns & STATUS_POLICY)
		table_cell(t, api_text(link, "/policy"));
	if (pid)
		table_cellf(t, "%lld", (long long)pid);
	else
		table_cell(t, STR("-"));
	table_cell(t, api_text(link, "/state"));
	int64_t ended = api_int(link, "/runsEnded");
	if (ended)
		table_cellf(t, "%lld (%lld ended)", (long long)api_int(link, "/runs"),
			    (long long)ended);
	else
		table_cell(t, api_text(link, "/runs"));
	table_cell(t, api_text(link, "/entry"));
	struct str target = api_text(link, "/target");
	table_cell(t, target.size ? target : api_text(link, "/message"));
}

struct err *status_print_links(const struct node *links, unsigned columns, struct buf *out)
{
	unsigned more = !!(columns & STATUS_HOST) + !!(columns & STATUS_POLICY);
	OWNED_TABLE struct table t = TABLE_INIT(5 + more);
	if (columns & STATUS_HOST)
		table_cell(&t, STR("HOST"));
	if (columns & STATUS_POLICY)
		table_cell(&t, STR("POLICY"));
	static const char *const names[] = {"PID", "STATE", "RUNS", "ENTRY", "TARGET"};
	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		table_cell(&t, str_of(names[i]));
	NODE_EACH (link, links)
		add_link(&t, link, columns);
	TRY(table_check(&t));
	table_print(&t, out);
	return NULL;
}

/* ---- failures ---- */

/* Appends `text` line by line, each indented. */
static void print_indented(struct str text, const char *indent, struct buf *out)
{
	struct str line;
	while (text.size) {
		str_split(text, '\n', &line, &text);
		if (line.size)
			buf_puts(out, indent);
		buf_add(out, line);
		buf_putc(out, '\n');
	}
}

/* The verifier's text opens with the message: then it alone says all. */
static bool says_message(struct str detail, struct str message)
{
	return message.size && memmem(detail.data, detail.size, message.data, message.size);
}

void status_print_cause(const struct node *n, struct buf *out)
{
	struct str path = api_text(n, "/path"), detail = api_text(n, "/detail");
	struct str message = api_text(n, "/message");
	if (says_message(detail, message)) {
		print_indented(detail, INDENT, out);
		return;
	}
	buf_printf(out, INDENT "%.*s: ", STR_FMT(api_text(n, "/code")));
	if (path.size)
		buf_printf(out, "%.*s: ", STR_FMT(path));
	buf_printf(out, "%.*s\n", STR_FMT(message));
	print_indented(detail, INDENT INDENT, out);
}

const char *status_word(const struct node *policy)
{
	const struct node *status = node_find(policy, "status");
	if (str_is(api_text(policy, "/state"), "DELETING"))
		return "DELETING";
	if (api_int(status, "/counts/failed"))
		return "FAILED";
	if (api_int(status, "/counts/pending") ||
	    api_int(status, "/coverage/reported") < api_int(status, "/coverage/matched"))
		return "PENDING";
	return api_int(status, "/counts/active") ? "ACTIVE" : "IDLE";
}

void status_print_failures(const struct node *policy, struct buf *out)
{
	const struct node *failures = node_at(policy, "/status/failures");
	if (!failures)
		return;
	NODE_EACH (each, failures) {
		int64_t count = api_int(each, "/count");
		if (count > 1)
			buf_printf(out, "failed %lld times, first on %.*s:\n", (long long)count,
				   STR_FMT(api_text(each, "/host")));
		else
			buf_printf(out, "failed on %.*s:\n", STR_FMT(api_text(each, "/host")));
		status_print_cause(each, out);
	}
}
