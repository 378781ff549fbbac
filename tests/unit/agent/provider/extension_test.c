/*
 * Extensions in real processes (tests/hosts/extended_host.c): compiled from a few instructions, each of which
 * calls one function of the host with the entry's arguments and adds 1000 to what it gives.
 */
#include "agent/provider/target.h"

#include "shared/codec/json.h"
#include "tests/unit/agent/host.h"
#include "tests/unit/shared/jit/assemble.h"

#define ENTRY	     "__bpftime_extension_entry_Worker_answer"
#define CALL_HOST(n) INSN(BPF_JMP | BPF_CALL, 0, BPF_PSEUDO_KFUNC_CALL, 0, n)
#define PATIENCE_MS  5000
#define IMPATIENT_MS 50

static struct assemble a;

struct world {
	struct host host;
	struct process_id id;
	struct target *target;
	char *maps; /* its mappings at first */
};

/* ---- images ---- */

static const struct role_entry answer = {.name = STR("answer"), .symbol = STR(ENTRY)};

/* Calls function or looks at variable `symbol` (NULL: neither). */
static struct image *an_image(const char *symbol, bool is_function)
{
	static const struct verifier_value number = {4, true};
	struct verifier_extern e = {.is_used = true,
				    .is_function = is_function,
				    .symbol = str_of(symbol ? symbol : ""),
				    .name = STR("x"),
				    .args_count = 2,
				    .args = {number, number},
				    .result = number};
	struct image *image = NULL;
	memset(&a, 0, sizeof(a));
	if (!symbol)
		ASSEMBLE(&a, MOV_K(0, 1000), EXIT);
	else if (is_function)
		ASSEMBLE(&a, LOAD(BPF_DW, 2, 1, 8), LOAD(BPF_DW, 1, 1, 0), CALL_HOST(0),
			 ALU64_K(BPF_ADD, 0, 1000), EXIT);
	else
		ASSEMBLE(&a, LD_IMM64(1, BPF_PSEUDO_BTF_ID, 0, 0), LOAD(BPF_W, 0, 1, 0),
			 ALU64_K(BPF_ADD, 0, 1000), EXIT);
	a.functions[0].name = STR("on_answer");
	a.functions[0].section = STR("eim/answer");
	a.entries[0].host = &answer;
	a.entries[0].ctx_reads = 3;
	struct jit_program p = assemble_program(&a, NULL);
	p.externs = &e;
	p.externs_count = 1;
	assert_ok(jit_init(NULL));
	assert_ok(jit_compile_program(&p, &image));
	image->needs = 0;
	return image;
}

static struct image *calls(const char *function)
{
	return an_image(function, true);
}

/* A probe of answer() that does nothing. */
static struct image *a_probe(void)
{
	struct image *image = NULL;
	memset(&a, 0, sizeof(a));
	ASSEMBLE(&a, MOV_K(0, 0), EXIT);
	assert_ok(jit_init(NULL));
	assert_ok(assemble_compile(&a, NULL, &image));
	return image;
}

/* ---- a world: a host that runs ---- */

static char *read_maps(pid_t pid)
{
	struct buf text = BUF_INIT((size_t)1 << 20);
	char path[64];
	snprintf(path, sizeof(path), "/proc/%d/maps", pid);
	assert_ok(file_read(path, &text));
	return buf_take(&text);
}

static struct world world_start(void)
{
	struct world w = {.host = host_start("extended_host", NULL, NULL)};
	assert_ok(process_find(w.host.pid, &w.id));
	assert_ok(target_open(w.id, &w.target));
	host_say(&w.host, "call 1 2"); /* whatever it maps when it works first */
	w.maps = read_maps(w.host.pid);
	return w;
}

static void world_end(struct world *w)
{
	assert_int_equal(host_end(&w->host), 0);
	target_close(w->target);
	mem_free(w->maps);
}

static void says(struct world *w, const char *command, const char *answer_line)
{
	assert_string_equal(host_say(&w->host, command), answer_line);
}

/* `image` moves in; it is not needed any more once it is in the process. */
static struct err *put(struct world *w, const char *name, struct image *moved)
{
	OWNED(image) struct image *image = moved;
	struct instance *i;
	struct target_place place = {0, str_of(w->host.path), STR(ENTRY), 0};
	return target_instantiate(w->target, str_of(name), image, NULL, &place, 1, &i);
}

