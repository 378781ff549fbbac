/*
 * The conformance suite of store.h: every engine passes all of it. An engine is a row of `engines`.
 */
#include "tests/unit/test.h"

#include "controller/store/store.h"
#include "shared/base/file.h"
#include "shared/base/mem.h"
#include "shared/crypto/digest.h"

#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>

static const char *const engines[] = {"sqlite"};

struct fixture {
	char dir[64];
	struct store *store;
	struct arena arena;
};

static void reopen(struct fixture *f)
{
	store_close(f->store);
	f->store = NULL;
	assert_ok(store_open(engines[0], f->dir, &f->store));
}

static int set_up(void **state)
{
	struct fixture *f = mem_zalloc(sizeof(*f));
	snprintf(f->dir, sizeof(f->dir), "/tmp/eim-store-XXXXXX");
	assert_non_null(mkdtemp(f->dir));
	f->arena = ARENA_INIT((size_t)16 << 20);
	assert_ok(store_open(engines[0], f->dir, &f->store));
	*state = f;
	return 0;
}

static void remove_files(const char *path)
{
	DIR *dir = opendir(path);
	for (struct dirent *each; dir && (each = readdir(dir));)
		unlinkat(dirfd(dir), each->d_name, 0);
	if (dir)
		closedir(dir);
	rmdir(path);
}

static int tear_down(void **state)
{
	struct fixture *f = *state;
	char blobs[80];
	store_close(f->store);
	snprintf(blobs, sizeof(blobs), "%s/blobs", f->dir);
	remove_files(blobs);
	remove_files(f->dir);
	arena_fini(&f->arena);
	mem_free(f);
	return 0;
}

static void assert_text(struct str have, const char *want)
{
	assert_int_equal(have.size, strlen(want));
	assert_memory_equal(have.data, want, have.size);
}

/* ---- documents ---- */

static void a_document_reads_as_it_was_written(void **state)
{
	struct fixture *f = *state;
	struct store_doc written, read;
	assert_ok(store_put(f->store, "k", STR("a"), STR("{\"ä\":1}"), NULL, &written));
	assert_ok(store_get(f->store, "k", STR("a"), &f->arena, &read));
	assert_text(read.text, "{\"ä\":1}");
	assert_text(read.name, "a");
	assert_string_equal(read.etag, written.etag);
	assert_int_equal(read.version, written.version);
	assert_int_equal(read.create_ms, written.create_ms);
	assert_true(read.create_ms > 1600000000000);
}

static void kinds_do_not_mix(void **state)
{
	struct fixture *f = *state;
	struct store_doc doc;
	assert_ok(store_put(f->store, "k", STR("a"), STR("1"), NULL, NULL));
	assert_fails(store_get(f->store, "other", STR("a"), &f->arena, &doc), ERR_NOT_FOUND, "",
		     "no other \"a\"");
}

static void a_write_changes_the_etag_and_keeps_the_creation(void **state)
{
	struct fixture *f = *state;
	struct store_doc first, second, read;
	assert_ok(store_put(f->store, "k", STR("a"), STR("1"), NULL, &first));
	assert_ok(store_put(f->store, "k", STR("a"), STR("1"), first.etag, &second));
	assert_string_not_equal(first.etag, second.etag);
	assert_true(second.version > first.version);
	assert_int_equal(second.create_ms, first.create_ms);
	assert_ok(store_get(f->store, "k", STR("a"), &f->arena, &read));
	assert_string_equal(read.etag, second.etag);
}

static void a_write_over_an_old_etag_is_stale(void **state)
{
	struct fixture *f = *state;
	struct store_doc first, read;
	assert_ok(store_put(f->store, "k", STR("a"), STR("1"), NULL, &first));
	assert_ok(store_put(f->store, "k", STR("a"), STR("2"), NULL, NULL));
	assert_fails(store_put(f->store, "k", STR("a"), STR("3"), first.etag, NULL), ERR_STALE, "",
		     "read it again");
	assert_ok(store_get(f->store, "k", STR("a"), &f->arena, &read));
	assert_text(read.text, "2");
}

