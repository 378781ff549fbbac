/*
 * options - the command lines of eim-agent.
 */
#pragma once

#include "shared/wire/sync.h"

#define OPTIONS_MAX_LABELS 64u
#define OPTIONS_MAX_ROLES  8u

enum options_command { OPTIONS_RUN, OPTIONS_ATTACH, OPTIONS_HELP, OPTIONS_VERSION };

struct options {
	enum options_command command;
	/* run */
	const char *controller, *state, *host_name;
	struct wire_label labels[OPTIONS_MAX_LABELS];
	uint32_t labels_count;
	/* attach */
	int64_t pid;
	const char *program, *dump_maps;
	const char *spec;		      /* NULL: what the binary declares */
	const char *roles[OPTIONS_MAX_ROLES]; /* of several: what all of them allow */
	uint32_t roles_count;
	int64_t duration_ms; /* -1: until a signal */
};

/*
 * Reads the command line; all strings borrow from `argv`.
 *   fails  INVALID: unknown or missing option, a bad value; the message ends with what to write
 */
MUST_CHECK struct err *options_parse(int argc, char **argv, struct options *out);

void options_print_help(void);

/* "10s", "500ms", "2m", "1h", or seconds. fails INVALID */
MUST_CHECK struct err *options_parse_duration(struct str text, int64_t *out_ms);
