/*
 * /proc/PID/maps, one mapping a line:
 *
 *	55bf11fbd000-55bf11fc2000 r-xp 00002000 fe:00 247134                     /usr/bin/cat
 *
 * A path may hold anything but a newline (which the kernel writes as \012), so it is what stands behind
 * the fifth field. Finding room means not to stand in the way of what grows: the heap upwards from the
 * executable, the stack downwards.
 */
#include "agent/discover/process.h"

#include "shared/base/file.h"
#include "shared/base/mem.h"

#include <stdio.h>
#include <sys/sysmacros.h>

#define MAPS_MAX_BYTES	((size_t)PROCESS_MAX_MAPPINGS * 256)
#define REACH_BYTES	(((uint64_t)2 << 30) - ((uint64_t)1 << 20)) /* ±2 GiB less a margin */
#define LOWEST_ADDRESS	((uint64_t)1 << 20)
#define HIGHEST_ADDRESS ((uint64_t)0x7fffffffe000)
#define HEAP_ROOM	((uint64_t)1 << 30)
#define STACK_ROOM	((uint64_t)128 << 20)

/* ---- parsing ---- */

static bool take_hex(struct str *s, uint64_t *out)
{
	uint64_t value = 0;
	size_t at = 0;
	for (; at < s->size && at < 16; at++) {
		char c = s->data[at];
		uint64_t digit;
		if (c >= '0' && c <= '9')
			digit = (uint64_t)(c - '0');
		else if (c >= 'a' && c <= 'f')
			digit = (uint64_t)(c - 'a') + 10;
		else
			break;
		value = value << 4 | digit;
	}
	*s = str_from(*s, at);
	*out = value;
	return at > 0;
}

static bool take_char(struct str *s, char wanted)
{
	if (s->size == 0 || s->data[0] != wanted)
		return false;
	*s = str_from(*s, 1);
	return true;
}

static bool take_rights(struct str *s, struct process_mapping *out)
{
	if (s->size < 4)
		return false;
	out->read = s->data[0] == 'r';
	out->write = s->data[1] == 'w';
	out->execute = s->data[2] == 'x';
	out->shared = s->data[3] == 's';
	*s = str_from(*s, 4);
	return true;
}

/* The inode, decimal, and the path behind it. */
static bool take_file(struct str s, struct process_mapping *out)
{
	struct str inode;
	str_split(s, ' ', &inode, &out->path);
	out->path = str_trim(out->path);
	return str_to_u64(inode, &out->inode);
}

static bool parse_line(struct str s, struct process_mapping *out)
{
	uint64_t major_number, minor_number;
	if (!take_hex(&s, &out->start) || !take_char(&s, '-') || !take_hex(&s, &out->end) ||
	    !take_char(&s, ' ') || !take_rights(&s, out) || !take_char(&s, ' ') ||
	    !take_hex(&s, &out->offset) || !take_char(&s, ' ') || !take_hex(&s, &major_number) ||
	    !take_char(&s, ':') || !take_hex(&s, &minor_number) || !take_char(&s, ' ') ||
	    !take_file(s, out))
		return false;
	out->device = (uint32_t)makedev((unsigned)major_number, (unsigned)minor_number);
	return out->start < out->end;
}

static size_t count_lines(struct str text)
{
	size_t count = 0;
	for (size_t i = 0; i < text.size; i++)
		count += text.data[i] == '\n';
	return count + (text.size && text.data[text.size - 1] != '\n');
}

static struct err *parse_all(struct str text, struct process_mapping *items, size_t count)
{
	uint64_t end = 0;
	for (size_t i = 0; i < count; i++) {
		struct str line;
		str_split(text, '\n', &line, &text);
		if (!parse_line(line, &items[i]))
			return err_in(err_new(ERR_INVALID, "no line of a maps file: %.*s",
					      (int)MIN(line.size, (size_t)80), line.data),
				      "%zu", i + 1);
		if (items[i].start < end)
			return err_in(err_new(ERR_INVALID, "mappings overlap or go down"), "%zu",
				      i + 1);
		end = items[i].end;
	}
	return NULL;
}

/* `a` holds the text already, and the paths borrow from there. */
static struct err *parse_into(struct arena *a, struct str text, struct process_maps *out)
{
	size_t count = count_lines(text);
	if (count > PROCESS_MAX_MAPPINGS)
		return err_new(ERR_TOO_LARGE, "%zu mappings, more than %u", count,
			       PROCESS_MAX_MAPPINGS);
	struct process_mapping *items = arena_alloc_array(a, count, sizeof(*items));
	TRY_MEMORY(items);
	TRY(parse_all(text, items, count));
	*out = (struct process_maps){.arena = *a, .items = items, .count = count};
	return NULL;
}

