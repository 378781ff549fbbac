/*
 * The client against a small server in this process: one thread accepts on loopback, one thread serves
 * each connection. The path says what the server does; /held answers when the test says so.
 */
#include "shared/wire/client.h"

#include "shared/base/mem.h"
#include "tests/unit/test.h"

#include <arpa/inet.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#define MAX_CONNECTIONS 64

static struct {
	int listener, port;
	pthread_t acceptor, servers[MAX_CONNECTIONS];
	int sockets[MAX_CONNECTIONS];
	int accepted;
	char last[8192]; /* the last request, headers and body */
	char url[64];
	pthread_mutex_t lock;
	pthread_cond_t changed;
	int held; /* requests that /held keeps waiting */
	bool release;
} server;

/* ---- the server ---- */

static void say(int fd, const char *text)
{
	size_t size = strlen(text);
	while (size > 0) {
		ssize_t n = send(fd, text, size, MSG_NOSIGNAL);
		if (n <= 0)
			return;
		text += n;
		size -= (size_t)n;
	}
}

static void answer(int fd, const char *status, const char *headers, const char *body)
{
	char head[512];
	snprintf(head, sizeof(head), "HTTP/1.1 %s\r\n%sContent-Length: %zu\r\n\r\n", status,
		 headers, strlen(body));
	say(fd, head);
	say(fd, body);
}

static void serve_big(int fd)
{
	static const char kilobyte[1025] = {[0 ... 1023] = 'x'};
	say(fd, "HTTP/1.1 200 OK\r\nContent-Length: 70000000\r\n\r\n");
	for (int i = 0; i < 70000; i++)
		if (send(fd, kilobyte, 1000, MSG_NOSIGNAL) <= 0)
			return;
}

static void serve_held(int fd)
{
	pthread_mutex_lock(&server.lock);
	server.held++;
	pthread_cond_broadcast(&server.changed);
	while (!server.release)
		pthread_cond_wait(&server.changed, &server.lock);
	pthread_mutex_unlock(&server.lock);
	answer(fd, "200 OK", "", "{\"held\":true}");
}

