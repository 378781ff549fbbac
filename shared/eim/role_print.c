/*
 * The role for people, and the role for the code cache: the digest is over JSON that holds all of it.
 */
#include "shared/codec/json.h"
#include "shared/crypto/digest.h"
#include "shared/eim/attribute.h"
#include "shared/eim/role_internal.h"

#include <stdio.h>

#define ROLE_JSON_MAX ((size_t)64 << 20)

static const char *const kind_names[] = {
	[ROLE_FUNCTION_HOST] = "host",
	[ROLE_FUNCTION_HELPER] = "helper",
	[ROLE_FUNCTION_RUNTIME] = "runtime",
	[ROLE_FUNCTION_UNRESOLVED] = "unresolved",
};

/* ---- text ---- */

static void print_attribute(const struct role *r, size_t i, struct buf *out)
{
	const struct attribute *row = &attribute_table[i];
	uint64_t value = attribute_get(row, &r->attributes);
	char text[24];
	if (row->kind == ATTRIBUTE_FLAG)
		snprintf(text, sizeof(text), "%s", value ? "true" : "false");
	else
		snprintf(text, sizeof(text), "%llu", (unsigned long long)value);
	buf_printf(out, "  %-22s %-12s %s", row->name, text, row->meaning);
	if (r->set_by[i].size)
		buf_printf(out, " (set by %.*s)\n", STR_FMT(r->set_by[i]));
	else
		buf_puts(out, " (default)\n");
}

static void print_custom(const struct role_custom_attribute *custom, struct buf *out)
{
	buf_printf(out, "  %-22.*s ", STR_FMT(custom->name));
	json_print(custom->value, out);
	buf_printf(out, " (set by %.*s)\n", STR_FMT(custom->set_by));
}

static void print_signature(struct str name, struct str result, const struct spec_param *params,
			    size_t count, struct buf *out)
{
	buf_printf(out, "  %.*s%s%.*s(", STR_FMT(result), result.size ? " " : "", STR_FMT(name));
	for (size_t i = 0; i < count; i++) {
		bool apart = params[i].name.size && !str_ends(params[i].type, "*");
		buf_printf(out, "%s%.*s%s%.*s", i ? ", " : "", STR_FMT(params[i].type),
			   apart ? " " : "", STR_FMT(params[i].name));
	}
	buf_puts(out, ")\n");
}

static void print_constraints(const char *when, const struct constraint *items, size_t count,
			      struct buf *out)
{
	for (size_t i = 0; i < count; i++)
		buf_printf(out, "      %s%s: %.*s\n", when,
			   items[i].is_default ? " (nothing else is said)" : "",
			   STR_FMT(items[i].text));
}

static void print_function(const struct role_function *f, struct buf *out)
{
	static const char *const meanings[] = {
		[ROLE_FUNCTION_HOST] = "a function of the host",
		[ROLE_FUNCTION_HELPER] = "a helper of the runtime",
		[ROLE_FUNCTION_RUNTIME] = "a function of the runtime",
		[ROLE_FUNCTION_UNRESOLVED] =
			"neither the host nor the runtime has it: calls are rejected",
	};
	print_signature(f->name, f->return_type, f->params, f->params_count, out);
	buf_printf(out, "      from: capability %.*s of role %.*s; %s\n", STR_FMT(f->capability),
		   STR_FMT(f->granted_by), meanings[f->kind]);
	print_constraints("before", f->pre, f->pre_count, out);
	print_constraints("after", f->post, f->post_count, out);
	if (f->acquires.size)
		buf_printf(out, "      acquires: %.*s\n", STR_FMT(f->acquires));
	if (f->releases.size)
		buf_printf(out, "      releases: %.*s\n", STR_FMT(f->releases));
	if (f->side_effect)
		buf_puts(out, "      has a side effect\n");
	if (f->refusal.size)
		buf_printf(out, "      no program may call it: %.*s\n", STR_FMT(f->refusal));
	if (f->lacks.size)
		buf_printf(out,
			   "      no program may call it: it requires %.*s, which the role does "
			   "not hold\n",
			   STR_FMT(f->lacks));
}

