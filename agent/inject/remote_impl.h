/*
 * remote_impl - what the files of `remote` share; nobody else includes it.
 */
#pragma once

#include "agent/inject/remote.h"

#include "agent/discover/process.h"

#define REMOTE_NO_THREAD UINT32_MAX
#define REMOTE_STUB_MAX	 240u

/* orig_rax of a thread that is in no system call. */
#define REMOTE_NO_SYSCALL ((unsigned long long)-1)

struct remote_thread {
	pid_t tid;
	bool is_stopped;
	int signal;		       /* it stands before the delivery of this one; 0: of none */
	struct user_regs_struct regs;  /* as it was stopped */
	struct user_regs_struct going; /* as it shall run on */
	bool must_set;		       /* `going` is not yet what the kernel has */
};

/* The thread that runs our system calls, while it does. */
struct remote_runner {
	uint32_t thread; /* REMOTE_NO_THREAD: none yet */
	uint64_t mask;	 /* its own signal mask; all signals wait while it works for us */
	uint64_t syscall_at;
	uint64_t stub; /* address of the stub; 0: the target has no room for one */
	uint8_t replaced[REMOTE_STUB_MAX];
	bool owes_stop; /* a SIGSTOP came and was held back */
};

struct remote {
	pid_t pid;
	int memory; /* /proc/PID/mem */
	uint64_t since_ns;
	bool seccomp_stays; /* its filter could not be suspended */
	struct remote_thread *threads;
	uint32_t count, capacity;
	struct remote_runner runner;
	uint64_t scratch; /* one page of the target's, mapped for messages; 0: none */
	struct process_maps maps;
	bool has_maps;
};

/* Waits until the thread stops.
 *   out    the wait status; 0: the thread is gone; REMOTE_BUSY: it has not stopped within `patience_ms` */
#define REMOTE_BUSY (-1)
int remote_await(pid_t tid, int patience_ms);

/* The target's mappings as they were when first asked for. */
MUST_CHECK struct err *remote_maps(struct remote *r, const struct process_maps **out);

/* The runner, made ready: its signals wait and it stands in the stub. */
MUST_CHECK struct err *remote_runner_start(struct remote *r);

/* Gives the runner its registers, signals and bytes back. */
void remote_runner_stop(struct remote *r);

/* Changes where the runner's stub would let it go on. */
MUST_CHECK struct err *remote_runner_moved(struct remote *r);

/* Writes the stub for `going` and `mask`, which will be at `address`; returns its size. */
size_t remote_stub_encode(const struct user_regs_struct *going, uint64_t mask,
			  uint8_t out[REMOTE_STUB_MAX]);

/* Room for a stub behind the text of one of the target's modules: bytes that are mapped executable but
 * belong to nothing. 0 where there is none. */
uint64_t remote_find_slack(struct remote *r, uint64_t size);

/* A `syscall` instruction in the target's vdso, or else in any of its code; 0 where there is none. */
uint64_t remote_find_syscall(struct remote *r);

/* The scratch page, mapped when first asked for. */
MUST_CHECK struct err *remote_scratch(struct remote *r, uint64_t *out);
void remote_scratch_free(struct remote *r);
