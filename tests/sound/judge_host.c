/*
 * What the host of generated extensions is to a role: its types, and the part of the document that speaks of it.
 * The world (world.h) keeps to it.
 *
 * [I1] Types are built to be those of world.h; the assertions below say so.
 */
#include "tests/sound/judge.h"
#include "tests/sound/world.h"
#include "tests/unit/test.h"
#include "tests/unit/shared/bpf/btf_build.h"

#include <stddef.h>

_Static_assert(sizeof(struct world_peer) == 32 && sizeof(struct world_request) == 56 &&
		       offsetof(struct world_peer, next) == 24 &&
		       offsetof(struct world_request, in) == 24 &&
		       offsetof(struct world_request, up) == 40 &&
		       offsetof(struct world_request, fixed) == 48,
	       "as in world_field.tbl.h");

/* ---- types ---- */
struct types {
	struct btf_build b;
	uint32_t int32, uint32, int64, uint64, int16, uint16, int8, uint8, boolean, character;
	uint32_t peer, peer_ptr, const_peer_ptr, request_ptr, connection_ptr, status_ptr;
	uint32_t text, bytes, const_int_ptr, const_uint8_ptr, blob, const_blob, tag, name8;
};

static uint32_t pointer(struct types *t, uint32_t to)
{
	return btf_build_plain(&t->b, BTF_PTR, "", to);
}

static uint32_t const_pointer(struct types *t, uint32_t to)
{
	return pointer(t, btf_build_plain(&t->b, BTF_CONST, "", to));
}

static void put_numbers(struct types *t)
{
	t->int32 = btf_build_int(&t->b, "int", 4, 1);
	t->uint32 = btf_build_int(&t->b, "unsigned int", 4, 0);
	t->int64 = btf_build_int(&t->b, "long int", 8, 1);
	t->uint64 = btf_build_int(&t->b, "long unsigned int", 8, 0);
	t->int16 = btf_build_int(&t->b, "short int", 2, 1);
	t->uint16 = btf_build_int(&t->b, "short unsigned int", 2, 0);
	t->int8 = btf_build_int(&t->b, "signed char", 1, 1);
	t->uint8 = btf_build_int(&t->b, "unsigned char", 1, 0);
	t->boolean = btf_build_int(&t->b, "_Bool", 1, 4);
	t->character = btf_build_int(&t->b, "char", 1, 1);
	t->text = const_pointer(t, t->character);
	t->bytes = pointer(t, t->character);
	t->const_int_ptr = const_pointer(t, t->int32);
	t->const_uint8_ptr = const_pointer(t, t->uint8);
	t->blob = pointer(t, 0);
	t->const_blob = const_pointer(t, 0);
	t->tag = btf_build_array(&t->b, t->uint8, t->uint64, 8);
	t->name8 = btf_build_array(&t->b, t->character, t->uint64, 8);
}

static uint32_t begin_struct(struct types *t, const char *name, enum btf_kind kind, uint32_t count,
			     uint32_t size, bool has_bits)
{
	return btf_build_type(&t->b, name,
			      BTF_BUILD_INFO(kind, count) | (has_bits ? BTF_BUILD_FLAG : 0), size);
}

#define BITS(size, at) ((uint32_t)(size) << 24 | (at))

static void put_peer(struct types *t)
{
	t->peer = begin_struct(t, "peer", BTF_STRUCT, 6, 32, true);
	t->peer_ptr = t->peer + 1;
	btf_build_member(&t->b, "fd", t->int32, 0);
	btf_build_member(&t->b, "tls", t->uint32, BITS(1, 32));
	btf_build_member(&t->b, "retries", t->uint32, BITS(3, 33));
	btf_build_member(&t->b, "bytes", t->int64, 64);
	btf_build_member(&t->b, "name", t->name8, 128);
	btf_build_member(&t->b, "next", t->peer_ptr, 192);
	pointer(t, t->peer);
	t->const_peer_ptr = const_pointer(t, t->peer);
}

static void put_request(struct types *t)
{
	uint32_t inner = begin_struct(t, "inner", BTF_STRUCT, 3, 8, false);
	btf_build_member(&t->b, "x", t->int32, 0);
	btf_build_member(&t->b, "y", t->int16, 32);
	btf_build_member(&t->b, "z", t->int16, 48);
	uint32_t either = begin_struct(t, "", BTF_UNION, 2, 8, false);
	btf_build_member(&t->b, "number", t->uint64, 0);
	btf_build_member(&t->b, "up", t->peer_ptr, 0);
	uint32_t request = begin_struct(t, "request", BTF_STRUCT, 9, 56, true);
	btf_build_member(&t->b, "peer", t->peer_ptr, 0);
	btf_build_member(&t->b, "total", t->int64, 64);
	btf_build_member(&t->b, "state", t->int32, 128);
	btf_build_member(&t->b, "flags", t->uint32, BITS(4, 160));
	btf_build_member(&t->b, "kind", t->uint32, BITS(8, 168));
	btf_build_member(&t->b, "in", inner, 192);
	btf_build_member(&t->b, "tag", t->tag, 256);
	btf_build_member(&t->b, "", either, 320);
	btf_build_member(&t->b, "fixed", t->const_peer_ptr, 384);
	t->request_ptr = pointer(t, request);
}

