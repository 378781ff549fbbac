/*
 * fuzz - generated programs, for as long as one likes:
 *
 *	fuzz [--seconds N | --count N] [--seed S] [--every K]
 *
 * Exit code 1: there are findings, printed with their seeds; --seed S --count 1 shows one again.
 */
#include "tests/sound/judge.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#define MAX_FINDINGS 10

static volatile uint64_t current; /* for the signal handler: which seed made compiled code crash */

static void crashed(int signal)
{
	char text[96];
	int size = snprintf(text, sizeof text, "finding: seed %lu: signal %d in compiled code\n",
			    (unsigned long)current, signal);
	if (write(1, text, (size_t)size) < 0)
		_exit(4);
	_exit(3);
}

struct options {
	uint64_t seconds, count, seed, every;
};

static bool parse(int argc, char **argv, struct options *o)
{
	const struct {
		const char *name;
		uint64_t *to;
	} rows[] = {{"--seconds", &o->seconds},
		    {"--count", &o->count},
		    {"--seed", &o->seed},
		    {"--every", &o->every}};
	for (int n = 1; n < argc; n += 2) {
		bool is_known = false;
		for (size_t k = 0; k < ARRAY_SIZE(rows); k++)
			if (n + 1 < argc && strcmp(argv[n], rows[k].name) == 0)
				is_known = str_to_u64(str_of(argv[n + 1]), rows[k].to);
		if (!is_known)
			return false;
	}
	return true;
}

static double seconds_now(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

int main(int argc, char **argv)
{
	static struct judge j;
	struct options o = {.count = UINT64_MAX, .seed = 1, .every = 200};
	OWNED_BUF struct buf report = BUF_INIT(1 << 24);
	uint32_t findings = 0;
	if (!parse(argc, argv, &o)) {
		fprintf(stderr, "usage: fuzz [--seconds N | --count N] [--seed S] [--every K]\n");
		return 2;
	}
	OWNED(err) struct err *e = judge_init(&j);
	if (e) {
		err_print("fuzz", e);
		return 2;
	}
	for (size_t n = 0; n < 5; n++)
		signal((const int[]){SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGALRM}[n], crashed);
	double start = seconds_now();
	for (uint64_t n = 0; n < o.count && findings < MAX_FINDINGS; n++) {
		if (o.seconds && seconds_now() - start >= (double)o.seconds)
			break;
		current = o.seed + n;
		alarm(60);
		findings += judge_seed(&j, current, (uint32_t)o.every, &report);
	}
	double took = seconds_now() - start;
	judge_figures(&j, &report);
	printf("%s%.1f s, %.0f programs a second, %u findings\n", buf_text(&report), took,
	       (double)j.programs / took, findings);
	judge_fini(&j);
	return findings ? 1 : 0;
}
