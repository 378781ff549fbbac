/*
 * Computed from the hosts' reports at each request: nothing to keep in step, and a fleet's links are
 * some hundred thousand comparisons.
 *
 * A page token of links is "HOST:N": the next row is link N of HOST, or the first one of a later host.
 */
#include "controller/api/status.h"
#include "shared/base/clock.h"

#define STATES 4

static const char *const count_keys[STATES] = {
	[WIRE_PENDING] = "pending",
	[WIRE_ACTIVE] = "active",
	[WIRE_FAILED] = "failed",
	[WIRE_SKIPPED] = "skipped",
};

struct failure {
	const struct wire_link *link;
	struct str host;
	int64_t count;
};

struct summary {
	int64_t counts[STATES];
	int64_t matched, connected, reported;
	int64_t runs, runs_ended, runs_skipped;
	struct failure *failures;
	size_t failures_count;
};

bool status_exists(const struct api *a, struct str policy)
{
	size_t count;
	struct fleet_host *const *hosts = fleet_hosts(a->fleet, &count);
	for (size_t i = 0; i < count; i++)
		for (size_t k = 0; k < hosts[i]->report.links_count; k++)
			if (str_equal(hosts[i]->report.links[k].policy, policy))
				return true;
	return false;
}

static void note_failure(struct summary *s, const struct wire_link *link, struct str host)
{
	for (size_t i = 0; i < s->failures_count; i++) {
		struct failure *f = &s->failures[i];
		if (str_equal(f->link->code, link->code) &&
		    str_equal(f->link->message, link->message) &&
		    str_equal(f->link->path, link->path)) {
			f->count++;
			return;
		}
	}
	if (s->failures_count < STATUS_MAX_FAILURES)
		s->failures[s->failures_count++] = (struct failure){link, host, 1};
}

static void add_host(struct summary *s, const struct fleet_host *host, struct str policy,
		     const struct fleet_policy *p, uint64_t now_ns)
{
	bool matches = p && fleet_host_matches(host, p), reported = false;
	for (size_t i = 0; i < host->report.links_count; i++) {
		const struct wire_link *link = &host->report.links[i];
		if (!str_equal(link->policy, policy))
			continue;
		reported |= p && str_equal(link->revision, p->wire.revision);
		s->counts[link->state]++;
		s->runs += link->runs;
		s->runs_ended += link->runs_ended;
		s->runs_skipped += link->runs_skipped;
		if (link->state == WIRE_FAILED)
			note_failure(s, link, host->name);
	}
	s->matched += matches;
	s->connected += matches && fleet_is_connected(host, now_ns);
	s->reported += matches && reported;
}

static void print_counts(const int64_t counts[STATES], const char *key, struct json *w)
{
	json_object(w, key);
	for (size_t i = 0; i < STATES; i++)
		json_int(w, count_keys[i], counts[i]);
	json_end(w);
}

void status_print_host_counts(const struct fleet_host *host, const char *key, struct json *w)
{
	int64_t counts[STATES] = {0};
	for (size_t i = 0; i < host->report.links_count; i++)
		counts[host->report.links[i].state]++;
	print_counts(counts, key, w);
}

static void text_unless_empty(struct json *w, const char *key, struct str value)
{
	if (value.size)
		json_text(w, key, value);
}

static void print_cause(const struct wire_link *link, struct json *w)
{
	text_unless_empty(w, "code", link->code);
	text_unless_empty(w, "message", link->message);
	text_unless_empty(w, "path", link->path);
	text_unless_empty(w, "detail", link->detail);
	if (link->verdict.size)
		json_raw(w, "verdict", link->verdict);
}

void status_print_link(const struct wire_link *link, struct str host, struct json *w)
{
	json_object(w, NULL);
	text_unless_empty(w, "host", host);
	json_text(w, "policy", link->policy);
	text_unless_empty(w, "revision", link->revision);
	json_int(w, "pid", link->pid);
	text_unless_empty(w, "exe", link->exe);
	text_unless_empty(w, "entry", link->entry);
	text_unless_empty(w, "target", link->target);
	json_text(w, "state", str_of(wire_state_text(link->state)));
	print_cause(link, w);
	json_int(w, "runs", link->runs);
	json_int(w, "runsEnded", link->runs_ended);
	json_int(w, "runsSkipped", link->runs_skipped);
	json_end(w);
}

static void print_summary(const struct summary *s, struct json *w)
{
	print_counts(s->counts, "counts", w);
	json_object(w, "coverage");
	json_int(w, "matched", s->matched);
	json_int(w, "connected", s->connected);
	json_int(w, "reported", s->reported);
	json_end(w);
	json_object(w, "runs");
	json_int(w, "all", s->runs);
	json_int(w, "ended", s->runs_ended);
	json_int(w, "skipped", s->runs_skipped);
	json_end(w);
	json_list(w, "failures");
	for (size_t i = 0; i < s->failures_count; i++) {
		json_object(w, NULL);
		print_cause(s->failures[i].link, w);
		json_text(w, "host", s->failures[i].host);
		json_int(w, "count", s->failures[i].count);
		json_end(w);
	}
	json_end(w);
}

/* ---- the pages of links ---- */

struct place {
	struct str host; /* empty: from the start */
	uint64_t link;
};

static struct err *read_token(const char *token, struct place *out)
{
	struct str host, link;
	*out = (struct place){{"", 0}, 0};
	if (!*token)
		return NULL;
	if (!str_split(str_of(token), ':', &host, &link) || !str_to_u64(link, &out->link))
		return err_new(ERR_INVALID, "pageToken \"%s\" is none that this list gave", token);
	out->host = host;
	return NULL;
}

static bool is_before(struct str a, struct str b)
{
	int order = memcmp(a.data, b.data, MIN(a.size, b.size));
	return order < 0 || (order == 0 && a.size < b.size);
}

static void print_links(const struct api *a, struct str policy, struct place from, unsigned limit,
			struct json *w)
{
	size_t count, printed = 0;
	struct fleet_host *const *hosts = fleet_hosts(a->fleet, &count);
	json_list(w, "links");
	for (size_t i = 0; i < count; i++) {
		const struct fleet_host *host = hosts[i];
		if (from.host.size && is_before(host->name, from.host))
			continue;
		size_t first = str_equal(host->name, from.host) ? from.link : 0;
		for (size_t k = first; k < host->report.links_count; k++) {
			const struct wire_link *link = &host->report.links[k];
			if (!str_equal(link->policy, policy))
				continue;
			if (printed++ == limit) {
				json_end(w);
				json_textf(w, "nextPageToken", "%.*s:%zu", STR_FMT(host->name), k);
				return;
			}
			status_print_link(link, host->name, w);
		}
	}
	json_end(w);
	json_text(w, "nextPageToken", STR(""));
}

struct err *status_print(const struct api *a, struct str policy, const struct common_page *page,
			 struct arena *arena, struct json *w)
{
	struct summary s = {0};
	struct place from;
	uint64_t now = clock_mono_ns();
	size_t count;
	struct fleet_host *const *hosts = fleet_hosts(a->fleet, &count);
	const struct fleet_policy *p = fleet_find_policy(a->fleet, policy);
	s.failures = arena_alloc_array(arena, STATUS_MAX_FAILURES, sizeof(*s.failures));
	TRY_MEMORY(s.failures);
	TRY(read_token(page ? page->token : "", &from));
	for (size_t i = 0; i < count; i++)
		add_host(&s, hosts[i], policy, p, now);
	json_object(w, "status");
	print_summary(&s, w);
	if (page)
		print_links(a, policy, from, page->size, w);
	json_end(w);
	return NULL;
}
