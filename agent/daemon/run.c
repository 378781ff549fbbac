#include "agent/daemon/agent.h"
#include "agent/daemon/prepare.h"
#include "agent/inject/remote.h"

#include "shared/base/clock.h"
#include "shared/base/file.h"
#include "shared/base/log.h"
#include "shared/base/mem.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <sys/signalfd.h>

#define TICK_MS	     50
#define SCAN_NS	     ((uint64_t)200000000)
#define DESIRED_NAME "desired.json"

static void take_response(void *context, const struct wire_sync_response *response, struct str json)
{
	struct agent *a = context;
	if (response->has_policies) {
		struct err *e = deployment_set(a, response);
		if (!e)
			e = cache_put(a->cache, CACHE_DESIRED, DESIRED_NAME,
				      bytes_of(json.data, json.size));
		log_err(LOG_WARN, e, "desired state %lld", (long long)response->generation);
	}
	for (size_t i = 0; i < response->queries_count; i++)
		report_answer(a, &response->queries[i]);
}

static void take_reported(void *context, bool arrived)
{
	report_done(context, arrived);
}

/* The desired state of the last run: hooks come back without a controller. */
static struct err *load_desired(struct agent *a)
{
	OWNED_BUF struct buf text = BUF_INIT((size_t)64 << 20);
	OWNED_ARENA struct arena arena = ARENA_INIT((size_t)256 << 20);
	struct wire_sync_response desired;
	OWNED(err) struct err *absent = cache_get(a->cache, CACHE_DESIRED, DESIRED_NAME, &text);
	if (absent)
		return NULL;
	TRY_DOING(wire_sync_response_parse(buf_str(&text), &arena, &desired),
		  "the last desired state");
	return deployment_set(a, &desired);
}

static struct err *open_sync(struct agent *a, const char *host_name)
{
	const struct options *o = a->options;
	struct sync_options options = {o->controller, host_name, o->labels, o->labels_count, 0};
	struct sync_events events = {take_response, take_reported, a};
	return sync_create(&options, events, &a->sync);
}

static struct err *open_all(struct agent *a)
{
	char host_name[256];
	if (gethostname(host_name, sizeof(host_name)) != 0)
		return err_sys(errno, "host name");
	TRY(prepare_find_compiler(&a->compiler));
	TRY_DOING(cache_open(a->options->state, &a->cache), "--state");
	TRY(report_create(a, &a->report));
	TRY(open_sync(a, a->options->host_name ? a->options->host_name : host_name));
	log_err(LOG_WARN, carrier_recover(a), "recover");
	log_err(LOG_WARN, load_desired(a), "start without it");
	return NULL;
}

static void close_all(struct agent *a)
{
	carrier_remove_all(a);
	deployment_destroy_all(a);
	report_destroy(a->report);
	sync_destroy(a->sync);
	cache_close(a->cache);
	mem_free(a->compiler);
}

static struct err *block_signals(int *out)
{
	sigset_t set;
	sigemptyset(&set);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGTERM);
	sigprocmask(SIG_BLOCK, &set, NULL);
	signal(SIGPIPE, SIG_IGN);
	*out = signalfd(-1, &set, SFD_CLOEXEC);
	return *out < 0 ? err_sys(errno, "signalfd") : NULL;
}

/* One round: what is wanted is prepared, what runs is looked at, every process is brought nearer. */
static struct err *turn(struct agent *a, uint64_t now_ns)
{
	remote_tend();
	deployment_prepare(a, now_ns);
	TRY(carrier_scan(a));
	TRY(carrier_reconcile(a, now_ns));
	deployment_collect(a);
	return NULL;
}

static struct err *loop(struct agent *a, int signals)
{
	uint64_t scan_at_ns = 0;
	int64_t generation = -1;
	for (;;) {
		struct pollfd fds[] = {{signals, POLLIN, 0}};
		uint64_t now_ns = clock_mono_ns();
		if (now_ns >= scan_at_ns || generation != a->generation) {
			log_err(LOG_WARN, turn(a, now_ns), "this round");
			generation = a->generation;
			scan_at_ns = now_ns + SCAN_NS;
		}
		log_err(LOG_WARN, report_step(a, now_ns), "report");
		TRY(sync_wait(a->sync, fds, 1, TICK_MS));
		if (fds[0].revents)
			return NULL;
	}
}

struct err *agent_run(const struct options *options)
{
	struct agent a = {.options = options};
	OWNED(fd) int signals = -1;
	struct err *e = block_signals(&signals);
	if (!e)
		e = open_all(&a);
	if (!e)
		e = loop(&a, signals);
	close_all(&a);
	return e;
}
