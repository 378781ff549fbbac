/*
 * hook - what one hook costs: ours, and the kernel's uprobe beside it in the same run; and what an extension
 * costs that takes a function's place.
 *
 * Problem: times on one machine differ by a tenth from minute to minute, and a hook of nanoseconds
 * drowns in that. Idea: everything is measured in rounds that interleave all candidates, each time as
 * the quickest of several slices; the figure is the median over the rounds of what the hook adds to the
 * unprobed call of the same function in the same round.
 *
 * [B1] A hook that did not run is no measurement: ours reports its runs, the kernel's its counter, and
 *      both must be the number of calls.
 */
#include "shared/base/clock.h"
#include "shared/base/file.h"
#include "shared/base/mem.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>

#define ROUNDS_MAX    101
#define SLICES	      8u
#define SLICE_NS      4000000u /* that one slice of a measurement should take */
#define CALIBRATION   2000u
#define LINE_MAX_SIZE 4096

enum { EMPTY, ARRAY, HASH, EXTENSION, HOST_CALL, PROGRAMS };
enum { NOP, PUSH, PLAIN, UPROBE_SITES, ANSWER = UPROBE_SITES, SITES };

/* Rows without a spec are extensions, under a role that the host declares; no kernel has the like. */
static const struct {
	const char *name, *text;
	int site;
	bool has_spec;
	const char *role;
} programs[PROGRAMS] = {
	{"empty", "empty program", PUSH, true, "bench"},
	{"array", "array element, atomic add", PUSH, true, "bench"},
	{"hash", "hash lookup (8-byte key), add", PUSH, true, "bench"},
	{"extension", "extension: a constant", ANSWER, false, "Bench"},
	{"host_call", "extension: an empty host call", ANSWER, false, "Bench"},
};
static const char *const site_names[SITES] = {"bench_nop", "bench_push", "bench_plain",
					      "bench_answer"};

struct bench {
	const char *agent, *host, *programs, *spec;
	pid_t host_pid;
	FILE *to_host, *from_host;
	int rounds;
	double unprobed[SITES][ROUNDS_MAX];
	double ours[PROGRAMS][ROUNDS_MAX];
	double kernel[PROGRAMS][UPROBE_SITES][ROUNDS_MAX];
	char kernel_says[256]; /* why there are no uprobes; "" where there are */
};

/* ---- children ---- */

struct child {
	pid_t pid;
	int in, out, err; /* our ends of its pipes */
};

static struct err *spawn(const char *const argv[], struct child *out)
{
	int in[2], std[2], err[2];
	if (pipe2(in, O_CLOEXEC) || pipe2(std, O_CLOEXEC) || pipe2(err, O_CLOEXEC))
		return err_sys(errno, "pipe");
	pid_t pid = fork();
	if (pid < 0)
		return err_sys(errno, "fork");
	if (pid == 0) {
		dup2(in[0], STDIN_FILENO);
		dup2(std[1], STDOUT_FILENO);
		dup2(err[1], STDERR_FILENO);
		execv(argv[0], (char *const *)argv);
		_exit(127);
	}
	close(in[0]);
	close(std[1]);
	close(err[1]);
	*out = (struct child){pid, in[1], std[0], err[0]};
	return NULL;
}

