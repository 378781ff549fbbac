/*
 * The command line. Problem: a dozen commands with a dozen options, and help that must not lie about
 * them. Idea: the tables are the only description; parsing and help both walk them.
 */
#include "controller/ctl/args.h"

#include "controller/ctl/command.h"
#include "shared/base/near.h"

#include <ctype.h>

#define OPT(id)	       (UINT64_C(1) << OPTION_##id)
#define OPTIONS_GLOBAL (OPT(SERVER) | OPT(OUTPUT) | OPT(HELP) | OPT(VERSION))
#define HELP_COLUMN    32

enum option_value { NONE, ONE, MANY, MAYBE };

static const struct option {
	const char *name;
	char letter;
	enum option_value value;
	const char *word, *help;
} options[OPTION_COUNT] = {
#define OPTION(id, name, letter, value, word, help) {name, letter, value, word, help},
#include "controller/ctl/option.tbl.h"
#undef OPTION
};

static const struct command commands[] = {
#define COMMAND(name, words, fewest, most, options, help, more) \
	{#name, words, fewest, most, options, help, more, cmd_##name},
#include "controller/ctl/command.tbl.h"
#undef COMMAND
};

/* ---- finding ---- */

static struct err *find_command(const char *name, const struct command **out)
{
	struct near near = near_start(str_of(name));
	for (size_t i = 0; i < ARRAY_SIZE(commands); i++) {
		if (strcmp(commands[i].name, name) == 0) {
			*out = &commands[i];
			return NULL;
		}
		near_offer(&near, str_of(commands[i].name));
	}
	struct str best = near_found(&near);
	if (best.size)
		return err_new(ERR_INVALID, "\"%s\" is no command; did you mean %.*s?", name,
			       STR_FMT(best));
	return err_new(ERR_INVALID, "\"%s\" is no command; eimctl --help lists them", name);
}

/* Whether `command` (NULL: not known yet) takes option `id`. */
static bool takes(const struct command *command, unsigned id)
{
	uint64_t known = command ? command->options | OPTIONS_GLOBAL : OPTIONS_GLOBAL;
	return known >> id & 1;
}

static struct err *unknown_option(const struct command *command, struct str name)
{
	struct near near = near_start(name);
	for (unsigned i = 0; i < OPTION_COUNT; i++)
		if (takes(command, i))
			near_offer(&near, str_of(options[i].name));
	struct str best = near_found(&near);
	const char *of = command ? command->name : "eimctl";
	if (best.size)
		return err_new(ERR_INVALID, "%s has no option --%.*s; did you mean --%.*s?", of,
			       STR_FMT(name), STR_FMT(best));
	return err_new(ERR_INVALID, "%s has no option --%.*s; %s --help lists them", of,
		       STR_FMT(name), command ? "its" : "eimctl");
}

static struct err *find_option(const struct command *command, struct str name, unsigned *out)
{
	for (unsigned i = 0; i < OPTION_COUNT; i++) {
		bool letter = name.size == 1 && options[i].letter == name.data[0];
		if (takes(command, i) && (letter || str_is(name, options[i].name))) {
			*out = i;
			return NULL;
		}
	}
	return unknown_option(command, name);
}

/* ---- parsing ---- */

struct walk {
	int argc, at;
	const char *const *argv;
	struct args *args;
};

static bool is_number(const char *text)
{
	return text && *text && text[strspn(text, "0123456789")] == 0;
}

/* The value of option `id`; `inlined` is what stood behind "=", or NULL. */
static struct err *take_value(struct walk *w, unsigned id, const char *inlined, const char **out)
{
	const struct option *o = &options[id];
	const char *next = w->at + 1 < w->argc ? w->argv[w->at + 1] : NULL;
	bool wants_next = !inlined && (o->value == ONE || o->value == MANY ||
				       (o->value == MAYBE && is_number(next)));
	if (o->value == NONE && inlined)
		return err_new(ERR_INVALID, "--%s takes no value; leave =%s away", o->name,
			       inlined);
	if (wants_next && !next)
		return err_new(ERR_INVALID, "--%s wants a value: %s", o->name, o->word);
	if (wants_next)
		w->at++;
	*out = inlined ? inlined : wants_next ? next : "";
	return NULL;
}

static struct err *keep_value(struct args *args, unsigned id, const char *value)
{
	bool is_role = id == OPTION_ROLE;
	if (options[id].value == MANY) {
		unsigned *count = is_role ? &args->roles_count : &args->files_count;
		unsigned max = is_role ? ARGS_MAX_ROLES : ARGS_MAX_FILES;
		if (*count == max)
			return err_new(ERR_INVALID, "more than %u times --%s", max,
				       options[id].name);
		(is_role ? args->roles : args->files)[(*count)++] = value;
	} else if (args->values[id] && options[id].value != NONE) {
		return err_new(ERR_INVALID, "--%s is given twice", options[id].name);
	}
	args->values[id] = value;
	return NULL;
}

static struct err *parse_option(struct walk *w, const char *text)
{
	unsigned id;
	struct str name, value;
	const char *given = "";
	bool is_long = text[1] == '-';
	bool has_value = str_split(str_of(text + (is_long ? 2 : 1)), '=', &name, &value);
	TRY(find_option(w->args->command, name, &id));
	TRY(take_value(w, id, has_value ? value.data : NULL, &given));
	return keep_value(w->args, id, given);
}

static struct err *parse_word(struct walk *w, const char *text)
{
	struct args *args = w->args;
	if (!args->command)
		return find_command(text, &args->command);
	if (args->words_count == ARGS_MAX_WORDS)
		return err_new(ERR_INVALID, "more than %u words", ARGS_MAX_WORDS);
	args->words[args->words_count++] = text;
	return NULL;
}

static struct err *check_words(const struct args *args)
{
	const struct command *c = args->command;
	if (!c || args_has(args, OPTION_HELP))
		return NULL;
	if (args->words_count < c->fewest_words)
		return err_new(ERR_INVALID, "%s wants %s", c->name, c->words);
	if (args->words_count > c->most_words)
		return err_new(ERR_INVALID, "%s does not know what to do with \"%s\"", c->name,
			       args->words[c->most_words]);
	return NULL;
}

struct err *args_parse(int argc, const char *const argv[], struct args *out)
{
	struct args args = {0};
	struct walk w = {argc, 0, argv, &args};
	bool only_words = false;
	for (; w.at < argc; w.at++) {
		const char *text = argv[w.at];
		if (!only_words && strcmp(text, "--") == 0)
			only_words = true;
		else if (!only_words && text[0] == '-' && text[1])
			TRY(parse_option(&w, text));
		else
			TRY(parse_word(&w, text));
	}
	TRY(check_words(&args));
	*out = args;
	return NULL;
}

/* ---- help ---- */

static void print_row(const char *left, size_t width, const char *right, struct buf *out)
{
	buf_printf(out, "  %s", left);
	if (width + 2 >= HELP_COLUMN)
		buf_printf(out, "\n%*s", HELP_COLUMN, "");
	else
		buf_printf(out, "%*s", (int)(HELP_COLUMN - width - 2), "");
	buf_printf(out, "%s\n", right);
}

static void print_options(uint64_t which, struct buf *out)
{
	for (unsigned i = 0; i < OPTION_COUNT; i++) {
		const struct option *o = &options[i];
		OWNED_BUF struct buf left = BUF_INIT(128);
		if (!(which >> i & 1))
			continue;
		if (o->letter)
			buf_printf(&left, "-%c, ", o->letter);
		buf_printf(&left, "--%s", o->name);
		if (o->word)
			buf_printf(&left, o->value == MAYBE ? " [%s]" : " %s", o->word);
		print_row(buf_text(&left), left.size, o->help, out);
	}
}

static void print_command_help(const struct command *c, struct buf *out)
{
	buf_printf(out, "eimctl %s%s%s%s\n\n", c->name, *c->words ? " " : "", c->words,
		   c->options ? " [OPTION…]" : "");
	buf_printf(out, "%c%s.\n\n%s\n\nOptions:\n", toupper((unsigned char)c->help[0]),
		   c->help + 1, c->more);
	print_options(c->options | OPTIONS_GLOBAL, out);
}

void args_print_help(const struct command *command, struct buf *out)
{
	if (command) {
		print_command_help(command, out);
		return;
	}
	buf_puts(out,
		 "eimctl [OPTION…] COMMAND [WORD…]\n\n"
		 "Extensions in running applications, with the rights that a spec gives them.\n\n"
		 "Commands:\n");
	for (size_t i = 0; i < ARRAY_SIZE(commands); i++)
		print_row(commands[i].name, strlen(commands[i].name), commands[i].help, out);
	buf_puts(out, "\nOptions:\n");
	print_options(OPTIONS_GLOBAL, out);
	buf_puts(out, "\nExit codes: 0 done, 1 the answer is no (rejected, failed, not there in "
		      "time), 2 usage or environment.\n");
}
