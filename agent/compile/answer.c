#include "agent/compile/message.h"

#include "shared/base/clock.h"
#include "shared/eim/derive.h"
#include "shared/eim/role.h"
#include "shared/jit/jit.h"
#include "shared/verifier/verifier.h"

/* Without a document, what the host declares by its types is the document. */
static struct err *find_spec(const struct compile_request *request, const struct btf *host,
			     struct spec **out)
{
	OWNED_BUF struct buf declared = BUF_INIT(SPEC_MAX_BYTES);
	if (request->spec_text.size)
		return spec_parse(request->spec_text, out);
	if (!host)
		return err_new(
			ERR_INVALID,
			"there is no document, and the host binary has no types that declare "
			"roles");
	TRY_DOING(derive_document(host, &declared), "the host binary's types");
	return err_doing(spec_parse(buf_str(&declared), out), "what the host binary declares");
}

static struct err *resolve(const struct compile_request *request, struct role **out)
{
	OWNED(spec) struct spec *spec = NULL;
	OWNED(btf) struct btf *host = NULL;
	if (request->host_btf.size)
		TRY_DOING(btf_parse(request->host_btf, &host), "the host binary's BTF");
	TRY(find_spec(request, host, &spec));
	return role_resolve(spec, request->role, host, out);
}

static struct err *verify(const struct object *object, const struct role *role,
			  struct verdict **out)
{
	uint64_t deadline_ns = clock_mono_ns() + VERIFIER_TIME_MS * UINT64_C(1000000);
	struct verifier_limits limits = VERIFIER_LIMITS_DEFAULT;
	limits.is_late = clock_is_past;
	limits.context = &deadline_ns;
	limits.max_time_ms = VERIFIER_TIME_MS;
	return verifier_run(object, role, limits, out);
}

static struct err *compile(const struct compile_request *request, struct buf *answer)
{
	OWNED(object) struct object *object = NULL;
	OWNED(role) struct role *role = NULL;
	OWNED(verdict) struct verdict *verdict = NULL;
	OWNED(image) struct image *image = NULL;
	OWNED_BUF struct buf text = BUF_INIT((size_t)1 << 20);

	TRY_DOING(object_parse(request->object, &object), "program");
	TRY(resolve(request, &role));
	TRY(verify(object, role, &verdict));
	TRY(verdict_err(verdict));
	TRY(jit_compile(object, role, verdict, &image));
	verdict_print_json(verdict, &text);
	TRY(buf_check(&text));
	compile_answer_encode_image(image, buf_str(&text), answer);
	return buf_check(answer);
}

void compile_answer(struct bytes request, struct buf *answer)
{
	struct compile_request parts;
	OWNED(err) struct err *e = compile_request_decode(request, &parts);
	if (!e)
		e = compile(&parts, answer);
	if (e)
		compile_answer_encode_err(e, answer);
}
