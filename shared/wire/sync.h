/*
 * sync - what an agent and the controller say to each other: POST /v1/hosts/{host}:sync.
 *
 * The agent says what it is, which generation of desired state it has, and what became of it; the
 * controller answers 200 with what is new, or 204 when nothing came up while it held the request. A
 * newer sync of the same host ends an older one with 204.
 *
 * Messages are JSON; each struct here has its table of fields in sync.c, which both ends use.
 * Memory:  decoded messages live in the arena that they were decoded into.
 * Limits:  WIRE_MAX_* below; what is past them is INVALID.
 */
#pragma once

#include "shared/base/buf.h"
#include "shared/codec/node.h"

#define WIRE_MAX_LINKS	 100000u
#define WIRE_MAX_EVENTS	 1024u
#define WIRE_HOLD_MAX_S	 55
#define WIRE_MAX_VERDICT ((size_t)32 << 10)

enum wire_state { WIRE_PENDING, WIRE_ACTIVE, WIRE_FAILED, WIRE_SKIPPED };

/* "ACTIVE"; and back, false where unknown. */
const char *wire_state_text(enum wire_state state);
bool wire_state_parse(struct str text, enum wire_state *out);

/* What became of one policy in one process at one link. A policy that failed before it had links on
 * this host (rejected, not compiled) has one row with pid 0 and no entry; a policy that matches no
 * process has one row SKIPPED with pid 0. */
struct wire_link {
	struct str policy;
	struct str revision; /* of the policy, as in struct wire_policy */
	int64_t pid;
	struct str exe;
	struct str entry, target; /* "on_request", "/usr/sbin/nginx:ngx_http_process_request" */
	enum wire_state state;
	struct str code, message, path, detail; /* FAILED, SKIPPED: the error ("REJECTED" etc.) */
	struct str
		verdict; /* REJECTED: the verdict, a JSON object as text; at most WIRE_MAX_VERDICT */
	int64_t runs;
	/* Of all links of the policy in that process, told with the first of them: */
	int64_t runs_ended;   /* before their exit, because the role's instructions were used up */
	int64_t runs_skipped; /* not begun, because the thread was in one already */
};

/* One record of a ring buffer. */
struct wire_event {
	struct str policy, map;
	int64_t time_unix_ms, sequence; /* per host × policy × map; gaps are losses */
	const struct node *data;	/* typed by BTF, or hex text */
};

/* The answer to a query: one map's content on this host. */
struct wire_answer {
	struct str query;	  /* the query's id */
	const struct node *value; /* {"elements":[{"key":…,"value":…}],"lost":N} */
	struct str error;	  /* "" or why there is none */
};

struct wire_label {
	struct str key, value;
};

struct wire_sync_request {
	struct str agent_version, boot_id;
	int64_t generation; /* that this agent has; 0: none */
	int64_t hold_s;	    /* how long to hold; 0: answer at once */
	bool has_status;    /* `links` is the whole status (false: unchanged since the last one) */
	const struct wire_label *labels;
	const struct wire_link *links;
	const struct wire_event *events;
	const struct wire_answer *answers;
	size_t labels_count, links_count, events_count, answers_count;
	int64_t events_lost; /* since the agent started */
};

struct wire_policy {
	struct str name, revision; /* the revision changes with every change of what follows */
	struct str program_digest; /* fetched by GET /v1/blobs/sha256/{hex} */
	struct str spec_text;	   /* the EIM document */
	struct str role;
	struct str exe; /* processes to match: the path of the executable, as the agent sees it */
};

struct wire_query {
	struct str id, policy, map;
};

struct wire_sync_response {
	int64_t generation; /* of the desired state below */
	bool has_policies;  /* `policies` is the whole desired state (false: unchanged) */
	const struct wire_policy *policies;
	const struct wire_query *queries;
	size_t policies_count, queries_count;
};

void wire_sync_request_print(const struct wire_sync_request *m, struct buf *out);
void wire_sync_response_print(const struct wire_sync_response *m, struct buf *out);

/* fails  INVALID with the JSON Pointer of the culprit; NO_MEMORY */
MUST_CHECK struct err *wire_sync_request_parse(struct str json, struct arena *a,
					       struct wire_sync_request *out);
MUST_CHECK struct err *wire_sync_response_parse(struct str json, struct arena *a,
						struct wire_sync_response *out);