static void conditions_on_presence_hold(void **state)
{
	struct fixture *f = *state;
	assert_fails(store_put(f->store, "k", STR("a"), STR("1"), "7", NULL), ERR_NOT_FOUND, "",
		     "no k \"a\"");
	assert_ok(store_put(f->store, "k", STR("a"), STR("1"), STORE_ETAG_ABSENT, NULL));
	assert_fails(store_put(f->store, "k", STR("a"), STR("2"), STORE_ETAG_ABSENT, NULL),
		     ERR_ALREADY_EXISTS, "", "exists already");
}

static void a_deleted_document_is_gone_and_its_etag_never_comes_back(void **state)
{
	struct fixture *f = *state;
	struct store_doc first, again, read;
	assert_ok(store_put(f->store, "k", STR("a"), STR("1"), NULL, &first));
	assert_fails(store_delete(f->store, "k", STR("a"), "0"), ERR_STALE, "", "has changed");
	assert_ok(store_delete(f->store, "k", STR("a"), first.etag));
	assert_fails(store_get(f->store, "k", STR("a"), &f->arena, &read), ERR_NOT_FOUND, "",
		     "no k");
	assert_fails(store_delete(f->store, "k", STR("a"), NULL), ERR_NOT_FOUND, "", "no k");
	assert_ok(store_put(f->store, "k", STR("a"), STR("1"), NULL, &again));
	assert_string_not_equal(first.etag, again.etag);
}

static void names_without_bytes_or_with_too_many_are_refused(void **state)
{
	struct fixture *f = *state;
	char name[STORE_MAX_KEY + 2];
	memset(name, 'a', sizeof(name));
	assert_fails(store_put(f->store, "k", STR(""), STR("1"), NULL, NULL), ERR_INVALID, "",
		     "1 to 128 bytes");
	assert_fails(store_put(f->store, "k", (struct str){name, STORE_MAX_KEY + 1}, STR("1"), NULL,
			       NULL),
		     ERR_INVALID, "", "1 to 128 bytes");
}

static void hostile_names_are_only_names(void **state)
{
	struct fixture *f = *state;
	struct store_doc doc;
	struct str name = STR("'; DROP TABLE document; --");
	assert_ok(store_put(f->store, "k", name, STR("1"), NULL, NULL));
	assert_ok(store_get(f->store, "k", name, &f->arena, &doc));
	assert_text(doc.text, "1");
}

static void lists_come_in_pages_in_order(void **state)
{
	struct fixture *f = *state;
	static const char *const names[] = {"c", "a", "e", "b", "d"};
	struct store_page page;
	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		assert_ok(store_put(f->store, "k", str_of(names[i]), STR("1"), NULL, NULL));
	assert_ok(store_list(f->store, "k", NULL, 2, &f->arena, &page));
	assert_int_equal(page.count, 2);
	assert_text(page.docs[0].name, "a");
	assert_string_equal(page.next_token, "b");
	assert_ok(store_list(f->store, "k", page.next_token, 3, &f->arena, &page));
	assert_int_equal(page.count, 3);
	assert_text(page.docs[2].name, "e");
	assert_string_equal(page.next_token, "");
	assert_ok(store_list(f->store, "none", NULL, 2, &f->arena, &page));
	assert_int_equal(page.count, 0);
}

/* ---- revisions ---- */

