/*
 * eim-agent - keeps the processes of this host as the controller wants them.
 */
#include "agent/daemon/agent.h"
#include "agent/daemon/attach.h"

#include <stdio.h>

static struct err *dispatch(const struct options *options)
{
	if (options->command == OPTIONS_ATTACH)
		return attach_run(options);
	return agent_run(options);
}

int main(int argc, char **argv)
{
	struct options options;
	OWNED(err) struct err *e = options_parse(argc, argv, &options);
	if (!e && options.command == OPTIONS_HELP) {
		options_print_help();
		return 0;
	}
	if (!e && options.command == OPTIONS_VERSION) {
		puts("eim-agent " EIM_VERSION);
		return 0;
	}
	if (!e)
		e = dispatch(&options);
	if (e)
		err_print("eim-agent", e);
	return e ? err_exit(err_code(e)) : 0;
}
