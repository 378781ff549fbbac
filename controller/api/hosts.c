/*
 * /v1/hosts: what agents have said of themselves. Hosts come into being by their first sync.
 */
#include "controller/api/common.h"
#include "controller/api/status.h"
#include "shared/base/clock.h"
#include "shared/base/near.h"

static void print_labels(const struct fleet_host *host, struct json *w)
{
	json_object(w, "labels");
	for (size_t i = 0; i < host->report.labels_count; i++) {
		OWNED_BUF struct buf key = BUF_INIT(4096);
		buf_add(&key, host->report.labels[i].key);
		json_text(w, buf_text(&key), host->report.labels[i].value);
	}
	json_end(w);
}

/* The members of a host; the object stays open. */
static void print_host(const struct fleet_host *host, struct json *w)
{
	json_object(w, NULL);
	json_text(w, "name", host->name);
	print_labels(host, w);
	json_text(w, "agentVersion", host->report.agent_version);
	json_text(w, "bootId", host->report.boot_id);
	json_int(w, "generation", host->report.generation);
	json_int(w, "desiredGeneration", fleet_host_generation(host));
	common_time(w, "lastSeenTime", host->seen_ms);
	json_bool(w, "connected", fleet_is_connected(host, clock_mono_ns()));
	json_int(w, "eventsLost", host->report.events_lost);
	status_print_host_counts(host, "counts", w);
}

static bool comes_after(struct str name, const char *token)
{
	struct str t = str_of(token);
	int order = memcmp(name.data, t.data, MIN(name.size, t.size));
	return order > 0 || (order == 0 && name.size > t.size);
}

struct err *hosts_list(void *context, struct http_call *c)
{
	struct api *a = context;
	struct common_page page;
	size_t count, printed = 0;
	struct str last = {"", 0};
	TRY(common_page(c, &page));
	struct fleet_host *const *hosts = fleet_hosts(a->fleet, &count);
	struct json w = common_json(c, 200);
	json_object(&w, NULL);
	json_list(&w, "hosts");
	size_t i = 0;
	for (; i < count && printed < page.size; i++) {
		if (*page.token && !comes_after(hosts[i]->name, page.token))
			continue;
		print_host(hosts[i], &w);
		json_end(&w);
		last = hosts[i]->name;
		printed++;
	}
	json_end(&w);
	json_text(&w, "nextPageToken", i < count ? last : STR(""));
	json_end(&w);
	return NULL;
}

static struct err *err_no_host(const struct api *a, struct str name)
{
	struct near near = near_start(name);
	size_t count;
	struct fleet_host *const *hosts = fleet_hosts(a->fleet, &count);
	for (size_t i = 0; i < count; i++)
		near_offer(&near, hosts[i]->name);
	struct str best = near_found(&near);
	if (best.size)
		return err_new(ERR_NOT_FOUND, "no host \"%.*s\"; did you mean \"%.*s\"?",
			       STR_FMT(name), STR_FMT(best));
	return err_new(ERR_NOT_FOUND, "no host \"%.*s\"", STR_FMT(name));
}

static struct err *first_link(const struct common_page *page, uint64_t *out)
{
	*out = 0;
	if (*page->token && !str_to_u64(str_of(page->token), out))
		return err_new(ERR_INVALID, "pageToken \"%s\" is none that this list gave",
			       page->token);
	return NULL;
}

struct err *hosts_get(void *context, struct http_call *c)
{
	struct api *a = context;
	struct common_page page;
	struct str name;
	uint64_t i;
	TRY(common_page(c, &page));
	TRY(first_link(&page, &i));
	TRY(common_name(c, "host", &name));
	const struct fleet_host *host = fleet_find_host(a->fleet, name);
	if (!host)
		return err_no_host(a, name);
	struct json w = common_json(c, 200);
	print_host(host, &w);
	json_list(&w, "links");
	size_t count = host->report.links_count;
	uint64_t end = i < count && count - i > page.size ? i + page.size : count;
	for (; i < end; i++)
		status_print_link(&host->report.links[i], STR(""), &w);
	json_end(&w);
	if (end < count)
		json_textf(&w, "nextPageToken", "%llu", (unsigned long long)end);
	else
		json_text(&w, "nextPageToken", STR(""));
	json_end(&w);
	return NULL;
}

struct err *hosts_delete(void *context, struct http_call *c)
{
	struct api *a = context;
	struct common_write write;
	struct str name;
	TRY(common_write(c, &write));
	TRY(common_name(c, "host", &name));
	if (!fleet_find_host(a->fleet, name))
		return err_no_host(a, name);
	if (!write.validate_only) {
		TRY(fleet_forget_host(a->fleet, name));
		TRY(common_audit(a, c, "delete", write.request_id, 0, "hosts/%.*s", STR_FMT(name)));
	}
	struct json w = common_json(c, 200);
	json_object(&w, NULL);
	json_end(&w);
	return NULL;
}
