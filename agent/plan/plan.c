#include "agent/plan/plan.h"

#include "shared/base/mem.h"

struct steps {
	struct plan_step *items; /* owned */
	uint32_t count, capacity;
};

static struct err *add(struct steps *s, struct plan_step step)
{
	if (s->count == s->capacity) {
		uint32_t capacity = MAX(16u, s->capacity * 2);
		struct plan_step *items = mem_resize_array(s->items, capacity, sizeof(*items));
		TRY_MEMORY(items);
		s->items = items;
		s->capacity = capacity;
	}
	s->items[s->count++] = step;
	return NULL;
}

static const struct plan_policy *wanted(const struct plan_input *in, uint32_t process,
					const struct plan_carried *row)
{
	for (uint32_t i = 0; i < in->policies_count; i++) {
		const struct plan_policy *p = &in->policies[i];
		if (str_equal(p->name, row->policy) && str_equal(p->revision, row->revision) &&
		    str_equal(p->exe, in->processes[process].exe))
			return p;
	}
	return NULL;
}

static struct err *add_endings(const struct plan_input *in, bool active, struct steps *s)
{
	for (uint32_t process = 0; process < in->processes_count; process++) {
		uint32_t first = in->processes[process].first;
		for (uint32_t row = first; row < first + in->processes[process].count; row++) {
			if (in->carried[row].is_active != active ||
			    wanted(in, process, &in->carried[row]))
				continue;
			TRY(add(s, (struct plan_step){.action = active ? PLAN_REMOVE : PLAN_FORGET,
						      .process = process,
						      .row = row}));
		}
	}
	return NULL;
}

static bool carries(const struct plan_input *in, uint32_t process, const struct plan_policy *p)
{
	uint32_t first = in->processes[process].first;
	for (uint32_t row = first; row < first + in->processes[process].count; row++)
		if (str_equal(in->carried[row].policy, p->name) &&
		    str_equal(in->carried[row].revision, p->revision))
			return true;
	return false;
}

static struct err *add_beginnings(const struct plan_input *in, struct steps *s)
{
	for (uint32_t process = 0; process < in->processes_count; process++)
		for (uint32_t i = 0; i < in->policies_count; i++) {
			const struct plan_policy *p = &in->policies[i];
			if (!p->is_ready || !str_equal(p->exe, in->processes[process].exe) ||
			    carries(in, process, p))
				continue;
			TRY(add(s, (struct plan_step){.action = PLAN_INSTANTIATE,
						      .process = process,
						      .policy = i}));
		}
	return NULL;
}

static struct err *make(const struct plan_input *in, struct steps *s)
{
	TRY(add_endings(in, true, s));
	TRY(add_endings(in, false, s));
	return add_beginnings(in, s);
}

struct err *plan_make(const struct plan_input *input, struct plan_step **out, uint32_t *count)
{
	struct steps steps = {0};
	struct err *e = make(input, &steps);
	if (e) {
		mem_free(steps.items);
		return e;
	}
	*out = steps.items;
	*count = steps.count;
	return NULL;
}
