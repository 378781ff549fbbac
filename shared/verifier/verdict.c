/*
 * Verdicts, and how they read. The text is for a person who wrote the program; the JSON has the same.
 */
#include "shared/verifier/verdict.h"

#include "shared/base/mem.h"

struct rule_row {
	const char *text, *meaning;
};

static const struct rule_row rules[] = {
	[VERIFIER_ACCEPTED] = {"accepted", "the program keeps to its role"},
#define RULE(name, text, meaning) [VERIFIER_##name] = {text, meaning},
#include "shared/verifier/rule.tbl.h"
#undef RULE
};

const char *verifier_rule_text(enum verifier_rule rule)
{
	return (size_t)rule < ARRAY_SIZE(rules) ? rules[rule].text : "unknown";
}

struct err *verdict_create(const struct object *object, const struct role *role,
			   struct verdict **out)
{
	OWNED(verdict) struct verdict *v = mem_zalloc(sizeof *v);
	TRY_MEMORY(v);
	v->arena = ARENA_INIT(VERDICT_MAX_BYTES);
	v->object = object;
	v->role = role;
	uint32_t functions;
	(void)object_functions(object, &functions);
	(void)object_externs(object, &v->externs_count);
	(void)object_insns(object, &v->insns_count);
	v->facts = arena_alloc_array(&v->arena, v->insns_count + 1, sizeof *v->facts);
	v->entries = arena_alloc_array(&v->arena, functions + 1, sizeof *v->entries);
	v->helpers = arena_alloc_array(&v->arena, helpers_count + 1, sizeof *v->helpers);
	v->externs = arena_alloc_array(&v->arena, v->externs_count + 1, sizeof *v->externs);
	if (!v->facts || !v->entries || !v->helpers || !v->externs)
		return err_no_memory();
	*out = MOVE(v);
	return NULL;
}

void verdict_destroy(struct verdict *v)
{
	if (!v)
		return;
	arena_fini(&v->arena);
	mem_free(v);
}

void verdict_add_helper(struct verdict *v, const struct helper *h)
{
	for (uint32_t i = 0; i < v->helpers_count; i++)
		if (v->helpers[i] == h)
			return;
	v->helpers[v->helpers_count++] = h; /* there is room for each row of the table */
}

const struct verifier_finding *verdict_finding(const struct verdict *v)
{
	return v->is_rejected ? &v->finding : NULL;
}

const struct verifier_entry *verdict_entries(const struct verdict *v, uint32_t *count)
{
	*count = v->entries_count;
	return v->entries;
}

const struct verifier_insn_fact *verdict_facts(const struct verdict *v)
{
	return v->facts;
}

const struct helper *const *verdict_helpers(const struct verdict *v, uint32_t *count)
{
	*count = v->helpers_count;
	return v->helpers;
}

const struct verifier_extern *verdict_externs(const struct verdict *v, uint32_t *count)
{
	*count = v->externs_count;
	return v->externs;
}

uint64_t verdict_steps(const struct verdict *v)
{
	return v->steps;
}

/* ---- for people ---- */

static void print_indented(struct buf *out, const char *title, const char *text)
{
	if (!text)
		return;
	buf_printf(out, "  %s\n", title);
	for (struct str rest = str_of(text), line; rest.size > 0;) {
		(void)str_split(rest, '\n', &line, &rest);
		buf_printf(out, "    %.*s\n", STR_FMT(line));
	}
}

/* As disassemblers write it; what is called by name has its name. */
static void print_insn(const struct verdict *v, const struct bpf_insn *insn, struct buf *out)
{
	uint32_t count;
	const struct object_extern *externs = object_externs(v->object, &count);
	if (insn_kind(insn) == INSN_CALL_KFUNC && (uint32_t)insn->imm < count)
		buf_printf(out, "call %.*s", STR_FMT(externs[insn->imm].name));
	else
		insn_print(insn, out);
}

static void print_place(const struct verdict *v, struct buf *out)
{
	const struct verifier_finding *f = &v->finding;
	uint32_t count;
	const struct bpf_insn *insns = object_insns(v->object, &count);
	if (f->line)
		buf_printf(out, "  at %.*s:%u, in %.*s()\n    %u | %.*s\n", STR_FMT(f->line->file),
			   f->line->line, STR_FMT(f->function), f->line->line,
			   STR_FMT(str_trim(f->line->text)));
	else
		buf_printf(out, "  in %.*s()\n", STR_FMT(f->function));
	buf_printf(out, "  instruction %u: ", f->insn);
	if (f->insn < count)
		print_insn(v, &insns[f->insn], out);
	buf_putc(out, '\n');
}

