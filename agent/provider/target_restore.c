/*
 * Records back into targets. A record is our own writing, but from a disk: every number is checked against
 * what it may be before it is used.
 */
#include "agent/provider/target_impl.h"

#include "shared/base/mem.h"

#include <inttypes.h>
#include <limits.h>

#define USER_END ((uint64_t)1 << 47)

/* ---- members ---- */

static struct err *wrong(const char *key)
{
	return err_at(ERR_INVALID, "", "no record of ours: \"%s\"", key);
}

static struct err *get_u64(const struct node *n, const char *key, uint64_t max, uint64_t *out)
{
	const struct node *m = node_find(n, key);
	uint64_t value = 0;
	bool is_number = false;
	if (m && m->kind == NODE_INT) {
		value = (uint64_t)m->integer;
		is_number = m->integer >= 0;
	} else if (m && m->kind == NODE_TEXT) {
		is_number = str_to_u64(m->text, &value);
	}
	if (!is_number || value > max)
		return wrong(key);
	*out = value;
	return NULL;
}

static struct err *get_u32(const struct node *n, const char *key, uint32_t max, uint32_t *out)
{
	uint64_t value;
	TRY(get_u64(n, key, max, &value));
	*out = (uint32_t)value;
	return NULL;
}

static struct err *get_bool(const struct node *n, const char *key, bool *out)
{
	const struct node *m = node_find(n, key);
	if (!m || m->kind != NODE_BOOL)
		return wrong(key);
	*out = m->integer;
	return NULL;
}

static struct err *get_list(const struct node *n, const char *key, size_t max,
			    const struct node **out)
{
	const struct node *m = node_find(n, key);
	if (!m || m->kind != NODE_LIST || m->count > max)
		return wrong(key);
	*out = m;
	return NULL;
}

static struct err *get_text(const struct node *n, const char *key, struct str *out)
{
	const struct node *m = node_find(n, key);
	if (!m || m->kind != NODE_TEXT)
		return wrong(key);
	*out = m->text;
	return NULL;
}

/* A list of numbers of one byte. */
static struct err *get_small(const struct node *n, const char *key, uint8_t *out, uint8_t max_count,
			     uint8_t *count)
{
	const struct node *list;
	uint8_t at = 0;
	TRY(get_list(n, key, max_count, &list));
	NODE_EACH (m, list) {
		if (m->kind != NODE_INT || m->integer < 0 || m->integer > UINT8_MAX)
			return wrong(key);
		out[at++] = (uint8_t)m->integer;
	}
	*count = at;
	return NULL;
}

/* ---- islands and instances ---- */

static struct err *load_island(struct target *t, const struct node *n)
{
	uint64_t base, start, end;
	TRY(get_u64(n, "base", USER_END, &base));
	TRY(get_u64(n, "nearStart", USER_END, &start));
	TRY(get_u64(n, "nearEnd", USER_END, &end));
	if (base % TARGET_PAGE || target_island_of(t, base) != TARGET_NO_ISLAND)
		return wrong("base");
	struct target_island *i = target_island_add(t, base);
	TRY_MEMORY(i);
	i->near_start = start;
	i->near_end = end;
	i->is_mapped = true;
	return NULL;
}

static struct err *load_row(const struct node *n, struct target_row *out)
{
	struct str entry, target;
	TRY(get_text(n, "entry", &entry));
	TRY(get_text(n, "target", &target));
	out->entry = mem_copy_text(entry.data, entry.size);
	out->target = mem_copy_text(target.data, target.size);
	return out->entry && out->target ? NULL : err_no_memory();
}

