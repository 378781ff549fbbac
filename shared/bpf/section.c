#include "shared/bpf/section.h"
#include "shared/base/own.h"

#include <linux/bpf.h>

/* Newer than Debian 12's header. */
#define BPF_PROG_TYPE_NETFILTER 32

const struct section sections[] = {
#define SECTION(prefix, match, kind, provider, program) \
	{prefix, SECTION_##match, SECTION_##kind, SECTION_##provider, BPF_PROG_TYPE_##program},
#include "shared/bpf/section.tbl.h"
#undef SECTION
};
const size_t sections_count = ARRAY_SIZE(sections);

static bool row_matches(const struct section *row, struct str name)
{
	struct str rest = str_from(name, strlen(row->prefix));
	if (!str_starts(name, row->prefix))
		return false;
	switch (row->match) {
	case SECTION_EXACT:
		return rest.size == 0;
	case SECTION_EXTRA:
		return rest.size == 0 || rest.data[0] == '/';
	case SECTION_NEEDS:
		return rest.size > 1 && rest.data[0] == '/';
	case SECTION_OPEN:
		return rest.size > 0;
	}
	return false;
}

static struct str without_mark(struct str name)
{
	return str_from(name, str_starts(name, "?"));
}

const struct section *section_find(struct str name)
{
	for (size_t i = 0; i < sections_count; i++)
		if (row_matches(&sections[i], without_mark(name)))
			return &sections[i];
	return NULL;
}

/* Splits at the last `separator`, as paths may hold one too. */
static bool split_last(struct str s, char separator, struct str *head, struct str *tail)
{
	const char *at = s.size ? memrchr(s.data, separator, s.size) : NULL;
	if (!at)
		return false;
	*head = (struct str){s.data, (size_t)(at - s.data)};
	*tail = str_from(s, head->size + 1);
	return true;
}

/* SYMBOL, SYMBOL+OFFSET or OFFSET */
static struct err *parse_place(struct str place, struct section_target *t)
{
	struct str symbol = place, offset;
	if (str_to_u64(place, &t->offset))
		return NULL;
	if (split_last(place, '+', &symbol, &offset) && !str_to_u64(offset, &t->offset))
		return err_new(ERR_INVALID, "the offset \"%.*s\" is no number", STR_FMT(offset));
	if (symbol.size == 0)
		return err_new(ERR_INVALID, "no symbol stands after the ':'");
	t->symbol = symbol;
	return NULL;
}

struct err *section_target_parse(struct str name, struct section_target *out)
{
	struct section_target t = {STR(""), STR(""), 0};
	struct str kind, target, place;
	if (str_split(without_mark(name), '/', &kind, &target)) {
		if (!split_last(target, ':', &t.path, &place))
			return err_new(ERR_INVALID,
				       "section \"%.*s\": write PATH:SYMBOL after the first '/'",
				       STR_FMT(name));
		TRY_DOING(parse_place(place, &t), "section \"%.*s\"", STR_FMT(name));
	}
	*out = t;
	return NULL;
}
