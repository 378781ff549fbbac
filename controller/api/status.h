/*
 * status - what became of a policy over all hosts, as JSON.
 */
#pragma once

#include "controller/api/common.h"

/* Distinct failures that are listed; further ones only count. */
#define STATUS_MAX_FAILURES 100u

/* Whether any host still has links of this policy. */
bool status_exists(const struct api *a, struct str policy);

/* Writes "status": {"counts", "coverage", "failures"} and, with `page`, "links" and "nextPageToken".
 * fails INVALID: no such page token. */
MUST_CHECK struct err *status_print(const struct api *a, struct str policy,
				    const struct common_page *page, struct arena *arena,
				    struct json *w);

/* Writes {"pending":…,"active":…,"failed":…,"skipped":…} of one host under `key`. */
void status_print_host_counts(const struct fleet_host *host, const char *key, struct json *w);

/* Writes one link's row; `host` empty: without it. */
void status_print_link(const struct wire_link *link, struct str host, struct json *w);
