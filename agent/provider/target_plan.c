/*
 * From places to next states of sites, without touching the process.
 *
 * A place is resolved in the file, then found in each executable mapping of that file. The plan is made
 * from the file's bytes and holds only if the process has the same ones: the whole function is compared,
 * our own patches undone for the comparison. So a replaced file, a debugger's breakpoint or a foreign
 * patch are noticed and refused, and it does no harm to recognise a mapping by its path.
 */
#include "agent/provider/target_impl.h"

#include "agent/attach/binary.h"
#include "shared/base/file.h"
#include "shared/base/mem.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>

#define MAX_BINARIES	   16u
#define MAX_FUNCTION_BYTES ((uint64_t)16 << 20)
#define ALIGNMENT	   16u
#define MAX_PLACE_TEXT	   512u

struct planning {
	struct target *t;
	struct target_view *v;
	struct instance *i;
	const struct image *image;
	int memory;
	struct {
		struct str path;
		struct binary *binary;
	} cached[MAX_BINARIES];
	uint32_t cached_count;
	uint64_t near; /* an address in the first module that has a site */
	const struct binary
		*host; /* the file of the extensions' functions, and how far from where it */
	uint64_t bias; /* is linked to it lies in the process */
};

/* A place in a file. */
struct spot {
	struct str path;
	const struct binary *binary;
	struct binary_function function;
	uint64_t at;		/* in the function */
	struct bytes file_code; /* as the file has it, padding behind it included */
};

/* ---- in the file ---- */

static struct err *open_binary(struct planning *p, struct str path, const struct binary **out)
{
	for (uint32_t i = 0; i < p->cached_count; i++)
		if (str_equal(p->cached[i].path, path)) {
			*out = p->cached[i].binary;
			return NULL;
		}
	if (p->cached_count == MAX_BINARIES)
		return err_new(ERR_TOO_LARGE, "places in more than %u files", MAX_BINARIES);
	OWNED(text) char *name = mem_copy_text(path.data, path.size);
	struct binary *binary;
	TRY_MEMORY(name);
	TRY(binary_open(name, &binary));
	p->cached[p->cached_count].path = path;
	p->cached[p->cached_count++].binary = binary;
	*out = binary;
	return NULL;
}

/* How many of the bytes behind the function belong to nobody: up to the next multiple of 16. */
static uint64_t room_behind(const struct spot *s)
{
	uint64_t end = s->function.file_offset + s->function.size_bytes, room = 0;
	while ((end + room) % ALIGNMENT) {
		struct binary_function other;
		OWNED(err) struct err *e = binary_find_at(s->binary, end + room, &other);
		if (!e)
			break;
		room++;
	}
	return room;
}

static struct err *find_function(const struct target_place *place, struct spot *s)
{
	s->at = place->offset;
	if (place->symbol.size) {
		TRY(binary_find(s->binary, place->symbol, &s->function));
	} else {
		TRY(binary_find_at(s->binary, place->offset, &s->function));
		s->at -= s->function.file_offset;
	}
	if (s->function.size_bytes == 0 || s->function.size_bytes > MAX_FUNCTION_BYTES)
		return err_new(ERR_FAILED_PRECONDITION,
			       "not safe to patch: where the function ends is not known");
	uint64_t size = s->function.size_bytes + room_behind(s);
	s->file_code = binary_code(s->binary, s->function.file_offset, size);
	if (s->file_code.size < s->function.size_bytes)
		return err_new(ERR_INVALID, "the function is cut off at the file's end");
	return NULL;
}

/* ---- in the process ---- */

/* maps shows another device than stat() on some file systems (overlays, btrfs); asking for the mapping's
 * own file does not. */
static bool is_same_file(const struct planning *p, const struct process_mapping *m,
			 const struct spot *s)
{
	char path[96];
	struct stat st;
	if (!m->execute || m->inode == 0)
		return false;
	if (m->device == binary_device(s->binary) && m->inode == binary_inode(s->binary))
		return true;
	snprintf(path, sizeof(path), "/proc/%d/map_files/%llx-%llx", p->t->id.pid,
		 (unsigned long long)m->start, (unsigned long long)m->end);
	if (stat(path, &st) == 0)
		return (uint32_t)st.st_dev == binary_device(s->binary) &&
		       st.st_ino == binary_inode(s->binary);
	return str_equal(m->path, s->path);
}

static void undo_patches(const struct target *t, uint64_t start, uint8_t *code, uint64_t size)
{
	for (uint32_t i = 0; i < t->sites_count; i++) {
		const struct target_site *s = t->sites[i];
		if (s->now.thunk && s->address >= start && s->address - start < size)
			memcpy(code + (s->address - start), s->plan.original,
			       MIN((uint64_t)s->plan.window, size - (s->address - start)));
	}
}

