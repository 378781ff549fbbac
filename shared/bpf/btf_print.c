/*
 * C writes types inside out: the name stands in the middle, pointers before it, arrays and parameters
 * behind it. So the text grows from the middle: `middle` begins empty and each layer is put around it,
 * until a layer has a name of its own (int, struct s, a typedef), which goes in front.
 *
 *	PTR → FUNC_PROTO(int) → PTR → CONST → INT char
 *	""  →  "*"  →  "(*)(int)"  →  "*(*)(int)"  →  "const char *(*)(int)"
 *
 * Parameters nest, and a hostile type can nest them so that the text doubles at each level: `layers`
 * bounds the layers of one whole text, what lies beyond is "…".
 */
#include "shared/bpf/btf_data.h"
#include "shared/base/buf.h"

#include <stdio.h>

#define LAYERS_MAX 256
#define NESTED_MAX 8
#define TEXT_MAX   65536

struct printer {
	const struct btf *btf;
	unsigned layers, nested;
};

static void print_layers(struct printer *p, uint32_t id, struct buf *out);

/* What is lost on the way is lost in the end. */
static void take_failure(const struct buf *from, struct buf *to)
{
	to->failed |= from->failed;
	to->too_large |= from->too_large;
}

/* middle = before + middle + after */
static void surround(struct buf *middle, const char *before, const char *after)
{
	OWNED_BUF struct buf whole = BUF_INIT(TEXT_MAX);
	if (middle->failed) /* clearing it would forget that */
		return;
	buf_printf(&whole, "%s%s%s", before, buf_text(middle), after);
	buf_clear(middle);
	buf_add(middle, buf_str(&whole));
	take_failure(&whole, middle);
}

/* "int (*)[4]", but "int [4]": a pointer to what has a suffix needs parentheses. */
static void put_suffix(struct buf *middle, const char *suffix)
{
	bool is_pointer = middle->size && buf_text(middle)[0] == '*';
	if (is_pointer)
		surround(middle, "(", ")");
	surround(middle, "", suffix);
}

static void put_parameters(struct printer *p, const struct btf_type *t, struct buf *middle)
{
	OWNED_BUF struct buf text = BUF_INIT(TEXT_MAX);
	buf_puts(&text, t->count ? "(" : "(void");
	for (uint32_t i = 0; i < t->count; i++) {
		struct btf_member m = btf_member(p->btf, t, i);
		buf_puts(&text, i ? ", " : "");
		if (m.type == 0 && i + 1 == t->count)
			buf_puts(&text, "...");
		else
			print_layers(p, m.type, &text);
		if (p->layers == 0)
			break;
	}
	buf_putc(&text, ')');
	put_suffix(middle, buf_text(&text));
	take_failure(&text, middle);
}

static const char *word_of(const struct btf_type *t)
{
	static const char *const words[BTF_ENUM64 + 1] = {
		[BTF_STRUCT] = "struct ",
		[BTF_UNION] = "union ",
		[BTF_ENUM] = "enum ",
		[BTF_ENUM64] = "enum ",
	};
	if (t->kind == BTF_FWD)
		return t->is_signed ? "union " : "struct "; /* the record's flag */
	return words[t->kind] ? words[t->kind] : "";
}

/* The innermost layer: a name, "struct {…}", or "…" for NULL. */
static void put_base(const struct btf_type *t, struct str qualifiers, struct buf *middle,
		     struct buf *out)
{
	struct str name = STR("…");
	if (t)
		name = t->kind == BTF_VOID ? STR("void") : t->name.size ? t->name : STR("{…}");
	buf_printf(out, "%.*s%s%.*s", STR_FMT(qualifiers), t ? word_of(t) : "", STR_FMT(name));
	if (middle->size)
		buf_putc(out, ' ');
	buf_add(out, buf_str(middle));
	take_failure(middle, out);
}

/* Puts the layer `t` around `middle`; false where it is the innermost one. */
static bool put_layer(struct printer *p, const struct btf_type *t, struct buf *qualifiers,
		      struct buf *middle)
{
	static const char *const words[BTF_ENUM64 + 1] = {
		[BTF_CONST] = "const ",
		[BTF_VOLATILE] = "volatile ",
		[BTF_RESTRICT] = "restrict ",
		[BTF_TYPE_TAG] = "",
	};
	char suffix[32];
	if (words[t->kind]) {
		buf_puts(qualifiers, words[t->kind]);
		return true;
	}
	if (t->kind == BTF_PTR) {
		surround(middle, buf_text(qualifiers), "");
		surround(middle, "*", "");
		take_failure(qualifiers, middle);
		buf_clear(qualifiers);
		return true;
	}
	if (t->kind == BTF_ARRAY) {
		snprintf(suffix, sizeof(suffix), "[%u]", t->count);
		put_suffix(middle, suffix);
		return true;
	}
	if (t->kind != BTF_FUNC_PROTO)
		return false;
	put_parameters(p, t, middle);
	return true;
}

static void print_layers(struct printer *p, uint32_t id, struct buf *out)
{
	OWNED_BUF struct buf middle = BUF_INIT(TEXT_MAX);
	OWNED_BUF struct buf qualifiers = BUF_INIT(TEXT_MAX);
	const struct btf_type *t = btf_type(p->btf, id), *base = NULL;
	p->nested++;
	while (!base && p->layers && p->nested <= NESTED_MAX) {
		p->layers--;
		if (t->kind == BTF_FUNC || t->kind == BTF_VAR)
			surround(&middle, t->name.data, "");
		else if (!put_layer(p, t, &qualifiers, &middle))
			base = t;
		t = btf_type(p->btf, t->type);
	}
	p->nested--;
	take_failure(&qualifiers, &middle);
	put_base(base, buf_str(&qualifiers), &middle, out);
}

void btf_print_type(const struct btf *b, uint32_t id, struct buf *out)
{
	struct printer p = {.btf = b, .layers = LAYERS_MAX};
	print_layers(&p, id < b->count ? id : 0, out);
}