static void print_arguments(const struct role *r, const struct role_entry *e, struct buf *out)
{
	for (size_t i = 0; i < e->params_count; i++) {
		buf_printf(out, "      %.*s: ", STR_FMT(e->params[i].name));
		role_print_argument(r, e, i, out);
		buf_puts(out, "\n");
	}
}

static void print_entries(const struct role *r, struct buf *out)
{
	if (r->entries_count)
		buf_puts(out, "\nentries\n");
	for (size_t i = 0; i < r->entries_count; i++) {
		const struct role_entry *e = &r->entries[i];
		print_signature(e->name, e->return_type, e->params, e->params_count, out);
		if (e->symbol.size)
			buf_printf(out, "      host function: %.*s%s\n", STR_FMT(e->symbol),
				   e->btf_id ? "" : " (not in the host's types)");
		if (e->refusal)
			buf_printf(out, "      no program can take its place: %s\n", e->refusal);
		else
			print_arguments(r, e, out);
		print_constraints("vouched for", e->pre, e->pre_count, out);
		print_constraints("to be proved", e->post, e->post_count, out);
	}
}

static void print_access(const struct role *r, struct buf *out)
{
	if (!r->has_access)
		return;
	buf_puts(out, "\naccess to entries' arguments\n");
	for (size_t i = 0; i < r->access_count; i++)
		buf_printf(out, "  %-6s %.*s (from role %.*s)\n",
			   r->access[i].is_write ? "write" : "read", STR_FMT(r->access[i].path),
			   STR_FMT(r->access[i].granted_by));
	if (r->access_count == 0)
		buf_puts(out, "  none\n");
}

static void print_variables(const struct role *r, struct buf *out)
{
	if (r->variables_count)
		buf_puts(out, "\nvariables of the host\n");
	for (size_t i = 0; i < r->variables_count; i++)
		buf_printf(out, "  %-6s %.*s: %.*s%s\n",
			   r->variables[i].is_write ? "write" : "read",
			   STR_FMT(r->variables[i].name), STR_FMT(r->variables[i].type),
			   r->variables[i].btf_id ? "" : " (not in the host's types)");
}

static void print_omissions(const struct role *r, struct buf *out)
{
	if (r->omissions_count)
		buf_puts(out, "\nnot allowed, or never, since not all of the roles agree\n");
	for (size_t i = 0; i < r->omissions_count; i++)
		buf_printf(out, "  %.*s: %.*s\n", STR_FMT(r->omissions[i].what),
			   STR_FMT(r->omissions[i].why));
}

void role_print(const struct role *r, struct buf *out)
{
	buf_printf(out, "role %.*s\n\nattributes\n", STR_FMT(r->name));
	for (size_t i = 0; i < ATTRIBUTE_COUNT; i++)
		print_attribute(r, i, out);
	for (size_t i = 0; i < r->custom_count; i++)
		print_custom(&r->custom[i], out);
	buf_puts(out, "\nfunctions\n");
	for (size_t i = 0; i < r->functions_count; i++)
		print_function(&r->functions[i], out);
	if (r->functions_count == 0)
		buf_puts(out, "  none\n");
	print_entries(r, out);
	print_access(r, out);
	print_variables(r, out);
	print_omissions(r, out);
}

/* ---- digest ---- */

static void write_attributes(struct json *w, const struct role *r)
{
	json_object(w, "attributes");
	for (size_t i = 0; i < ATTRIBUTE_COUNT; i++)
		json_uint(w, attribute_table[i].name,
			  attribute_get(&attribute_table[i], &r->attributes));
	json_end(w);
	json_list(w, "custom");
	for (size_t i = 0; i < r->custom_count; i++) {
		json_text(w, NULL, r->custom[i].name);
		json_node(w, NULL, r->custom[i].value);
	}
	json_end(w);
}

static void write_constraints(struct json *w, const char *key, const struct constraint *items,
			      size_t count)
{
	json_list(w, key);
	for (size_t i = 0; i < count; i++)
		json_text(w, NULL, items[i].text);
	json_end(w);
}

static void write_signature(struct json *w, struct str result, const struct spec_param *params,
			    size_t count)
{
	json_list(w, "params");
	for (size_t i = 0; i < count; i++) {
		json_text(w, NULL, params[i].type);
		json_text(w, NULL, params[i].name);
	}
	json_end(w);
	json_text(w, "returns", result);
}

