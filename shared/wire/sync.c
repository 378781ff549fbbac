/*
 * Both directions by tables: one row per member names its key, its kind and its place in the struct,
 * and decoding (fields.h) and printing read the same rows. What has its zero value is not written, and
 * what is absent reads as zero, so parse(print(m)) equals m.
 *
 * `has_status` and `has_policies` are the presence of "links" and "policies".
 */
#include "shared/wire/sync.h"
#include "shared/base/near.h"
#include "shared/codec/fields.h"
#include "shared/codec/json.h"

#define MAX_LABELS  64u
#define MAX_TEXT    ((size_t)64 << 10)
#define MAX_SPEC    ((size_t)1 << 20)
#define MAX_LABEL   253u
#define MAX_QUERIES 1000u
#define MAX_POLICY  10000u

/* ---- states ---- */

static const char *const state_texts[] = {
	[WIRE_PENDING] = "PENDING",
	[WIRE_ACTIVE] = "ACTIVE",
	[WIRE_FAILED] = "FAILED",
	[WIRE_SKIPPED] = "SKIPPED",
};

const char *wire_state_text(enum wire_state state)
{
	return state_texts[state];
}

bool wire_state_parse(struct str text, enum wire_state *out)
{
	for (size_t i = 0; i < ARRAY_SIZE(state_texts); i++) {
		if (str_is(text, state_texts[i])) {
			*out = (enum wire_state)i;
			return true;
		}
	}
	return false;
}

/* ---- the tables ---- */

/* A link as it travels: its state is text. */
struct link_row {
	struct wire_link link;
	struct str state;
	const struct node *verdict; /* decoded only */
};

static const struct field link_fields[] = {
	FIELD_TEXT("policy", struct link_row, link.policy, FIELD_REQUIRED),
	FIELD_TEXT("revision", struct link_row, link.revision, 0),
	FIELD_INT("pid", struct link_row, link.pid, 0),
	FIELD_TEXT("exe", struct link_row, link.exe, 0),
	FIELD_TEXT("entry", struct link_row, link.entry, 0),
	FIELD_TEXT("target", struct link_row, link.target, 0),
	FIELD_TEXT("state", struct link_row, state, FIELD_REQUIRED),
	FIELD_TEXT("code", struct link_row, link.code, 0),
	FIELD_TEXT("message", struct link_row, link.message, 0),
	FIELD_TEXT("path", struct link_row, link.path, 0),
	FIELD_TEXT("detail", struct link_row, link.detail, 0),
	FIELD_MAP("verdict", struct link_row, verdict, 0),
	FIELD_INT("runs", struct link_row, link.runs, 0),
	FIELD_INT("runsEnded", struct link_row, link.runs_ended, 0),
	FIELD_INT("runsSkipped", struct link_row, link.runs_skipped, 0),
};

static const struct field event_fields[] = {
	FIELD_TEXT("policy", struct wire_event, policy, FIELD_REQUIRED),
	FIELD_TEXT("map", struct wire_event, map, FIELD_REQUIRED),
	FIELD_INT("timeUnixMs", struct wire_event, time_unix_ms, 0),
	FIELD_INT("sequence", struct wire_event, sequence, 0),
	FIELD_ANY("data", struct wire_event, data, 0),
};

static const struct field answer_fields[] = {
	FIELD_TEXT("query", struct wire_answer, query, FIELD_REQUIRED),
	FIELD_ANY("value", struct wire_answer, value, 0),
	FIELD_TEXT("error", struct wire_answer, error, 0),
};

static const struct field policy_fields[] = {
	FIELD_TEXT("name", struct wire_policy, name, FIELD_REQUIRED),
	FIELD_TEXT("revision", struct wire_policy, revision, FIELD_REQUIRED),
	FIELD_TEXT("programDigest", struct wire_policy, program_digest, FIELD_REQUIRED),
	FIELD_TEXT("specText", struct wire_policy, spec_text, FIELD_REQUIRED),
	FIELD_TEXT("role", struct wire_policy, role, FIELD_REQUIRED),
	FIELD_TEXT("exe", struct wire_policy, exe, FIELD_REQUIRED),
};

static const struct field query_fields[] = {
	FIELD_TEXT("id", struct wire_query, id, FIELD_REQUIRED),
	FIELD_TEXT("policy", struct wire_query, policy, FIELD_REQUIRED),
	FIELD_TEXT("map", struct wire_query, map, FIELD_REQUIRED),
};

