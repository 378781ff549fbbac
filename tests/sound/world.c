/*
 * One mapping, with nothing behind each part of it:
 *
 *	own | head | no page | text | no page | room ... | no page | room ... | no page
 *
 * [I1] The same seed and the same calls give the same world.
 * [I2] The host keeps to what judge_host.c says of it.
 */
#include "tests/sound/world.h"

#include <string.h>
#include <sys/mman.h>

#define PAGE  UINT64_C(4096)
#define ROOM  ((UINT64_C(1) << 32) + 16 * PAGE)
#define OWN   0
#define HEAD  (OWN + 2 * PAGE) /* the end of its page */
#define TEXT  (HEAD + PAGE)
#define FIRST (TEXT + 2 * PAGE)
#define OTHER (FIRST + ROOM + PAGE)
#define ALL   (OTHER + ROOM + PAGE)

const struct world_entry_row world_entries[WORLD_ENTRIES] = {
	[WORLD_ON_DATA] = {"on_data", "eim/on_data", 6, 0x34, 4, true},
	[WORLD_ON_TEXT] = {"on_text", "eim/on_text", 6, 0x34, 4, true},
	[WORLD_ON_COPY] = {"on_copy", "eim/on_copy", 5, 0x0a, 4, false},
	[WORLD_ON_LONG] = {"on_long", "eim/on_long", 3, 0x02, 8, true},
};

/* ---- memory ---- */
static bool give(struct world *w, uint64_t from, uint64_t size)
{
	return mprotect(w->map + from, size, PROT_READ | PROT_WRITE) == 0;
}

