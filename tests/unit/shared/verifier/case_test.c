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
 *	--- c | --- asm
 *	the program
 *
 * The role is the first one of the spec. The Makefile has compiled the program to build/tests/cases.
 */
#include "tests/unit/test.h"

#include "shared/base/file.h"
#include "shared/base/mem.h"
#include "shared/verifier/verifier.h"

#include <glob.h>
#include <stdio.h>
#include <stdlib.h>

#define CASES	 "tests/cases/verifier"
#define MESSAGES 8

struct scenario {
	struct str name, expect, spec, messages[MESSAGES];
	size_t messages_count;
	uint64_t line, worst; /* 0: not asked for */
};

static void read_header(struct str text, struct scenario *out)
{
	static const struct str fields[] = {{"name: ", 6}, {"expect: ", 8}, {"role: ", 6}};
	*out = (struct scenario){.spec = STR("all")};
	struct str *places[] = {&out->name, &out->expect, &out->spec};
	for (struct str line; text.size && str_split(text, '\n', &line, &text);) {
		if (str_starts(line, "--- "))
			return;
		for (size_t i = 0; i < ARRAY_SIZE(fields); i++)
			if (str_starts(line, fields[i].data))
				*places[i] = str_from(line, fields[i].size);
		if (str_starts(line, "message: ") && out->messages_count < MESSAGES)
			out->messages[out->messages_count++] = str_from(line, 9);
		else if (str_starts(line, "line: "))
			assert_true(str_to_u64(str_from(line, 6), &out->line));
		else if (str_starts(line, "worst: "))
			assert_true(str_to_u64(str_from(line, 7), &out->worst));
	}
}

/* The indented lines behind "role: |". */
static void read_inline_spec(struct str text, struct buf *out)
{
	bool is_inside = false;
	for (struct str line; text.size && str_split(text, '\n', &line, &text);) {
		if (str_is(line, "role: |"))
			is_inside = true;
		else if (is_inside && !str_starts(line, "  "))
			return;
		else if (is_inside)
			buf_printf(out, "%.*s\n", STR_FMT(line));
	}
}

static void read_spec(struct str text, const struct scenario *s, struct buf *out)
{
	char path[256];
	if (str_is(s->spec, "|")) {
		read_inline_spec(text, out);
		return;
	}
	snprintf(path, sizeof(path), "tests/cases/specs/%.*s.yaml", STR_FMT(s->spec));
	assert_ok(file_read(path, out));
}

static void read_object(const char *path, struct object **out)
{
	char built[512];
	size_t stem = strlen(path) - strlen(".case");
	OWNED_BUF struct buf image = BUF_INIT(OBJECT_MAX_BYTES);
	snprintf(built, sizeof(built), "build/%.*s.bpf.o", (int)stem, path);
	assert_ok(file_read(built, &image));
	assert_ok(object_parse(buf_bytes(&image), out));
}

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
	buf_puts(&got, f ? "rejected " : "accepted");
	if (f)
		buf_puts(&got, verifier_rule_text(f->rule));
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
	const char *path = *state;
	OWNED_BUF struct buf text = BUF_INIT(1 << 20), document = BUF_INIT(1 << 20);
	OWNED(object) struct object *object = NULL;
	OWNED(spec) struct spec *spec = NULL;
	OWNED(role) struct role *role = NULL;
	OWNED(verdict) struct verdict *v = NULL;
	struct scenario s;
	assert_ok(file_read(path, &text));
	read_header(buf_str(&text), &s);
	assert_true(s.name.size > 0 && s.expect.size > 0);
	read_spec(buf_str(&text), &s, &document);
	assert_ok(spec_parse(buf_str(&document), &spec));
	assert_true(spec->roles_count > 0);
	assert_ok(role_resolve(spec, spec->roles[0].name, NULL, &role));
	read_object(path, &object);
	assert_ok(verifier_run(object, role, VERIFIER_LIMITS_DEFAULT, &v));
	check_verdict(&s, v);
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
		read_header(buf_str(&text), &s);
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
