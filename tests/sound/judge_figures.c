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
	to->metered += f->metered;
	to->ended += f->ended;
	to->early += f->early;
	to->host_accesses += f->host_accesses;
	for (size_t n = 0; n < WORLD_EXTERNS; n++)
		to->host_calls[n] += f->host_calls[n];
	to->extensions += f->extensions;
	to->extensions_accepted += f->extensions_accepted;
	to->extension_runs += f->extension_runs;
	for (size_t n = 0; n < ARRAY_SIZE(f->rules); n++) {
		to->rules[n] += f->rules[n];
		to->extension_rules[n] += f->extension_rules[n];
	}
	cover_add(&to->cover, &f->cover);
}

static const char *const externs[WORLD_EXTERNS] = {
#define FUNCTION(name, ...) [WORLD_##name] = "host_" #name "()",
#define VARIABLE(name)	    [WORLD_##name] = "host_" #name,
#include "tests/sound/world.tbl.h"
#undef FUNCTION
#undef VARIABLE
};

static void print_host(const struct judge_figures *f, struct buf *out)
{
	buf_printf(out, "%12lu loads, stores and helpers in memory of the host\n",
		   (unsigned long)f->host_accesses);
	for (size_t n = 0; n < WORLD_EXTERNS; n++)
		buf_printf(out, "%12lu %s%s\n", (unsigned long)f->host_calls[n], externs[n],
			   f->host_calls[n] ? "" : " (never)");
}

/* What extensions did. */
static void print_extensions(const struct judge_figures *f, bool is_long, struct buf *out)
{
	buf_printf(out, "%lu extensions, %lu accepted (%lu%%), %lu runs\n",
		   (unsigned long)f->extensions, (unsigned long)f->extensions_accepted,
		   (unsigned long)(f->extensions ? f->extensions_accepted * 100 / f->extensions
						 : 0),
		   (unsigned long)f->extension_runs);
	for (int n = 1; is_long && n <= VERIFIER_TOO_COMPLEX; n++)
		if (f->extension_rules[n])
			buf_printf(out, "%10lu extensions: %s\n",
				   (unsigned long)f->extension_rules[n],
				   verifier_rule_text((enum verifier_rule)n));
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
	buf_printf(out,
		   "%lu metered, %lu runs of them to their last instruction, %lu compiled ones "
		   "ended before\n",
		   (unsigned long)f->metered, (unsigned long)f->ended, (unsigned long)f->early);
	print_rules(f, is_long, out);
	print_extensions(f, is_long, out);
	if (is_long)
		print_host(f, out);
	if (is_long)
		cover_print(&f->cover, out);
}