static void serve_pieces(int fd)
{
	say(fd, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
	say(fd, "4\r\none\n\r\n");
	say(fd, "4\r\ntwo\n\r\n");
	say(fd, "6\r\nthree\n\r\n0\r\n\r\n");
}

static const struct {
	const char *path;
	void (*serve)(int fd);
	const char *status, *headers, *body;
	bool closes;
} routes[] = {
	{"/ok", NULL, "200 OK", "ETag: \"abc\"\r\n", "{\"fine\":1}", false},
	{"/created", NULL, "201 Created", "etag:  W/\"d\"  \r\n", "", false},
	{"/same", NULL, "304 Not Modified", "", "", false},
	{"/moved", NULL, "302 Found", "Location: /ok\r\n", "", false},
	{"/error", NULL, "404 Not Found", "",
	 "{\"error\":{\"code\":404,\"status\":\"NOT_FOUND\",\"message\":\"no policy x\","
	 "\"details\":[{\"path\":\"/name\",\"message\":\"no policy x\"}]}}",
	 false},
	{"/oops", NULL, "500 Internal Server Error", "", "<html>oops</html>", false},
	{"/cut", NULL, "200 OK", "Content-Length: 1000\r\nX-Was: ", "short", true},
	{"/big", serve_big, NULL, NULL, NULL, true},
	{"/held", serve_held, NULL, NULL, NULL, false},
	{"/pieces", serve_pieces, NULL, NULL, NULL, false},
};

/* Reads one request into server.last; its size, or 0 at the end of the connection. */
static size_t read_request(int fd, char *text, size_t max)
{
	size_t size = 0, want = 0;
	for (;;) {
		ssize_t n = recv(fd, text + size, max - size - 1, 0);
		if (n <= 0)
			return 0;
		size += (size_t)n;
		text[size] = 0;
		char *end = strstr(text, "\r\n\r\n");
		if (!end)
			continue;
		char *length = strcasestr(text, "content-length:");
		int64_t body = 0;
		if (length && length < end)
			str_to_i64(str_trim((struct str){length + 15, strcspn(length + 15, "\r")}),
				   &body);
		want = (size_t)(end + 4 - text) + (size_t)body;
		if (size >= want)
			return size;
	}
}

static bool serve_request(int fd, const char *text)
{
	char path[64] = "";
	const char *from = strchr(text, ' ') + 1;
	snprintf(path, sizeof(path), "%.*s", (int)strcspn(from, " ?"), from);
	for (size_t i = 0; i < ARRAY_SIZE(routes); i++) {
		if (strcmp(routes[i].path, path) != 0)
			continue;
		if (routes[i].serve)
			routes[i].serve(fd);
		else
			answer(fd, routes[i].status, routes[i].headers, routes[i].body);
		return !routes[i].closes;
	}
	answer(fd, "400 Bad Request", "", "");
	return true;
}

static void *serve(void *argument)
{
	int fd = *(int *)argument;
	char text[8192];
	bool goes_on = true;
	while (goes_on && read_request(fd, text, sizeof(text))) {
		pthread_mutex_lock(&server.lock);
		memcpy(server.last, text, sizeof(text));
		pthread_mutex_unlock(&server.lock);
		goes_on = serve_request(fd, text);
	}
	shutdown(fd, SHUT_RDWR);
	return NULL;
}

static void *accept_all(void *argument)
{
	(void)argument;
	for (;;) {
		int fd = accept(server.listener, NULL, NULL);
		if (fd < 0 || server.accepted == MAX_CONNECTIONS)
			return NULL;
		pthread_mutex_lock(&server.lock);
		server.sockets[server.accepted] = fd;
		pthread_create(&server.servers[server.accepted], NULL, serve,
			       &server.sockets[server.accepted]);
		server.accepted++;
		pthread_mutex_unlock(&server.lock);
	}
}

static int listen_on_loopback(int *port)
{
	struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
	socklen_t size = sizeof(at);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(bind(fd, (struct sockaddr *)&at, size), 0);
	assert_int_equal(listen(fd, 64), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&at, &size), 0);
	*port = ntohs(at.sin_port);
	return fd;
}

static int server_start(void **state)
{
	(void)state;
	memset(&server, 0, sizeof(server));
	pthread_mutex_init(&server.lock, NULL);
	pthread_cond_init(&server.changed, NULL);
	server.listener = listen_on_loopback(&server.port);
	snprintf(server.url, sizeof(server.url), "http://127.0.0.1:%d/", server.port);
	return pthread_create(&server.acceptor, NULL, accept_all, NULL);
}

static void server_release(void)
{
	pthread_mutex_lock(&server.lock);
	server.release = true;
	pthread_cond_broadcast(&server.changed);
	pthread_mutex_unlock(&server.lock);
}

static int server_held(void)
{
	pthread_mutex_lock(&server.lock);
	int held = server.held;
	pthread_mutex_unlock(&server.lock);
	return held;
}

static int server_stop(void **state)
{
	(void)state;
	server_release();
	shutdown(server.listener, SHUT_RDWR);
	pthread_join(server.acceptor, NULL);
	for (int i = 0; i < server.accepted; i++) {
		shutdown(server.sockets[i], SHUT_RDWR);
		pthread_join(server.servers[i], NULL);
		close(server.sockets[i]);
	}
	close(server.listener);
	return 0;
}

/* ---- helpers of the tests ---- */

static struct client *new_client(void)
{
	struct client *c = NULL;
	assert_ok(client_create(server.url, &c));
	return c;
}

#define GET(where)                       \
	(&(const struct client_request){ \
		.method = "GET",         \
		.path = (where),         \
	})

struct outcome {
	int calls, status;
	char body[64];
	enum err_code code;
	bool failed;
	struct client *again; /* start another call from `done` */
};