/* A message's own members; its lists are decoded from the nodes. */
struct request_row {
	struct wire_sync_request m;
	const struct node *labels, *links, *events, *answers;
};

static const struct field request_fields[] = {
	FIELD_TEXT("agentVersion", struct request_row, m.agent_version, 0),
	FIELD_TEXT("bootId", struct request_row, m.boot_id, 0),
	FIELD_INT("generation", struct request_row, m.generation, 0),
	FIELD_INT("holdSeconds", struct request_row, m.hold_s, 0),
	FIELD_INT("eventsLost", struct request_row, m.events_lost, 0),
	FIELD_MAP("labels", struct request_row, labels, 0),
	FIELD_LIST("links", struct request_row, links, 0),
	FIELD_LIST("events", struct request_row, events, 0),
	FIELD_LIST("answers", struct request_row, answers, 0),
};

struct response_row {
	struct wire_sync_response m;
	const struct node *policies, *queries;
};

static const struct field response_fields[] = {
	FIELD_INT("generation", struct response_row, m.generation, FIELD_REQUIRED),
	FIELD_LIST("policies", struct response_row, policies, 0),
	FIELD_LIST("queries", struct response_row, queries, 0),
};

/* ---- checks ---- */

static const void *member_of(const struct field *f, const void *row)
{
	return (const char *)row + f->offset;
}

/* No text of a row is over `max` bytes and no number is negative. */
static struct err *check_row(const struct field *fields, size_t count, const void *row, size_t max)
{
	for (size_t i = 0; i < count; i++) {
		const struct field *f = &fields[i];
		const struct str *text = member_of(f, row);
		const int64_t *number = member_of(f, row);
		if (f->kind == FIELD_KIND_TEXT && text->size > max)
			return err_in(err_new(ERR_INVALID, "longer than %zu bytes", max), "/%s",
				      f->key);
		if (f->kind == FIELD_KIND_INT && *number < 0)
			return err_in(err_new(ERR_INVALID, "%lld is negative", (long long)*number),
				      "/%s", f->key);
	}
	return NULL;
}

static struct err *decode_row(const struct node *n, const struct field *fields, size_t count,
			      size_t max_text, void *row)
{
	TRY(fields_decode(n, fields, count, row));
	return check_row(fields, count, row, max_text);
}

/* ---- lists: what their rows are, and how one is decoded ---- */

struct list {
	const char *key;
	const struct field *fields;
	size_t fields_count, row_bytes, max;
	size_t max_text;
	struct err *(*finish)(void *row); /* more checks and members, or NULL */
};

static struct err *finish_link(void *row)
{
	struct link_row *r = row;
	if (wire_state_parse(r->state, &r->link.state))
		return NULL;
	struct near near = near_start(r->state);
	for (size_t i = 0; i < ARRAY_SIZE(state_texts); i++)
		near_offer(&near, str_of(state_texts[i]));
	struct str best = near_found(&near);
	return err_at(ERR_INVALID, "/state", "no state \"%.*s\"; %s%.*s", STR_FMT(r->state),
		      best.size ? "did you mean " : "there are PENDING, ACTIVE, FAILED, SKIPPED",
		      STR_FMT(best));
}

static const struct list links_list = {
	"links",  link_fields, ARRAY_SIZE(link_fields), sizeof(struct link_row), WIRE_MAX_LINKS,
	MAX_TEXT, finish_link};
static const struct list events_list = {"events",
					event_fields,
					ARRAY_SIZE(event_fields),
					sizeof(struct wire_event),
					WIRE_MAX_EVENTS,
					MAX_TEXT,
					NULL};
static const struct list answers_list = {"answers",
					 answer_fields,
					 ARRAY_SIZE(answer_fields),
					 sizeof(struct wire_answer),
					 MAX_QUERIES,
					 MAX_TEXT,
					 NULL};
static const struct list policies_list = {"policies",
					  policy_fields,
					  ARRAY_SIZE(policy_fields),
					  sizeof(struct wire_policy),
					  MAX_POLICY,
					  MAX_SPEC,
					  NULL};
static const struct list queries_list = {
	"queries", query_fields, ARRAY_SIZE(query_fields), sizeof(struct wire_query), MAX_QUERIES,
	MAX_TEXT,  NULL};

static struct err *decode_member(const struct list *l, const struct node *n, void *row)
{
	TRY(decode_row(n, l->fields, l->fields_count, l->max_text, row));
	return l->finish ? l->finish(row) : NULL;
}

