/*
 * A counter that every instruction decrements would cost as much as the instructions. A jump back is the
 * only way to execute an instruction again within a call of a function, so it is enough to charge there:
 *
 *	i	0 1 2 3 4 5 6 7 8 9		before[i]: the longest way from the first instruction to
 *		      ^-------'			i that only goes forward, in executed instructions
 *		      to    from		charge = before[from] + 1 - before[to]
 *
 * [I1] A step forward from i to j raises before[] by the instruction's cost at least. A charged step back
 *      lowers it by no more than its charge less its cost. So at any time in a call
 *      executed <= before[here] + charges of jumps <= total of the function + charges of jumps.
 * [I2] A call of a local function costs 1 and the function's total: what is executed in it forward is
 *      charged where its caller is. Its jumps back are charged by itself.
 * [I3] Rounds of callbacks are charged each for itself, FUEL_ROUND and the function's total.
 * [I4] What a run begins with is the entry's total; so at each instruction of each frame what was
 *      executed so far is at most what was charged so far.
 *
 * Totals nest: round n of fuel_init() knows those of chains of n frames.
 */
#include "shared/bpf/fuel.h"

#include "shared/base/mem.h"
#include "shared/bpf/insn.h"

static uint64_t add(uint64_t a, uint64_t b)
{
	return MIN(a + b, FUEL_MAX); /* neither is more than FUEL_MAX */
}

static uint64_t total_of_call(const struct fuel_code *code, const uint64_t *totals, uint32_t at)
{
	int64_t first = (int64_t)at + 1 + code->insns[at].imm;
	uint32_t low = 0, high = code->functions_count; /* they are in order */
	while (low < high) {
		uint32_t middle = (low + high) / 2;
		if (code->functions[middle].first == first)
			return totals[middle];
		if (code->functions[middle].first < first)
			low = middle + 1;
		else
			high = middle;
	}
	return 0; /* no function: neither verified nor compiled */
}

static void raise_before(struct fuel *f, const struct object_function *fn, int64_t to,
			 uint64_t cost)
{
	if (to >= fn->first && to < (int64_t)fn->first + fn->count)
		f->before[to] = MAX(f->before[to], cost);
}

/* One sweep: every step forward leads to a higher instruction. The answer is the function's total. */
static uint64_t sweep(struct fuel *f, const struct fuel_code *code,
		      const struct object_function *fn, const uint64_t *totals)
{
	uint64_t total = 0;
	for (uint32_t at = fn->first, next; at < fn->first + fn->count; at = next) {
		const struct bpf_insn *insn = &code->insns[at];
		enum insn_kind kind = insn_kind(insn);
		uint64_t after = add(f->before[at], 1);
		int64_t target = (int64_t)at + 1 + insn_jump_offset(insn);
		next = at + insn_slots(insn);
		if (kind == INSN_CALL_LOCAL)
			after = add(after, total_of_call(code, totals, at));
		if ((kind == INSN_JUMP || kind == INSN_GOTO || kind == INSN_MAY_GOTO) &&
		    target > at)
			raise_before(f, fn, target, after);
		if (kind != INSN_GOTO && kind != INSN_EXIT)
			raise_before(f, fn, next, after);
		total = MAX(total, after);
	}
	return total;
}

struct err *fuel_init(const struct fuel_code *code, struct fuel *out)
{
	uint32_t n = code->functions_count;
	*out = (struct fuel){mem_zalloc_array((size_t)code->insns_count + 1, sizeof(uint64_t)),
			     mem_zalloc_array((size_t)n + 1, sizeof(uint64_t))};
	OWNED(mem) void *memory = mem_zalloc_array((size_t)n + 1, sizeof(uint64_t));
	uint64_t *next = memory;
	if (!out->before || !out->totals || !next)
		return err_no_memory();
	for (unsigned round = 0; round < FUEL_FRAMES; round++) {
		for (uint32_t i = 0; i < n; i++)
			next[i] = sweep(out, code, &code->functions[i], out->totals);
		memcpy(out->totals, next, n * sizeof *next);
	}
	return NULL;
}

void fuel_fini(struct fuel *f)
{
	mem_free(f->before);
	mem_free(f->totals);
	*f = (struct fuel){0};
}

uint64_t fuel_of_jump(const struct fuel *f, uint32_t from, uint32_t to)
{
	uint64_t executed = f->before[from] + 1;
	return executed > f->before[to] ? executed - f->before[to] : 1;
}
