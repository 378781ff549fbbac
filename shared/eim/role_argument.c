/*
 * What the arguments of an entry are to a program. BTF says what lies in a register; the entry's constraints,
 * which the host vouches for, say what of the memory behind a pointer is there; access lists come later
 * (role_place.c).
 *
 * [G1] Without the host's BTF nothing is followed: every argument is a number.
 * [G2] A size is an integer and at most one other argument, of 4 or 8 bytes: what is shorter lies in its register
 *      in a way that the ABI leaves open. Any other size is as if nothing had been said.
 */
#include "shared/eim/ctype.h"
#include "shared/eim/role_internal.h"

bool role_is_const(const struct btf *btf, uint32_t id)
{
	for (;;) {
		const struct btf_type *t = btf_type(btf, id);
		if (t->kind == BTF_CONST)
			return true;
		if (t->kind != BTF_TYPEDEF && t->kind != BTF_VOLATILE && t->kind != BTF_RESTRICT &&
		    t->kind != BTF_TYPE_TAG && t->kind != BTF_ARRAY)
			return false;
		id = t->type;
	}
}

/* ---- by BTF ---- */

static struct err *refuse(struct role_builder *b, struct role_entry *entry, const char *what,
			  struct str name, const char *why)
{
	OWNED_BUF struct buf text = BUF_INIT(1 << 16);
	if (entry->refusal)
		return NULL;
	buf_printf(&text, "its %s \"%.*s\" %s", what, STR_FMT(name), why);
	TRY(buf_check(&text));
	entry->refusal = arena_text(&b->role->arena, buf_str(&text));
	TRY_MEMORY(entry->refusal);
	return NULL;
}

static bool is_number(const struct btf_type *t)
{
	return (t->kind == BTF_INT || t->kind == BTF_ENUM || t->kind == BTF_ENUM64) &&
	       t->size_bytes <= 8;
}

static struct err *take_typed(struct role_builder *b, const struct btf_type *proto,
			      struct role_entry *entry, uint32_t i)
{
	struct btf_member m = btf_member(b->host, proto, i);
	const struct btf_type *t = btf_type(b->host, btf_skip(b->host, m.type));
	if (t->kind == BTF_PTR)
		entry->args[i].size_bytes = 8;
	else if (is_number(t))
		entry->args[i] = (struct role_argument){.size_bytes = (uint8_t)t->size_bytes,
							.is_signed = t->is_signed};
	else
		return refuse(b, entry, "parameter", entry->params[i].name,
			      "is neither a number of at most 8 bytes nor a pointer");
	return NULL;
}

static struct err *take_result(struct role_builder *b, const struct btf_type *proto,
			       struct role_entry *entry)
{
	const struct btf_type *t = btf_type(b->host, btf_skip(b->host, proto->type));
	if (t->kind == BTF_VOID)
		return NULL;
	if (!is_number(t))
		return refuse(b, entry, "result of type", entry->return_type, "is no number");
	entry->result_bytes = (uint8_t)t->size_bytes;
	entry->is_result_signed = t->is_signed;
	return NULL;
}

/* ---- without it [G1] ---- */

static bool may_be_register(const struct role_builder *b, struct str type)
{
	struct ctype c;
	if (!ctype_resolve(b->spec, type, &c) || c.pointers)
		return true;
	return c.kind != CTYPE_FLOAT && c.kind != CTYPE_STRUCT && c.kind != CTYPE_UNION;
}

static struct err *take_untyped(struct role_builder *b, struct role_entry *entry)
{
	for (size_t i = 0; i < entry->params_count; i++)
		if (!may_be_register(b, entry->params[i].type))
			TRY(refuse(b, entry, "parameter", entry->params[i].name,
				   "is no number and no pointer"));
	struct ctype c;
	if (!ctype_resolve(b->spec, entry->return_type, &c))
		return NULL;
	if (c.pointers || !may_be_register(b, entry->return_type))
		return refuse(b, entry, "result of type", entry->return_type, "is no number");
	entry->result_bytes = c.kind == CTYPE_VOID || c.size_bytes > 8 ? 0 : (uint8_t)c.size_bytes;
	entry->is_result_signed = c.is_signed;
	return NULL;
}

/* ---- by constraints ---- */

static struct role_argument *find_argument(struct role_entry *entry, struct str name)
{
	for (size_t i = 0; i < entry->params_count; i++)
		if (str_equal(entry->params[i].name, name))
			return &entry->args[i];
	return NULL;
}

