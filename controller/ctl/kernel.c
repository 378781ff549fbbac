/*
 * Problem: an author whose program is refused here, or there, wants to know whether it is the program or
 * the verifier. Idea: load it into the kernel, entry by entry, and show what both say.
 *
 * [K1] One entry is loaded at a time, from an object opened anew: a rejected entry says nothing of the
 *      next one.
 * [K2] A log means that the kernel's verifier has spoken. Without one the failure was before it (maps,
 *      libbpf, privileges), and is no verdict.
 */
#include "controller/ctl/kernel.h"

#include "shared/base/mem.h"
#include "shared/codec/json.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <unistd.h>

static const char *const state_names[] = {[KERNEL_ACCEPTED] = "accepted",
					  [KERNEL_REJECTED] = "rejected",
					  [KERNEL_NOT_LOADED] = "not-loaded"};

static int silent(enum libbpf_print_level level, const char *format, va_list args)
{
	(void)level, (void)format, (void)args;
	return 0;
}

void kernel_destroy(struct kernel_answer *a)
{
	if (!a)
		return;
	for (uint32_t i = 0; i < a->count; i++)
		mem_free(a->entries[i].words);
	mem_free(a->entries);
	mem_free(a->refusal);
	mem_free(a);
}

/* ---- words ---- */

/* The lines at the end of `log` that say what is wrong, without the statistics that follow them. */
static struct str tail_of(struct str log)
{
	const char *stats = memmem(log.data, log.size, "\nprocessed ", 11);
	if (stats)
		log.size = (size_t)(stats - log.data);
	log = str_trim(log);
	size_t at = log.size;
	for (unsigned lines = 0; at > 0; at--)
		if (log.data[at - 1] == '\n' && ++lines == KERNEL_TAIL_LINES)
			break;
	return str_from(log, at);
}

static struct err *say(struct str words, char **out)
{
	*out = mem_copy_text(words.data, words.size);
	return *out ? NULL : err_no_memory();
}

/* Why the kernel did not get as far as its verifier. */
static struct err *say_failure(const char *what, int error, char **out)
{
	OWNED_BUF struct buf text = BUF_INIT(1 << 12);
	buf_printf(&text, "%s: %s", what, strerror(error));
	TRY(buf_check(&text));
	return say(buf_str(&text), out);
}

/* ---- loading ---- */

static bool has_programs_in_maps(struct bpf_object *object)
{
	struct bpf_map *map;
	bpf_object__for_each_map(map, object)
	{
		if (bpf_map__type(map) == BPF_MAP_TYPE_PROG_ARRAY)
			return true;
	}
	return false;
}

/* Only `name` is to be loaded, or all where some are in maps: those must have been loaded before. False where
 * the object has no such program. */
static bool choose(struct bpf_object *object, struct str name, char *log)
{
	struct bpf_program *program, *chosen = NULL;
	bool loads_all = has_programs_in_maps(object);
	bpf_object__for_each_program(program, object)
	{
		bool is_it = str_is(name, bpf_program__name(program));
		bpf_program__set_autoload(program, is_it || loads_all);
		if (is_it)
			chosen = program;
		if ((is_it || loads_all) &&
		    bpf_program__set_type(program, BPF_PROG_TYPE_KPROBE) != 0)
			return false;
	}
	return chosen && bpf_program__set_log_buf(chosen, log, KERNEL_LOG_BYTES) == 0;
}

/* [K2] */
static struct err *judge(struct bpf_object *object, char *log, struct kernel_entry *e)
{
	if (!choose(object, e->name, log))
		return say(STR("libbpf finds no such program in the object"), &e->words);
	int error = -bpf_object__load(object);
	if (error == 0) {
		e->state = KERNEL_ACCEPTED;
		return NULL;
	}
	struct str text = {log, strnlen(log, KERNEL_LOG_BYTES)};
	if (text.size == 0)
		return say_failure("it is not loaded", error, &e->words);
	e->state = KERNEL_REJECTED;
	return say(tail_of(text), &e->words);
}

/* [K1] */
static struct err *ask_for(struct bytes image, struct kernel_entry *e)
{
	OWNED(text) char *log = mem_zalloc(KERNEL_LOG_BYTES);
	TRY_MEMORY(log);
	LIBBPF_OPTS(bpf_object_open_opts, options, .object_name = "eimctl");
	struct bpf_object *object = bpf_object__open_mem(image.data, image.size, &options);
	if (!object)
		return say_failure("libbpf does not open it", errno, &e->words);
	struct err *failure = judge(object, log, e);
	bpf_object__close(object);
	return failure;
}

