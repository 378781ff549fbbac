/*
 * fuzz - generated programs, for as long as one likes:
 *
 *	fuzz [--seconds N] [--count N] [--seed S] [--every K] [--jobs N] [--report]
 *
 * Seeds S, S+1, … are judged: COUNT of them, or those that SECONDS allow; given both, COUNT at the least,
 * and then more until the time is over. JOBS processes share them: process k takes each N-th. Every K-th
 * accepted program is compiled as well (500). --report: what was reached of the instruction set, the
 * helpers and the rules.
 *
 * Exit code 1: there are findings, printed with their seeds; --seed S --count 1 shows one again.
 */
#include "tests/sound/judge.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define MAX_FINDINGS 10
#define MAX_JOBS     256

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
	uint64_t seconds, count, seed, every, jobs;
	bool reports;
};

static bool parse_number(struct options *o, const char *name, const char *value)
{
	const struct {
		const char *name;
		uint64_t *to;
	} rows[] = {{"--seconds", &o->seconds},
		    {"--count", &o->count},
		    {"--seed", &o->seed},
		    {"--every", &o->every},
		    {"--jobs", &o->jobs}};
	for (size_t k = 0; value && k < ARRAY_SIZE(rows); k++)
		if (strcmp(name, rows[k].name) == 0)
			return str_to_u64(str_of(value), rows[k].to);
	return false;
}

static bool parse(int argc, char **argv, struct options *o)
{
	for (int n = 1; n < argc; n++) {
		if (strcmp(argv[n], "--report") == 0)
			o->reports = true;
		else if (!parse_number(o, argv[n], argv[n + 1]))
			return false;
		else
			n++;
	}
	if (!o->seconds && !o->count)
		o->count = UINT64_MAX;
	return o->jobs >= 1 && o->jobs <= MAX_JOBS;
}

static double seconds_of(clockid_t clock)
{
	struct timespec t;
	clock_gettime(clock, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* Process `job`: its figures, findings printed. */
static int work(const struct options *o, uint64_t job, double start, struct judge_figures *out)
{
	static struct judge j;
	OWNED_BUF struct buf report = BUF_INIT(1 << 24);
	OWNED(err) struct err *e = judge_init(&j);
	if (e) {
		err_print("fuzz", e);
		return 2;
	}
	for (size_t n = 0; n < 5; n++)
		signal((const int[]){SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGALRM}[n], crashed);
	for (uint64_t n = job; j.figures.findings < MAX_FINDINGS; n += o->jobs) {
		if (n >= o->count &&
		    (!o->seconds || seconds_of(CLOCK_MONOTONIC) - start >= (double)o->seconds))
			break;
		current = o->seed + n;
		alarm(60);
		judge_seed(&j, current, (uint32_t)o->every, &report);
	}
	printf("%s", buf_text(&report));
	fflush(stdout);
	*out = j.figures;
	judge_fini(&j);
	return j.figures.findings ? 1 : 0;
}

/* The worst of their exit codes. */
static int wait_for(uint64_t jobs)
{
	int worst = 0, status;
	while (jobs-- && wait(&status) > 0)
		worst = MAX(worst, WIFEXITED(status) ? WEXITSTATUS(status) : 3);
	return worst;
}

static int work_side_by_side(const struct options *o, double start, struct judge_figures *all)
{
	size_t bytes = o->jobs * sizeof *all;
	struct judge_figures *each =
		mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (each == MAP_FAILED)
		return 2;
	uint64_t started = 0;
	for (; started < o->jobs; started++) {
		pid_t child = fork();
		if (child == 0)
			_exit(work(o, started, start, &each[started]));
		if (child < 0)
			break;
	}
	int code = wait_for(started);
	for (uint64_t n = 0; n < started; n++)
		judge_add(all, &each[n]);
	munmap(each, bytes);
	return started == o->jobs ? code : 2;
}

int main(int argc, char **argv)
{
	static struct judge_figures all;
	struct options o = {.seed = 1, .every = 500, .jobs = 1};
	OWNED_BUF struct buf text = BUF_INIT(1 << 20);
	if (!parse(argc, argv, &o)) {
		fprintf(stderr, "usage: fuzz [--seconds N] [--count N] [--seed S] [--every K] "
				"[--jobs N] [--report]\n");
		return 2;
	}
	double start = seconds_of(CLOCK_MONOTONIC);
	int code = o.jobs == 1 ? work(&o, 0, start, &all) : work_side_by_side(&o, start, &all);
	double took = seconds_of(CLOCK_MONOTONIC) - start;
	judge_print(&all, o.reports, &text);
	printf("%s%.1f s, %.0f programs a second, %lu findings\n", buf_text(&text), took,
	       (double)all.programs / took, (unsigned long)all.findings);
	return code;
}
