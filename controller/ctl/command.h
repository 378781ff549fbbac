/*
 * command - what eimctl can do: one function per row of command.tbl.h, each in cmd_NAME.c.
 */
#pragma once

#include "controller/ctl/args.h"
#include "controller/ctl/ctl.h"

/*
 * Each runs its command: prints to ctl->out, sets ctl->exit_code to 1 where the answer is no.
 *   fails  what stopped it; main prints it and ends with the code's exit code
 */
#define COMMAND(name, words, fewest, most, options, help, more) \
	MUST_CHECK struct err *cmd_##name(struct ctl *ctl, const struct args *args);
#include "controller/ctl/command.tbl.h"
#undef COMMAND
