/*
 * A host for tests of stopping and attaching. It says "ready PID" on stdout, obeys lines on stdin, and at
 * the end of stdin prints what it saw and exits 0 if nothing was wrong.
 *
 *	target_host call N     N threads call probed() & co. and check every result
 *	target_host blocked    a thread in each of many blocking system calls; none may return EINTR
 *	target_host signals    counts queued signals and sums what they carry, beside busy threads
 *	target_host idle       one thread, reading stdin
 *
 *	fork                   a child that does the same from then on; prints "child PID"
 *	once N                 calls probed(N) once and prints "result R"
 *	hold / release         a thread goes into (comes out of) held(), which waits while it is inside
 *	exec                   becomes `target_host idle`
 *	filter                 a seccomp filter that kills whoever calls mmap, socketpair or recvmsg
 */
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ipc.h>
#include <sys/msg.h>
#include <sys/prctl.h>
#include <sys/select.h>
#include <sys/sem.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include <linux/filter.h>
#include <linux/futex.h>
#include <linux/seccomp.h>

static atomic_bool ending;
static atomic_ulong calls, wrong;

/* ---- what is probed: each has its own kind of first instructions ---- */

#define PROBED __attribute__((noipa, noinline))
int probed(int x);
int probed_frame(int x);
int probed_global(int x);
int probed_branch(int x);
int probed_call(int x);
int held(int x);
extern int probed_loop(int x), probed_short(int x), probed_mid(int x);

static volatile int factor = 3;

PROBED int probed(int x)
{
	return x * 2654435 + 7;
}

PROBED int probed_frame(int x)
{
	volatile int room[16];
	room[x & 15] = x;
	return room[x & 15] + 1;
}

PROBED int probed_global(int x)
{
	return factor * x;
}

PROBED int probed_branch(int x)
{
	if (!x)
		return 11;
	return x ^ factor;
}

PROBED int probed_call(int x)
{
	return probed(x) + probed_global(x);
}

/* A loop whose head is the first instruction (flags and rcx live around it); one that is shorter than a
 * jump; and one to be probed in the middle, at probed_mid_place, where flags and red zone live. */
__asm__(".text\n.balign 16\n.globl probed_loop\n.type probed_loop, @function\n"
	"probed_loop:\n"
	"	lea -1(%rdi), %edi\n"
	"	add $5, %r11d\n"
	"	test %edi, %edi\n"
	"	jg probed_loop\n"
	"	lea 1(%rdi), %eax\n"
	"	ret\n.size probed_loop, . - probed_loop\n"
	".balign 16\n.globl probed_short\n.type probed_short, @function\n"
	"probed_short:\n"
	"	mov %edi, %eax\n"
	"	ret\n.size probed_short, . - probed_short\n"
	".balign 16\n.globl probed_mid\n.type probed_mid, @function\n"
	"probed_mid:\n"
	"	mov %edi, -8(%rsp)\n"
	"	mov $17, %r11d\n"
	"	cmp $100, %edi\n"
	".globl probed_mid_place\nprobed_mid_place:\n"
	"	mov $1, %eax\n"
	"	mov $2, %ecx\n"
	"	cmovg %ecx, %eax\n"
	"	seto %cl\n"
	"	movzbl %cl, %ecx\n"
	"	add %ecx, %eax\n"
	"	add %r11d, %eax\n"
	"	add -8(%rsp), %eax\n"
	"	ret\n.size probed_mid, . - probed_mid\n"
	".balign 16\n");

static int expected_mid(int x)
{
	int overflow = __builtin_sub_overflow_p(x, 100, 0);
	return (x > 100 ? 2 : 1) + overflow + 17 + x;
}

/* ---- a call that lasts ---- */

static atomic_int holding;

PROBED int held(int x)
{
	holding = 2;
	while (holding == 2)
		sched_yield();
	return x + 1;
}

static void *hold(void *unused)
{
	(void)unused;
	wrong += held(41) != 42;
	holding = 0;
	return NULL;
}

/* ---- call ---- */

static void check(int x)
{
	int got_call = probed_call(x);
	wrong += probed(x) != (int)(x * 2654435 + 7);
	wrong += probed_frame(x) != x + 1;
	wrong += probed_global(x) != 3 * x;
	wrong += probed_branch(x) != (x ? (x ^ 3) : 11);
	wrong += got_call != (int)(x * 2654435 + 7) + 3 * x;
	wrong += probed_loop(x & 7) != 1 + ((x & 7) ? 0 : -1);
	wrong += probed_short(x) != x;
	wrong += probed_mid(x) != expected_mid(x);
	wrong += probed_mid(-0x7fffffff) != expected_mid(-0x7fffffff);
	calls += 1;
}

