/*
 * clock - the time, for shells. Pure cores get it as an argument.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <time.h>

static inline uint64_t clock_read_ns(clockid_t id)
{
	struct timespec now;
	clock_gettime(id, &now);
	return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

/* Nanoseconds of CLOCK_MONOTONIC, for deadlines and intervals. */
static inline uint64_t clock_mono_ns(void)
{
	return clock_read_ns(CLOCK_MONOTONIC);
}

/* Whether the deadline (a uint64_t, of CLOCK_MONOTONIC in ns) is over: for parts without a clock. */
static inline bool clock_is_past(void *deadline_ns)
{
	return clock_mono_ns() >= *(const uint64_t *)deadline_ns;
}

/* Milliseconds since 1970, for people and records. */
static inline uint64_t clock_unix_ms(void)
{
	return clock_read_ns(CLOCK_REALTIME) / 1000000u;
}

#define CLOCK_STAMP_SIZE 32

/* RFC 3339 in UTC with milliseconds, as the API writes times: "2026-01-31T12:00:00.123Z". */
static inline const char *clock_stamp(uint64_t unix_ms, char out[CLOCK_STAMP_SIZE])
{
	time_t seconds = (time_t)(unix_ms / 1000);
	struct tm utc;
	gmtime_r(&seconds, &utc);
	size_t at = strftime(out, CLOCK_STAMP_SIZE, "%Y-%m-%dT%H:%M:%S.", &utc);
	unsigned ms = (unsigned)(unix_ms % 1000);
	out[at++] = (char)('0' + ms / 100);
	out[at++] = (char)('0' + ms / 10 % 10);
	out[at++] = (char)('0' + ms % 10);
	out[at++] = 'Z';
	out[at] = 0;
	return out;
}
