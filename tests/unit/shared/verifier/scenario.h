/*
 * scenario - a .case file: its header, its role, its compiled program, and what the verifier says of it.
 * The format is described in tests/cases/README.md.
 */
#pragma once

#include "tests/unit/test.h"

#include "shared/base/file.h"
#include "shared/verifier/verifier.h"

#include <stdio.h>

#define SCENARIO_MESSAGES 8

struct scenario {
	struct str name, expect, spec, roles, host, messages[SCENARIO_MESSAGES];
	size_t messages_count;
	uint64_t line, worst; /* 0: not asked for */
};

/* A scenario with all that its verdict stands on. */
struct scenario_run {
	struct scenario header; /* borrowed from `text` */
	struct buf text, document;
	struct spec *spec;
	struct btf *host; /* NULL where the case names none */
	struct role *role;
	struct object *object;
	struct verdict *verdict;
};

static inline void scenario_read_header(struct str text, struct scenario *out)
{
	static const struct str fields[] = {
		{"name: ", 6}, {"expect: ", 8}, {"role: ", 6}, {"roles: ", 7}, {"host: ", 6}};
	*out = (struct scenario){.spec = STR("all")};
	struct str *places[] = {&out->name, &out->expect, &out->spec, &out->roles, &out->host};
	for (struct str line; text.size && str_split(text, '\n', &line, &text);) {
		if (str_starts(line, "--- "))
			return;
		for (size_t i = 0; i < ARRAY_SIZE(fields); i++)
			if (str_starts(line, fields[i].data))
				*places[i] = str_from(line, fields[i].size);
		if (str_starts(line, "message: ") && out->messages_count < SCENARIO_MESSAGES)
			out->messages[out->messages_count++] = str_from(line, 9);
		else if (str_starts(line, "line: "))
			assert_true(str_to_u64(str_from(line, 6), &out->line));
		else if (str_starts(line, "worst: "))
			assert_true(str_to_u64(str_from(line, 7), &out->worst));
	}
}

/* The indented lines behind "role: |", without their indentation. */
static inline void scenario_read_inline_spec(struct str text, struct buf *out)
{
	bool is_inside = false;
	for (struct str line; text.size && str_split(text, '\n', &line, &text);) {
		if (str_is(line, "role: |"))
			is_inside = true;
		else if (is_inside && !str_starts(line, "  "))
			return;
		else if (is_inside)
			buf_printf(out, "%.*s\n", STR_FMT(str_from(line, 2)));
	}
}

static inline void scenario_read_spec(struct str text, const struct scenario *s, struct buf *out)
{
	char path[256];
	if (str_is(s->spec, "|")) {
		scenario_read_inline_spec(text, out);
		return;
	}
	snprintf(path, sizeof(path), "tests/cases/specs/%.*s.yaml", STR_FMT(s->spec));
	assert_ok(file_read(path, out));
}

static inline void scenario_read_object(const char *path, struct object **out)
{
	char built[512];
	size_t stem = strlen(path) - strlen(".case");
	OWNED_BUF struct buf image = BUF_INIT(OBJECT_MAX_BYTES);
	snprintf(built, sizeof(built), "build/%.*s.bpf.o", (int)stem, path);
	assert_ok(file_read(built, &image));
	assert_ok(object_parse(buf_bytes(&image), out));
}

/* The types of tests/cases/hosts/NAME.c. */
static inline void scenario_read_host(struct str name, struct btf **out)
{
	char built[512];
	OWNED_BUF struct buf image = BUF_INIT(BTF_MAX_BYTES);
	if (name.size == 0)
		return;
	snprintf(built, sizeof(built), "build/tests/cases/hosts/%.*s.btf", STR_FMT(name));
	assert_ok(file_read(built, &image));
	assert_ok(btf_parse(buf_bytes(&image), out));
}

static inline void scenario_fini(struct scenario_run *r)
{
	verdict_destroy(r->verdict);
	object_destroy(r->object);
	role_destroy(r->role);
	btf_destroy(r->host);
	spec_destroy(r->spec);
	buf_fini(&r->document);
	buf_fini(&r->text);
}

/* Verifies the program of `path` under its roles, else the first one of its spec; scenario_fini() afterwards. */
static inline void scenario_run(const char *path, struct scenario_run *r)
{
	*r = (struct scenario_run){.text = BUF_INIT(1 << 20), .document = BUF_INIT(1 << 20)};
	assert_ok(file_read(path, &r->text));
	scenario_read_header(buf_str(&r->text), &r->header);
	assert_true(r->header.name.size > 0 && r->header.expect.size > 0);
	scenario_read_spec(buf_str(&r->text), &r->header, &r->document);
	assert_ok(spec_parse(buf_str(&r->document), &r->spec));
	assert_true(r->spec->roles_count > 0);
	scenario_read_host(r->header.host, &r->host);
	struct str name = r->header.roles.size ? r->header.roles : r->spec->roles[0].name;
	assert_ok(role_resolve(r->spec, name, r->host, &r->role));
	scenario_read_object(path, &r->object);
	assert_ok(verifier_run(r->object, r->role, VERIFIER_LIMITS_DEFAULT, &r->verdict));
}

/* "accepted", or "rejected RULE-CODE", as in a header. */
static inline void scenario_print_outcome(const struct verdict *v, struct buf *out)
{
	const struct verifier_finding *f = verdict_finding(v);
	buf_puts(out, f ? "rejected " : "accepted");
	if (f)
		buf_puts(out, verifier_rule_text(f->rule));
}
