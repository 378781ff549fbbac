/*
 * Calls of helpers. A helper is a function of the runtime's bitcode. One that works on a map is reached
 * through a small function of that map, made on first use, in which the map's sizes, its address and the
 * private page are constants:
 *
 *	rt_map_update_elem.3(key, value, flags)
 *		struct rt_map map = {eim_map_3, eim_private, kind, 4, 8, 1024, 0};
 *		return rt_map_update_elem(&map, key, value, flags);        inlined
 *
 * A function of the program that the helper calls back is a constant there as well.
 * Where paths come with different maps, or with one that was looked up in a map of maps, the register
 * holds the map's number and a switch finds the function.
 */
#include "shared/bpf/helper.h"
#include "shared/bpf/kfunc.h"
#include "shared/bpf/map_kind.h"
#include "shared/jit/translate_fuel.h"

#include <stdio.h>

_Static_assert(RT_KIND_HASH == MAP_KIND_HASH && RT_KIND_ARRAY == MAP_KIND_ARRAY &&
		       RT_KIND_RINGBUF == MAP_KIND_RINGBUF,
	       "the runtime has the table's numbers");

#define MAX_ARGS 6 /* five, and who runs */

struct call {
	const struct helper *helper;
	LLVMValueRef function; /* the runtime's */
	LLVMTypeRef type, params[MAX_ARGS];
	unsigned params_count, args_count; /* the function's; the helper's */
};

/* ---- which system calls ---- */
static uint32_t needs_of(const struct call *call, const struct object_map *map)
{
	static const struct {
		uint32_t id, needs;
	} rows[] = {
		{BPF_FUNC_probe_read, IMAGE_NEEDS_PROBE_READ},
		{BPF_FUNC_probe_read_str, IMAGE_NEEDS_PROBE_READ},
		{BPF_FUNC_probe_read_user, IMAGE_NEEDS_PROBE_READ},
		{BPF_FUNC_probe_read_user_str, IMAGE_NEEDS_PROBE_READ},
		{BPF_FUNC_ktime_get_ns, IMAGE_NEEDS_CLOCK},
		{BPF_FUNC_get_current_pid_tgid, IMAGE_NEEDS_PID},
		{BPF_FUNC_ringbuf_output, IMAGE_NEEDS_OWNER},
		{BPF_FUNC_spin_lock, IMAGE_NEEDS_OWNER},
		{BPF_FUNC_ringbuf_reserve, IMAGE_NEEDS_OWNER},
		{BPF_FUNC_ringbuf_reserve_dynptr, IMAGE_NEEDS_OWNER},
	};
	uint32_t id = call->helper->id;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		if (rows[i].id == id)
			return rows[i].needs | IMAGE_NEEDS_SYSCALLS;
	if (id == BPF_FUNC_get_smp_processor_id && !jit_target()->has_rdtscp)
		return IMAGE_NEEDS_CPU | IMAGE_NEEDS_SYSCALLS;
	if ((id == BPF_FUNC_map_update_elem || id == BPF_FUNC_map_delete_elem) && map &&
	    map->kind == RT_KIND_HASH)
		return IMAGE_NEEDS_OWNER | IMAGE_NEEDS_SYSCALLS;
	return 0;
}

/* ---- arguments ---- */
static LLVMValueRef as_type(struct translate *t, LLVMValueRef value, LLVMTypeRef type)
{
	if (type == t->m->ptr && LLVMTypeOf(value) != type)
		return LLVMBuildIntToPtr(t->b, value, type, "");
	if (type == t->m->i32)
		return LLVMBuildTrunc(t->b, value, type, "");
	return value;
}

/* Where a size is 0 the pointer beside it is not looked at, and may lie below what the frame uses. */
static bool is_in_frame(const struct translate *t, unsigned i)
{
	return (t->fact->arg_on_stack & 1u << i) &&
	       t->fact->arg_stack_offset[i] >= -t->frame_bytes && t->fact->arg_stack_offset[i] <= 0;
}

