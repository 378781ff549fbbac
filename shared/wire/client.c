/*
 * One HTTP client over libcurl. Problem: commands want one call and its answer; an agent holds a long
 * poll open and wants to watch its own descriptors meanwhile; events arrive piece by piece. All from
 * one thread.
 *
 * Idea: a call is an easy handle with what it gathers. Blocking calls reuse one handle, so that they
 * reuse its connection; started calls live on a multi handle that client_wait() moves on.
 *
 *	client ── blocking: CURL (reset between calls, keeps its connections)
 *	   └──── multi: CURLM ── started calls ⇄ … (doubly linked)
 *
 * [I1] A started call is in the list exactly while its handle is in the multi handle.
 * [I2] `done` is called after its call has left both, so it may start, cancel and call freely.
 * [I3] What is of a response goes to `body` or to `piece`, never both: errors (400 and more) always
 *      to `body`.
 */
#include "shared/wire/client.h"

#include "shared/base/clock.h"
#include "shared/base/mem.h"
#include "shared/codec/json.h"

#include <arpa/inet.h>
#include <curl/curl.h>
#include <strings.h>

#define CLIENT_CONNECT_TIMEOUT_MS 10000L
#define CLIENT_WAIT_SLICE_MS	  60000

struct client_call {
	struct client_call *previous, *next; /* of the client's started calls */
	CURL *easy;			     /* owned by started calls, else the client's */
	struct curl_slist *headers;
	char *url;
	char method[8];
	long timeout_ms;
	struct client_response response;
	struct err *failure; /* of `piece` or the limit: why we cut the transfer off */
	struct err *(*piece)(void *context, struct bytes data);
	void (*done)(void *context, const struct client_response *response, struct err *e);
	void *context;
	char reason[CURL_ERROR_SIZE];
};

struct client {
	CURLM *multi;
	CURL *blocking;
	bool is_blocked; /* a blocking call is under way */
	bool is_loopback;
	char *base; /* without a slash at its end */
	struct client_call *first;
	struct curl_waitfd *extra; /* scratch of client_wait() */
	unsigned extra_capacity;
};

void client_response_fini(struct client_response *r)
{
	buf_fini(&r->body);
}

/* ---- the server's URL ---- */

static bool is_loopback(const char *host)
{
	struct in_addr v4;
	if (inet_pton(AF_INET, host, &v4) == 1)
		return (ntohl(v4.s_addr) >> 24) == 127;
	return strcmp(host, "[::1]") == 0 || strcmp(host, "localhost") == 0;
}

static void url_part_free(char *part)
{
	curl_free(part);
}
OWN_DEFINE(url_part, char *, url_part_free)
OWN_DEFINE(url, CURLU *, curl_url_cleanup)

static bool has_part(CURLU *url, CURLUPart part)
{
	OWNED(url_part) char *text = NULL;
	return curl_url_get(url, part, &text, 0) == CURLUE_OK;
}

static struct err *url_check(const char *base_url, bool *loopback)
{
	OWNED(url) CURLU *url = curl_url();
	OWNED(url_part) char *scheme = NULL;
	OWNED(url_part) char *host = NULL;
	TRY_MEMORY(url);
	if (curl_url_set(url, CURLUPART_URL, base_url, CURLU_NON_SUPPORT_SCHEME) != CURLUE_OK ||
	    curl_url_get(url, CURLUPART_SCHEME, &scheme, 0) != CURLUE_OK ||
	    curl_url_get(url, CURLUPART_HOST, &host, 0) != CURLUE_OK)
		return err_new(ERR_INVALID,
			       "\"%s\" is no URL of a server; give http://127.0.0.1:8080 or "
			       "https://HOST:PORT",
			       base_url);
	if (strcmp(scheme, "http") != 0 && strcmp(scheme, "https") != 0)
		return err_new(ERR_INVALID, "%s: the scheme is %s; http and https are known",
			       base_url, scheme);
	if (has_part(url, CURLUPART_QUERY) || has_part(url, CURLUPART_FRAGMENT) ||
	    has_part(url, CURLUPART_USER))
		return err_new(
			ERR_INVALID,
			"%s: a server's URL has no user, query or fragment; end it after the port",
			base_url);
	*loopback = is_loopback(host);
	if (strcmp(scheme, "http") == 0 && !*loopback)
		return err_new(ERR_INVALID,
			       "%s: plain http goes to this machine only; use https for %s",
			       base_url, host);
	return NULL;
}

/* ---- life ---- */

