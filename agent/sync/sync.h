/*
 * sync - the agent's side of POST /v1/hosts/{host}:sync: one held request that brings what is new, and
 * short ones that report.
 *
 * A report ends the held request at the controller (a newer sync replaces an older one); it is opened
 * again at once. What fails is tried again after a pause that doubles, with jitter, up to
 * SYNC_PAUSE_MAX_MS; the host's hooks do not depend on any of it.
 * Threads: one.
 */
#pragma once

#include "shared/wire/client.h"
#include "shared/wire/sync.h"

#define SYNC_PAUSE_MIN_MS 250u
#define SYNC_PAUSE_MAX_MS 10000u

struct sync;

struct sync_events {
	/* A response with something in it; `json` is its text. Both borrowed for the call. */
	void (*response)(void *context, const struct wire_sync_response *response, struct str json);
	/* The report that was under way has arrived, or has not. */
	void (*reported)(void *context, bool arrived);
	void *context;
};

struct sync_options {
	const char *controller; /* its URL */
	const char *host_name;
	const struct wire_label *labels; /* borrowed until sync_destroy() */
	size_t labels_count;
	int64_t generation; /* already had; 0: none */
};

/* fails  INVALID: the URL or the host's name; SYSTEM */
MUST_CHECK struct err *sync_create(const struct sync_options *options, struct sync_events events,
				   struct sync **out);
void sync_destroy(struct sync *s);
OWN_DEFINE(sync, struct sync *, sync_destroy)

/* Whether a report is under way: the next one must wait. */
bool sync_is_reporting(const struct sync *s);

/* Whether the last exchange with the controller went well. */
bool sync_is_connected(const struct sync *s);

/*
 * Sends links, events and answers of `status` (borrowed for the call); what the agent is and has is
 * filled in here. events->reported tells how it went.
 *   fails  FAILED_PRECONDITION while one is under way
 */
MUST_CHECK struct err *sync_report(struct sync *s, const struct wire_sync_request *status);

/* Keeps the held request open and waits until something happens: a response, one of `extra` is ready
 * (revents set), or `timeout_ms`. */
MUST_CHECK struct err *sync_wait(struct sync *s, struct pollfd *extra, unsigned count,
				 int timeout_ms);

/* Appends the types of the host binary with that build id. fails: as client_call(); NOT_FOUND: the
 * controller has none */
MUST_CHECK struct err *sync_fetch_btf(struct sync *s, struct str build_id, struct buf *out);

/* Appends the blob with that SHA-256 to `out`, checked. fails: as client_call(); INVALID: other content */
MUST_CHECK struct err *sync_fetch_blob(struct sync *s, struct str digest, struct buf *out);
