/*
 * sandbox - gives up everything that compiling does not need: files, network, processes, time.
 */
#pragma once

#include "shared/base/err.h"

#define SANDBOX_MAX_MEMORY_BYTES ((size_t)2 << 30)
#define SANDBOX_MAX_CPU_S	 30

/*
 * From here on the process may compute, allocate, read its standard input, write its standard output and
 * error, and exit; any other system call ends it (SIGSYS). Cannot be undone.
 *   fails  SYSTEM: the kernel refused; the caller must then not go on
 */
MUST_CHECK struct err *sandbox_enter(void);