static struct err *compare_code(struct planning *p, const struct spot *s, uint64_t start)
{
	size_t size = s->file_code.size;
	OWNED(mem) void *owned = mem_alloc(size);
	uint8_t *code = owned;
	TRY_MEMORY(code);
	if (pread(p->memory, code, size, (off_t)start) != (ssize_t)size)
		return err_new(ERR_FAILED_PRECONDITION, "its code cannot be read from process %d",
			       p->t->id.pid);
	undo_patches(p->t, start, code, size);
	for (size_t i = 0; i < size; i++)
		if (code[i] != s->file_code.data[i])
			return err_new(
				ERR_FAILED_PRECONDITION,
				"not safe to patch: the process's code differs from the "
				"file's at +0x%zx: a debugger or another tool has changed it",
				i);
	return NULL;
}

static struct err *check_overlap(const struct target *t, uint64_t address, const struct site *plan)
{
	for (uint32_t i = 0; i < t->sites_count; i++) {
		const struct target_site *s = t->sites[i];
		if (address < s->address + s->plan.window && s->address < address + plan->window)
			return err_new(ERR_FAILED_PRECONDITION,
				       "not safe to patch: too near to another place that is "
				       "attached to, at 0x%llx",
				       (unsigned long long)s->address);
	}
	return NULL;
}

/* The site of this window, a new one where there is none. */
static struct err *find_site(struct target *t, uint64_t address, const struct site *plan,
			     struct target_site **out)
{
	struct target_site *s = target_site_find(t, address);
	if (!s || s->plan.skip != plan->skip) {
		TRY(check_overlap(t, address, plan));
		s = target_site_add(t);
		if (!s)
			return err_new(ERR_RESOURCE_EXHAUSTED, "memory, or more than %u places",
				       TARGET_MAX_SITES);
		s->address = address;
		s->plan = *plan;
	}
	if (!s->is_changing)
		s->next = s->now;
	s->is_changing = true;
	s->next.thunk = 0;
	*out = s;
	return NULL;
}

/* Whether an extension may be there, and what its thunk has to do. */
static struct err *plan_extension(struct planning *p, const struct spot *s, uint64_t function,
				  const struct site *plan, uint32_t *flags)
{
	uint64_t bias = function - s->function.address;
	if (s->at != 0 || !plan->at_entry)
		return err_new(ERR_FAILED_PRECONDITION,
			       "not safe to patch: the function jumps back to its own start, where "
			       "an extension would run again");
	if (p->host && (p->host != s->binary || p->bias != bias))
		return err_new(
			ERR_FAILED_PRECONDITION,
			"the functions whose place the program takes lie in different modules");
	p->host = s->binary;
	p->bias = bias;
	*flags = THUNK_EXTENSION;
	if (p->image->imports_count == 0)
		return NULL;
	*flags |= THUNK_CALLS_HOST;
	if (site_is_padded(plan))
		return NULL;
	*flags |= THUNK_KEEPS_VECTORS;
	return thunk_can_keep_vectors()
		       ? NULL
		       : err_new(ERR_FAILED_PRECONDITION,
				 "the program calls functions of the host, which may change vector "
				 "registers that this processor cannot save at once; a function "
				 "that "
				 "is defined by EIM_ENTRY() needs no saving");
}

static struct err *check_alone(const struct target_site *site, uint32_t flags)
{
	for (uint32_t h = 0; (flags & THUNK_EXTENSION) && h < site->next.hooks_count; h++)
		if (site->next.hooks[h].flags & THUNK_EXTENSION)
			return err_new(
				ERR_FAILED_PRECONDITION,
				"the function has an extension already, %s of %s; there can "
				"be one",
				site->next.hooks[h].instance->rows[site->next.hooks[h].row].entry,
				site->next.hooks[h].instance->name);
	return NULL;
}

static struct err *add_hook(struct planning *p, uint32_t row, const struct target_place *place,
			    const struct spot *s, uint64_t function)
{
	const struct image_entry *entry = &p->image->entries[place->entry];
	struct site plan;
	struct target_site *site;
	uint32_t flags = 0;
	TRY(site_plan(s->file_code, s->function.size_bytes, s->at, &plan));
	if (entry->symbol.size)
		TRY(plan_extension(p, s, function, &plan, &flags));
	TRY(compare_code(p, s, function));
	TRY(find_site(p->t, function + s->at + plan.skip, &plan, &site));
	if (site->next.hooks_count == THUNK_MAX_LINKS)
		return err_new(ERR_TOO_LARGE, "more than %u links on one place", THUNK_MAX_LINKS);
	TRY(check_alone(site, flags));
	site->next.hooks[site->next.hooks_count++] = (struct target_hook){.instance = p->i,
									  .row = row,
									  .entry = entry->offset,
									  .reads = entry->ctx_reads,
									  .flags = flags};
	if (!p->near)
		p->near = site->address;
	return NULL;
}

static struct err *not_mapped(const struct planning *p, const struct spot *s)
{
	for (size_t n = 0; n < p->v->count; n++) {
		struct str path = p->v->items[n].path;
		if (str_ends(path, " (deleted)") &&
		    str_equal((struct str){path.data, path.size - strlen(" (deleted)")}, s->path))
			return err_new(ERR_FAILED_PRECONDITION,
				       "%.*s was replaced since process %d began: restart it",
				       STR_FMT(s->path), p->t->id.pid);
	}
	return err_new(ERR_FAILED_PRECONDITION, "%.*s is not mapped in process %d",
		       STR_FMT(s->path), p->t->id.pid);
}

