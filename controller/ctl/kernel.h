/*
 * kernel - what the kernel's own verifier says of a program, beside ours.
 *
 * Each entry is loaded by libbpf (object by object, program type KPROBE, attached to nothing) and let go
 * again at once. The kernel knows no roles: its verdict is about memory safety alone, and where the two
 * differ, ours is the one that counts.
 * Memory:  an answer owns everything in it; entries' names are borrowed from the object.
 * Threads: one, as libbpf's printing is the process's.
 * Limits:  KERNEL_LOG_BYTES of log are asked for, KERNEL_TAIL_LINES of them are kept.
 */
#pragma once

#include "shared/base/str.h"
#include "shared/verifier/verifier.h"

#define KERNEL_LOG_BYTES  ((size_t)1 << 20)
#define KERNEL_TAIL_LINES 6u

enum kernel_state {
	KERNEL_ACCEPTED,
	KERNEL_REJECTED,   /* by its verifier: there is a log */
	KERNEL_NOT_LOADED, /* it did not get that far, or is not for the kernel at all */
};

struct kernel_entry {
	struct str name; /* borrowed from the object */
	enum kernel_state state;
	char *words; /* the end of the log, or why it was not loaded; NULL where it is accepted */
};

struct kernel_answer {
	char *refusal; /* why this kernel loads nothing for us; NULL where it does */
	struct kernel_entry *entries;
	uint32_t count; /* 0 where there is a refusal */
};

/*
 * Asks the kernel about each entry of `object`, which was parsed from `image` (both borrowed; `object`
 * as long as the answer lives).
 *   out    owned by the caller; that the kernel refuses or rejects is an answer, not an error
 *   fails  NO_MEMORY
 */
MUST_CHECK struct err *kernel_ask(struct bytes image, const struct object *object,
				  struct kernel_answer **out);
void kernel_destroy(struct kernel_answer *a);
OWN_DEFINE(kernel, struct kernel_answer *, kernel_destroy)

/* Appends both verdicts side by side, a line per entry, each followed by the kernel's words. */
void kernel_print(const struct kernel_answer *a, const struct verdict *ours, struct buf *out);

/* Appends one JSON object:
 * {"allowed":true,"entries":[{"name":…,"verdict":"accepted|rejected|not-loaded","ours":…,"log":…}]}
 * {"allowed":false,"message":…} */
void kernel_print_json(const struct kernel_answer *a, const struct verdict *ours, struct buf *out);
