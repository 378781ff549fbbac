/* get - what there is, as a table or whole. */
#include "controller/ctl/command.h"
#include "controller/ctl/kind.h"

#define PATH_MAX_BYTES 4096u

static struct err *get_one(struct ctl *ctl, const struct kind *kind, const char *name,
			   struct arena *a)
{
	OWNED_BUF struct buf path = BUF_INIT(PATH_MAX_BYTES);
	struct api_answer answer;
	api_path(&path, kind->plural, str_of(name));
	TRY(buf_check(&path));
	TRY(api_get(ctl, buf_text(&path), a, &answer));
	if (!ctl_is_table(ctl)) {
		ctl_print_node(ctl, answer.body);
		return NULL;
	}
	const struct node list = {.kind = NODE_LIST,
				  .count = 1,
				  .first = (struct node *)answer.body};
	return kind_print(kind, &list, &ctl->out);
}

static struct err *get_all(struct ctl *ctl, const struct kind *kind, struct arena *a)
{
	OWNED_BUF struct buf path = BUF_INIT(PATH_MAX_BYTES);
	const struct node *list;
	buf_printf(&path, "/v1/%s", kind->plural);
	TRY(api_list(ctl, buf_text(&path), kind->plural, a, &list));
	if (!ctl_is_table(ctl)) {
		ctl_print_node(ctl, list);
		return NULL;
	}
	if (!list->count) {
		buf_printf(&ctl->out, "no %s\n", kind->plural);
		return NULL;
	}
	return kind_print(kind, list, &ctl->out);
}

struct err *cmd_get(struct ctl *ctl, const struct args *args)
{
	OWNED_ARENA struct arena a = ARENA_INIT(CTL_MAX_MEMORY);
	const struct kind *kind;
	TRY(kind_find(args->words[0], &kind));
	if (args->words_count > 1)
		return get_one(ctl, kind, args->words[1], &a);
	return get_all(ctl, kind, &a);
}
