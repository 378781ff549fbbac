/*
 * process - what /proc tells about processes: who runs which executable, and where its files are
 * mapped. Everything read from /proc of another process is input: bounded and checked.
 */
#pragma once

#include "shared/base/arena.h"
#include "shared/base/err.h"
#include "shared/base/str.h"

#include <sys/types.h>

#define PROCESS_MAX_MAPPINGS 65536u

/* A process for as long as the machine runs: pids come again, (pid, start time) do not. */
struct process_id {
	pid_t pid;
	uint64_t start_ticks; /* field 22 of /proc/PID/stat */
};

struct process_mapping {
	uint64_t start, end, offset; /* offset in the file */
	uint64_t inode;
	uint32_t device; /* as makedev() */
	bool read, write, execute, shared;
	struct str path; /* as in /proc/PID/maps; "" for anonymous */
};

struct process_maps {
	struct arena arena;
	const struct process_mapping *items; /* ascending, not overlapping */
	size_t count;
};

/* fails  NOT_FOUND: no such process, or a zombie */
MUST_CHECK struct err *process_find(pid_t pid, struct process_id *out);

/* Whether that very process still runs. */
bool process_is_alive(struct process_id id);

/* Its parent's pid; 0 where unknown. */
pid_t process_parent(pid_t pid);

/* Whether a signal that the thread does not block waits for it; true also where that is unknown. */
bool process_has_signals(pid_t pid, pid_t tid);

/* Its pid as its own pid namespace has it; 0 where unknown. */
pid_t process_pid_inside(pid_t pid);

/*
 * All processes whose executable is `exe` (an absolute path, compared with the /proc/PID/exe link; a
 * " (deleted)" executable counts as that path); all where it is empty. Kernel threads and ourselves are
 * left out.
 *   out, count  owned by the caller (mem_free), ascending by pid
 */
MUST_CHECK struct err *process_list(struct str exe, struct process_id **out, size_t *count);

/* The path of a process's executable, owned by the caller (mem_free). */
MUST_CHECK struct err *process_exe(pid_t pid, char **out);

/* out is for process_maps_fini(). fails NOT_FOUND, PERMISSION_DENIED, TOO_LARGE */
MUST_CHECK struct err *process_maps(pid_t pid, struct process_maps *out);
void process_maps_fini(struct process_maps *m);

/*
 * Parses the text of a maps file (borrowed for the call).
 *   fails  INVALID  a line that is none, mappings not ascending (path: its line number); TOO_LARGE
 */
MUST_CHECK struct err *process_maps_parse(struct str text, struct process_maps *out);

/* The value of a line "KEY:\tvalue" of /proc/PID/status or /proc/PID/task/TID/status (`tid` not 0), as
 * a number of that base (10 or 16). fails NOT_FOUND: no such process, or line */
MUST_CHECK struct err *process_status(pid_t pid, pid_t tid, const char *key, int base,
				      uint64_t *out);

/* The mapping that holds `address`, or NULL. */
const struct process_mapping *process_maps_at(const struct process_maps *m, uint64_t address);

/*
 * The lowest or highest free range of `size` bytes whose every byte is within ±2 GiB (less a margin) of
 * [near_start, near_end); 0 where there is none. Leaves room to grow beside heap and stack.
 */
uint64_t process_maps_gap(const struct process_maps *m, uint64_t near_start, uint64_t near_end,
			  uint64_t size);
