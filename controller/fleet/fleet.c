#include "controller/fleet/internal.h"
#include "controller/model/policy.h"
#include "shared/base/clock.h"
#include "shared/base/log.h"
#include "shared/base/mem.h"
#include "shared/codec/json.h"

/* ---- sorted arrays of pointers ---- */

static int str_order(struct str a, struct str b)
{
	size_t size = MIN(a.size, b.size);
	int order = size ? memcmp(a.data, b.data, size) : 0;
	return order ? order : (a.size > b.size) - (a.size < b.size);
}

static struct err *reserve(void *array_of_pointers, size_t count, size_t *capacity)
{
	void **array = array_of_pointers;
	if (count < *capacity)
		return NULL;
	size_t more = MAX(*capacity * 2, (size_t)16);
	void *rows = mem_resize_array(*array, more, sizeof(void *));
	TRY_MEMORY(rows);
	*array = rows;
	*capacity = more;
	return NULL;
}

static void insert_at(void *array_of_pointers, size_t *count, size_t at, void *row)
{
	void **rows = array_of_pointers;
	memmove(rows + at + 1, rows + at, (*count - at) * sizeof(*rows));
	rows[at] = row;
	(*count)++;
}

static void remove_at(void *array_of_pointers, size_t *count, size_t at)
{
	void **rows = array_of_pointers;
	(*count)--;
	memmove(rows + at, rows + at + 1, (*count - at) * sizeof(*rows));
}

