/*
 * The reference of verdicts: shared/verifier/VERDICTS.md is written from rule.tbl.h and from two programs for
 * each rule, tests/cases/verdicts/CODE.bad.case and CODE.good.case. Here both programs get the verdicts that
 * they are to show, and the page in the tree is the one that they make.
 *
 *	verdicts_test --print		writes the page to standard output (`make verdicts`)
 *
 * A .bad.case says more under "about: " (any number of lines): what an author should know about the rule.
 */
#include "tests/unit/shared/verifier/scenario.h"

#define CASES "tests/cases/verdicts"
#define PAGE  "shared/verifier/VERDICTS.md"

struct rule_row {
	const char *code, *meaning;
};

static const struct rule_row rules[] = {
#define RULE(name, code, meaning) {code, meaning},
#include "shared/verifier/rule.tbl.h"
#undef RULE
};

struct field_row {
	const char *name, *when, *meaning;
};

/* The members of a verdict as JSON, in their order. */
static const struct field_row fields[] = {
	{"verdict", "always", "`\"accepted\"` or `\"rejected\"`"},
	{"rule", "rejected",
	 "the code of the rule that is broken, one of the table below; codes never change"},
	{"role", "always", "the role that the program was verified under"},
	{"entry", "rejected", "the entry that was being verified: the function with a `SEC()`"},
	{"function", "rejected",
	 "the function that holds the instruction: the entry, or one that it calls"},
	{"insn", "rejected", "the instruction, counted from 0 over the whole object"},
	{"file", "rejected, with debug information",
	 "the source file, as the compiler was told it"},
	{"line", "rejected, with debug information", "the line of the file, from 1"},
	{"source", "rejected, with debug information", "the text of that line"},
	{"message", "rejected", "what is wrong, in one sentence; its wording may change"},
	{"hint", "rejected", "the nearest thing that would be allowed, or null"},
	{"registers", "rejected",
	 "a list: what is known where it happens, of each register that matters: `register` "
	 "(`r2`), `kind` (`NUMBER`, `STACK`, `CTX`, `MAP`, `VALUE`, `VALUE_OR_NULL` …) and "
	 "`text`"},
	{"path", "rejected",
	 "a list: the branches that led there: `insn`, with debug information `line` and "
	 "`source`, `taken`, and `times` where it went the same way round by round"},
	{"pathOmitted", "rejected", "how many branches there were before these"},
	{"entries", "accepted",
	 "a list: each entry with its `name`; `worstInstructions`, what one event executes at "
	 "the most: proved, or, where `metered` is true, counted as it runs; `stackBytes`, the "
	 "stack of all frames; `helpers`, `hostFunctions` and "
	 "`runtimeFunctions`, the names of what it calls; and `memory`: the names of the maps "
	 "that it reads (`mapsRead`) and writes (`mapsWritten`), the bytes of the context "
	 "that it reads (`context`, from … to), and what it reaches of the host's memory "
	 "(`host`: `path`, and whether it may `write`)"},
	{"helpers", "accepted", "a list: the names of the helpers that the program calls"},
	{"hostFunctions", "accepted", "a list: the names of the host's functions that it calls"},
};

/* ---- the page ---- */

static void case_path(const char *code, const char *kind, char *out, size_t size)
{
	snprintf(out, size, CASES "/%s.%s.case", code, kind);
}

/* The program: what follows "--- c". */
static struct str program_of(struct str text)
{
	for (struct str line; text.size && str_split(text, '\n', &line, &text);)
		if (str_starts(line, "--- "))
			return text;
	fail_msg("a case without a program");
	return text;
}

static void put_about(struct str text, struct buf *out)
{
	for (struct str line; text.size && str_split(text, '\n', &line, &text);) {
		if (str_starts(line, "--- "))
			return;
		if (str_starts(line, "about: "))
			buf_printf(out, "%.*s\n", STR_FMT(str_from(line, 7)));
	}
}

static void put_block(const char *language, struct str text, struct buf *out)
{
	buf_printf(out, "\n```%s\n%.*s```\n", language, STR_FMT(text));
}

static void put_role(const struct scenario_run *r, struct buf *out)
{
	if (!str_is(r->header.spec, "|"))
		return;
	buf_puts(out, "\nThe role:\n");
	put_block("yaml", buf_str(&r->document), out);
}

static void put_verdict(const struct verdict *v, struct buf *out)
{
	OWNED_BUF struct buf text = BUF_INIT(1 << 16);
	verdict_print(v, &text);
	put_block("text", buf_str(&text), out);
}

