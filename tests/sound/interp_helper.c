/*
 * Helpers over reference maps: an array of elements that are looked for one by one, a list of records.
 *
 * Arguments are checked from the helper's row alone, in order; then a small function does what the
 * helper's contract says. What the contract leaves open (clock, chance, the content of freed
 * elements) makes the run `is_open`: it may not trap, but its outcome says nothing.
 */
#include "tests/sound/interp.h"

#include "shared/bpf/helper.h"
#include "shared/bpf/map_kind.h"

#include <errno.h>

struct call {
	struct interp *i;
	const struct helper *helper;
	struct interp_value args[5];
	struct interp_map_state *map;
	uint32_t map_index;
	uint8_t *memory[5]; /* what pointer arguments point to */
	uint64_t size;
	struct interp_value r0;
	bool is_entered; /* the callback runs; r0 comes when it is done */
};

/* ---- maps ---- */
static bool is_array(const struct interp_map_state *m)
{
	return m->map->kind == MAP_KIND_ARRAY;
}

static bool is_constant(const struct object_map *m)
{
	return m->role == OBJECT_MAP_RODATA || (m->flags & BPF_F_RDONLY_PROG);
}

struct interp_element *interp_find(struct interp *i, uint32_t map, const void *key)
{
	struct interp_map_state *m = &i->maps[map];
	if (is_array(m)) {
		uint32_t index;
		memcpy(&index, key, sizeof index);
		return index < m->map->max_entries ? &m->elements[index] : NULL;
	}
	for (uint32_t n = 0; n < m->map->max_entries; n++)
		if (m->elements[n].is_used &&
		    memcmp(m->elements[n].key, key, m->map->key_size) == 0)
			return &m->elements[n];
	return NULL;
}

/* Whoever points to the element keeps its content, but what is seen there is anyone's guess. */
static void make_stale(struct interp *i, struct interp_element *e)
{
	if (e->object == 0)
		return;
	struct interp_object *o = &i->objects[e->object - 1];
	i->stale[e->object - 1] = *e;
	o->data = i->stale[e->object - 1].value;
	o->is_stale = true;
	e->object = 0;
}

static int64_t insert(struct interp_map_state *m, const void *key, const void *value)
{
	for (uint32_t n = 0; n < m->map->max_entries; n++) {
		struct interp_element *e = &m->elements[n];
		if (e->is_used)
			continue;
		*e = (struct interp_element){.is_used = true};
		memcpy(e->key, key, m->map->key_size);
		memcpy(e->value, value, m->map->value_size);
		return 0;
	}
	return -E2BIG;
}

int64_t interp_update(struct interp *i, uint32_t map, const void *key, const void *value,
		      uint64_t flags)
{
	struct interp_map_state *m = &i->maps[map];
	struct interp_element *e = interp_find(i, map, key);
	if (flags > BPF_EXIST)
		return -EINVAL;
	if (!e && is_array(m))
		return -E2BIG;
	if (e && flags == BPF_NOEXIST)
		return -EEXIST;
	if (!e)
		return flags == BPF_EXIST ? -ENOENT : insert(m, key, value);
	uint8_t copy[INTERP_ELEMENT];
	memcpy(copy, value, m->map->value_size);
	if (!is_array(m) && m->map->value_size > 8)
		make_stale(i, e);
	memcpy(e->value, copy, m->map->value_size);
	return 0;
}

static void reset_map(struct interp *i, uint32_t n, const struct object_map *map)
{
	struct interp_map_state *m = &i->maps[n];
	memset(m, 0, sizeof *m);
	m->map = map;
	for (uint32_t k = 0; map->kind == MAP_KIND_ARRAY && k < map->max_entries; k++) {
		m->elements[k].is_used = true;
		memcpy(m->elements[k].key, &k, sizeof k);
	}
	if (map->role == OBJECT_MAP_DECLARED)
		return;
	if (map->initial.size)
		memcpy(m->elements[0].value, map->initial.data, map->initial.size);
	uint32_t object =
		interp_object(i, INTERP_ELEMENT_OF, m->elements[0].value, map->value_size);
	i->objects[object].is_constant = is_constant(map);
	m->elements[0].object = object + 1;
}

