/* verify - the agent's verdict, offline. */
#include "controller/ctl/command.h"
#include "controller/ctl/input.h"
#include "shared/verifier/verifier.h"

static struct err *resolve(const struct args *args, struct role **out)
{
	OWNED(spec) struct spec *spec = NULL;
	OWNED(btf) struct btf *host = NULL;
	const char *path = args->values[OPTION_SPEC];
	TRY(input_spec(path, &spec));
	TRY(input_host_btf(args, &host));
	TRY_DOING(role_resolve(spec, str_of(args->values[OPTION_ROLE]), host, out), "%s", path);
	return NULL;
}

struct err *cmd_verify(struct ctl *ctl, const struct args *args)
{
	OWNED(object) struct object *object = NULL;
	OWNED(role) struct role *role = NULL;
	OWNED(verdict) struct verdict *verdict = NULL;
	if (!args_has(args, OPTION_SPEC) || !args_has(args, OPTION_ROLE))
		return err_new(ERR_INVALID, "verify wants --spec FILE and --role NAME");
	TRY(input_object(args->words[0], &object));
	TRY(resolve(args, &role));
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
