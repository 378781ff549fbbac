/*
 * lint - findings about specs and policies, each at its place in its file.
 *
 * Findings come in two shapes: errors of a parser, whose place is the path ("L:C"), or in the message
 * ("line L:C: …"), or where a JSON Pointer leads; and rows of spec_lint(). Both become a finding and
 * are printed alike.
 */
#include "controller/ctl/command.h"
#include "controller/ctl/input.h"
#include "controller/ctl/pack.h"
#include "shared/codec/json.h"
#include "shared/codec/yaml.h"

#define POINTER_MAX_BYTES 1024u

struct finding {
	const char *file;
	struct spec_place at;
	bool is_error;
	const char *code;
	struct str message;
};

struct report {
	struct ctl *ctl;
	struct buf text; /* of -o json */
	struct json json;
	size_t errors, warnings, files;
	bool strict;
};

/* ---- printing ---- */

static void print_line(struct buf *out, const struct finding *f)
{
	buf_puts(out, f->file);
	if (f->at.line)
		buf_printf(out, ":%u:%u", f->at.line, f->at.column);
	buf_printf(out, ": %s: ", f->is_error ? "error" : "warning");
	buf_add(out, f->message);
	buf_printf(out, " [%s]\n", f->code);
}

static void print_object(struct json *w, const struct finding *f)
{
	json_object(w, NULL);
	json_text(w, "file", str_of(f->file));
	json_int(w, "line", f->at.line);
	json_int(w, "column", f->at.column);
	json_text(w, "path", str_of(f->at.path));
	json_text(w, "severity", f->is_error ? STR("ERROR") : STR("WARNING"));
	json_text(w, "code", str_of(f->code));
	json_text(w, "message", f->message);
	json_end(w);
}

static void report_add(struct report *r, const struct finding *f)
{
	if (f->is_error)
		r->errors++;
	else
		r->warnings++;
	if (ctl_is_table(r->ctl))
		print_line(&r->ctl->out, f);
	else
		print_object(&r->json, f);
}

/* ---- errors of parsers ---- */

/* "12:3" at the start of `text`: what follows goes to *rest. */
static bool take_place(struct str text, struct spec_place *at, struct str *rest)
{
	struct str line;
	uint64_t l, c;
	size_t digits = 0;
	if (!str_split(text, ':', &line, &text))
		return false;
	while (digits < text.size && text.data[digits] >= '0' && text.data[digits] <= '9')
		digits++;
	if (!str_to_u64(line, &l) || !str_to_u64((struct str){text.data, digits}, &c) ||
	    l > UINT32_MAX || c > UINT32_MAX)
		return false;
	at->line = (uint32_t)l;
	at->column = (uint32_t)c;
	*rest = str_from(text, digits);
	return true;
}

/* The node at `pointer`, or the nearest one around it. */
static const struct node *node_around(const struct node *n, const char *pointer)
{
	char path[POINTER_MAX_BYTES];
	int size = snprintf(path, sizeof(path), "%s", pointer);
	if (size < 0 || (size_t)size >= sizeof(path))
		return n;
	for (const struct node *found; *path; *strrchr(path, '/') = 0) {
		found = node_at(n, path);
		if (found)
			return found;
		if (!strrchr(path, '/'))
			break;
	}
	return n;
}

static void add_err(struct report *r, const char *file, const struct node *document,
		    const struct err *e)
{
	struct str rest;
	struct finding f = {.file = file,
			    .is_error = true,
			    .code = "malformed",
			    .message = str_of(err_message(e)),
			    .at.path = err_path(e)};
	bool in_message =
		str_starts(f.message, "line ") && take_place(str_from(f.message, 5), &f.at, &rest);
	if (in_message)
		f.message = str_from(rest, str_starts(rest, ": ") ? 2 : 0);
	else if (take_place(str_of(err_path(e)), &f.at, &rest))
		f.at.path = "";
	else if (document) {
		const struct node *n = node_around(document, err_path(e));
		f.at.line = n->line;
		f.at.column = n->column;
	}
	report_add(r, &f);
}

/* Reports what is about the document (`e` is moved in); running out of memory and the like goes up. */
static struct err *add_errs(struct report *r, const char *file, const struct node *document,
			    struct err *e)
{
	if (!e || err_code(e) != ERR_INVALID)
		return e;
	for (const struct err *each = e; each; each = err_next(each))
		add_err(r, file, document, each);
	err_destroy(e);
	return NULL;
}

/* ---- documents ---- */

static struct err *lint_spec(struct report *r, const char *file, const struct node *document,
			     struct str text)
{
	OWNED(spec) struct spec *spec = NULL;
	const struct spec_finding *findings = NULL;
	size_t count = 0;
	TRY(add_errs(r, file, document, spec_parse(text, &spec)));
	if (!spec)
		return NULL;
	TRY(spec_lint(spec, r->strict, &findings, &count));
	for (size_t i = 0; i < count; i++)
		report_add(r, &(struct finding){.file = file,
						.at = findings[i].at,
						.is_error = findings[i].severity == SPEC_ERROR,
						.code = findings[i].code,
						.message = str_of(findings[i].message)});
	return NULL;
}

static struct err *lint_file(struct report *r, const char *file)
{
	OWNED_ARENA struct arena a = ARENA_INIT(CTL_MAX_MEMORY);
	OWNED_BUF struct buf text = BUF_INIT(0);
	const struct node *document = NULL;
	struct pack policy;
	TRY(input_read(file, SPEC_MAX_BYTES, &text));
	TRY(add_errs(r, file, NULL, yaml_parse(buf_str(&text), &a, &document)));
	if (!document)
		return NULL;
	if (pack_is_one(document))
		return add_errs(r, file, document, pack_decode(document, file, &a, &policy));
	return lint_spec(r, file, document, buf_str(&text));
}

static struct err *print_report(struct report *r)
{
	if (!ctl_is_table(r->ctl)) {
		json_end(&r->json);
		return ctl_print_json(r->ctl, &r->text);
	}
	if (r->errors + r->warnings)
		buf_printf(&r->ctl->out, "%zu error%s, %zu warning%s\n", r->errors,
			   r->errors == 1 ? "" : "s", r->warnings, r->warnings == 1 ? "" : "s");
	else
		buf_printf(&r->ctl->out, "%zu file%s, nothing to say\n", r->files,
			   r->files == 1 ? "" : "s");
	return NULL;
}

static struct err *lint_all(struct report *r, const struct args *args)
{
	for (unsigned i = 0; i < args->words_count; i++, r->files++)
		TRY(lint_file(r, args->words[i]));
	return print_report(r);
}

struct err *cmd_lint(struct ctl *ctl, const struct args *args)
{
	struct report r = {.ctl = ctl,
			   .text = BUF_INIT(CTL_MAX_OUTPUT),
			   .strict = args_has(args, OPTION_STRICT)};
	r.json = json_start(&r.text);
	json_list(&r.json, NULL);
	struct err *e = lint_all(&r, args);
	ctl->exit_code = r.errors ? 1 : 0;
	buf_fini(&r.text);
	return e;
}
