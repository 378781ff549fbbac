/*
 * verify - what a verdict costs: ours, and the kernel's BPF_PROG_LOAD beside it in the same run.
 *
 * Problem: a verifier that is quick on usual programs may still be slow on some. Idea: programs from 10 to
 * 20,000 instructions in four shapes: straight lines, diamonds (paths that double at each step), nested
 * loops, and spills beneath branches. Both verifiers get the same instructions in interleaved rounds; the
 * figure is the median of the thread's own time, and "per instruction" shows whether it grows with the
 * length of the program or faster. The kernel's figure has its compiler in it, as it does not part the two.
 *
 * [V1] A program that one of the two rejects is no measurement: ours to reject one is an error but where
 *      the paths really double, and where the kernel does, its row says why, and when it gave up.
 */
#include "shared/base/clock.h"
#include "shared/bpf/object_load.h"
#include "shared/verifier/verifier.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#define ROUNDS_MAX 101
#define INSNS_MAX  20480u
#define SLOTS	   64u

static const char spec_text[] = "roles:\n"
				"  - name: bench\n"
				"    capabilities: []\n"
				"    attributes: {max_instructions: 1000000, max_memory: 512}\n";

struct program {
	struct bpf_insn insns[INSNS_MAX];
	uint32_t count;
	struct object_function function;
	struct object object; /* its parts are the two above */
};

struct shape {
	const char *name;
	uint32_t size; /* instructions, or times around each loop */
	void (*write)(struct program *p, uint32_t size);
};

struct figures {
	double ours[ROUNDS_MAX], kernel[ROUNDS_MAX];
	uint64_t steps;
	long kib;
	bool gives_up;		 /* ours, where that is right */
	const char *kernel_says; /* why there is no figure of its; NULL where there is one */
};

/* ---- programs ---- */

static void put(struct program *p, uint8_t code, uint8_t dst, uint8_t src, int16_t off, int32_t imm)
{
	p->insns[p->count++] = (struct bpf_insn){
		.code = code, .dst_reg = dst & 15, .src_reg = src & 15, .off = off, .imm = imm};
}

/* r2 … r5 = what the host holds in a register each */
static void put_start(struct program *p)
{
	for (uint8_t r = 2; r <= 5; r++)
		put(p, BPF_LDX | BPF_MEM | BPF_DW, r, 1, (int16_t)(8 * r), 0);
}

static void put_end(struct program *p)
{
	put(p, BPF_ALU64 | BPF_MOV | BPF_K, 0, 0, 0, 0);
	put(p, BPF_JMP | BPF_EXIT, 0, 0, 0, 0);
}

/* Sums, shifts, and now and then the stack. */
static void write_straight(struct program *p, uint32_t size)
{
	static const uint8_t operations[] = {BPF_ADD, BPF_XOR, BPF_RSH, BPF_SUB, BPF_AND, BPF_OR};
	put_start(p);
	for (uint32_t i = 0; p->count + 4 <= size; i++) {
		int16_t slot = (int16_t)(-8 * (int)(i % SLOTS) - 8);
		uint8_t operation = operations[i % ARRAY_SIZE(operations)];
		uint8_t r = (uint8_t)(2 + i % 4);
		if (i % 8 == 7) {
			put(p, BPF_STX | BPF_MEM | BPF_DW, 10, r, slot, 0);
			put(p, BPF_LDX | BPF_MEM | BPF_DW, r, 10, slot, 0);
		} else if (i % 2) {
			put(p, BPF_ALU64 | operation | BPF_K, r, 0, 0, 3);
		} else {
			put(p, BPF_ALU64 | BPF_ADD | BPF_X, r, (uint8_t)(2 + (i + 1) % 4), 0, 0);
		}
	}
	put_end(p);
}

/* A register's worth of the host's in r2: what was known of it is forgotten. */
static void put_fresh(struct program *p, uint32_t i)
{
	put(p, BPF_LDX | BPF_MEM | BPF_DW, 2, 1, (int16_t)(8 * (i % 21)), 0);
}

/* Each pair of branches comes together with another number in r5. */
static void write_diamonds(struct program *p, uint32_t size)
{
	put_start(p);
	for (uint32_t i = 0; p->count + 7 <= size; i++) {
		put_fresh(p, i);
		put(p, BPF_JMP | BPF_JSET | BPF_K, 2, 0, 2, 1 << i % 30);
		put(p, BPF_ALU64 | BPF_ADD | BPF_K, 5, 0, 0, (int32_t)i + 1);
		put(p, BPF_JMP | BPF_JA, 0, 0, 1, 0);
		put(p, BPF_ALU64 | BPF_MOV | BPF_K, 5, 0, 0, (int32_t)i);
	}
	put_end(p);
}