static struct err *take(struct world *w, const char *name)
{
	return target_deinstantiate(w->target, str_of(name), PATIENCE_MS);
}

static uint64_t runs(const struct world *w, const char *name)
{
	struct target_link link;
	uint32_t one = 1;
	assert_ok(target_links(w->target, target_find(w->target, str_of(name)), &link, &one));
	return link.runs;
}

static void nothing_is_left(const struct world *w)
{
	char *now = read_maps(w->host.pid);
	assert_null(strstr(now, "eim-code"));
	mem_free(now);
	assert_true(target_is_empty(w->target));
}

/* ---- in and out ---- */

static void an_extension_answers_in_place_of_the_function(void **state)
{
	(void)state;
	struct world w = world_start();
	says(&w, "call 1 2", "result 12");
	assert_ok(put(&w, "x", an_image(NULL, false)));
	says(&w, "call 1 2", "result 1000");
	assert_int_equal(runs(&w, "x"), 1);
	assert_ok(take(&w, "x"));
	says(&w, "call 1 2", "result 12");
	char *now = read_maps(w.host.pid);
	assert_string_equal(now, w.maps);
	mem_free(now);
	nothing_is_left(&w);
	world_end(&w);
}

static void it_calls_static_functions_and_finds_variables_of_the_host(void **state)
{
	(void)state;
	struct world w = world_start();
	assert_ok(put(&w, "f", calls("host_add")));
	says(&w, "call 40 2", "result 1042");
	says(&w, "call -40 2", "result 962");
	assert_ok(take(&w, "f"));
	assert_ok(put(&w, "v", an_image("host_scale", false)));
	says(&w, "call 40 2", "result 1001");
	assert_ok(take(&w, "v"));
	nothing_is_left(&w);
	world_end(&w);
}

static void what_the_host_does_not_have_is_refused_with_what_is_near(void **state)
{
	(void)state;
	struct world w = world_start();
	struct err *e = put(&w, "x", calls("host_ad"));
	assert_non_null(e);
	assert_int_equal(err_code(e), ERR_NOT_FOUND);
	assert_non_null(strstr(err_message(e), "no function host_ad; near it: host_add"));
	err_destroy(e);
	assert_fails(put(&w, "x", an_image("host_scal", false)), ERR_NOT_FOUND, "",
		     "no variable host_scal; near it: host_scale");
	assert_fails(put(&w, "x", an_image("host_add", false)), ERR_NOT_FOUND, "",
		     "no variable host_add");
	nothing_is_left(&w);
	says(&w, "call 1 2", "result 12");
	world_end(&w);
}

static void many_threads_are_answered(void **state)
{
	(void)state;
	struct world w = world_start();
	assert_ok(put(&w, "x", calls("host_add")));
	says(&w, "spin 16 5000 1 2", "sum 80240000"); /* 16 * 5000 * 1003 */
	assert_int_equal(runs(&w, "x"), 80000);
	assert_ok(take(&w, "x"));
	nothing_is_left(&w);
	world_end(&w);
}

static void goes_in_and_out_under_load(void **state)
{
	(void)state;
	struct world w = world_start();
	fprintf(w.host.in, "spin 4 4000000 0 0\n");
	fflush(w.host.in);
	for (int i = 0; i < 40; i++) {
		assert_ok(put(&w, "x", calls("host_add")));
		assert_ok(take(&w, "x"));
	}
	host_read(&w.host);
	nothing_is_left(&w);
	world_end(&w);
}

/* ---- one and one only ---- */

static void a_second_extension_of_a_function_is_refused(void **state)
{
	(void)state;
	struct world w = world_start();
	assert_ok(put(&w, "first", an_image(NULL, false)));
	struct err *e = put(&w, "second", calls("host_add"));
	assert_non_null(e);
	assert_int_equal(err_code(e), ERR_FAILED_PRECONDITION);
	assert_non_null(strstr(err_message(e), "has an extension already, on_answer of first"));
	err_destroy(e);
	says(&w, "call 1 2", "result 1000");
	assert_ok(take(&w, "first"));
	assert_ok(put(&w, "second", calls("host_add")));
	says(&w, "call 1 2", "result 1003");
	assert_ok(take(&w, "second"));
	nothing_is_left(&w);
	world_end(&w);
}

