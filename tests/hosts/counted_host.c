/*
 * counted_host - a program to attach to: it calls known functions as often as its standard input says.
 *
 *	call N        probed(i) for i in 0 … N-1, then "sum S"
 *	spin T N      T threads that do the same, then "sum S" over all
 *	fork N        a child calls probed N times; "child PID sum S"
 *	EOF           exit 0
 *
 * It prints "pid PID" first. probed(x) returns 3 * x + 1, so that a lost or doubled call shows in the sum.
 */
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define EXPORT __attribute__((noinline, noipa, visibility("default")))

EXPORT int64_t probed(int64_t x);
EXPORT int64_t probed(int64_t x)
{
	return 3 * x + 1;
}

/* Too short to patch, and its neighbour follows at once. */
__asm__(".text\n.p2align 4\n"
	".globl too_short\n.type too_short, @function\n"
	"too_short: ret\n.size too_short, . - too_short\n"
	".globl neighbour\n.type neighbour, @function\n"
	"neighbour: mov %rdi, %rax\nret\n.size neighbour, . - neighbour\n"
	/* A loop whose head lies inside the first five bytes. */
	".p2align 4\n.globl tight_loop\n.type tight_loop, @function\n"
	"tight_loop: xor %eax, %eax\n1: inc %rax\ndec %rdi\njnz 1b\nret\n"
	".size tight_loop, . - tight_loop\n");
extern int64_t too_short(int64_t), neighbour(int64_t), tight_loop(int64_t);

static uint64_t call(uint64_t count)
{
	uint64_t sum = 0;
	for (uint64_t i = 0; i < count; i++)
		sum += (uint64_t)probed((int64_t)i);
	return sum;
}

static void *thread_main(void *count)
{
	return (void *)(uintptr_t)call((uintptr_t)count);
}

static uint64_t spin(unsigned threads, uint64_t count)
{
	pthread_t ids[64];
	uint64_t sum = 0;
	for (unsigned i = 0; i < threads; i++)
		if (pthread_create(&ids[i], NULL, thread_main, (void *)(uintptr_t)count))
			exit(3);
	for (unsigned i = 0; i < threads; i++) {
		void *part;
		pthread_join(ids[i], &part);
		sum += (uintptr_t)part;
	}
	return sum;
}

static void fork_and_call(uint64_t count)
{
	fflush(stdout);
	pid_t pid = fork();
	if (pid == 0) {
		printf("child %d sum %llu\n", (int)getpid(), (unsigned long long)call(count));
		fflush(stdout);
		_exit(0);
	}
	waitpid(pid, NULL, 0);
}

int main(void)
{
	char line[128];
	unsigned threads;
	unsigned long long count;
	printf("pid %d %lld\n", (int)getpid(),
	       (long long)(too_short(0) * 0 + neighbour(0) + tight_loop(1) - 1));
	fflush(stdout);
	while (fgets(line, sizeof(line), stdin)) {
		if (sscanf(line, "call %llu", &count) == 1)
			printf("sum %llu\n", (unsigned long long)call(count));
		else if (sscanf(line, "spin %u %llu", &threads, &count) == 2 && threads <= 64)
			printf("sum %llu\n", (unsigned long long)spin(threads, count));
		else if (sscanf(line, "fork %llu", &count) == 1)
			fork_and_call(count);
		else
			printf("what?\n");
		fflush(stdout);
	}
	return 0;
}