static void note(void *context, const struct client_response *response, struct err *e)
{
	struct outcome *o = context;
	struct client *again = MOVE(o->again);
	o->calls++;
	o->failed = e != NULL;
	o->code = e ? err_code(e) : ERR_INTERNAL;
	o->status = response ? response->status : 0;
	snprintf(o->body, sizeof(o->body), "%s", response ? buf_text(&response->body) : "");
	err_destroy(e);
	if (again)
		assert_ok(client_start(again, GET("/ok"), note, o, NULL));
}

static void wait_for(struct client *c, const struct outcome *o, int calls)
{
	while (o->calls < calls)
		assert_ok(client_wait(c, NULL, 0, -1));
}

/* ---- URLs ---- */

static void refuses_plain_http_to_another_machine(void **state)
{
	(void)state;
	struct client *c = NULL;
	static const char *const urls[] = {
		"http://example.org",	 "http://10.0.0.1:8080",	 "http://[::2]:80",
		"http://128.0.0.1:8080", "http://127.0.0.1.example.org", "http://localhost.example",
	};
	for (size_t i = 0; i < ARRAY_SIZE(urls); i++)
		assert_fails(client_create(urls[i], &c), ERR_INVALID, "",
			     "plain http goes to this machine only; use https");
	assert_null(c);
}

static void refuses_what_is_no_url_of_a_server(void **state)
{
	(void)state;
	struct client *c = NULL;
	assert_fails(client_create("", &c), ERR_INVALID, "", "is no URL of a server");
	assert_fails(client_create("127.0.0.1:8080", &c), ERR_INVALID, "", "");
	assert_fails(client_create("http://", &c), ERR_INVALID, "", "is no URL of a server");
	assert_fails(client_create("ftp://127.0.0.1", &c), ERR_INVALID, "",
		     "the scheme is ftp; http and https are known");
	assert_fails(client_create("http://127.0.0.1/?a=b", &c), ERR_INVALID, "",
		     "no user, query or fragment");
	assert_fails(client_create("http://me@127.0.0.1/", &c), ERR_INVALID, "",
		     "no user, query or fragment");
	assert_null(c);
}

static void takes_loopback_by_all_its_names(void **state)
{
	(void)state;
	static const char *const urls[] = {"http://localhost:1", "http://127.9.9.9",
					   "http://[::1]:8080/", "https://example.org"};
	for (size_t i = 0; i < ARRAY_SIZE(urls); i++) {
		OWNED(client) struct client *c = NULL;
		assert_ok(client_create(urls[i], &c));
	}
}

/* ---- one call ---- */

static void returns_status_body_and_etag(void **state)
{
	(void)state;
	OWNED(client) struct client *c = new_client();
	struct client_response r;
	assert_ok(client_call(c, GET("/ok?view=full"), &r));
	assert_int_equal(r.status, 200);
	assert_string_equal(buf_text(&r.body), "{\"fine\":1}");
	assert_string_equal(r.etag, "\"abc\"");
	client_response_fini(&r);
	assert_non_null(strstr(server.last, "GET /ok?view=full HTTP/1.1\r\n"));

	assert_ok(client_call(c, GET("/created"), &r));
	assert_int_equal(r.status, 201);
	assert_string_equal(r.etag, "W/\"d\"");
	client_response_fini(&r);
}

