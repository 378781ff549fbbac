/*
 * Patching, all threads standing.
 *
 * [P1] Threads are moved out of a window before it is patched, into the copy of its instructions; should
 *      we die in between, they come back by the copy's own jump. When a site is restored, it is the
 *      other way round: first the bytes, then the threads.
 * [P2] A thread whose signal handler will return into a window cannot be moved: then nothing is patched,
 *      and it is tried again later.
 * [P3] What is written is read back. A site whose bytes are neither this nor that state's is another's.
 */
#include "agent/provider/target_impl.h"

#include "shared/base/mem.h"

void target_site_bytes(const struct target_site *s, const struct target_state *state,
		       uint8_t out[SITE_MAX_WINDOW])
{
	memcpy(out, s->plan.original, s->plan.window);
	if (!state->thunk)
		return;
	uint32_t distance = (uint32_t)(state->thunk - (s->address + SITE_JUMP_BYTES));
	out[0] = 0xe9;
	memcpy(out + 1, &distance, sizeof(distance));
}

static bool is_new(const struct target_site *s)
{
	return s->is_changing && !s->now.thunk && s->next.thunk;
}

/* ---- checking ---- */

static struct err *check_site(const struct target_site *s, const struct target_state *state,
			      struct remote *r)
{
	uint8_t want[SITE_MAX_WINDOW], have[SITE_MAX_WINDOW];
	target_site_bytes(s, state, want);
	TRY(remote_read(r, s->address, have, s->plan.window));
	if (memcmp(want, have, s->plan.window) == 0)
		return NULL;
	return err_new(ERR_FAILED_PRECONDITION,
		       "the bytes at 0x%llx are neither the original ones nor ours: another tool "
		       "has changed them",
		       (unsigned long long)s->address);
}

struct err *target_patch_check(struct target *t, struct remote *r)
{
	struct err *all = NULL;
	for (uint32_t n = 0; n < t->sites_count; n++)
		if (t->sites[n]->is_changing)
			err_add(&all, check_site(t->sites[n], &t->sites[n]->now, r));
	return all;
}

/* ---- threads ---- */

/* The place in the copy for an ip in the window, or the other way round; 0 where it is no start of an
 * instruction. */
static uint64_t into_copy(const struct target_site *s, const struct target_state *state,
			  uint64_t ip)
{
	for (unsigned n = 0; n < s->plan.insns_count; n++)
		if (ip == s->address + s->plan.insns[n].offset)
			return state->thunk + state->displaced + state->relocated[n];
	return 0;
}

static uint64_t out_of_copy(const struct target_site *s, const struct target_state *state,
			    uint64_t ip)
{
	if (ip == state->thunk)
		return s->address;
	for (unsigned n = 0; n < s->plan.insns_count; n++)
		if (ip == state->thunk + state->displaced + state->relocated[n])
			return s->address + s->plan.insns[n].offset;
	return 0;
}

static bool is_inside(const struct target_site *s, uint64_t ip)
{
	return ip > s->address && ip < s->address + s->plan.window;
}

static struct err *in_the_way(const struct target_site *s)
{
	return err_new(ERR_UNAVAILABLE,
		       "a thread, or a signal handler's return, stays inside the bytes at 0x%llx",
		       (unsigned long long)s->address);
}

static struct err *move_in(const struct target_site *s, struct remote *r)
{
	for (uint32_t i = 0; i < remote_threads_count(r); i++) {
		uint64_t ip = remote_regs(r, i)->rip;
		if (!is_inside(s, ip))
			continue;
		uint64_t to = into_copy(s, &s->next, ip);
		if (!to)
			return in_the_way(s);
		TRY(remote_move(r, i, to));
	}
	return NULL;
}

