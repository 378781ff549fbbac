/*
 * GET /v1/events:tail: events as lines of JSON, those that are kept and then, with follow=true, what
 * comes. A reader that is too slow loses lines; before the next line that it gets, {"dropped":N} tells
 * it how many.
 */
#include "controller/api/common.h"
#include "controller/model/name.h"

#include <stdio.h>

struct tail { /* in the call's arena */
	struct events *events;
	struct http_call *call;
	struct events_listener listener;
	uint64_t left;	  /* lines to go */
	uint64_t dropped; /* lines since the last one that had room */
	bool joined;
};

static void leave(struct tail *t)
{
	if (t->joined)
		events_leave(t->events, &t->listener);
	t->joined = false;
}

static bool tell_dropped(struct tail *t)
{
	char line[48];
	if (t->dropped == 0)
		return true;
	int size = snprintf(line, sizeof(line), "{\"dropped\":%llu}\n",
			    (unsigned long long)t->dropped);
	if (!http_stream_write(t->call, (struct str){line, (size_t)size}))
		return false;
	t->dropped = 0;
	return true;
}

static bool write_line(struct tail *t, struct str line)
{
	if (tell_dropped(t) && http_stream_write(t->call, line)) {
		t->left--;
		return true;
	}
	t->dropped++;
	return false;
}

static bool replay_sink(void *context, struct str line)
{
	struct tail *t = context;
	write_line(t, line);
	return t->left > 0;
}

static bool live_sink(void *context, struct str line)
{
	struct tail *t = context;
	bool written = write_line(t, line);
	if (t->left == 0) {
		leave(t);
		http_stream_end(t->call);
	}
	return written;
}

static void gone(void *owner, struct http_call *c)
{
	(void)c;
	leave(owner);
}

struct parameters {
	struct str policy;
	bool follow;
	uint64_t max;
};

static struct err *read_parameters(struct http_call *c, struct parameters *out)
{
	static const char *const known[] = {"policy", "follow", "max"};
	TRY(http_call_check_query(c, known, ARRAY_SIZE(known)));
	const char *policy = http_call_query(c, "policy"), *max = http_call_query(c, "max");
	*out = (struct parameters){.policy = {"", 0}, .max = UINT64_MAX};
	TRY(common_flag(c, "follow", &out->follow));
	if (policy) {
		out->policy = str_of(policy);
		TRY(name_check("policy", out->policy));
	}
	if (max && (!str_to_u64(str_of(max), &out->max) || out->max == 0))
		return err_new(ERR_INVALID, "max \"%s\" is no number from 1", max);
	return NULL;
}

struct err *tail_get(void *context, struct http_call *c)
{
	struct api *a = context;
	struct parameters p;
	struct tail *t = arena_alloc(http_call_arena(c), sizeof(*t));
	TRY_MEMORY(t);
	TRY(read_parameters(c, &p));
	if (p.policy.size && !fleet_find_policy(a->fleet, p.policy))
		return common_near(a, c, "policy", false, p.policy,
				   err_new(ERR_NOT_FOUND, "no policy \"%.*s\"", STR_FMT(p.policy)));
	*t = (struct tail){.events = a->events, .call = c, .left = p.max};
	t->listener = (struct events_listener){.policy = p.policy, .sink = live_sink, .context = t};
	TRY(http_call_stream(c, HTTP_NDJSON, gone, t));
	events_replay(a->events, p.policy, replay_sink, t);
	if (p.follow && t->left > 0) {
		events_join(a->events, &t->listener);
		t->joined = true;
		return NULL;
	}
	http_stream_end(c);
	return NULL;
}
