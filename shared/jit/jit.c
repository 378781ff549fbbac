/*
 * What the outside calls: an object and its verdict become a program (program.h).
 */
#include "shared/jit/program.h"

/* An extension entry without a function of the host has no place to go to. */
static struct err *check_entries(const struct verdict *verdict)
{
	uint32_t count;
	const struct verifier_entry *entries = verdict_entries(verdict, &count);
	for (uint32_t i = 0; i < count; i++) {
		const struct section *kind = entries[i].function->kind;
		if (kind && kind->kind == SECTION_EXTENSION &&
		    (!entries[i].host || entries[i].host->symbol.size == 0))
			return err_new(
				ERR_FAILED_PRECONDITION,
				"%.*s: neither the document nor the host's types say which "
				"function of the host is entry %.*s: write its symbol, or give "
				"the host binary types",
				STR_FMT(entries[i].function->name),
				STR_FMT(entries[i].function->section));
	}
	return NULL;
}

struct err *jit_compile(const struct object *object, const struct role *role,
			const struct verdict *verdict, struct image **out)
{
	if (verdict_finding(verdict))
		return err_new(ERR_INVALID, "a rejected program is not compiled");
	struct jit_program p = {
		.facts = verdict_facts(verdict),
		.object_digest = str_of(object_digest(object)),
		.role_digest = role->digest,
	};
	OWNED_BUF struct buf btf = BUF_INIT(BTF_MAX_BYTES);
	if (object_btf(object)) {
		btf_encode(object_btf(object), &btf);
		TRY_DOING(buf_check(&btf), "the program's types");
		p.btf = buf_bytes(&btf);
	}
	TRY(check_entries(verdict));
	p.insns = object_insns(object, &p.insns_count);
	p.maps = object_maps(object, &p.maps_count);
	p.functions = object_functions(object, &p.functions_count);
	p.externs = verdict_externs(verdict, &p.externs_count);
	p.entries = verdict_entries(verdict, &p.entries_count);
	for (uint32_t i = 0; i < p.entries_count; i++)
		if (p.entries[i].is_metered)
			p.fuel = role->attributes.max_instructions;
	return jit_compile_program(&p, out);
}