static struct err *load_instance(struct target *t, const struct node *n)
{
	struct str name;
	const struct node *rows;
	uint32_t at = 0;
	TRY(get_text(n, "name", &name));
	TRY(get_list(n, "links", TARGET_MAX_PLACES, &rows));
	if (target_find(t, name))
		return wrong("name");
	struct instance *i = target_instance_create(name, (uint32_t)rows->count);
	TRY_MEMORY(i);
	target_instance_add(t, i);
	TRY(get_u64(n, "base", USER_END, &i->base));
	TRY(get_u64(n, "bytes", IMAGE_MAX_SPAN, &i->bytes));
	TRY(get_u64(n, "codeBytes", i->bytes, &i->code_bytes));
	TRY(get_u64(n, "privateOffset", i->bytes, &i->private_offset));
	TRY(get_bool(n, "hasThreadPointer", &i->has_thread_pointer));
	if (i->private_offset < i->code_bytes || i->bytes - i->private_offset < TARGET_PAGE)
		return wrong("privateOffset");
	TRY(get_u32(n, "device", UINT32_MAX, &i->device));
	TRY(get_u64(n, "inode", UINT64_MAX, &i->inode));
	i->is_mapped = true;
	NODE_EACH (row, rows)
		TRY(load_row(row, &i->rows[at++]));
	return NULL;
}

/* ---- sites ---- */

static struct err *load_hook(struct target *t, const struct node *n, struct target_hook *out)
{
	struct str name;
	TRY(get_text(n, "instance", &name));
	out->instance = target_find(t, name);
	if (!out->instance || out->instance->rows_count == 0)
		return wrong("instance");
	TRY(get_u32(n, "link", out->instance->rows_count - 1, &out->row));
	TRY(get_u64(n, "entry", USER_END, &out->entry));
	TRY(get_u64(n, "counter", USER_END, &out->counter));
	TRY(get_u64(n, "reads", UINT64_MAX, &out->reads));
	TRY(get_u32(n, "flags", THUNK_EXTENSION | THUNK_CALLS_HOST | THUNK_KEEPS_VECTORS,
		    &out->flags));
	return NULL;
}

static struct err *load_state(struct target *t, const struct target_site *s, const struct node *n,
			      struct target_state *out)
{
	const struct node *hooks;
	uint8_t relocated;
	TRY(get_u64(n, "thunk", USER_END, &out->thunk));
	TRY(get_u32(n, "bytes", THUNK_MAX_BYTES, &out->bytes));
	TRY(get_u32(n, "displaced", out->bytes, &out->displaced));
	TRY(get_small(n, "relocated", out->relocated, SITE_MAX_INSNS, &relocated));
	TRY(get_list(n, "hooks", THUNK_MAX_LINKS, &hooks));
	if (relocated != s->plan.insns_count || !out->thunk)
		return wrong("relocated");
	NODE_EACH (hook, hooks)
		TRY(load_hook(t, hook, &out->hooks[out->hooks_count++]));
	return NULL;
}

static struct err *load_original(const struct node *n, struct site *out)
{
	struct str hex;
	TRY(get_text(n, "original", &hex));
	if (hex.size % 2 || hex.size > 2 * SITE_MAX_WINDOW || hex.size < 2 * SITE_JUMP_BYTES)
		return wrong("original");
	out->window = (uint8_t)(hex.size / 2);
	for (unsigned i = 0; i < out->window; i++) {
		char digits[] = {'0', 'x', hex.data[2 * i], hex.data[2 * i + 1]};
		uint64_t value;
		if (!str_to_u64((struct str){digits, sizeof(digits)}, &value))
			return wrong("original");
		out->original[i] = (uint8_t)value;
	}
	return NULL;
}

static struct err *load_insns(const struct node *n, struct site *out)
{
	uint8_t lengths[SITE_MAX_INSNS], at = 0;
	TRY(get_small(n, "lengths", lengths, SITE_MAX_INSNS, &out->insns_count));
	for (unsigned i = 0; i < out->insns_count; i++) {
		if (lengths[i] == 0 || lengths[i] > out->window - at)
			return wrong("lengths");
		out->insns[i] = (struct site_insn){.offset = at, .length = lengths[i]};
		at = (uint8_t)(at + lengths[i]);
	}
	return NULL;
}

