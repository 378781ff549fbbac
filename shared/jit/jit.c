/*
 * What the outside calls: an object and its verdict become a program (program.h).
 */
#include "shared/jit/program.h"

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
	p.insns = object_insns(object, &p.insns_count);
	p.maps = object_maps(object, &p.maps_count);
	p.functions = object_functions(object, &p.functions_count);
	p.entries = verdict_entries(verdict, &p.entries_count);
	for (uint32_t i = 0; i < p.entries_count; i++)
		if (p.entries[i].is_metered)
			p.fuel = role->attributes.max_instructions;
	return jit_compile_program(&p, out);
}
