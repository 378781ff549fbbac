#include "agent/daemon/options.h"

#include <getopt.h>
#include <stdio.h>

/* One row per option: how getopt names it, which command it belongs to, its line of help. */
enum option_id {
	CONTROLLER = 256,
	STATE,
	HOST_NAME,
	LABEL,
	PID,
	PROGRAM,
	SPEC,
	ROLE,
	DURATION,
	DUMP_MAPS,
	HELP,
	VERSION
};

static const struct option_row {
	enum option_id id;
	const char *name, *argument;
	enum options_command command;
	const char *help;
} rows[] = {
	{CONTROLLER, "controller", "URL", OPTIONS_RUN,
	 "the controller, e.g. http://127.0.0.1:8080"},
	{STATE, "state", "DIR", OPTIONS_RUN,
	 "folder for programs, images and the last desired state"},
	{HOST_NAME, "host-name", "NAME", OPTIONS_RUN, "this host's name (default: the machine's)"},
	{LABEL, "label", "K=V", OPTIONS_RUN,
	 "a label that policies select hosts by; may be repeated"},
	{PID, "pid", "PID", OPTIONS_ATTACH, "the process to attach to"},
	{PROGRAM, "program", "F.o", OPTIONS_ATTACH, "the eBPF object"},
	{SPEC, "spec", "F.yaml", OPTIONS_ATTACH,
	 "the EIM document (default: what the process's binary declares)"},
	{ROLE, "role", "ROLE", OPTIONS_ATTACH,
	 "the role that the program runs under; of several (or A,B) what all of them allow"},
	{DURATION, "duration", "TIME", OPTIONS_ATTACH,
	 "e.g. 10s, 500ms, 2m (default: until a signal)"},
	{DUMP_MAPS, "dump-maps", "FILE|-", OPTIONS_ATTACH,
	 "where the maps go as JSON (default: -)"},
	{HELP, "help", NULL, OPTIONS_HELP, "this text"},
	{VERSION, "version", NULL, OPTIONS_VERSION, "the version"},
};

static void print_rows(enum options_command command)
{
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		if (rows[i].command != command)
			continue;
		char left[64];
		snprintf(left, sizeof(left), "--%s %s", rows[i].name,
			 rows[i].argument ? rows[i].argument : "");
		printf("  %-22s %s\n", left, rows[i].help);
	}
}

void options_print_help(void)
{
	puts("usage: eim-agent --controller URL --state DIR [--host-name N] [--label K=V]…\n"
	     "       eim-agent attach --pid PID --program F.o [--spec F.yaml] --role R\n"
	     "                        [--duration 10s] [--dump-maps FILE|-]\n\n"
	     "Keeps this host's processes as the controller wants them:");
	print_rows(OPTIONS_RUN);
	puts("\nattach: one process, no controller; prints 'ready' on stderr when all links are "
	     "active,\n"
	     "writes links and maps as JSON at the end, and leaves the process as it was:");
	print_rows(OPTIONS_ATTACH);
	puts("\nBoth:");
	print_rows(OPTIONS_HELP);
	print_rows(OPTIONS_VERSION);
	puts("\nexit: 0 done, 1 the program was rejected, 2 usage or environment");
}

struct err *options_parse_duration(struct str text, int64_t *out_ms)
{
	static const struct {
		const char *unit;
		int64_t ms;
	} units[] = {{"ms", 1}, {"s", 1000}, {"m", 60000}, {"h", 3600000}, {"", 1000}};
	for (size_t i = 0; i < ARRAY_SIZE(units); i++) {
		struct str number = text;
		int64_t value;
		if (!str_ends(text, units[i].unit))
			continue;
		number.size -= strlen(units[i].unit);
		if (!str_to_i64(number, &value) || value < 0 || value > INT64_MAX / 3600000)
			break;
		*out_ms = value * units[i].ms;
		return NULL;
	}
	return err_new(ERR_INVALID, "\"%.*s\" is no time: write 10s, 500ms, 2m or 1h",
		       STR_FMT(text));
}

