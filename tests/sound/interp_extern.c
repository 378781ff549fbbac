/*
 * Calls of the host's functions: what each of them may be given, and what it leaves. The checks are those of the
 * document in judge_host.c, written down once more.
 */
#include "tests/sound/interp_part.h"

/* ---- arguments ---- */
static bool wrong(struct interp_call *k, unsigned n, const char *what)
{
	return interp_stop(k->i, INTERP_ARGUMENT, "argument %u of the host's function %d is %s",
			   n + 1, k->extern_index, what);
}

static bool number(struct interp_call *k, unsigned n)
{
	return k->args[n].kind == INTERP_NUMBER || wrong(k, n, "no number");
}

static const struct interp_object *object_of(const struct interp_call *k, unsigned n)
{
	return k->args[n].kind == INTERP_POINTER ? &k->i->objects[k->args[n].object] : NULL;
}

static bool memory(struct interp_call *k, unsigned n, uint64_t size, bool writes, bool must_init)
{
	const struct interp_object *o = object_of(k, n);
	if (o && o->place == INTERP_CONTEXT)
		return wrong(k, n, "the context");
	if (size == 0)
		return k->args[n].kind != INTERP_NONE || wrong(k, n, "nothing");
	return (!writes || interp_memory(k->i, &k->args[n], 0, size, true, false)) &&
	       (writes && !must_init
			? true
			: interp_memory(k->i, &k->args[n], 0, size, false, must_init) != NULL);
}

static bool text(struct interp_call *k, unsigned n)
{
	const struct interp_object *o = object_of(k, n);
	bool is_constant = o && ((o->place == INTERP_ELEMENT_OF && o->is_constant) || o->is_text);
	if (!is_constant || !o->is_alive || k->args[n].bits >= o->size ||
	    !memchr(o->data + k->args[n].bits, 0, o->size - k->args[n].bits))
		return wrong(k, n, "no text that stays as it is");
	return true;
}

static struct interp_held *held(struct interp_call *k, unsigned n, enum world_extern maker)
{
	uint64_t bits = k->args[n].bits;
	bool is_number = maker != WORLD_connect;
	enum interp_kind kind = is_number ? INTERP_NUMBER : INTERP_HANDLE;
	for (uint32_t h = 0; h < k->i->held_count; h++) {
		struct interp_held *each = &k->i->held[h];
		if (k->args[n].kind == kind && each->is_held && each->maker == maker &&
		    each->bits == (is_number ? (uint32_t)bits : bits))
			return each;
	}
	wrong(k, n, "nothing that is held");
	return NULL;
}

static bool release(struct interp_call *k, unsigned n, enum world_extern maker)
{
	struct interp_held *h = held(k, n, maker);
	if (h)
		h->is_held = false;
	return h != NULL;
}

static bool hold(struct interp_call *k, uint64_t bits)
{
	struct interp *i = k->i;
	if (i->held_count == INTERP_HELD) {
		i->result.is_open = true;
		return interp_stop(i, INTERP_FINE, "too much is held for this interpreter");
	}
	i->held[i->held_count++] = (struct interp_held){bits, (uint8_t)k->extern_index, true};
	return true;
}

/* ---- each of them ---- */
static bool check_number(struct interp_call *k)
{
	return number(k, 0) && number(k, 1) && number(k, 2);
}

static bool check_pick(struct interp_call *k)
{
	return number(k, 0) && ((uint32_t)k->args[0].bits < 10 || wrong(k, 0, "not within 0 … 9"));
}

static bool check_ready(struct interp_call *k)
{
	return number(k, 0) && ((k->args[0].bits & 0xff) <= 1 || wrong(k, 0, "no bool"));
}

static bool check_bound(struct interp_call *k)
{
	(void)k;
	return true;
}

static bool check_first(struct interp_call *k)
{
	return check_bound(k);
}

static bool check_notify(struct interp_call *k)
{
	if (!interp_host_has_effects(k->i))
		return interp_stop(k->i, INTERP_GRANT, "a function with a side effect");
	return number(k, 0);
}

static bool check_look(struct interp_call *k)
{
	int32_t n = (int32_t)k->args[1].bits;
	return number(k, 1) && (n >= 0 || wrong(k, 1, "less than 0")) &&
	       memory(k, 0, (uint64_t)n, false, true);
}

static bool check_fill(struct interp_call *k)
{
	return number(k, 1) && memory(k, 0, (uint32_t)k->args[1].bits, true, false);
}

static bool check_either(struct interp_call *k)
{
	bool reads = (uint32_t)k->args[2].bits != 0;
	return number(k, 2) && number(k, 1) &&
	       memory(k, 0, reads ? k->args[1].bits : 0, false, true);
}

static bool check_stat(struct interp_call *k)
{
	return memory(k, 0, sizeof(struct world_status), true, true);
}

static bool check_open(struct interp_call *k)
{
	return text(k, 0) && number(k, 1);
}

static bool check_seek(struct interp_call *k)
{
	return held(k, 0, WORLD_open) && number(k, 1);
}

static bool check_close(struct interp_call *k)
{
	return release(k, 0, WORLD_open);
}

static bool check_accept(struct interp_call *k)
{
	return check_bound(k);
}

