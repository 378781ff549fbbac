/*
 * meter - what counting costs: the same loops compiled with and without it, side by side in one run.
 *
 * Problem: a jump back costs less than a nanosecond, and times differ from minute to minute. Idea: both forms of
 * a program run in interleaved rounds, each over LOOPS rounds of its loop at a time; the figure is the median of
 * the time of one round of the loop, and the ratio of the two.
 *
 * [M1] Both forms give the same result, or it is no measurement.
 */
#include "shared/base/clock.h"
#include "shared/base/mem.h"
#include "shared/bpf/fuel.h"
#include "shared/jit/image.h"
#include "shared/jit/program.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>

#define ROUNDS_MAX 101
#define LOOPS	   2000000u

#define INSN(c, d, s, o, i)                      \
	((struct bpf_insn){.code = (uint8_t)(c), \
			   .dst_reg = (d),       \
			   .src_reg = (s),       \
			   .off = (int16_t)(o),  \
			   .imm = (int32_t)(i)})

/* r1 is the context: [0] how often, [1] … [9] numbers. A loop jumps back to instruction 3. */
#define BEGIN                                                  \
	INSN(BPF_LDX | BPF_MEM | BPF_DW, 2, 1, 0, 0),          \
		INSN(BPF_ALU64 | BPF_MOV | BPF_K, 0, 0, 0, 0), \
		INSN(BPF_LDX | BPF_MEM | BPF_DW, 4, 1, 8, 0)
#define AGAIN(body)                                                  \
	INSN(BPF_ALU64 | BPF_SUB | BPF_K, 2, 0, 0, 1),               \
		INSN(BPF_JMP | BPF_JNE | BPF_K, 2, 0, -(body)-2, 0), \
		INSN(BPF_JMP | BPF_EXIT, 0, 0, 0, 0)

static const struct bpf_insn chain[] = {
	BEGIN,
	INSN(BPF_ALU64 | BPF_XOR | BPF_X, 0, 2, 0, 0),
	INSN(BPF_ALU64 | BPF_MUL | BPF_X, 0, 4, 0, 0),
	AGAIN(2),
};
static const struct bpf_insn memory[] = {
	BEGIN,
	INSN(BPF_ALU64 | BPF_MOV | BPF_X, 3, 2, 0, 0),
	INSN(BPF_ALU64 | BPF_AND | BPF_K, 3, 0, 0, 7),
	INSN(BPF_ALU64 | BPF_LSH | BPF_K, 3, 0, 0, 3),
	INSN(BPF_ALU64 | BPF_ADD | BPF_X, 3, 1, 0, 0),
	INSN(BPF_LDX | BPF_MEM | BPF_DW, 5, 3, 16, 0),
	INSN(BPF_ALU64 | BPF_ADD | BPF_X, 5, 2, 0, 0),
	INSN(BPF_STX | BPF_MEM | BPF_DW, 3, 5, 16, 0),
	INSN(BPF_ALU64 | BPF_ADD | BPF_X, 0, 5, 0, 0),
	AGAIN(8),
};

static const struct {
	const char *name;
	const struct bpf_insn *insns;
	uint32_t count;
} programs[] = {
	{"a chain of two numbers", chain, ARRAY_SIZE(chain)},
	{"a load, a store, sums", memory, ARRAY_SIZE(memory)},
};

struct code {
	uint8_t *base;
	size_t bytes;
	const void *entry;
};

static struct err *compile(const struct bpf_insn *insns, uint32_t count, uint64_t fuel,
			   struct code *out)
{
	struct object_function f = {.name = STR("f"),
				    .section = STR("uprobe/x"),
				    .count = count,
				    .is_entry = true};
	struct verifier_entry e = {.function = &f, .is_metered = fuel > 0};
	struct jit_program p = {.insns = insns,
				.functions = &f,
				.entries = &e,
				.insns_count = count,
				.functions_count = 1,
				.entries_count = 1,
				.fuel = fuel,
				.object_digest = STR("o"),
				.role_digest = STR("r")};
	OWNED(image) struct image *image = NULL;
	TRY(jit_compile_program(&p, &image));
	out->bytes = image->total_bytes;
	out->base =
		mmap(NULL, out->bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (out->base == MAP_FAILED)
		return err_no_memory();
	memcpy(out->base, image->code.data, image->code.size);
	if (mprotect(out->base, image->private_offset, PROT_READ | PROT_EXEC))
		return err_new(ERR_INTERNAL, "memory that is executed is not to be had");
	out->entry = out->base + image->entries[0].offset;
	return NULL;
}

/* preserve_most keeps more than C's convention asks for, so a plain call will do. */
static uint64_t call(const struct code *c, uint64_t ctx[16], double *ns)
{
	uint64_t (*entry)(void *) = (uint64_t(*)(void *))(uintptr_t)c->entry;
	uint64_t begin = clock_mono_ns(), result = entry(ctx);
	*ns = (double)(clock_mono_ns() - begin) / LOOPS;
	return result;
}

static int by_size(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;
	return (x > y) - (x < y);
}

static double median(double *values, int count)
{
	qsort(values, (size_t)count, sizeof *values, by_size);
	return values[count / 2];
}

static struct err *measure(size_t program, int rounds)
{
	struct code codes[2];
	double times[2][ROUNDS_MAX];
	for (int k = 0; k < 2; k++)
		TRY(compile(programs[program].insns, programs[program].count, k ? FUEL_MAX : 0,
			    &codes[k]));
	for (int round = 0; round < rounds; round++) {
		uint64_t results[2];
		for (int k = 0; k < 2; k++) {
			uint64_t ctx[16] = {LOOPS, 0x9e3779b97f4a7c15u, 1, 2, 3};
			results[k] = call(&codes[k], ctx, &times[k][round]);
		}
		if (results[0] != results[1]) /* [M1] */
			return err_new(ERR_INTERNAL, "the two forms give different results");
	}
	double plain = median(times[0], rounds), counted = median(times[1], rounds);
	printf("%-26s %8.2f %8.2f %8.2f\n", programs[program].name, plain, counted,
	       counted / plain);
	for (int k = 0; k < 2; k++)
		munmap(codes[k].base, codes[k].bytes);
	return NULL;
}

static struct err *run(int rounds)
{
	TRY(jit_init(NULL));
	printf("ns for a round of a loop\n%-26s %8s %8s %8s\n", "", "proved", "metered", "ratio");
	for (size_t n = 0; n < ARRAY_SIZE(programs); n++)
		TRY_DOING(measure(n, rounds), "%s", programs[n].name);
	return NULL;
}

int main(int argc, char **argv)
{
	int64_t rounds = 7;
	if (argc > 1 &&
	    (!str_to_i64(str_of(argv[1]), &rounds) || rounds < 1 || rounds > ROUNDS_MAX)) {
		fprintf(stderr, "usage: meter [ROUNDS]\n");
		return 2;
	}
	struct err *e = run((int)rounds);
	if (!e)
		return 0;
	err_print("bench", e);
	err_destroy(e);
	return 1;
}
