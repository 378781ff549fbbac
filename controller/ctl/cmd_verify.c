/* verify - the agent's verdict, offline; beside it the kernel's where that is asked for. */
#include "controller/ctl/command.h"
#include "controller/ctl/input.h"
#include "controller/ctl/kernel.h"
#include "shared/base/clock.h"
#include "shared/codec/json.h"

/* The kernel's answer as member "kernel" of our verdict. */
static struct err *print_both(struct ctl *ctl, const struct buf *ours,
			      const struct kernel_answer *answer, const struct verdict *verdict)
{
	OWNED_ARENA struct arena a = ARENA_INIT(CTL_MAX_MEMORY);
	OWNED_BUF struct buf theirs = BUF_INIT(CTL_MAX_OUTPUT);
	const struct node *n, *k;
	kernel_print_json(answer, verdict, &theirs);
	TRY(buf_check(ours));
	TRY(buf_check(&theirs));
	TRY(json_parse(buf_str(ours), &a, &n));
	TRY(json_parse(buf_str(&theirs), &a, &k));
	struct node *both = node_copy(&a, n);
	TRY_MEMORY(node_set(&a, both, STR("kernel"), node_copy(&a, k)));
	ctl_print_node(ctl, both);
	return NULL;
}

/* `answer` is NULL where the kernel was not asked. */
static struct err *print(struct ctl *ctl, const struct verdict *verdict,
			 const struct kernel_answer *answer)
{
	OWNED_BUF struct buf json = BUF_INIT(CTL_MAX_OUTPUT);
	if (ctl_is_table(ctl)) {
		verdict_print(verdict, &ctl->out);
		if (answer)
			kernel_print(answer, verdict, &ctl->out);
		return NULL;
	}
	verdict_print_json(verdict, &json);
	return answer ? print_both(ctl, &json, answer, verdict) : ctl_print_json(ctl, &json);
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

struct err *cmd_verify(struct ctl *ctl, const struct args *args)
{
	OWNED_BUF struct buf image = BUF_INIT(0);
	OWNED(object) struct object *object = NULL;
	OWNED(role) struct role *role = NULL;
	OWNED(verdict) struct verdict *verdict = NULL;
	OWNED(kernel) struct kernel_answer *answer = NULL;
	if (!args_has(args, OPTION_ROLE))
		return err_new(ERR_INVALID, "verify wants --role NAME");
	TRY(input_object(args->words[0], &image, &object));
	TRY(input_role(args, args->roles, args->roles_count, &role));
	TRY(verify(object, role, &verdict));
	if (args_has(args, OPTION_KERNEL))
		TRY(kernel_ask(buf_bytes(&image), object, &answer));
	ctl->exit_code = verdict_finding(verdict) ? 1 : 0;
	return print(ctl, verdict, answer);
}