/* Decodes all of `n` (NULL: absent) to an array of rows. */
static struct err *decode_list(const struct list *l, const struct node *n, struct arena *a,
			       const void **rows, size_t *count)
{
	size_t i = 0;
	if (!n)
		return NULL;
	if (n->count > l->max)
		return err_in(err_new(ERR_INVALID, "%zu members are more than the limit of %zu",
				      n->count, l->max),
			      "/%s", l->key);
	char *array = arena_alloc_array(a, n->count, l->row_bytes);
	TRY_MEMORY(array);
	NODE_EACH (each, n) {
		TRY_AT(decode_member(l, each, array + i * l->row_bytes), "/%s/%zu", l->key, i);
		i++;
	}
	*rows = array;
	*count = i;
	return NULL;
}

static struct err *decode_label(const struct node *n, struct wire_label *out)
{
	if (n->kind != NODE_TEXT)
		return err_new(ERR_INVALID, "a label is text, this is %s", node_kind_name(n->kind));
	if (n->key.size == 0 || n->key.size > MAX_LABEL || n->text.size > MAX_LABEL)
		return err_new(ERR_INVALID,
			       "a label's name has 1 to %u bytes, its value at most %u", MAX_LABEL,
			       MAX_LABEL);
	*out = (struct wire_label){n->key, n->text};
	return NULL;
}

static struct err *decode_labels(const struct node *n, struct arena *a, struct wire_sync_request *m)
{
	if (!n)
		return NULL;
	if (n->count > MAX_LABELS)
		return err_at(ERR_INVALID, "/labels", "%zu labels are more than the limit of %u",
			      n->count, MAX_LABELS);
	struct wire_label *labels = arena_alloc_array(a, n->count, sizeof(*labels));
	TRY_MEMORY(labels);
	NODE_EACH (each, n) {
		OWNED_BUF struct buf step = BUF_INIT(MAX_TEXT);
		node_print_step(each->key, &step);
		TRY_AT(decode_label(each, &labels[m->labels_count]), "/labels%s", buf_text(&step));
		m->labels_count++;
	}
	m->labels = labels;
	return NULL;
}

/* As text, which is what is kept, compared and answered with: nobody looks inside. */
static struct err *keep_verdict(const struct node *n, struct arena *a, struct str *out)
{
	OWNED_BUF struct buf text = BUF_INIT(WIRE_MAX_VERDICT);
	json_print(n, &text);
	if (text.too_large)
		return err_new(ERR_INVALID, "longer than %zu bytes", WIRE_MAX_VERDICT);
	TRY(buf_check(&text));
	*out = arena_str(a, buf_str(&text));
	TRY_MEMORY(out->data);
	return NULL;
}

static struct err *decode_links(const struct node *n, struct arena *a, struct wire_sync_request *m)
{
	const void *decoded = NULL;
	size_t count = 0;
	TRY(decode_list(&links_list, n, a, &decoded, &count));
	const struct link_row *rows = decoded;
	struct wire_link *links = arena_alloc_array(a, count, sizeof(*links));
	TRY_MEMORY(links);
	for (size_t i = 0; i < count; i++) {
		links[i] = rows[i].link;
		if (rows[i].verdict)
			TRY_AT(keep_verdict(rows[i].verdict, a, &links[i].verdict),
			       "/links/%zu/verdict", i);
	}
	m->has_status = n != NULL;
	m->links = links;
	m->links_count = count;
	return NULL;
}

/* ---- whole messages ---- */

static struct err *decode_request(const struct node *n, struct arena *a, struct request_row *r)
{
	struct wire_sync_request *m = &r->m;
	const void *events = NULL, *answers = NULL;
	TRY(decode_row(n, request_fields, ARRAY_SIZE(request_fields), MAX_TEXT, r));
	if (m->hold_s > WIRE_HOLD_MAX_S)
		return err_at(ERR_INVALID, "/holdSeconds", "%lld is more than %d",
			      (long long)m->hold_s, WIRE_HOLD_MAX_S);
	TRY(decode_labels(r->labels, a, m));
	TRY(decode_links(r->links, a, m));
	TRY(decode_list(&events_list, r->events, a, &events, &m->events_count));
	TRY(decode_list(&answers_list, r->answers, a, &answers, &m->answers_count));
	m->events = events;
	m->answers = answers;
	return NULL;
}

struct err *wire_sync_request_parse(struct str json, struct arena *a, struct wire_sync_request *out)
{
	const struct node *n;
	struct request_row r = {0};
	TRY(json_parse(json, a, &n));
	TRY(decode_request(n, a, &r));
	*out = r.m;
	return NULL;
}