struct err *client_create(const char *base_url, struct client **out)
{
	bool loopback = false;
	TRY(url_check(base_url, &loopback));
	if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
		return err_new(ERR_INTERNAL, "libcurl does not start");
	OWNED(client) struct client *c = mem_zalloc(sizeof(*c));
	if (!c) {
		curl_global_cleanup();
		return err_no_memory();
	}
	size_t size = strlen(base_url);
	while (size > 0 && base_url[size - 1] == '/')
		size--;
	c->is_loopback = loopback;
	c->base = mem_copy_text(base_url, size);
	c->multi = curl_multi_init();
	c->blocking = curl_easy_init();
	if (!c->base || !c->multi || !c->blocking)
		return err_no_memory();
	*out = MOVE(c);
	return NULL;
}

/* Frees what a call gathered; its handle too where it is its own. */
static void call_fini(struct client *c, struct client_call *call)
{
	if (call->easy && call->easy != c->blocking)
		curl_easy_cleanup(call->easy);
	curl_slist_free_all(call->headers);
	err_destroy(call->failure);
	client_response_fini(&call->response);
	mem_free(call->url);
}

/* [I1] */
static void call_link(struct client *c, struct client_call *call)
{
	call->next = c->first;
	if (c->first)
		c->first->previous = call;
	c->first = call;
}

static void call_unlink(struct client *c, struct client_call *call)
{
	curl_multi_remove_handle(c->multi, call->easy);
	if (call->previous)
		call->previous->next = call->next;
	else
		c->first = call->next;
	if (call->next)
		call->next->previous = call->previous;
	call->previous = call->next = NULL;
}

void client_cancel(struct client *c, struct client_call *call)
{
	call_unlink(c, call);
	call_fini(c, call);
	mem_free(call);
}

void client_destroy(struct client *c)
{
	if (!c)
		return;
	while (c->first)
		client_cancel(c, c->first);
	curl_easy_cleanup(c->blocking);
	curl_multi_cleanup(c->multi);
	mem_free(c->base);
	mem_free(c->extra);
	mem_free(c);
	curl_global_cleanup();
}

/* ---- what arrives ---- */

/* [I3] */
static size_t on_body(char *data, size_t unit, size_t count, void *context)
{
	struct client_call *call = context;
	size_t size = unit * count;
	long status = 0;
	curl_easy_getinfo(call->easy, CURLINFO_RESPONSE_CODE, &status);
	if (call->piece && status < 400) {
		call->failure = call->piece(call->context, bytes_of(data, size));
		return call->failure ? 0 : size;
	}
	buf_append(&call->response.body, data, size);
	call->failure = buf_check(&call->response.body);
	return call->failure ? 0 : size;
}

/* Keeps the last response's ETag; one that does not fit is as good as none. */
static size_t on_header(char *data, size_t unit, size_t count, void *context)
{
	struct client_call *call = context;
	struct str name, value;
	struct str line = {data, unit * count};
	char *etag = call->response.etag;
	if (str_starts(line, "HTTP/"))
		etag[0] = 0;
	if (!str_split(line, ':', &name, &value) || name.size != 4 ||
	    strncasecmp(name.data, "etag", 4) != 0)
		return line.size;
	value = str_trim(value);
	if (value.size < sizeof(call->response.etag)) {
		memcpy(etag, value.data, value.size);
		etag[value.size] = 0;
	}
	return line.size;
}

/* ---- one call, from the request to its answer ---- */

static struct err *add_header(struct client_call *call, const char *name, const char *value)
{
	OWNED_BUF struct buf line = BUF_INIT(4096);
	buf_printf(&line, "%s: %s", name, value);
	TRY(buf_check(&line));
	struct curl_slist *more = curl_slist_append(call->headers, buf_text(&line));
	TRY_MEMORY(more);
	call->headers = more;
	return NULL;
}

static struct err *set_headers(struct client_call *call, const struct client_request *request)
{
	/* libcurl asks before it sends a large body; the round trip gains nothing here. */
	struct curl_slist *first = curl_slist_append(NULL, "Expect:");
	TRY_MEMORY(first);
	call->headers = first;
	TRY(add_header(call, "Accept", "application/json"));
	if (request->body.size)
		TRY(add_header(call, "Content-Type",
			       request->content_type ? request->content_type : "application/json"));
	if (request->if_match)
		TRY(add_header(call, "If-Match", request->if_match));
	return NULL;
}

static bool may_have_body(const char *method)
{
	return strcmp(method, "GET") != 0 && strcmp(method, "HEAD") != 0;
}

static bool set_request(struct client_call *call, const struct client_request *request)
{
	CURL *easy = call->easy;
	bool ok = curl_easy_setopt(easy, CURLOPT_URL, call->url) == CURLE_OK &&
		  curl_easy_setopt(easy, CURLOPT_HTTPHEADER, call->headers) == CURLE_OK;
	if (request->body.size || may_have_body(request->method)) {
		const void *body = request->body.size ? (const void *)request->body.data : "";
		ok = ok &&
		     curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE,
				      (curl_off_t)request->body.size) == CURLE_OK &&
		     curl_easy_setopt(easy, CURLOPT_POSTFIELDS, body) == CURLE_OK;
	}
	if (strcmp(request->method, "HEAD") == 0)
		ok = ok && curl_easy_setopt(easy, CURLOPT_NOBODY, 1L) == CURLE_OK;
	return ok && curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, request->method) == CURLE_OK;
}

