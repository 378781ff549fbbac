/*
 * Variables of the host: `extern int counter __ksym;`
 *
 * The program and the host say what the variable is, each in its own types: their sizes have to be the same.
 */
#include "shared/verifier/host.h"

#include "shared/base/near.h"

static struct err *reject_unknown(struct check *c, struct str name)
{
	OWNED_BUF struct buf hint = BUF_INIT(1 << 16);
	struct near near = near_start(name);
	for (size_t i = 0; i < c->role->variables_count; i++) {
		struct str each = c->role->variables[i].name;
		near_offer(&near, each);
		buf_printf(&hint, "%s%.*s", i ? ", " : "the role may use ", STR_FMT(each));
	}
	struct str found = near_found(&near);
	if (found.size)
		buf_printf(&hint, "; did you mean %.*s?", STR_FMT(found));
	if (c->role->variables_count == 0)
		buf_puts(&hint, "list it under variables");
	c->is_short |= hint.failed;
	return check_reject(c, VERIFIER_VARIABLE_NOT_GRANTED, buf_text(&hint),
			    "role %.*s may not use the host's variable %.*s",
			    STR_FMT(c->role->name), STR_FMT(name));
}

static struct err *reject_size(struct check *c, const struct role_variable *v, uint32_t type,
			       uint64_t size)
{
	const struct btf *own = object_btf(c->object);
	OWNED_BUF struct buf mine = BUF_INIT(1 << 14), theirs = BUF_INIT(1 << 14);
	btf_print_type(own, type, &mine);
	btf_print_type(c->role->host, v->type_id, &theirs);
	c->is_short |= mine.failed || theirs.failed;
	return check_reject(c, VERIFIER_VARIABLE_NOT_GRANTED,
			    check_text(c, "declare it as the host does: extern %s %.*s __ksym;",
				       buf_text(&theirs), STR_FMT(v->name)),
			    "variable %.*s is \"%s\" (%llu bytes) in the program, but \"%s\" (%u "
			    "bytes) in the host",
			    STR_FMT(v->name), buf_text(&mine), (unsigned long long)size,
			    buf_text(&theirs), v->size_bytes);
}

static struct err *check_type(struct check *c, const struct role_variable *v, uint32_t btf_id)
{
	const struct btf *own = object_btf(c->object);
	if (!own || btf_id == 0)
		return NULL; /* the program says nothing: accesses are checked all the same */
	uint32_t type = btf_type(own, btf_id)->type;
	uint64_t size = btf_size(own, type);
	if (size == 0 || size == v->size_bytes) /* void: whatever it is */
		return NULL;
	return reject_size(c, v, type, size);
}

static void use_extern(struct check *c, uint32_t index, const struct role_variable *v)
{
	c->verdict->externs[index] = (struct verifier_extern){.is_used = true,
							      .is_function = false,
							      .symbol = v->name,
							      .name = v->name};
}

struct err *host_variable(struct check *c, const struct bpf_insn *insn, struct state_reg *out)
{
	uint32_t count;
	const struct object_extern *externs = object_externs(c->object, &count);
	if (insn->imm < 0 || (uint32_t)insn->imm >= count || externs[insn->imm].is_function)
		return check_reject(c, VERIFIER_BAD_INSN, NULL, "there is no extern variable %d",
				    insn->imm);
	const struct object_extern *e = &externs[insn->imm];
	const struct role_variable *v = role_find_variable(c->role, e->name);
	if (!v)
		return reject_unknown(c, e->name);
	if (!v->btf_id || !c->role->host || v->size_bytes == 0)
		return check_reject(c, VERIFIER_VARIABLE_NOT_GRANTED,
				    "name the host's binary or its BTF: --host-binary, --btf",
				    "nothing says what the host's variable %.*s is: its types do "
				    "not have it",
				    STR_FMT(v->name));
	TRY(check_type(c, v, e->btf_id));
	use_extern(c, (uint32_t)insn->imm, v);
	*out = (struct state_reg){.kind = STATE_HOST_VAR,
				  .map = (uint32_t)(v - c->role->variables),
				  .size = v->size_bytes,
				  .range = range_const(0)};
	return NULL;
}