static void put_rule(const struct rule_row *rule, struct buf *out)
{
	char path[256];
	struct scenario_run bad, good;
	case_path(rule->code, "bad", path, sizeof(path));
	scenario_run(path, &bad);
	case_path(rule->code, "good", path, sizeof(path));
	scenario_run(path, &good);
	buf_printf(out, "\n### %s\n\nRejected because %s.\n", rule->code, rule->meaning);
	put_about(buf_str(&bad.text), out);
	put_role(&bad, out);
	buf_printf(out, "\nRejected: %.*s.\n", STR_FMT(bad.header.name));
	put_block("c", program_of(buf_str(&bad.text)), out);
	put_verdict(bad.verdict, out);
	buf_printf(out, "\nAccepted: %.*s.\n", STR_FMT(good.header.name));
	put_block("c", program_of(buf_str(&good.text)), out);
	put_verdict(good.verdict, out);
	scenario_fini(&good);
	scenario_fini(&bad);
}

/* The JSON of a case's verdict, with a line for each member of the object. */
static void put_json(const char *path, struct buf *out)
{
	OWNED_BUF struct buf text = BUF_INIT(1 << 16), lines = BUF_INIT(1 << 16);
	struct scenario_run r;
	int depth = 0;
	bool is_quoted = false;
	scenario_run(path, &r);
	verdict_print_json(r.verdict, &text);
	for (const char *at = buf_text(&text); *at; at++) {
		buf_putc(&lines, *at);
		if (*at == '\\' && at[1])
			buf_putc(&lines, *++at);
		else if (*at == '"')
			is_quoted = !is_quoted;
		else if (!is_quoted)
			depth += (*at == '{' || *at == '[') - (*at == '}' || *at == ']');
		if (*at == ',' && !is_quoted && depth == 1)
			buf_puts(&lines, "\n ");
	}
	buf_putc(&lines, '\n');
	put_block("json", buf_str(&lines), out);
	scenario_fini(&r);
}

static void put_head(struct buf *out)
{
	buf_puts(out,
		 "# Verdicts\n\n"
		 "<!-- Written by `make verdicts` from rule.tbl.h and tests/cases/verdicts. Rule "
		 "broken: a page of\n"
		 "     more than 1,000 lines, because it is one reference, a section for each "
		 "code. -->\n\n"
		 "What the verifier says about a program under a role, and what to do about it: "
		 "how a verdict\n"
		 "reads, as text and as JSON, and every rule with a program that breaks it, the "
		 "verdict that\n"
		 "this program gets, and the program put right. Where no role is shown, it is one "
		 "that grants\n"
		 "every helper, with default attributes.\n\n"
		 "## As text\n\n"
		 "`eimctl verify PROGRAM --spec SPEC --role ROLE` prints it, and the state of a "
		 "policy has it.\n"
		 "A rejection says what is wrong and, in brackets, the rule; the entry and the "
		 "role; the line\n"
		 "of the source (for programs compiled with `-g`) and the instruction; what is "
		 "known there\n"
		 "about the registers that matter; the branches that led there (*taken*: the "
		 "condition that\n"
		 "stands there holds); and a hint, the nearest thing that would be allowed. Places "
		 "on the\n"
		 "stack are counted from r10, the top of the function's frame: `r10-16` is 16 "
		 "bytes below.\n"
		 "An acceptance says, for each entry, the proved worst case and stack, the memory "
		 "that it\nreads and writes beside its own, and the helpers and functions of the "
		 "host "
		 "called.\n\n"
		 "## As JSON\n\n"
		 "One object; `eimctl verify … -o json` prints it. Match on `verdict` and "
		 "`rule`.\nIn the API, a link that was rejected has it as `verdict`, beside "
		 "`detail`, which is the text\n(`GET /v1/policies/{p}`: `status.failures[]` and "
		 "`status.links[]`; `GET /v1/hosts/{h}`:\n`links[]`); an error has it in "
		 "`error.details[]`. One of more than 32 KiB is left out there.\n\n"
		 "| member | there when | what it is |\n| --- | --- | --- |\n");
	for (size_t i = 0; i < ARRAY_SIZE(fields); i++)
		buf_printf(out, "| `%s` | %s | %s |\n", fields[i].name, fields[i].when,
			   fields[i].meaning);
	buf_puts(out, "\nA rejection, the one of [possible-null](#possible-null):\n");
	put_json(CASES "/possible-null.bad.case", out);
	buf_puts(out, "\nAn acceptance, the one of the same program put right:\n");
	put_json(CASES "/possible-null.good.case", out);
}

static void put_page(struct buf *out)
{
	put_head(out);
	buf_puts(out, "\n## Rules\n\n| code | a program is rejected because |\n| --- | --- |\n");
	for (size_t i = 0; i < ARRAY_SIZE(rules); i++)
		buf_printf(out, "| [%s](#%s) | %s |\n", rules[i].code, rules[i].code,
			   rules[i].meaning);
	for (size_t i = 0; i < ARRAY_SIZE(rules); i++)
		put_rule(&rules[i], out);
}

/* ---- the tests ---- */

