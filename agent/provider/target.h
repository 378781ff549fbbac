/*
 * target - one process that carries, or will carry, instances of images: what is mapped into it, which
 * sites are patched, what each holds. The userspace provider of links.
 *
 * In the process, per module that has sites:  an island within ±2 GiB of it
 *     page 0   r-x  thunks (private, written through /proc/PID/mem)
 *     page 1   rw-  run counters of the links (private, wiped on fork)
 * and per instance one region, laid out as its image says (shared/jit/image.h).
 *
 * [T1] A site's bytes are the original ones, or a jump to a complete thunk, at any moment that a thread
 *      can run; a failure while instantiating undoes all of it.
 * [T2] Nothing is unmapped while a thread is, or may come back, inside.
 * [T3] What was done is in target_record() before it is done.
 * Threads: one thread for all targets (ptrace).
 */
#pragma once

#include "agent/discover/process.h"
#include "shared/codec/json.h"
#include "shared/jit/image.h"

struct target;
struct instance;

/* One wanted link: an entry of the image at a place. */
struct target_place {
	uint32_t entry;	   /* index into the image's entries */
	struct str path;   /* of the binary, as the agent sees it */
	struct str symbol; /* empty: `offset` is in the file */
	uint64_t offset;
};

struct target_link {
	struct str entry;  /* the C function's name */
	struct str target; /* "/usr/sbin/nginx:ngx_http_process_request+4" */
	uint64_t runs;
	/* Of all links of the instance in this process, told with the first of them: */
	uint64_t runs_ended;   /* before their exit, because the role's instructions were used up */
	uint64_t runs_skipped; /* not begun, because the thread was in one already */
};

/* Opens a target for process `id`; nothing is touched yet. fails as remote_check(). */
MUST_CHECK struct err *target_open(struct process_id id, struct target **out);

/*
 * Opens a target for a process that was forked by `parent`'s and still carries what that one carries:
 * the same mappings at the same places, the same patched bytes; counters start at 0.
 *   fails  FAILED_PRECONDITION: it carries nothing of ours (it has done exec since)
 */
MUST_CHECK struct err *target_inherit(const struct target *parent, struct process_id id,
				      struct target **out);

/* Forgets the target; the process keeps what it carries. */
void target_close(struct target *t);
OWN_DEFINE(target, struct target *, target_close)

struct process_id target_process(const struct target *t);

/*
 * Stops the process, maps the image and its maps, patches the sites, lets it run on.
 *   map_fds  one for each of image->maps: map files (shared/runtime/map.h); borrowed
 *   name     of the instance (the policy's), unique in the target; copied
 *   image    borrowed until target_close() or deinstantiate
 *   out      borrowed until then
 *   fails    with every place that cannot be patched as a finding (path: the place); nothing is left
 *            behind: the symbol does not exist (NOT_FOUND, near names), not safe to patch
 *            (FAILED_PRECONDITION), not mapped in this process, no room near it, the process is gone,
 *            the image makes system calls that the process's seccomp filter may punish
 */
MUST_CHECK struct err *target_instantiate(struct target *t, struct str name,
					  const struct image *image, const int *map_fds,
					  const struct target_place *places, uint32_t count,
					  struct instance **out);

/*
 * Takes the instance out: the sites' bytes are as before (or carry the other instances' links only), then
 * waits until no thread is inside, at most `patience_ms`, and unmaps.
 *   fails  NOT_FOUND            the process is gone: nothing to do, the instance is forgotten
 *          FAILED_PRECONDITION  a site holds neither ours nor the original bytes: reported, not touched
 *          DEADLINE_EXCEEDED    threads stayed inside: bytes are restored, the memory stays mapped
 */
MUST_CHECK struct err *target_deinstantiate(struct target *t, struct str name, int patience_ms);

/* The same for every instance of the target; goes on past failures and returns all of them. */
MUST_CHECK struct err *target_deinstantiate_all(struct target *t, int patience_ms);

struct instance *target_find(const struct target *t, struct str name); /* or NULL */
bool target_is_empty(const struct target *t);

/* The links of an instance with their run counts of now. `out` has room for `*count`; *count becomes
 * what there is. */
MUST_CHECK struct err *target_links(const struct target *t, const struct instance *i,
				    struct target_link *out, uint32_t *count);

/* How long the process's threads were stopped by the last call, all together. */
uint64_t target_stopped_ns(const struct target *t);

/* Called with target_record()'s text before and after each change; an error stops the change. */
void target_on_change(struct target *t, struct err *(*save)(void *context, const struct target *t),
		      void *context);

/* Writes all that is needed to take the target over after the agent's death, as one JSON object. */
void target_record(const struct target *t, struct json *w, const char *key);

/*
 * Opens a target from its record and checks each site: ours, or original (then forgotten).
 *   fails  NOT_FOUND            the process is gone, or the machine was restarted
 *          FAILED_PRECONDITION  a site holds something else: nothing is touched
 *          INVALID              no record of ours
 * The instances can be deinstantiated; their images are unknown.
 */
MUST_CHECK struct err *target_restore(const struct node *record, struct target **out);

/*
 * The same for process `id`, which may be a fork of the recorded one that no record tells of; the recorded
 * process itself may be gone.
 *   fails  FAILED_PRECONDITION  it carries nothing of what the record says
 */
MUST_CHECK struct err *target_restore_heir(const struct node *record, struct process_id id,
					   struct target **out);
