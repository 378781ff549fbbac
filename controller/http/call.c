/*
 * One request from its first line to the last byte of its answer, driven by the library's call-backs:
 * open (the raw target), step (headers, pieces of the body, its end, after a resume), completed.
 *
 * [C1] A request that will not be handled still has its body read (and dropped, to a limit): an answer
 *      in the middle of an upload would reach most clients as a reset connection.
 */
#include "controller/http/internal.h"
#include "shared/base/clock.h"
#include "shared/base/log.h"
#include "shared/base/mem.h"
#include "shared/base/near.h"
#include "shared/codec/json.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <strings.h>

/* ---- life ---- */

static void print_peer(struct http_call *c)
{
	const union MHD_ConnectionInfo *info =
		MHD_get_connection_info(c->connection, MHD_CONNECTION_INFO_CLIENT_ADDRESS);
	if (!info || !info->client_addr)
		return;
	const struct sockaddr_in *v4 = (const struct sockaddr_in *)info->client_addr;
	const struct sockaddr_in6 *v6 = (const struct sockaddr_in6 *)info->client_addr;
	bool is_v6 = info->client_addr->sa_family == AF_INET6;
	inet_ntop(info->client_addr->sa_family,
		  is_v6 ? (const void *)&v6->sin6_addr : (const void *)&v4->sin_addr, c->peer,
		  sizeof(c->peer));
}

void *http_call_open(void *server, const char *uri, struct MHD_Connection *connection)
{
	struct http_call *c = mem_zalloc(sizeof(*c));
	if (!c)
		return NULL; /* http_call_step() then cuts the connection */
	c->server = server;
	c->connection = connection;
	c->arena = ARENA_INIT(HTTP_ARENA_MAX);
	c->answer = BUF_INIT(HTTP_MAX_ANSWER);
	c->refused = target_parse(str_of(uri), &c->arena, &c->target);
	c->has_target = !c->refused;
	print_peer(c);
	return c;
}

void http_call_completed(void *server, struct MHD_Connection *connection, void **call,
			 enum MHD_RequestTerminationCode why)
{
	struct http_call *c = *call;
	struct http_server *s = server;
	(void)connection;
	(void)why;
	*call = NULL;
	if (!c)
		return;
	if (c->state == CALL_STREAM && c->stream_gone)
		http_stream_hang_up(c);
	if (s->config.done && c->status)
		s->config.done(s->config.context, c->route, c->status);
	buf_fini(&c->body);
	buf_fini(&c->answer);
	arena_fini(&c->arena);
	err_destroy(c->refused);
	mem_free(c);
}

/* ---- the request ---- */

const struct http_route *http_call_route(const struct http_call *c)
{
	return c->route;
}

struct str http_call_capture(const struct http_call *c, const char *name)
{
	return route_capture(c->route, &c->target, name);
}

const char *http_call_query(const struct http_call *c, const char *name)
{
	return target_parameter(&c->target, name);
}

const char *http_call_header(const struct http_call *c, const char *name)
{
	return MHD_lookup_connection_value(c->connection, MHD_HEADER_KIND, name);
}

struct str http_call_body(const struct http_call *c)
{
	return buf_str(&c->body);
}

const char *http_call_peer(const struct http_call *c)
{
	return c->peer;
}

struct arena *http_call_arena(struct http_call *c)
{
	return &c->arena;
}

struct err *http_call_check_query(const struct http_call *c, const char *const *known, size_t count)
{
	for (size_t i = 0; i < c->target.parameters_count; i++) {
		struct str name = c->target.parameters[i].name;
		struct near near = near_start(name);
		bool found = false;
		for (size_t k = 0; k < count && !found; k++) {
			found = str_is(name, known[k]);
			near_offer(&near, str_of(known[k]));
		}
		struct str best = near_found(&near);
		if (!found && best.size)
			return err_new(ERR_INVALID,
				       "unknown query parameter \"%s\"; did you mean \"%.*s\"?",
				       name.data, STR_FMT(best));
		if (!found)
			return err_new(ERR_INVALID, "unknown query parameter \"%s\"", name.data);
	}
	return NULL;
}