void interp_reset(struct interp *i, const struct object *object)
{
	i->object = object;
	i->insns = object_insns(object, &i->insns_count);
	i->objects_count = i->records_count = i->frames_count = 0;
	const struct object_map *maps = object_maps(object, &i->maps_count);
	for (uint32_t n = 0; n < i->maps_count; n++)
		reset_map(i, n, &maps[n]);
}

/* ---- arguments ---- */
static bool arg_number(struct call *k, unsigned n)
{
	if (k->args[n].kind == INTERP_NUMBER)
		return true;
	return interp_stop(k->i, INTERP_ARGUMENT, "argument %u is not a number", n + 1);
}

static bool arg_map(struct call *k, unsigned n)
{
	bool wants_ring = strstr(k->helper->name, "ringbuf") != NULL;
	if (k->args[n].kind != INTERP_MAP)
		return interp_stop(k->i, INTERP_ARGUMENT, "argument %u is not a map", n + 1);
	k->map_index = (uint32_t)k->args[n].bits;
	k->map = &k->i->maps[k->map_index];
	if (k->map->map->role != OBJECT_MAP_DECLARED ||
	    (k->map->map->kind == MAP_KIND_RINGBUF) != wants_ring)
		return interp_stop(k->i, INTERP_ARGUMENT, "the map is of the wrong kind");
	return true;
}

static bool arg_memory(struct call *k, unsigned n, uint64_t size, bool is_out)
{
	if (k->args[n].kind == INTERP_POINTER &&
	    k->i->objects[k->args[n].object].place == INTERP_CONTEXT)
		return interp_stop(k->i, INTERP_ARGUMENT, "argument %u is the context", n + 1);
	k->memory[n] = interp_memory(k->i, &k->args[n], 0, size, is_out, !is_out);
	return k->memory[n] != NULL;
}

static bool arg_size(struct call *k, unsigned n, bool may_be_zero)
{
	bool is_out = k->helper->args[n - 1] == HELPER_ARG_MEM_OUT;
	if (!arg_number(k, n))
		return false;
	k->size = k->args[n].bits;
	if (k->size == 0 && !may_be_zero)
		return interp_stop(k->i, INTERP_ARGUMENT, "argument %u is a size of 0", n + 1);
	return k->size == 0 || arg_memory(k, n - 1, k->size, is_out);
}

static bool arg_record(struct call *k, unsigned n)
{
	const struct interp_value *v = &k->args[n];
	if (v->kind == INTERP_POINTER && v->bits == 0 &&
	    k->i->objects[v->object].place == INTERP_RING && k->i->objects[v->object].is_alive)
		return true;
	return interp_stop(k->i, INTERP_ARGUMENT, "argument %u is not a record that is held",
			   n + 1);
}

static bool arg_string(struct call *k, unsigned n)
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

static bool check_argument(struct call *k, unsigned n)
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
	case HELPER_ARG_SPIN_LOCK:
	case HELPER_ARG_CTX:
		break;
	}
	return interp_stop(k->i, INTERP_ARGUMENT, "no helper asks for that yet");
}

/* ---- facts about arguments ---- */
static bool check_fact(struct call *k, unsigned n)
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
	if (k->helper->args[n] == HELPER_ARG_MAP && f->map != VERIFIER_MIXED && f->map != v->bits)
		return interp_stop(k->i, INTERP_FACT, "argument %u is said to be map %u", n + 1,
				   f->map);
	const struct object_function *fns = object_functions(k->i->object, &(uint32_t){0});
	if (k->helper->args[n] == HELPER_ARG_CALLBACK && fns[f->callback].first != v->bits)
		return interp_stop(k->i, INTERP_FACT, "argument %u is said to be function %u",
				   n + 1, f->callback);
	return true;
}

/* ---- what they do ---- */
static bool returns(struct call *k, int64_t value)
{
	k->r0 = (struct interp_value){(uint64_t)value, 0, INTERP_NUMBER};
	return true;
}

static bool do_lookup(struct call *k)
{
	struct interp_element *e = interp_find(k->i, k->map_index, k->memory[1]);
	if (!e)
		return returns(k, 0);
	if (e->object == 0) {
		uint32_t object =
			interp_object(k->i, INTERP_ELEMENT_OF, e->value, k->map->map->value_size);
		if (object == UINT32_MAX)
			return false;
		k->i->objects[object].is_constant = is_constant(k->map->map);
		e->object = object + 1;
	}
	k->r0 = (struct interp_value){0, e->object - 1, INTERP_POINTER};
	return true;
}