/* The same, but each bit is tested again later, so that which way a path went decides what comes: paths
 * really double, and no verifier that tells them apart can come to an end. */
static void write_doubling(struct program *p, uint32_t size)
{
	put_start(p);
	for (uint32_t i = 0; p->count + 4 <= size; i++) {
		put(p, BPF_JMP | BPF_JSET | BPF_K, 2, 0, 1, 1 << i % 30);
		put(p, BPF_ALU64 | BPF_ADD | BPF_K, 5, 0, 0, (int32_t)i + 1);
	}
	put_end(p);
}

/* Three loops, one inside the other, each `size` times around. */
static void write_loops(struct program *p, uint32_t size)
{
	put_start(p);
	put(p, BPF_ALU64 | BPF_MOV | BPF_K, 6, 0, 0, 0);
	put(p, BPF_ALU64 | BPF_MOV | BPF_K, 7, 0, 0, 0);
	put(p, BPF_ALU64 | BPF_MOV | BPF_K, 8, 0, 0, 0);
	put(p, BPF_ALU64 | BPF_XOR | BPF_X, 2, 3, 0, 0);
	put(p, BPF_ALU64 | BPF_ADD | BPF_K, 8, 0, 0, 1);
	put(p, BPF_JMP | BPF_JLT | BPF_K, 8, 0, -3, (int32_t)size);
	put(p, BPF_ALU64 | BPF_ADD | BPF_K, 7, 0, 0, 1);
	put(p, BPF_JMP | BPF_JLT | BPF_K, 7, 0, -6, (int32_t)size);
	put(p, BPF_ALU64 | BPF_ADD | BPF_K, 6, 0, 0, 1);
	put(p, BPF_JMP | BPF_JLT | BPF_K, 6, 0, -9, (int32_t)size);
	put_end(p);
}

/* Every slot of the stack is in use, and filled anew on both sides of each branch. */
static void write_spills(struct program *p, uint32_t size)
{
	put_start(p);
	for (uint32_t i = 0; i < SLOTS && p->count + 4 <= size; i++)
		put(p, BPF_STX | BPF_MEM | BPF_DW, 10, 5, (int16_t)(-8 * (int)i - 8), 0);
	for (uint32_t i = 0; p->count + 8 <= size; i++) {
		int16_t slot = (int16_t)(-8 * (int)(i * 7 % SLOTS) - 8);
		put_fresh(p, i);
		put(p, BPF_JMP | BPF_JSET | BPF_K, 2, 0, 2, 1 << i % 30);
		put(p, BPF_STX | BPF_MEM | BPF_DW, 10, 3, slot, 0);
		put(p, BPF_JMP | BPF_JA, 0, 0, 1, 0);
		put(p, BPF_ST | BPF_MEM | BPF_DW, 10, 0, slot, (int32_t)i);
		put(p, BPF_LDX | BPF_MEM | BPF_DW, 6, 10, slot, 0);
	}
	put_end(p);
}

static const struct shape shapes[] = {
	{"straight line", 10, write_straight},	  {"straight line", 100, write_straight},
	{"straight line", 1000, write_straight},  {"straight line", 5000, write_straight},
	{"straight line", 20000, write_straight}, {"diamonds", 100, write_diamonds},
	{"diamonds", 1000, write_diamonds},	  {"diamonds", 5000, write_diamonds},
	{"diamonds", 20000, write_diamonds},	  {"3 loops of 5", 5, write_loops},
	{"3 loops of 10", 10, write_loops},	  {"3 loops of 20", 20, write_loops},
	{"3 loops of 40", 40, write_loops},	  {"spills", 100, write_spills},
	{"spills", 1000, write_spills},		  {"spills", 5000, write_spills},
	{"spills", 20000, write_spills},	  {"doubling paths", 1000, write_doubling},
};

static void write_program(const struct shape *s, struct program *p)
{
	p->count = 0;
	s->write(p, s->size);
	p->function = (struct object_function){
		.name = STR("on_call"),
		.section = STR("uprobe"),
		.count = p->count,
		.is_entry = true,
		.is_global = true,
		.kind = section_find(STR("uprobe")),
	};
	p->object = (struct object){.insns = p->insns,
				    .functions = &p->function,
				    .insns_count = p->count,
				    .functions_count = 1};
}

/* ---- measuring ---- */

static uint64_t now(void)
{
	return clock_read_ns(CLOCK_THREAD_CPUTIME_ID);
}

