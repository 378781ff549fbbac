#include "agent/daemon/policy.h"

#include "shared/base/file.h"
#include "shared/base/mem.h"
#include "shared/base/near.h"
#include "shared/bpf/map_kind.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>

#define RECORD_MAX_JSON ((size_t)1 << 20)

struct policy_map {
	const struct image_map *image; /* borrowed from the policy's image */
	struct rt_map memory;	       /* base: owned mapping */
	uint32_t record_type;	       /* BTF id of a ring buffer's records; 0 unknown */
	uint64_t sequence;	       /* records consumed so far */
};

struct policy {
	char *name;
	struct image *image;
	struct btf *btf; /* NULL where the program has none */
	struct policy_map *maps;
	int *map_fds;
	struct target_place *places;
	bool must_sweep;
};

/* ---- places ---- */

static struct err *find_place(const struct image_entry *entry, uint32_t index,
			      struct target_place *out)
{
	const struct section *section = section_find(entry->section);
	if (!section || section->kind != SECTION_UPROBE)
		return err_at(ERR_UNSUPPORTED, "",
			      "entry %.*s is in section \"%.*s\": this agent attaches \"uprobe/"
			      "PATH:SYMBOL\" only",
			      STR_FMT(entry->name), STR_FMT(entry->section));
	struct section_target place = {0};
	TRY_DOING(section_target_parse(entry->section, &place), "entry %.*s", STR_FMT(entry->name));
	if (place.path.size == 0)
		return err_new(ERR_INVALID,
			       "entry %.*s names no place to attach to: write SEC(\"uprobe/PATH:"
			       "SYMBOL\")",
			       STR_FMT(entry->name));
	*out = (struct target_place){index, place.path, place.symbol, place.offset};
	return NULL;
}

/* ---- maps ---- */

/* A ring buffer's records are typed by the variable MAP_record (EIM_RECORD in eim_bpf.h), a pointer to
 * the type. */
static uint32_t find_record_type(const struct btf *btf, struct str map)
{
	char name[256];
	if (!btf || map.size > 200)
		return 0;
	snprintf(name, sizeof(name), "%.*s_record", STR_FMT(map));
	uint32_t variable = btf_find(btf, BTF_VAR, str_of(name));
	const struct btf_type *t = variable ? btf_type(btf, variable) : NULL;
	t = t ? btf_type(btf, btf_skip(btf, t->type)) : NULL;
	return t && t->kind == BTF_PTR ? btf_skip(btf, t->type) : 0;
}

static struct err *open_map(struct policy *p, uint32_t index)
{
	const struct image_map *image = &p->image->maps[index];
	struct policy_map *map = &p->maps[index];
	char name[64];
	snprintf(name, sizeof(name), "eim:%.*s", (int)MIN(image->name.size, (size_t)48),
		 image->name.data);
	*map = (struct policy_map){
		.image = image,
		.memory = {.kind = image->kind,
			   .key_size = image->key_size,
			   .value_size = image->value_size,
			   .max_entries = image->max_entries,
			   .flags = image->flags,
			   .lock_end = image->lock_end},
		.record_type = find_record_type(p->btf, image->name),
	};
	TRY(map_create(&map->memory, name, image->initial, &p->map_fds[index]));
	return map_open(p->map_fds[index], &map->memory);
}

static struct err *allocate(struct policy *p)
{
	uint32_t maps = p->image->maps_count;
	p->maps = mem_zalloc_array(maps, sizeof(*p->maps));
	p->map_fds = mem_zalloc_array(maps, sizeof(*p->map_fds));
	p->places = mem_zalloc_array(p->image->entries_count, sizeof(*p->places));
	for (uint32_t i = 0; p->map_fds && i < maps; i++)
		p->map_fds[i] = -1;
	return p->maps && p->map_fds && p->places ? NULL : err_no_memory();
}

struct err *policy_create(struct str name, struct image *moved, struct policy **out)
{
	OWNED(image) struct image *image = moved;
	OWNED(policy) struct policy *p = mem_zalloc(sizeof(*p));
	TRY_MEMORY(p);
	p->image = MOVE(image);
	p->name = mem_copy_text(name.data, name.size);
	TRY_MEMORY(p->name);
	TRY(allocate(p));
	for (uint32_t i = 0; i < p->image->entries_count; i++)
		TRY_AT(find_place(&p->image->entries[i], i, &p->places[i]), "/entries/%u", i);
	if (p->image->btf.size)
		TRY_DOING(btf_parse(p->image->btf, &p->btf), "the program's BTF");
	for (uint32_t i = 0; i < p->image->maps_count; i++)
		TRY_AT(open_map(p, i), "/maps/%.*s", STR_FMT(p->image->maps[i].name));
	*out = MOVE(p);
	return NULL;
}

void policy_destroy(struct policy *p)
{
	if (!p)
		return;
	for (uint32_t i = 0; p->maps && p->map_fds && i < p->image->maps_count; i++) {
		map_close(&p->maps[i].memory);
		file_close(p->map_fds[i]);
	}
	mem_free(p->maps);
	mem_free(p->map_fds);
	mem_free(p->places);
	btf_destroy(p->btf);
	image_destroy(p->image);
	mem_free(p->name);
	mem_free(p);
}

struct str policy_name(const struct policy *p)
{
	return str_of(p->name);
}

const struct image *policy_image(const struct policy *p)
{
	return p->image;
}

