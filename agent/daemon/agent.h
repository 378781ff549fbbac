/*
 * agent - the resident agent: what it wants, what it has, and the loop between.
 *
 *	desired state ──▶ deployments ─┐
 *	/proc         ──▶ processes   ─┴─ plan ──▶ steps ──▶ targets ──▶ status ──▶ controller
 *
 * deployment.c  policies on this host: program, image, or why not
 * carrier.c     processes and what each carries
 * report.c      status, events and answers on their way to the controller
 * run.c         the loop
 *
 * Threads: one; compiling happens in a child.
 */
#pragma once

#include "agent/cache/cache.h"
#include "agent/daemon/options.h"
#include "agent/daemon/policy.h"
#include "agent/sync/sync.h"

/* A revision of a policy on this host. It lives while it is wanted or a process carries it. */
struct deployment {
	struct deployment *next;
	char *name, *revision, *exe, *digest, *spec_text, *role; /* owned */
	bool is_wanted;
	bool is_prepared;      /* policy or error is there */
	struct policy *policy; /* owned; NULL until compiled */
	struct err *error;     /* owned; why there is no policy */
	uint64_t retry_at_ns;  /* 0: the error is final */
};

/* A deployment in a process. */
struct carried {
	struct deployment *deployment;
	struct err *error;    /* owned; NULL: active */
	uint64_t retry_at_ns; /* with an error: what stood in the way may have gone by then */
};

#define CARRIER_MAX 64u

/* A process that carries, or should carry, deployments. */
struct carrier {
	struct carrier *next;
	struct process_id id;
	char *exe;	       /* owned */
	struct target *target; /* owned; NULL until needed */
	struct carried carried[CARRIER_MAX];
	uint32_t carried_count;
	bool is_seen; /* by the last scan */
};

struct report; /* report.c */

struct agent {
	const struct options *options;
	char *compiler;
	struct cache *cache;
	struct sync *sync;
	struct report *report;
	struct deployment *deployments;
	struct carrier *carriers;
	int64_t generation;
};

/* ---- deployment.c ---- */

/* Makes the policies of `desired` the wanted ones; known revisions keep what they have. */
MUST_CHECK struct err *deployment_set(struct agent *a, const struct wire_sync_response *desired);

/* Fetches and compiles what is wanted and not prepared yet. Failures stay with the deployment. */
void deployment_prepare(struct agent *a, uint64_t now_ns);

/* Destroys what is neither wanted nor carried; frees what ended processes held in the maps of the rest. */
void deployment_collect(struct agent *a);
void deployment_destroy_all(struct agent *a);

/* ---- carrier.c ---- */

/* Looks at /proc: new processes are added, ended ones dropped (and their locks in maps freed). */
MUST_CHECK struct err *carrier_scan(struct agent *a);

/* Plans and carries out: afterwards every process is as it should be, or says why not. */
MUST_CHECK struct err *carrier_reconcile(struct agent *a, uint64_t now_ns);

/* Takes everything out of every process. */
void carrier_remove_all(struct agent *a);

/* Takes out what an agent that died has left behind (from its records). */
MUST_CHECK struct err *carrier_recover(struct agent *a);

/* ---- report.c ---- */
MUST_CHECK struct err *report_create(struct agent *a, struct report **out);
void report_destroy(struct report *r);

/* Reads rings, and sends what is new if nothing is on its way. */
MUST_CHECK struct err *report_step(struct agent *a, uint64_t now_ns);

/* Answers a query for a map with the next report. */
void report_answer(struct agent *a, const struct wire_query *query);

/* The report that was sent arrived, or must be sent again. */
void report_done(struct agent *a, bool arrived);

/* ---- run.c ---- */

/* Runs until SIGINT or SIGTERM, then takes everything out. fails: usage or environment */
MUST_CHECK struct err *agent_run(const struct options *options);
