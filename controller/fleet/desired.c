/*
 * Desired states, shared by the hosts that have the same one.
 *
 * [D1] desired->hosts is the number of hosts whose `desired` it is; at 0 it is destroyed, and its
 *      generation's row in the store with it. Content that comes back later gets a new generation.
 */
#include "controller/fleet/internal.h"
#include "shared/base/log.h"
#include "shared/base/mem.h"
#include "shared/codec/json.h"

static void desired_destroy(struct fleet_desired *d)
{
	if (!d)
		return;
	buf_fini(&d->json);
	mem_free(d);
}
OWN_DEFINE(desired, struct fleet_desired *, desired_destroy)

static struct err *make_key(const struct fleet *f, const struct fleet_host *host,
			    char out[DIGEST_HEX_SIZE])
{
	OWNED_BUF struct buf text = BUF_INIT(FLEET_MAX_RESPONSE);
	for (size_t i = 0; i < f->policies_count; i++) {
		const struct fleet_policy *p = f->policies[i];
		if (!fleet_host_matches(host, p))
			continue;
		buf_add(&text, p->wire.name);
		buf_putc(&text, ' ');
		buf_add(&text, p->wire.revision);
		buf_putc(&text, '\n');
	}
	TRY(buf_check(&text));
	return digest_hex(buf_bytes(&text), out);
}

/* The whole response without queries holds the list; what is around it is cut off. */
static struct err *encode(const struct fleet *f, const struct fleet_host *host, struct buf *out)
{
	OWNED_ARENA struct arena a = ARENA_INIT(FLEET_MAX_RESPONSE);
	struct wire_policy *rows = arena_alloc_array(&a, f->policies_count, sizeof(*rows));
	struct wire_sync_response m = {.generation = 0, .has_policies = true, .policies = rows};
	TRY_MEMORY(rows);
	for (size_t i = 0; i < f->policies_count; i++)
		if (fleet_host_matches(host, f->policies[i]))
			rows[m.policies_count++] = f->policies[i]->wire;
	OWNED_BUF struct buf whole = BUF_INIT(FLEET_MAX_RESPONSE);
	wire_sync_response_print(&m, &whole);
	TRY(buf_check(&whole));
	const char *list = memchr(whole.data, '[', whole.size);
	buf_append(out, list, whole.size - (size_t)(list - whole.data) - 1);
	return buf_check(out);
}

static struct err *find_generation(struct fleet *f, const char *key, int64_t *out)
{
	OWNED_ARENA struct arena a = ARENA_INIT(65536);
	struct store_doc doc;
	OWNED(err)
	struct err *e = store_get(f->store, FLEET_KIND_DESIRED, str_of(key), &a, &doc);
	if (e && err_code(e) != ERR_NOT_FOUND)
		return MOVE(e);
	if (e)
		TRY(store_put(f->store, FLEET_KIND_DESIRED, str_of(key), STR("{}"), NULL, &doc));
	*out = doc.version;
	return NULL;
}

static struct err *make(struct fleet *f, const struct fleet_host *host, const char *key,
			struct fleet_desired **out)
{
	OWNED(desired) struct fleet_desired *d = mem_zalloc(sizeof(*d));
	TRY_MEMORY(d);
	memcpy(d->key, key, sizeof(d->key));
	d->json = BUF_INIT(FLEET_MAX_RESPONSE);
	TRY(encode(f, host, &d->json));
	if (f->desired_count == f->desired_capacity) {
		size_t capacity = MAX(f->desired_capacity * 2, (size_t)8);
		void *rows = mem_resize_array(f->desired, capacity, sizeof(*f->desired));
		TRY_MEMORY(rows);
		f->desired = rows;
		f->desired_capacity = capacity;
	}
	TRY(find_generation(f, key, &d->generation));
	*out = f->desired[f->desired_count++] = d;
	d = NULL;
	return NULL;
}

static struct fleet_desired *find(const struct fleet *f, const char *key)
{
	for (size_t i = 0; i < f->desired_count; i++)
		if (strcmp(f->desired[i]->key, key) == 0)
			return f->desired[i];
	return NULL;
}

void fleet_desired_leave(struct fleet *f, struct fleet_host *host)
{
	struct fleet_desired *d = host->desired;
	host->desired = NULL;
	if (!d || --d->hosts)
		return;
	for (size_t i = 0; i < f->desired_count; i++)
		if (f->desired[i] == d)
			f->desired[i] = f->desired[--f->desired_count];
	/* A row that stays behind is pruned at the next start. */
	log_err(LOG_WARN, store_delete(f->store, FLEET_KIND_DESIRED, str_of(d->key), NULL),
		"forgetting a desired state");
	desired_destroy(d);
}

struct err *fleet_desired_refresh(struct fleet *f, struct fleet_host *host)
{
	char key[DIGEST_HEX_SIZE];
	struct err *e = make_key(f, host, key);
	struct fleet_desired *d = e ? NULL : find(f, key);
	if (d && d == host->desired)
		return NULL;
	if (!e && !d)
		e = make(f, host, key, &d);
	if (!e)
		d->hosts++;
	fleet_desired_leave(f, host);
	host->desired = e ? NULL : d;
	return e;
}

struct err *fleet_desired_prune(struct fleet *f)
{
	OWNED_ARENA struct arena a = ARENA_INIT(FLEET_MAX_RESPONSE);
	struct store_page page = {0};
	do {
		OWNED(text) char *token = mem_strdup(page.next_token);
		TRY_MEMORY(token);
		TRY(store_list(f->store, FLEET_KIND_DESIRED, token, STORE_MAX_PAGE, &a, &page));
		for (size_t i = 0; i < page.count; i++)
			if (!find(f, page.docs[i].name.data))
				TRY(store_delete(f->store, FLEET_KIND_DESIRED, page.docs[i].name,
						 NULL));
	} while (page.next_token[0]);
	return NULL;
}
