#include "controller/ctl/ctl.h"

#include "controller/ctl/command.h"
#include "shared/codec/json.h"
#include "shared/codec/yaml.h"

#include <errno.h>
#include <stdlib.h>

#define DEFAULT_SERVER "http://127.0.0.1:8080"

static const char *const output_names[] = {
	[CTL_TABLE] = "table", [CTL_JSON] = "json", [CTL_YAML] = "yaml"};

static struct err *set_output(struct ctl *ctl, const char *name)
{
	for (size_t i = 0; name && i < ARRAY_SIZE(output_names); i++) {
		if (strcmp(name, output_names[i]) == 0) {
			ctl->output = (enum ctl_output)i;
			return NULL;
		}
	}
	return name ? err_new(ERR_INVALID, "--output %s: known are table, json and yaml", name)
		    : NULL;
}

static void set_server(struct ctl *ctl, const struct args *args)
{
	const char *from_environment = getenv("EIM_SERVER");
	ctl->server = DEFAULT_SERVER;
	if (from_environment && *from_environment)
		ctl->server = from_environment;
	if (args_has(args, OPTION_SERVER))
		ctl->server = args->values[OPTION_SERVER];
}

struct err *ctl_flush(struct ctl *ctl)
{
	TRY(buf_check(&ctl->out));
	size_t size = ctl->out.size;
	bool ok = fwrite(buf_text(&ctl->out), 1, size, ctl->stream) == size &&
		  fflush(ctl->stream) == 0;
	buf_clear(&ctl->out);
	return ok ? NULL : err_sys(errno, "writing the results");
}

void ctl_print_node(struct ctl *ctl, const struct node *n)
{
	if (ctl->output == CTL_JSON) {
		json_print_pretty(n, &ctl->out);
		if (ctl->out.size && buf_text(&ctl->out)[ctl->out.size - 1] != '\n')
			buf_putc(&ctl->out, '\n');
	} else {
		yaml_print(n, &ctl->out);
	}
}

struct err *ctl_print_json(struct ctl *ctl, const struct buf *json)
{
	OWNED_ARENA struct arena a = ARENA_INIT(CTL_MAX_MEMORY);
	const struct node *n;
	TRY(buf_check(json));
	TRY(json_parse(buf_str(json), &a, &n));
	ctl_print_node(ctl, n);
	return NULL;
}

static struct err *run(struct ctl *ctl, int argc, const char *const argv[])
{
	struct args args = {0};
	TRY(args_parse(argc, argv, &args));
	if (args_has(&args, OPTION_VERSION)) {
		buf_puts(&ctl->out, "eimctl " EIM_VERSION "\n");
		return NULL;
	}
	if (args_has(&args, OPTION_HELP)) {
		args_print_help(args.command, &ctl->out);
		return NULL;
	}
	if (!args.command)
		return err_new(ERR_INVALID, "a command is wanted; eimctl --help lists them");
	TRY(set_output(ctl, args.values[OPTION_OUTPUT]));
	set_server(ctl, &args);
	return args.command->run(ctl, &args);
}

int ctl_run(int argc, const char *const argv[], FILE *out)
{
	struct ctl ctl = {.out = BUF_INIT(CTL_MAX_OUTPUT), .stream = out};
	struct err *e = run(&ctl, argc, argv);
	/* What was printed before a failure is still worth seeing. */
	struct err *unwritten = ctl_flush(&ctl);
	err_add(&e, unwritten);
	if (e) {
		ctl.exit_code = err_exit(err_code(e));
		err_print("eimctl", e);
		err_destroy(e);
	}
	client_destroy(ctl.client);
	buf_fini(&ctl.out);
	return ctl.exit_code;
}
