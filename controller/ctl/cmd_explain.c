/* explain - the effective role: every right, and where it comes from. */
#include "controller/ctl/command.h"
#include "controller/ctl/input.h"
#include "shared/codec/json.h"

static void print_attributes(struct json *w, const struct role *r)
{
	const struct role_attributes *a = &r->attributes;
	json_object(w, "attributes");
	json_uint(w, "max_memory", a->max_memory);
	json_uint(w, "max_map_memory", a->max_map_memory);
	json_uint(w, "max_instructions", a->max_instructions);
	json_bool(w, "metered", a->metered);
	json_bool(w, "allow_memory_write", a->allow_memory_write);
	json_bool(w, "always_const", a->always_const);
	json_bool(w, "may_have_side_effect", a->may_have_side_effect);
	json_bool(w, "skip_verification", a->skip_verification);
	for (size_t i = 0; i < r->custom_count; i++)
		json_node(w, r->custom[i].name.data, r->custom[i].value);
	json_end(w);
}

static void print_constraints(struct json *w, const char *key, const struct constraint *items,
			      size_t count)
{
	json_list(w, key);
	for (size_t i = 0; i < count; i++)
		json_text(w, NULL, items[i].text);
	json_end(w);
}

static void print_signature(struct json *w, struct str result, const struct spec_param *params,
			    size_t count)
{
	json_list(w, "params");
	for (size_t i = 0; i < count; i++) {
		json_object(w, NULL);
		json_text(w, "type", params[i].type);
		json_text(w, "name", params[i].name);
		json_end(w);
	}
	json_end(w);
	json_text(w, "returns", result);
}

static void print_function(struct json *w, const struct role_function *f)
{
	static const char *const kinds[] = {[ROLE_FUNCTION_HOST] = "host",
					    [ROLE_FUNCTION_HELPER] = "helper",
					    [ROLE_FUNCTION_RUNTIME] = "runtime",
					    [ROLE_FUNCTION_UNRESOLVED] = "unresolved"};
	json_object(w, NULL);
	json_text(w, "name", f->name);
	json_text(w, "kind", str_of(kinds[f->kind]));
	json_text(w, "capability", f->capability);
	json_text(w, "grantedBy", f->granted_by);
	print_signature(w, f->return_type, f->params, f->params_count);
	print_constraints(w, "pre", f->pre, f->pre_count);
	print_constraints(w, "post", f->post, f->post_count);
	json_end(w);
}

/* What a program may do with each. */
static void print_arguments(struct json *w, const struct role *r, const struct role_entry *e)
{
	OWNED_BUF struct buf use = BUF_INIT(CTL_MAX_OUTPUT);
	if (e->refusal) {
		json_text(w, "refusal", str_of(e->refusal));
		return;
	}
	json_list(w, "arguments");
	for (size_t i = 0; i < e->params_count; i++) {
		buf_clear(&use);
		role_print_argument(r, e, i, &use);
		json_text(w, NULL, buf_str(&use));
	}
	json_end(w);
}

static void print_entries(struct json *w, const struct role *r)
{
	json_list(w, "entries");
	for (size_t i = 0; i < r->entries_count; i++) {
		const struct role_entry *e = &r->entries[i];
		json_object(w, NULL);
		json_text(w, "name", e->name);
		json_text(w, "symbol", e->symbol);
		json_bool(w, "typed", e->btf_id != 0);
		print_signature(w, e->return_type, e->params, e->params_count);
		print_arguments(w, r, e);
		print_constraints(w, "pre", e->pre, e->pre_count);
		print_constraints(w, "post", e->post, e->post_count);
		json_end(w);
	}
	json_end(w);
}

static void print_access(struct json *w, const struct role *r)
{
	if (!r->has_access)
		return;
	json_list(w, "access");
	for (size_t i = 0; i < r->access_count; i++) {
		json_object(w, NULL);
		json_text(w, "kind", r->access[i].is_write ? STR("write") : STR("read"));
		json_text(w, "path", r->access[i].path);
		json_text(w, "grantedBy", r->access[i].granted_by);
		json_end(w);
	}
	json_end(w);
}

static void print_variables(struct json *w, const struct role *r)
{
	json_list(w, "variables");
	for (size_t i = 0; i < r->variables_count; i++) {
		json_object(w, NULL);
		json_text(w, "name", r->variables[i].name);
		json_text(w, "type", r->variables[i].type);
		json_text(w, "access", r->variables[i].is_write ? STR("write") : STR("read"));
		json_bool(w, "typed", r->variables[i].btf_id != 0);
		json_end(w);
	}
	json_end(w);
}

static void print_omissions(struct json *w, const struct role *r)
{
	if (!r->parts_count)
		return;
	json_list(w, "omissions");
	for (size_t i = 0; i < r->omissions_count; i++) {
		json_object(w, NULL);
		json_text(w, "what", r->omissions[i].what);
		json_text(w, "why", r->omissions[i].why);
		json_end(w);
	}
	json_end(w);
}

static void print_role(const struct role *r, struct buf *out)
{
	struct json w = json_start(out);
	json_object(&w, NULL);
	json_text(&w, "role", r->name);
	json_text(&w, "digest", r->digest);
	print_attributes(&w, r);
	json_list(&w, "functions");
	for (size_t i = 0; i < r->functions_count; i++)
		print_function(&w, &r->functions[i]);
	json_end(&w);
	print_entries(&w, r);
	print_access(&w, r);
	print_variables(&w, r);
	print_omissions(&w, r);
	json_end(&w);
}

/* Roles are words, or --role as elsewhere. */
static struct err *read_role(const struct args *args, struct role **out)
{
	if (args->words_count && args->roles_count)
		return err_new(ERR_INVALID, "give roles as words or with --role, not both");
	if (args->words_count + args->roles_count == 0)
		return err_new(ERR_INVALID, "explain wants ROLE…");
	if (args->words_count)
		return input_role(args, args->words, args->words_count, out);
	return input_role(args, args->roles, args->roles_count, out);
}

struct err *cmd_explain(struct ctl *ctl, const struct args *args)
{
	OWNED(role) struct role *role = NULL;
	TRY(read_role(args, &role));
	if (ctl_is_table(ctl)) {
		role_print(role, &ctl->out);
		return NULL;
	}
	OWNED_BUF struct buf json = BUF_INIT(CTL_MAX_OUTPUT);
	print_role(role, &json);
	return ctl_print_json(ctl, &json);
}