static LLVMValueRef argument(struct translate *t, const struct call *call, unsigned i)
{
	const struct verifier_insn_fact *fact = t->fact;
	LLVMValueRef value;
	if (is_in_frame(t, i)) {
		value = translate_frame(t, fact->arg_stack_offset[i]);
		if (call->params[i] == t->m->i64)
			value = LLVMBuildPtrToInt(t->b, value, t->m->i64, "");
	} else if (fact->arg_const[i]) {
		value = module_number(t->m, fact->arg_value[i]);
	} else {
		value = translate_read(t, BPF_REG_1 + i);
	}
	if (call->helper && i < call->args_count &&
	    call->helper->args[i] == HELPER_ARG_CALLBACK_CTX)
		value = translate_fuel_lend(t, value);
	return as_type(t, value, call->params[i]);
}

/* ---- functions of a map ---- */
static void set_field(struct translate *t, LLVMValueRef map, size_t offset, LLVMValueRef value)
{
	LLVMValueRef index = module_number(t->m, (int64_t)offset);
	LLVMBuildStore(t->b, value, LLVMBuildGEP2(t->b, t->m->i8, map, &index, 1, ""));
}

static LLVMValueRef make_map(struct translate *t, uint32_t index)
{
	const struct object_map *map = &t->m->program->maps[index];
	const struct {
		size_t offset;
		uint32_t value;
	} fields[] = {
		{offsetof(struct rt_map, kind), map->kind},
		{offsetof(struct rt_map, key_size), map->key_size},
		{offsetof(struct rt_map, value_size), map->value_size},
		{offsetof(struct rt_map, max_entries), map->max_entries},
		{offsetof(struct rt_map, flags), map->flags},
		{offsetof(struct rt_map, lock_end), map->lock_end},
	};
	LLVMValueRef made =
		LLVMBuildAlloca(t->b, LLVMArrayType2(t->m->i8, sizeof(struct rt_map)), "map");
	LLVMSetAlignment(made, _Alignof(struct rt_map));
	set_field(t, made, offsetof(struct rt_map, base), module_map(t->m, index));
	set_field(t, made, offsetof(struct rt_map, self), t->m->private_page);
	for (size_t i = 0; i < ARRAY_SIZE(fields); i++)
		set_field(t, made, fields[i].offset,
			  LLVMConstInt(t->m->i32, fields[i].value, false));
	return made;
}

/* "rt_map_update_elem" on an array is "rt_array_update", where there is one: the optimiser then need
 * not see the other kinds. */
static LLVMValueRef operation_of(struct translate *t, const struct call *call, uint32_t index)
{
	const struct map_kind *kind = map_kind_find(t->m->program->maps[index].kind);
	struct str name = str_of(call->helper->function);
	char own[64];
	if (!kind || !str_starts(name, "rt_map_") || !str_ends(name, "_elem"))
		return call->function;
	name = str_from(name, strlen("rt_map_"));
	name.size -= strlen("_elem");
	snprintf(own, sizeof(own), "rt_%s_%.*s", kind->text, STR_FMT(name));
	LLVMValueRef found = module_runtime(t->m, own);
	return found ? found : call->function;
}

static bool is_callback(const struct call *call, unsigned i)
{
	return i < call->args_count && call->helper->args[i] == HELPER_ARG_CALLBACK;
}

static struct err *map_arguments(struct translate *t, const struct call *call, uint32_t index,
				 LLVMValueRef fn, LLVMValueRef *args)
{
	for (unsigned i = 1; i < call->params_count; i++) {
		args[i] = LLVMGetParam(fn, i - 1);
		if (is_callback(call, i))
			TRY(translate_callback(t, t->fact->callback, index, &args[i]));
	}
	return NULL;
}

/*
 * The map in slot `key` of a map of maps, as a register holds it: what is inside is known, and becomes a
 * table of constants in the code.
 */
static void fill_choice(struct translate *t, uint32_t index, LLVMValueRef fn)
{
	const struct object_map *outer = &t->m->program->maps[index];
	LLVMBasicBlockRef none = LLVMAppendBasicBlockInContext(t->m->context, fn, "");
	LLVMValueRef key = LLVMBuildLoad2(t->b, t->m->i32, LLVMGetParam(fn, 0), "");
	LLVMSetAlignment(key, 1);
	LLVMValueRef choice = LLVMBuildSwitch(t->b, key, none, outer->slots_count);
	LLVMPositionBuilderAtEnd(t->b, none);
	LLVMBuildRet(t->b, LLVMConstNull(t->m->ptr));
	for (uint32_t i = 0; i < outer->slots_count; i++) {
		const struct object_slot *slot = &outer->slots[i];
		LLVMBasicBlockRef one = LLVMAppendBasicBlockInContext(t->m->context, fn, "");
		LLVMAddCase(choice, LLVMConstInt(t->m->i32, slot->slot, false), one);
		LLVMPositionBuilderAtEnd(t->b, one);
		LLVMBuildRet(t->b, LLVMConstIntToPtr(module_number(t->m, (int64_t)slot->index + 1),
						     t->m->ptr));
	}
}