static bool do_update(struct call *k)
{
	return returns(k, interp_update(k->i, k->map_index, k->memory[1], k->memory[2],
					k->args[3].bits));
}

static bool do_delete(struct call *k)
{
	struct interp_element *e = interp_find(k->i, k->map_index, k->memory[1]);
	if (is_array(k->map))
		return returns(k, -EINVAL);
	if (!e)
		return returns(k, -ENOENT);
	make_stale(k->i, e);
	e->is_used = false;
	return returns(k, 0);
}

/* The bytes of the host from `at` on, as many as are there. */
static struct bytes host_at(const struct call *k)
{
	const struct interp_value *from = &k->args[2];
	uint64_t at = from->bits - (uint64_t)(uintptr_t)k->i->host.data;
	if (from->kind != INTERP_NUMBER)
		k->i->result.is_open = true; /* the program's own memory: not modelled */
	if (from->kind != INTERP_NUMBER || at >= k->i->host.size)
		return (struct bytes){0};
	return (struct bytes){k->i->host.data + at, k->i->host.size - at};
}

static bool do_probe_read(struct call *k)
{
	struct bytes from = host_at(k);
	bool is_there = from.size >= k->size;
	memset(k->memory[0], 0, k->size);
	if (is_there)
		memcpy(k->memory[0], from.data, k->size);
	interp_wrote(k->i, &k->args[0], 0, k->size);
	return returns(k, is_there ? 0 : -EFAULT);
}

/* What lies behind the string's end becomes zeros. */
static bool do_probe_read_str(struct call *k)
{
	struct bytes from = host_at(k);
	const uint8_t *end = from.size ? memchr(from.data, 0, MIN(from.size, k->size)) : NULL;
	uint64_t length = end ? (uint64_t)(end - from.data) + 1 : k->size;
	if (!end && from.size < k->size) {
		memset(k->memory[0], 0, k->size);
		interp_wrote(k->i, &k->args[0], 0, k->size);
		return returns(k, -EFAULT);
	}
	memset(k->memory[0], 0, k->size);
	memcpy(k->memory[0], from.data, length - 1);
	interp_wrote(k->i, &k->args[0], 0, k->size);
	return returns(k, (int64_t)length);
}

static bool do_chance(struct call *k)
{
	k->i->result.is_open = true;
	k->i->seed = k->i->seed * UINT64_C(6364136223846793005) + 1442695040888963407u;
	return returns(k, (int64_t)(k->i->seed >> 33));
}

static bool do_pid(struct call *k)
{
	return returns(k, (int64_t)k->i->pid_tgid);
}

static struct interp_record *take_record(struct call *k, uint64_t size)
{
	uint64_t room = (size + 8 + 7) / 8 * 8;
	if (room > k->map->map->max_entries || k->map->taken > k->map->map->max_entries - room)
		return NULL;
	if (k->i->records_count == INTERP_RECORDS || size > INTERP_RECORD) {
		k->i->result.is_open = true;
		return NULL;
	}
	k->map->taken += room;
	struct interp_record *r = &k->i->records[k->i->records_count++];
	*r = (struct interp_record){.map = k->map_index, .size = (uint32_t)size};
	return r;
}

static bool do_output(struct call *k)
{
	if (k->args[3].bits & ~UINT64_C(3))
		return returns(k, -EINVAL);
	struct interp_record *r = take_record(k, k->size);
	if (!r)
		return returns(k, -EAGAIN);
	if (k->size)
		memcpy(r->data, k->memory[1], k->size);
	return returns(k, 0);
}

static bool do_reserve(struct call *k)
{
	struct interp_record *r = k->args[2].bits ? NULL : take_record(k, k->size);
	if (!r)
		return returns(k, 0);
	uint32_t object = interp_object(k->i, INTERP_RING, r->data, r->size);
	if (object == UINT32_MAX)
		return false;
	r->is_busy = true;
	r->object = object;
	k->i->objects[object].record = (uint32_t)(r - k->i->records);
	k->r0 = (struct interp_value){0, object, INTERP_POINTER};
	return true;
}

