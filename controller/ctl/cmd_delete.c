/* delete - takes policies back: one by its name, or those of the files. */
#include "controller/ctl/api.h"
#include "controller/ctl/command.h"
#include "controller/ctl/kind.h"
#include "controller/ctl/pack.h"
#include "controller/ctl/wait.h"

#define PATH_MAX_BYTES 4096u

struct names {
	struct str items[ARGS_MAX_FILES + 1];
	unsigned count;
};

static struct err *name_by_word(const struct args *args, struct names *names)
{
	const struct kind *kind;
	if (args->words_count == 0)
		return NULL;
	TRY(kind_find(args->words[0], &kind));
	if (strcmp(kind->plural, "policies") != 0)
		return err_new(ERR_INVALID, "policies can be deleted; %s are kept", kind->plural);
	if (args->words_count < 2)
		return err_new(ERR_INVALID, "delete policy wants its NAME");
	names->items[names->count++] = str_of(args->words[1]);
	return NULL;
}

static struct err *find_names(const struct args *args, struct arena *a, struct names *names)
{
	TRY(name_by_word(args, names));
	for (unsigned i = 0; i < args->files_count; i++) {
		struct pack pack;
		TRY(pack_load(args->files[i], a, &pack));
		names->items[names->count++] = pack.name;
	}
	if (!names->count)
		return err_new(ERR_INVALID, "delete wants policy NAME, or -f PATH");
	return NULL;
}

static struct err *delete_one(struct ctl *ctl, struct str name, struct arena *a)
{
	OWNED_BUF struct buf path = BUF_INIT(PATH_MAX_BYTES);
	struct api_answer answer;
	api_path(&path, "policies", name);
	TRY(buf_check(&path));
	TRY(api_call(ctl, &(struct api_request){.method = "DELETE", .path = buf_text(&path)}, a,
		     &answer));
	buf_printf(&ctl->out, "policy/%.*s deleted\n", STR_FMT(name));
	return ctl_flush(ctl);
}

struct err *cmd_delete(struct ctl *ctl, const struct args *args)
{
	OWNED_ARENA struct arena a = ARENA_INIT(CTL_MAX_MEMORY);
	struct names names = {0};
	TRY(find_names(args, &a, &names));
	for (unsigned i = 0; i < names.count; i++)
		TRY(delete_one(ctl, names.items[i], &a));
	if (!args_has(args, OPTION_WAIT))
		return NULL;
	return wait_gone(ctl, args->values[OPTION_WAIT], names.items, names.count);
}
