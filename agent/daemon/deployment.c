#include "agent/daemon/agent.h"
#include "agent/daemon/prepare.h"

#include "shared/base/log.h"
#include "shared/base/mem.h"

#define RETRY_NS ((uint64_t)2000000000)

static void destroy(struct deployment *d)
{
	if (!d)
		return;
	policy_destroy(d->policy);
	err_destroy(d->error);
	char *const texts[] = {d->name, d->revision, d->exe, d->digest, d->spec_text, d->role};
	for (size_t i = 0; i < ARRAY_SIZE(texts); i++)
		mem_free(texts[i]);
	mem_free(d);
}
OWN_DEFINE(deployment, struct deployment *, destroy)

static struct deployment *find(struct agent *a, struct str name, struct str revision)
{
	for (struct deployment *d = a->deployments; d; d = d->next)
		if (str_is(name, d->name) && str_is(revision, d->revision))
			return d;
	return NULL;
}

static struct err *copy(struct str text, char **out)
{
	*out = mem_copy_text(text.data, text.size);
	return *out ? NULL : err_no_memory();
}

static struct err *add(struct agent *a, const struct wire_policy *p)
{
	OWNED(deployment) struct deployment *d = mem_zalloc(sizeof(*d));
	TRY_MEMORY(d);
	TRY(copy(p->name, &d->name));
	TRY(copy(p->revision, &d->revision));
	TRY(copy(p->exe, &d->exe));
	TRY(copy(p->program_digest, &d->digest));
	TRY(copy(p->spec_text, &d->spec_text));
	TRY(copy(p->role, &d->role));
	d->is_wanted = true;
	d->next = a->deployments;
	a->deployments = MOVE(d);
	return NULL;
}

struct err *deployment_set(struct agent *a, const struct wire_sync_response *desired)
{
	for (struct deployment *d = a->deployments; d; d = d->next)
		d->is_wanted = false;
	for (size_t i = 0; i < desired->policies_count; i++) {
		const struct wire_policy *p = &desired->policies[i];
		struct deployment *known = find(a, p->name, p->revision);
		if (known)
			known->is_wanted = true;
		else
			TRY_AT(add(a, p), "/policies/%zu", i);
	}
	a->generation = desired->generation;
	return NULL;
}

static struct err *get_program(struct agent *a, const struct deployment *d, struct buf *out)
{
	OWNED(err) struct err *absent = cache_get(a->cache, CACHE_BLOB, d->digest, out);
	if (!absent)
		return NULL;
	buf_clear(out);
	TRY_DOING(sync_fetch_blob(a->sync, str_of(d->digest), out), "fetch the program");
	return cache_put(a->cache, CACHE_BLOB, d->digest, buf_bytes(out));
}

/*
 * The controller's answer is kept, also that it has none: an agent that finds it away compiles with what
 * it knew last.
 */
static struct err *get_btf(void *context, struct str build_id, struct buf *out)
{
	struct agent *a = context;
	OWNED_BUF struct buf name = BUF_INIT(256);
	buf_add(&name, build_id);
	TRY(buf_check(&name));
	OWNED(err) struct err *e = sync_fetch_btf(a->sync, build_id, out);
	if (!e || err_code(e) == ERR_NOT_FOUND) {
		TRY(cache_put(a->cache, CACHE_BTF, buf_text(&name), buf_bytes(out)));
		return MOVE(e);
	}
	OWNED(err) struct err *absent = cache_get(a->cache, CACHE_BTF, buf_text(&name), out);
	return absent ? MOVE(e) : NULL;
}

static struct err *prepare(struct agent *a, struct deployment *d)
{
	OWNED_BUF struct buf object = BUF_INIT(OBJECT_MAX_BYTES);
	TRY(get_program(a, d, &object));
	struct prepare_input input = {.name = str_of(d->name),
				      .object = buf_bytes(&object),
				      .spec_text = str_of(d->spec_text),
				      .role = str_of(d->role),
				      .host_binary = d->exe,
				      .fetch_btf = get_btf,
				      .fetch_context = a};
	return prepare_policy(a->compiler, a->cache, &input, &d->policy);
}

/* What may go away by itself: no connection, no binary yet, no memory. A verdict does not. */
static bool is_passing(const struct err *e)
{
	enum err_code code = err_code(e);
	return code == ERR_UNAVAILABLE || code == ERR_DEADLINE_EXCEEDED || code == ERR_NOT_FOUND ||
	       code == ERR_NO_MEMORY;
}

static void prepare_and_keep(struct agent *a, struct deployment *d, uint64_t now_ns)
{
	err_destroy(d->error);
	d->error = prepare(a, d);
	d->is_prepared = true;
	d->retry_at_ns = d->error && is_passing(d->error) ? now_ns + RETRY_NS : 0;
	if (!d->error)
		log_info("policy %s %s is compiled", d->name, d->revision);
	else if (!d->retry_at_ns)
		log_warn("policy %s %s: %s", d->name, d->revision, err_message(d->error));
}

void deployment_prepare(struct agent *a, uint64_t now_ns)
{
	for (struct deployment *d = a->deployments; d; d = d->next) {
		bool is_due = !d->is_prepared || (d->retry_at_ns && now_ns >= d->retry_at_ns);
		if (d->is_wanted && is_due)
			prepare_and_keep(a, d, now_ns);
	}
}

static bool is_carried(const struct agent *a, const struct deployment *d)
{
	for (const struct carrier *c = a->carriers; c; c = c->next)
		for (uint32_t i = 0; i < c->carried_count; i++)
			if (c->carried[i].deployment == d)
				return true;
	return false;
}

void deployment_collect(struct agent *a)
{
	for (struct deployment **at = &a->deployments; *at;) {
		struct deployment *d = *at;
		if (d->is_wanted || is_carried(a, d)) {
			if (d->policy)
				policy_sweep(d->policy);
			at = &d->next;
			continue;
		}
		*at = d->next;
		destroy(d);
	}
}

void deployment_destroy_all(struct agent *a)
{
	while (a->deployments) {
		struct deployment *next = a->deployments->next;
		destroy(a->deployments);
		a->deployments = next;
	}
}