struct err *wire_sync_response_parse(struct str json, struct arena *a,
				     struct wire_sync_response *out)
{
	const struct node *n;
	const void *policies = NULL, *queries = NULL;
	struct response_row r = {0};
	TRY(json_parse(json, a, &n));
	TRY(decode_row(n, response_fields, ARRAY_SIZE(response_fields), MAX_TEXT, &r));
	TRY(decode_list(&policies_list, r.policies, a, &policies, &r.m.policies_count));
	TRY(decode_list(&queries_list, r.queries, a, &queries, &r.m.queries_count));
	r.m.has_policies = r.policies != NULL;
	r.m.policies = policies;
	r.m.queries = queries;
	*out = r.m;
	return NULL;
}

/* ---- printing ---- */

static void print_text(struct json *w, const struct field *f, const void *row)
{
	const struct str *text = member_of(f, row);
	if (text->size || (f->flags & FIELD_REQUIRED))
		json_text(w, f->key, *text);
}

static void print_int(struct json *w, const struct field *f, const void *row)
{
	const int64_t *number = member_of(f, row);
	if (*number || (f->flags & FIELD_REQUIRED))
		json_int(w, f->key, *number);
}

static void print_any(struct json *w, const struct field *f, const void *row)
{
	const struct node *const *n = member_of(f, row);
	if (*n)
		json_node(w, f->key, *n);
}

/* Lists and maps are the message's to print. */
static void print_nothing(struct json *w, const struct field *f, const void *row)
{
	(void)w;
	(void)f;
	(void)row;
}

static void print_fields(struct json *w, const struct field *fields, size_t count, const void *row)
{
	static void (*const print[])(struct json *, const struct field *, const void *) = {
		[FIELD_KIND_TEXT] = print_text,	   [FIELD_KIND_INT] = print_int,
		[FIELD_KIND_BOOL] = print_nothing, [FIELD_KIND_LIST] = print_nothing,
		[FIELD_KIND_MAP] = print_nothing,  [FIELD_KIND_ANY] = print_any,
	};
	for (size_t i = 0; i < count; i++)
		print[fields[i].kind](w, &fields[i], row);
}

static void print_list(struct json *w, const struct list *l, const void *rows, size_t count)
{
	json_list(w, l->key);
	for (size_t i = 0; i < count; i++) {
		json_object(w, NULL);
		print_fields(w, l->fields, l->fields_count, (const char *)rows + i * l->row_bytes);
		json_end(w);
	}
	json_end(w);
}

static void print_labels(struct json *w, const struct wire_sync_request *m)
{
	if (m->labels_count == 0)
		return;
	json_object(w, "labels");
	for (size_t i = 0; i < m->labels_count; i++) {
		OWNED_BUF struct buf key = BUF_INIT(MAX_TEXT);
		buf_add(&key, m->labels[i].key);
		json_text(w, buf_text(&key), m->labels[i].value);
	}
	json_end(w);
}

static void print_links(struct json *w, const struct wire_sync_request *m)
{
	if (!m->has_status)
		return;
	json_list(w, "links");
	for (size_t i = 0; i < m->links_count; i++) {
		struct link_row row = {m->links[i], str_of(wire_state_text(m->links[i].state)),
				       NULL};
		json_object(w, NULL);
		print_fields(w, link_fields, ARRAY_SIZE(link_fields), &row);
		if (row.link.verdict.size)
			json_raw(w, "verdict", row.link.verdict);
		json_end(w);
	}
	json_end(w);
}

void wire_sync_request_print(const struct wire_sync_request *m, struct buf *out)
{
	struct json w = json_start(out);
	struct request_row row = {.m = *m};
	json_object(&w, NULL);
	print_fields(&w, request_fields, ARRAY_SIZE(request_fields), &row);
	print_labels(&w, m);
	print_links(&w, m);
	if (m->events_count)
		print_list(&w, &events_list, m->events, m->events_count);
	if (m->answers_count)
		print_list(&w, &answers_list, m->answers, m->answers_count);
	json_end(&w);
}

void wire_sync_response_print(const struct wire_sync_response *m, struct buf *out)
{
	struct json w = json_start(out);
	struct response_row row = {.m = *m};
	json_object(&w, NULL);
	print_fields(&w, response_fields, ARRAY_SIZE(response_fields), &row);
	if (m->has_policies)
		print_list(&w, &policies_list, m->policies, m->policies_count);
	if (m->queries_count)
		print_list(&w, &queries_list, m->queries, m->queries_count);
	json_end(&w);
}
