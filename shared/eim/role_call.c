/*
 * What a call of a host's function takes, by its BTF, and what is asked of pointers that the document says
 * nothing of. A function of the host does not know what a program is: whatever it is given, it follows. So
 * each pointer has a constraint in the end, or the function is not for programs to call:
 *
 *	T *p			p.readable(sizeof(T)), and writable where T is not const
 *	struct with pointers	nothing but what a function of the host handed out as that type
 *	char *p, int length	p.readable(length) where *p is const, else p.writable(length); void * likewise
 *	const char *p		p.null_terminated
 *	bool b			b ≥ 0 and b ≤ 1: as a compiler expects it
 *	else			no call, until the document says something
 *
 * [V1] A pointer parameter that a program may pass something for has a term that says how much is there, or
 *      takes handles of its own type alone, or is a resource.
 * [V2] What a program makes up holds no pointers that the host would follow, unless the document says so.
 */
#include "shared/eim/role_internal.h"

#define WALK_DEPTH   16	   /* structs in structs; deeper ones are taken to hold pointers */
#define WALK_MEMBERS 10000 /* … and so are larger ones */

/* ---- types ---- */

static const struct btf_type *skipped(const struct btf *btf, uint32_t id)
{
	return btf_type(btf, btf_skip(btf, id));
}

/* Whether a value of the type holds an address anywhere. At most WALK_DEPTH deep. */
static bool holds_pointer(const struct btf *btf, uint32_t id, unsigned depth, unsigned *left)
{
	const struct btf_type *t = skipped(btf, id);
	if (depth == WALK_DEPTH || *left == 0)
		return true;
	--*left;
	switch (t->kind) {
	case BTF_INT:
	case BTF_ENUM:
	case BTF_ENUM64:
	case BTF_FLOAT:
		return false;
	case BTF_ARRAY:
		return holds_pointer(btf, t->type, depth + 1, left);
	case BTF_STRUCT:
	case BTF_UNION:
		for (uint32_t i = 0; i < t->count; i++)
			if (holds_pointer(btf, btf_member(btf, t, i).type, depth + 1, left))
				return true;
		return false;
	case BTF_VOID:
	case BTF_PTR:
	case BTF_FWD:
	case BTF_TYPEDEF:
	case BTF_VOLATILE:
	case BTF_CONST:
	case BTF_RESTRICT:
	case BTF_FUNC:
	case BTF_FUNC_PROTO:
	case BTF_VAR:
	case BTF_DATASEC:
	case BTF_DECL_TAG:
	case BTF_TYPE_TAG:
		break;
	}
	return true;
}

static bool is_const(const struct btf *btf, uint32_t id)
{
	const struct btf_type *t = btf_type(btf, id);
	while (t->kind == BTF_TYPEDEF || t->kind == BTF_VOLATILE || t->kind == BTF_RESTRICT ||
	       t->kind == BTF_TYPE_TAG)
		t = btf_type(btf, t->type);
	return t->kind == BTF_CONST;
}

static void describe_pointer(const struct btf *btf, uint32_t to, struct role_value *out)
{
	const struct btf_type *t = skipped(btf, to);
	unsigned left = WALK_MEMBERS;
	if (t->kind == BTF_FUNC_PROTO)
		return; /* no program has code that the host could call */
	out->kind = ROLE_VALUE_POINTER;
	out->size_bytes = 8;
	out->pointee = btf_skip(btf, to);
	out->pointee_bytes = (uint32_t)MIN(btf_size(btf, to), (uint64_t)INT32_MAX);
	out->is_const = is_const(btf, to);
	out->is_bytes =
		t->kind == BTF_VOID || (t->kind == BTF_INT && t->size_bytes == 1 && !t->is_bool);
	out->is_opaque = !out->is_bytes && t->kind != BTF_PTR &&
			 (!out->pointee_bytes || holds_pointer(btf, to, 0, &left));
}

static struct role_value describe(const struct btf *btf, uint32_t id)
{
	const struct btf_type *t = skipped(btf, id);
	struct role_value v = {.kind = ROLE_VALUE_OTHER};
	bool is_number = t->kind == BTF_INT || t->kind == BTF_ENUM || t->kind == BTF_ENUM64;
	if (t->kind == BTF_VOID)
		v.kind = ROLE_VALUE_NONE;
	else if (t->kind == BTF_PTR)
		describe_pointer(btf, t->type, &v);
	if (!is_number || t->size_bytes > 8 || (t->size_bytes & (t->size_bytes - 1)))
		return v;
	v.kind = ROLE_VALUE_NUMBER;
	v.size_bytes = (uint8_t)t->size_bytes;
	v.is_bool = t->is_bool;
	v.is_signed = t->is_signed && !t->is_bool;
	return v;
}

/* ---- refusals ---- */

static struct err *refuse(struct role_builder *b, struct role_function *f, const char *format, ...)
	PRINTF(3, 4);

