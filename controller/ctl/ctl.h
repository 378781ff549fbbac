/*
 * ctl - one run of eimctl: where the controller is, how to print, what was printed.
 *
 * Memory:  `out` is what stdout gets; ctl_flush() sends it, so that what waits can show progress.
 * Threads: one.
 */
#pragma once

#include "controller/ctl/args.h"
#include "shared/codec/node.h"
#include "shared/wire/client.h"

#include <stdio.h>

#define CTL_MAX_OUTPUT ((size_t)256 << 20)
#define CTL_MAX_MEMORY ((size_t)256 << 20)
#define CTL_TIMEOUT_MS 30000L
#define CTL_WAIT_S     60

enum ctl_output { CTL_TABLE, CTL_JSON, CTL_YAML };

struct ctl {
	const char *server;
	enum ctl_output output;
	struct client *client; /* NULL until the first call */
	struct buf out;
	FILE *stream; /* where `out` goes */
	int exit_code;
};

/*
 * Runs the command line `argv` (without the program's name) and returns the exit code. Results go to
 * `out`, errors to stderr.
 */
int ctl_run(int argc, const char *const argv[], FILE *out);

/* Writes what is in ctl->out. fails: SYSTEM */
MUST_CHECK struct err *ctl_flush(struct ctl *ctl);

/* Prints `n` as JSON or YAML, as -o says (a table's reader gets YAML). */
void ctl_print_node(struct ctl *ctl, const struct node *n);

/* Prints the JSON text `json` as -o says. fails: as buf_check(json) */
MUST_CHECK struct err *ctl_print_json(struct ctl *ctl, const struct buf *json);

/* Whether results are for people. */
static inline bool ctl_is_table(const struct ctl *ctl)
{
	return ctl->output == CTL_TABLE;
}
