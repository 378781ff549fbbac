/*
 * target_impl - what the files of `target` share; nobody else includes it.
 *
 * A change goes through these steps, and what each leaves behind is undone where a later one fails:
 *
 *	plan    places become sites, each site a next state; room is found; thunks are encoded. Nothing is
 *	        touched; the process runs.
 *	save    the record, which holds both states of each site
 *	apply   all threads stand: compare, map, write thunks, move threads, patch
 *	commit  next states become present ones; replaced thunks wait for quiescence
 */
#pragma once

#include "agent/provider/target.h"

#include "agent/attach/binary.h"
#include "agent/attach/thunk.h"
#include "agent/inject/remote.h"

#define TARGET_PAGE	    4096u
#define TARGET_MAX_SITES    1024u
#define TARGET_MAX_ISLANDS  64u
#define TARGET_MAX_PLACES   1024u
#define TARGET_GRANULE	    64u /* thunks begin and end on multiples of this */
#define TARGET_ISLAND_BYTES (2u * TARGET_PAGE)
#define TARGET_COUNTERS	    (TARGET_PAGE / 8u)

/* What stands at the start of an island, so that it is known again. */
struct target_mark {
	char magic[16];
	uint64_t base;
};
#define TARGET_MAGIC "EIM thunks 1\n\0\0"
_Static_assert(sizeof(struct target_mark) <= TARGET_GRANULE, "the first granule");

struct target_island {
	uint64_t base;
	uint64_t near_start, near_end; /* the module that it serves */
	uint64_t thunks;	       /* bit n: granule n of page 0 is taken */
	uint64_t counters[TARGET_COUNTERS / 64];
	bool is_mapped;
};

struct target_hook {
	struct instance *instance;
	uint32_t row; /* of the instance's rows */
	uint64_t entry, counter, reads;
	uint32_t flags; /* THUNK_* */
};

/* A state of a site; thunk 0 is the original bytes. */
struct target_state {
	uint64_t thunk;
	uint32_t bytes, displaced; /* size of the thunk; offset of the displaced instructions */
	uint8_t relocated[SITE_MAX_INSNS];
	uint32_t hooks_count;
	struct target_hook hooks[THUNK_MAX_LINKS];
};

struct target_site {
	uint64_t address; /* of the window */
	struct site plan;
	struct target_state now, next; /* `next` counts while is_changing */
	bool is_changing, is_written;
	uint8_t code[THUNK_MAX_BYTES]; /* the next thunk */
};

#define TARGET_STATES \
	2u /* of a site in a record: the present one, and the next one while it changes */

struct target_row {
	char *entry, *target;
	uint64_t runs;			   /* when last read */
	uint64_t runs_ended, runs_skipped; /* likewise; of the whole instance, in its first row */
};

struct instance {
	struct instance *next;
	char *name;
	uint64_t base, bytes, code_bytes;
	uint64_t private_offset;
	bool has_thread_pointer; /* struct rt_private's */
	uint32_t device;	 /* of the code's file: how the region is known again */
	uint64_t inode;
	bool is_mapped;
	bool is_draining; /* no site calls it any more */
	struct target_row *rows;
	uint32_t rows_count;
	uint64_t *imports;  /* what stands in its imports: while it is put in */
	uint64_t *counters; /* its hooks'; given back when it is drained */
	uint32_t counters_count;
};

struct target {
	struct process_id id;
	struct target_island *islands;
	uint32_t islands_count;
	struct target_site **sites;
	uint32_t sites_count;
	struct instance *instances;
	struct remote_range *dead; /* thunks that were replaced; a thread may still be inside */
	uint32_t dead_count;
	uint64_t stopped_ns;
	struct err *(*save)(void *context, const struct target *t);
	void *save_context;
};

/* ---- target.c ---- */
MUST_CHECK struct target *target_create(struct process_id id);
MUST_CHECK struct instance *target_instance_create(struct str name, uint32_t rows);
void target_instance_destroy(struct instance *i);
void target_instance_add(struct target *t, struct instance *i);	   /* moved in */
void target_instance_remove(struct target *t, struct instance *i); /* destroyed */
/* Everything is forgotten: the process ended, or runs another program. */
void target_forget(struct target *t);
MUST_CHECK struct err *target_save(const struct target *t);
/* `e` (owned), or NOT_FOUND where the process has ended meanwhile: then everything is forgotten. */
MUST_CHECK struct err *target_explain(struct target *t, struct err *e);
/* An empty site, or NULL: memory, or more than TARGET_MAX_SITES. */
MUST_CHECK struct target_site *target_site_add(struct target *t);
void target_site_remove(struct target *t, struct target_site *s);
struct target_site *target_site_find(const struct target *t, uint64_t address);
/* Stops the process and makes sure that it is still the same one. */
MUST_CHECK struct err *target_stop(struct target *t, struct remote **out);
/* Lets it run on and adds up how long it stood. */
void target_resume(struct target *t, struct remote *r);

/* ---- target_island.c: room for thunks and counters ---- */
struct target_island *target_island_add(struct target *t, uint64_t base);
void target_islands_sweep(struct target *t); /* removes those that are not mapped */
void target_island_remove(struct target *t, uint32_t island);
uint32_t target_island_of(const struct target *t, uint64_t address);
#define TARGET_NO_ISLAND UINT32_MAX
/* Room in an island that serves `site`, or 0. */
uint64_t target_thunk_take(struct target *t, uint64_t site, uint32_t bytes);
void target_thunk_give(struct target *t, uint64_t thunk, uint32_t bytes);
/* A counter for `i`, in an island that serves `site`. 0: no island, memory. */
uint64_t target_counter_take(struct target *t, uint64_t site, struct instance *i);
/* Gives all of the instance's counters back. A free counter is 0, so whoever gives back used ones has
 * set them to that. */
