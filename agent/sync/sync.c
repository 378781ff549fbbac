#include "agent/sync/sync.h"

#include "shared/base/clock.h"
#include "shared/base/file.h"
#include "shared/base/log.h"
#include "shared/base/mem.h"
#include "shared/bpf/btf_file.h"
#include "shared/crypto/digest.h"

#include <stdio.h>
#include <sys/random.h>

#define REPORT_TIMEOUT_MS 30000
#define HOLD_SLACK_MS	  10000
#define BLOB_TIMEOUT_MS	  60000
#define REQUEST_MAX	  ((size_t)32 << 20)

struct sync {
	struct client *client;
	struct sync_options options;
	struct sync_events events;
	char path[256];
	char boot_id[64];
	int64_t generation;
	struct client_call *held;
	bool is_reporting, is_connected, was_told;
	uint64_t retry_at_ns; /* no held request before this */
	uint32_t pause_ms;
	struct buf held_body, report_body; /* borrowed by calls under way */
};

static void read_boot_id(char *out, size_t size)
{
	OWNED_BUF struct buf text = BUF_INIT(4096);
	OWNED(err) struct err *e = file_read("/proc/sys/kernel/random/boot_id", &text);
	struct str id = str_trim(buf_str(&text));
	snprintf(out, size, "%.*s", e ? 0 : (int)MIN(id.size, size - 1), id.data);
}

struct err *sync_create(const struct sync_options *options, struct sync_events events,
			struct sync **out)
{
	OWNED(sync) struct sync *s = mem_zalloc(sizeof(*s));
	TRY_MEMORY(s);
	s->options = *options;
	s->events = events;
	s->generation = options->generation;
	s->pause_ms = SYNC_PAUSE_MIN_MS;
	s->held_body = s->report_body = BUF_INIT(REQUEST_MAX);
	int size = snprintf(s->path, sizeof(s->path), "/v1/hosts/%s:sync", options->host_name);
	if (size < 0 || (size_t)size >= sizeof(s->path))
		return err_new(ERR_INVALID, "--host-name is longer than 200 bytes");
	read_boot_id(s->boot_id, sizeof(s->boot_id));
	TRY_DOING(client_create(options->controller, &s->client), "--controller");
	*out = MOVE(s);
	return NULL;
}

void sync_destroy(struct sync *s)
{
	if (!s)
		return;
	client_destroy(s->client);
	buf_fini(&s->held_body);
	buf_fini(&s->report_body);
	mem_free(s);
}

bool sync_is_reporting(const struct sync *s)
{
	return s->is_reporting;
}

bool sync_is_connected(const struct sync *s)
{
	return s->is_connected;
}

/* ---- how it went ---- */

static void went_well(struct sync *s)
{
	if (!s->is_connected)
		log_info("connected to %s", s->options.controller);
	s->is_connected = true;
	s->was_told = false;
	s->pause_ms = SYNC_PAUSE_MIN_MS;
	s->retry_at_ns = 0;
}

/* The pause doubles; half of it is chance, so that agents do not come back all at once. */
static void went_wrong(struct sync *s, struct err *e)
{
	uint32_t chance = 0;
	if (getrandom(&chance, sizeof(chance), GRND_NONBLOCK) != sizeof(chance))
		chance = (uint32_t)clock_mono_ns();
	uint32_t pause_ms = s->pause_ms / 2 + chance % (s->pause_ms / 2 + 1);
	s->retry_at_ns = clock_mono_ns() + (uint64_t)pause_ms * 1000000;
	s->pause_ms = MIN(s->pause_ms * 2, SYNC_PAUSE_MAX_MS);
	log_err(s->was_told ? LOG_DEBUG : LOG_WARN, e, "no sync with %s", s->options.controller);
	s->is_connected = false;
	s->was_told = true;
}

static struct err *take_response(struct sync *s, const struct client_response *response)
{
	OWNED_ARENA struct arena arena = ARENA_INIT((size_t)256 << 20);
	struct wire_sync_response message;
	if (response->status == 204 || response->body.size == 0)
		return NULL;
	TRY(wire_sync_response_parse(buf_str(&response->body), &arena, &message));
	if (message.has_policies)
		s->generation = message.generation;
	s->events.response(s->events.context, &message, buf_str(&response->body));
	return NULL;
}