static void gets_the_verdict_that_it_shows(void **state)
{
	const char *path = *state;
	OWNED_BUF struct buf got = BUF_INIT(256), want = BUF_INIT(256), text = BUF_INIT(1 << 16);
	struct scenario_run r;
	const char *code = strrchr(path, '/') + 1;
	size_t size = strcspn(code, ".");
	buf_puts(&want, "accepted");
	if (strstr(path, ".bad.case")) {
		buf_clear(&want);
		buf_printf(&want, "rejected %.*s", (int)size, code);
	}
	scenario_run(path, &r);
	scenario_print_outcome(r.verdict, &got);
	verdict_print(r.verdict, &text);
	if (!str_equal(buf_str(&got), buf_str(&want)))
		fail_msg("expected: %s\n%s", buf_text(&want), buf_text(&text));
	assert_true(str_equal(r.header.expect, buf_str(&want)));
	scenario_fini(&r);
}

/* A program that is put right differs in its program, and nowhere else. */
static void is_put_right_under_the_same_role(void **state UNUSED)
{
	for (size_t i = 0; i < ARRAY_SIZE(rules); i++) {
		char path[256];
		struct scenario_run bad, good;
		case_path(rules[i].code, "bad", path, sizeof(path));
		scenario_run(path, &bad);
		case_path(rules[i].code, "good", path, sizeof(path));
		scenario_run(path, &good);
		assert_string_equal(buf_text(&bad.document), buf_text(&good.document));
		assert_string_not_equal(program_of(buf_str(&bad.text)).data,
					program_of(buf_str(&good.text)).data);
		scenario_fini(&good);
		scenario_fini(&bad);
	}
}

/* Where a rejection is, is known from the source. */
static void names_a_line_of_each_rejected_program(void **state UNUSED)
{
	for (size_t i = 0; i < ARRAY_SIZE(rules); i++) {
		char path[256];
		struct scenario_run r;
		case_path(rules[i].code, "bad", path, sizeof(path));
		scenario_run(path, &r);
		const struct verifier_finding *f = verdict_finding(r.verdict);
		if (!f || !f->line || f->line->line == 0 || f->line->text.size == 0)
			fail_msg("%s: no line of the source", path);
		scenario_fini(&r);
	}
}

/* Members that the table describes are printed, in its order, and no others. */
static void describes_each_member(void **state UNUSED)
{
	static const char *const paths[] = {CASES "/possible-null.bad.case",
					    CASES "/possible-null.good.case"};
	for (size_t p = 0; p < ARRAY_SIZE(paths); p++) {
		OWNED_BUF struct buf page = BUF_INIT(1 << 16), member = BUF_INIT(256);
		put_json(paths[p], &page);
		size_t wanted = 0, lines = 0;
		for (size_t i = 0; i < ARRAY_SIZE(fields); i++) {
			if (!strcmp(fields[i].when, p == 0 ? "accepted" : "rejected") ||
			    (p == 1 && str_starts(str_of(fields[i].when), "rejected,")))
				continue;
			wanted++;
			buf_clear(&member);
			buf_printf(&member, "\n%s\"%s\":", wanted == 1 ? "{" : " ", fields[i].name);
			if (!strstr(buf_text(&page), buf_text(&member)))
				fail_msg("%s is not in:\n%s", fields[i].name, buf_text(&page));
		}
		for (const char *at = buf_text(&page); (at = strstr(at, ",\n ")); at++)
			lines++;
		assert_int_equal(lines + 1, wanted);
	}
}

static void is_the_page_in_the_tree(void **state UNUSED)
{
	OWNED_BUF struct buf page = BUF_INIT(1 << 20), tree = BUF_INIT(1 << 20);
	put_page(&page);
	assert_ok(buf_check(&page));
	assert_ok(file_read(PAGE, &tree));
	if (!str_equal(buf_str(&page), buf_str(&tree)))
		fail_msg("%s is not what its sources say; `make verdicts` writes it", PAGE);
}

static int print_page(void)
{
	OWNED_BUF struct buf page = BUF_INIT(1 << 20);
	put_page(&page);
	return page.failed || fwrite(buf_text(&page), 1, page.size, stdout) != page.size;
}

#define RULES	 ARRAY_SIZE(rules)
#define TOGETHER 4

int main(int argc, char **argv)
{
	static char paths[2 * RULES][256];
	static struct CMUnitTest tests[2 * RULES + TOGETHER];
	if (argc == 2 && !strcmp(argv[1], "--print"))
		return print_page();
	for (size_t i = 0; i < 2 * RULES; i++) {
		case_path(rules[i / 2].code, i % 2 ? "good" : "bad", paths[i], sizeof(paths[i]));
		tests[i] =
			(struct CMUnitTest){strrchr(paths[i], '/') + 1,
					    gets_the_verdict_that_it_shows, NULL, NULL, paths[i]};
	}
	const struct CMUnitTest together[TOGETHER] = {
		cmocka_unit_test(is_put_right_under_the_same_role),
		cmocka_unit_test(names_a_line_of_each_rejected_program),
		cmocka_unit_test(describes_each_member),
		cmocka_unit_test(is_the_page_in_the_tree),
	};
	memcpy(&tests[2 * RULES], together, sizeof(together));
	return _cmocka_run_group_tests("verdicts", tests, ARRAY_SIZE(tests), NULL, NULL);
}