void target_counters_give(struct target *t, struct instance *i);
/* Marks what a restored or inherited state uses. False where it is outside or taken. */
bool target_thunk_mark(struct target *t, uint64_t thunk, uint32_t bytes);
bool target_counter_mark(struct target *t, uint64_t counter, struct instance *owner);
/* Whether nothing is taken but the mark. */
bool target_island_is_empty(const struct target_island *i);
/* Makes sure that `more` thunks can be buried; and moves one to the dead. */
MUST_CHECK struct err *target_dead_reserve(struct target *t, uint32_t more);
void target_thunk_bury(struct target *t, uint64_t thunk, uint32_t bytes);

/* ---- target_plan.c ---- */
struct target_view { /* the process's mappings and what is planned to be mapped; for finding room */
	struct process_maps maps;
	struct process_mapping *items;
	size_t count, capacity;
};
MUST_CHECK struct err *target_view_open(pid_t pid, struct target_view *v);
void target_view_fini(struct target_view *v);
MUST_CHECK struct err *target_view_reserve(struct target_view *v, uint64_t start, uint64_t size);
/* Fills the next states of all sites of the places, and the instance's rows and hooks. */
MUST_CHECK struct err *target_plan(struct target *t, struct target_view *v, struct instance *i,
				   const struct image *image, const struct target_place *places,
				   uint32_t count);
/* Fills the instance's imports from `binary`, which lies `bias` behind where it is linked to. */
MUST_CHECK struct err *target_plan_imports(struct instance *i, const struct image *image,
					   const struct binary *binary,
					   uint64_t bias); /* target_import.c */
/* The next states without the hooks of `i`. */
MUST_CHECK struct err *target_plan_removal(struct target *t, struct target_view *v,
					   const struct instance *i);
/* Encodes the thunks of all changing sites, where room is found in reach. */
MUST_CHECK struct err *target_plan_thunks(struct target *t, struct target_view *v);
/* Forgets all next states, and the room that they took. */
void target_plan_drop(struct target *t);
/* Next states become present ones. */
void target_plan_commit(struct target *t);

/* ---- target_map.c ---- */
MUST_CHECK struct err *target_code_create(const struct image *image, int *out_fd);
MUST_CHECK struct err *target_map_islands(struct target *t, struct remote *r);
MUST_CHECK struct err *target_map_region(struct target *t, struct remote *r, struct instance *i,
					 const struct image *image, int code_fd,
					 const int *map_fds);
/* Whether the instance's region is (still) in the process. */
bool target_region_is_ours(const struct process_maps *maps, const struct instance *i);
/* Unmaps the islands that are mapped and empty. */
MUST_CHECK struct err *target_unmap_islands(struct target *t, struct remote *r);

/* ---- target_patch.c ---- */
/* What stands at the site in that state. */
void target_site_bytes(const struct target_site *s, const struct target_state *state,
		       uint8_t out[SITE_MAX_WINDOW]);
/* Whether every changing site holds what its present state says. */
MUST_CHECK struct err *target_patch_check(struct target *t, struct remote *r);
/* Writes thunks, moves threads, patches. UNAVAILABLE where a thread is in the way; the caller undoes. */
MUST_CHECK struct err *target_patch(struct target *t, struct remote *r);
void target_patch_undo(struct target *t, struct remote *r);
/* Reads an island's mark of the running process. */
bool target_island_is_ours(int memory, uint64_t base);
MUST_CHECK struct err *target_memory_open(const struct target *t, int flags, int *out);

/* ---- target_check.c ---- */
/* Whether the program makes system calls that a filter of the process may punish. */
MUST_CHECK struct err *target_check_filter(const struct target *t, const struct image *image);
/* FAILED_PRECONDITION where the process has done exec since: nothing of ours is in it. */
MUST_CHECK struct err *target_check_program(struct target *t, struct remote *r);

/* ---- target_runs.c ---- */
/*
 * Marks the ranges that runs in functions of the host come back to: the first `dead` ranges are the dead
 * thunks, the others the draining regions, in the order of the instances.
 */
MUST_CHECK struct err *target_runs_mark(const struct target *t, struct remote *r,
					const struct remote_range *ranges, bool *used);
/* Whether the number in each thread's fs:0 is its own, so that it tells threads apart. */
bool target_has_thread_pointer(struct remote *r);

/* ---- target_record.c ---- */
#define TARGET_LAYOUT	2
#define TARGET_BOOT_MAX 64
MUST_CHECK struct err *target_boot_id(char out[TARGET_BOOT_MAX]);

/* ---- target_restore.c: a target from its record, as if of process `id`; unchecked ---- */
MUST_CHECK struct err *target_load(const struct node *record, struct process_id id,
				   struct target **out);

/* ---- target_adopt.c: keeps what is true of the running process ---- */
MUST_CHECK struct err *target_adopt(struct target *t);

/* ---- target_drain.c ---- */
/* Frees dead thunks, draining regions and empty islands that no thread is inside of. */
MUST_CHECK struct err *target_drain(struct target *t, struct remote *r);
/* Whether nothing of `i` (NULL: of anything) is left to drain. */
bool target_is_drained(const struct target *t, const struct instance *i);