/* Every executable mapping that shows the place. */
static struct err *add_hooks(struct planning *p, uint32_t row, const struct target_place *place,
			     const struct spot *s)
{
	uint64_t offset = s->function.file_offset;
	bool is_mapped = false;
	for (size_t n = 0; n < p->v->count; n++) {
		const struct process_mapping m = p->v->items[n];
		if (offset < m.offset || offset - m.offset >= m.end - m.start ||
		    !is_same_file(p, &m, s))
			continue;
		TRY(add_hook(p, row, place, s, m.start + (offset - m.offset)));
		is_mapped = true;
	}
	return is_mapped ? NULL : not_mapped(p, s);
}

/* ---- rows ---- */

static void describe(const struct target_place *place, char out[MAX_PLACE_TEXT])
{
	if (place->symbol.size == 0)
		snprintf(out, MAX_PLACE_TEXT, "%.*s:0x%llx", STR_FMT(place->path),
			 (unsigned long long)place->offset);
	else if (place->offset == 0)
		snprintf(out, MAX_PLACE_TEXT, "%.*s:%.*s", STR_FMT(place->path),
			 STR_FMT(place->symbol));
	else
		snprintf(out, MAX_PLACE_TEXT, "%.*s:%.*s+%llu", STR_FMT(place->path),
			 STR_FMT(place->symbol), (unsigned long long)place->offset);
}

static struct err *plan_place(struct planning *p, uint32_t row, const struct target_place *place,
			      const char *text)
{
	struct spot s = {.path = place->path};
	if (place->entry >= p->image->entries_count)
		return err_new(ERR_INVALID, "the image has no entry %u", place->entry);
	struct str entry = p->image->entries[place->entry].name;
	p->i->rows[row].entry = mem_copy_text(entry.data, entry.size);
	p->i->rows[row].target = mem_strdup(text);
	if (!p->i->rows[row].entry || !p->i->rows[row].target)
		return err_no_memory();
	TRY(open_binary(p, place->path, &s.binary));
	TRY(find_function(place, &s));
	return add_hooks(p, row, place, &s);
}

/* All places are tried, so that all findings are told at once. */
static struct err *plan_places(struct planning *p, const struct target_place *places,
			       uint32_t count)
{
	struct err *all = NULL;
	for (uint32_t i = 0; i < count; i++) {
		char text[MAX_PLACE_TEXT];
		describe(&places[i], text);
		err_add(&all, err_in(plan_place(p, i, &places[i], text), "%s", text));
	}
	return all;
}

/* ---- the region ---- */

/* Near the first site, so that thunks call it directly; else wherever there is room. */
static uint64_t find_room(const struct target_view *v, uint64_t near, uint64_t size)
{
	uint64_t room = process_maps_gap(&v->maps, near, near + 1, size);
	for (size_t n = 0; n < v->count && !room; n++)
		room = process_maps_gap(&v->maps, v->items[n].start, v->items[n].end, size);
	return room;
}

static struct err *place_region(struct planning *p)
{
	uint64_t size = p->image->total_bytes;
	uint64_t base = find_room(p->v, p->near, size);
	if (!base)
		return err_new(ERR_RESOURCE_EXHAUSTED,
			       "process %d has no room for %llu bytes of code and maps",
			       p->t->id.pid, (unsigned long long)size);
	TRY(target_view_reserve(p->v, base, size));
	p->i->base = base;
	p->i->bytes = size;
	p->i->code_bytes = image_code_span(p->image);
	p->i->private_offset = p->image->private_offset;
	for (uint32_t n = 0; n < p->t->sites_count; n++) {
		struct target_state *next = &p->t->sites[n]->next;
		for (uint32_t h = 0; p->t->sites[n]->is_changing && h < next->hooks_count; h++)
			if (next->hooks[h].instance == p->i)
				next->hooks[h].entry += base;
	}
	return NULL;
}

struct err *target_plan(struct target *t, struct target_view *v, struct instance *i,
			const struct image *image, const struct target_place *places,
			uint32_t count)
{
	struct planning p = {.t = t, .v = v, .i = i, .image = image, .memory = -1};
	OWNED(fd) int memory = -1;
	TRY(target_memory_open(t, O_RDONLY, &memory));
	p.memory = memory;
	struct err *e = plan_places(&p, places, count);
	if (!e && image->imports_count && !p.host)
		e = err_new(ERR_INVALID, "an image that uses its host takes no function's place");
	if (!e && image->imports_count)
		e = target_plan_imports(i, image, p.host, p.bias);
	for (uint32_t n = 0; n < p.cached_count; n++)
		binary_destroy(p.cached[n].binary);
	TRY(e);
	return place_region(&p);
}