static void probes_stay_beside_an_extension(void **state)
{
	(void)state;
	struct world w = world_start();
	assert_ok(put(&w, "before", a_probe()));
	assert_ok(put(&w, "x", calls("host_add")));
	assert_ok(put(&w, "after", a_probe()));
	says(&w, "call 1 2", "result 1003");
	assert_int_equal(runs(&w, "before"), 1);
	assert_int_equal(runs(&w, "after"), 1);
	assert_ok(take(&w, "before"));
	says(&w, "call 1 2", "result 1003");
	assert_ok(take(&w, "x"));
	says(&w, "call 1 2", "result 12");
	assert_int_equal(runs(&w, "after"), 3);
	assert_ok(take(&w, "after"));
	nothing_is_left(&w);
	world_end(&w);
}

/* ---- a host that does what is hard to bear ---- */

static void a_function_that_calls_the_entry_gets_the_hosts_own_answer(void **state)
{
	(void)state;
	struct world w = world_start();
	assert_ok(put(&w, "x", calls("host_again")));
	says(&w, "call 1 2", "result 1012");
	says(&w, "spin 8 1000 1 2", "sum 8096000");
	assert_int_equal(runs(&w, "x"), 2 * 8001);
	assert_ok(take(&w, "x"));
	nothing_is_left(&w);
	world_end(&w);
}

static void waits_for_a_thread_in_a_function_of_the_host(void **state)
{
	(void)state;
	struct world w = world_start();
	assert_ok(put(&w, "x", calls("host_wait")));
	says(&w, "hold 7 0", "holding");
	assert_fails(target_deinstantiate(w.target, STR("x"), IMPATIENT_MS), ERR_DEADLINE_EXCEEDED,
		     "", "stay inside of x");
	says(&w, "call 1 2", "result 12"); /* its bytes are restored */
	says(&w, "release", "result 1007");
	assert_ok(take(&w, "x"));
	nothing_is_left(&w);
	world_end(&w);
}

/* No stack that a thread is on leads to the code: the run's slot does. */
static void waits_for_a_run_that_is_on_another_stack(void **state)
{
	(void)state;
	struct world w = world_start();
	assert_ok(put(&w, "x", calls("host_yield")));
	says(&w, "fiber 7 0", "yielded");
	assert_fails(target_deinstantiate(w.target, STR("x"), IMPATIENT_MS), ERR_DEADLINE_EXCEEDED,
		     "", "stay inside of x");
	says(&w, "resume", "result 1007");
	assert_ok(take(&w, "x"));
	nothing_is_left(&w);
	world_end(&w);
}

/* The thunk that it comes back to is not the present one any more, and must not be used anew. */
static void a_thunk_stays_while_a_run_is_on_another_stack(void **state)
{
	(void)state;
	struct world w = world_start();
	assert_ok(put(&w, "x", calls("host_yield")));
	says(&w, "fiber 7 0", "yielded");
	assert_ok(put(&w, "probe", a_probe()));
	for (int i = 0; i < 3; i++)
		assert_fails(target_deinstantiate(w.target, STR("probe"), IMPATIENT_MS),
			     ERR_DEADLINE_EXCEEDED, "", "stay inside of probe");
	says(&w, "resume", "result 1007");
	assert_ok(target_deinstantiate_all(w.target, PATIENCE_MS));
	nothing_is_left(&w);
	world_end(&w);
}

static void a_host_that_jumps_out_is_not_locked_out(void **state)
{
	(void)state;
	struct world w = world_start();
	assert_ok(put(&w, "x", calls("host_leap")));
	for (int i = 0; i < 300; i++)
		says(&w, "leap 1 0", "leapt"); /* more often than there are slots */
	says(&w, "deep 1 0", "result 10");     /* as if it were inside of the run that was left */
	says(&w, "leap 1 0", "leapt");
	says(&w, "leap -1 0", "result 999");
	assert_ok(take(&w, "x"));
	nothing_is_left(&w);
	world_end(&w);
}

static void memory_stays_where_it_is_not_known_who_may_come_back(void **state)
{
	(void)state;
	struct world w = world_start();
	assert_ok(put(&w, "x", calls("host_leap")));
	says(&w, "deep 1 0", "leapt");
	says(&w, "leap -1 0", "result 999"); /* further up than the run that never ended */
	says(&w, "leap -1 0", "result 999");
	assert_fails(target_deinstantiate(w.target, STR("x"), IMPATIENT_MS), ERR_DEADLINE_EXCEEDED,
		     "", "stay inside of x");
	says(&w, "leap -1 0", "result -10");
	world_end(&w);
}

