#include "controller/ctl/wait.h"

#include "controller/ctl/status.h"
#include "shared/base/clock.h"

#define POLL_MS 150

struct waiting {
	struct ctl *ctl;
	uint64_t deadline_ns;
	int64_t seconds;
};

enum outcome { GOES_ON, DONE, FAILED };

static struct err *begin(struct ctl *ctl, const char *seconds, struct waiting *out)
{
	int64_t wanted = CTL_WAIT_S;
	if (*seconds && (!str_to_i64(str_of(seconds), &wanted) || wanted < 0 || wanted > 86400))
		return err_new(ERR_INVALID, "--wait %s: a number of seconds up to 86400 is wanted",
			       seconds);
	*out = (struct waiting){ctl, clock_mono_ns() + (uint64_t)wanted * 1000000000u, wanted};
	return NULL;
}

/* Lets some time pass; false where none is left. */
static bool pause_a_little(const struct waiting *w)
{
	if (clock_mono_ns() >= w->deadline_ns)
		return false;
	poll(NULL, 0, POLL_MS);
	return true;
}

/* ---- active ---- */

static bool has_failed(const struct node *policy)
{
	struct str revision = api_text(policy, "/revision");
	const struct node *links = node_at(policy, "/status/links");
	if (!links)
		return false;
	NODE_EACH (link, links)
		if (str_is(api_text(link, "/state"), "FAILED") &&
		    str_equal(api_text(link, "/revision"), revision))
			return true;
	return false;
}

static enum outcome outcome_of(const struct node *policy)
{
	int64_t matched = api_int(policy, "/status/coverage/matched");
	int64_t reported = api_int(policy, "/status/coverage/reported");
	if (has_failed(policy))
		return FAILED;
	if (matched == reported && !api_int(policy, "/status/counts/pending"))
		return DONE;
	return GOES_ON;
}

static void print_active(struct buf *out, struct str name, const struct node *policy)
{
	long long hosts = (long long)api_int(policy, "/status/coverage/matched");
	long long active = (long long)api_int(policy, "/status/counts/active");
	buf_printf(out, "policy/%.*s ", STR_FMT(name));
	if (!hosts)
		buf_puts(out, "is meant for no host that is known\n");
	else if (!active)
		buf_printf(out, "waits for processes on %lld host%s: none matches yet\n", hosts,
			   hosts == 1 ? "" : "s");
	else
		buf_printf(out, "active: %lld link%s on %lld host%s\n", active,
			   active == 1 ? "" : "s", hosts, hosts == 1 ? "" : "s");
}

static void print_late(const struct waiting *w, struct str name, const struct node *policy)
{
	const struct node *coverage = node_at(policy, "/status/coverage");
	buf_printf(&w->ctl->out,
		   "policy/%.*s not active after %lld s: %lld of %lld hosts reported, %lld links "
		   "pending\n",
		   STR_FMT(name), (long long)w->seconds, (long long)api_int(coverage, "/reported"),
		   (long long)api_int(coverage, "/matched"),
		   (long long)api_int(policy, "/status/counts/pending"));
}

static void print_failed(struct buf *out, struct str name, const struct node *policy)
{
	buf_printf(out, "policy/%.*s ", STR_FMT(name));
	status_print_failures(policy, out);
}

/* One look at the policy. */
static struct err *look(const struct waiting *w, struct str name, bool is_last, enum outcome *out)
{
	OWNED_ARENA struct arena a = ARENA_INIT(CTL_MAX_MEMORY);
	const struct node *policy;
	TRY(status_get(w->ctl, name, &a, &policy));
	*out = outcome_of(policy);
	if (*out == DONE)
		print_active(&w->ctl->out, name, policy);
	else if (*out == FAILED)
		print_failed(&w->ctl->out, name, policy);
	else if (is_last)
		print_late(w, name, policy);
	return NULL;
}

struct err *wait_active(struct ctl *ctl, const char *seconds, const struct str *names,
			unsigned count)
{
	struct waiting w;
	TRY(begin(ctl, seconds, &w));
	for (unsigned i = 0; i < count; i++) {
		enum outcome outcome = GOES_ON;
		bool goes_on = true;
		while (goes_on && outcome == GOES_ON) {
			goes_on = pause_a_little(&w);
			TRY(look(&w, names[i], !goes_on, &outcome));
		}
		if (outcome != DONE)
			ctl->exit_code = 1;
		TRY(ctl_flush(ctl));
	}
	return NULL;
}

/* ---- gone ---- */

static struct err *look_for(const struct waiting *w, struct str name, bool *gone, int64_t *links)
{
	OWNED_ARENA struct arena a = ARENA_INIT(CTL_MAX_MEMORY);
	const struct node *policy = NULL;
	OWNED(err) struct err *e = status_get(w->ctl, name, &a, &policy);
	*gone = e && err_code(e) == ERR_NOT_FOUND;
	if (e && !*gone)
		return MOVE(e);
	const struct node *list = policy ? node_at(policy, "/status/links") : NULL;
	*links = list ? (int64_t)list->count : 0;
	return NULL;
}

struct err *wait_gone(struct ctl *ctl, const char *seconds, const struct str *names, unsigned count)
{
	struct waiting w;
	TRY(begin(ctl, seconds, &w));
	for (unsigned i = 0; i < count; i++) {
		int64_t links = 0;
		bool gone = false, goes_on = true;
		while (goes_on && !gone) {
			TRY(look_for(&w, names[i], &gone, &links));
			goes_on = gone || pause_a_little(&w);
		}
		if (gone)
			buf_printf(&ctl->out, "policy/%.*s gone from all hosts\n",
				   STR_FMT(names[i]));
		else
			buf_printf(&ctl->out,
				   "policy/%.*s not gone after %lld s: %lld links are left\n",
				   STR_FMT(names[i]), (long long)w.seconds, (long long)links);
		if (!gone)
			ctl->exit_code = 1;
		TRY(ctl_flush(ctl));
	}
	return NULL;
}
