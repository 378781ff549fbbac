/*
 * near - the nearest known name to a wrong one, for messages that teach.
 *
 *	struct near near = near_start(wrong);
 *	for (…) near_offer(&near, names[i]);
 *	… near_found(&near) …
 */
#pragma once

#include "shared/base/str.h"

struct near {
	struct str wanted, best; /* borrowed */
	size_t distance;
};

struct near near_start(struct str wanted);

/* Weighs `candidate` (borrowed until the search ends) by edit distance, a swap of two neighbours
 * counting once; names of over 63 bytes are passed over. */
void near_offer(struct near *near, struct str candidate);

/* The best one if it is near enough to help (at most a third of the letters differ, or one contains
 * the other); else an empty string. */
struct str near_found(const struct near *near);