static struct err *fill_map_function(struct translate *t, const struct call *call, uint32_t index,
				     LLVMValueRef fn)
{
	LLVMValueRef args[MAX_ARGS];
	LLVMBasicBlockRef back = LLVMGetInsertBlock(t->b);
	LLVMPositionBuilderAtEnd(t->b, LLVMAppendBasicBlockInContext(t->m->context, fn, ""));
	if (t->m->program->maps[index].inner) {
		fill_choice(t, index, fn);
		LLVMPositionBuilderAtEnd(t->b, back);
		return NULL;
	}
	args[0] = make_map(t, index);
	TRY(map_arguments(t, call, index, fn, args));
	LLVMValueRef result = LLVMBuildCall2(t->b, call->type, operation_of(t, call, index), args,
					     call->params_count, "");
	if (LLVMGetReturnType(call->type) == LLVMVoidTypeInContext(t->m->context))
		LLVMBuildRetVoid(t->b);
	else
		LLVMBuildRet(t->b, result);
	LLVMPositionBuilderAtEnd(t->b, back);
	return NULL;
}

/* Lookups always go where they are called from: they are short, and often the whole program. */
static void inline_lookup(struct translate *t, const struct call *call, LLVMValueRef fn)
{
	unsigned kind = LLVMGetEnumAttributeKindForName("alwaysinline", strlen("alwaysinline"));
	if (call->helper->returns == HELPER_RETURN_MAP_VALUE_OR_NULL)
		LLVMAddAttributeAtIndex(fn, (LLVMAttributeIndex)LLVMAttributeFunctionIndex,
					LLVMCreateEnumAttribute(t->m->context, kind, 0));
}

static LLVMTypeRef map_function_type(const struct call *call)
{
	LLVMTypeRef params[MAX_ARGS];
	for (unsigned i = 1; i < call->params_count; i++)
		params[i - 1] = call->params[i];
	return LLVMFunctionType(LLVMGetReturnType(call->type), params, call->params_count - 1,
				false);
}

static void name_map_function(const struct translate *t, const struct call *call, uint32_t index,
			      char *out, size_t size)
{
	const char *name = call->helper->function + strlen("rt_");
	if (call->helper->flags & HELPER_CALLS)
		snprintf(out, size, "%s.%u.%u", name, index, t->fact->callback);
	else
		snprintf(out, size, "%s.%u", name, index);
}

static struct err *map_function(struct translate *t, const struct call *call, uint32_t index,
				LLVMValueRef *out)
{
	char name[128];
	name_map_function(t, call, index, name, sizeof(name));
	*out = LLVMGetNamedFunction(t->m->module, name);
	if (*out)
		return NULL;
	*out = LLVMAddFunction(t->m->module, name, map_function_type(call));
	LLVMSetLinkage(*out, LLVMInternalLinkage);
	inline_lookup(t, call, *out);
	t->m->needs |= needs_of(call, &t->m->program->maps[index]);
	return fill_map_function(t, call, index, *out);
}

/* ---- calls ---- */
static LLVMValueRef as_register(struct translate *t, LLVMValueRef value)
{
	LLVMTypeRef type = LLVMTypeOf(value);
	if (type == t->m->ptr)
		return LLVMBuildPtrToInt(t->b, value, t->m->i64, "");
	return type == t->m->i64 ? value : module_number(t->m, 0); /* void: r0 is unreadable */
}

/* A lock that was not to be had ends the run; so may what was called back. */
static void end_where_it_may(struct translate *t, const struct call *call, LLVMValueRef result)
{
	if (call->helper->id == BPF_FUNC_spin_lock)
		translate_fuel_end_if(t, LLVMBuildNot(t->b, result, ""));
	if (call->helper->flags & HELPER_CALLS)
		translate_fuel_take_back(t);
}

