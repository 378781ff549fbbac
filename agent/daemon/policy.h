/*
 * policy - one policy on this host: the compiled image, the files of its maps, the places where its
 * entries attach. Every process that carries the policy shares the maps.
 *
 * Memory:  owns image, map files and mappings until policy_destroy(); targets must have let go of the
 *          image before.
 * Threads: one.
 */
#pragma once

#include "agent/provider/target.h"
#include "shared/codec/json.h"
#include "shared/jit/image.h"
#include "shared/runtime/map.h"

struct policy;

/* A record of a ring buffer: `json` (typed by BTF) is borrowed for the call. */
typedef struct err *policy_record_fn(void *context, const struct image_map *map, uint64_t sequence,
				     struct str json);

/*
 * Creates the map files of `image` (moved in, also on failure).
 *   name   copied
 *   fails  UNSUPPORTED  an entry's section is not carried by this agent
 *          INVALID      an entry's section names no place
 */
MUST_CHECK struct err *policy_create(struct str name, struct image *image, struct policy **out);
void policy_destroy(struct policy *p);
OWN_DEFINE(policy, struct policy *, policy_destroy)

struct str policy_name(const struct policy *p);
const struct image *policy_image(const struct policy *p);

/* Puts the policy into a process. fails as target_instantiate(). */
MUST_CHECK struct err *policy_instantiate(struct policy *p, struct target *t);

/* The map of that name; NULL, with *near the nearest name, where there is none. */
const struct image_map *policy_find_map(const struct policy *p, struct str name, struct str *near);

/* Writes the elements of an array or hash map as a list of {"key":…,"value":…}, typed by BTF. */
MUST_CHECK struct err *policy_print_map(const struct policy *p, const struct image_map *map,
					struct json *w, const char *key);

/* Updates and records that this map had no room for. */
uint64_t policy_lost(const struct policy *p, const struct image_map *map);

/* Consumes at most `max` records of all ring buffers. */
MUST_CHECK struct err *policy_drain(struct policy *p, uint32_t max, policy_record_fn *visit,
				    void *context);
bool policy_has_rings(const struct policy *p);

/* Frees what dead processes held in the maps, once policy_process_ended() has said that there may be
 * something; tries again at the next call what could not be decided yet. */
void policy_sweep(struct policy *p);
void policy_process_ended(struct policy *p);