static int end_child(struct child *c, int signal)
{
	int status = 0;
	if (signal)
		kill(c->pid, signal);
	waitpid(c->pid, &status, 0);
	close(c->in);
	close(c->out);
	close(c->err);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static struct err *start_host(struct bench *b, struct child *host)
{
	int64_t pid;
	TRY(spawn((const char *const[]){b->host, NULL}, host));
	b->to_host = fdopen(dup(host->in), "w");
	b->from_host = fdopen(dup(host->out), "r");
	TRY_MEMORY(b->to_host);
	TRY_MEMORY(b->from_host);
	char line[LINE_MAX_SIZE];
	if (!fgets(line, sizeof(line), b->from_host) || strncmp(line, "pid ", 4) != 0 ||
	    !str_to_i64(str_trim(str_of(line + 4)), &pid))
		return err_new(ERR_SYSTEM, "%s does not start", b->host);
	b->host_pid = host->pid;
	return NULL;
}

/* ---- measuring ---- */

static struct err *time_calls(struct bench *b, int site, uint64_t count, uint64_t *ns)
{
	char line[LINE_MAX_SIZE];
	fprintf(b->to_host, "%s %llu\n", site_names[site], (unsigned long long)count);
	fflush(b->to_host);
	if (!fgets(line, sizeof(line), b->from_host) || strncmp(line, "ns ", 3) != 0 ||
	    !str_to_u64(str_trim(str_of(line + 3)), ns))
		return err_new(ERR_SYSTEM, "the host has gone");
	return NULL;
}

/* ns per call of the function at `site`: the quickest of several slices, as whatever disturbs only
 * makes slower. *calls gets how many calls there were in all. */
static struct err *measure(struct bench *b, int site, double *ns_per_call, uint64_t *calls)
{
	uint64_t ns, count;
	TRY(time_calls(b, site, CALIBRATION, &ns));
	count = SLICE_NS * (uint64_t)CALIBRATION / (ns ? ns : 1);
	count = MAX(count, (uint64_t)CALIBRATION);
	*calls = CALIBRATION + SLICES * count;
	for (unsigned i = 0; i < SLICES; i++) {
		TRY(time_calls(b, site, count, &ns));
		double per_call = (double)ns / (double)count;
		*ns_per_call = i ? MIN(*ns_per_call, per_call) : per_call;
	}
	return NULL;
}

/* ---- our hook: eim-agent attach ---- */

static struct err *wait_until_ready(struct child *agent, struct buf *said)
{
	char c;
	while (read(agent->err, &c, 1) == 1) {
		buf_putc(said, c);
		if (str_ends(buf_str(said), "ready\n"))
			return NULL;
	}
	return err_new(ERR_SYSTEM, "eim-agent attach: %.*s", STR_FMT(str_trim(buf_str(said))));
}

/* [B1] */
static struct err *check_runs(struct str report, uint64_t calls)
{
	const char *at = strstr(report.data, "\"runs\":");
	uint64_t runs = 0;
	if (!at || !str_to_u64((struct str){at + 7, strspn(at + 7, "0123456789")}, &runs))
		return err_new(ERR_SYSTEM, "the agent reports no runs: %.*s", STR_FMT(report));
	if (runs != calls)
		return err_new(ERR_SYSTEM, "%llu calls, but %llu runs", (unsigned long long)calls,
			       (unsigned long long)runs);
	return NULL;
}

static struct err *measure_attached(struct bench *b, struct child *agent, int site, double *ns)
{
	OWNED_BUF struct buf said = BUF_INIT(1 << 16);
	OWNED_BUF struct buf report = BUF_INIT(1 << 20);
	uint64_t calls;
	TRY(wait_until_ready(agent, &said));
	TRY(measure(b, site, ns, &calls));
	kill(agent->pid, SIGINT);
	TRY(file_read_fd(agent->out, &report));
	return check_runs(buf_str(&report), calls);
}

static struct err *measure_ours(struct bench *b, int program, double *ns)
{
	char pid[24], object[LINE_MAX_SIZE];
	bool has_spec = programs[program].has_spec;
	struct child agent;
	snprintf(pid, sizeof(pid), "%d", (int)b->host_pid);
	snprintf(object, sizeof(object), "%s/%s.bpf.o", b->programs, programs[program].name);
	const char *const argv[] = {b->agent,
				    "attach",
				    "--pid",
				    pid,
				    "--program",
				    object,
				    "--role",
				    programs[program].role,
				    has_spec ? "--spec" : NULL,
				    b->spec,
				    NULL};
	TRY(spawn(argv, &agent));
	struct err *e = measure_attached(b, &agent, programs[program].site, ns);
	int code = end_child(&agent, e ? SIGTERM : 0);
	if (!e && code != 0)
		e = err_new(ERR_SYSTEM, "eim-agent attach ends with %d", code);
	return err_doing(e, "ours, %s", programs[program].name);
}

/* ---- the kernel's: libbpf ---- */

static int silent(enum libbpf_print_level level, const char *format, va_list args)
{
	(void)level, (void)format, (void)args;
	return 0;
}

/* The counter of the program's map; false where it has none. */
static bool read_counter(struct bpf_object *object, uint64_t *out)
{
	struct bpf_map *map = bpf_object__find_map_by_name(object, "calls");
	uint64_t key = 0;
	if (!map)
		return false;
	return bpf_map__lookup_elem(map, &key, bpf_map__key_size(map), out, sizeof(*out), 0) == 0;
}

static struct err *measure_linked(struct bench *b, struct bpf_object *object, int site, double *ns)
{
	struct bpf_program *program = bpf_object__find_program_by_name(object, "on_call");
	LIBBPF_OPTS(bpf_uprobe_opts, options, .func_name = site_names[site]);
	struct bpf_link *link = program ? bpf_program__attach_uprobe_opts(program, b->host_pid,
									  b->host, 0, &options)
					: NULL;
	uint64_t calls = 0, counted = 0;
	if (!link)
		return err_sys(errno, "uprobe on %s", site_names[site]);
	struct err *e = measure(b, site, ns, &calls);
	bpf_link__destroy(link);
	if (!e && read_counter(object, &counted) && counted != calls)
		e = err_new(ERR_SYSTEM, "%llu calls, but the kernel counted %llu",
			    (unsigned long long)calls, (unsigned long long)counted);
	return e;
}

static struct err *measure_kernel(struct bench *b, int program, int site, double *ns)
{
	char path[LINE_MAX_SIZE];
	snprintf(path, sizeof(path), "%s/%s.bpf.o", b->programs, programs[program].name);
	struct bpf_object *object = bpf_object__open_file(path, NULL);
	if (!object)
		return err_sys(errno, "%s", path);
	bpf_program__set_type(bpf_object__find_program_by_name(object, "on_call"),
			      BPF_PROG_TYPE_KPROBE);
	int failed = bpf_object__load(object);
	struct err *e =
		failed ? err_sys(-failed, "loading %s", path) : measure_linked(b, object, site, ns);
	bpf_object__close(object);
	return err_doing(e, "kernel, %s", programs[program].name);
}

/* Whether there is anything to compare with; why not is kept for the report. */
static void try_kernel(struct bench *b)
{
	double ns;
	libbpf_set_print(silent);
	struct err *e = measure_kernel(b, ARRAY, PUSH, &ns);
	if (!e)
		return;
	snprintf(b->kernel_says, sizeof(b->kernel_says), "%s", err_message(e));
	err_destroy(e);
}

/* ---- rounds ---- */

static bool has_kernel(const struct bench *b, int program)
{
	return programs[program].has_spec && !b->kernel_says[0];
}

static struct err *run_round(struct bench *b, int round)
{
	uint64_t calls;
	for (int site = 0; site < SITES; site++)
		TRY(measure(b, site, &b->unprobed[site][round], &calls));
	for (int program = 0; program < PROGRAMS; program++) {
		TRY(measure_ours(b, program, &b->ours[program][round]));
		for (int site = 0; has_kernel(b, program) && site < UPROBE_SITES; site++)
			TRY(measure_kernel(b, program, site, &b->kernel[program][site][round]));
	}
	return NULL;
}

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;
	return (x > y) - (x < y);
}

