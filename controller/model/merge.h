/*
 * merge - one map's content from many hosts as one: elements with equal keys become one element.
 *
 * Integers add up; what is no integer on every host is listed per host. Keys are equal when their JSON
 * is. A value past 64 bits is written as text, as everywhere in the API.
 * Memory:  nodes that are added are borrowed until the merge's last use; the rest is in the arena.
 * Limits:  MERGE_MAX_ELEMENTS; more are dropped and counted as lost.
 */
#pragma once

#include "shared/codec/json.h"

#define MERGE_MAX_ELEMENTS 100000u

struct merge_element;

struct merge {
	struct arena *arena; /* borrowed */
	struct merge_element **buckets;
	struct merge_element *first, *last; /* in the order of their first appearance */
	size_t buckets_count, count;
	int64_t lost; /* what hosts could not count, and what did not fit here */
};

MUST_CHECK struct err *merge_init(struct merge *m, struct arena *a);

/*
 * Adds host `host`'s `{"elements":[{"key":…,"value":…}],"lost":N}`.
 *   fails  INVALID  it is not that, path below `value`; nothing was then added
 *          NO_MEMORY
 */
MUST_CHECK struct err *merge_add(struct merge *m, struct str host, const struct node *value);

/* Writes "elements": […] and "lost": N into the object that `w` is in. An element is {"key","value"},
 * or {"key","values":[{"host","value"},…]} where several values do not add up. */
void merge_print(const struct merge *m, struct json *w);
