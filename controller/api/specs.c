/*
 * /v1/specs: EIM documents. A revision is stored with its text, its digest, the names of its roles, and
 * what lint found.
 */
#include "controller/api/revisions.h"

static const struct revisions_kind kind = {"spec", "specs", "text"};

struct err *specs_list(void *context, struct http_call *c)
{
	return revisions_list_names(context, c, &kind);
}

struct err *specs_get(void *context, struct http_call *c)
{
	return revisions_get_latest(context, c, &kind);
}

struct err *specs_list_revisions(void *context, struct http_call *c)
{
	return revisions_list(context, c, &kind);
}

struct err *specs_get_revision(void *context, struct http_call *c)
{
	return revisions_get(context, c, &kind);
}

/* All findings that make the document unusable, as one error. */
static struct err *lint_errors(const struct spec_finding *findings, size_t count)
{
	struct err *found = NULL;
	for (size_t i = 0; i < count; i++)
		if (findings[i].severity == SPEC_ERROR)
			err_add(&found, err_at(ERR_INVALID, findings[i].at.path, "line %u:%u: %s",
					       findings[i].at.line, findings[i].at.column,
					       findings[i].message));
	return found;
}

static void print_findings(struct json *w, const struct spec_finding *findings, size_t count)
{
	json_list(w, "findings");
	for (size_t i = 0; i < count; i++) {
		json_object(w, NULL);
		json_text(w, "severity", STR("WARNING"));
		json_text(w, "code", str_of(findings[i].code));
		json_text(w, "message", str_of(findings[i].message));
		json_text(w, "path", str_of(findings[i].at.path));
		json_int(w, "line", findings[i].at.line);
		json_int(w, "column", findings[i].at.column);
		json_end(w);
	}
	json_end(w);
}

static void print_spec(const struct spec *spec, const struct spec_finding *findings, size_t count,
		       struct str text, struct buf *out)
{
	struct json w = json_start(out);
	json_object(&w, NULL);
	json_text(&w, "digest", spec->digest);
	json_list(&w, "roles");
	for (size_t i = 0; i < spec->roles_count; i++)
		json_text(&w, NULL, spec->roles[i].name);
	json_end(&w);
	print_findings(&w, findings, count);
	json_text(&w, "text", text);
	json_end(&w);
}

struct err *specs_create_revision(void *context, struct http_call *c)
{
	OWNED(spec) struct spec *spec = NULL;
	OWNED_BUF struct buf text = BUF_INIT(16 * SPEC_MAX_BYTES);
	const struct spec_finding *findings;
	size_t count;
	struct str name, body = http_call_body(c);
	TRY(common_name(c, "spec", &name));
	if (str_trim(body).size == 0)
		return err_new(ERR_INVALID, "the request needs a body: the document");
	TRY(spec_parse(body, &spec));
	TRY(spec_lint(spec, false, &findings, &count));
	TRY(lint_errors(findings, count));
	print_spec(spec, findings, count, body, &text);
	TRY(buf_check(&text));
	return revisions_create(context, c, &kind, name, spec->digest, buf_str(&text));
}