/* The mapped file whose last path component is `name`, as SEC("uprobe/libc.so.6:malloc") means it. */
static struct err *find_module(const struct process_maps *maps, struct str name, struct str *out)
{
	struct near near = near_start(name);
	for (size_t i = 0; i < maps->count; i++) {
		struct str path = maps->items[i].path;
		const char *slash = path.size ? memrchr(path.data, '/', path.size) : NULL;
		if (!slash || !maps->items[i].execute)
			continue;
		struct str base = str_from(path, (size_t)(slash - path.data) + 1);
		if (str_equal(base, name)) {
			*out = path;
			return NULL;
		}
		near_offer(&near, base);
	}
	struct str found = near_found(&near);
	return err_new(ERR_NOT_FOUND,
		       "no file named %.*s is mapped executable in the process%s%.*s",
		       STR_FMT(name), found.size ? "; there is " : "", STR_FMT(found));
}

/* The places with whole paths; those that have one already stay as they are. */
static struct err *resolve_places(const struct policy *p, const struct process_maps *maps,
				  struct target_place *out)
{
	for (uint32_t i = 0; i < p->image->entries_count; i++) {
		out[i] = p->places[i];
		if (!str_starts(out[i].path, "/"))
			TRY_DOING(find_module(maps, out[i].path, &out[i].path), "entry %.*s",
				  STR_FMT(p->image->entries[i].name));
	}
	return NULL;
}

static struct err *instantiate_at(struct policy *p, struct target *t,
				  const struct process_maps *maps)
{
	struct instance *instance; /* borrowed, the target keeps it by name */
	struct target_place places[IMAGE_MAX_ENTRIES];
	TRY(resolve_places(p, maps, places));
	return target_instantiate(t, policy_name(p), p->image, p->map_fds, places,
				  p->image->entries_count, &instance);
}

struct err *policy_instantiate(struct policy *p, struct target *t)
{
	struct process_maps maps;
	TRY(process_maps(target_process(t).pid, &maps));
	struct err *e = instantiate_at(p, t, &maps);
	process_maps_fini(&maps);
	return e;
}

const struct image_map *policy_find_map(const struct policy *p, struct str name, struct str *near)
{
	struct near search = near_start(name);
	for (uint32_t i = 0; i < p->image->maps_count; i++) {
		if (str_equal(p->image->maps[i].name, name))
			return &p->image->maps[i];
		near_offer(&search, p->image->maps[i].name);
	}
	*near = near_found(&search);
	return NULL;
}

static struct policy_map *memory_of(const struct policy *p, const struct image_map *map)
{
	return &p->maps[map - p->image->maps];
}

struct print_context {
	const struct policy *policy;
	const struct image_map *map;
	struct json *json;
};

static void print_value(const struct print_context *c, const char *key, uint32_t type,
			struct bytes data)
{
	OWNED_BUF struct buf text = BUF_INIT(RECORD_MAX_JSON);
	btf_print_value(c->policy->btf, type, data, &text);
	if (text.failed)
		json_null(c->json, key);
	else
		json_raw(c->json, key, buf_str(&text));
}

static struct err *print_element(void *context, struct bytes key, struct bytes value)
{
	struct print_context *c = context;
	json_object(c->json, NULL);
	print_value(c, "key", c->map->key_type, key);
	print_value(c, "value", c->map->value_type, value);
	json_end(c->json);
	return buf_check(c->json->out);
}

struct err *policy_print_map(const struct policy *p, const struct image_map *map, struct json *w,
			     const char *key)
{
	struct print_context context = {p, map, w};
	json_list(w, key);
	TRY(map_each(&memory_of(p, map)->memory, print_element, &context));
	json_end(w);
	return buf_check(w->out);
}

uint64_t policy_lost(const struct policy *p, const struct image_map *map)
{
	return map_lost(&memory_of(p, map)->memory);
}

/* ---- rings ---- */

struct drain_context {
	struct policy *policy;
	struct policy_map *map;
	policy_record_fn *visit;
	void *context;
};

static struct err *drain_record(void *context, struct bytes record)
{
	struct drain_context *c = context;
	OWNED_BUF struct buf text = BUF_INIT(RECORD_MAX_JSON);
	btf_print_value(c->policy->btf, c->map->record_type, record, &text);
	TRY(buf_check(&text));
	return c->visit(c->context, c->map->image, ++c->map->sequence, buf_str(&text));
}

static bool is_ring(const struct image_map *map)
{
	return map->kind == MAP_KIND_RINGBUF;
}

bool policy_has_rings(const struct policy *p)
{
	for (uint32_t i = 0; i < p->image->maps_count; i++)
		if (is_ring(&p->image->maps[i]))
			return true;
	return false;
}

struct err *policy_drain(struct policy *p, uint32_t max, policy_record_fn *visit, void *context)
{
	for (uint32_t i = 0; max && i < p->image->maps_count; i++) {
		struct drain_context each = {p, &p->maps[i], visit, context};
		uint32_t consumed = 0;
		if (!is_ring(&p->image->maps[i]))
			continue;
		TRY_DOING(map_consume(&p->maps[i].memory, max, drain_record, &each, &consumed),
			  "ring buffer %.*s", STR_FMT(p->image->maps[i].name));
		max -= MIN(consumed, max);
	}
	return NULL;
}

/* A number that came again counts as alive: what its first owner held stays held, nothing is taken from
 * a process that runs. */
static bool is_alive(void *context UNUSED, uint32_t tgid)
{
	return kill((pid_t)tgid, 0) == 0 || errno == EPERM;
}

void policy_process_ended(struct policy *p)
{
	p->must_sweep = true;
}

void policy_sweep(struct policy *p)
{
	bool is_done = true;
	if (!p->must_sweep)
		return;
	for (uint32_t i = 0; i < p->image->maps_count; i++)
		is_done &= map_sweep(&p->maps[i].memory, is_alive, NULL);
	p->must_sweep = !is_done;
}