/* ---- the answer ---- */

struct buf *http_call_answer(struct http_call *c, int status, const char *content_type)
{
	c->status = status;
	c->content_type = content_type;
	c->etag[0] = 0;
	buf_clear(&c->answer);
	return &c->answer;
}

void http_call_set_etag(struct http_call *c, struct str etag)
{
	snprintf(c->etag, sizeof(c->etag), "%.*s", STR_FMT(etag));
}

/* Puts error `e` (owned) in the place of the answer. */
static void answer_with_err(struct http_call *c, struct err *e)
{
	OWNED(err) struct err *owned = e;
	int status = err_http(err_code(e));
	if (status >= 500 && status != MHD_HTTP_NOT_IMPLEMENTED)
		log_warn("%s: %s", c->has_target ? c->target.path.data : "-", err_message(e));
	json_print_err(owned, http_call_answer(c, status, HTTP_JSON));
}

static bool etag_is_known(const struct http_call *c)
{
	const char *wanted = http_call_header(c, MHD_HTTP_HEADER_IF_NONE_MATCH);
	char quoted[sizeof(c->etag) + 2];
	if (!wanted || !c->etag[0] || c->status != MHD_HTTP_OK)
		return false;
	snprintf(quoted, sizeof(quoted), "\"%s\"", c->etag);
	return strcmp(wanted, quoted) == 0;
}

static bool put_headers(struct http_call *c, struct MHD_Response *r)
{
	char quoted[sizeof(c->etag) + 2];
	OWNED_BUF struct buf allowed = BUF_INIT(1024);
	bool ok = MHD_add_response_header(r, "X-Content-Type-Options", "nosniff") == MHD_YES &&
		  MHD_add_response_header(r, MHD_HTTP_HEADER_CACHE_CONTROL, "no-store") == MHD_YES;
	if (c->content_type)
		ok &= MHD_add_response_header(r, MHD_HTTP_HEADER_CONTENT_TYPE, c->content_type) ==
		      MHD_YES;
	if (c->etag[0]) {
		snprintf(quoted, sizeof(quoted), "\"%s\"", c->etag);
		ok &= MHD_add_response_header(r, MHD_HTTP_HEADER_ETAG, quoted) == MHD_YES;
	}
	if (c->status == MHD_HTTP_METHOD_NOT_ALLOWED) {
		route_allowed(c->server->config.routes, &c->target, &allowed);
		ok &= MHD_add_response_header(r, MHD_HTTP_HEADER_ALLOW, buf_text(&allowed)) ==
		      MHD_YES;
	}
	return ok;
}

static struct MHD_Response *make_response(struct http_call *c)
{
	if (c->state == CALL_STREAM)
		return http_stream_response(c);
	if (etag_is_known(c)) {
		c->status = MHD_HTTP_NOT_MODIFIED;
		buf_clear(&c->answer);
	}
	if (c->answer.size && c->content_type && strcmp(c->content_type, HTTP_JSON) == 0)
		buf_putc(&c->answer, '\n'); /* for people with curl; no part of the JSON */
	struct MHD_Response *r =
		MHD_create_response_from_buffer_with_free_callback(c->answer.size, c->answer.data,
								   mem_free);
	if (r)
		c->answer = BUF_INIT(HTTP_MAX_ANSWER); /* the response owns its bytes now */
	return r;
}

static enum MHD_Result send_answer(struct http_call *c)
{
	if (c->refused)
		answer_with_err(c, MOVE(c->refused));
	struct err *e = buf_check(&c->answer);
	if (e)
		answer_with_err(c, e);
	if (c->answer.failed)
		return MHD_NO; /* no memory even for the error: cut */
	struct MHD_Response *r = make_response(c);
	if (!r)
		return MHD_NO;
	enum MHD_Result sent = MHD_NO;
	if (put_headers(c, r))
		sent = MHD_queue_response(c->connection, (unsigned)c->status, r);
	MHD_destroy_response(r);
	if (c->state != CALL_STREAM)
		c->state = CALL_SENT;
	return sent;
}

