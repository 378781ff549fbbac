/*
 * Helpers that ask the host or the machine. What nobody can know beforehand (clock, chance) makes the run `is_open`.
 */
#include "tests/sound/interp_part.h"

/* The bytes of the host from `at` on, as many as are there. */
static struct bytes host_at(const struct interp_call *k)
{
	const struct interp_value *from = &k->args[2];
	uint64_t at = from->bits - (uint64_t)(uintptr_t)k->i->host.data;
	if (from->kind != INTERP_NUMBER || k->i->world)
		k->i->result.is_open = true; /* the program's own memory: not modelled */
	if (from->kind != INTERP_NUMBER || at >= k->i->host.size)
		return (struct bytes){0};
	return (struct bytes){k->i->host.data + at, k->i->host.size - at};
}

static uint64_t made_up(struct interp *i)
{
	i->seed = i->seed * UINT64_C(6364136223846793005) + 1442695040888963407u;
	uint64_t number = i->seed ^ i->seed >> 29;
	return number >> (number & 63);
}

/* Anything may be there, and any number come back. */
static bool read_wild(struct interp_call *k)
{
	for (uint64_t n = 0; n < k->size; n++)
		k->memory[0][n] = (uint8_t)made_up(k->i);
	interp_wrote(k->i, &k->args[0], 0, k->size);
	k->i->result.is_open = true;
	return interp_returns(k, (int64_t)made_up(k->i));
}

static bool do_probe_read(struct interp_call *k)
{
	if (k->i->is_wild)
		return read_wild(k);
	struct bytes from = host_at(k);
	bool is_there = from.size >= k->size;
	memset(k->memory[0], 0, k->size);
	if (is_there)
		memcpy(k->memory[0], from.data, k->size);
	interp_wrote(k->i, &k->args[0], 0, k->size);
	return interp_returns(k, is_there ? 0 : -EFAULT);
}

/* What lies behind the string's end becomes zeros. */
static bool do_probe_read_str(struct interp_call *k)
{
	if (k->i->is_wild)
		return read_wild(k);
	struct bytes from = host_at(k);
	const uint8_t *end = from.size ? memchr(from.data, 0, MIN(from.size, k->size)) : NULL;
	uint64_t length = end ? (uint64_t)(end - from.data) + 1 : k->size;
	if (!end && from.size < k->size) {
		memset(k->memory[0], 0, k->size);
		interp_wrote(k->i, &k->args[0], 0, k->size);
		return interp_returns(k, -EFAULT);
	}
	memset(k->memory[0], 0, k->size);
	memcpy(k->memory[0], from.data, length - 1);
	interp_wrote(k->i, &k->args[0], 0, k->size);
	return interp_returns(k, (int64_t)length);
}

static bool do_chance(struct interp_call *k)
{
	k->i->result.is_open = true;
	return interp_returns(k, (int64_t)made_up(k->i));
}

static bool do_pid(struct interp_call *k)
{
	return interp_returns(k, (int64_t)k->i->pid_tgid);
}

static bool do_strncmp(struct interp_call *k)
{
	const uint8_t *a = k->memory[0], *b = k->memory[2];
	for (uint64_t n = 0; n < k->size; n++) {
		if (a[n] != b[n])
			return interp_returns(k, a[n] < b[n] ? -1 : 1);
		if (a[n] == 0)
			break;
	}
	return interp_returns(k, 0);
}

static const struct interp_model models[] = {
	{BPF_FUNC_probe_read, 0, do_probe_read},
	{BPF_FUNC_probe_read_user, 0, do_probe_read},
	{BPF_FUNC_probe_read_str, 0, do_probe_read_str},
	{BPF_FUNC_probe_read_user_str, 0, do_probe_read_str},
	{BPF_FUNC_ktime_get_ns, 0, do_chance},
	{BPF_FUNC_get_prandom_u32, 0, do_chance},
	{BPF_FUNC_get_smp_processor_id, 0, do_chance},
	{BPF_FUNC_get_current_pid_tgid, 0, do_pid},
	{BPF_FUNC_strncmp, 0, do_strncmp},
};

const struct interp_part interp_part_host = {models, ARRAY_SIZE(models), NULL};
