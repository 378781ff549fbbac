/*
 * POST /v1/queries: a map's content over the fleet, now. The request is held until every host that was
 * asked has answered, or its time is over; then what came is merged.
 */
#include "controller/api/common.h"
#include "controller/fleet/query.h"
#include "controller/model/duration.h"
#include "controller/model/merge.h"
#include "controller/model/name.h"
#include "shared/base/clock.h"
#include "shared/codec/fields.h"

#define TIMEOUT_DEFAULT STR("5s")
#define TIMEOUT_MAX_MS	55000
#define MAX_MAP_NAME	255u

struct body {
	struct str policy, map, timeout;
	bool by_host;
};

static const struct field body_fields[] = {
	FIELD_TEXT("policy", struct body, policy, FIELD_REQUIRED),
	FIELD_TEXT("map", struct body, map, FIELD_REQUIRED),
	FIELD_TEXT("timeout", struct body, timeout, 0),
	FIELD_BOOL("byHost", struct body, by_host, 0),
};

/* In the held call's arena. */
struct asking {
	struct body body;
	struct query *query; /* owned until the call is over */
	struct http_call *call;
};

/* ---- the answer ---- */

static void print_row(const struct query_answer *answer, struct err *bad, bool by_host,
		      struct json *w)
{
	json_object(w, NULL);
	json_text(w, "host", answer->host);
	if (!answer->answered)
		json_text(w, "error", STR("no answer in time"));
	else if (answer->error.size)
		json_text(w, "error", answer->error);
	else if (bad)
		json_textf(w, "error", "a wrong answer: %s: %s", err_path(bad), err_message(bad));
	else if (by_host)
		NODE_EACH (member, answer->value)
			json_node(w, member->key.data, member);
	json_end(w);
}

/* Merges one answer and writes its host's row; *good tells whether it counts. */
static struct err *add_answer(struct merge *m, const struct query_answer *answer, bool by_host,
			      struct json *rows, bool *good)
{
	OWNED(err) struct err *bad = NULL;
	*good = answer->answered && answer->error.size == 0;
	if (*good)
		bad = merge_add(m, answer->host, answer->value);
	if (bad && err_code(bad) != ERR_INVALID)
		return MOVE(bad);
	*good &= !bad;
	print_row(answer, bad, by_host, rows);
	return NULL;
}

static struct err *print_answers(struct query *q, bool by_host, struct buf *rows, struct merge *m,
				 size_t *answered)
{
	size_t count;
	const struct query_answer *answers = query_answers(q, &count);
	struct json w = json_start(rows);
	json_list(&w, NULL);
	for (size_t i = 0; i < count; i++) {
		bool good;
		TRY(add_answer(m, &answers[i], by_host, &w, &good));
		*answered += good;
	}
	json_end(&w);
	return buf_check(rows);
}

static struct err *answer(struct asking *asking)
{
	OWNED_BUF struct buf rows = BUF_INIT(HTTP_MAX_ANSWER);
	struct merge merge;
	size_t of, answered = 0;
	query_answers(asking->query, &of);
	TRY(merge_init(&merge, http_call_arena(asking->call)));
	TRY(print_answers(asking->query, asking->body.by_host, &rows, &merge, &answered));
	struct json w = common_json(asking->call, 200);
	json_object(&w, NULL);
	json_text(&w, "policy", asking->body.policy);
	json_text(&w, "map", asking->body.map);
	json_object(&w, "coverage");
	json_int(&w, "answered", (int64_t)answered);
	json_int(&w, "of", (int64_t)of);
	json_end(&w);
	merge_print(&merge, &w);
	json_raw(&w, "hosts", buf_str(&rows));
	json_end(&w);
	return NULL;
}

/* Answers and forgets the query. */
static struct err *finish(struct asking *asking)
{
	struct err *e = answer(asking);
	query_destroy(MOVE(asking->query));
	return e;
}

/* ---- the ends of the hold ---- */

static void done(void *context, struct query *q)
{
	(void)q;
	struct asking *asking = context;
	http_call_resume(asking->call, finish(asking));
}

static void expired(void *owner, struct http_call *c)
{
	struct err *e = finish(owner);
	if (e) {
		struct buf *out = http_call_answer(c, err_http(err_code(e)), HTTP_JSON);
		json_print_err(e, out);
		err_destroy(e);
	}
}

static void gone(void *owner, struct http_call *c)
{
	(void)c;
	struct asking *asking = owner;
	query_destroy(MOVE(asking->query));
}

static const struct http_hold hold = {expired, gone};

/* ---- the request ---- */

static struct err *read_body(struct http_call *c, struct body *out, int64_t *timeout_ms)
{
	const struct node *n;
	out->timeout = TIMEOUT_DEFAULT;
	TRY(common_no_query(c));
	TRY(common_body(c, &n));
	TRY(fields_decode(n, body_fields, ARRAY_SIZE(body_fields), out));
	TRY_AT(name_check("policy", out->policy), "/policy");
	if (out->map.size == 0 || out->map.size > MAX_MAP_NAME)
		return err_at(ERR_INVALID, "/map", "a map's name has 1 to %u bytes", MAX_MAP_NAME);
	TRY_AT(duration_parse(out->timeout, TIMEOUT_MAX_MS, timeout_ms), "/timeout");
	return NULL;
}

static struct err *hold_query(struct asking *asking, int64_t timeout_ms)
{
	struct err *e =
		http_call_hold(asking->call, clock_mono_ns() + (uint64_t)timeout_ms * 1000000u,
			       &hold, asking);
	if (e)
		query_destroy(MOVE(asking->query));
	return e;
}

struct err *queries_post(void *context, struct http_call *c)
{
	struct api *a = context;
	struct asking *asking = arena_alloc(http_call_arena(c), sizeof(*asking));
	int64_t timeout_ms;
	TRY_MEMORY(asking);
	TRY(read_body(c, &asking->body, &timeout_ms));
	asking->call = c;
	if (!fleet_find_policy(a->fleet, asking->body.policy))
		return common_near(a, c, "policy", false, asking->body.policy,
				   err_at(ERR_NOT_FOUND, "/policy", "no policy \"%.*s\"",
					  STR_FMT(asking->body.policy)));
	TRY(query_start(a->fleet, asking->body.policy, asking->body.map, done, asking,
			&asking->query));
	if (query_missing(asking->query) == 0)
		return finish(asking);
	return hold_query(asking, timeout_ms);
}
