/* describe - each host, process and link; and the verifier's words where one failed. */
#include "controller/ctl/command.h"
#include "controller/ctl/kind.h"
#include "controller/ctl/status.h"

#define PATH_MAX_BYTES 4096u

static void print_reference(const char *what, const struct node *policy, const char *pointer,
			    struct buf *out)
{
	const struct node *n = node_at(policy, pointer);
	if (n)
		buf_printf(out, "%-10s %.*s revision %lld\n", what, STR_FMT(api_text(n, "/name")),
			   (long long)api_int(n, "/revision"));
}

static struct err *describe_policy(struct ctl *ctl, struct str name, struct arena *a)
{
	const struct node *policy;
	struct buf *out = &ctl->out;
	TRY(status_get(ctl, name, a, &policy));
	if (!ctl_is_table(ctl)) {
		ctl_print_node(ctl, policy);
		return NULL;
	}
	const struct node *coverage = node_at(policy, "/status/coverage");
	const struct node *links = node_at(policy, "/status/links");
	buf_printf(out, "policy     %.*s\n", STR_FMT(name));
	buf_printf(out, "state      %s\n", status_word(policy));
	print_reference("program", policy, "/resolved/program", out);
	print_reference("spec", policy, "/resolved/eim", out);
	buf_puts(out, "role       ");
	kind_print_roles(node_at(policy, "/document/spec/eim"), out);
	buf_putc(out, '\n');
	buf_printf(out, "processes  %.*s\n",
		   STR_FMT(api_text(policy, "/document/spec/processes/exe")));
	buf_printf(out, "hosts      %lld meant, %lld connected, %lld reported\n\n",
		   (long long)api_int(coverage, "/matched"),
		   (long long)api_int(coverage, "/connected"),
		   (long long)api_int(coverage, "/reported"));
	if (links && links->count)
		TRY(status_print_links(links, STATUS_HOST, out));
	else
		buf_puts(out, "no links\n");
	if (api_int(policy, "/status/counts/failed"))
		buf_putc(out, '\n');
	status_print_failures(policy, out);
	return NULL;
}

static struct err *get_host(struct ctl *ctl, struct str name, struct arena *a,
			    const struct node **out)
{
	OWNED_BUF struct buf path = BUF_INIT(PATH_MAX_BYTES);
	struct api_answer answer;
	api_path(&path, "hosts", name);
	buf_puts(&path, "?pageSize=1000");
	TRY(buf_check(&path));
	TRY(api_get(ctl, buf_text(&path), a, &answer));
	*out = answer.body;
	return NULL;
}

static struct err *describe_host(struct ctl *ctl, struct str name, struct arena *a)
{
	const struct node *host;
	const struct kind *kind;
	TRY(get_host(ctl, name, a, &host));
	if (!ctl_is_table(ctl)) {
		ctl_print_node(ctl, host);
		return NULL;
	}
	const struct node *links = node_find(host, "links");
	const struct node list = {.kind = NODE_LIST, .count = 1, .first = (struct node *)host};
	TRY(kind_find("hosts", &kind));
	TRY(kind_print(kind, &list, &ctl->out));
	buf_putc(&ctl->out, '\n');
	if (!links || !links->count) {
		buf_puts(&ctl->out, "no links\n");
		return NULL;
	}
	TRY(status_print_links(links, STATUS_POLICY, &ctl->out));
	NODE_EACH (link, links) {
		if (!str_is(api_text(link, "/state"), "FAILED"))
			continue;
		buf_printf(&ctl->out, "\n%.*s failed:\n", STR_FMT(api_text(link, "/policy")));
		status_print_cause(link, &ctl->out);
	}
	return NULL;
}

typedef struct err *describe_fn(struct ctl *ctl, struct str name, struct arena *a);

static struct err *describe_all(struct ctl *ctl, const struct kind *kind, describe_fn *describe,
				struct arena *a)
{
	OWNED_BUF struct buf path = BUF_INIT(PATH_MAX_BYTES);
	const struct node *list;
	buf_printf(&path, "/v1/%s", kind->plural);
	TRY(api_list(ctl, buf_text(&path), kind->plural, a, &list));
	NODE_EACH (each, list) {
		if (ctl->out.size && ctl_is_table(ctl))
			buf_puts(&ctl->out, "\n");
		TRY(describe(ctl, api_text(each, "/name"), a));
	}
	if (!list->count)
		buf_printf(&ctl->out, "no %s\n", kind->plural);
	return NULL;
}

struct err *cmd_describe(struct ctl *ctl, const struct args *args)
{
	OWNED_ARENA struct arena a = ARENA_INIT(CTL_MAX_MEMORY);
	const struct kind *kind;
	TRY(kind_find(args->words[0], &kind));
	describe_fn *describe = strcmp(kind->plural, "policies") == 0 ? describe_policy
				: strcmp(kind->plural, "hosts") == 0  ? describe_host
								      : NULL;
	if (!describe)
		return err_new(ERR_INVALID,
			       "describe knows policies and hosts; get %s -o yaml "
			       "shows the rest",
			       kind->plural);
	if (args->words_count > 1)
		return describe(ctl, str_of(args->words[1]), &a);
	return describe_all(ctl, kind, describe, &a);
}
