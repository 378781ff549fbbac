/*
 * bench_host - calls a function in a loop and says how long that took. The three functions differ in
 * their first instruction, which decides what a kernel uprobe on them costs:
 *
 *	bench_nop	a 5-byte nop: the kernel's best case
 *	bench_push	push %rbp: emulated by the kernel
 *	bench_plain	an ordinary instruction: executed out of line
 * and bench_answer is an entry for extensions of role Bench, which may call bench_nothing().
 *
 * It prints "pid PID", then answers each line of standard input:
 *	NAME N		calls it N times: "ns T"
 */
#include "eim.h"

#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define FUNCTION(name, first)                                                                      \
	__asm__(".text\n.p2align 4\n.globl " name "\n.type " name ", @function\n" name ":\n" first \
		"push %rbp\nmov %rsp, %rbp\nlea 1(%rdi), %rax\n"                                   \
		"pop %rbp\nret\n.size " name ", . - " name "\n")

FUNCTION("bench_nop", ".byte 0x0f, 0x1f, 0x44, 0x00, 0x00\n");
FUNCTION("bench_push", "");
FUNCTION("bench_plain", "xor $7, %rdi\n");

EIM_HOST_FUNCTION(bench, bench_nothing)
EIM_CAPABILITY(Nothing, bench, bench_nothing)
EIM_ROLE(Bench)
EIM_ROLE_HAS(Bench, Nothing)

EIM_API static int bench_nothing(int x)
{
	return x;
}

EIM_ENTRY(Bench, answer, uint64_t, uint64_t x)
{
	return x + 1;
}

typedef uint64_t function(uint64_t);
extern function bench_nop, bench_push, bench_plain;

static const struct {
	const char *name;
	function *call;
} functions[] = {{"bench_nop", bench_nop},
		 {"bench_push", bench_push},
		 {"bench_plain", bench_plain},
		 {"bench_answer", EIM_CALL(Bench, answer)}};

static uint64_t now_ns(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static uint64_t time_calls(function *call, unsigned long long count)
{
	function *volatile through = call;
	function *target = through;
	uint64_t begin = now_ns();
	for (unsigned long long i = 0; i < count; i++)
		target(i);
	return now_ns() - begin;
}

int main(void)
{
	char name[32];
	unsigned long long count;
	printf("pid %d\n", (int)getpid());
	fflush(stdout);
	while (scanf("%31s %llu", name, &count) == 2) {
		for (size_t i = 0; i < sizeof(functions) / sizeof(functions[0]); i++)
			if (strcmp(functions[i].name, name) == 0)
				printf("ns %llu\n",
				       (unsigned long long)time_calls(functions[i].call, count));
		fflush(stdout);
	}
	return 0;
}
