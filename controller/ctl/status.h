/*
 * status - what became of a policy, as the controller tells it, for people.
 */
#pragma once

#include "controller/ctl/api.h"

/*
 * Policy `name` with all its links (member "links" of "status", every page of it), in `a`.
 *   fails  NOT_FOUND  there is no such policy and no host carries it any more
 */
MUST_CHECK struct err *status_get(struct ctl *ctl, struct str name, struct arena *a,
				  const struct node **out);

/*
 * One word for how a policy is doing, by what hosts have said: DELETING; FAILED where a link has failed;
 * PENDING where a link is, or a host that is meant has not said anything; ACTIVE; IDLE where no process
 * carries it and none failed. Borrowed from the program's text.
 */
const char *status_word(const struct node *policy);

/* Appends a LIST of links as a table; `columns` (STATUS_*) says which of the two stand in front. */
#define STATUS_HOST   1u
#define STATUS_POLICY 2u
MUST_CHECK struct err *status_print_links(const struct node *links, unsigned columns,
					  struct buf *out);

/* Appends one paragraph for each way in which links failed: how many, where, and the verifier's words. */
void status_print_failures(const struct node *policy, struct buf *out);

/* Appends one link's or failure's code, place, message and long text, indented. */
void status_print_cause(const struct node *n, struct buf *out);