/* Times one verdict of ours. */
static struct err *measure_ours(const struct program *p, const struct role *role, double *ns,
				uint64_t *steps)
{
	OWNED(verdict) struct verdict *v = NULL;
	uint64_t start = now();
	TRY(verifier_run(&p->object, role, VERIFIER_LIMITS_DEFAULT, &v));
	*ns = (double)(now() - start);
	*steps = verdict_steps(v);
	return verdict_err(v);
}

/* [V1] */
static const char *measure_kernel(const struct program *p, double *ns)
{
	uint64_t start = now();
	int fd = bpf_prog_load(BPF_PROG_TYPE_KPROBE, "bench", "GPL", p->insns, p->count, NULL);
	*ns = (double)(now() - start);
	if (fd < 0)
		return strerror(-fd);
	close(fd);
	return NULL;
}

/* How much memory one verdict takes at its height: what a child of ours grows by. */
static long measure_memory(const struct program *p, const struct role *role)
{
	int ends[2];
	long kib = -1;
	if (pipe(ends))
		return -1;
	pid_t child = fork();
	if (child == 0) {
		struct rusage before, after;
		double ns;
		uint64_t steps;
		getrusage(RUSAGE_SELF, &before);
		err_destroy(measure_ours(p, role, &ns, &steps));
		getrusage(RUSAGE_SELF, &after);
		kib = after.ru_maxrss - before.ru_maxrss;
		_exit(write(ends[1], &kib, sizeof(kib)) != sizeof(kib));
	}
	close(ends[1]);
	if (child < 0 || read(ends[0], &kib, sizeof(kib)) != sizeof(kib))
		kib = -1;
	close(ends[0]);
	if (child > 0)
		waitpid(child, NULL, 0);
	return kib;
}

static struct err *measure(const struct shape *s, struct program *p, const struct role *role,
			   int rounds, struct figures *f)
{
	write_program(s, p);
	f->kib = measure_memory(p, role);
	for (int round = 0; round < rounds; round++) {
		if (!f->kernel_says)
			f->kernel_says = measure_kernel(p, &f->kernel[round]);
		struct err *e = measure_ours(p, role, &f->ours[round], &f->steps);
		if (e && s->write == write_doubling && err_code(e) == ERR_REJECTED) {
			f->gives_up = true;
			err_destroy(e);
			continue;
		}
		TRY_DOING(e, "%s, %u", s->name, p->count);
	}
	return NULL;
}

/* ---- the report ---- */

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;
	return (x > y) - (x < y);
}

static double median(double *values, int count)
{
	qsort(values, (size_t)count, sizeof(*values), compare);
	return count % 2 ? values[count / 2] : (values[count / 2 - 1] + values[count / 2]) / 2;
}

static void print_row(const struct shape *s, uint32_t insns, struct figures *f, int rounds)
{
	double ours = median(f->ours, rounds);
	printf("%-16s%7u%9llu%11.1f", s->name, insns, (unsigned long long)f->steps, ours / 1000);
	if (f->kernel_says) {
		printf("%11s%8s", "-", "-");
	} else {
		double kernel = median(f->kernel, rounds);
		printf("%11.1f%7.2fx", kernel / 1000, ours / kernel);
	}
	printf("%9.0f%9.0f%9ld", ours / insns, ours / (double)f->steps, f->kib);
	if (f->gives_up)
		printf("  ours gives up");
	if (f->kernel_says)
		printf("  kernel: %s, %.1f", f->kernel_says, f->kernel[0] / 1000);
	printf("\n");
	fflush(stdout);
}

static struct err *run(int rounds)
{
	OWNED(spec) struct spec *spec = NULL;
	OWNED(role) struct role *role = NULL;
	static struct program p[1]; /* too large for the stack */
	TRY(spec_parse(str_of(spec_text), &spec));
	TRY(role_resolve(spec, STR("bench"), NULL, &role));
	printf("One verdict: medians of %d rounds, in microseconds of the thread's time\n\n"
	       "%-16s%7s%9s%11s%11s%8s%9s%9s%9s\n",
	       rounds, "", "insns", "steps", "ours", "kernel", "", "ns/insn", "ns/step", "KiB");
	for (size_t i = 0; i < ARRAY_SIZE(shapes); i++) {
		struct figures f = {0};
		TRY(measure(&shapes[i], p, role, rounds, &f));
		print_row(&shapes[i], p->count, &f, rounds);
	}
	return NULL;
}

int main(int argc, char **argv)
{
	int64_t rounds = 7;
	if (argc > 1 &&
	    (!str_to_i64(str_of(argv[1]), &rounds) || rounds < 1 || rounds > ROUNDS_MAX)) {
		fprintf(stderr, "usage: verify [ROUNDS]\n");
		return 2;
	}
	struct err *e = run((int)rounds);
	if (!e)
		return 0;
	err_print("bench", e);
	err_destroy(e);
	return 1;
}