/* Whether the kernel loads anything at all: the smallest program. */
static struct err *try_smallest(char **refusal)
{
	static const struct bpf_insn insns[] = {
		{.code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_0},
		{.code = BPF_JMP | BPF_EXIT},
	};
	int fd = bpf_prog_load(BPF_PROG_TYPE_KPROBE, "eimctl", "GPL", insns, ARRAY_SIZE(insns),
			       NULL);
	if (fd >= 0) {
		close(fd);
		return NULL;
	}
	const char *what = fd == -EPERM || fd == -EACCES
				   ? "loading wants the capabilities CAP_BPF and CAP_PERFMON"
				   : "this kernel loads no programs of uprobes";
	return say_failure(what, -fd, refusal);
}

static struct err *ask_each(struct bytes image, const struct object *object,
			    struct kernel_answer *a)
{
	uint32_t count;
	const struct object_function *functions = object_functions(object, &count);
	a->entries = mem_zalloc_array(count, sizeof(*a->entries));
	TRY_MEMORY(a->entries);
	for (uint32_t i = 0; i < count; i++) {
		if (!functions[i].is_entry)
			continue;
		struct kernel_entry *e = &a->entries[a->count++];
		*e = (struct kernel_entry){.name = functions[i].name, .state = KERNEL_NOT_LOADED};
		if (functions[i].kind->prog_type == BPF_PROG_TYPE_UNSPEC)
			TRY(say(STR("its section is not one of the kernel's"), &e->words));
		else
			TRY(ask_for(image, e));
	}
	return NULL;
}

struct err *kernel_ask(struct bytes image, const struct object *object, struct kernel_answer **out)
{
	OWNED(kernel) struct kernel_answer *a = mem_zalloc(sizeof(*a));
	TRY_MEMORY(a);
	libbpf_set_print(silent);
	TRY(try_smallest(&a->refusal));
	if (!a->refusal)
		TRY(ask_each(image, object, a));
	*out = MOVE(a);
	return NULL;
}

/* ---- both, side by side ---- */

/* Our verdict is about the program; entries behind the rejected one were not looked at. */
static const char *ours_of(const struct verdict *ours, const struct kernel_entry *e)
{
	const struct verifier_finding *f = verdict_finding(ours);
	if (!f)
		return "accepted";
	return f->entry.size == 0 || str_equal(f->entry, e->name) ? "rejected" : "not-reached";
}

static void print_words(struct str words, struct buf *out)
{
	struct str line, rest = words;
	bool more;
	do {
		more = str_split(rest, '\n', &line, &rest);
		buf_printf(out, "    %.*s\n", STR_FMT(line));
	} while (more);
}

void kernel_print(const struct kernel_answer *a, const struct verdict *ours, struct buf *out)
{
	int width = 5;
	if (a->refusal) {
		buf_printf(out, "\nthe kernel does not allow it: %s\n", a->refusal);
		return;
	}
	for (uint32_t i = 0; i < a->count; i++)
		width = MAX(width, (int)a->entries[i].name.size);
	buf_printf(out, "\n%-*s  %-11s  %s\n", width, "ENTRY", "OURS", "KERNEL");
	for (uint32_t i = 0; i < a->count; i++) {
		const struct kernel_entry *e = &a->entries[i];
		buf_printf(out, "%-*.*s  %-11s  %s\n", width, STR_FMT(e->name), ours_of(ours, e),
			   state_names[e->state]);
		if (e->words)
			print_words(str_of(e->words), out);
	}
}

void kernel_print_json(const struct kernel_answer *a, const struct verdict *ours, struct buf *out)
{
	struct json writer = json_start(out), *w = &writer;
	json_object(w, NULL);
	json_bool(w, "allowed", !a->refusal);
	if (a->refusal)
		json_text(w, "message", str_of(a->refusal));
	json_list(w, "entries");
	for (uint32_t i = 0; i < a->count; i++) {
		const struct kernel_entry *e = &a->entries[i];
		json_object(w, NULL);
		json_text(w, "name", e->name);
		json_text(w, "ours", str_of(ours_of(ours, e)));
		json_text(w, "verdict", str_of(state_names[e->state]));
		if (e->words)
			json_text(w, "log", str_of(e->words));
		json_end(w);
	}
	json_end(w);
	json_end(w);
}
