/*
 * internal - what the files of controller/fleet share; nobody else includes it.
 */
#pragma once

#include "controller/fleet/fleet.h"
#include "controller/fleet/query.h"

#include "shared/crypto/digest.h"

struct fleet_desired {
	char key[DIGEST_HEX_SIZE]; /* over names and revisions of its policies */
	int64_t generation;
	size_t hosts;	 /* that refer to it */
	struct buf json; /* "[…]": its policies, encoded */
};

struct fleet {
	struct store *store; /* borrowed */
	fleet_wake *wake;
	void *context;
	struct fleet_policy **policies; /* sorted by name */
	size_t policies_count, policies_capacity;
	struct fleet_host **hosts; /* sorted by name */
	size_t hosts_count, hosts_capacity;
	struct fleet_desired **desired;
	size_t desired_count, desired_capacity;
	struct query *queries; /* newest first */
	size_t queries_count;
	int64_t last_query;
	bool settled; /* else policies are still being loaded */
};

/* desired.c */

/* Makes host->desired fit the policies. On failure it is NULL. */
MUST_CHECK struct err *fleet_desired_refresh(struct fleet *f, struct fleet_host *host);
void fleet_desired_leave(struct fleet *f, struct fleet_host *host);
/* Removes generations of the store that no host refers to. */
MUST_CHECK struct err *fleet_desired_prune(struct fleet *f);