static void *call_thread(void *seed)
{
	for (unsigned x = (unsigned)(uintptr_t)seed; !ending; x = x * 1103515245u + 12345u)
		check((int)(x >> 12 & 0xff));
	return NULL;
}

/* ---- blocked ---- */

static void saw(long result, const char *call)
{
	if (result >= 0 || errno != EINTR || ending)
		return;
	printf("eintr %s\n", call);
	fflush(stdout);
	wrong++;
}

static void *in_epoll(void *arg)
{
	struct epoll_event event;
	int fd = epoll_create1(0);
	while (!ending)
		saw(epoll_wait(fd, &event, 1, (int)(intptr_t)arg), "epoll_wait");
	return NULL;
}

static void *in_futex(void *arg)
{
	static int word;
	while (!ending)
		saw(syscall(SYS_futex, &word, FUTEX_WAIT, 0, arg, NULL, 0), "futex");
	return NULL;
}

static void *in_nanosleep(void *arg)
{
	struct timespec time = {(intptr_t)arg ? 3600 : 0, 5000000};
	while (!ending)
		saw(nanosleep(&time, NULL), "nanosleep");
	return NULL;
}

static void *in_read(void *arg)
{
	int ends[2];
	char byte;
	(void)arg;
	if (pipe(ends))
		abort();
	while (!ending)
		saw(read(ends[0], &byte, 1), "read");
	return NULL;
}

static void *in_poll(void *arg)
{
	while (!ending)
		saw(poll(NULL, 0, (int)(intptr_t)arg), "poll");
	return NULL;
}

static void *in_select(void *arg)
{
	(void)arg;
	while (!ending)
		saw(select(0, NULL, NULL, NULL, NULL), "select");
	return NULL;
}

static void *in_sigsuspend(void *arg)
{
	sigset_t none;
	(void)arg;
	sigemptyset(&none);
	while (!ending)
		saw(sigsuspend(&none), "sigsuspend");
	return NULL;
}

static void *in_sigtimedwait(void *arg)
{
	sigset_t set;
	struct timespec time = {3600, 0};
	(void)arg;
	sigemptyset(&set);
	sigaddset(&set, SIGUSR2);
	pthread_sigmask(SIG_BLOCK, &set, NULL);
	while (!ending)
		saw(sigtimedwait(&set, NULL, &time), "sigtimedwait");
	return NULL;
}

static void *in_semop(void *arg)
{
	int id = semget(IPC_PRIVATE, 1, 0600);
	struct sembuf down = {0, -1, 0};
	*(int *)arg = id;
	while (!ending)
		saw(semop(id, &down, 1), "semop");
	return NULL;
}

static void *in_msgrcv(void *arg)
{
	int id = msgget(IPC_PRIVATE, 0600);
	long message[2];
	*(int *)arg = id;
	while (!ending)
		saw(msgrcv(id, message, sizeof(long), 0, 0), "msgrcv");
	return NULL;
}

static void *in_recv(void *arg)
{
	int ends[2];
	char byte;
	struct timeval time = {3600, 0};
	(void)arg;
	if (socketpair(AF_UNIX, SOCK_STREAM, 0, ends))
		abort();
	setsockopt(ends[0], SOL_SOCKET, SO_RCVTIMEO, &time, sizeof(time));
	while (!ending)
		saw(recv(ends[0], &byte, 1, 0), "recv");
	return NULL;
}

static int semaphore = -1, queue = -1;

static unsigned start_blocked(void)
{
	static const struct {
		void *(*run)(void *);
		void *arg;
	} kinds[] = {{in_epoll, (void *)-1},	{in_epoll, (void *)20},
		     {in_futex, NULL},		{in_nanosleep, NULL},
		     {in_nanosleep, (void *)1}, {in_read, NULL},
		     {in_poll, (void *)-1},	{in_poll, (void *)7},
		     {in_select, NULL},		{in_sigsuspend, NULL},
		     {in_sigtimedwait, NULL},	{in_semop, &semaphore},
		     {in_msgrcv, &queue},	{in_recv, NULL}};
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		pthread_t thread;
		pthread_create(&thread, NULL, kinds[i].run, kinds[i].arg);
	}
	return sizeof(kinds) / sizeof(kinds[0]);
}

/* Ready means: every thread sleeps in its call. */
static void wait_until_asleep(unsigned threads)
{
	struct timespec moment = {0, 10000000};
	while (semaphore < 0 || queue < 0)
		nanosleep(&moment, NULL);
	nanosleep(&moment, NULL);
	(void)threads;
}