static bool set_ways(const struct client *c, struct client_call *call)
{
	CURL *easy = call->easy;
	bool ok = curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https") == CURLE_OK &&
		  curl_easy_setopt(easy, CURLOPT_USERAGENT, "eim/" EIM_VERSION) == CURLE_OK &&
		  curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L) == CURLE_OK &&
		  curl_easy_setopt(easy, CURLOPT_PATH_AS_IS, 1L) == CURLE_OK &&
		  curl_easy_setopt(easy, CURLOPT_TCP_KEEPALIVE, 1L) == CURLE_OK &&
		  curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, CLIENT_CONNECT_TIMEOUT_MS) ==
			  CURLE_OK &&
		  curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, call->timeout_ms) == CURLE_OK;
	/* A proxy for the outside knows nothing of this machine's loopback. */
	if (c->is_loopback)
		ok = ok && curl_easy_setopt(easy, CURLOPT_PROXY, "") == CURLE_OK;
	return ok;
}

static bool set_receivers(struct client_call *call)
{
	CURL *easy = call->easy;
	return curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_body) == CURLE_OK &&
	       curl_easy_setopt(easy, CURLOPT_WRITEDATA, call) == CURLE_OK &&
	       curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, on_header) == CURLE_OK &&
	       curl_easy_setopt(easy, CURLOPT_HEADERDATA, call) == CURLE_OK &&
	       curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, call->reason) == CURLE_OK &&
	       curl_easy_setopt(easy, CURLOPT_PRIVATE, call) == CURLE_OK;
}

/* Fills `call`, whose `easy` is set; on failure the caller still calls call_fini(). */
static struct err *call_prepare(struct client *c, struct client_call *call,
				const struct client_request *request)
{
	OWNED_BUF struct buf url = BUF_INIT((size_t)64 << 10);
	call->response.body = BUF_INIT(CLIENT_MAX_BODY);
	call->timeout_ms = request->timeout_ms;
	snprintf(call->method, sizeof(call->method), "%s", request->method);
	buf_printf(&url, "%s%s", c->base, request->path);
	TRY(buf_check(&url));
	call->url = buf_take(&url);
	TRY_MEMORY(call->url);
	TRY(set_headers(call, request));
	if (!set_request(call, request) || !set_ways(c, call) || !set_receivers(call))
		return err_no_memory();
	return NULL;
}

static struct err *transport_err(struct client_call *call, CURLcode code)
{
	const char *why = call->reason[0] ? call->reason : curl_easy_strerror(code);
	if (call->failure)
		return err_doing(MOVE(call->failure), "%s %s", call->method, call->url);
	if (code == CURLE_OUT_OF_MEMORY)
		return err_no_memory();
	if (code == CURLE_URL_MALFORMAT)
		return err_new(ERR_INVALID, "%s %s: no URL: %s", call->method, call->url, why);
	if (code == CURLE_OPERATION_TIMEDOUT && call->timeout_ms)
		return err_new(ERR_DEADLINE_EXCEEDED, "%s %s: no answer within %ld ms",
			       call->method, call->url, call->timeout_ms);
	return err_new(ERR_UNAVAILABLE, "%s %s: %s", call->method, call->url, why);
}

/* What became of a call that libcurl has ended with `code`. */
static struct err *call_end(struct client_call *call, CURLcode code)
{
	long status = 0;
	if (code != CURLE_OK)
		return transport_err(call, code);
	curl_easy_getinfo(call->easy, CURLINFO_RESPONSE_CODE, &status);
	if (status >= 400)
		return json_parse_err(buf_str(&call->response.body), (int)status);
	if ((status < 200 || status > 299) && status != 304)
		return err_new(ERR_INTERNAL, "%s %s: the server answers with status %ld",
			       call->method, call->url, status);
	call->response.status = (int)status;
	return NULL;
}

/* ---- blocking ---- */

static struct err *call_blocking(struct client *c, struct client_call *call,
				 const struct client_request *request)
{
	call->easy = c->blocking;
	curl_easy_reset(c->blocking);
	TRY(call_prepare(c, call, request));
	c->is_blocked = true;
	CURLcode code = curl_easy_perform(c->blocking);
	c->is_blocked = false;
	return call_end(call, code);
}

static struct err *blocking_check(const struct client *c)
{
	if (!c->is_blocked)
		return NULL;
	return err_new(ERR_INTERNAL, "a blocking call was made from within another one's piece");
}

