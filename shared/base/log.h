/*
 * log - lines on stderr: `TIME LEVEL message key=value …`. One line is one write, so lines of
 * several threads do not mix. Levels below the minimum cost one comparison.
 */
#pragma once

#include "shared/base/err.h"

enum log_level { LOG_DEBUG, LOG_INFO, LOG_WARN, LOG_ERROR };

/* Lines below `level` are dropped (default: INFO). Set once, in main. */
void log_set_level(enum log_level level);

void log_line(enum log_level level, const char *format, ...) PRINTF(2, 3);

/* Logs `e` (moved in; NULL does nothing) with what was being done, and destroys it: the receiver's
 * third choice. */
void log_err(enum log_level level, struct err *e, const char *format, ...) PRINTF(3, 4);

#define log_debug(...) log_line(LOG_DEBUG, __VA_ARGS__)
#define log_info(...)  log_line(LOG_INFO, __VA_ARGS__)
#define log_warn(...)  log_line(LOG_WARN, __VA_ARGS__)
