/*
 * events - the newest events of each policy, and who is listening. Nothing here reaches the disk.
 *
 * Memory:  EVENTS_KEPT lines per policy, at most EVENTS_MAX_BYTES of them.
 * Threads: one.
 */
#pragma once

#include "shared/wire/sync.h"

#define EVENTS_KEPT	 1000u
#define EVENTS_MAX_BYTES ((size_t)4 << 20) /* per policy */
#define EVENTS_MAX_LINE	 ((size_t)128 << 10)

struct events;

struct events_counts {
	uint64_t received; /* in all */
	uint64_t dropped;  /* lines that a listener was too slow for, or that were too long */
	size_t listeners;
};

/* Takes one line, its '\n' included (borrowed for the call). False: it had no room; counted. It may
 * end its own subscription, and no other. */
typedef bool events_sink(void *context, struct str line);

struct events_listener {
	struct str policy; /* borrowed until events_leave(); empty: all */
	events_sink *sink;
	void *context;
	struct events_listener *older, *newer; /* the module's own */
};

MUST_CHECK struct err *events_create(struct events **out);
void events_destroy(struct events *e);
OWN_DEFINE(events, struct events *, events_destroy)

/* Keeps one event of `host`, and hands it to the listeners. fails NO_MEMORY. */
MUST_CHECK struct err *events_add(struct events *e, struct str host,
				  const struct wire_event *event);

/* Hands what is kept of `policy` (empty: of all) to `sink`, in order of arrival, until it is false. */
void events_replay(const struct events *e, struct str policy, events_sink *sink, void *context);

/* From now on `l` (filled in by the caller, who keeps it until it leaves) hears what arrives. */
void events_join(struct events *e, struct events_listener *l);
void events_leave(struct events *e, struct events_listener *l);

/* Forgets what is kept of a policy. */
void events_forget(struct events *e, struct str policy);

struct events_counts events_counts(const struct events *e);
