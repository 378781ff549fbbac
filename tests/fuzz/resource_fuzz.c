/*
 * What the controller's API takes apart: the request target, the policy document as YAML and as JSON,
 * an answer to a query. A policy that parses prints to a document that parses to the same one.
 */
#include "controller/http/target.h"
#include "controller/model/merge.h"
#include "controller/model/policy.h"
#include "shared/codec/yaml.h"

#define ARENA_BYTES ((size_t)64 << 20)
#define TEXT_BYTES  ((size_t)16 << 20)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(struct err *e)
{
	if (e)
		__builtin_trap();
}

static void print(const struct policy *p, struct buf *out)
{
	struct json w = json_start(out);
	json_object(&w, NULL);
	policy_print(p, &w);
	json_end(&w);
}

static void try_policy(const struct node *n, struct arena *a)
{
	OWNED_BUF struct buf first = BUF_INIT(TEXT_BYTES), second = BUF_INIT(TEXT_BYTES);
	struct policy p;
	OWNED(err) struct err *e = policy_parse(n, STR(""), a, &p);
	if (e)
		return;
	print(&p, &first);
	must(json_parse(buf_str(&first), a, &n));
	must(policy_parse(n, p.name, a, &p));
	print(&p, &second);
	if (!str_equal(buf_str(&first), buf_str(&second)))
		__builtin_trap();
}

static void try_answer(const struct node *n, struct arena *a)
{
	OWNED_BUF struct buf out = BUF_INIT(TEXT_BYTES);
	struct merge m;
	must(merge_init(&m, a));
	OWNED(err) struct err *first = merge_add(&m, STR("a"), n);
	OWNED(err) struct err *second = merge_add(&m, STR("b"), n);
	struct json w = json_start(&out);
	json_object(&w, NULL);
	merge_print(&m, &w);
	json_end(&w);
}

static void try_document(struct str text,
			 struct err *(*parse)(struct str, struct arena *, const struct node **))
{
	OWNED_ARENA struct arena a = ARENA_INIT(ARENA_BYTES);
	const struct node *n;
	OWNED(err) struct err *e = parse(text, &a, &n);
	if (e)
		return;
	try_policy(n, &a);
	try_answer(n, &a);
}

static void try_target(struct str text)
{
	OWNED_ARENA struct arena a = ARENA_INIT(ARENA_BYTES);
	struct target t;
	OWNED(err) struct err *e = target_parse(text, &a, &t);
	for (size_t i = 0; !e && i < t.parameters_count; i++)
		if (!target_parameter(&t, t.parameters[i].name.data))
			__builtin_trap();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str text = {(const char *)data, size};
	try_document(text, yaml_parse);
	try_document(text, json_parse);
	try_target(text);
	return 0;
}
