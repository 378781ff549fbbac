/* verify - the agent's verdict, offline. */
#include "controller/ctl/command.h"
#include "controller/ctl/input.h"
#include "shared/verifier/verifier.h"

struct err *cmd_verify(struct ctl *ctl, const struct args *args)
{
	OWNED(object) struct object *object = NULL;
	OWNED(role) struct role *role = NULL;
	OWNED(verdict) struct verdict *verdict = NULL;
	if (!args_has(args, OPTION_ROLE))
		return err_new(ERR_INVALID, "verify wants --role NAME");
	TRY(input_object(args->words[0], &object));
	TRY(input_role(args, args->values[OPTION_ROLE], &role));
	TRY(verifier_run(object, role, VERIFIER_LIMITS_DEFAULT, &verdict));
	ctl->exit_code = verdict_finding(verdict) ? 1 : 0;
	if (ctl_is_table(ctl)) {
		verdict_print(verdict, &ctl->out);
		return NULL;
	}
	OWNED_BUF struct buf json = BUF_INIT(CTL_MAX_OUTPUT);
	verdict_print_json(verdict, &json);
	return ctl_print_json(ctl, &json);
}
