/*
 * cache - what the agent keeps on disk so that it needs neither the controller nor the compiler again:
 * programs by digest, images by what they were made from, the last desired state.
 *
 *	STATE/blobs/HEX       programs, as uploaded
 *	STATE/images/HEX      encoded images
 *	STATE/btf/BUILDID   types of host binaries, as the controller has them; empty: it has none
 *	STATE/desired.json    the last desired state (sync)
 *	STATE/targets/PID     what is instantiated where (target_record), for the next agent
 *
 * Files are replaced as a whole. A file that does not read back is treated as absent.
 */
#pragma once

#include "shared/base/buf.h"

struct cache;

/* Opens `folder` and creates what is missing. fails: by errno */
MUST_CHECK struct err *cache_open(const char *folder, struct cache **out);
void cache_close(struct cache *c);
OWN_DEFINE(cache, struct cache *, cache_close)

enum cache_kind { CACHE_BLOB, CACHE_IMAGE, CACHE_BTF, CACHE_DESIRED, CACHE_TARGET };

/* Appends the entry to `out`. fails: NOT_FOUND, TOO_LARGE */
MUST_CHECK struct err *cache_get(const struct cache *c, enum cache_kind kind, const char *name,
				 struct buf *out);
MUST_CHECK struct err *cache_put(const struct cache *c, enum cache_kind kind, const char *name,
				 struct bytes data);
/* Removing what is not there is fine. */
MUST_CHECK struct err *cache_remove(const struct cache *c, enum cache_kind kind, const char *name);

/* Calls `visit` with the name of each entry. Stops at the first error. */
MUST_CHECK struct err *cache_each(const struct cache *c, enum cache_kind kind,
				  struct err *(*visit)(void *context, const char *name),
				  void *context);
