/*
 * world - the host that generated extensions run in: its memory, its variables, and what its functions do.
 *
 * The interpreter and the compiled code meet the same world: world_begin() makes it from a number, and every
 * function goes on from there, so that both see the same as long as they call the same. Memory lies at real
 * addresses; that of a size ends where nothing is mapped.
 *
 * Memory:  world_init() maps a few GiB of address space, of which little is ever touched; world_fini().
 * Threads: none.
 */
#pragma once

#include "shared/base/err.h"
#include "tests/sound/generate.h"

struct world_peer {
	int fd;
	unsigned int tls : 1, retries : 3;
	long bytes;
	char name[8];
	struct world_peer *next;
};

struct world_inner {
	int x;
	short y, z;
};

struct world_request {
	struct world_peer *peer;
	long total;
	int state;
	unsigned int flags : 4, : 4, kind : 8;
	struct world_inner in;
	unsigned char tag[8];
	union {
		unsigned long number;
		struct world_peer *up; /* it always is that */
	};
	const struct world_peer *fixed;
};

struct world_status {
	long size;
	int mode, owner;
};

struct world_connection {
	int number;
};

#define WORLD_PEERS	  3
#define WORLD_CONNECTIONS 64
#define WORLD_HEAD	  16 /* bytes of on_copy()'s header */
#define WORLD_LIMITS	  4

/* ---- entries: SEC("eim/NAME") ---- */

enum world_entry { WORLD_ON_DATA, WORLD_ON_TEXT, WORLD_ON_COPY, WORLD_ON_LONG, WORLD_ENTRIES };

struct world_entry_row {
	const char *name, *section;
	uint32_t params;  /* words of the context */
	uint32_t numbers; /* bit n: word n is one, to every role */
	uint8_t result_bytes;
	bool is_result_signed;
};

extern const struct world_entry_row world_entries[WORLD_ENTRIES];

/* ---- functions and variables, by their index among the program's externs ---- */

enum world_extern {
#define FUNCTION(name, ...) WORLD_##name,
#define VARIABLE(name, ...) WORLD_##name,
#include "tests/sound/world.tbl.h"
#undef FUNCTION
#undef VARIABLE
	WORLD_EXTERNS,
};

/* ---- what roles may touch ---- */

enum world_place {
#define PLACE(name, parent, offset) WORLD_PLACE_##name,
#include "tests/sound/world_field.tbl.h"
#undef PLACE
	WORLD_PLACES,
};

struct world_part { /* memory that an argument of the entry points to */
	uint8_t *at;
	uint64_t size;
};

/* What lies in the host's own pages. */
struct world_own {
	struct world_request request;
	struct world_peer peers[WORLD_PEERS];
	struct world_connection connections[WORLD_CONNECTIONS];
	int counter;
	long tally;
	long limits[WORLD_LIMITS];
};

struct world {
	uint8_t *map;	       /* all of it */
	struct world_own *own; /* in it */
	struct world_part
		args[6]; /* size: what the entry vouches for; at: NULL where the argument is null */
	uint64_t words[7]; /* the context; the last one says whether there is a result */
	struct generate_random random;
	uint64_t trace; /* of all calls, and what they were called with */
	int last_file;
	uint32_t connected;
};

MUST_CHECK struct err *world_init(struct world *w);
void world_fini(struct world *w);

/* Anew for a run of that entry. */
void world_begin(struct world *w, enum world_entry entry, uint64_t seed);

/* What the host does when one of its functions is called with these registers: the result's register. Pointers are
 * real ones. */
uint64_t world_call(struct world *w, enum world_extern function, const uint64_t args[5]);

/* A function with C's calling convention that does the same in world `w`, the only one that has any. */
const void *world_native(struct world *w, enum world_extern function);

/* Where a variable lies, and how large it is. */
struct world_part world_variable(const struct world *w, enum world_extern variable);

/* Mixes all that extensions may have written into the trace. */
void world_trace_memory(struct world *w);
