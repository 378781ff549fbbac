/*
 * Any object that parses is verified under a role that grants everything: the verdict comes within the
 * limits, prints, and names an instruction of the object.
 */
#include "shared/codec/json.h"
#include "shared/verifier/verifier.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char document[] =
	"capabilities:\n"
	"  - name: All\n"
	"    apis: [bpf_map_lookup_elem, bpf_map_update_elem, bpf_map_delete_elem, "
	"bpf_probe_read,\n"
	"           bpf_probe_read_user_str, bpf_get_prandom_u32, bpf_ringbuf_output,\n"
	"           bpf_ringbuf_reserve, bpf_ringbuf_submit, bpf_ringbuf_discard, bpf_strncmp,\n"
	"           bpf_for_each_map_elem, bpf_spin_lock, bpf_spin_unlock]\n"
	"roles:\n"
	"  - {name: Everyone, capabilities: [All]}\n";

static void require(bool holds)
{
	if (!holds)
		abort();
}

static struct role *make_role(void)
{
	struct role *role = NULL;
	OWNED(spec) struct spec *spec = NULL;
	OWNED(err) struct err *e = spec_parse(str_of(document), &spec);
	require(!e);
	e = role_resolve(spec, STR("Everyone"), NULL, &role);
	require(!e);
	return role;
}

static void look_at(const struct object *o, const struct verdict *v)
{
	uint32_t insns;
	OWNED_BUF struct buf text = BUF_INIT(1 << 20), json = BUF_INIT(1 << 20);
	OWNED(err) struct err *e = verdict_err(v);
	const struct verifier_finding *f = verdict_finding(v);
	(void)object_insns(o, &insns);
	verdict_print(v, &text);
	verdict_print_json(v, &json);
	require((f != NULL) == (e != NULL));
	require(!f || (f->rule != VERIFIER_ACCEPTED && f->insn < insns && f->message[0]));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct verifier_limits limits = {.max_steps = 20000,
					       .max_memory_bytes = (size_t)8 << 20};
	OWNED(role) struct role *role = make_role();
	OWNED(object) struct object *o = NULL;
	OWNED(verdict) struct verdict *v = NULL;
	OWNED(err) struct err *e = object_parse(bytes_of(data, size), &o);
	if (e)
		return 0;
	struct err *failed = verifier_run(o, role, limits, &v);
	require(!failed);
	look_at(o, v);
	return 0;
}
