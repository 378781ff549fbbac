/*
 * Runs tests/cases/verifier: each .case is one test.
 *
 *	name: what it shows, a sentence
 *	expect: accepted | rejected RULE-CODE
 *	message: part of the message or the hint             (any number of them)
 *	line: the source line that is named, counted in the .case file
 *	worst: the worst case of the first entry
 *	role: FILE in tests/cases/specs, without .yaml       (default: all)
 *	role: |                                              … or the spec itself, indented
 *	  roles: …
 *	roles: A & B                                         (default: the first role of the spec)
 *	host: FILE in tests/cases/hosts, without .c: the role is resolved with its types
 *	--- c | --- asm
 *	the program
 *
 * The Makefile has compiled the program to build/tests/cases.
 */
#include "tests/unit/shared/verifier/scenario.h"

#include "shared/base/mem.h"

#include <glob.h>
#include <stdlib.h>

#define CASES "tests/cases/verifier"

static void check_messages(const struct scenario *s, struct str verdict)
{
	for (size_t i = 0; i < s->messages_count; i++)
		if (!memmem(verdict.data, verdict.size, s->messages[i].data, s->messages[i].size))
			fail_msg("\"%.*s\" is not in:\n%.*s", STR_FMT(s->messages[i]),
				 STR_FMT(verdict));
}

static void check_verdict(const struct scenario *s, const struct verdict *v)
{
	OWNED_BUF struct buf text = BUF_INIT(1 << 20), got = BUF_INIT(256);
	const struct verifier_finding *f = verdict_finding(v);
	verdict_print(v, &text);
	scenario_print_outcome(v, &got);
	if (!str_equal(buf_str(&got), s->expect))
		fail_msg("expected: %.*s\n%s", STR_FMT(s->expect), buf_text(&text));
	check_messages(s, buf_str(&text));
	if (s->line && (!f || !f->line || f->line->line != s->line))
		fail_msg("expected line %lu:\n%s", s->line, buf_text(&text));
	uint32_t count;
	const struct verifier_entry *entries = verdict_entries(v, &count);
	if (s->worst && (count == 0 || entries[0].worst_insns != s->worst))
		fail_msg("expected at most %lu instructions:\n%s", s->worst, buf_text(&text));
	if (getenv("CASE_VERBOSE"))
		print_message("%s(%lu steps)\n", buf_text(&text), verdict_steps(v));
}

static void run_case(void **state)
{
	struct scenario_run r;
	scenario_run(*state, &r);
	check_verdict(&r.header, r.verdict);
	scenario_fini(&r);
}

/* Every rule is shown by at least one rejection. */
static void shows_every_rule(void **state)
{
	const glob_t *found = *state;
	bool shown[256] = {false};
	for (size_t i = 0; i < found->gl_pathc; i++) {
		OWNED_BUF struct buf text = BUF_INIT(1 << 20);
		struct scenario s;
		assert_ok(file_read(found->gl_pathv[i], &text));
		scenario_read_header(buf_str(&text), &s);
		for (int r = VERIFIER_ACCEPTED + 1; r <= VERIFIER_TOO_COMPLEX; r++)
			shown[r] |= str_starts(s.expect, "rejected ") &&
				    str_is(str_from(s.expect, 9), verifier_rule_text(r));
	}
	for (int r = VERIFIER_ACCEPTED + 1; r <= VERIFIER_TOO_COMPLEX; r++)
		if (!shown[r])
			fail_msg("no case is rejected by rule %s", verifier_rule_text(r));
}

int main(void)
{
	glob_t found;
	if (glob(CASES "/*.case", 0, NULL, &found) != 0)
		return 1;
	struct CMUnitTest *tests = mem_zalloc_array(found.gl_pathc + 1, sizeof *tests);
	if (!tests)
		return 1;
	for (size_t i = 0; i < found.gl_pathc; i++)
		tests[i] = (struct CMUnitTest){strrchr(found.gl_pathv[i], '/') + 1, run_case, NULL,
					       NULL, found.gl_pathv[i]};
	tests[found.gl_pathc] =
		(struct CMUnitTest){"shows_every_rule", shows_every_rule, NULL, NULL, &found};
	int failed = _cmocka_run_group_tests("cases", tests, found.gl_pathc + 1, NULL, NULL);
	mem_free(tests);
	globfree(&found);
	return failed;
}
