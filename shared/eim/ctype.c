/*
 * Spellings are read word by word. The words of an integer type ("long unsigned int") are counted, and
 * the counts give its one name in ctype.tbl.h.
 */
#include "shared/eim/ctype.h"

#define MAX_POINTERS 8

static const struct {
	const char *name;
	enum ctype_kind kind;
	uint32_t size_bytes;
	bool is_signed;
} builtin[] = {
#define CTYPE(text, type, bytes, sign) {text, CTYPE_##type, bytes, sign},
#include "shared/eim/ctype.tbl.h"
#undef CTYPE
};

static bool find_builtin(struct str name, struct ctype *out)
{
	for (size_t i = 0; i < ARRAY_SIZE(builtin); i++) {
		if (!str_is(name, builtin[i].name))
			continue;
		out->kind = builtin[i].kind;
		out->size_bytes = builtin[i].size_bytes;
		out->is_signed = builtin[i].is_signed;
		return true;
	}
	return false;
}

/* "const_char_ptr", "void_ptr", "u64_ptr": a built-in name with a pointer in words. */
static bool find_worded(struct str name, struct ctype *out)
{
	struct str inner = str_starts(name, "const_") ? str_from(name, strlen("const_")) : name;
	unsigned pointers = 0;
	while (str_ends(inner, "_ptr") && pointers < MAX_POINTERS) {
		inner.size -= strlen("_ptr");
		pointers++;
	}
	if (pointers == 0 || !find_builtin(inner, out))
		return false;
	out->pointers += pointers;
	out->is_const = pointers == 1 && str_starts(name, "const_");
	return true;
}

/* ---- words ---- */

struct words {
	unsigned signeds, unsigneds, chars, shorts, ints, longs;
	bool any; /* one of the above */
	enum ctype_kind tag;
	bool has_tag;
	unsigned consts; /* bit n: "const" stands behind n stars */
	struct str name; /* the one word that is none of them */
	unsigned names;
};

static bool is_name_byte(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
	       c == '_';
}

static bool take_integer_word(struct words *w, struct str word)
{
	const struct {
		const char *text;
		unsigned *count;
	} counted[] = {
		{"signed", &w->signeds}, {"unsigned", &w->unsigneds}, {"char", &w->chars},
		{"short", &w->shorts},	 {"int", &w->ints},	      {"long", &w->longs},
	};
	for (size_t i = 0; i < ARRAY_SIZE(counted); i++) {
		if (!str_is(word, counted[i].text))
			continue;
		++*counted[i].count;
		w->any = true;
		return true;
	}
	return false;
}

static bool take_tag_word(struct words *w, struct str word)
{
	static const struct {
		const char *text;
		enum ctype_kind kind;
	} tags[] = {{"struct", CTYPE_STRUCT}, {"union", CTYPE_UNION}, {"enum", CTYPE_ENUM}};
	for (size_t i = 0; i < ARRAY_SIZE(tags) && w->names == 0 && !w->has_tag; i++) {
		if (!str_is(word, tags[i].text))
			continue;
		w->tag = tags[i].kind;
		w->has_tag = true;
		return true;
	}
	return false;
}

static void take_word(struct words *w, struct str word)
{
	if (str_is(word, "const") || str_is(word, "volatile") || str_is(word, "restrict"))
		return;
	if (take_tag_word(w, word) || (!w->has_tag && take_integer_word(w, word)))
		return;
	w->name = word;
	w->names++;
}

/* Splits the text into words and stars; stars stand behind the words. */
static bool take_text(struct str text, struct words *w, unsigned *stars)
{
	while (text.size) {
		size_t size = 0;
		while (size < text.size && is_name_byte(text.data[size]))
			size++;
		struct str word = {text.data, size};
		bool qualifier = str_is(word, "const") || str_is(word, "volatile") ||
				 str_is(word, "restrict");
		if (size && *stars && !qualifier)
			return false;
		if (str_is(word, "const") && *stars <= MAX_POINTERS)
			w->consts |= 1u << *stars;
		if (size)
			take_word(w, word);
		else if (text.data[0] == '*')
			++*stars;
		else if (text.data[0] != ' ')
			return false;
		text = str_from(text, MAX(size, (size_t)1));
	}
	return *stars <= MAX_POINTERS;
}

/* The name that the table has for counted words; NULL where C has no such type. */
static const char *integer_name(const struct words *w)
{
	if (w->signeds + w->unsigneds > 1 || w->ints > 1 || w->shorts > 1 || w->longs > 2 ||
	    w->chars > 1 || (w->chars && (w->ints || w->shorts || w->longs)) ||
	    (w->shorts && w->longs))
		return NULL;
	if (w->chars)
		return w->unsigneds ? "unsigned char" : w->signeds ? "signed char" : "char";
	if (w->shorts)
		return w->unsigneds ? "unsigned short" : "short";
	if (w->longs)
		return w->unsigneds ? "unsigned long" : "long";
	return w->unsigneds ? "unsigned int" : "int";
}

