/*
 * query - one question to many hosts: asked at their next sync, answered by the one after.
 *
 * Memory:  a query owns its answers; it lives until query_destroy(), which its owner calls from `done`
 *          or later.
 * Limits:  QUERY_MAX_ANSWERS bytes of all answers, QUERY_MAX_OPEN queries at a time.
 */
#pragma once

#include "controller/fleet/fleet.h"

#define QUERY_MAX_ANSWERS ((size_t)128 << 20)
#define QUERY_MAX_OPEN	  100u

struct query;

struct query_answer { /* of one host */
	struct str host;
	bool answered;
	const struct node *value; /* NULL where `error` says why */
	struct str error;
};

/*
 * Asks every connected host that carries the policy.
 *   done   called once all have answered (from within query_take_answer()); not where nobody is asked
 *   out    owned by the caller
 *   fails  RESOURCE_EXHAUSTED  QUERY_MAX_OPEN
 */
MUST_CHECK struct err *query_start(struct fleet *f, struct str policy, struct str map,
				   void (*done)(void *context, struct query *q), void *context,
				   struct query **out);
void query_destroy(struct query *q);
OWN_DEFINE(query, struct query *, query_destroy)

/* Takes in one answer of a host; an unknown, late or second one is dropped. */
MUST_CHECK struct err *query_take_answer(struct fleet *f, struct fleet_host *host,
					 const struct wire_answer *answer);

/* One row per host that was asked. */
const struct query_answer *query_answers(const struct query *q, size_t *count);
size_t query_missing(const struct query *q); /* hosts that have not answered */
struct arena *query_arena(struct query *q);

/* ---- for fleet.c ---- */

/* Whether `host` has queries that were not handed to it. */
bool query_is_due(const struct fleet_host *host);
/* Writes "queries":[…] with those, and marks them as handed over. */
struct json;
void query_print_due(struct fleet_host *host, struct json *w);
/* Forgets all questions to `host`, which is going away. */
void query_leave_host(struct fleet_host *host);