static void sends_method_body_type_and_condition(void **state)
{
	(void)state;
	OWNED(client) struct client *c = new_client();
	struct client_response r;
	struct client_request put = {.method = "PUT",
				     .path = "/ok",
				     .content_type = "application/yaml",
				     .if_match = "\"e1\"",
				     .body = bytes_of("a: 1\n", 5)};
	assert_ok(client_call(c, &put, &r));
	client_response_fini(&r);
	assert_non_null(strstr(server.last, "PUT /ok HTTP/1.1\r\n"));
	assert_non_null(strstr(server.last, "\r\nContent-Type: application/yaml\r\n"));
	assert_non_null(strstr(server.last, "\r\nIf-Match: \"e1\"\r\n"));
	assert_non_null(strstr(server.last, "\r\n\r\na: 1\n"));

	struct client_request post = {.method = "POST", .path = "/ok"};
	assert_ok(client_call(c, &post, &r));
	client_response_fini(&r);
	assert_non_null(strstr(server.last, "\r\nContent-Length: 0\r\n"));
	assert_null(strstr(server.last, "If-Match"));

	struct client_request delete = {.method = "DELETE", .path = "/ok"};
	assert_ok(client_call(c, &delete, &r));
	client_response_fini(&r);
	assert_non_null(strstr(server.last, "DELETE /ok HTTP/1.1\r\n"));

	assert_ok(client_call(c, GET("/ok"), &r));
	client_response_fini(&r);
	assert_non_null(strstr(server.last, "GET /ok HTTP/1.1\r\n"));
	assert_null(strstr(server.last, "Content-"));
}

static void reuses_its_connection(void **state)
{
	(void)state;
	OWNED(client) struct client *c = new_client();
	for (int i = 0; i < 5; i++) {
		struct client_response r;
		assert_ok(client_call(c, GET("/ok"), &r));
		client_response_fini(&r);
	}
	assert_int_equal(server.accepted, 1);
}

static void answers_not_modified_without_an_error(void **state)
{
	(void)state;
	OWNED(client) struct client *c = new_client();
	struct client_response r;
	assert_ok(client_call(c, GET("/same"), &r));
	assert_int_equal(r.status, 304);
	client_response_fini(&r);
}

static void returns_the_error_that_the_body_holds(void **state)
{
	(void)state;
	OWNED(client) struct client *c = new_client();
	struct client_response r;
	assert_fails(client_call(c, GET("/error"), &r), ERR_NOT_FOUND, "/name", "no policy x");
	struct err *e = client_call(c, GET("/oops"), &r);
	assert_non_null(e);
	assert_int_equal(err_http(err_code(e)), 500);
	err_destroy(e);
}

static void does_not_follow_redirects(void **state)
{
	(void)state;
	OWNED(client) struct client *c = new_client();
	struct client_response r;
	assert_fails(client_call(c, GET("/moved"), &r), ERR_INTERNAL, "",
		     "the server answers with status 302");
}

static void names_the_url_where_nobody_listens(void **state)
{
	(void)state;
	int port;
	int fd = listen_on_loopback(&port);
	close(fd);
	char url[64], part[80];
	snprintf(url, sizeof(url), "http://127.0.0.1:%d", port);
	snprintf(part, sizeof(part), "GET %s/ok: ", url);
	OWNED(client) struct client *c = NULL;
	assert_ok(client_create(url, &c));
	struct client_response r;
	assert_fails(client_call(c, GET("/ok"), &r), ERR_UNAVAILABLE, "", part);
}

static void tells_when_the_answer_is_cut_off(void **state)
{
	(void)state;
	OWNED(client) struct client *c = new_client();
	struct client_response r;
	assert_fails(client_call(c, GET("/cut"), &r), ERR_UNAVAILABLE, "", "/cut: ");
}

static void ends_after_its_deadline(void **state)
{
	(void)state;
	OWNED(client) struct client *c = new_client();
	struct client_request request = {.method = "GET", .path = "/held", .timeout_ms = 20};
	struct client_response r;
	assert_fails(client_call(c, &request, &r), ERR_DEADLINE_EXCEEDED, "",
		     "/held: no answer within 20 ms");
}

static void refuses_a_body_past_the_limit(void **state)
{
	(void)state;
	OWNED(client) struct client *c = new_client();
	struct client_response r;
	assert_fails(client_call(c, GET("/big"), &r), ERR_TOO_LARGE, "", "/big: ");
}