static void write_value(struct json *w, const struct role_value *v)
{
	json_uint(w, NULL, v->kind);
	json_uint(w, NULL, v->size_bytes);
	json_uint(w, NULL, v->pointee);
	json_uint(w, NULL, v->pointee_bytes);
	json_bool(w, NULL, v->is_signed);
	json_bool(w, NULL, v->is_bool);
	json_bool(w, NULL, v->is_const);
	json_bool(w, NULL, v->is_bytes);
	json_bool(w, NULL, v->is_opaque);
	json_bool(w, NULL, v->is_handle);
	json_text(w, NULL, v->resource);
}

static void write_function(struct json *w, const struct role_function *f)
{
	json_object(w, NULL);
	json_text(w, "name", f->name);
	json_text(w, "kind", str_of(kind_names[f->kind]));
	json_uint(w, "helper", f->helper ? f->helper->id : 0);
	json_uint(w, "btf", f->btf_id);
	json_text(w, "capability", f->capability);
	json_text(w, "grantedBy", f->granted_by);
	write_signature(w, f->return_type, f->params, f->params_count);
	write_constraints(w, "pre", f->pre, f->pre_count);
	write_constraints(w, "post", f->post, f->post_count);
	json_text(w, "acquires", f->acquires);
	json_text(w, "releases", f->releases);
	json_bool(w, "sideEffect", f->side_effect);
	json_text(w, "lacks", f->lacks);
	json_text(w, "refusal", f->refusal);
	json_list(w, "values");
	for (size_t i = 0; i < ROLE_MAX_CALL; i++)
		write_value(w, &f->args[i]);
	write_value(w, &f->result);
	json_end(w);
	json_end(w);
}

static void write_entry(struct json *w, const struct role_entry *e)
{
	json_object(w, NULL);
	json_text(w, "name", e->name);
	json_text(w, "symbol", e->symbol);
	json_uint(w, "btf", e->btf_id);
	write_signature(w, e->return_type, e->params, e->params_count);
	write_constraints(w, "pre", e->pre, e->pre_count);
	write_constraints(w, "post", e->post, e->post_count);
	json_text(w, "refusal", str_of(e->refusal ? e->refusal : ""));
	json_end(w);
}

static void write_entries(struct json *w, const struct role *r)
{
	json_list(w, "entries");
	for (size_t i = 0; i < r->entries_count; i++)
		write_entry(w, &r->entries[i]);
	json_end(w);
	json_bool(w, "hasAccess", r->has_access);
	json_list(w, "access");
	for (size_t i = 0; i < r->access_count; i++) {
		json_bool(w, NULL, r->access[i].is_write);
		json_text(w, NULL, r->access[i].path);
		json_text(w, NULL, r->access[i].granted_by);
	}
	json_end(w);
}

static void write_variables(struct json *w, const struct role *r)
{
	json_list(w, "variables");
	for (size_t i = 0; i < r->variables_count; i++) {
		json_bool(w, NULL, r->variables[i].is_write);
		json_text(w, NULL, r->variables[i].name);
		json_text(w, NULL, r->variables[i].type);
		json_uint(w, NULL, r->variables[i].btf_id);
	}
	json_end(w);
}

struct err *role_digest(struct role *r)
{
	OWNED_BUF struct buf text = BUF_INIT(ROLE_JSON_MAX);
	struct json w = json_start(&text);
	char hex[DIGEST_HEX_SIZE];
	json_object(&w, NULL);
	write_attributes(&w, r);
	json_list(&w, "functions");
	for (size_t i = 0; i < r->functions_count; i++)
		write_function(&w, &r->functions[i]);
	json_end(&w);
	write_entries(&w, r);
	write_variables(&w, r);
	json_text(&w, "host", r->host_digest); /* what places, fields and arguments follow from */
	json_end(&w);
	TRY(buf_check(&text));
	TRY(digest_hex(bytes_of(text.data, text.size), hex));
	r->digest = arena_str(&r->arena, str_of(hex));
	TRY_MEMORY(r->digest.data);
	return NULL;
}
