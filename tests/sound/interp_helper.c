/*
 * Helpers over reference maps: an array of elements that are looked for one by one, a list of records.
 *
 * Arguments are checked from the helper's row alone, in order; then a small function does what the
 * helper's contract says. What the contract leaves open (clock, chance, the content of freed
 * elements) makes the run `is_open`: it may not trap, but its outcome says nothing.
 */
#include "tests/sound/interp_part.h"

/* ---- arguments ---- */
static bool arg_number(struct interp_call *k, unsigned n)
{
	if (k->args[n].kind == INTERP_NUMBER)
		return true;
	return interp_stop(k->i, INTERP_ARGUMENT, "argument %u is not a number", n + 1);
}

static bool arg_map(struct interp_call *k, unsigned n)
{
	uint64_t kinds = k->model->kinds ?: INTERP_KIND(ARRAY) | INTERP_KIND(HASH);
	if (k->args[n].kind != INTERP_MAP)
		return interp_stop(k->i, INTERP_ARGUMENT, "argument %u is not a map", n + 1);
	k->map_index = (uint32_t)k->args[n].bits;
	k->map = &k->i->maps[k->map_index];
	if (k->map->map->role != OBJECT_MAP_DECLARED || !(kinds >> k->map->map->kind & 1))
		return interp_stop(k->i, INTERP_ARGUMENT, "the map is of the wrong kind");
	return true;
}

static bool arg_memory(struct interp_call *k, unsigned n, uint64_t size, bool is_out)
{
	if (k->args[n].kind == INTERP_POINTER &&
	    k->i->objects[k->args[n].object].place == INTERP_CONTEXT)
		return interp_stop(k->i, INTERP_ARGUMENT, "argument %u is the context", n + 1);
	k->memory[n] = interp_memory(k->i, &k->args[n], 0, size, is_out, !is_out);
	return k->memory[n] != NULL;
}

static bool arg_size(struct interp_call *k, unsigned n, bool may_be_zero)
{
	bool is_out = k->helper->args[n - 1] != HELPER_ARG_MEM_IN;
	if (!arg_number(k, n))
		return false;
	k->size = k->args[n].bits;
	if (k->size == 0 && !may_be_zero)
		return interp_stop(k->i, INTERP_ARGUMENT, "argument %u is a size of 0", n + 1);
	return k->size == 0 || arg_memory(k, n - 1, k->size, is_out);
}

static bool arg_record(struct interp_call *k, unsigned n)
{
	const struct interp_value *v = &k->args[n];
	if (v->kind == INTERP_POINTER && v->bits == 0 &&
	    k->i->objects[v->object].place == INTERP_RING && k->i->objects[v->object].is_alive)
		return true;
	return interp_stop(k->i, INTERP_ARGUMENT, "argument %u is not a record that is held",
			   n + 1);
}

static bool arg_ctx(struct interp_call *k, unsigned n)
{
	const struct interp_value *v = &k->args[n];
	if (v->kind == INTERP_POINTER && v->bits == 0 &&
	    k->i->objects[v->object].place == INTERP_CONTEXT)
		return true;
	return interp_stop(k->i, INTERP_ARGUMENT, "argument %u is not the context", n + 1);
}

static bool arg_value(struct interp_call *k, unsigned n)
{
	const struct interp_value *v = &k->args[n];
	if (v->kind == INTERP_POINTER && k->i->objects[v->object].place == INTERP_ELEMENT_OF)
		return true;
	return interp_stop(k->i, INTERP_ARGUMENT, "argument %u is no map's value", n + 1);
}

static bool arg_string(struct interp_call *k, unsigned n)
{
	const struct interp_value *v = &k->args[n];
	const struct interp_object *o = &k->i->objects[v->object];
	if (v->kind != INTERP_POINTER || !o->is_constant || o->place != INTERP_ELEMENT_OF ||
	    v->bits >= o->size || !memchr(o->data + v->bits, 0, o->size - v->bits))
		return interp_stop(k->i, INTERP_ARGUMENT, "argument %u is no constant string",
				   n + 1);
	k->memory[n] = o->data + v->bits;
	return true;
}