/* The first reason stays. */
static struct err *refuse(struct role_builder *b, struct role_function *f, const char *format, ...)
{
	OWNED_BUF struct buf text = BUF_INIT(65536);
	va_list args;
	if (f->refusal.size)
		return NULL;
	va_start(args, format);
	buf_vprintf(&text, format, args);
	va_end(args);
	TRY(buf_check(&text));
	f->refusal = arena_str(&b->role->arena, buf_str(&text));
	TRY_MEMORY(f->refusal.data);
	return NULL;
}

static struct err *refuse_value(struct role_builder *b, struct role_function *f, size_t i)
{
	return refuse(b, f,
		      "its parameter %zu (%.*s) is \"%.*s\", which is neither an integer nor a "
		      "pointer to data",
		      i + 1, STR_FMT(f->params[i].name), STR_FMT(f->params[i].type));
}

/* Constraints speak of parameters by name. */
static struct err *check_name(struct role_builder *b, struct role_function *f, size_t i)
{
	if (f->params[i].name.size == 0)
		return refuse(b, f,
			      "its parameter %zu has no name in the host's types: declare it in "
			      "the document",
			      i + 1);
	for (size_t j = 0; j < i; j++)
		if (str_equal(f->params[i].name, f->params[j].name))
			return refuse(b, f, "two of its parameters are called %.*s",
				      STR_FMT(f->params[i].name));
	return NULL;
}

static struct err *take_values(struct role_builder *b, struct role_function *f,
			       const struct btf_type *proto)
{
	f->result = describe(b->host, proto->type);
	if (f->result.kind == ROLE_VALUE_OTHER)
		TRY(refuse(b, f,
			   "its result is \"%.*s\", which is neither an integer nor a pointer to "
			   "data",
			   STR_FMT(f->return_type)));
	if (proto->count && btf_member(b->host, proto, proto->count - 1).type == 0)
		return refuse(b, f, "it takes a variable number of arguments");
	if (proto->count > ROLE_MAX_CALL)
		return refuse(b, f, "it has %u parameters, and programs pass %d at the most",
			      proto->count, ROLE_MAX_CALL);
	for (uint32_t i = 0; i < proto->count; i++) {
		f->args[i] = describe(b->host, btf_member(b->host, proto, i).type);
		if (f->args[i].kind == ROLE_VALUE_OTHER)
			TRY(refuse_value(b, f, i));
		TRY(check_name(b, f, i));
	}
	return NULL;
}

/* ---- resources ---- */

static const struct spec_function *find_acquirer(const struct role_builder *b, struct str resource)
{
	for (size_t i = 0; i < b->spec->functions_count; i++)
		if (str_equal(b->spec->functions[i].acquires, resource))
			return &b->spec->functions[i];
	return NULL;
}

/* Whether parameter `v` can be what `acquirer` returned. */
static bool fits_resource(const struct role_builder *b, const struct role_value *v,
			  const struct spec_function *acquirer)
{
	uint32_t id = acquirer ? btf_find(b->host, BTF_FUNC, acquirer->name) : 0;
	const struct btf_type *proto = id ? btf_type(b->host, btf_type(b->host, id)->type) : NULL;
	if (!proto)
		return true; /* nothing of that name can be held */
	struct role_value made = describe(b->host, proto->type);
	return v->kind == made.kind &&
	       (v->kind == ROLE_VALUE_POINTER ? v->pointee == made.pointee
					      : v->size_bytes == made.size_bytes);
}

static struct err *take_resources(struct role_builder *b, struct role_function *f)
{
	size_t count = MIN(f->params_count, (size_t)ROLE_MAX_CALL);
	bool is_released = f->releases.size == 0;
	for (size_t i = 0; i < count; i++) {
		if (!find_acquirer(b, f->params[i].type))
			continue;
		f->args[i].resource = f->params[i].type;
		is_released |= str_equal(f->releases, f->params[i].type);
	}
	const struct spec_function *acquirer = find_acquirer(b, f->releases);
	for (size_t i = 0; i < count && !is_released; i++) {
		is_released = !f->args[i].resource.size && fits_resource(b, &f->args[i], acquirer);
		if (is_released)
			f->args[i].resource = f->releases;
	}
	if (!is_released)
		TRY(refuse(b, f, "it releases %.*s, but none of its parameters can be one",
			   STR_FMT(f->releases)));
	if (f->acquires.size && f->result.kind == ROLE_VALUE_NONE)
		TRY(refuse(b, f, "it acquires %.*s, but returns nothing", STR_FMT(f->acquires)));
	return NULL;
}

/* ---- what is asked where nothing is said ---- */

/* Whether a term says what lies where `param` points to. */
static bool is_stated(const struct role_constraints *list, struct str param)
{
	for (size_t i = 0; i < list->pre_count; i++) {
		for (size_t j = 0; j < list->pre[i].count; j++) {
			const struct constraint_term *t = &list->pre[i].terms[j];
			const struct constraint_atom *a = &t->left.atoms[0];
			if (t->relation >= CONSTRAINT_NULL_TERMINATED &&
			    a->kind == CONSTRAINT_NAME && str_equal(a->name, param))
				return true;
		}
	}
	return false;
}

static struct constraint_sum sum_of(struct str name)
{
	return (struct constraint_sum){.atoms = {{.kind = CONSTRAINT_NAME, .name = name}},
				       .count = 1};
}