static bool resolve_words(const struct words *w, struct ctype *out)
{
	if (w->has_tag) {
		out->kind = w->tag;
		out->name = w->name;
		return w->names == 1 && !w->any;
	}
	if (w->any) {
		const char *name = integer_name(w);
		bool long_double = w->longs == 1 && !w->ints && !w->signeds && !w->unsigneds &&
				   w->names == 1 && str_is(w->name, "double");
		if (long_double) {
			*out = (struct ctype){.kind = CTYPE_FLOAT,
					      .size_bytes = 16,
					      .is_signed = true};
			return true;
		}
		return name && w->names == 0 && find_builtin(str_of(name), out);
	}
	if (w->names != 1 || (w->name.data[0] >= '0' && w->name.data[0] <= '9'))
		return false;
	if (!find_builtin(w->name, out) && !find_worded(w->name, out)) {
		out->kind = CTYPE_NAMED;
		out->name = w->name;
	}
	return true;
}

bool ctype_parse(struct str text, struct ctype *out)
{
	struct words w = {0};
	struct ctype type = {0};
	unsigned stars = 0;
	if (!take_text(str_trim(text), &w, &stars) || !resolve_words(&w, &type))
		return false;
	type.pointers += stars;
	if (stars)
		type.is_const = w.consts >> (stars - 1) & 1;
	*out = type;
	return true;
}

const struct spec_type *ctype_base_of(const struct spec *spec, const struct spec_type *type)
{
	/* A declaration of "int" with base "int" only adds constraints to the built-in one. */
	return str_equal(type->base, type->name) ? NULL : spec_find_type(spec, type->base);
}

bool ctype_resolve(const struct spec *spec, struct str text, struct ctype *out)
{
	const struct spec_type *type = spec_find_type(spec, text);
	for (size_t steps = 0; type; steps++) {
		if (steps > spec->types_count)
			return false;
		text = type->base;
		type = ctype_base_of(spec, type);
	}
	return ctype_parse(text, out);
}

/* ---- against BTF ---- */

static bool is_qualifier(enum btf_kind kind)
{
	return kind == BTF_CONST || kind == BTF_VOLATILE || kind == BTF_RESTRICT ||
	       kind == BTF_TYPE_TAG;
}

static bool has_tag_kind(const struct ctype *type, const struct btf_type *t)
{
	bool named = type->kind == CTYPE_NAMED;
	if (t->kind == BTF_STRUCT)
		return named || type->kind == CTYPE_STRUCT;
	if (t->kind == BTF_UNION)
		return named || type->kind == CTYPE_UNION;
	if (t->kind == BTF_ENUM || t->kind == BTF_ENUM64)
		return named || type->kind == CTYPE_ENUM;
	return t->kind == BTF_FWD &&
	       (named || type->kind == CTYPE_STRUCT || type->kind == CTYPE_UNION);
}

static bool matches_end(const struct ctype *type, const struct btf_type *t)
{
	switch (type->kind) {
	case CTYPE_VOID:
		return t->kind == BTF_VOID;
	case CTYPE_INT:
		return t->kind == BTF_INT && t->size_bytes == type->size_bytes && !t->is_bool &&
		       t->is_signed == type->is_signed;
	case CTYPE_CHAR:
		return t->kind == BTF_INT && t->size_bytes == 1 && !t->is_bool;
	case CTYPE_BOOL:
		return t->kind == BTF_INT && t->is_bool;
	case CTYPE_FLOAT:
		return t->kind == BTF_FLOAT && t->size_bytes == type->size_bytes;
	case CTYPE_STRUCT:
	case CTYPE_UNION:
	case CTYPE_ENUM:
	case CTYPE_NAMED:
		return has_tag_kind(type, t) && str_equal(t->name, type->name);
	}
	return false;
}

bool ctype_matches(const struct ctype *type, const struct btf *btf, uint32_t id)
{
	unsigned pointers = type->pointers;
	const struct btf_type *t = btf_type(btf, id);
	for (; t; t = btf_type(btf, t->type)) {
		bool by_name = t->kind == BTF_TYPEDEF && pointers == 0 &&
			       type->kind == CTYPE_NAMED && str_equal(t->name, type->name);
		if (by_name)
			return true;
		if (t->kind == BTF_PTR && pointers > 0)
			pointers--;
		else if (!is_qualifier(t->kind) && t->kind != BTF_TYPEDEF)
			break;
	}
	return t && pointers == 0 && matches_end(type, t);
}
