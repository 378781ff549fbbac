/*
 * Verdicts for programs: the same as the text, by parts.
 */
#include "shared/verifier/verdict.h"

#include "shared/codec/json.h"

static void json_optional(struct json *w, const char *key, const char *text)
{
	if (text)
		json_text(w, key, str_of(text));
	else
		json_null(w, key);
}

/* ---- rejections ---- */

static void json_place(struct json *w, const struct btf_line *line)
{
	if (!line)
		return;
	json_uint(w, "line", line->line);
	json_text(w, "source", str_trim(line->text));
}

static void json_registers(struct json *w, const struct verifier_finding *f)
{
	json_list(w, "registers");
	for (uint32_t i = 0; i < f->register_rows_count; i++) {
		const struct verifier_register *r = &f->register_rows[i];
		json_object(w, NULL);
		json_text(w, "register", str_of(r->name));
		json_text(w, "kind", str_of(r->kind));
		json_text(w, "text", str_of(r->text));
		json_end(w);
	}
	json_end(w);
}

static void json_path(struct json *w, const struct verifier_finding *f)
{
	json_list(w, "path");
	for (uint32_t i = 0; i < f->branches_count; i++) {
		const struct verifier_branch *b = &f->branches[i];
		json_object(w, NULL);
		json_uint(w, "insn", b->insn);
		json_place(w, b->line);
		json_bool(w, "taken", b->taken);
		json_uint(w, "times", b->times);
		json_end(w);
	}
	json_end(w);
	json_uint(w, "pathOmitted", f->branches_before);
}

static void json_rejection(const struct verdict *v, struct json *w)
{
	const struct verifier_finding *f = &v->finding;
	json_text(w, "verdict", STR("rejected"));
	json_optional(w, "rule", verifier_rule_text(f->rule));
	json_text(w, "role", v->role->name);
	json_text(w, "entry", f->entry);
	json_text(w, "function", f->function);
	json_uint(w, "insn", f->insn);
	if (f->line)
		json_text(w, "file", f->line->file);
	json_place(w, f->line);
	json_text(w, "message", str_of(f->message));
	json_optional(w, "hint", f->hint);
	json_registers(w, f);
	json_path(w, f);
}

/* ---- acceptances ---- */

static void json_helpers(struct json *w, const struct verifier_uses *u)
{
	json_list(w, "helpers");
	for (uint32_t i = 0; i < helpers_count && i < VERIFIER_USES_HELPERS; i++)
		if (u->helpers[i / 64] >> i % 64 & 1)
			json_text(w, NULL, str_of(helpers[i].name));
	json_end(w);
}

static void json_externs(const struct verdict *v, struct json *w, const struct verifier_uses *u,
			 bool is_runtime)
{
	uint32_t count;
	const struct object_extern *externs = object_externs(v->object, &count);
	json_list(w, is_runtime ? "runtimeFunctions" : "hostFunctions");
	for (uint32_t i = 0; i < count && i < OBJECT_MAX_EXTERNS; i++)
		if ((u->externs[i / 64] >> i % 64 & 1) && externs[i].is_function &&
		    (v->externs[i].symbol.size > 0) != is_runtime)
			json_text(w, NULL, externs[i].name);
	json_end(w);
}

static void json_maps(const struct verdict *v, struct json *w, const char *key, uint64_t which)
{
	uint32_t count;
	const struct object_map *maps = object_maps(v->object, &count);
	json_list(w, key);
	for (uint32_t i = 0; i < count; i++)
		if (which >> i & 1)
			json_text(w, NULL, maps[i].name);
	json_end(w);
}

/* Runs of words of 8 bytes. */
static void json_context(struct json *w, uint64_t words)
{
	json_list(w, "context");
	for (unsigned from = 0; from < 64; from++) {
		unsigned to = from;
		while (to < 64 && words >> to & 1)
			to++;
		if (to == from)
			continue;
		json_object(w, NULL);
		json_uint(w, "from", 8 * from);
		json_uint(w, "to", 8 * to - 1);
		json_end(w);
		from = to;
	}
	json_end(w);
}

static void json_memory(const struct verdict *v, struct json *w, const struct verifier_entry *e)
{
	json_object(w, "memory");
	json_maps(v, w, "mapsRead", e->uses.maps_read);
	json_maps(v, w, "mapsWritten", e->uses.maps_written);
	json_context(w, e->ctx_reads);
	json_list(w, "host");
	for (uint32_t i = 0; i < e->uses.host_count; i++) {
		json_object(w, NULL);
		json_text(w, "path", e->uses.host[i].path);
		json_bool(w, "write", e->uses.host[i].is_write);
		json_end(w);
	}
	json_end(w);
	json_end(w);
}

static void json_entry(const struct verdict *v, struct json *w, const struct verifier_entry *e)
{
	json_object(w, NULL);
	json_text(w, "name", e->function->name);
	json_uint(w, "worstInstructions", e->worst_insns);
	json_bool(w, "metered", e->is_metered);
	json_uint(w, "stackBytes", e->stack_bytes);
	json_helpers(w, &e->uses);
	json_externs(v, w, &e->uses, false);
	json_externs(v, w, &e->uses, true);
	json_memory(v, w, e);
	json_end(w);
}

static void json_acceptance(const struct verdict *v, struct json *w)
{
	json_text(w, "verdict", STR("accepted"));
	json_text(w, "role", v->role->name);
	json_list(w, "entries");
	for (uint32_t i = 0; i < v->entries_count; i++)
		json_entry(v, w, &v->entries[i]);
	json_end(w);
	json_list(w, "helpers");
	for (uint32_t i = 0; i < v->helpers_count; i++)
		json_text(w, NULL, str_of(v->helpers[i]->name));
	json_end(w);
	json_list(w, "hostFunctions");
	for (uint32_t i = 0; i < v->externs_count; i++)
		if (v->externs[i].is_used && v->externs[i].is_function && v->externs[i].symbol.size)
			json_text(w, NULL, v->externs[i].symbol);
	json_end(w);
}

void verdict_print_json(const struct verdict *v, struct buf *out)
{
	struct json w = json_start(out);
	json_object(&w, NULL);
	if (v->is_rejected)
		json_rejection(v, &w);
	else
		json_acceptance(v, &w);
	json_end(&w);
}
