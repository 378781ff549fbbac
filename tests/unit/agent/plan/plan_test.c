#include "tests/unit/test.h"

#include "agent/plan/plan.h"
#include "shared/base/mem.h"

#define NGINX STR("/usr/sbin/nginx")
#define BASH  STR("/bin/bash")

/* One process of nginx, in front of whatever rows the test gives it. */
static const struct plan_process nginx[] = {{{"/usr/sbin/nginx", 15}, 0, 1}};

static uint32_t plan(const struct plan_input *in, struct plan_step **steps)
{
	uint32_t count = 99;
	assert_ok(plan_make(in, steps, &count));
	return count;
}

static void instantiates_a_ready_policy_in_a_process_of_its_executable(void **state)
{
	(void)state;
	const struct plan_policy policies[] = {{STR("hits"), STR("1"), NGINX, true}};
	const struct plan_process processes[] = {{BASH, 0, 0}, {NGINX, 0, 0}};
	struct plan_step *steps;
	assert_int_equal(1, plan(&(struct plan_input){policies, processes, NULL, 1, 2}, &steps));
	assert_int_equal(PLAN_INSTANTIATE, steps[0].action);
	assert_int_equal(1, steps[0].process);
	assert_int_equal(0, steps[0].policy);
	mem_free(steps);
}

static void leaves_alone_what_is_as_wanted(void **state)
{
	(void)state;
	const struct plan_policy policies[] = {{STR("hits"), STR("1"), NGINX, true}};
	const struct plan_carried carried[] = {{STR("hits"), STR("1"), true}};
	struct plan_step *steps;
	assert_int_equal(0, plan(&(struct plan_input){policies, nginx, carried, 1, 1}, &steps));
	mem_free(steps);
}

static void waits_for_a_policy_that_is_not_compiled(void **state)
{
	(void)state;
	const struct plan_policy policies[] = {{STR("hits"), STR("1"), NGINX, false}};
	const struct plan_process processes[] = {{NGINX, 0, 0}};
	struct plan_step *steps;
	assert_int_equal(0, plan(&(struct plan_input){policies, processes, NULL, 1, 1}, &steps));
	mem_free(steps);
}

static void takes_out_what_is_no_longer_wanted(void **state)
{
	(void)state;
	const struct plan_carried carried[] = {{STR("hits"), STR("1"), true}};
	struct plan_step *steps;
	assert_int_equal(1, plan(&(struct plan_input){NULL, nginx, carried, 0, 1}, &steps));
	assert_int_equal(PLAN_REMOVE, steps[0].action);
	assert_int_equal(0, steps[0].row);
	mem_free(steps);
}

static void takes_the_old_revision_out_before_it_puts_the_new_one_in(void **state)
{
	(void)state;
	const struct plan_policy policies[] = {{STR("hits"), STR("2"), NGINX, true}};
	const struct plan_carried carried[] = {{STR("hits"), STR("1"), true}};
	struct plan_step *steps;
	assert_int_equal(2, plan(&(struct plan_input){policies, nginx, carried, 1, 1}, &steps));
	assert_int_equal(PLAN_REMOVE, steps[0].action);
	assert_int_equal(PLAN_INSTANTIATE, steps[1].action);
	mem_free(steps);
}

static void does_not_retry_a_failure_of_the_same_revision(void **state)
{
	(void)state;
	const struct plan_policy policies[] = {{STR("hits"), STR("1"), NGINX, true}};
	const struct plan_carried carried[] = {{STR("hits"), STR("1"), false}};
	struct plan_step *steps;
	assert_int_equal(0, plan(&(struct plan_input){policies, nginx, carried, 1, 1}, &steps));
	mem_free(steps);
}

static void forgets_a_failure_when_its_revision_is_replaced(void **state)
{
	(void)state;
	const struct plan_policy policies[] = {{STR("hits"), STR("2"), NGINX, true}};
	const struct plan_carried carried[] = {{STR("hits"), STR("1"), false}};
	struct plan_step *steps;
	assert_int_equal(2, plan(&(struct plan_input){policies, nginx, carried, 1, 1}, &steps));
	assert_int_equal(PLAN_FORGET, steps[0].action);
	assert_int_equal(PLAN_INSTANTIATE, steps[1].action);
	mem_free(steps);
}

static void takes_out_a_policy_whose_executable_changed(void **state)
{
	(void)state;
	const struct plan_policy policies[] = {{STR("hits"), STR("1"), BASH, true}};
	const struct plan_carried carried[] = {{STR("hits"), STR("1"), true}};
	struct plan_step *steps;
	assert_int_equal(1, plan(&(struct plan_input){policies, nginx, carried, 1, 1}, &steps));
	assert_int_equal(PLAN_REMOVE, steps[0].action);
	mem_free(steps);
}

static void reports_short_memory(void **state)
{
	(void)state;
	const struct plan_policy policies[] = {{STR("hits"), STR("1"), NGINX, true}};
	const struct plan_process processes[] = {{NGINX, 0, 0}};
	struct plan_step *steps = NULL;
	uint32_t count = 7;
	mem_fail_at(1);
	assert_fails(plan_make(&(struct plan_input){policies, processes, NULL, 1, 1}, &steps,
			       &count),
		     ERR_NO_MEMORY, "", "memory");
	mem_fail_at(0);
	assert_null(steps);
	assert_int_equal(7, count);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(instantiates_a_ready_policy_in_a_process_of_its_executable),
		cmocka_unit_test(leaves_alone_what_is_as_wanted),
		cmocka_unit_test(waits_for_a_policy_that_is_not_compiled),
		cmocka_unit_test(takes_out_what_is_no_longer_wanted),
		cmocka_unit_test(takes_the_old_revision_out_before_it_puts_the_new_one_in),
		cmocka_unit_test(does_not_retry_a_failure_of_the_same_revision),
		cmocka_unit_test(forgets_a_failure_when_its_revision_is_replaced),
		cmocka_unit_test(takes_out_a_policy_whose_executable_changed),
		cmocka_unit_test(reports_short_memory),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