struct err *client_call(struct client *c, const struct client_request *request,
			struct client_response *out)
{
	TRY(blocking_check(c));
	struct client_call call = {0};
	struct err *e = call_blocking(c, &call, request);
	if (!e) {
		*out = call.response;
		call.response.body = BUF_INIT(0);
	}
	call_fini(c, &call);
	return e;
}

struct err *client_stream(struct client *c, const struct client_request *request,
			  struct err *(*piece)(void *context, struct bytes data), void *context)
{
	TRY(blocking_check(c));
	struct client_call call = {.piece = piece, .context = context};
	struct err *e = call_blocking(c, &call, request);
	call_fini(c, &call);
	return e;
}

/* ---- many at once ---- */

static struct err *call_begin(struct client *c, struct client_call *call,
			      const struct client_request *request)
{
	call->easy = curl_easy_init();
	TRY_MEMORY(call->easy);
	TRY(call_prepare(c, call, request));
	if (curl_multi_add_handle(c->multi, call->easy) != CURLM_OK)
		return err_no_memory();
	call_link(c, call);
	return NULL;
}

struct err *client_start(struct client *c, const struct client_request *request,
			 void (*done)(void *context, const struct client_response *response,
				      struct err *e),
			 void *context, struct client_call **out)
{
	struct client_call *call = mem_zalloc(sizeof(*call));
	TRY_MEMORY(call);
	call->done = done;
	call->context = context;
	struct err *e = call_begin(c, call, request);
	if (e) {
		call_fini(c, call);
		mem_free(call);
		return e;
	}
	if (out)
		*out = call;
	return NULL;
}

/* [I2] */
static void call_finish(struct client *c, CURL *easy, CURLcode code)
{
	struct client_call *call = NULL;
	curl_easy_getinfo(easy, CURLINFO_PRIVATE, (char **)&call);
	call_unlink(c, call);
	struct err *e = call_end(call, code);
	call->done(call->context, e ? NULL : &call->response, e);
	call_fini(c, call);
	mem_free(call);
}

/* Moves all calls on as far as they go now; *ended says whether one ended. */
static struct err *move_on(struct client *c, bool *ended)
{
	int running, left;
	CURLMcode code = curl_multi_perform(c->multi, &running);
	if (code != CURLM_OK)
		return err_new(ERR_INTERNAL, "libcurl: %s", curl_multi_strerror(code));
	for (CURLMsg *m; (m = curl_multi_info_read(c->multi, &left));) {
		if (m->msg != CURLMSG_DONE)
			continue;
		*ended = true;
		call_finish(c, m->easy_handle, m->data.result);
	}
	return NULL;
}

static short curl_events(short events)
{
	return (short)((events & POLLIN ? CURL_WAIT_POLLIN : 0) |
		       (events & POLLPRI ? CURL_WAIT_POLLPRI : 0) |
		       (events & POLLOUT ? CURL_WAIT_POLLOUT : 0));
}

static struct err *extra_fill(struct client *c, const struct pollfd *extra, unsigned count)
{
	if (count > c->extra_capacity) {
		struct curl_waitfd *more = mem_resize_array(c->extra, count, sizeof(*more));
		TRY_MEMORY(more);
		c->extra = more;
		c->extra_capacity = count;
	}
	for (unsigned i = 0; i < count; i++)
		c->extra[i] = (struct curl_waitfd){.fd = extra[i].fd,
						   .events = curl_events(extra[i].events)};
	return NULL;
}

/* libcurl's own answer about our descriptors leaves hang-ups out, so they are asked once more. */
static bool extra_ready(struct pollfd *extra, unsigned count)
{
	return count && poll(extra, count, 0) > 0;
}

static int slice_ms(uint64_t deadline_ns, bool forever)
{
	uint64_t now = clock_mono_ns();
	if (forever)
		return CLIENT_WAIT_SLICE_MS;
	if (now >= deadline_ns)
		return 0;
	return (int)MIN((deadline_ns - now + 999999) / 1000000, (uint64_t)CLIENT_WAIT_SLICE_MS);
}

struct err *client_wait(struct client *c, struct pollfd *extra, unsigned count, int timeout_ms)
{
	bool forever = timeout_ms < 0, ended = false;
	uint64_t deadline_ns = clock_mono_ns() + (forever ? 0 : (uint64_t)timeout_ms) * 1000000u;
	for (;;) {
		TRY(move_on(c, &ended));
		int wait_ms = slice_ms(deadline_ns, forever);
		if (extra_ready(extra, count) || ended || wait_ms == 0)
			return NULL;
		TRY(extra_fill(c, extra, count));
		CURLMcode code = curl_multi_poll(c->multi, c->extra, count, wait_ms, NULL);
		if (code != CURLM_OK)
			return err_new(ERR_INTERNAL, "libcurl: %s", curl_multi_strerror(code));
	}
}
