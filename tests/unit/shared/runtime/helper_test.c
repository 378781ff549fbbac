#include "tests/unit/shared/runtime/maps.h"

#include "shared/base/clock.h"

#include <sched.h>
#include <sys/syscall.h>

static struct rt_private self;

/* Two pages, the second of which is not there; gives the end of the first. */
static uint8_t *edge(void)
{
	uint8_t *at = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	assert_ptr_not_equal(at, MAP_FAILED);
	assert_int_equal(mprotect(at + 4096, 4096, PROT_NONE), 0);
	return at + 4096;
}

static void reads_what_is_there(void **state)
{
	(void)state;
	uint64_t from = 0x1122334455667788, to = 0;
	assert_int_equal(rt_probe_read(&to, 8, &from, &self), 0);
	assert_int_equal(to, from);
	assert_int_equal(rt_probe_read_user(&to, 4, (uint8_t *)&from + 1, &self), 0);
	assert_int_equal((uint32_t)to, 0x44556677);
	assert_int_equal(self.pid_inside, getpid());
}

static void a_read_that_faults_zeroes_the_destination(void **state)
{
	(void)state;
	uint8_t *end = edge(), to[8];
	const void *bad[] = {
		NULL, (void *)8, end, end - 4, (void *)0xffff800000000000, (void *)UINT64_MAX};
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		memset(to, 0xff, sizeof(to));
		assert_int_equal(rt_probe_read(to, 8, bad[i], &self), -RT_EFAULT);
		assert_memory_equal(to, "\0\0\0\0\0\0\0\0", 8);
	}
	munmap(end - 4096, 8192);
}

static void strings_end_with_zeros_and_show_nothing_behind_their_nul(void **state)
{
	(void)state;
	char to[8];
	memset(to, 'x', sizeof(to));
	assert_int_equal(rt_probe_read_str(to, 7, "abc\0secret", &self), 4);
	assert_memory_equal(to, "abc\0\0\0\0x", 8);
	assert_int_equal(rt_probe_read_str(to, 8, "", &self), 1);
	assert_int_equal(rt_probe_read_str(to, 0, "abc", &self), 0);
}

static void long_strings_are_cut_and_terminated(void **state)
{
	(void)state;
	char to[5] = "zzzz";
	assert_int_equal(rt_probe_read_user_str(to, 4, "abcdefgh", &self), 4);
	assert_memory_equal(to, "abc\0\0", 5);
	assert_int_equal(rt_probe_read_user_str(to, 4, "abc", &self), 4);
	assert_string_equal(to, "abc");
	char text[1000], out[1000];
	memset(text, 'q', sizeof(text));
	text[999] = 0;
	assert_int_equal(rt_probe_read_str(out, 1000, text, &self), 1000);
	assert_string_equal(out, text);
}

static void a_string_before_a_missing_page_is_read(void **state)
{
	(void)state;
	uint8_t *end = edge();
	char to[300];
	memcpy(end - 4, "abc", 4);
	assert_int_equal(rt_probe_read_str(to, sizeof(to), end - 4, &self), 4);
	assert_string_equal(to, "abc");
	end[-1] = 'd';
	memset(to, 1, sizeof(to));
	assert_int_equal(rt_probe_read_str(to, sizeof(to), end - 4, &self), -RT_EFAULT);
	for (size_t i = 0; i < sizeof(to); i++)
		assert_int_equal(to[i], 0);
	munmap(end - 4096, 8192);
}

static void the_clock_is_monotonic_time(void **state)
{
	(void)state;
	uint64_t before = clock_mono_ns(), now = rt_ktime_get_ns(), after = clock_mono_ns();
	assert_in_range(now, before, after);
}

static void the_cpu_is_the_one_that_runs(void **state)
{
	(void)state;
	cpu_set_t old, one;
	assert_int_equal(sched_getaffinity(0, sizeof(old), &old), 0);
	for (int cpu = 0; cpu < CPU_SETSIZE; cpu++) {
		if (!CPU_ISSET(cpu, &old))
			continue;
		CPU_ZERO(&one);
		CPU_SET(cpu, &one);
		assert_int_equal(sched_setaffinity(0, sizeof(one), &one), 0);
		assert_int_equal(rt_get_smp_processor_id(), cpu);
		assert_int_equal(rt_get_smp_processor_id_plain(), cpu);
	}
	assert_int_equal(sched_setaffinity(0, sizeof(old), &old), 0);
}

static void tgid_is_the_pages_and_tid_the_kernels(void **state)
{
	(void)state;
	struct rt_private page = {.tgid = 1234}, empty = {0};
	uint64_t tid = (uint64_t)syscall(SYS_gettid);
	assert_int_equal(rt_get_current_pid_tgid(&page), 1234ull << 32 | tid);
	assert_int_equal(rt_get_current_pid_tgid(&empty), (uint64_t)getpid() << 32 | tid);
	assert_int_equal(empty.tgid, getpid());
}

static void random_numbers_differ_and_have_32_bits(void **state)
{
	(void)state;
	uint64_t ones = 0, zeros = 0, previous = 0, same = 0;
	for (int i = 0; i < 1000; i++) {
		uint64_t x = rt_get_prandom_u32();
		assert_in_range(x, 0, UINT32_MAX);
		ones |= x;
		zeros |= ~x;
		same += x == previous;
		previous = x;
	}
	assert_int_equal(ones, UINT32_MAX);
	assert_int_equal((uint32_t)zeros, UINT32_MAX);
	assert_in_range(same, 0, 3);
}

static void strncmp_compares_up_to_the_size_or_the_nul(void **state)
{
	(void)state;
	assert_int_equal(rt_strncmp("abc", 3, "abc"), 0);
	assert_int_equal(rt_strncmp("abcx", 3, "abcy"), 0);
	assert_int_equal(rt_strncmp("ab\0x", 4, "ab\0y"), 0);
	assert_true(rt_strncmp("abc", 3, "abd") < 0);
	assert_true(rt_strncmp("ab\xff", 3, "abd") > 0);
	assert_true(rt_strncmp("ab", 3, "abd") < 0);
	assert_int_equal(rt_strncmp("x", 0, "y"), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_what_is_there),
		cmocka_unit_test(a_read_that_faults_zeroes_the_destination),
		cmocka_unit_test(strings_end_with_zeros_and_show_nothing_behind_their_nul),
		cmocka_unit_test(long_strings_are_cut_and_terminated),
		cmocka_unit_test(a_string_before_a_missing_page_is_read),
		cmocka_unit_test(the_clock_is_monotonic_time),
		cmocka_unit_test(the_cpu_is_the_one_that_runs),
		cmocka_unit_test(tgid_is_the_pages_and_tid_the_kernels),
		cmocka_unit_test(random_numbers_differ_and_have_32_bits),
		cmocka_unit_test(strncmp_compares_up_to_the_size_or_the_nul),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
