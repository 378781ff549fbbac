/*
 * args - a command line, parsed by two tables: option.tbl.h and command.tbl.h.
 *
 * Options may stand before, between and after the words; "--" ends them. Everything is borrowed from
 * argv.
 */
#pragma once

#include "shared/base/buf.h"
#include "shared/base/err.h"
#include "shared/eim/role.h"

#define ARGS_MAX_WORDS 256u
#define ARGS_MAX_FILES 64u
#define ARGS_MAX_ROLES 64u

enum option_id {
#define OPTION(id, name, letter, value, word, help) OPTION_##id,
#include "controller/ctl/option.tbl.h"
#undef OPTION
	OPTION_COUNT
};

struct ctl;
struct args;

struct command {
	const char *name, *words;
	unsigned fewest_words, most_words;
	uint64_t options; /* bit n: option n is known to it */
	const char *help, *more;
	struct err *(*run)(struct ctl *ctl, const struct args *args);
};

struct args {
	const struct command *command; /* NULL where only global options stand there */
	const char *words[ARGS_MAX_WORDS];
	unsigned words_count;
	const char *values[OPTION_COUNT]; /* NULL: absent; "" for a flag or a value left out */
	const char *files[ARGS_MAX_FILES];
	unsigned files_count;
	const char *roles[ARGS_MAX_ROLES];
	unsigned roles_count;
};

/*
 * Parses what follows the program's name.
 *   fails  INVALID: unknown command or option (names the nearest), a missing or unwanted value, too
 *          few or too many words. With --help among the options, words are not counted.
 */
MUST_CHECK struct err *args_parse(int argc, const char *const argv[], struct args *out);

static inline bool args_has(const struct args *args, enum option_id option)
{
	return args->values[option] != NULL;
}

/* Appends the help of `command`, or of the whole tool where it is NULL. */
void args_print_help(const struct command *command, struct buf *out);