static void revisions_count_from_one_per_name(void **state)
{
	struct fixture *f = *state;
	struct store_doc doc;
	assert_ok(store_add_revision(f->store, "k", STR("a"), STR("1"), &doc));
	assert_int_equal(doc.revision, 1);
	assert_ok(store_add_revision(f->store, "k", STR("a"), STR("2"), &doc));
	assert_int_equal(doc.revision, 2);
	assert_ok(store_add_revision(f->store, "k", STR("b"), STR("3"), &doc));
	assert_int_equal(doc.revision, 1);
	assert_ok(store_get_revision(f->store, "k", STR("a"), 0, &f->arena, &doc));
	assert_text(doc.text, "2");
	assert_ok(store_get_revision(f->store, "k", STR("a"), 1, &f->arena, &doc));
	assert_text(doc.text, "1");
	assert_fails(store_get_revision(f->store, "k", STR("a"), 3, &f->arena, &doc), ERR_NOT_FOUND,
		     "", "has no revision 3");
	assert_fails(store_get_revision(f->store, "k", STR("z"), 0, &f->arena, &doc), ERR_NOT_FOUND,
		     "", "no k \"z\"");
}

static void revisions_list_the_newest_first_and_names_their_latest(void **state)
{
	struct fixture *f = *state;
	struct store_page page;
	for (int i = 0; i < 3; i++)
		assert_ok(store_add_revision(f->store, "k", STR("a"), STR("x"), NULL));
	assert_ok(store_add_revision(f->store, "k", STR("b"), STR("y"), NULL));
	assert_ok(store_list_revisions(f->store, "k", STR("a"), NULL, 2, &f->arena, &page));
	assert_int_equal(page.docs[0].revision, 3);
	assert_string_equal(page.next_token, "2");
	assert_ok(store_list_revisions(f->store, "k", STR("a"), "2", 2, &f->arena, &page));
	assert_int_equal(page.count, 1);
	assert_int_equal(page.docs[0].revision, 1);
	assert_ok(store_list_revisions(f->store, "k", STR(""), NULL, 10, &f->arena, &page));
	assert_int_equal(page.count, 2);
	assert_int_equal(page.docs[0].revision, 3);
	assert_text(page.docs[1].name, "b");
	assert_fails(store_list_revisions(f->store, "k", STR("a"), "x", 2, &f->arena, &page),
		     ERR_INVALID, "", "pageToken \"x\"");
}

/* ---- transactions ---- */

static void a_rolled_back_transaction_leaves_nothing(void **state)
{
	struct fixture *f = *state;
	struct store_doc doc;
	const struct store_log_row *rows;
	size_t count;
	char next[STORE_TOKEN_SIZE];
	assert_ok(store_begin(f->store));
	assert_ok(store_put(f->store, "k", STR("a"), STR("1"), NULL, NULL));
	assert_ok(store_add_revision(f->store, "k", STR("a"), STR("1"), NULL));
	assert_ok(store_append_log(f->store, STR("{}")));
	store_rollback(f->store);
	store_rollback(f->store);
	assert_fails(store_get(f->store, "k", STR("a"), &f->arena, &doc), ERR_NOT_FOUND, "",
		     "no k");
	assert_fails(store_get_revision(f->store, "k", STR("a"), 0, &f->arena, &doc), ERR_NOT_FOUND,
		     "", "no k");
	assert_ok(store_list_log(f->store, NULL, 10, &f->arena, &rows, &count, next));
	assert_int_equal(count, 0);
}

static void a_committed_transaction_is_there_after_reopening(void **state)
{
	struct fixture *f = *state;
	struct store_doc doc;
	assert_ok(store_begin(f->store));
	assert_ok(store_put(f->store, "k", STR("a"), STR("1"), NULL, NULL));
	assert_ok(store_put(f->store, "k", STR("b"), STR("2"), NULL, NULL));
	assert_ok(store_commit(f->store));
	reopen(f);
	assert_ok(store_get(f->store, "k", STR("b"), &f->arena, &doc));
	assert_text(doc.text, "2");
}

static void transactions_do_not_nest(void **state)
{
	struct fixture *f = *state;
	assert_fails(store_commit(f->store), ERR_INTERNAL, "", "commit without begin");
	assert_ok(store_begin(f->store));
	assert_fails(store_begin(f->store), ERR_INTERNAL, "", "a transaction in a transaction");
	store_rollback(f->store);
}