static double median(const double *values, int count)
{
	double sorted[ROUNDS_MAX];
	memcpy(sorted, values, (size_t)count * sizeof(*values));
	qsort(sorted, (size_t)count, sizeof(*sorted), compare);
	return count % 2 ? sorted[count / 2] : (sorted[count / 2 - 1] + sorted[count / 2]) / 2;
}

/* ---- the report ---- */

static double cost(const struct bench *b, const double *values, int site)
{
	double added[ROUNDS_MAX];
	for (int round = 0; round < b->rounds; round++)
		added[round] = values[round] - b->unprobed[site][round];
	return median(added, b->rounds);
}

static void print_row(const struct bench *b, int program)
{
	double ours = cost(b, b->ours[program], programs[program].site);
	printf("%-32s%7.1f", programs[program].text, ours);
	for (int site = 0; has_kernel(b, program) && site < UPROBE_SITES; site++) {
		double kernel = cost(b, b->kernel[program][site], site);
		printf("%10.0f %6.0fx", kernel, kernel / MAX(ours, 0.1));
	}
	printf("\n");
}

static void print_report(const struct bench *b)
{
	printf("One hook at a function's entry: ns on top of the unprobed call (%.1f ns), medians "
	       "of %d "
	       "rounds\n\n",
	       median(b->unprobed[PUSH], b->rounds), b->rounds);
	printf("%-32s%7s", "", "ours");
	if (!b->kernel_says[0])
		printf("%18s%18s%18s", "kernel: on a nop", "on a push", "elsewhere");
	printf("\n");
	for (int program = 0; program < PROGRAMS; program++)
		print_row(b, program);
	if (b->kernel_says[0])
		printf("\nno uprobes to compare with on this kernel: %s\n", b->kernel_says);
}

static struct err *run(struct bench *b, struct child *host)
{
	TRY(start_host(b, host));
	try_kernel(b);
	for (int round = 0; round < b->rounds; round++)
		TRY_DOING(run_round(b, round), "round %d", round + 1);
	print_report(b);
	return NULL;
}

int main(int argc, char **argv)
{
	int64_t rounds = 7;
	static struct bench b;
	struct child host = {0};
	if (argc < 5 || (argc > 5 && (!str_to_i64(str_of(argv[5]), &rounds) || rounds < 1 ||
				      rounds > ROUNDS_MAX))) {
		fprintf(stderr, "usage: hook EIM-AGENT BENCH-HOST PROGRAMS SPEC [ROUNDS]\n");
		return 2;
	}
	b.agent = argv[1];
	b.host = argv[2];
	b.programs = argv[3];
	b.spec = argv[4];
	b.rounds = (int)rounds;
	signal(SIGPIPE, SIG_IGN);
	struct err *e = run(&b, &host);
	if (host.pid)
		end_child(&host, SIGTERM);
	if (!e)
		return 0;
	err_print("bench", e);
	err_destroy(e);
	return 1;
}
