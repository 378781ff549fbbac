/*
 * attach - the command `eim-agent attach`: one process, no controller.
 */
#pragma once

#include "agent/daemon/options.h"

/*
 * Attaches, prints "ready" on stderr, waits for the duration, a signal (SIGINT, SIGTERM) or the end of
 * the process, takes everything out again, and writes links and maps as JSON.
 *   fails  as prepare_policy() and target_instantiate(): the process is as it was
 */
MUST_CHECK struct err *attach_run(const struct options *options);