static struct err *add_label(struct str text, struct options *o)
{
	struct wire_label label;
	if (!str_split(text, '=', &label.key, &label.value) || label.key.size == 0)
		return err_new(ERR_INVALID, "--label %.*s: write K=V", STR_FMT(text));
	if (o->labels_count == OPTIONS_MAX_LABELS)
		return err_new(ERR_INVALID, "more than %u labels", OPTIONS_MAX_LABELS);
	o->labels[o->labels_count++] = label;
	return NULL;
}

static struct err *add_role(const char *name, struct options *o)
{
	if (o->roles_count == OPTIONS_MAX_ROLES)
		return err_new(ERR_INVALID, "more than %u times --role", OPTIONS_MAX_ROLES);
	o->roles[o->roles_count++] = name;
	return NULL;
}

static struct err *take_text(enum option_id id, char *value, struct options *o)
{
	const struct {
		enum option_id id;
		const char **to;
	} texts[] = {
		{CONTROLLER, &o->controller}, {STATE, &o->state}, {HOST_NAME, &o->host_name},
		{PROGRAM, &o->program},	      {SPEC, &o->spec},	  {DUMP_MAPS, &o->dump_maps},
	};
	for (size_t i = 0; i < ARRAY_SIZE(texts); i++)
		if (texts[i].id == id)
			*texts[i].to = value;
	return NULL;
}

static struct err *take(enum option_id id, char *value, struct options *o)
{
	if (id == HELP || id == VERSION) {
		o->command = id == HELP ? OPTIONS_HELP : OPTIONS_VERSION;
		return NULL;
	}
	if (id == LABEL)
		return add_label(str_of(value), o);
	if (id == ROLE)
		return add_role(value, o);
	if (id == DURATION)
		return options_parse_duration(str_of(value), &o->duration_ms);
	if (id != PID)
		return take_text(id, value, o);
	if (!str_to_i64(str_of(value), &o->pid) || o->pid <= 0 || o->pid > INT32_MAX)
		return err_new(ERR_INVALID, "--pid %s: write the number of a process", value);
	return NULL;
}

static struct err *missing(const char *option)
{
	return err_new(ERR_INVALID, "%s is missing; eim-agent --help lists the options", option);
}

static struct err *check(const struct options *o)
{
	if (o->command == OPTIONS_RUN) {
		if (!o->controller)
			return missing("--controller URL");
		if (!o->state)
			return missing("--state DIR");
	}
	if (o->command == OPTIONS_ATTACH) {
		if (!o->pid)
			return missing("--pid PID");
		if (!o->program)
			return missing("--program F.o");
		if (!o->roles_count)
			return missing("--role ROLE");
	}
	return NULL;
}

static void fill_getopt(struct option long_options[])
{
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		long_options[i] =
			(struct option){rows[i].name,
					rows[i].argument ? required_argument : no_argument, NULL,
					rows[i].id};
}

struct err *options_parse(int argc, char **argv, struct options *out)
{
	struct option long_options[ARRAY_SIZE(rows) + 1] = {0};
	struct options o = {.command = OPTIONS_RUN, .duration_ms = -1, .dump_maps = "-"};
	int first = 1;
	fill_getopt(long_options);
	if (argc > 1 && argv[1][0] != '-') {
		if (strcmp(argv[1], "attach") != 0)
			return err_new(ERR_INVALID, "unknown command \"%s\"; there is: attach",
				       argv[1]);
		o.command = OPTIONS_ATTACH;
		first = 2;
	}
	optind = first;
	opterr = 0;
	for (;;) {
		int id = getopt_long(argc, argv, "+:", long_options, NULL);
		if (id == -1)
			break;
		if (id == '?' || id == ':')
			return err_new(ERR_INVALID, "%s %s; eim-agent --help lists the options",
				       id == ':' ? "no value for" : "unknown option",
				       argv[optind - 1]);
		TRY(take((enum option_id)id, optarg, &o));
	}
	if (optind < argc)
		return err_new(ERR_INVALID, "unexpected \"%s\"", argv[optind]);
	TRY(check(&o));
	*out = o;
	return NULL;
}
