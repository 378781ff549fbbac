/*
 * metrics - counters of this process, and Prometheus' text format (version 0.0.4).
 *
 * Threads: one.
 * Limits:  METRICS_MAX_ROWS pairs of route and status; more are counted as one.
 */
#pragma once

#include "shared/base/buf.h"

#define METRICS_MAX_ROWS     512u
#define METRICS_CONTENT_TYPE "text/plain; version=0.0.4; charset=utf-8"

struct metrics_row {
	const char *method, *route; /* static text */
	int status;
	uint64_t count;
};

struct metrics {
	struct metrics_row rows[METRICS_MAX_ROWS]; /* the last one: all others */
	size_t rows_count;
	uint64_t events_refused;
};

/* Counts one answered request; `route` is a pattern (static text). */
void metrics_count_request(struct metrics *m, const char *method, const char *route, int status);

/* Appends eim_controller_requests_total. */
void metrics_print_requests(const struct metrics *m, struct buf *out);

/* Appends one metric without labels; `type` is "counter" or "gauge". */
void metrics_print(struct buf *out, const char *name, const char *type, const char *help,
		   uint64_t value);