static void put_others(struct types *t)
{
	uint32_t status = begin_struct(t, "status", BTF_STRUCT, 3, 16, false);
	btf_build_member(&t->b, "size", t->int64, 0);
	btf_build_member(&t->b, "mode", t->int32, 64);
	btf_build_member(&t->b, "owner", t->int32, 96);
	t->status_ptr = pointer(t, status);
	t->connection_ptr = pointer(t, btf_build_plain(&t->b, BTF_FWD, "connection", 0));
	uint32_t limits = btf_build_array(&t->b, t->int64, t->uint64, WORLD_LIMITS);
	const struct {
		const char *name;
		uint32_t type;
	} variables[] = {{"host_counter", t->int32},
			 {"host_tally", t->int64},
			 {"host_limits", limits}};
	for (size_t n = 0; n < ARRAY_SIZE(variables); n++) {
		btf_build_plain(&t->b, BTF_VAR, variables[n].name, variables[n].type);
		btf_build_word(&t->b, 1);
	}
}

struct param {
	const char *name;
	uint32_t type;
};

static void put_function(struct types *t, const char *name, uint32_t result,
			 const struct param *params)
{
	uint32_t count = 0;
	while (params[count].name)
		count++;
	uint32_t proto = btf_build_type(&t->b, "", BTF_BUILD_INFO(BTF_FUNC_PROTO, count), result);
	for (uint32_t n = 0; n < count; n++)
		btf_build_pair(&t->b, params[n].name, params[n].type);
	btf_build_type(&t->b, name, BTF_BUILD_INFO(BTF_FUNC, BTF_GLOBAL), proto);
}

#define PARAMS(...) ((const struct param[]){__VA_ARGS__, {NULL, 0}})
#define NO_PARAMS   ((const struct param[]){{NULL, 0}})

static void put_entries(struct types *t)
{
	put_function(t, "on_data", t->int32,
		     PARAMS({"r", t->request_ptr}, {"data", t->text}, {"length", t->int32},
			    {"out", t->bytes}, {"size", t->uint64}, {"at", t->int32}));
	put_function(t, "on_text", t->int32,
		     PARAMS({"text", t->text}, {"r", t->request_ptr}, {"count", t->uint32},
			    {"words", t->const_int_ptr}, {"n", t->int64}, {"c", t->int8}));
	put_function(t, "on_copy", t->uint32,
		     PARAMS({"to", t->bytes}, {"room", t->uint32}, {"from", t->text},
			    {"length", t->uint32}, {"head", t->blob}));
	put_function(t, "on_long", t->int64,
		     PARAMS({"bytes", t->const_uint8_ptr}, {"count", t->int64},
			    {"r", t->request_ptr}));
}

static void put_plain_functions(struct types *t)
{
	put_function(t, "host_number", t->int64,
		     PARAMS({"a", t->int8}, {"b", t->uint16}, {"c", t->uint64}));
	put_function(t, "host_pick", t->int32, PARAMS({"index", t->int32}));
	put_function(t, "host_ready", t->boolean, PARAMS({"now", t->boolean}));
	put_function(t, "host_bound", t->uint64, NO_PARAMS);
	put_function(t, "host_notify", 0, PARAMS({"what", t->int32}));
	put_function(t, "host_look", t->int32, PARAMS({"p", t->text}, {"n", t->int32}));
	put_function(t, "host_fill", t->int32, PARAMS({"p", t->bytes}, {"n", t->uint32}));
	put_function(t, "host_either", t->int32,
		     PARAMS({"p", t->const_blob}, {"size", t->uint64}, {"mode", t->int32}));
	put_function(t, "host_stat", t->int32, PARAMS({"out", t->status_ptr}));
}