static void says_so_when_memory_is_out_and_works_after_it(void **state)
{
	(void)state;
	for (uint64_t nth = 1;; nth++) {
		struct client *c = NULL;
		struct client_response r;
		mem_fail_at(nth);
		struct err *e = client_create(server.url, &c);
		bool created = e == NULL;
		if (created)
			e = client_call(c, GET("/ok"), &r);
		bool failed = mem_failed();
		mem_fail_at(0);
		if (!e)
			client_response_fini(&r);
		client_destroy(c);
		if (!failed) {
			assert_null(e);
			assert_true(nth > 4);
			return;
		}
		assert_non_null(e);
		assert_int_equal(err_code(e), ERR_NO_MEMORY);
		err_destroy(e);
	}
}

/* ---- pieces ---- */

static struct err *gather(void *context, struct bytes data)
{
	buf_append(context, data.data, data.size);
	return NULL;
}

static struct err *refuse(void *context, struct bytes data)
{
	(void)context, (void)data;
	return err_new(ERR_ABORTED, "enough");
}

static void hands_pieces_over_as_they_come(void **state)
{
	(void)state;
	OWNED(client) struct client *c = new_client();
	OWNED_BUF struct buf all = BUF_INIT(1000);
	assert_ok(client_stream(c, GET("/pieces"), gather, &all));
	assert_string_equal(buf_text(&all), "one\ntwo\nthree\n");
}

static void ends_when_a_piece_is_refused(void **state)
{
	(void)state;
	OWNED(client) struct client *c = new_client();
	assert_fails(client_stream(c, GET("/pieces"), refuse, NULL), ERR_ABORTED, "", "enough");
	struct client_response r;
	assert_ok(client_call(c, GET("/ok"), &r));
	client_response_fini(&r);
}

static void keeps_an_errors_body_from_the_pieces(void **state)
{
	(void)state;
	OWNED(client) struct client *c = new_client();
	OWNED_BUF struct buf all = BUF_INIT(1000);
	assert_fails(client_stream(c, GET("/error"), gather, &all), ERR_NOT_FOUND, "/name",
		     "no policy x");
	assert_int_equal(all.size, 0);
}

static struct err *call_inside(void *context, struct bytes data)
{
	(void)data;
	struct client_response r;
	return client_call(context, GET("/ok"), &r);
}

static void refuses_a_blocking_call_from_within_a_piece(void **state)
{
	(void)state;
	OWNED(client) struct client *c = new_client();
	assert_fails(client_stream(c, GET("/pieces"), call_inside, c), ERR_INTERNAL, "",
		     "from within another one's piece");
}

/* ---- many at once ---- */

static void ends_several_calls_in_one_thread(void **state)
{
	(void)state;
	OWNED(client) struct client *c = new_client();
	struct outcome fine = {0}, held = {0}, wrong = {0};
	assert_ok(client_start(c, GET("/held"), note, &held, NULL));
	assert_ok(client_start(c, GET("/ok"), note, &fine, NULL));
	assert_ok(client_start(c, GET("/error"), note, &wrong, NULL));
	wait_for(c, &fine, 1);
	wait_for(c, &wrong, 1);
	assert_int_equal(fine.status, 200);
	assert_string_equal(fine.body, "{\"fine\":1}");
	assert_true(wrong.failed);
	assert_int_equal(wrong.code, ERR_NOT_FOUND);
	assert_int_equal(held.calls, 0);
	server_release();
	wait_for(c, &held, 1);
	assert_string_equal(held.body, "{\"held\":true}");
}

static void starts_a_call_from_the_end_of_another(void **state)
{
	(void)state;
	OWNED(client) struct client *c = new_client();
	struct outcome o = {.again = c};
	assert_ok(client_start(c, GET("/ok"), note, &o, NULL));
	wait_for(c, &o, 2);
	assert_int_equal(o.calls, 2);
	assert_int_equal(o.status, 200);
}