static struct constraint_sum sum_number(int64_t n)
{
	return (struct constraint_sum){.atoms = {{.kind = CONSTRAINT_INTEGER, .integer = n}},
				       .count = 1};
}

static struct err *ask(struct role_builder *b, struct role_constraints *list, struct str name,
		       enum constraint_relation relation, struct constraint_sum right)
{
	struct constraint_term *term = arena_alloc(&b->scratch, sizeof(*term));
	TRY_MEMORY(term);
	*term = (struct constraint_term){.relation = relation,
					 .left = sum_of(name),
					 .right = right};
	return role_add_default(
		b, list, &(struct constraint){.is_default = true, .terms = term, .count = 1});
}

/* "count", "byte_count", but not "discount". eim.h tells authors of hosts which names these are. */
bool role_is_size_name(struct str name)
{
	static const struct {
		const char *text;
		bool is_apart; /* only as a word of its own */
	} words[] = {{"length", false}, {"Length", false}, {"len", false},
		     {"Len", false},	{"size", false},   {"Size", false},
		     {"nbytes", false}, {"count", true},   {"n", true}};
	for (size_t i = 0; i < ARRAY_SIZE(words); i++) {
		size_t size = strlen(words[i].text);
		if (!str_ends(name, words[i].text))
			continue;
		if (!words[i].is_apart || name.size == size ||
		    name.data[name.size - size - 1] == '_')
			return true;
	}
	return false;
}

static struct err *ask_bytes(struct role_builder *b, struct role_function *f, size_t i,
			     struct role_constraints *list)
{
	const struct role_value *v = &f->args[i];
	struct str name = f->params[i].name;
	bool has_size = i + 1 < f->params_count && f->args[i + 1].kind == ROLE_VALUE_NUMBER &&
			!f->args[i + 1].is_bool && role_is_size_name(f->params[i + 1].name);
	if (has_size)
		return ask(b, list, name, v->is_const ? CONSTRAINT_READABLE : CONSTRAINT_WRITABLE,
			   sum_of(f->params[i + 1].name));
	if (v->is_const && v->pointee_bytes == 1)
		return ask(b, list, name, CONSTRAINT_NULL_TERMINATED, (struct constraint_sum){0});
	return refuse(b, f,
		      "nothing says how much memory its parameter %zu (%.*s, \"%.*s\") points to; "
		      "write \"%.*s.%s(n)\" among its constraints",
		      i + 1, STR_FMT(name), STR_FMT(f->params[i].type), STR_FMT(name),
		      v->is_const ? "readable" : "writable");
}

static struct err *ask_pointer(struct role_builder *b, struct role_function *f, size_t i,
			       struct role_constraints *list)
{
	struct role_value *v = &f->args[i];
	struct str name = f->params[i].name;
	if (v->resource.size)
		return NULL;
	if (v->is_bytes)
		return ask_bytes(b, f, i, list);
	if (v->pointee_bytes && !v->is_opaque && v->pointee_bytes < INT32_MAX &&
	    btf_type(b->host, v->pointee)->kind != BTF_PTR) {
		TRY(ask(b, list, name, CONSTRAINT_READABLE, sum_number(v->pointee_bytes)));
		return v->is_const ? NULL
				   : ask(b, list, name, CONSTRAINT_WRITABLE,
					 sum_number(v->pointee_bytes));
	}
	if (!v->is_opaque)
		return refuse(b, f,
			      "its parameter %zu (%.*s) is \"%.*s\": what pointers lead to is not "
			      "for programs to make up, unless its constraints say "
			      "\"%.*s.readable(n)\" or \"%.*s.writable(n)\"",
			      i + 1, STR_FMT(name), STR_FMT(f->params[i].type), STR_FMT(name),
			      STR_FMT(name));
	v->is_handle = true; /* [V2] */
	return ask(b, list, name, CONSTRAINT_NON_NULL, (struct constraint_sum){0});
}

static struct err *ask_defaults(struct role_builder *b, struct role_function *f,
				struct role_constraints *list)
{
	for (size_t i = 0; i < f->params_count && !f->refusal.size; i++) {
		struct str name = f->params[i].name;
		if (f->args[i].kind == ROLE_VALUE_POINTER && !is_stated(list, name))
			TRY(ask_pointer(b, f, i, list)); /* [V1] */
		if (!f->args[i].is_bool)
			continue;
		TRY(ask(b, list, name, CONSTRAINT_GE, sum_number(0)));
		TRY(ask(b, list, name, CONSTRAINT_LE, sum_number(1)));
	}
	return NULL;
}

struct err *role_take_call(struct role_builder *b, struct role_function *f,
			   struct role_constraints *list)
{
	const struct btf_type *proto = btf_type(b->host, btf_type(b->host, f->btf_id)->type);
	if (!proto || proto->kind != BTF_FUNC_PROTO)
		return refuse(b, f, "the host's types do not say what it takes");
	TRY(take_values(b, f, proto));
	if (f->refusal.size)
		return NULL;
	TRY(take_resources(b, f));
	return ask_defaults(b, f, list);
}