static struct err *call_map(struct translate *t, const struct call *call, uint32_t index,
			    LLVMValueRef *args)
{
	LLVMValueRef fn = NULL;
	TRY(map_function(t, call, index, &fn));
	LLVMValueRef result =
		LLVMBuildCall2(t->b, map_function_type(call), fn, args, call->params_count - 1, "");
	end_where_it_may(t, call, result);
	translate_write(t, BPF_REG_0, as_register(t, result));
	return NULL;
}

/* Maps that the helper's operation is about: ring buffers or the others; and lookups, maps of maps. */
static bool fits(const struct call *call, const struct object_map *map)
{
	if (map->kind == MAP_KIND_PROG_ARRAY)
		return false;
	if (map->inner)
		return call->helper->id == BPF_FUNC_map_lookup_elem;
	bool ring = strstr(call->helper->name, "ringbuf") != NULL;
	return ring == (map->kind == RT_KIND_RINGBUF) && map->role != OBJECT_MAP_RODATA;
}

/* Whether map `index` may be the argument, by what is known of it. */
static bool may_be(const struct translate *t, uint32_t index)
{
	if (!t->fact->is_inner)
		return true;
	const struct object_map *outer = &t->m->program->maps[t->fact->map];
	for (uint32_t i = 0; i < outer->slots_count; i++)
		if (outer->slots[i].index == index)
			return true;
	return false;
}

/* r1 holds a map's number + 1, which one is not known. */
static struct err *call_by_number(struct translate *t, const struct call *call, LLVMValueRef *args)
{
	const struct jit_program *p = t->m->program;
	LLVMBasicBlockRef end = LLVMAppendBasicBlockInContext(t->m->context, t->fn, "");
	LLVMBasicBlockRef none = LLVMAppendBasicBlockInContext(t->m->context, t->fn, "");
	LLVMValueRef choice =
		LLVMBuildSwitch(t->b, translate_read(t, BPF_REG_1), none, p->maps_count);
	for (uint32_t i = 0; i < p->maps_count; i++) {
		if (!fits(call, &p->maps[i]) || !may_be(t, i))
			continue;
		LLVMBasicBlockRef one = LLVMAppendBasicBlockInContext(t->m->context, t->fn, "");
		LLVMAddCase(choice, module_number(t->m, (int64_t)i + 1), one);
		LLVMPositionBuilderAtEnd(t->b, one);
		TRY(call_map(t, call, i, args));
		LLVMBuildBr(t->b, end);
	}
	LLVMPositionBuilderAtEnd(t->b, none);
	translate_write(t, BPF_REG_0, module_number(t->m, 0));
	LLVMBuildBr(t->b, end);
	LLVMPositionBuilderAtEnd(t->b, end);
	return NULL;
}

static struct err *call_on_map(struct translate *t, const struct call *call)
{
	LLVMValueRef args[MAX_ARGS];
	for (unsigned i = 1; i < call->params_count; i++)
		args[i - 1] = argument(t, call, i);
	uint32_t index = t->fact->map;
	bool is_known = index < t->m->program->maps_count;
	if (index == VERIFIER_MIXED || (is_known && t->fact->is_inner))
		return call_by_number(t, call, args);
	if (!is_known || !fits(call, &t->m->program->maps[index]))
		return translate_refuse(t, ERR_INTERNAL, "a helper's map does not fit");
	return call_map(t, call, index, args);
}

static struct err *call_plain(struct translate *t, const struct call *call)
{
	LLVMValueRef args[MAX_ARGS];
	for (unsigned i = 0; i < call->args_count; i++) {
		args[i] = argument(t, call, i);
		if (is_callback(call, i))
			TRY(translate_callback(t, t->fact->callback, VERIFIER_MIXED, &args[i]));
	}
	if (call->params_count > call->args_count)
		args[call->args_count] = t->m->private_page;
	LLVMValueRef result =
		LLVMBuildCall2(t->b, call->type, call->function, args, call->params_count, "");
	t->m->needs |= needs_of(call, NULL);
	end_where_it_may(t, call, result);
	translate_write(t, BPF_REG_0, as_register(t, result));
	return NULL;
}

/* ---- functions by name ---- */