/* ---- signals ---- */

static atomic_ulong signals, carried;

static void on_signal(int number, siginfo_t *info, void *context)
{
	(void)number;
	(void)context;
	signals++;
	carried += (unsigned long)info->si_value.sival_int;
}

static void start_signals(void)
{
	struct sigaction action = {.sa_sigaction = on_signal, .sa_flags = SA_SIGINFO | SA_RESTART};
	sigaction(SIGRTMIN, &action, NULL);
}

/* ---- commands ---- */

static pthread_t threads[64];
static unsigned threads_count;

static void start_calls(unsigned count)
{
	threads_count = count;
	for (unsigned i = 0; i < count; i++)
		pthread_create(&threads[i], NULL, call_thread, (void *)(uintptr_t)(i * 7919 + 1));
}

/* The child has the main thread alone, which calls until stdin's other end is closed. */
static void run_child(void)
{
	unsigned x = 1;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	for (;; x = x * 1103515245u + 12345u) {
		check((int)(x >> 12 & 0xff));
		if (wrong)
			_exit(1);
	}
}

static void do_fork(void)
{
	pid_t child = fork();
	if (child == 0)
		run_child();
	printf("child %d\n", child);
}

static void do_once(const char *argument)
{
	printf("result %d\n", probed((int)strtol(argument, NULL, 10)));
}

static void do_hold(void)
{
	pthread_t thread;
	holding = 1;
	pthread_create(&thread, NULL, hold, NULL);
	pthread_detach(thread);
	while (holding != 2)
		sched_yield();
	printf("holding\n");
}

static void do_release(void)
{
	holding = 3;
	while (holding)
		sched_yield();
	printf("released\n");
}

#define REFUSE(number)                                     \
	BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, number, 0, 1), \
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS)

static void do_filter(void)
{
	struct sock_filter code[] = {BPF_STMT(BPF_LD | BPF_W | BPF_ABS, 0), REFUSE(SYS_mmap),
				     REFUSE(SYS_socketpair), REFUSE(SYS_recvmsg),
				     BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW)};
	struct sock_fprog program = {sizeof(code) / sizeof(code[0]), code};
	prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
	long result =
		syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_TSYNC, &program);
	printf(result == 0 ? "filtered\n" : "no filter\n");
}

static void obey(const char *line)
{
	if (strcmp(line, "fork\n") == 0)
		do_fork();
	else if (strncmp(line, "once ", 5) == 0)
		do_once(line + 5);
	else if (strcmp(line, "hold\n") == 0)
		do_hold();
	else if (strcmp(line, "release\n") == 0)
		do_release();
	else if (strcmp(line, "filter\n") == 0)
		do_filter();
	else if (strcmp(line, "exec\n") == 0)
		execl("/proc/self/exe", "target_host", "idle", (char *)NULL);
	else if (strcmp(line, "report\n") == 0)
		printf("calls %lu wrong %lu signals %lu carried %lu\n", calls, wrong, signals,
		       carried);
	fflush(stdout);
}

/* Line by line with read(2), which reports EINTR where a stop has done harm. */
static void obey_all(void)
{
	char line[128];
	size_t size = 0;
	for (;;) {
		ssize_t got = read(0, line + size, 1);
		if (got < 0)
			saw(got, "read of stdin");
		if (got == 0)
			return;
		if (got < 0 || (line[size] != '\n' && size < sizeof(line) - 2)) {
			size += got > 0;
			continue;
		}
		line[size + 1] = 0;
		size = 0;
		obey(line);
	}
}

int main(int argc, char **argv)
{
	const char *mode = argc > 1 ? argv[1] : "idle";
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	signal(SIGCHLD, SIG_IGN);
	if (strcmp(mode, "blocked") == 0)
		wait_until_asleep(start_blocked());
	if (strcmp(mode, "signals") == 0)
		start_signals();
	if (strcmp(mode, "call") == 0 || strcmp(mode, "signals") == 0)
		start_calls(argc > 2 ? (unsigned)strtoul(argv[2], NULL, 10) : 1);
	printf("ready %d\n", getpid());
	fflush(stdout);
	obey_all();
	ending = true;
	for (unsigned i = 0; i < threads_count; i++)
		pthread_join(threads[i], NULL);
	if (semaphore >= 0)
		semctl(semaphore, 0, IPC_RMID);
	if (queue >= 0)
		msgctl(queue, IPC_RMID, NULL);
	printf("calls %lu wrong %lu signals %lu carried %lu\n", calls, wrong, signals, carried);
	return wrong ? 1 : 0;
}