static void put_holding_functions(struct types *t)
{
	put_function(t, "host_open", t->int32, PARAMS({"name", t->text}, {"flags", t->int32}));
	put_function(t, "host_seek", t->int64, PARAMS({"fd", t->int32}, {"to", t->int64}));
	put_function(t, "host_close", t->int32, PARAMS({"fd", t->int32}));
	put_function(t, "host_accept", t->int32, NO_PARAMS);
	put_function(t, "host_leave", t->int32, PARAMS({"ticket", t->int32}));
	put_function(t, "host_connect", t->connection_ptr, PARAMS({"port", t->int32}));
	put_function(t, "host_send", t->int32,
		     PARAMS({"c", t->connection_ptr}, {"data", t->const_blob},
			    {"size", t->uint64}));
	put_function(t, "host_disconnect", 0, PARAMS({"c", t->connection_ptr}));
	put_function(t, "host_first", t->const_peer_ptr, NO_PARAMS);
	put_function(t, "host_rank", t->int32, PARAMS({"p", t->const_peer_ptr}));
	put_function(t, "host_update", t->int32, PARAMS({"r", t->request_ptr}));
	put_function(t, "host_bump", t->int32, PARAMS({"p", t->peer_ptr}));
}

struct err *judge_host_types(struct btf **out)
{
	struct types t = {.b = BTF_BUILD_INIT};
	put_numbers(&t);
	put_peer(&t);
	put_request(&t);
	put_others(&t);
	put_entries(&t);
	put_plain_functions(&t);
	put_holding_functions(&t);
	struct err *e = btf_build_parse(&t.b, out);
	btf_build_fini(&t.b);
	return e;
}

/* ---- the document ---- */
void judge_host_document(struct buf *out)
{
	buf_puts(out,
		 "types:\n"
		 "  - {name: file, base: int}\n"
		 "host_functions:\n"
		 "  - {name: host_pick, function_constraints: [\"index >= 0 and index < 10\"]}\n"
		 "  - {name: host_bound, function_constraints: "
		 "[\"return = 0 or return >= 10 and return <= 31\"]}\n"
		 "  - {name: host_notify, side_effect: true}\n"
		 "  - {name: host_look, function_constraints: [\"p.readable(n)\"]}\n"
		 "  - {name: host_fill, function_constraints: "
		 "[\"p.writable(n)\", \"return >= -1\", \"return <= n\"]}\n"
		 "  - {name: host_either, function_constraints: "
		 "[\"mode = 0 or p.readable(size)\"]}\n"
		 "  - {name: host_open, acquires: file}\n"
		 "  - name: host_seek\n"
		 "    signature:\n"
		 "      params: [{type: file, name: fd}, {type: long, name: to}]\n"
		 "      return_type: long\n"
		 "  - {name: host_close, releases: file}\n"
		 "  - {name: host_accept, acquires: ticket}\n"
		 "  - {name: host_leave, releases: ticket}\n"
		 "  - {name: host_connect, acquires: connection}\n"
		 "  - {name: host_disconnect, releases: connection}\n"
		 "variables:\n"
		 "  - {name: host_counter, type: int, access: read}\n"
		 "  - {name: host_tally, type: long int, access: write}\n"
		 "  - {name: host_limits, type: \"long int [4]\", access: write}\n"
		 "extension_exports:\n"
		 "  - {name: on_data, symbol: on_data, function_constraints: [r.non_null, "
		 "data.readable(length), out.writable(size), \"size <= 64\", \"at <= length\"]}\n"
		 "  - {name: on_text, symbol: on_text, function_constraints: "
		 "[\"text.null_terminated and text.non_null\", words.readable(count + 8), "
		 "\"n >= -4 and n < 100\", \"return >= -1 and return <= 100\"]}\n"
		 "  - {name: on_copy, symbol: on_copy, function_constraints: [to.writable(room), "
		 "from.readable(length), \"length <= room\", head.readable(16), "
		 "\"return <= length\"]}\n"
		 "  - {name: on_long, symbol: on_long, function_constraints: "
		 "[bytes.non_null, bytes.readable(count)]}\n");
}

const char *judge_host_functions(void)
{
	return "host_number, host_pick, host_ready, host_bound, host_notify, host_look, "
	       "host_fill, host_either, host_stat, host_open, host_seek, host_close, "
	       "host_connect, host_send, host_disconnect, host_first, host_rank, host_update, "
	       "host_bump, host_accept, host_leave";
}

static const struct {
	const char *path;
	uint32_t roles[2]; /* reading, writing */
} fields[] = {
#define FIELD(path, place, offset, bytes, reading, writing) {path, {reading, writing}},
#include "tests/sound/world_field.tbl.h"
#undef FIELD
};

void judge_host_access(unsigned role, struct buf *out)
{
	static const char *const names[] = {"read", "write"};
	for (unsigned k = 0; k < 2; k++) {
		unsigned count = 0;
		buf_printf(out, "%s%s: [", k ? ", " : "", names[k]);
		for (size_t n = 0; n < ARRAY_SIZE(fields); n++)
			if (fields[n].roles[k] >> role & 1)
				buf_printf(out, "%s%s", count++ ? ", " : "", fields[n].path);
		buf_putc(out, ']');
	}
}