static void what_was_acknowledged_survives_a_kill(void **state)
{
	struct fixture *f = *state;
	struct store_doc doc;
	int ready[2];
	char byte;
	store_close(f->store);
	f->store = NULL;
	assert_int_equal(pipe(ready), 0);
	pid_t child = fork();
	if (child == 0) {
		struct err *e = store_open(engines[0], f->dir, &f->store);
		if (!e)
			e = store_put(f->store, "k", STR("a"), STR("1"), NULL, NULL);
		if (!e)
			e = store_begin(f->store);
		if (!e)
			e = store_put(f->store, "k", STR("b"), STR("2"), NULL, NULL);
		ssize_t put = write(ready[1], e ? "x" : "y", 1);
		for (;;)
			pause();
		_exit(put == 1);
	}
	assert_int_equal(read(ready[0], &byte, 1), 1);
	kill(child, SIGKILL);
	waitpid(child, NULL, 0);
	close(ready[0]);
	close(ready[1]);
	assert_int_equal(byte, 'y');
	assert_ok(store_open(engines[0], f->dir, &f->store));
	assert_ok(store_get(f->store, "k", STR("a"), &f->arena, &doc));
	assert_fails(store_get(f->store, "k", STR("b"), &f->arena, &doc), ERR_NOT_FOUND, "",
		     "no k");
}

/* ---- blobs ---- */

static void digest_of(struct str data, char out[DIGEST_HEX_SIZE])
{
	assert_ok(digest_hex(bytes_of(data.data, data.size), out));
}

static void a_blob_reads_as_it_was_written(void **state)
{
	struct fixture *f = *state;
	OWNED_BUF struct buf read = BUF_INIT(1000);
	struct str data = {"a\0b", 3};
	char digest[DIGEST_HEX_SIZE];
	int64_t size;
	digest_of(data, digest);
	assert_fails(store_stat_blob(f->store, str_of(digest), &size), ERR_NOT_FOUND, "",
		     "no blob");
	assert_ok(store_put_blob(f->store, str_of(digest), bytes_of(data.data, data.size)));
	assert_ok(store_put_blob(f->store, str_of(digest), bytes_of(data.data, data.size)));
	assert_ok(store_stat_blob(f->store, str_of(digest), &size));
	assert_int_equal(size, 3);
	reopen(f);
	assert_ok(store_get_blob(f->store, str_of(digest), &read));
	assert_int_equal(read.size, 3);
	assert_memory_equal(read.data, data.data, 3);
}

static void a_blob_name_that_is_no_digest_is_refused(void **state)
{
	struct fixture *f = *state;
	OWNED_BUF struct buf read = BUF_INIT(1000);
	assert_fails(store_get_blob(f->store, STR("../eim.db"), &read), ERR_INVALID, "",
		     "no SHA-256");
	assert_fails(store_put_blob(f->store, STR("../eim.db"), bytes_of("x", 1)), ERR_INVALID, "",
		     "no SHA-256");
}

static void a_damaged_blob_is_reported(void **state)
{
	struct fixture *f = *state;
	OWNED_BUF struct buf read = BUF_INIT(1000);
	OWNED_BUF struct buf path = BUF_INIT(1000);
	char digest[DIGEST_HEX_SIZE];
	digest_of(STR("right"), digest);
	assert_ok(store_put_blob(f->store, str_of(digest), bytes_of("right", 5)));
	buf_printf(&path, "%s/blobs/%s", f->dir, digest);
	assert_ok(file_replace(buf_text(&path), bytes_of("wrong", 5)));
	assert_fails(store_get_blob(f->store, str_of(digest), &read), ERR_INTERNAL, "",
		     "damaged on disk");
}

/* ---- the log ---- */