static void print_rejection(const struct verdict *v, struct buf *out)
{
	const struct verifier_finding *f = &v->finding;
	buf_printf(out, "rejected: %s [%s]\n", f->message, verifier_rule_text(f->rule));
	buf_printf(out, "  entry %.*s, role %.*s\n", STR_FMT(f->entry), STR_FMT(v->role->name));
	print_place(v, out);
	print_indented(out, "known there:", f->registers);
	print_indented(out, "the way there:", f->path);
	if (f->hint)
		buf_printf(out, "  hint: %s\n", f->hint);
}

/* "reads map a, b" */
static void print_maps(const struct verdict *v, const char *word, uint64_t maps, bool *any,
		       struct buf *out)
{
	uint32_t count;
	const struct object_map *all = object_maps(v->object, &count);
	const char *comma = "";
	if (!maps)
		return;
	buf_printf(out, "%s %s ", *any ? ";" : "   ", word);
	for (uint32_t i = 0; i < count; i++) {
		if (!(maps >> i & 1))
			continue;
		buf_printf(out, "%s%.*s", comma, STR_FMT(all[i].name));
		comma = ", ";
	}
	*any = true;
}

static void print_host(const struct verifier_uses *u, bool is_write, bool *any, struct buf *out)
{
	const char *comma = "";
	for (uint32_t i = 0; i < u->host_count; i++) {
		if (u->host[i].is_write != is_write)
			continue;
		if (!*comma)
			buf_printf(out, "%s %s ", *any ? ";" : "   ",
				   is_write ? "writes the host's" : "reads the host's");
		buf_printf(out, "%s%.*s", comma, STR_FMT(u->host[i].path));
		comma = ", ";
		*any = true;
	}
}

static void print_memory(const struct verdict *v, const struct verifier_entry *e, struct buf *out)
{
	bool any = false;
	print_maps(v, "reads", e->uses.maps_read, &any, out);
	print_maps(v, "writes", e->uses.maps_written, &any, out);
	if (e->ctx_reads)
		buf_printf(out, "%s reads the context", any ? ";" : "   ");
	any |= e->ctx_reads != 0;
	print_host(&e->uses, false, &any, out);
	print_host(&e->uses, true, &any, out);
	if (any)
		buf_putc(out, '\n');
}

static bool is_host_function(const struct verifier_extern *e)
{
	return e->is_used && e->is_function && e->symbol.size;
}

static void print_host_functions(const struct verdict *v, struct buf *out)
{
	size_t count = 0;
	for (uint32_t i = 0; i < v->externs_count; i++)
		if (is_host_function(&v->externs[i]))
			buf_printf(out, "%s %.*s",
				   count++ ? "," : "  calls of the host's functions",
				   STR_FMT(v->externs[i].symbol));
	if (count)
		buf_putc(out, '\n');
}

void verdict_print(const struct verdict *v, struct buf *out)
{
	if (v->is_rejected) {
		print_rejection(v, out);
		return;
	}
	buf_printf(out, "accepted under role %.*s\n", STR_FMT(v->role->name));
	for (uint32_t i = 0; i < v->entries_count; i++) {
		const struct verifier_entry *e = &v->entries[i];
		buf_printf(out,
			   "  %.*s: at most %llu instructions per event%s, %u bytes of stack\n",
			   STR_FMT(e->function->name), (unsigned long long)e->worst_insns,
			   e->is_metered ? " (metered)" : "", e->stack_bytes);
		print_memory(v, e, out);
	}
	buf_puts(out, v->helpers_count ? "  calls" : "  calls no helper");
	for (uint32_t i = 0; i < v->helpers_count; i++)
		buf_printf(out, "%s %s", i ? "," : "", v->helpers[i]->name);
	buf_putc(out, '\n');
	print_host_functions(v, out);
}

struct err *verdict_err(const struct verdict *v)
{
	if (!v->is_rejected)
		return NULL;
	const struct verifier_finding *f = &v->finding;
	OWNED_BUF struct buf text = BUF_INIT(1 << 20), path = BUF_INIT(1 << 16);
	OWNED_BUF struct buf data = BUF_INIT(VERIFIER_MAX_DATA);
	verdict_print(v, &text);
	verdict_print_json(v, &data);
	if (f->line)
		buf_printf(&path, "%.*s:%u", STR_FMT(f->line->file), f->line->line);
	struct err *e = err_with_detail(err_at(ERR_REJECTED, buf_text(&path), "%s", f->message),
					buf_text(&text));
	return data.failed ? e : err_with_data(e, buf_text(&data));
}
