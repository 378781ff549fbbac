/*
 * fleet - the hosts, what each is to run, and what became of it: the controller's memory of the world.
 *
 * A host's desired state is the set of policies whose labels it has. Equal sets are one `desired`, with
 * one generation and encoded once, however many hosts share it. Generations come from the store's
 * version counter, so they grow over restarts.
 *
 * Hosts are kept in memory; the store is written only when something but counters and times changed.
 * Threads: one.
 * Limits:  FLEET_MAX_*.
 */
#pragma once

#include "controller/store/store.h"
#include "shared/wire/sync.h"

#define FLEET_MAX_HOSTS	   20000u
#define FLEET_MAX_POLICIES 10000u
#define FLEET_CONNECTED_NS (10ull * 1000000000u) /* since the last sync ended */
#define FLEET_MAX_REPORT   ((size_t)64 << 20)	 /* bytes of one host's status */
#define FLEET_MAX_RESPONSE ((size_t)128 << 20)
#define FLEET_MAX_POLICY   ((size_t)4 << 20)
#define FLEET_KIND_HOST	   "host"
#define FLEET_KIND_DESIRED "desired"

struct fleet;
struct fleet_desired;
struct fleet_query_slot;

/* What the fleet needs of a policy. */
struct fleet_policy {
	struct arena arena; /* of all below */
	struct wire_policy wire;
	const struct wire_label *match;
	size_t match_count;
};

struct fleet_host {
	struct str name;
	struct arena arena; /* of name, report: replaced together */
	struct wire_sync_request
		report; /* what it said last: labels, links …; no events or answers */
	struct fleet_desired *desired;	/* NULL: could not be made; tried again at its next sync */
	int64_t seen_ms;		/* of the clock on the wall */
	uint64_t seen_ns;		/* monotonic; 0: not since this controller started */
	void *waiter;			/* its held sync, owned by whoever put it there; or NULL */
	struct fleet_query_slot *asked; /* queries that it has not answered */
};

/* Called where `host`, which has a waiter, has something new to hear. */
typedef void fleet_wake(void *context, struct fleet_host *host);

/*
 * Loads the hosts of `store` (borrowed for the fleet's life).
 *   out    owned by the caller
 */
MUST_CHECK struct err *fleet_create(struct store *store, fleet_wake *wake, void *context,
				    struct fleet **out);
/* To be called once all stored policies are set: makes each host's desired state. */
MUST_CHECK struct err *fleet_settle(struct fleet *f);
void fleet_destroy(struct fleet *f);
OWN_DEFINE(fleet, struct fleet *, fleet_destroy)

/* ---- policies ---- */

/* A copy of these, owned by the caller until fleet_set_policy(); room for it is made. */
MUST_CHECK struct err *fleet_make_policy(struct fleet *f, const struct wire_policy *wire,
					 const struct wire_label *match, size_t match_count,
					 struct fleet_policy **out);
void fleet_policy_destroy(struct fleet_policy *p);
OWN_DEFINE(fleet_policy, struct fleet_policy *, fleet_policy_destroy)

/* Makes `p` (moved in) what the policy of its name is, and wakes the hosts that it concerns. */
void fleet_set_policy(struct fleet *f, struct fleet_policy *p);
void fleet_remove_policy(struct fleet *f, struct str name);
/* Borrowed until it is replaced, or NULL. */
const struct fleet_policy *fleet_find_policy(const struct fleet *f, struct str name);
size_t fleet_policies_count(const struct fleet *f);

/* ---- hosts ---- */

/* Sorted by name; borrowed until the next report or removal. */
struct fleet_host *const *fleet_hosts(const struct fleet *f, size_t *count);
struct fleet_host *fleet_find_host(const struct fleet *f, struct str name);
/* Held now, or its last sync ended a moment ago. */
bool fleet_is_connected(const struct fleet_host *host, uint64_t now_ns);
bool fleet_host_matches(const struct fleet_host *host, const struct fleet_policy *p);
int64_t fleet_host_generation(const struct fleet_host *host); /* desired; 0: unknown */
size_t fleet_waiting_count(const struct fleet *f);

/*
 * Takes in what `name` says of itself; a host that is new is added. Written to the store before it
 * returns, where it has to be.
 *   out    borrowed
 *   fails  RESOURCE_EXHAUSTED  FLEET_MAX_HOSTS; what the store fails with; nothing is changed then
 */
MUST_CHECK struct err *fleet_report(struct fleet *f, struct str name,
				    const struct wire_sync_request *m, struct fleet_host **out);

/* Appends the response for `host` (desired state that it lacks, queries), and marks the queries as
 * handed over; *any is false, and nothing is appended, where there is nothing to say. */
MUST_CHECK struct err *fleet_respond(struct fleet *f, struct fleet_host *host, struct buf *out,
				     bool *any);

/* Forgets a host. fails FAILED_PRECONDITION while it is connected; NOT_FOUND. */
MUST_CHECK struct err *fleet_forget_host(struct fleet *f, struct str name);
