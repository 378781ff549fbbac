/*
 * target - the request target of HTTP/1.1 ("/v1/hosts/web-1:sync?pageSize=5"), cut into its parts.
 *
 * Percent-encoding is undone after cutting, so an encoded "/" never separates. Query names and values
 * also read "+" as a space. A NUL byte, encoded or not, is refused, so every part is a C string.
 * Memory:  the arena that it was parsed into.
 * Limits:  TARGET_MAX_SEGMENTS, TARGET_MAX_PARAMETERS; bytes are limited by the server's header limit.
 */
#pragma once

#include "shared/base/arena.h"
#include "shared/base/err.h"

#define TARGET_MAX_SEGMENTS   12
#define TARGET_MAX_PARAMETERS 32

struct target_parameter {
	struct str name, value;
};

struct target {
	struct str path; /* as sent, without the query */
	/* As sent: matching looks at these, so that an encoded ':' starts no verb. */
	struct str raw_segments[TARGET_MAX_SEGMENTS];
	struct str segments[TARGET_MAX_SEGMENTS]; /* decoded */
	struct target_parameter parameters[TARGET_MAX_PARAMETERS];
	size_t segments_count, parameters_count;
};

/*
 * Parses `raw` (borrowed for the call).
 *   fails  INVALID   no "/" first, a bad percent sequence, a NUL, a parameter given twice
 *          TOO_LARGE more segments or parameters than the limits
 *          NO_MEMORY
 */
MUST_CHECK struct err *target_parse(struct str raw, struct arena *a, struct target *out);

/* The value of query parameter `name`, or NULL where it was not given. */
const char *target_parameter(const struct target *t, const char *name);

/* Undoes the percent-encoding of `part` into `a`. fails as above. */
MUST_CHECK struct err *target_decode(struct str part, bool plus_is_space, struct arena *a,
				     struct str *out);