static bool finish(struct sync *s, const struct client_response *response, struct err *e)
{
	if (!e)
		e = take_response(s, response);
	if (e) {
		went_wrong(s, e);
		return false;
	}
	went_well(s);
	return true;
}

/* ---- the held request ---- */

static void held_done(void *context, const struct client_response *response, struct err *e)
{
	struct sync *s = context;
	s->held = NULL;
	finish(s, response, e);
}

static void fill(const struct sync *s, struct wire_sync_request *m)
{
	m->agent_version = STR(EIM_VERSION);
	m->boot_id = str_of(s->boot_id);
	m->generation = s->generation;
	m->labels = s->options.labels;
	m->labels_count = s->options.labels_count;
}

static struct err *hold(struct sync *s)
{
	struct wire_sync_request m = {.hold_s = WIRE_HOLD_MAX_S};
	fill(s, &m);
	buf_clear(&s->held_body);
	wire_sync_request_print(&m, &s->held_body);
	TRY(buf_check(&s->held_body));
	struct client_request request = {.method = "POST",
					 .path = s->path,
					 .body = buf_bytes(&s->held_body),
					 .timeout_ms = WIRE_HOLD_MAX_S * 1000 + HOLD_SLACK_MS};
	return client_start(s->client, &request, held_done, s, &s->held);
}

struct err *sync_wait(struct sync *s, struct pollfd *extra, unsigned count, int timeout_ms)
{
	uint64_t now = clock_mono_ns();
	if (!s->held && now >= s->retry_at_ns)
		TRY(hold(s));
	if (!s->held) {
		uint64_t pause_ms = (s->retry_at_ns - now) / 1000000 + 1;
		timeout_ms = (int)MIN((uint64_t)timeout_ms, pause_ms);
	}
	return client_wait(s->client, extra, count, timeout_ms);
}

/* ---- reports ---- */

static void report_done(void *context, const struct client_response *response, struct err *e)
{
	struct sync *s = context;
	s->is_reporting = false;
	s->events.reported(s->events.context, finish(s, response, e));
}

struct err *sync_report(struct sync *s, const struct wire_sync_request *status)
{
	struct wire_sync_request m = *status;
	if (s->is_reporting)
		return err_new(ERR_FAILED_PRECONDITION, "a report is under way");
	fill(s, &m);
	buf_clear(&s->report_body);
	wire_sync_request_print(&m, &s->report_body);
	TRY(buf_check(&s->report_body));
	struct client_request request = {.method = "POST",
					 .path = s->path,
					 .body = buf_bytes(&s->report_body),
					 .timeout_ms = REPORT_TIMEOUT_MS};
	TRY(client_start(s->client, &request, report_done, s, NULL));
	s->is_reporting = true;
	return NULL;
}

/* ---- blobs ---- */

static struct err *fetch(struct sync *s, const char *path, struct buf *out)
{
	struct client_request request = {.method = "GET",
					 .path = path,
					 .timeout_ms = BLOB_TIMEOUT_MS};
	struct client_response response;
	TRY(client_call(s->client, &request, &response));
	buf_add(out, buf_str(&response.body));
	client_response_fini(&response);
	return buf_check(out);
}

struct err *sync_fetch_blob(struct sync *s, struct str digest, struct buf *out)
{
	char path[256], hex[DIGEST_HEX_SIZE];
	OWNED_BUF struct buf blob = BUF_INIT(CLIENT_MAX_BODY);
	if (!digest_is_hex(digest))
		return err_new(ERR_INVALID, "\"%.*s\" is no SHA-256", STR_FMT(digest));
	snprintf(path, sizeof(path), "/v1/blobs/sha256/%.*s", STR_FMT(digest));
	TRY(fetch(s, path, &blob));
	TRY(digest_hex(buf_bytes(&blob), hex));
	if (!str_is(digest, hex))
		return err_new(ERR_INVALID, "the controller sent other content for blob %.*s",
			       STR_FMT(digest));
	buf_add(out, buf_str(&blob));
	return buf_check(out);
}

struct err *sync_fetch_btf(struct sync *s, struct str build_id, struct buf *out)
{
	char path[256];
	if (!btf_file_is_id(build_id))
		return err_new(ERR_NOT_FOUND, "\"%.*s\" is no build id", STR_FMT(build_id));
	snprintf(path, sizeof(path), "/v1/btf/%.*s", STR_FMT(build_id));
	return fetch(s, path, out);
}