static bool is_pointer(const struct role_builder *b, const struct btf_type *proto, size_t i)
{
	uint32_t type = btf_member(b->host, proto, (uint32_t)i).type;
	return btf_type(b->host, btf_skip(b->host, type))->kind == BTF_PTR;
}

struct size {
	int64_t base;
	uint8_t of;
};

/* [G2] */
static bool read_size(struct role_entry *entry, const struct constraint_sum *sum, struct size *out)
{
	*out = (struct size){0};
	for (size_t i = 0; i < sum->count; i++) {
		const struct constraint_atom *a = &sum->atoms[i];
		if (a->kind == CONSTRAINT_INTEGER) {
			if (a->integer < 0 || a->integer > INT32_MAX)
				return false;
			out->base += a->negative ? -a->integer : a->integer;
			continue;
		}
		struct role_argument *n =
			a->kind == CONSTRAINT_NAME ? find_argument(entry, a->name) : NULL;
		if (!n || a->negative || out->of || (n->size_bytes != 4 && n->size_bytes != 8))
			return false;
		out->of = (uint8_t)(n - entry->args + 1);
	}
	return out->base >= 0 && out->base <= INT32_MAX;
}

static void take_memory(const struct role_builder *b, const struct btf_type *proto,
			struct role_entry *entry, const struct constraint_term *t,
			struct role_argument *a)
{
	struct size size;
	bool is_sized = a->size_base || a->size_of;
	if (!read_size(entry, &t->right, &size) || (size.of && is_pointer(b, proto, size.of - 1u)))
		return;
	if (is_sized && (size.base != a->size_base || size.of != a->size_of))
		return; /* another size: the first one counts */
	a->kind = ROLE_ARGUMENT_MEMORY;
	a->size_base = (uint32_t)size.base;
	a->size_of = size.of;
	a->non_null |= size.base > 0 && !size.of; /* there is no memory at 0 */
	if (size.of)
		entry->args[size.of - 1].is_size = true;
	const struct btf_type *ptr =
		btf_type(b->host,
			 btf_skip(b->host,
				  btf_member(b->host, proto, (uint32_t)(a - entry->args)).type));
	a->is_writable |= t->relation == CONSTRAINT_WRITABLE && !role_is_const(b->host, ptr->type);
}

static void take_term(const struct role_builder *b, const struct btf_type *proto,
		      struct role_entry *entry, const struct constraint_term *t)
{
	if (t->relation < CONSTRAINT_NON_NULL || t->left.count != 1 ||
	    t->left.atoms[0].kind != CONSTRAINT_NAME)
		return;
	struct role_argument *a = find_argument(entry, t->left.atoms[0].name);
	if (!a || !is_pointer(b, proto, (size_t)(a - entry->args)))
		return;
	a->non_null |= t->relation == CONSTRAINT_NON_NULL;
	a->null_terminated |= t->relation == CONSTRAINT_NULL_TERMINATED;
	if (t->relation == CONSTRAINT_READABLE || t->relation == CONSTRAINT_WRITABLE)
		take_memory(b, proto, entry, t, a);
}

static void take_terms(const struct role_builder *b, const struct btf_type *proto,
		       struct role_entry *entry)
{
	for (size_t i = 0; i < entry->pre_count; i++) {
		if (constraint_has_choice(&entry->pre[i]))
			continue; /* none of its terms holds for sure */
		for (size_t n = 0; !entry->pre[i].is_prose && n < entry->pre[i].count; n++)
			take_term(b, proto, entry, &entry->pre[i].terms[n]);
	}
	for (size_t i = 0; i < entry->params_count; i++) {
		struct role_argument *a = &entry->args[i];
		if (!a->null_terminated)
			continue;
		a->kind = ROLE_ARGUMENT_MEMORY;
		if (a->non_null && !a->size_base && !a->size_of)
			a->size_base = 1; /* its NUL, if nothing else */
	}
}

struct err *role_take_arguments(struct role_builder *b, const struct btf_type *proto,
				struct role_entry *entry)
{
	if (entry->params_count > ROLE_MAX_ARGUMENTS)
		return refuse(b, entry, "parameter", entry->params[ROLE_MAX_ARGUMENTS].name,
			      "does not fit a register: there are 6 for arguments");
	if (!proto || proto->kind != BTF_FUNC_PROTO || proto->count != entry->params_count)
		return take_untyped(b, entry);
	for (uint32_t i = 0; i < proto->count; i++)
		TRY(take_typed(b, proto, entry, i));
	TRY(take_result(b, proto, entry));
	if (!entry->refusal)
		take_terms(b, proto, entry);
	return NULL;
}