static bool check_argument(struct interp_call *k, unsigned n)
{
	switch (k->helper->args[n]) {
	case HELPER_ARG_NONE:
		return true;
	case HELPER_ARG_ANYTHING:
	case HELPER_ARG_CALLBACK_CTX:
		return k->args[n].kind != INTERP_NONE ||
		       interp_stop(k->i, INTERP_UNINIT, "argument %u holds nothing", n + 1);
	case HELPER_ARG_SCALAR:
		return arg_number(k, n);
	case HELPER_ARG_CONST_SIZE:
		k->size = k->args[n].bits;
		return arg_number(k, n);
	case HELPER_ARG_MAP:
		return arg_map(k, n);
	case HELPER_ARG_MAP_KEY:
		return arg_memory(k, n, k->map->map->key_size, false);
	case HELPER_ARG_MAP_VALUE:
		return arg_memory(k, n, k->map->map->value_size, false);
	case HELPER_ARG_MEM_IN:
	case HELPER_ARG_MEM_OUT:
		return true; /* with its size */
	case HELPER_ARG_SIZE:
		return arg_size(k, n, false);
	case HELPER_ARG_SIZE_OR_ZERO:
		return arg_size(k, n, true);
	case HELPER_ARG_RECORD:
		return arg_record(k, n);
	case HELPER_ARG_CONST_STRING:
		return arg_string(k, n);
	case HELPER_ARG_CALLBACK:
		return k->args[n].kind == INTERP_FUNCTION ||
		       interp_stop(k->i, INTERP_ARGUMENT, "argument %u is no function", n + 1);
	case HELPER_ARG_CONST_LENGTH:
		k->size = k->args[n].bits;
		return arg_number(k, n);
	case HELPER_ARG_MEM_VALUE:
		return arg_value(k, n);
	case HELPER_ARG_DYNPTR_UNINIT:
		return interp_dynptr_place(k, n);
	case HELPER_ARG_DYNPTR:
	case HELPER_ARG_DYNPTR_RECORD:
		return interp_dynptr_at(k, n) != NULL;
	case HELPER_ARG_SPIN_LOCK:
		return interp_lock_argument(k, n);
	case HELPER_ARG_CTX:
		return arg_ctx(k, n);
	}
	return interp_stop(k->i, INTERP_ARGUMENT, "no helper asks for that yet");
}

/* ---- facts about arguments ---- */
/* The map itself, or one of those inside. */
static bool is_that_map(const struct interp_call *k, const struct verifier_insn_fact *f,
			uint64_t map)
{
	const struct object_map *m = k->i->maps[f->map % INTERP_MAPS].map;
	if (!f->is_inner)
		return f->map == map;
	for (uint32_t n = 0; n < m->slots_count; n++)
		if (m->slots[n].index == map)
			return true;
	return false;
}

static bool check_fact(struct interp_call *k, unsigned n)
{
	const struct verifier_insn_fact *f = &k->i->facts[k->i->at];
	const struct interp_value *v = &k->args[n];
	const struct interp_frame *top = &k->i->frames[k->i->frames_count - 1];
	if ((f->arg_on_stack & 1u << n) &&
	    (v->kind != INTERP_POINTER || v->object != top->object ||
	     (int64_t)v->bits - INTERP_FRAME != f->arg_stack_offset[n]))
		return interp_stop(k->i, INTERP_FACT, "argument %u is said to be at r10%d", n + 1,
				   f->arg_stack_offset[n]);
	if (f->arg_const[n] && (v->kind != INTERP_NUMBER || (int64_t)v->bits != f->arg_value[n]))
		return interp_stop(k->i, INTERP_FACT, "argument %u is said to be %ld", n + 1,
				   (long)f->arg_value[n]);
	if (k->helper->args[n] == HELPER_ARG_MAP && f->map != VERIFIER_MIXED &&
	    !is_that_map(k, f, v->bits))
		return interp_stop(k->i, INTERP_FACT, "argument %u is said to be map %u", n + 1,
				   f->map);
	const struct object_function *fns = object_functions(k->i->object, &(uint32_t){0});
	if (k->helper->args[n] == HELPER_ARG_CALLBACK && fns[f->callback].first != v->bits)
		return interp_stop(k->i, INTERP_FACT, "argument %u is said to be function %u",
				   n + 1, f->callback);
	return true;
}

/* ---- what they do ---- */
bool interp_returns(struct interp_call *k, int64_t value)
{
	k->r0 = (struct interp_value){(uint64_t)value, 0, INTERP_NUMBER};
	return true;
}

/* ---- models ---- */
static const struct interp_part *const parts[] = {
#define PART(name) &interp_part_##name,
#include "tests/sound/interp_part.tbl.h"
#undef PART
};

static const struct interp_model *find_model(uint32_t id)
{
	for (size_t k = 0; k < ARRAY_SIZE(parts); k++)
		for (size_t n = 0; n < parts[k]->count; n++)
			if (parts[k]->models[n].id == id)
				return &parts[k]->models[n];
	return NULL;
}

bool interp_call(struct interp *i, const struct bpf_insn *insn)
{
	uint32_t id = (uint32_t)insn->imm;
	struct interp_call k = {.i = i, .helper = helper_find(id)};
	if (!k.helper || id >= 256 || !(i->granted[id / 64] >> id % 64 & 1))
		return interp_stop(i, INTERP_GRANT, "helper %u is not granted", id);
	k.model = find_model(id);
	if (!k.model)
		return interp_stop(i, INTERP_ARGUMENT, "%s has no model", k.helper->name);
	if (id != BPF_FUNC_spin_unlock && !interp_lock_free(i, k.helper->name))
		return false;
	memcpy(k.args, interp_reg(i, 1), sizeof k.args);
	for (unsigned n = 0; n < 5; n++)
		if (!check_argument(&k, n))
			return false;
	for (unsigned n = 0; i->facts && n < 5; n++)
		if (k.helper->args[n] != HELPER_ARG_NONE && !check_fact(&k, n))
			return false;
	if (!k.model->run(&k))
		return false;
	if (k.is_entered)
		return true;
	memset(interp_reg(i, 0), 0, 6 * sizeof(struct interp_value));
	*interp_reg(i, 0) = k.r0;
	return true;
}