struct err *process_maps_parse(struct str text, struct process_maps *out)
{
	struct arena a = ARENA_INIT(MAPS_MAX_BYTES + PROCESS_MAX_MAPPINGS * sizeof(*out->items));
	struct str copy = arena_str(&a, text);
	struct err *e = copy.data ? parse_into(&a, copy, out) : err_no_memory();
	if (e)
		arena_fini(&a);
	return e;
}

struct err *process_maps(pid_t pid, struct process_maps *out)
{
	OWNED_BUF struct buf text = BUF_INIT(MAPS_MAX_BYTES);
	char path[32];
	snprintf(path, sizeof(path), "/proc/%d/maps", pid);
	TRY(file_read(path, &text));
	if (text.size == 0) /* a zombie, or a kernel thread */
		return err_new(ERR_NOT_FOUND, "process %d has no memory", pid);
	return process_maps_parse(buf_str(&text), out);
}

void process_maps_fini(struct process_maps *m)
{
	if (!m)
		return;
	arena_fini(&m->arena);
	*m = (struct process_maps){0};
}

/* ---- asking ---- */

const struct process_mapping *process_maps_at(const struct process_maps *m, uint64_t address)
{
	size_t low = 0, high = m->count;
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		if (m->items[middle].end <= address)
			low = middle + 1;
		else
			high = middle;
	}
	return low < m->count && m->items[low].start <= address ? &m->items[low] : NULL;
}

/* Where the heap grows from: the end of [heap] or, before its first use, of the lowest module. */
static uint64_t heap_end(const struct process_maps *m)
{
	uint64_t lowest_module = 0;
	for (size_t i = 0; i < m->count; i++) {
		if (str_is(m->items[i].path, "[heap]"))
			return m->items[i].end;
		if (i == 0 || m->items[i].start - lowest_module < LOWEST_ADDRESS)
			lowest_module = m->items[i].end;
	}
	return lowest_module;
}

struct room {
	uint64_t low, high; /* where a range may begin and must have ended */
};

/* The free room in front of mapping `i` (or behind the last one), without what heap and stack want. */
static struct room room_before(const struct process_maps *m, size_t i, uint64_t heap)
{
	struct room room = {LOWEST_ADDRESS, HIGHEST_ADDRESS};
	if (i > 0)
		room.low = MAX(room.low, m->items[i - 1].end);
	if (i < m->count)
		room.high = MIN(room.high, m->items[i].start);
	if (i < m->count && str_is(m->items[i].path, "[stack]"))
		room.high -= MIN(room.high, STACK_ROOM);
	if (heap && room.low == heap)
		room.low += HEAP_ROOM;
	return room;
}

/* The highest place of `size` bytes in `room` that is within reach, or 0. */
static uint64_t place_in(struct room room, struct room reach, uint64_t size)
{
	uint64_t low = MAX(room.low, reach.low), high = MIN(room.high, reach.high);
	if (high < low || high - low < size)
		return 0;
	uint64_t place = (high - size) & ~(uint64_t)4095;
	return place >= low ? place : 0;
}

static uint64_t find_gap(const struct process_maps *m, uint64_t near_start, struct room reach,
			 uint64_t size, uint64_t heap)
{
	uint64_t below = 0, above = 0;
	for (size_t i = 0; i <= m->count; i++) {
		struct room room = room_before(m, i, heap);
		uint64_t place = place_in(room, reach, size);
		if (!place)
			continue;
		if (place < near_start)
			below = place;
		else
			above = place;
	}
	return below ? below : above;
}

/* Below the module first (an executable's heap follows it), else as far above as can be reached; the
 * heap's room is given up only where there is no other. */
uint64_t process_maps_gap(const struct process_maps *m, uint64_t near_start, uint64_t near_end,
			  uint64_t size)
{
	if (size == 0 || size > REACH_BYTES || near_end <= near_start)
		return 0;
	struct room reach = {near_end > REACH_BYTES ? near_end - REACH_BYTES : 0,
			     near_start + REACH_BYTES};
	uint64_t place = find_gap(m, near_start, reach, size, heap_end(m));
	return place ? place : find_gap(m, near_start, reach, size, 0);
}