/* What the verifier was told of it and what the runtime has are both of kfunc.tbl.h. */
struct err *translate_runtime_call(struct translate *t, const struct verifier_extern *e)
{
	const struct kfunc *k = kfunc_find(e->name);
	struct call call = {.function = k ? module_runtime(t->m, k->function) : NULL};
	LLVMValueRef args[MAX_ARGS];
	if (!call.function)
		return translate_refuse(t, ERR_INTERNAL, "the runtime has no such function");
	call.type = LLVMGlobalGetValueType(call.function);
	call.params_count = call.args_count = LLVMCountParamTypes(call.type);
	if (call.params_count != k->args_count)
		return translate_refuse(t, ERR_INTERNAL, "the function has other parameters");
	LLVMGetParamTypes(call.type, call.params);
	for (unsigned i = 0; i < call.args_count; i++)
		args[i] = argument(t, &call, i);
	LLVMValueRef result =
		LLVMBuildCall2(t->b, call.type, call.function, args, call.params_count, "");
	translate_write(t, BPF_REG_0,
			k->result_bytes ? as_register(t, result) : module_number(t->m, 0));
	return NULL;
}

/* ---- which helper ---- */
static const char *function_name(const struct helper *helper)
{
	return helper->id == BPF_FUNC_get_smp_processor_id && !jit_target()->has_rdtscp
		       ? "rt_get_smp_processor_id_plain"
		       : helper->function;
}

static struct err *find_call(const struct translate *t, struct call *out)
{
	*out = (struct call){.helper = helper_find((uint32_t)t->insn->imm)};
	if (!out->helper)
		return translate_refuse(t, ERR_INTERNAL, "the runtime has no such helper");
	out->function = module_runtime(t->m, function_name(out->helper));
	if (!out->function)
		return translate_refuse(t, ERR_INTERNAL, "the helper is missing in the runtime");
	out->type = LLVMGlobalGetValueType(out->function);
	out->params_count = LLVMCountParamTypes(out->type);
	while (out->args_count < 5 && out->helper->args[out->args_count] != HELPER_ARG_NONE)
		out->args_count++;
	if (out->params_count < out->args_count || out->params_count > out->args_count + 1)
		return translate_refuse(t, ERR_INTERNAL, "the helper has other parameters");
	LLVMGetParamTypes(out->type, out->params);
	return NULL;
}

static struct err *call_known(struct translate *t, const struct call *call)
{
	if (call->args_count && call->helper->args[0] == HELPER_ARG_MAP)
		return call_on_map(t, call);
	return call_plain(t, call);
}

/* The call as it is where function `index` is called back. */
static struct err *call_with(struct translate *t, const struct call *call, uint32_t index)
{
	const struct verifier_insn_fact *known = t->fact;
	struct verifier_insn_fact more = *known;
	more.callback = index;
	t->fact = &more;
	struct err *e = call_known(t, call);
	t->fact = known;
	return e;
}

/* r2 holds a function's number + 1, which one is not known. */
static struct err *call_back_by_number(struct translate *t, const struct call *call)
{
	const struct jit_program *p = t->m->program;
	LLVMBasicBlockRef end = LLVMAppendBasicBlockInContext(t->m->context, t->fn, "");
	LLVMBasicBlockRef none = LLVMAppendBasicBlockInContext(t->m->context, t->fn, "");
	LLVMValueRef choice =
		LLVMBuildSwitch(t->b, translate_read(t, BPF_REG_2), none, p->functions_count);
	for (uint32_t i = 0; i < p->functions_count; i++) {
		if (!translate_is_constant(p, i))
			continue;
		LLVMBasicBlockRef one = LLVMAppendBasicBlockInContext(t->m->context, t->fn, "");
		LLVMAddCase(choice, module_number(t->m, (int64_t)i + 1), one);
		LLVMPositionBuilderAtEnd(t->b, one);
		TRY(call_with(t, call, i));
		LLVMBuildBr(t->b, end);
	}
	LLVMPositionBuilderAtEnd(t->b, none);
	translate_write(t, BPF_REG_0, module_number(t->m, 0));
	LLVMBuildBr(t->b, end);
	LLVMPositionBuilderAtEnd(t->b, end);
	return NULL;
}

struct err *translate_helper(struct translate *t)
{
	struct call call;
	if (t->insn->imm == BPF_FUNC_tail_call)
		return translate_tail(t);
	TRY(find_call(t, &call));
	if ((call.helper->flags & HELPER_CALLS) && t->fact->callback == VERIFIER_MIXED)
		return call_back_by_number(t, &call);
	return call_known(t, &call);
}