/* Threads that stand in the copy's instructions leave it; others come out by themselves. */
static struct err *move_out(const struct target_site *s, struct remote *r)
{
	for (uint32_t i = 0; i < remote_threads_count(r); i++) {
		uint64_t to = out_of_copy(s, &s->now, remote_regs(r, i)->rip);
		if (to)
			TRY(remote_move(r, i, to));
	}
	return NULL;
}

/* [P2] */
static struct err *check_stacks(struct target *t, struct remote *r)
{
	uint32_t count = 0;
	struct remote_range *ranges = mem_zalloc_array(t->sites_count, sizeof(*ranges));
	OWNED(mem) void *owned = ranges;
	bool *used = mem_zalloc_array(t->sites_count, sizeof(*used));
	OWNED(mem) void *owned_used = used;
	struct target_site *sites[TARGET_MAX_SITES];
	TRY_MEMORY(ranges);
	TRY_MEMORY(used);
	for (uint32_t n = 0; n < t->sites_count; n++) {
		struct target_site *s = t->sites[n];
		if (!is_new(s))
			continue;
		sites[count] = s;
		ranges[count++] =
			(struct remote_range){s->address + 1, s->address + s->plan.window};
	}
	if (count)
		TRY(remote_uses_each(r, ranges, count, used));
	for (uint32_t n = 0; n < count; n++)
		if (used[n])
			return in_the_way(sites[n]);
	return NULL;
}

/* ---- writing ---- */

static struct err *write_thunk(const struct target_site *s, struct remote *r)
{
	uint8_t back[THUNK_MAX_BYTES];
	TRY(remote_write(r, s->next.thunk, s->code, s->next.bytes));
	TRY(remote_read(r, s->next.thunk, back, s->next.bytes));
	if (memcmp(back, s->code, s->next.bytes) != 0)
		return err_new(ERR_SYSTEM, "process %d: memory written is not what is read back",
			       remote_pid(r));
	return NULL;
}

/* The jump alone: the rest of the window is never executed, and stays for people to see. */
static struct err *write_site(struct target_site *s, const struct target_state *state,
			      struct remote *r)
{
	uint8_t bytes[SITE_MAX_WINDOW];
	target_site_bytes(s, state, bytes);
	s->is_written = true;
	TRY(remote_write(r, s->address, bytes, SITE_JUMP_BYTES));
	return check_site(s, state, r);
}

static struct err *prepare(struct target *t, struct remote *r)
{
	for (uint32_t n = 0; n < t->sites_count; n++) {
		const struct target_site *s = t->sites[n];
		if (s->is_changing && s->next.thunk)
			TRY(write_thunk(s, r));
	}
	for (uint32_t n = 0; n < t->sites_count; n++)
		if (is_new(t->sites[n]))
			TRY(move_in(t->sites[n], r));
	return check_stacks(t, r);
}

struct err *target_patch(struct target *t, struct remote *r)
{
	TRY(prepare(t, r));
	for (uint32_t n = 0; n < t->sites_count; n++)
		if (t->sites[n]->is_changing)
			TRY(write_site(t->sites[n], &t->sites[n]->next, r));
	for (uint32_t n = 0; n < t->sites_count; n++)
		if (t->sites[n]->is_changing && !t->sites[n]->next.thunk)
			TRY(move_out(t->sites[n], r));
	return NULL;
}

/* ---- undoing ---- */

static void move_back(const struct target_site *s, struct remote *r)
{
	for (uint32_t i = 0; i < remote_threads_count(r); i++)
		if (is_inside(s, remote_regs(r, i)->rip))
			err_destroy(remote_move(r, i, remote_regs(r, i)->rip));
}

/* What fails here fails because the process is gone. */
void target_patch_undo(struct target *t, struct remote *r)
{
	for (uint32_t n = 0; n < t->sites_count; n++) {
		struct target_site *s = t->sites[n];
		if (!s->is_changing)
			continue;
		if (s->is_written)
			err_destroy(write_site(s, &s->now, r));
		if (is_new(s))
			move_back(s, r);
	}
}
