/*
 * wait - until the hosts have done what was asked. The controller is asked again a few times a second;
 * that is cheap for it, as it keeps the status in memory.
 */
#pragma once

#include "controller/ctl/ctl.h"

/*
 * Until every host that policies `names` are meant for has reported the current revision of each, and
 * all links are ACTIVE: prints a line per policy.
 *   seconds  of the command line; "" is CTL_WAIT_S
 *   fails    INVALID            `seconds` is no number
 * Where a link FAILED, or the time is over, what is known is printed and ctl->exit_code becomes 1.
 */
MUST_CHECK struct err *wait_active(struct ctl *ctl, const char *seconds, const struct str *names,
				   unsigned count);

/* Until no host reports a link of these policies; ctl->exit_code as above. */
MUST_CHECK struct err *wait_gone(struct ctl *ctl, const char *seconds, const struct str *names,
				 unsigned count);