static void the_log_reads_the_newest_first_in_pages(void **state)
{
	struct fixture *f = *state;
	static const char *const texts[] = {"1", "2", "3"};
	const struct store_log_row *rows;
	size_t count;
	char next[STORE_TOKEN_SIZE], last[STORE_TOKEN_SIZE];
	for (size_t i = 0; i < ARRAY_SIZE(texts); i++)
		assert_ok(store_append_log(f->store, str_of(texts[i])));
	assert_ok(store_list_log(f->store, NULL, 2, &f->arena, &rows, &count, next));
	assert_int_equal(count, 2);
	assert_text(rows[0].text, "3");
	assert_ok(store_list_log(f->store, next, 2, &f->arena, &rows, &count, last));
	assert_int_equal(count, 1);
	assert_text(rows[0].text, "1");
	assert_string_equal(last, "");
	assert_fails(store_list_log(f->store, "x", 2, &f->arena, &rows, &count, last), ERR_INVALID,
		     "", "pageToken \"x\"");
}

/* ---- opening ---- */

static void an_open_store_takes_writes(void **state)
{
	struct fixture *f = *state;
	assert_ok(store_check(f->store));
	assert_int_equal(store_errors(f->store), 0);
}

static void a_store_in_use_is_refused(void **state)
{
	struct fixture *f = *state;
	struct store *second = NULL;
	assert_fails(store_open(engines[0], f->dir, &second), ERR_FAILED_PRECONDITION, "",
		     "in use by another controller");
}

static void an_unknown_engine_is_refused(void **state)
{
	struct fixture *f = *state;
	struct store *s = NULL;
	assert_fails(store_open("postgresql://db", f->dir, &s), ERR_UNSUPPORTED, "",
		     "store \"postgresql\" is not available");
}

/* SQLite alone: its file keeps the version of the schema at offset 60, big-endian. */
static void a_newer_schema_is_refused(void **state)
{
	struct fixture *f = *state;
	static const uint8_t version[4] = {0, 0, 0, 99};
	char path[80];
	store_close(f->store);
	f->store = NULL;
	snprintf(path, sizeof(path), "%s/eim.db", f->dir);
	OWNED(fd) int fd = -1;
	assert_ok(file_open(path, O_WRONLY, 0, &fd));
	assert_int_equal(pwrite(fd, version, sizeof(version), 60), 4);
	assert_fails(store_open(engines[0], f->dir, &f->store), ERR_FAILED_PRECONDITION, "",
		     "newer version (schema 99");
}

static void leftovers_of_a_cut_short_upload_are_removed(void **state)
{
	struct fixture *f = *state;
	OWNED_BUF struct buf path = BUF_INIT(1000);
	struct stat st;
	buf_printf(&path, "%s/blobs/abc.1.new", f->dir);
	assert_ok(file_replace(buf_text(&path), bytes_of("x", 1)));
	reopen(f);
	assert_int_equal(stat(buf_text(&path), &st), -1);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_document_reads_as_it_was_written),
		TEST(kinds_do_not_mix),
		TEST(a_write_changes_the_etag_and_keeps_the_creation),
		TEST(a_write_over_an_old_etag_is_stale),
		TEST(conditions_on_presence_hold),
		TEST(a_deleted_document_is_gone_and_its_etag_never_comes_back),
		TEST(names_without_bytes_or_with_too_many_are_refused),
		TEST(hostile_names_are_only_names),
		TEST(lists_come_in_pages_in_order),
		TEST(revisions_count_from_one_per_name),
		TEST(revisions_list_the_newest_first_and_names_their_latest),
		TEST(a_rolled_back_transaction_leaves_nothing),
		TEST(a_committed_transaction_is_there_after_reopening),
		TEST(transactions_do_not_nest),
		TEST(what_was_acknowledged_survives_a_kill),
		TEST(a_blob_reads_as_it_was_written),
		TEST(a_blob_name_that_is_no_digest_is_refused),
		TEST(a_damaged_blob_is_reported),
		TEST(the_log_reads_the_newest_first_in_pages),
		TEST(an_open_store_takes_writes),
		TEST(a_store_in_use_is_refused),
		TEST(an_unknown_engine_is_refused),
		TEST(a_newer_schema_is_refused),
		TEST(leftovers_of_a_cut_short_upload_are_removed),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
