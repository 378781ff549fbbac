/*
 * One ring of lines per policy. Every line has the number of its arrival, by which the rings merge.
 *
 * [E1] lines[(first + i) % EVENTS_KEPT] for i < count are the ring's lines, oldest first.
 */
#include "controller/event/events.h"
#include "shared/base/clock.h"
#include "shared/base/mem.h"
#include "shared/codec/json.h"

struct line {
	uint64_t arrival;
	char *text;
	size_t size;
};

struct ring {
	struct ring *next;
	char *policy;
	struct line lines[EVENTS_KEPT];
	size_t first, count, bytes;
};

struct events {
	struct ring *rings;
	struct events_listener *listeners;
	struct events_counts counts;
};

struct err *events_create(struct events **out)
{
	*out = mem_zalloc(sizeof(**out));
	return *out ? NULL : err_no_memory();
}

static struct line *line_at(struct ring *r, size_t i)
{
	return &r->lines[(r->first + i) % EVENTS_KEPT];
}

static void drop_oldest(struct ring *r)
{
	struct line *oldest = line_at(r, 0);
	r->bytes -= oldest->size;
	mem_free(oldest->text);
	*oldest = (struct line){0};
	r->first = (r->first + 1) % EVENTS_KEPT;
	r->count--;
}

static void ring_destroy(struct ring *r)
{
	if (!r)
		return;
	while (r->count)
		drop_oldest(r);
	mem_free(r->policy);
	mem_free(r);
}

OWN_DEFINE(ring, struct ring *, ring_destroy)

void events_destroy(struct events *e)
{
	while (e && e->rings) {
		struct ring *next = e->rings->next;
		ring_destroy(e->rings);
		e->rings = next;
	}
	mem_free(e);
}

static struct ring *find_ring(const struct events *e, struct str policy)
{
	for (struct ring *r = e->rings; r; r = r->next)
		if (str_is(policy, r->policy))
			return r;
	return NULL;
}

static struct err *make_ring(struct events *e, struct str policy, struct ring **out)
{
	struct ring *r = find_ring(e, policy);
	if (!r) {
		OWNED(ring) struct ring *made = mem_zalloc(sizeof(*made));
		TRY_MEMORY(made);
		made->policy = mem_copy_text(policy.data, policy.size);
		TRY_MEMORY(made->policy);
		r = MOVE(made);
		r->next = e->rings;
		e->rings = r;
	}
	*out = r;
	return NULL;
}

static struct err *print_line(struct str host, const struct wire_event *event, struct buf *out)
{
	char stamp[CLOCK_STAMP_SIZE];
	struct json w = json_start(out);
	json_object(&w, NULL);
	json_text(&w, "time", str_of(clock_stamp((uint64_t)event->time_unix_ms, stamp)));
	json_text(&w, "host", host);
	json_text(&w, "policy", event->policy);
	json_text(&w, "map", event->map);
	json_int(&w, "sequence", event->sequence);
	if (event->data)
		json_node(&w, "data", event->data);
	json_end(&w);
	buf_putc(out, '\n');
	return buf_check(out);
}

static struct err *keep(struct events *e, struct ring *r, struct str text)
{
	char *copy = mem_copy_text(text.data, text.size);
	TRY_MEMORY(copy);
	while (r->count && (r->count == EVENTS_KEPT || r->bytes + text.size > EVENTS_MAX_BYTES))
		drop_oldest(r);
	*line_at(r, r->count) = (struct line){e->counts.received, copy, text.size};
	r->count++;
	r->bytes += text.size;
	return NULL;
}

static void tell(struct events *e, struct str policy, struct str text)
{
	for (struct events_listener *l = e->listeners, *older; l; l = older) {
		older = l->older; /* the sink may end its own subscription */
		if (l->policy.size && !str_equal(l->policy, policy))
			continue;
		if (!l->sink(l->context, text))
			e->counts.dropped++;
	}
}

struct err *events_add(struct events *e, struct str host, const struct wire_event *event)
{
	OWNED_BUF struct buf text = BUF_INIT(EVENTS_MAX_LINE);
	struct ring *r;
	TRY(make_ring(e, event->policy, &r));
	OWNED(err) struct err *failed = print_line(host, event, &text);
	e->counts.received++;
	if (failed && err_code(failed) != ERR_TOO_LARGE)
		return MOVE(failed);
	if (failed) {
		e->counts.dropped++;
		return NULL;
	}
	TRY(keep(e, r, buf_str(&text)));
	tell(e, event->policy, buf_str(&text));
	return NULL;
}

/* The kept line of `policy` that arrived first of those after `arrival`. */
static const struct line *next_line(const struct events *e, struct str policy, uint64_t arrival)
{
	const struct line *best = NULL;
	for (struct ring *r = e->rings; r; r = r->next) {
		size_t low = 0, high = r->count;
		if (policy.size && !str_is(policy, r->policy))
			continue;
		while (low < high) {
			size_t middle = low + (high - low) / 2;
			if (line_at(r, middle)->arrival <= arrival)
				low = middle + 1;
			else
				high = middle;
		}
		if (low < r->count && (!best || line_at(r, low)->arrival < best->arrival))
			best = line_at(r, low);
	}
	return best;
}

void events_replay(const struct events *e, struct str policy, events_sink *sink, void *context)
{
	uint64_t arrival = 0;
	for (const struct line *l; (l = next_line(e, policy, arrival));) {
		arrival = l->arrival;
		if (!sink(context, (struct str){l->text, l->size}))
			return;
	}
}

void events_join(struct events *e, struct events_listener *l)
{
	l->newer = NULL;
	l->older = e->listeners;
	if (l->older)
		l->older->newer = l;
	e->listeners = l;
	e->counts.listeners++;
}

void events_leave(struct events *e, struct events_listener *l)
{
	if (l->newer)
		l->newer->older = l->older;
	else
		e->listeners = l->older;
	if (l->older)
		l->older->newer = l->newer;
	e->counts.listeners--;
}

void events_forget(struct events *e, struct str policy)
{
	for (struct ring **at = &e->rings; *at; at = &(*at)->next) {
		struct ring *r = *at;
		if (!str_is(policy, r->policy))
			continue;
		*at = r->next;
		ring_destroy(r);
		return;
	}
}

struct events_counts events_counts(const struct events *e)
{
	return e->counts;
}
