/*
 * A host whose entry answer() extensions may take the place of, and whose functions do what is hard to bear for
 * somebody that calls them. It says "ready PID" on stdout and obeys lines on stdin:
 *
 *	call X Y               answer(X, Y), then "result R"
 *	spin THREADS N X Y     N calls by each thread, then "sum S"
 *	hold X Y               a thread calls answer(X, Y), then "holding" once it is in host_wait()
 *	release                lets it go on, then "result R"
 *	leap X Y               answer(X, Y), out of which host_leap() jumps: "leapt"; else "result R"
 *	deep X Y               the same from further up the stack
 *	fiber X Y              answer(X, Y) on another stack, until host_yield(): "yielded"; else "result R"
 *	resume                 goes on there, then "result R"
 *	fork X Y               a child calls answer(X, Y), then "child R"
 *	keep X Y               a child that calls answer(X, Y) again and again until its end; "child PID"
 *	EOF                    exit 0
 *
 * Its own answer(X, Y) is 10 X + Y.
 */
#include "eim.h"

#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <ucontext.h>
#include <unistd.h>

EIM_HOST_FUNCTION(work, host_add)
EIM_HOST_FUNCTION(work, host_again)
EIM_HOST_FUNCTION(work, host_wait)
EIM_HOST_FUNCTION(work, host_leap)
EIM_HOST_FUNCTION(work, host_yield)
EIM_CAPABILITY(Help, work, host_add)
EIM_CAPABILITY(Help, work, host_again)
EIM_CAPABILITY(Help, work, host_wait)
EIM_CAPABILITY(Help, work, host_leap)
EIM_CAPABILITY(Help, work, host_yield)
EIM_ROLE(Worker)
EIM_ROLE_HAS(Worker, Help)

static jmp_buf leap_to;
static ucontext_t main_context, fiber_context;
static char fiber_stack[256 << 10];
static volatile int fiber_x, fiber_y, fiber_result, has_yielded;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;
static int is_holding, may_go;

int host_scale = 1;

EIM_ENTRY(Worker, answer, int, int x, int y)
{
	return 10 * x + y * host_scale;
}

#define answer EIM_CALL(Worker, answer)

EIM_API static int host_add(int a, int b)
{
	return a + b;
}

EIM_API static int host_again(int x, int y)
{
	return answer(x, y);
}

EIM_API static int host_wait(int x)
{
	pthread_mutex_lock(&lock);
	is_holding = 1;
	pthread_cond_broadcast(&changed);
	while (!may_go)
		pthread_cond_wait(&changed, &lock);
	may_go = is_holding = 0;
	pthread_mutex_unlock(&lock);
	return x;
}

EIM_API static int host_leap(int x)
{
	if (x >= 0)
		longjmp(leap_to, 1);
	return x;
}

EIM_API static int host_yield(int x)
{
	has_yielded = 1;
	swapcontext(&fiber_context, &main_context);
	return x;
}

/* ---- commands ---- */

static void call(int x, int y)
{
	printf("result %d\n", answer(x, y));
}

struct spin {
	int calls, x, y;
	long sum;
};

static void *spin_thread(void *of)
{
	struct spin *s = of;
	for (int i = 0; i < s->calls; i++)
		s->sum += answer(s->x, s->y);
	return NULL;
}

static void spin(int threads, int calls, int x, int y)
{
	struct spin each[64] = {{0}};
	pthread_t ids[64];
	long sum = 0;
	threads = threads > 64 ? 64 : threads;
	for (int i = 0; i < threads; i++) {
		each[i] = (struct spin){calls, x, y, 0};
		pthread_create(&ids[i], NULL, spin_thread, &each[i]);
	}
	for (int i = 0; i < threads; i++) {
		pthread_join(ids[i], NULL);
		sum += each[i].sum;
	}
	printf("sum %ld\n", sum);
}

static pthread_t holder;
static struct spin held;

static void hold(int x, int y)
{
	held = (struct spin){1, x, y, 0};
	pthread_create(&holder, NULL, spin_thread, &held);
	pthread_mutex_lock(&lock);
	while (!is_holding)
		pthread_cond_wait(&changed, &lock);
	pthread_mutex_unlock(&lock);
	printf("holding\n");
}

static void release(void)
{
	pthread_mutex_lock(&lock);
	may_go = 1;
	pthread_cond_broadcast(&changed);
	pthread_mutex_unlock(&lock);
	pthread_join(holder, NULL);
	printf("result %ld\n", held.sum);
}

static void try_leap(int x, int y)
{
	if (setjmp(leap_to))
		printf("leapt\n");
	else
		call(x, y);
}

static __attribute__((noinline)) void deep(int x, int y)
{
	volatile char room[4096];
	room[0] = 0;
	try_leap(x, y);
	room[1] = room[0];
}

static void fiber_run(void)
{
	fiber_result = answer(fiber_x, fiber_y);
}

static void fiber_go(void)
{
	has_yielded = 0;
	swapcontext(&main_context, &fiber_context);
	if (has_yielded)
		printf("yielded\n");
	else
		printf("result %d\n", fiber_result);
}

static void fiber(int x, int y)
{
	fiber_x = x;
	fiber_y = y;
	getcontext(&fiber_context);
	fiber_context.uc_stack.ss_sp = fiber_stack;
	fiber_context.uc_stack.ss_size = sizeof(fiber_stack);
	fiber_context.uc_link = &main_context;
	makecontext(&fiber_context, fiber_run, 0);
	fiber_go();
}

static void fork_once(int x, int y)
{
	fflush(stdout);
	pid_t child = fork();
	if (child == 0) {
		printf("child %d\n", answer(x, y));
		fflush(stdout);
		_exit(0);
	}
	waitpid(child, NULL, 0);
}

static void keep(int x, int y)
{
	fflush(stdout);
	pid_t child = fork();
	if (child == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		for (;;)
			answer(x, y);
	}
	printf("child %d\n", (int)child);
}

static void run(const char *line)
{
	static const struct {
		const char *name;
		void (*run)(int x, int y);
	} commands[] = {{"call", call},	  {"hold", hold},      {"leap", try_leap}, {"deep", deep},
			{"fiber", fiber}, {"fork", fork_once}, {"keep", keep}};
	char word[16] = "";
	int n[4] = {0};
	sscanf(line, "%15s %d %d %d %d", word, &n[0], &n[1], &n[2], &n[3]);
	for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++)
		if (strcmp(word, commands[i].name) == 0) {
			commands[i].run(n[0], n[1]);
			return;
		}
	if (strcmp(word, "spin") == 0)
		spin(n[0], n[1], n[2], n[3]);
	else if (strcmp(word, "release") == 0)
		release();
	else if (strcmp(word, "resume") == 0)
		fiber_go();
	else
		printf("what?\n");
}

int main(void)
{
	char line[256];
	setvbuf(stdout, NULL, _IOLBF, 0);
	printf("ready %d\n", (int)getpid());
	while (fgets(line, sizeof(line), stdin))
		run(line);
	return 0;
}