struct err *world_init(struct world *w)
{
	*w = (struct world){0};
	/* The same place each time, if it is free: addresses decide some runs. */
	w->map = mmap((void *)(UINT64_C(0x5e) << 40), ALL, PROT_NONE,
		      MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (w->map == MAP_FAILED || !give(w, OWN, 2 * PAGE) || !give(w, TEXT, PAGE) ||
	    !give(w, FIRST, ROOM) || !give(w, OTHER, ROOM))
		return err_no_memory();
	w->own = (struct world_own *)(void *)(w->map + OWN);
	_Static_assert(sizeof *w->own <= PAGE, "in a page");
	return NULL;
}

void world_fini(struct world *w)
{
	if (w->map)
		munmap(w->map, ALL);
	*w = (struct world){0};
}

static uint64_t any(struct world *w)
{
	return generate_number(&w->random);
}

static uint32_t below(struct world *w, uint32_t count)
{
	return generate_below(&w->random, count);
}

static void fill(struct world *w, uint8_t *to, uint64_t size)
{
	for (uint64_t n = 0; n < size; n += 8) {
		uint64_t value = any(w);
		memcpy(to + n, &value, MIN(size - n, sizeof value));
	}
}

#define FILLED UINT64_C(512) /* bytes at both ends that are looked at */

/* `size` bytes that end where the page does that `end` begins. */
static struct world_part sized(struct world *w, uint64_t from, uint64_t size)
{
	struct world_part p = {w->map + from + ROOM - size, size};
	if (size > FILLED)
		madvise(w->map + from, ROOM, MADV_DONTNEED);
	fill(w, p.at, MIN(size, FILLED));
	if (size > FILLED)
		fill(w, p.at + size - FILLED, FILLED);
	return p;
}

/* Memory of that size, or null where there is none and the host likes. */
static struct world_part sized_or_null(struct world *w, uint64_t from, int64_t size)
{
	if (size <= 0 && below(w, 2))
		return (struct world_part){0};
	return sized(w, from, size > 0 ? (uint64_t)size : 0);
}

/* ---- structs ---- */
static struct world_peer *any_peer(struct world *w)
{
	uint32_t n = below(w, WORLD_PEERS + 1);
	return n < WORLD_PEERS ? &w->own->peers[n] : NULL;
}

static void change_peers(struct world *w)
{
	for (unsigned n = 0; n < WORLD_PEERS; n++) {
		fill(w, (uint8_t *)&w->own->peers[n], sizeof w->own->peers[n]);
		w->own->peers[n].next = any_peer(w);
	}
}

static void change_request(struct world *w)
{
	struct world_request *r = &w->own->request;
	fill(w, (uint8_t *)r, sizeof *r);
	r->peer = any_peer(w);
	r->up = any_peer(w);
	r->fixed = any_peer(w);
}

/* Every function may change what the host has. */
static void change(struct world *w)
{
	switch (below(w, 4)) {
	case 0:
		change_peers(w);
		return;
	case 1:
		change_request(w);
		return;
	case 2:
		w->own->counter = (int)any(w);
		w->own->tally = (long)any(w);
		return;
	}
}

/* ---- the beginning ---- */
static int32_t any_length(struct world *w)
{
	switch (below(w, 8)) {
	case 0:
		return 0;
	case 1:
		return (int32_t)any(w);
	case 2:
		return -1 - (int32_t)below(w, 70);
	case 3:
		return below(w, 2) ? INT32_MAX : INT32_MIN;
	case 4:
		return (int32_t)below(w, 5000);
	}
	return (int32_t)below(w, 70);
}

/* What lies above a type's width is nobody's business. */
static uint64_t careless(struct world *w, uint32_t value)
{
	return below(w, 3) ? generate_next(&w->random) << 32 | value : value;
}

static void set_pointer(struct world *w, unsigned n, struct world_part p)
{
	w->args[n] = p;
	w->words[n] = (uint64_t)(uintptr_t)p.at;
}

static struct world_part request(struct world *w, bool may_be_null)
{
	if (may_be_null && below(w, 4) == 0)
		return (struct world_part){0};
	return (struct world_part){(uint8_t *)&w->own->request, sizeof w->own->request};
}

static void begin_data(struct world *w)
{
	int32_t length = any_length(w);
	uint64_t size = below(w, 65);
	set_pointer(w, 0, request(w, false));
	set_pointer(w, 1, sized_or_null(w, FIRST, length));
	w->words[2] = careless(w, (uint32_t)length);
	set_pointer(w, 3, sized_or_null(w, OTHER, (int64_t)size));
	w->words[4] = size;
	int64_t at = (int32_t)any(w);
	w->words[5] = careless(w, (uint32_t)MIN(at, (int64_t)length));
}

static struct world_part text(struct world *w)
{
	uint64_t size = 1 + below(w, 20);
	struct world_part p = {w->map + TEXT + PAGE - size, size};
	fill(w, p.at, size);
	p.at[size - 1] = 0;
	return p;
}

static void begin_text(struct world *w)
{
	uint32_t count = (uint32_t)any_length(w);
	set_pointer(w, 0, text(w));
	set_pointer(w, 1, request(w, true));
	w->words[2] = careless(w, count);
	set_pointer(w, 3, sized(w, FIRST, (uint64_t)count + 8));
	w->words[4] = (uint64_t)((int64_t)below(w, 104) - 4);
	w->words[5] = any(w);
}

static void begin_copy(struct world *w)
{
	uint32_t room = (uint32_t)any_length(w), length = (uint32_t)any(w);
	length = room ? length % room + (below(w, 4) == 0) : 0;
	set_pointer(w, 0, sized_or_null(w, FIRST, room));
	w->words[1] = careless(w, room);
	set_pointer(w, 2, sized_or_null(w, OTHER, length));
	w->words[3] = careless(w, length);
	set_pointer(w, 4, (struct world_part){w->map + HEAD - WORLD_HEAD, WORLD_HEAD});
	fill(w, w->args[4].at, WORLD_HEAD);
}

static void begin_long(struct world *w)
{
	int64_t count = below(w, 3) ? any_length(w) : (int64_t)any(w);
	if (count > (INT64_C(1) << 32))
		count = INT64_C(1) << 32;
	set_pointer(w, 0, sized(w, FIRST, count > 0 ? (uint64_t)count : 0));
	w->words[1] = (uint64_t)count;
	set_pointer(w, 2, request(w, true));
}

static void (*const begin[WORLD_ENTRIES])(struct world *w) = {
	[WORLD_ON_DATA] = begin_data,
	[WORLD_ON_TEXT] = begin_text,
	[WORLD_ON_COPY] = begin_copy,
	[WORLD_ON_LONG] = begin_long,
};

void world_begin(struct world *w, enum world_entry entry, uint64_t seed)
{
	w->random.state = (seed + 3) * UINT64_C(0xda942042e4dd58b5) | 1;
	generate_next(&w->random);
	memset(w->args, 0, sizeof w->args);
	memset(w->words, 0, sizeof w->words);
	memset(w->own, 0, sizeof *w->own);
	w->trace = 0;
	w->last_file = (int)below(w, 3);
	w->connected = 0;
	change_peers(w);
	change_request(w);
	fill(w, (uint8_t *)w->own->limits, sizeof w->own->limits);
	w->own->counter = (int)any(w);
	w->own->tally = (long)any(w);
	begin[entry](w);
}

/* ---- what functions do: r is how the C function gets its arguments ---- */
static void note(struct world *w, uint64_t value)
{
	w->trace = (w->trace ^ value) * UINT64_C(0x9e3779b97f4a7c15);
	w->trace ^= w->trace >> 29;
}

static void note_bytes(struct world *w, const uint8_t *from, uint64_t size)
{
	for (uint64_t n = 0; n < MIN(size, UINT64_C(4096)); n++)
		note(w, from[n]);
}

static uint8_t *place(uint64_t address)
{
	return (uint8_t *)(uintptr_t)address;
}

static uint64_t do_number(struct world *w, const uint64_t r[5])
{
	(void)r;
	return any(w);
}

static uint64_t do_bool(struct world *w, const uint64_t r[5])
{
	(void)r;
	return below(w, 2);
}

static uint64_t do_bound(struct world *w, const uint64_t r[5])
{
	(void)r;
	return below(w, 3) ? 10 + below(w, 22) : 0;
}

static uint64_t do_look(struct world *w, const uint64_t r[5])
{
	note_bytes(w, place(r[0]), r[1]);
	return any(w);
}

static uint64_t do_fill(struct world *w, const uint64_t r[5])
{
	fill(w, place(r[0]), MIN(r[1], UINT64_C(4096)));
	uint64_t most = MIN(r[1], (uint64_t)INT32_MAX);
	return below(w, 3) ? most - (most ? below(w, 2) : 0) : (uint64_t)-1;
}

static uint64_t do_either(struct world *w, const uint64_t r[5])
{
	if (r[2] != 0)
		note_bytes(w, place(r[0]), r[1]);
	return any(w);
}

static uint64_t do_stat(struct world *w, const uint64_t r[5])
{
	fill(w, place(r[0]), sizeof(struct world_status));
	return any(w);
}

static uint64_t do_open(struct world *w, const uint64_t r[5])
{
	note_bytes(w, place(r[0]), strnlen((const char *)place(r[0]), 64));
	if (below(w, 3) == 0)
		return (uint64_t)(-1 - (int64_t)below(w, 40));
	return (uint64_t)(w->last_file += 1 + (int)below(w, 3));
}

static uint64_t do_connect(struct world *w, const uint64_t r[5])
{
	(void)r;
	if (below(w, 3) == 0 || w->connected == WORLD_CONNECTIONS)
		return 0;
	return (uint64_t)(uintptr_t)&w->own->connections[w->connected++];
}

static uint64_t do_send(struct world *w, const uint64_t r[5])
{
	note_bytes(w, place(r[1]), r[2]);
	return any(w);
}

static uint64_t do_accept(struct world *w, const uint64_t r[5])
{
	(void)r;
	return below(w, 3) ? (uint64_t)(w->last_file += 1 + (int)below(w, 3))
			   : (uint64_t)INT64_MIN >> 32;
}

static uint64_t do_first(struct world *w, const uint64_t r[5])
{
	(void)r;
	return (uint64_t)(uintptr_t)any_peer(w);
}

static uint64_t do_update(struct world *w, const uint64_t r[5])
{
	(void)r;
	change_request(w);
	return any(w);
}

static const struct {
	const char *result, *args;
} functions[WORLD_EXTERNS] = {
#define FUNCTION(name, result, args) [WORLD_##name] = {result, args},
#define VARIABLE(name)
#include "tests/sound/world.tbl.h"
#undef FUNCTION
#undef VARIABLE
};

static uint64_t (*const runs[WORLD_EXTERNS])(struct world *w, const uint64_t r[5]) = {
	[WORLD_number] = do_number,   [WORLD_pick] = do_number,	  [WORLD_ready] = do_bool,
	[WORLD_bound] = do_bound,     [WORLD_notify] = do_number, [WORLD_look] = do_look,
	[WORLD_fill] = do_fill,	      [WORLD_either] = do_either, [WORLD_stat] = do_stat,
	[WORLD_open] = do_open,	      [WORLD_seek] = do_number,	  [WORLD_close] = do_number,
	[WORLD_connect] = do_connect, [WORLD_send] = do_send,	  [WORLD_disconnect] = do_number,
	[WORLD_accept] = do_accept,   [WORLD_leave] = do_number,  [WORLD_bump] = do_number,
	[WORLD_first] = do_first,     [WORLD_rank] = do_number,	  [WORLD_update] = do_update,
};

/* How C's calling convention reads a register, and what a compiler makes of it in one of ours. */
static uint64_t read_as(char type, uint64_t v)
{
	switch (type) {
	case 'i':
		return (uint64_t)(int32_t)v;
	case 'u':
		return (uint32_t)v;
	case 'c':
		return (uint64_t)(int8_t)v;
	case 'h':
		return (uint16_t)v;
	case 'b':
		return v & 0xff;
	}
	return v;
}

uint64_t world_call(struct world *w, enum world_extern function, const uint64_t args[5])
{
	uint64_t r[5] = {0};
	const char *types = functions[function].args;
	note(w, function);
	for (unsigned n = 0; types[n]; n++) {
		r[n] = read_as(types[n], args[n]);
		if (types[n] != 'p') /* stacks lie at different places */
			note(w, r[n]);
	}
	change(w);
	uint64_t result = runs[function](w, r);
	return functions[function].result[0] == 'v'
		       ? 0
		       : read_as(functions[function].result[0], result);
}

/* ---- for compiled code ---- */
static struct world *there;

#define FUNCTION(name, result, args)                                                              \
	static uint64_t native_##name(uint64_t a, uint64_t b, uint64_t c, uint64_t d, uint64_t e) \
	{                                                                                         \
		return world_call(there, WORLD_##name, (const uint64_t[]){a, b, c, d, e});        \
	}
#define VARIABLE(name)
#include "tests/sound/world.tbl.h"
#undef FUNCTION
#undef VARIABLE

static uint64_t (*const natives[WORLD_EXTERNS])(uint64_t a, uint64_t b, uint64_t c, uint64_t d,
						uint64_t e) = {
#define FUNCTION(name, result, args) [WORLD_##name] = native_##name,
#define VARIABLE(name)
#include "tests/sound/world.tbl.h"
#undef FUNCTION
#undef VARIABLE
};

const void *world_native(struct world *w, enum world_extern function)
{
	there = w;
	return natives[function] ? (const void *)natives[function] : world_variable(w, function).at;
}

struct world_part world_variable(const struct world *w, enum world_extern variable)
{
	if (variable == WORLD_counter)
		return (struct world_part){(uint8_t *)&w->own->counter, sizeof w->own->counter};
	if (variable == WORLD_tally)
		return (struct world_part){(uint8_t *)&w->own->tally, sizeof w->own->tally};
	return (struct world_part){(uint8_t *)w->own->limits, sizeof w->own->limits};
}

void world_trace_memory(struct world *w)
{
	note_bytes(w, (const uint8_t *)w->own, sizeof *w->own);
	for (unsigned n = 0; n < ARRAY_SIZE(w->args); n++) {
		struct world_part p = w->args[n];
		if (!p.at)
			continue;
		note_bytes(w, p.at, MIN(p.size, FILLED));
		if (p.size > FILLED)
			note_bytes(w, p.at + p.size - FILLED, FILLED);
	}
}