static bool check_leave(struct interp_call *k)
{
	return release(k, 0, WORLD_accept);
}

static bool check_connect(struct interp_call *k)
{
	return number(k, 0);
}

static bool check_send(struct interp_call *k)
{
	return held(k, 0, WORLD_connect) && number(k, 2) &&
	       memory(k, 1, k->args[2].bits, false, true);
}

static bool check_disconnect(struct interp_call *k)
{
	return release(k, 0, WORLD_connect);
}

static bool is_peer(struct interp_call *k)
{
	const struct interp_object *o = object_of(k, 0);
	return o && o->is_alive && o->place == INTERP_HOST && o->is_struct &&
	       o->part != WORLD_PLACE_R && k->args[0].bits == 0;
}

static bool check_rank(struct interp_call *k)
{
	bool is_first = k->args[0].kind == INTERP_HANDLE && k->args[0].object == WORLD_first;
	return is_peer(k) || is_first || wrong(k, 0, "no peer");
}

/* What is const to the program stays so. */
static bool check_bump(struct interp_call *k)
{
	if (!is_peer(k) || object_of(k, 0)->part == WORLD_PLACE_FIXED)
		return wrong(k, 0, "no peer that may be changed");
	return interp_host_may_write(k->i, true) || wrong(k, 0, "constant");
}

static bool check_update(struct interp_call *k)
{
	const struct interp_object *o = object_of(k, 0);
	if (!o || !o->is_alive || o->place != INTERP_HOST || !o->is_struct ||
	    o->part != WORLD_PLACE_R || k->args[0].bits != 0)
		return wrong(k, 0, "no request");
	return interp_host_may_write(k->i, true) || wrong(k, 0, "constant");
}

static bool (*const checks[WORLD_EXTERNS])(struct interp_call *k) = {
#define FUNCTION(name, result, args) [WORLD_##name] = check_##name,
#define VARIABLE(name)
#include "tests/sound/world.tbl.h"
#undef FUNCTION
#undef VARIABLE
};

/* ---- the call ---- */

static uint64_t address_of(const struct interp_call *k, unsigned n)
{
	const struct interp_value *v = &k->args[n];
	if (v->kind == INTERP_POINTER)
		return (uint64_t)(uintptr_t)k->i->objects[v->object].data + v->bits;
	return v->kind == INTERP_NUMBER || v->kind == INTERP_HANDLE ? v->bits : 0;
}

static void mark_written(struct interp_call *k)
{
	uint64_t size = k->extern_index == WORLD_fill ? (uint32_t)k->args[1].bits : 0;
	if (k->extern_index == WORLD_stat)
		size = sizeof(struct world_status);
	if (size && k->args[0].kind == INTERP_POINTER)
		interp_wrote(k->i, &k->args[0], 0, size);
}

static bool take_result(struct interp_call *k, uint64_t result)
{
	bool is_handle = k->extern_index == WORLD_connect || k->extern_index == WORLD_first;
	k->r0 = interp_number(result);
	if (k->extern_index == WORLD_notify || k->extern_index == WORLD_disconnect)
		k->r0 = (struct interp_value){0};
	if (is_handle && result)
		k->r0 = (struct interp_value){result, (uint32_t)k->extern_index, INTERP_HANDLE};
	if ((k->extern_index == WORLD_open || k->extern_index == WORLD_accept) &&
	    (int32_t)result >= 0)
		return hold(k, (uint32_t)result);
	return k->extern_index != WORLD_connect || !result || hold(k, result);
}

bool interp_step_extern(struct interp *i, const struct bpf_insn *insn)
{
	struct interp_call k = {.i = i, .extern_index = insn->imm};
	uint64_t args[5];
	if (!i->world || insn->imm < 0 || insn->imm >= WORLD_counter)
		return interp_stop(i, INTERP_GRANT, "extern function %d", insn->imm);
	if (!interp_lock_free(i, "a function of the host"))
		return false;
	memcpy(k.args, interp_reg(i, 1), sizeof k.args);
	if (!checks[insn->imm](&k))
		return false;
	for (unsigned n = 0; n < 5; n++)
		args[n] = address_of(&k, n);
	uint64_t result = world_call(i->world, (enum world_extern)insn->imm, args);
	i->host_calls[insn->imm]++;
	mark_written(&k);
	interp_host_changed(i);
	if (!take_result(&k, result))
		return false;
	memset(interp_reg(i, 0), 0, 6 * sizeof(struct interp_value));
	*interp_reg(i, 0) = k.r0;
	return true;
}

bool interp_host_variable(struct interp *i, int32_t index, struct interp_value *out)
{
	if (!i->world || index < WORLD_counter || index >= WORLD_EXTERNS)
		return interp_stop(i, INTERP_GRANT, "extern variable %d", index);
	i->host_calls[index]++;
	*out = (struct interp_value){0, i->variables[index - WORLD_counter], INTERP_POINTER};
	return true;
}

bool interp_host_released(struct interp *i, uint32_t from)
{
	for (uint32_t n = from; n < i->held_count; n++)
		if (i->held[n].is_held)
			return interp_stop(i, INTERP_UNRELEASED,
					   "what the host gave (%u) is still held", n);
	return true;
}