/* ---- fork, death ---- */

static void a_forked_child_is_answered_and_taken_over(void **state)
{
	(void)state;
	struct world w = world_start();
	struct process_id id;
	struct target *child;
	uint64_t pid;
	assert_ok(put(&w, "x", calls("host_add")));
	says(&w, "fork 40 2", "child 1042");
	assert_true(str_to_u64(str_from(str_of(host_say(&w.host, "keep 40 2")), strlen("child ")),
			       &pid));
	assert_ok(process_find((pid_t)pid, &id));
	assert_ok(target_inherit(w.target, id, &child));
	for (uint64_t seen = 0; seen == 0;) {
		struct target_link link;
		uint32_t one = 1;
		assert_ok(target_links(child, target_find(child, STR("x")), &link, &one));
		seen = link.runs;
	}
	assert_ok(target_deinstantiate(child, STR("x"), PATIENCE_MS));
	char *maps = read_maps((pid_t)pid);
	assert_null(strstr(maps, "eim-code"));
	mem_free(maps);
	kill((pid_t)pid, SIGKILL);
	target_close(child);
	says(&w, "call 40 2", "result 1042");
	assert_ok(take(&w, "x"));
	nothing_is_left(&w);
	world_end(&w);
}

static char record[1 << 20];

static struct err *save_record(void *context, const struct target *t)
{
	(void)context;
	OWNED_BUF struct buf text = BUF_INIT(sizeof(record));
	struct json w = json_start(&text);
	target_record(t, &w, NULL);
	TRY(buf_check(&text));
	memcpy(record, buf_text(&text), text.size + 1);
	return NULL;
}

static void a_new_agent_takes_over_and_waits_for_the_same_runs(void **state)
{
	(void)state;
	struct world w = world_start();
	OWNED_ARENA struct arena arena = ARENA_INIT((size_t)16 << 20);
	const struct node *node;
	target_on_change(w.target, save_record, NULL);
	assert_ok(put(&w, "x", calls("host_yield")));
	assert_ok(put(&w, "probe", a_probe()));
	says(&w, "fiber 7 0", "yielded");
	target_close(w.target);
	assert_ok(json_parse(str_of(record), &arena, &node));
	assert_ok(target_restore(node, &w.target));
	struct err *e = put(&w, "y", calls("host_add"));
	assert_non_null(e);
	assert_non_null(strstr(err_message(e), "has an extension already, on_answer of x"));
	err_destroy(e);
	assert_fails(target_deinstantiate(w.target, STR("x"), IMPATIENT_MS), ERR_DEADLINE_EXCEEDED,
		     "", "stay inside of x");
	says(&w, "call 1 2", "result 12");
	says(&w, "resume", "result 1007");
	assert_ok(target_deinstantiate_all(w.target, PATIENCE_MS));
	nothing_is_left(&w);
	world_end(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_extension_answers_in_place_of_the_function),
		cmocka_unit_test(it_calls_static_functions_and_finds_variables_of_the_host),
		cmocka_unit_test(what_the_host_does_not_have_is_refused_with_what_is_near),
		cmocka_unit_test(many_threads_are_answered),
		cmocka_unit_test(goes_in_and_out_under_load),
		cmocka_unit_test(a_second_extension_of_a_function_is_refused),
		cmocka_unit_test(probes_stay_beside_an_extension),
		cmocka_unit_test(a_function_that_calls_the_entry_gets_the_hosts_own_answer),
		cmocka_unit_test(waits_for_a_thread_in_a_function_of_the_host),
		cmocka_unit_test(waits_for_a_run_that_is_on_another_stack),
		cmocka_unit_test(a_thunk_stays_while_a_run_is_on_another_stack),
		cmocka_unit_test(a_host_that_jumps_out_is_not_locked_out),
		cmocka_unit_test(memory_stays_where_it_is_not_known_who_may_come_back),
		cmocka_unit_test(a_forked_child_is_answered_and_taken_over),
		cmocka_unit_test(a_new_agent_takes_over_and_waits_for_the_same_runs),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
