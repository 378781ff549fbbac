/*
 * map - map files from outside: their layout, and reading and writing them. The agent, the tests and
 * the command line use this; compiled programs do not (rt.h).
 *
 * A map's memory is shared with processes that may write anything into it at any time. Everything read
 * here is copied out and checked; a walk is bounded by the map's max_entries whatever the memory says.
 */
#pragma once

#include "shared/base/err.h"
#include "shared/base/str.h"
#include "shared/runtime/rt.h"

struct map_layout {
	uint64_t file_bytes; /* size of the file, a multiple of RT_PAGE */
	uint64_t span_bytes; /* address space that mapping it takes */
	uint64_t twice_offset,
		twice_bytes; /* the part of the file that is mapped again at file_bytes; 0 where none */
};

/*
 * The layout of a map. `m->base` is not used.
 *   fails  INVALID    a kind, key, value or entry count that the kind does not allow (path /FIELD)
 *          TOO_LARGE  more than 1 GiB
 */
MUST_CHECK struct err *map_layout(const struct rt_map *m, struct map_layout *out);

/*
 * Creates the map's file: a memfd of file_bytes, named for people, sealed against shrinking and
 * growing, its header and empty content written.
 *   initial  the first element's value for arrays of one element, or empty
 */
MUST_CHECK struct err *map_create(const struct rt_map *m, const char *name, struct bytes initial,
				  int *out_fd);

/* Maps the file read-write into this process; sets m->base. Checks the file's size and header against
 * `m`. map_close() unmaps; NULL base is fine. */
MUST_CHECK struct err *map_open(int fd, struct rt_map *m);
void map_close(struct rt_map *m);

/*
 * Calls `visit` with a copy of each element of an array or hash map (ring buffers have none). Elements
 * of a map that is being written are each consistent in key, and a value is what a plain read sees; a
 * spin lock in it is seen as 0.
 * Stops at the first error.
 */
MUST_CHECK struct err *
map_each(const struct rt_map *m,
	 struct err *(*visit)(void *context, struct bytes key, struct bytes value), void *context);

/*
 * Consumes what a ring buffer holds, oldest first, and gives the room back; at most `max` records.
 * A record that its (possibly hostile) producer has not finished ends the call. Positions or lengths that
 * cannot be true empty the ring, which counts as one loss. One consumer at a time. A record whose `visit`
 * fails is consumed all the same.
 *   consumed  how many, discarded ones not counted
 */
MUST_CHECK struct err *map_consume(const struct rt_map *m, uint32_t max,
				   struct err *(*visit)(void *context, struct bytes record),
				   void *context, uint32_t *consumed);

/* How many records or updates were lost: no room, or their producer died. */
uint64_t map_lost(const struct rt_map *m);

/*
 * Frees what processes that no longer exist held: bucket locks, spin locks of elements, reserved ring-buffer records; nodes that
 * they leaked go back to the free list. Owners are processes, not threads: nothing that holds something
 * can be cancelled or exit alone. Called when an instantiated process has ended, and once when a new
 * agent takes over; not at the same time as map_consume() of the same map.
 *   is_alive  tells whether a process that may use this map has that `rt_private.tgid`
 *   returns   false where a live process kept something from being decided: call again later
 */
bool map_sweep(const struct rt_map *m, bool (*is_alive)(void *context, uint32_t tgid),
	       void *context);
