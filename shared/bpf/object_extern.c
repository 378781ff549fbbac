/*
 * What a program uses and another one has: functions and variables of the host, functions of the runtime.
 * The compiler leaves an undefined symbol for each, and lists those in section .ksyms in BTF, with their
 * types:
 *
 *	extern int host_close(int fd) __ksym;	DATASEC .ksyms → FUNC host_close → FUNC_PROTO
 *	extern int host_verbose __ksym;		               → VAR host_verbose → int
 *
 * Each of them is an extern, sorted by name; relocations give instructions its index.
 */
#include "shared/bpf/kfunc.h"
#include "shared/bpf/object_load.h"

static int compare(struct str a, struct str b)
{
	size_t size = MIN(a.size, b.size);
	int order = size ? memcmp(a.data, b.data, size) : 0;
	return order ? order : (a.size > b.size) - (a.size < b.size);
}

/* Where the first extern whose name is not below `name` stands. */
static uint32_t lower_bound(const struct object *o, struct str name)
{
	uint32_t low = 0, high = o->externs_count;
	while (low < high) {
		uint32_t middle = low + (high - low) / 2;
		if (compare(o->externs[middle].name, name) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static struct err *add_extern(struct object *o, uint32_t id)
{
	const struct btf_type *t = btf_type(o->btf, id);
	uint32_t at = lower_bound(o, t->name);
	if (at < o->externs_count && str_equal(o->externs[at].name, t->name))
		return err_new(ERR_INVALID, "\"%.*s\" is there twice", STR_FMT(t->name));
	memmove(&o->externs[at + 1], &o->externs[at], (o->externs_count - at) * sizeof *o->externs);
	o->externs[at] = (struct object_extern){.name = t->name,
						.is_function = t->kind == BTF_FUNC,
						.btf_id = id};
	o->externs_count++;
	return NULL;
}

struct err *object_load_externs(struct object_loader *l)
{
	struct object *o = l->object;
	uint32_t section = o->btf ? btf_find(o->btf, BTF_DATASEC, STR(".ksyms")) : 0;
	if (!section)
		return NULL;
	const struct btf_type *t = btf_type(o->btf, section);
	if (t->count > OBJECT_MAX_EXTERNS)
		return err_at(ERR_TOO_LARGE, "/externs", "%u externs; %u are the limit", t->count,
			      OBJECT_MAX_EXTERNS);
	o->externs = arena_alloc_array(&o->arena, t->count + 1, sizeof *o->externs);
	TRY_MEMORY(o->externs);
	for (uint32_t i = 0; i < t->count; i++)
		TRY_AT(add_extern(o, btf_member(o->btf, t, i).type), "/externs");
	return NULL;
}

static struct err *not_declared(const struct object_loader *l, struct str name)
{
	if (!l->object->btf)
		return err_new(
			ERR_UNSUPPORTED,
			"\"%.*s\" is not defined in the object, which has no BTF; compile "
			"with -g, and declare what the host has as \"extern … %.*s … __ksym;\"",
			STR_FMT(name), STR_FMT(name));
	return err_new(ERR_UNSUPPORTED,
		       "\"%.*s\" is not defined in the object; what the host has is declared as "
		       "\"extern … %.*s … __ksym;\", other externs are not supported",
		       STR_FMT(name), STR_FMT(name));
}

static struct err *find_extern(const struct object_loader *l, const struct object_symbol *symbol,
			       uint32_t *out)
{
	const struct object *o = l->object;
	struct str name = object_symbol_name(l, symbol);
	uint32_t at = lower_bound(o, name);
	if (at == o->externs_count || !str_equal(o->externs[at].name, name))
		return not_declared(l, name);
	/* libbpf declares the runtime's functions as weak ones, for kernels that lack them. */
	if (symbol->binding == STB_WEAK && !kfunc_find(name))
		return err_new(ERR_UNSUPPORTED,
			       "\"%.*s\" is weak, and a program must know what it has before it "
			       "runs; declare it without __weak",
			       STR_FMT(name));
	*out = at;
	return NULL;
}

struct err *object_relocate_extern(struct object_loader *l, const struct object_symbol *symbol,
				   struct bpf_insn *insn)
{
	uint32_t index;
	TRY(find_extern(l, symbol, &index));
	const struct object_extern *e = &l->object->externs[index];
	bool is_call = insn_kind(insn) == INSN_CALL_LOCAL;
	if (is_call != e->is_function)
		return err_new(ERR_UNSUPPORTED,
			       is_call ? "\"%.*s\" is declared as a variable, and called"
				       : "\"%.*s\" is a function: it can be called, its address "
					 "is not for programs to have",
			       STR_FMT(e->name));
	if (symbol->value != 0 || insn->src_reg != (is_call ? BPF_PSEUDO_CALL : 0) ||
	    insn->imm != (is_call ? -1 : 0) || (!is_call && insn[1].imm != 0))
		return err_new(ERR_INVALID, "not the beginning of \"%.*s\"", STR_FMT(e->name));
	insn->src_reg = is_call ? BPF_PSEUDO_KFUNC_CALL : BPF_PSEUDO_BTF_ID;
	insn->imm = (int32_t)index;
	return NULL;
}
