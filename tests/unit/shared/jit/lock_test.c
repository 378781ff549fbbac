/*
 * Spin locks in compiled programs: what they protect, and runs that end where a lock is not to be had.
 */
#include "tests/unit/shared/jit/load.h"

#include "shared/eim/spec.h"
#include "shared/jit/jit.h"

#include <pthread.h>

#define THREADS 4
#define ROUNDS	5000
#define DI	14

struct account {
	uint32_t runs, lock;
	uint64_t in, after;
};

static struct load compiled(void)
{
	OWNED_BUF struct buf file = BUF_INIT(OBJECT_MAX_BYTES), document = BUF_INIT(1 << 20);
	OWNED(object) struct object *object = NULL;
	OWNED(spec) struct spec *spec = NULL;
	OWNED(role) struct role *role = NULL;
	OWNED(verdict) struct verdict *verdict = NULL;
	struct image *image = NULL;
	assert_ok(file_read("build/tests/programs/locks.bpf.o", &file));
	assert_ok(file_read("tests/cases/specs/all.yaml", &document));
	assert_ok(object_parse(buf_bytes(&file), &object));
	assert_ok(spec_parse(buf_str(&document), &spec));
	assert_ok(role_resolve(spec, spec->roles[0].name, NULL, &role));
	assert_ok(verifier_run(object, role, VERIFIER_LIMITS_DEFAULT, &verdict));
	assert_null(verdict_finding(verdict));
	assert_ok(jit_init(NULL));
	assert_ok(jit_compile(object, role, verdict, &image));
	return load_image(image);
}

static uint32_t entry_named(const struct load *l, const char *name)
{
	for (uint32_t i = 0; i < l->image->entries_count; i++)
		if (str_is(l->image->entries[i].name, name))
			return i;
	fail_msg("no entry %s", name);
	return 0;
}

static uint64_t run(const struct load *l, const char *entry, uint64_t first)
{
	uint64_t regs[32] = {[DI] = first};
	return load_run(l, entry_named(l, entry), regs);
}

static struct account *account(const struct load *l, uint32_t key)
{
	assert_int_equal(l->image->maps_count, 1);
	return rt_map_lookup_elem(&l->maps[0], &key);
}

static uint64_t ended(const struct load *l)
{
	return ((const struct rt_private *)(l->base + l->image->private_offset))->ended;
}

static void a_lock_that_is_free_is_taken_and_given_back(void **state)
{
	(void)state;
	struct load l = compiled();
	assert_int_equal(run(&l, "plain", 0), 5);
	assert_int_equal(run(&l, "local", 7), 8);
	assert_int_equal(run(&l, "local", 1001), 4);
	assert_int_equal(account(&l, 0)->in, 2);
	assert_int_equal(account(&l, 0)->after, 202);
	assert_int_equal(run(&l, "rounds", 0), 412);
	assert_int_equal(account(&l, 0)->in, 14);
	assert_int_equal(account(&l, 1)->after, 104);
	assert_int_equal(run(&l, "elements", 0), 15 + 1);
	assert_int_equal(account(&l, 0)->lock, 0);
	assert_int_equal(ended(&l), 0);
	assert_true(l.image->needs & IMAGE_NEEDS_OWNER);
	assert_int_equal(l.image->maps[0].lock_end, 8);
	load_fini(&l);
}

static void a_run_ends_where_the_lock_is_kept(void **state)
{
	(void)state;
	static const char *const entries[] = {"plain", "local", "rounds", "elements"};
	static const uint32_t begun[] = {1, 1, 1, 0};
	for (size_t i = 0; i < sizeof(entries) / sizeof(entries[0]); i++) {
		struct load l = compiled();
		struct account *a = account(&l, 0), *b = account(&l, 1);
		a->lock = 77;
		assert_int_equal(run(&l, entries[i], 0), 0);
		assert_int_equal(ended(&l), 1);
		assert_int_equal(a->runs, begun[i]);
		assert_int_equal(a->lock, 77);
		assert_int_equal(a->in + a->after + b->in + b->after + b->runs, 0);
		a->lock = 0; /* the host went on, and so do the next runs */
		assert_true(run(&l, entries[i], 0) > 0);
		assert_int_equal(ended(&l), 1);
		load_fini(&l);
	}
}

static void a_run_that_ends_later_keeps_what_it_did(void **state)
{
	(void)state;
	struct load l = compiled();
	account(&l, 1)->lock = 77; /* the second element */
	assert_int_equal(run(&l, "elements", 0), 0);
	assert_int_equal(account(&l, 0)->in, 1);
	assert_int_equal(account(&l, 1)->in, 0);
	assert_int_equal(account(&l, 0)->lock, 0);
	assert_int_equal(ended(&l), 1);
	load_fini(&l);
}

static void *many(void *context)
{
	const struct load *l = context;
	for (int i = 0; i < ROUNDS; i++)
		run(l, i % 2 ? "plain" : "local", 1);
	return NULL;
}

static void threads_lose_no_count(void **state)
{
	(void)state;
	struct load l = compiled();
	pthread_t threads[THREADS];
	for (int i = 0; i < THREADS; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, many, &l), 0);
	for (int i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
	assert_int_equal(account(&l, 0)->runs, THREADS * ROUNDS);
	assert_int_equal(account(&l, 0)->in + ended(&l), THREADS * ROUNDS);
	load_fini(&l);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_lock_that_is_free_is_taken_and_given_back),
		cmocka_unit_test(a_run_ends_where_the_lock_is_kept),
		cmocka_unit_test(a_run_that_ends_later_keeps_what_it_did),
		cmocka_unit_test(threads_lose_no_count),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