/* ---- steps ---- */

static bool host_is_loopback(struct str host)
{
	static const char *const names[] = {"localhost", "127.0.0.1", "[::1]"};
	struct str name = host, port;
	if (str_starts(host, "[")) {
		const char *end = memchr(host.data, ']', host.size);
		name.size = end ? (size_t)(end - host.data) + 1 : host.size;
	} else {
		str_split(host, ':', &name, &port);
	}
	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		if (str_is(name, names[i]))
			return true;
	return str_starts(name, "127.");
}

/* A page in a browser on this machine can reach the loopback too. It cannot choose its Host and
 * Origin headers, so these tell it from a client. */
static struct err *check_origin(const struct http_call *c)
{
	const char *host = http_call_header(c, MHD_HTTP_HEADER_HOST);
	const char *origin = http_call_header(c, MHD_HTTP_HEADER_ORIGIN);
	if (host && !host_is_loopback(str_of(host)))
		return err_new(ERR_PERMISSION_DENIED,
			       "Host \"%s\" is not this server: use 127.0.0.1 or localhost", host);
	if (!origin)
		return NULL;
	struct str rest = str_of(origin);
	if (host && str_starts(rest, "http://") && str_is(str_from(rest, 7), host))
		return NULL;
	return err_new(ERR_PERMISSION_DENIED, "requests from web pages of %s are refused", origin);
}

static struct err *err_too_large(const struct http_call *c)
{
	return err_new(ERR_TOO_LARGE, "%s %s takes a body of at most %zu bytes", c->route->method,
		       c->route->pattern, c->route->max_body_bytes);
}

static struct err *admit(struct http_call *c, const char *method)
{
	TRY(check_origin(c));
	TRY(route_find(c->server->config.routes, str_of(method), &c->target, &c->route));
	c->body = BUF_INIT(c->route->max_body_bytes);
	const char *length = http_call_header(c, MHD_HTTP_HEADER_CONTENT_LENGTH);
	uint64_t size;
	if (length && (!str_to_u64(str_of(length), &size) || size > c->route->max_body_bytes))
		return err_too_large(c);
	return NULL;
}

/* Headers are complete. A refusal is answered now where the client waits for leave to send. */
static enum MHD_Result begin(struct http_call *c, const char *method)
{
	if (!c->refused)
		c->refused = admit(c, method);
	c->state = CALL_BODY;
	const char *expect = http_call_header(c, MHD_HTTP_HEADER_EXPECT);
	if (c->refused && expect && strcasecmp(expect, "100-continue") == 0)
		return send_answer(c);
	return MHD_YES;
}

static enum MHD_Result take_piece(struct http_call *c, const char *data, size_t size)
{
	if (!c->refused) {
		buf_append(&c->body, data, size);
		if (!c->body.failed)
			return MHD_YES;
		c->refused = c->body.too_large ? err_too_large(c) : err_no_memory();
		buf_fini(&c->body);
	}
	c->discarded += size; /* [C1] */
	return c->discarded <= HTTP_MAX_DISCARDED ? MHD_YES : MHD_NO;
}

static enum MHD_Result handle(struct http_call *c)
{
	c->state = CALL_HANDLED;
	if (!c->refused)
		c->refused = c->route->handler(c->server->config.context, c);
	if (c->state == CALL_HELD) {
		MHD_suspend_connection(c->connection);
		c->suspended = true;
		return MHD_YES;
	}
	return send_answer(c);
}

enum MHD_Result http_call_step(void *server, struct MHD_Connection *connection, const char *url,
			       const char *method, const char *version, const char *upload,
			       size_t *upload_size, void **call)
{
	struct http_call *c = *call;
	(void)server;
	(void)connection;
	(void)url;
	(void)version;
	if (!c)
		return MHD_NO;
	if (c->state == CALL_NEW)
		return begin(c, method);
	if (c->state == CALL_RESUMED)
		return send_answer(c);
	if (*upload_size == 0)
		return handle(c);
	size_t size = *upload_size;
	*upload_size = 0;
	return take_piece(c, upload, size);
}
