/*
 * events - what programs wrote to their ring buffers, a line for each.
 *
 * The controller streams NDJSON in pieces that end anywhere; lines are put together here and shown as
 * soon as they are whole. With --limit only the newest are kept, in a ring of lines.
 */
#include "controller/ctl/api.h"
#include "controller/ctl/command.h"
#include "shared/base/mem.h"
#include "shared/codec/json.h"
#include "shared/codec/yaml.h"

#define LINE_MAX_BYTES	((size_t)1 << 20)
#define EVENT_MAX_BYTES ((size_t)16 << 20)
#define LIMIT_MAX	1000
#define PATH_MAX_BYTES	4096u

struct events {
	struct ctl *ctl;
	struct buf line; /* the one that is not whole yet */
	char **kept;	 /* --limit: a ring of `limit` lines */
	uint64_t limit, seen;
	bool follow;
};

/* ---- one event ---- */

/* "name=value" for each field; what is no object stands as it is. */
static void print_data(const struct node *data, struct buf *out)
{
	if (data->kind != NODE_MAP) {
		json_print(data, out);
		return;
	}
	NODE_EACH (field, data) {
		buf_printf(out, "%s%.*s=", field == data->first ? "" : " ", STR_FMT(field->key));
		json_print(field, out);
	}
}

static void print_event(const struct node *n, struct buf *out)
{
	const struct node *data = node_find(n, "data");
	if (node_find(n, "dropped")) {
		buf_printf(out, "… %lld events were dropped, as this reader is too slow\n",
			   (long long)api_int(n, "/dropped"));
		return;
	}
	buf_printf(out, "%.*s  %.*s  %.*s/%.*s  ", STR_FMT(api_text(n, "/time")),
		   STR_FMT(api_text(n, "/host")), STR_FMT(api_text(n, "/policy")),
		   STR_FMT(api_text(n, "/map")));
	if (data)
		print_data(data, out);
	buf_putc(out, '\n');
}

static struct err *show_line(struct events *e, struct str line)
{
	OWNED_ARENA struct arena a = ARENA_INIT(EVENT_MAX_BYTES);
	const struct node *n;
	if (e->ctl->output == CTL_JSON) {
		buf_add(&e->ctl->out, line);
		buf_putc(&e->ctl->out, '\n');
		return NULL;
	}
	TRY_DOING(json_parse(line, &a, &n), "an event");
	if (e->ctl->output == CTL_YAML) {
		buf_puts(&e->ctl->out, "---\n");
		yaml_print(n, &e->ctl->out);
		return NULL;
	}
	print_event(n, &e->ctl->out);
	return NULL;
}

/* ---- the stream ---- */

static struct err *take_line(struct events *e, struct str line)
{
	if (!e->limit)
		return show_line(e, line);
	char **slot = &e->kept[e->seen++ % e->limit];
	mem_free(*slot);
	*slot = mem_copy_text(line.data, line.size);
	return *slot ? NULL : err_no_memory();
}

static struct err *take_piece(void *context, struct bytes data)
{
	struct events *e = context;
	for (size_t i = 0; i < data.size; i++) {
		if (data.data[i] != '\n') {
			buf_putc(&e->line, (char)data.data[i]);
			continue;
		}
		TRY(buf_check(&e->line));
		TRY(take_line(e, buf_str(&e->line)));
		buf_clear(&e->line);
	}
	return e->limit ? NULL : ctl_flush(e->ctl);
}

static struct err *show_kept(struct events *e)
{
	uint64_t count = MIN(e->seen, e->limit);
	for (uint64_t i = e->seen - count; i < e->seen; i++)
		TRY(show_line(e, str_of(e->kept[i % e->limit])));
	return NULL;
}

static struct err *stream(struct events *e, const struct args *args)
{
	OWNED_BUF struct buf path = BUF_INIT(PATH_MAX_BYTES);
	struct client *client;
	buf_printf(&path, "/v1/events:tail?follow=%s", e->follow ? "true" : "false");
	if (args_has(args, OPTION_POLICY)) {
		buf_puts(&path, "&policy=");
		api_escape(&path, str_of(args->values[OPTION_POLICY]));
	}
	TRY(buf_check(&path));
	TRY(api_client(e->ctl, &client));
	struct client_request request = {.method = "GET",
					 .path = buf_text(&path),
					 .timeout_ms = e->follow ? 0 : CTL_TIMEOUT_MS};
	TRY(client_stream(client, &request, take_piece, e));
	return e->limit ? show_kept(e) : NULL;
}

static struct err *read_options(struct events *e, const struct args *args)
{
	const char *limit = args->values[OPTION_LIMIT];
	e->follow = args_has(args, OPTION_FOLLOW);
	if (!limit)
		return NULL;
	if (e->follow)
		return err_new(ERR_INVALID, "--limit and --follow exclude each other");
	if (!str_to_u64(str_of(limit), &e->limit) || e->limit < 1 || e->limit > LIMIT_MAX)
		return err_new(ERR_INVALID, "--limit %s: a number from 1 to %d is wanted", limit,
			       LIMIT_MAX);
	e->kept = mem_zalloc_array(e->limit, sizeof(*e->kept));
	return e->kept ? NULL : err_no_memory();
}

struct err *cmd_events(struct ctl *ctl, const struct args *args)
{
	struct events e = {.ctl = ctl, .line = BUF_INIT(LINE_MAX_BYTES)};
	struct err *err = read_options(&e, args);
	if (!err)
		err = stream(&e, args);
	for (uint64_t i = 0; e.kept && i < e.limit; i++)
		mem_free(e.kept[i]);
	mem_free(e.kept);
	buf_fini(&e.line);
	return err;
}