static struct err *load_site(struct target *t, const struct node *n)
{
	const struct node *states, *entry = node_find(n, "atEntry");
	uint64_t address;
	uint32_t skip;
	TRY(get_u64(n, "address", USER_END, &address));
	TRY(get_u32(n, "skip", SITE_MAX_WINDOW, &skip));
	TRY(get_list(n, "states", TARGET_STATES, &states));
	if (!entry || entry->kind != NODE_BOOL || target_site_find(t, address))
		return wrong("address");
	struct target_site *s = target_site_add(t);
	TRY_MEMORY(s);
	s->address = address;
	s->plan.skip = (uint8_t)skip;
	s->plan.at_entry = entry->integer;
	TRY(load_original(n, &s->plan));
	TRY(load_insns(n, &s->plan));
	if (states->count > 0)
		TRY(load_state(t, s, states->first, &s->now));
	s->is_changing = states->count > 1;
	if (s->is_changing)
		TRY(load_state(t, s, states->first->next, &s->next));
	return NULL;
}

static struct err *load_dead(struct target *t, const struct node *n)
{
	uint64_t thunk;
	uint32_t bytes;
	TRY(get_u64(n, "thunk", USER_END, &thunk));
	TRY(get_u32(n, "bytes", THUNK_MAX_BYTES, &bytes));
	TRY(target_dead_reserve(t, 1));
	target_thunk_bury(t, thunk, bytes);
	return NULL;
}

/* ---- the whole ---- */

static struct err *load_each(struct target *t, const struct node *record, const char *key,
			     size_t max,
			     struct err *(*load)(struct target *t, const struct node *n))
{
	const struct node *list;
	size_t at = 0;
	TRY(get_list(record, key, max, &list));
	NODE_EACH (n, list)
		TRY_AT(load(t, n), "/%s/%zu", key, at++);
	return NULL;
}

struct err *target_load(const struct node *record, struct process_id id, struct target **out)
{
	OWNED(target) struct target *t = target_create(id);
	TRY_MEMORY(t);
	TRY(load_each(t, record, "islands", TARGET_MAX_ISLANDS, load_island));
	TRY(load_each(t, record, "instances", TARGET_MAX_PLACES, load_instance));
	TRY(load_each(t, record, "sites", TARGET_MAX_SITES, load_site));
	TRY(load_each(t, record, "dead", TARGET_MAX_SITES, load_dead));
	*out = MOVE(t);
	return NULL;
}

static struct err *load_id(const struct node *record, struct process_id *out)
{
	char boot[TARGET_BOOT_MAX];
	struct str booted;
	uint64_t layout, pid;
	TRY(get_u64(record, "layout", UINT64_MAX, &layout));
	if (layout != TARGET_LAYOUT)
		return wrong("layout");
	TRY(get_text(record, "boot", &booted));
	TRY(get_u64(record, "pid", INT_MAX, &pid));
	TRY(get_u64(record, "start", UINT64_MAX, &out->start_ticks));
	TRY(target_boot_id(boot));
	out->pid = (pid_t)pid;
	if (!str_is(booted, boot))
		return err_new(ERR_NOT_FOUND, "the machine was restarted since");
	return NULL;
}

struct err *target_restore(const struct node *record, struct target **out)
{
	struct process_id id;
	OWNED(target) struct target *t = NULL;
	TRY(load_id(record, &id));
	if (!process_is_alive(id))
		return err_new(ERR_NOT_FOUND, "process %d is gone", id.pid);
	TRY(target_load(record, id, &t));
	TRY(target_explain(t, target_adopt(t)));
	*out = MOVE(t);
	return NULL;
}

struct err *target_restore_heir(const struct node *record, struct process_id id,
				struct target **out)
{
	struct process_id recorded;
	OWNED(target) struct target *t = NULL;
	TRY(load_id(record, &recorded));
	TRY(target_load(record, id, &t));
	TRY(target_explain(t, target_adopt(t)));
	if (target_is_empty(t))
		return err_new(ERR_FAILED_PRECONDITION,
			       "process %d carries nothing of process %d's", id.pid, recorded.pid);
	*out = MOVE(t);
	return NULL;
}