static void wakes_for_a_descriptor_while_a_call_is_held(void **state)
{
	(void)state;
	OWNED(client) struct client *c = new_client();
	struct outcome o = {0};
	int ends[2];
	assert_int_equal(pipe(ends), 0);
	assert_ok(client_start(c, GET("/held"), note, &o, NULL));
	struct pollfd extra = {.fd = ends[0], .events = POLLIN};
	assert_int_equal(write(ends[1], "x", 1), 1);
	assert_ok(client_wait(c, &extra, 1, -1));
	assert_int_equal(extra.revents, POLLIN);
	assert_int_equal(o.calls, 0);

	char c1;
	assert_int_equal(read(ends[0], &c1, 1), 1);
	close(ends[1]);
	assert_ok(client_wait(c, &extra, 1, -1));
	assert_int_equal(extra.revents, POLLHUP);
	close(ends[0]);
}

static void returns_when_the_time_is_over(void **state)
{
	(void)state;
	OWNED(client) struct client *c = new_client();
	struct outcome o = {0};
	assert_ok(client_wait(c, NULL, 0, 0));
	assert_ok(client_start(c, GET("/held"), note, &o, NULL));
	assert_ok(client_wait(c, NULL, 0, 5));
	assert_int_equal(o.calls, 0);
}

static void forgets_a_cancelled_call(void **state)
{
	(void)state;
	OWNED(client) struct client *c = new_client();
	struct outcome held = {0}, fine = {0};
	struct client_call *call = NULL;
	assert_ok(client_start(c, GET("/held"), note, &held, &call));
	assert_ok(client_wait(c, NULL, 0, 0));
	client_cancel(c, call);
	server_release();
	assert_ok(client_start(c, GET("/ok"), note, &fine, NULL));
	wait_for(c, &fine, 1);
	assert_int_equal(held.calls, 0);
}

static void ends_its_calls_silently_when_destroyed(void **state)
{
	(void)state;
	struct client *c = new_client();
	struct outcome o = {0};
	assert_ok(client_start(c, GET("/held"), note, &o, NULL));
	assert_ok(client_start(c, GET("/held"), note, &o, NULL));
	while (server_held() < 2)
		assert_ok(client_wait(c, NULL, 0, 1));
	client_destroy(c);
	assert_int_equal(o.calls, 0);
}

int main(void)
{
#define WITH_SERVER(test) cmocka_unit_test_setup_teardown(test, server_start, server_stop)
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(refuses_plain_http_to_another_machine),
		cmocka_unit_test(refuses_what_is_no_url_of_a_server),
		cmocka_unit_test(takes_loopback_by_all_its_names),
		WITH_SERVER(returns_status_body_and_etag),
		WITH_SERVER(sends_method_body_type_and_condition),
		WITH_SERVER(reuses_its_connection),
		WITH_SERVER(answers_not_modified_without_an_error),
		WITH_SERVER(returns_the_error_that_the_body_holds),
		WITH_SERVER(does_not_follow_redirects),
		cmocka_unit_test(names_the_url_where_nobody_listens),
		WITH_SERVER(tells_when_the_answer_is_cut_off),
		WITH_SERVER(ends_after_its_deadline),
		WITH_SERVER(refuses_a_body_past_the_limit),
		WITH_SERVER(says_so_when_memory_is_out_and_works_after_it),
		WITH_SERVER(hands_pieces_over_as_they_come),
		WITH_SERVER(ends_when_a_piece_is_refused),
		WITH_SERVER(keeps_an_errors_body_from_the_pieces),
		WITH_SERVER(refuses_a_blocking_call_from_within_a_piece),
		WITH_SERVER(ends_several_calls_in_one_thread),
		WITH_SERVER(starts_a_call_from_the_end_of_another),
		WITH_SERVER(wakes_for_a_descriptor_while_a_call_is_held),
		WITH_SERVER(returns_when_the_time_is_over),
		WITH_SERVER(forgets_a_cancelled_call),
		WITH_SERVER(ends_its_calls_silently_when_destroyed),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
