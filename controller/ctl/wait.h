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
 *            DEADLINE_EXCEEDED  the time is over; says what is missing
 * Where a link FAILED it is printed with its reason, and ctl->exit_code is 1.
 */
MUST_CHECK struct err *wait_active(struct ctl *ctl, const char *seconds, const struct str *names,
				   unsigned count);

/* Until no host reports a link of these policies. */
MUST_CHECK struct err *wait_gone(struct ctl *ctl, const char *seconds, const struct str *names,
				 unsigned count);