/* Where `name` is, or would be inserted. */
static size_t place_of_policy(const struct fleet *f, struct str name, bool *found)
{
	size_t low = 0, high = f->policies_count;
	*found = false;
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		int order = str_order(f->policies[middle]->wire.name, name);
		*found |= order == 0;
		if (order < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static size_t place_of_host(const struct fleet *f, struct str name, bool *found)
{
	size_t low = 0, high = f->hosts_count;
	*found = false;
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		int order = str_order(f->hosts[middle]->name, name);
		*found |= order == 0;
		if (order < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

/* ---- policies ---- */

void fleet_policy_destroy(struct fleet_policy *p)
{
	if (!p)
		return;
	arena_fini(&p->arena);
	mem_free(p);
}

static struct err *copy_policy(struct fleet_policy *p, const struct wire_policy *wire,
			       const struct wire_label *match, size_t match_count)
{
	struct wire_policy *to = &p->wire;
	*to = *wire;
	struct str *const texts[] = {&to->name,	     &to->revision, &to->program_digest,
				     &to->spec_text, &to->role,	    &to->exe};
	struct wire_label *labels = arena_alloc_array(&p->arena, match_count, sizeof(*labels));
	TRY_MEMORY(labels);
	for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
		*texts[i] = arena_str(&p->arena, *texts[i]);
		TRY_MEMORY(texts[i]->data);
	}
	for (size_t i = 0; i < match_count; i++) {
		labels[i].key = arena_str(&p->arena, match[i].key);
		labels[i].value = arena_str(&p->arena, match[i].value);
		if (!labels[i].key.data || !labels[i].value.data)
			return err_no_memory();
	}
	p->match = labels;
	p->match_count = match_count;
	return NULL;
}

struct err *fleet_make_policy(struct fleet *f, const struct wire_policy *wire,
			      const struct wire_label *match, size_t match_count,
			      struct fleet_policy **out)
{
	OWNED(fleet_policy) struct fleet_policy *p = mem_zalloc(sizeof(*p));
	TRY_MEMORY(p);
	p->arena = ARENA_INIT(FLEET_MAX_POLICY);
	if (f->policies_count >= FLEET_MAX_POLICIES)
		return err_new(ERR_RESOURCE_EXHAUSTED, "there are %u policies already",
			       FLEET_MAX_POLICIES);
	TRY(reserve(&f->policies, f->policies_count, &f->policies_capacity));
	TRY(copy_policy(p, wire, match, match_count));
	*out = MOVE(p);
	return NULL;
}

static void refresh_all(struct fleet *f)
{
	if (!f->settled)
		return;
	for (size_t i = 0; i < f->hosts_count; i++) {
		struct fleet_host *host = f->hosts[i];
		log_err(LOG_ERROR, fleet_desired_refresh(f, host), "desired state of %.*s",
			STR_FMT(host->name));
		if (host->waiter && fleet_host_generation(host) != host->report.generation)
			f->wake(f->context, host);
	}
}

void fleet_set_policy(struct fleet *f, struct fleet_policy *p)
{
	bool found;
	size_t at = place_of_policy(f, p->wire.name, &found);
	if (found) {
		fleet_policy_destroy(f->policies[at]);
		f->policies[at] = p;
	} else {
		insert_at(f->policies, &f->policies_count, at, p);
	}
	refresh_all(f);
}

void fleet_remove_policy(struct fleet *f, struct str name)
{
	bool found;
	size_t at = place_of_policy(f, name, &found);
	if (!found)
		return;
	fleet_policy_destroy(f->policies[at]);
	remove_at(f->policies, &f->policies_count, at);
	refresh_all(f);
}

const struct fleet_policy *fleet_find_policy(const struct fleet *f, struct str name)
{
	bool found;
	size_t at = place_of_policy(f, name, &found);
	return found ? f->policies[at] : NULL;
}

size_t fleet_policies_count(const struct fleet *f)
{
	return f->policies_count;
}

/* ---- hosts ---- */

struct fleet_host *const *fleet_hosts(const struct fleet *f, size_t *count)
{
	*count = f->hosts_count;
	return f->hosts;
}

struct fleet_host *fleet_find_host(const struct fleet *f, struct str name)
{
	bool found;
	size_t at = place_of_host(f, name, &found);
	return found ? f->hosts[at] : NULL;
}

bool fleet_is_connected(const struct fleet_host *host, uint64_t now_ns)
{
	return host->waiter || (host->seen_ns && now_ns - host->seen_ns < FLEET_CONNECTED_NS);
}

bool fleet_host_matches(const struct fleet_host *host, const struct fleet_policy *p)
{
	return policy_matches(p->match, p->match_count, host->report.labels,
			      host->report.labels_count);
}

int64_t fleet_host_generation(const struct fleet_host *host)
{
	return host->desired ? host->desired->generation : 0;
}

size_t fleet_waiting_count(const struct fleet *f)
{
	size_t count = 0;
	for (size_t i = 0; i < f->hosts_count; i++)
		count += f->hosts[i]->waiter != NULL;
	return count;
}

static void host_destroy(struct fleet_host *host)
{
	if (!host)
		return;
	arena_fini(&host->arena);
	mem_free(host);
}
OWN_DEFINE(host, struct fleet_host *, host_destroy)

static bool labels_equal(const struct wire_sync_request *a, const struct wire_sync_request *b)
{
	if (a->labels_count != b->labels_count)
		return false;
	for (size_t i = 0; i < a->labels_count; i++)
		if (!str_equal(a->labels[i].key, b->labels[i].key) ||
		    !str_equal(a->labels[i].value, b->labels[i].value))
			return false;
	return true;
}

/* All but the counter. */
static bool link_equal(const struct wire_link *a, const struct wire_link *b)
{
	return a->pid == b->pid && a->state == b->state && str_equal(a->policy, b->policy) &&
	       str_equal(a->revision, b->revision) && str_equal(a->exe, b->exe) &&
	       str_equal(a->entry, b->entry) && str_equal(a->target, b->target) &&
	       str_equal(a->code, b->code) && str_equal(a->message, b->message) &&
	       str_equal(a->path, b->path) && str_equal(a->detail, b->detail) &&
	       str_equal(a->verdict, b->verdict);
}

static bool links_equal(const struct wire_sync_request *a, const struct wire_sync_request *b)
{
	if (a->links_count != b->links_count)
		return false;
	for (size_t i = 0; i < a->links_count; i++)
		if (!link_equal(&a->links[i], &b->links[i]))
			return false;
	return true;
}

static bool is_same(const struct wire_sync_request *a, const struct wire_sync_request *b)
{
	return str_equal(a->agent_version, b->agent_version) && str_equal(a->boot_id, b->boot_id) &&
	       labels_equal(a, b) && links_equal(a, b);
}

/* Makes `host` one that said what `text` holds; `*host` is untouched on failure. */
static struct err *take_report(struct fleet_host *host, struct str name, struct str text)
{
	struct arena a = ARENA_INIT(FLEET_MAX_REPORT);
	struct wire_sync_request report;
	struct str own_name = arena_str(&a, name);
	struct err *e =
		own_name.data ? wire_sync_request_parse(text, &a, &report) : err_no_memory();
	if (e) {
		arena_fini(&a);
		return e;
	}
	arena_fini(&host->arena);
	host->arena = a;
	host->name = own_name;
	host->report = report;
	return NULL;
}

static struct err *add_host(struct fleet *f, struct str name, struct str text,
			    struct fleet_host **out)
{
	bool found;
	OWNED(host) struct fleet_host *host = mem_zalloc(sizeof(*host));
	TRY_MEMORY(host);
	if (f->hosts_count == FLEET_MAX_HOSTS)
		return err_new(ERR_RESOURCE_EXHAUSTED,
			       "there are %u hosts already: forget some by DELETE /v1/hosts/{host}",
			       FLEET_MAX_HOSTS);
	TRY(reserve(&f->hosts, f->hosts_count, &f->hosts_capacity));
	TRY(take_report(host, name, text));
	insert_at(f->hosts, &f->hosts_count, place_of_host(f, name, &found), host);
	*out = MOVE(host);
	return NULL;
}

/* What is kept of a report: the links of `old` where it brings none. */
static struct wire_sync_request kept_part(const struct wire_sync_request *m,
					  const struct wire_sync_request *old)
{
	struct wire_sync_request kept = *m;
	kept.hold_s = 0;
	kept.events = NULL;
	kept.answers = NULL;
	kept.events_count = kept.answers_count = 0;
	if (!m->has_status) {
		kept.links = old ? old->links : NULL;
		kept.links_count = old ? old->links_count : 0;
	}
	kept.has_status = true;
	return kept;
}

static struct err *note_report(struct fleet *f, struct str name, struct fleet_host *host,
			       const struct wire_sync_request *m, struct fleet_host **out)
{
	struct wire_sync_request kept = kept_part(m, host ? &host->report : NULL);
	if (host && !m->has_status && is_same(&kept, &host->report)) {
		host->report.generation = m->generation;
		host->report.events_lost = m->events_lost;
		return NULL;
	}
	OWNED_BUF struct buf text = BUF_INIT(FLEET_MAX_REPORT);
	wire_sync_request_print(&kept, &text);
	TRY(buf_check(&text));
	if (!host || !is_same(&kept, &host->report))
		TRY(store_put(f->store, FLEET_KIND_HOST, name, buf_str(&text), NULL, NULL));
	if (!host)
		return add_host(f, name, buf_str(&text), out);
	*out = host;
	return take_report(host, name, buf_str(&text));
}

struct err *fleet_report(struct fleet *f, struct str name, const struct wire_sync_request *m,
			 struct fleet_host **out)
{
	struct fleet_host *host = fleet_find_host(f, name);
	if (!host && f->hosts_count == FLEET_MAX_HOSTS)
		return err_new(ERR_RESOURCE_EXHAUSTED, "there are %u hosts already",
			       FLEET_MAX_HOSTS);
	TRY(note_report(f, name, host, m, &host));
	host->seen_ms = (int64_t)clock_unix_ms();
	host->seen_ns = clock_mono_ns();
	TRY(fleet_desired_refresh(f, host));
	*out = host;
	return NULL;
}

struct err *fleet_respond(struct fleet *f, struct fleet_host *host, struct buf *out, bool *any)
{
	(void)f;
	bool has_news = fleet_host_generation(host) != host->report.generation;
	*any = has_news || query_is_due(host);
	if (!*any)
		return NULL;
	if (!host->desired)
		return err_new(ERR_UNAVAILABLE, "the desired state could not be made: sync again");
	struct json w = json_start(out);
	json_object(&w, NULL);
	json_int(&w, "generation", host->desired->generation);
	if (has_news)
		json_raw(&w, "policies", buf_str(&host->desired->json));
	if (query_is_due(host))
		query_print_due(host, &w);
	json_end(&w);
	return buf_check(out);
}

struct err *fleet_forget_host(struct fleet *f, struct str name)
{
	bool found;
	size_t at = place_of_host(f, name, &found);
	if (!found)
		return err_new(ERR_NOT_FOUND, "no host \"%.*s\"", STR_FMT(name));
	struct fleet_host *host = f->hosts[at];
	if (fleet_is_connected(host, clock_mono_ns()))
		return err_new(ERR_FAILED_PRECONDITION,
			       "host \"%.*s\" is connected: stop its agent first", STR_FMT(name));
	TRY(store_delete(f->store, FLEET_KIND_HOST, name, NULL));
	remove_at(f->hosts, &f->hosts_count, at);
	query_leave_host(host);
	fleet_desired_leave(f, host);
	host_destroy(host);
	return NULL;
}

/* ---- life ---- */

static struct err *load_host(struct fleet *f, const struct store_doc *doc)
{
	struct fleet_host *host;
	TRY_DOING(add_host(f, doc->name, doc->text, &host), "host %.*s", STR_FMT(doc->name));
	host->seen_ms = doc->update_ms;
	return NULL;
}

static struct err *load_hosts(struct fleet *f)
{
	char token[STORE_TOKEN_SIZE] = "";
	do {
		OWNED_ARENA struct arena a = ARENA_INIT(SIZE_MAX);
		struct store_page page;
		TRY(store_list(f->store, FLEET_KIND_HOST, token, 100, &a, &page));
		for (size_t i = 0; i < page.count; i++)
			TRY(load_host(f, &page.docs[i]));
		memcpy(token, page.next_token, sizeof(token));
	} while (token[0]);
	return NULL;
}

struct err *fleet_create(struct store *store, fleet_wake *wake, void *context, struct fleet **out)
{
	OWNED(fleet) struct fleet *f = mem_zalloc(sizeof(*f));
	TRY_MEMORY(f);
	f->store = store;
	f->wake = wake;
	f->context = context;
	TRY(load_hosts(f));
	*out = MOVE(f);
	return NULL;
}

struct err *fleet_settle(struct fleet *f)
{
	f->settled = true;
	for (size_t i = 0; i < f->hosts_count; i++)
		TRY(fleet_desired_refresh(f, f->hosts[i]));
	return fleet_desired_prune(f);
}

void fleet_destroy(struct fleet *f)
{
	if (!f)
		return;
	while (f->queries)
		query_destroy(f->queries);
	for (size_t i = 0; i < f->hosts_count; i++)
		host_destroy(f->hosts[i]);
	for (size_t i = 0; i < f->policies_count; i++)
		fleet_policy_destroy(f->policies[i]);
	for (size_t i = 0; i < f->desired_count; i++) {
		buf_fini(&f->desired[i]->json);
		mem_free(f->desired[i]);
	}
	mem_free(f->hosts);
	mem_free(f->policies);
	mem_free(f->desired);
	mem_free(f);
}