static bool do_finish(struct call *k)
{
	struct interp_object *o = &k->i->objects[k->args[0].object];
	struct interp_record *r = &k->i->records[o->record];
	o->is_alive = r->is_busy = false;
	r->is_discarded = k->helper->id == BPF_FUNC_ringbuf_discard;
	return true;
}

static bool do_query(struct call *k)
{
	switch (k->args[1].bits) {
	case BPF_RB_AVAIL_DATA:
	case BPF_RB_PROD_POS:
		return returns(k, (int64_t)k->map->taken);
	case BPF_RB_RING_SIZE:
		return returns(k, k->map->map->max_entries);
	}
	return returns(k, 0);
}

static bool do_strncmp(struct call *k)
{
	const uint8_t *a = k->memory[0], *b = k->memory[2];
	for (uint64_t n = 0; n < k->size; n++) {
		if (a[n] != b[n])
			return returns(k, a[n] < b[n] ? -1 : 1);
		if (a[n] == 0)
			break;
	}
	return returns(k, 0);
}

static bool do_loop(struct call *k)
{
	struct interp_round round = {.is_one = true,
				     .first = (uint32_t)k->args[1].bits,
				     .records = k->i->records_count,
				     .count = (uint32_t)k->args[0].bits,
				     .ctx = k->args[2]};
	if (k->args[3].bits)
		return returns(k, -EINVAL);
	if (round.count > 1u << 23)
		return returns(k, -E2BIG);
	if (round.count == 0)
		return returns(k, 0);
	k->is_entered = true;
	return interp_enter(k->i, &round);
}

static const struct {
	uint32_t id;
	bool (*run)(struct call *k);
} models[] = {
	{BPF_FUNC_map_lookup_elem, do_lookup},
	{BPF_FUNC_map_update_elem, do_update},
	{BPF_FUNC_map_delete_elem, do_delete},
	{BPF_FUNC_probe_read, do_probe_read},
	{BPF_FUNC_probe_read_user, do_probe_read},
	{BPF_FUNC_probe_read_str, do_probe_read_str},
	{BPF_FUNC_probe_read_user_str, do_probe_read_str},
	{BPF_FUNC_ktime_get_ns, do_chance},
	{BPF_FUNC_get_prandom_u32, do_chance},
	{BPF_FUNC_get_smp_processor_id, do_chance},
	{BPF_FUNC_get_current_pid_tgid, do_pid},
	{BPF_FUNC_ringbuf_output, do_output},
	{BPF_FUNC_ringbuf_reserve, do_reserve},
	{BPF_FUNC_ringbuf_submit, do_finish},
	{BPF_FUNC_ringbuf_discard, do_finish},
	{BPF_FUNC_ringbuf_query, do_query},
	{BPF_FUNC_strncmp, do_strncmp},
	{BPF_FUNC_loop, do_loop},
};

static bool run_model(struct call *k)
{
	for (size_t n = 0; n < ARRAY_SIZE(models); n++)
		if (models[n].id == k->helper->id)
			return models[n].run(k);
	return interp_stop(k->i, INTERP_ARGUMENT, "%s has no model", k->helper->name);
}

bool interp_call(struct interp *i, const struct bpf_insn *insn)
{
	uint32_t id = (uint32_t)insn->imm;
	struct call k = {.i = i, .helper = helper_find(id)};
	if (!k.helper || id >= 256 || !(i->granted[id / 64] >> id % 64 & 1))
		return interp_stop(i, INTERP_GRANT, "helper %u is not granted", id);
	memcpy(k.args, interp_reg(i, 1), sizeof k.args);
	for (unsigned n = 0; n < 5; n++)
		if (!check_argument(&k, n))
			return false;
	for (unsigned n = 0; i->facts && n < 5; n++)
		if (k.helper->args[n] != HELPER_ARG_NONE && !check_fact(&k, n))
			return false;
	if (!run_model(&k))
		return false;
	if (k.is_entered)
		return true;
	memset(interp_reg(i, 0), 0, 6 * sizeof(struct interp_value));
	*interp_reg(i, 0) = k.r0;
	return true;
}
