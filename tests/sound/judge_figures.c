/*
 * What was judged, in numbers.
 */
#include "tests/sound/judge.h"

void judge_add(struct judge_figures *to, const struct judge_figures *f)
{
	to->programs += f->programs;
	to->accepted += f->accepted;
	to->runs += f->runs;
	to->open_runs += f->open_runs;
	to->compiled += f->compiled;
	to->compiled_runs += f->compiled_runs;
	to->executed += f->executed;
	to->findings += f->findings;
	for (size_t n = 0; n < ARRAY_SIZE(f->rules); n++)
		to->rules[n] += f->rules[n];
	cover_add(&to->cover, &f->cover);
}

static void print_rules(const struct judge_figures *f, bool is_long, struct buf *out)
{
	for (int n = 1; n <= VERIFIER_TOO_COMPLEX; n++)
		if (f->rules[n] || is_long)
			buf_printf(out, "%10lu %s%s\n", (unsigned long)f->rules[n],
				   verifier_rule_text((enum verifier_rule)n),
				   f->rules[n] ? "" : " (never)");
}

void judge_print(const struct judge_figures *f, bool is_long, struct buf *out)
{
	buf_printf(out,
		   "%lu programs, %lu accepted (%lu%%), %lu runs (%lu with an open outcome), "
		   "%lu instructions\n%lu compiled, %lu runs compared\n",
		   (unsigned long)f->programs, (unsigned long)f->accepted,
		   (unsigned long)(f->programs ? f->accepted * 100 / f->programs : 0),
		   (unsigned long)f->runs, (unsigned long)f->open_runs, (unsigned long)f->executed,
		   (unsigned long)f->compiled, (unsigned long)f->compiled_runs);
	print_rules(f, is_long, out);
	if (is_long)
		cover_print(&f->cover, out);
}
