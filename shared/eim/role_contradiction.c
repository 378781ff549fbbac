/*
 * Conditions that no call can meet together: of types, of the function, of capabilities. Each was written
 * where the others are not seen, so both are named.
 *
 * Relations are brought into the form "sum of names REL number" and sorted, so that all of one sum stand
 * together; each narrows what is left of it, beginning with what its type can hold:
 *
 *	fd ≥ 5, 3 > fd, x - y ≤ 2, y < x - 7	→   fd: ≥ 5, < 3	x - y: ≤ 2, > 7
 *
 * [D1] What is reported cannot be met. Not all that cannot is reported: sums are looked at one by one.
 */
#include "shared/eim/ctype.h"
#include "shared/eim/role_internal.h"

#include <stdlib.h>

typedef __int128 wide;

#define FORM_ATOMS ((size_t)2 * CONSTRAINT_MAX_ATOMS)

struct form_atom {
	enum constraint_atom_kind kind;
	struct str name;
	int count; /* how often; never 0 */
};

/* atoms REL number */
struct form {
	struct form_atom atoms[FORM_ATOMS];
	size_t atoms_count;
	enum constraint_relation relation;
	wide number;
	const struct constraint_term *term;
	const struct spec_place *at; /* NULL: nobody wrote it */
};

/* What is left of a sum, and which forms say so (NULL: its type). */
struct left_over {
	wide low, high;
	const struct form *low_by, *high_by;
};

struct examination {
	const struct role_builder *b;
	const struct role_function *f;
	struct form *forms;
	size_t count;
};

/* ---- forms ---- */

static int compare_atoms(const struct form_atom *a, const struct form_atom *b)
{
	if (a->kind != b->kind)
		return a->kind < b->kind ? -1 : 1;
	size_t size = MIN(a->name.size, b->name.size);
	int order = size ? memcmp(a->name.data, b->name.data, size) : 0;
	return order ? order : (a->name.size > b->name.size) - (a->name.size < b->name.size);
}

static void add_atom(struct form *f, const struct constraint_atom *from, int count)
{
	struct form_atom atom = {from->kind, from->name, count};
	size_t at = 0;
	while (at < f->atoms_count && compare_atoms(&f->atoms[at], &atom) < 0)
		at++;
	if (at < f->atoms_count && compare_atoms(&f->atoms[at], &atom) == 0) {
		f->atoms[at].count += count;
		if (f->atoms[at].count)
			return;
		f->atoms_count--;
		memmove(&f->atoms[at], &f->atoms[at + 1], (f->atoms_count - at) * sizeof(atom));
		return;
	}
	memmove(&f->atoms[at + 1], &f->atoms[at], (f->atoms_count - at) * sizeof(atom));
	f->atoms[at] = atom;
	f->atoms_count++;
}

static void add_sum(struct form *f, const struct constraint_sum *sum, int sign)
{
	for (size_t i = 0; i < sum->count; i++) {
		const struct constraint_atom *a = &sum->atoms[i];
		int count = a->negative ? -sign : sign;
		if (a->kind == CONSTRAINT_INTEGER)
			f->number -= count * (wide)(uint64_t)a->integer;
		else
			add_atom(f, a, count);
	}
}

static void turn(struct form *f)
{
	static const enum constraint_relation turned[] = {
		[CONSTRAINT_EQ] = CONSTRAINT_EQ, [CONSTRAINT_NE] = CONSTRAINT_NE,
		[CONSTRAINT_LT] = CONSTRAINT_GT, [CONSTRAINT_LE] = CONSTRAINT_GE,
		[CONSTRAINT_GT] = CONSTRAINT_LT, [CONSTRAINT_GE] = CONSTRAINT_LE,
	};
	for (size_t i = 0; i < f->atoms_count; i++)
		f->atoms[i].count = -f->atoms[i].count;
	f->number = -f->number;
	f->relation = turned[f->relation];
}

static struct form form_of(const struct constraint_term *term, const struct spec_place *at)
{
	struct form f = {.relation = term->relation, .term = term, .at = at};
	add_sum(&f, &term->left, 1);
	add_sum(&f, &term->right, -1);
	if (f.atoms_count && f.atoms[0].count < 0)
		turn(&f);
	return f;
}

static int compare_sums(const struct form *a, const struct form *b)
{
	if (a->atoms_count != b->atoms_count)
		return a->atoms_count < b->atoms_count ? -1 : 1;
	for (size_t i = 0; i < a->atoms_count; i++) {
		int order = compare_atoms(&a->atoms[i], &b->atoms[i]);
		if (order == 0)
			order = a->atoms[i].count - b->atoms[i].count;
		if (order)
			return order;
	}
	return 0;
}

static int compare_forms(const void *x, const void *y)
{
	const struct form *a = x, *b = y;
	int order = compare_sums(a, b);
	return order ? order : (a->number > b->number) - (a->number < b->number);
}

/* ---- narrowing ---- */

static struct str type_of(const struct examination *e, const struct form_atom *atom)
{
	if (atom->kind == CONSTRAINT_RETURN)
		return e->f->return_type;
	for (size_t i = 0; i < e->f->params_count && atom->kind == CONSTRAINT_NAME; i++)
		if (str_equal(e->f->params[i].name, atom->name))
			return e->f->params[i].type;
	return STR("");
}

/* What the type of a lone name can hold. */
static struct left_over start(const struct examination *e, const struct form *f)
{
	const wide limit = (wide)1 << 100;
	struct left_over all = {-limit, limit, NULL, NULL};
	struct ctype type;
	if (f->atoms_count == 0)
		all.low = all.high = 0;
	if (f->atoms_count != 1 || f->atoms[0].count != 1 ||
	    !ctype_resolve(e->b->spec, type_of(e, &f->atoms[0]), &type) || type.pointers ||
	    type.kind != CTYPE_INT || type.size_bytes > 8)
		return all;
	unsigned bits = type.size_bytes * 8;
	all.low = type.is_signed ? -((wide)1 << (bits - 1)) : 0;
	all.high = ((wide)1 << (type.is_signed ? bits - 1 : bits)) - 1;
	return all;
}

static void raise_low(struct left_over *l, wide to, const struct form *by)
{
	if (to <= l->low)
		return;
	l->low = to;
	l->low_by = by;
}

static void lower_high(struct left_over *l, wide to, const struct form *by)
{
	if (to >= l->high)
		return;
	l->high = to;
	l->high_by = by;
}

static void narrow(struct left_over *l, const struct form *f)
{
	switch (f->relation) {
	case CONSTRAINT_EQ:
		raise_low(l, f->number, f);
		lower_high(l, f->number, f);
		return;
	case CONSTRAINT_LT:
		lower_high(l, f->number - 1, f);
		return;
	case CONSTRAINT_LE:
		lower_high(l, f->number, f);
		return;
	case CONSTRAINT_GT:
		raise_low(l, f->number + 1, f);
		return;
	case CONSTRAINT_GE:
		raise_low(l, f->number, f);
		return;
	case CONSTRAINT_NE:
	case CONSTRAINT_NON_NULL:
	case CONSTRAINT_NULL_TERMINATED:
	case CONSTRAINT_READABLE:
	case CONSTRAINT_WRITABLE:
		return;
	}
}

/* Values at the ends that are excluded; the forms are sorted by their numbers. */
static void exclude(struct left_over *l, const struct form *forms, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (forms[i].relation == CONSTRAINT_NE && forms[i].number == l->low)
			raise_low(l, l->low + 1, &forms[i]);
	for (size_t i = count; i-- > 0;)
		if (forms[i].relation == CONSTRAINT_NE && forms[i].number == l->high)
			lower_high(l, l->high - 1, &forms[i]);
}

static struct left_over narrow_all(const struct examination *e, const struct form *forms,
				   size_t count)
{
	struct left_over l = start(e, forms);
	for (size_t i = 0; i < count; i++)
		narrow(&l, &forms[i]);
	exclude(&l, forms, count);
	return l;
}

/* ---- reports ---- */

static void put_term(const struct form *f, struct buf *out)
{
	struct constraint only = {.terms = f->term, .count = 1};
	buf_putc(out, '"');
	constraint_print(&only, out);
	buf_putc(out, '"');
}

static void put_form(const struct form *f, struct buf *out)
{
	put_term(f, out);
	if (f->at)
		buf_printf(out, " (line %u:%u)", f->at->line, f->at->column);
}

static struct err *report(const struct examination *e, const struct left_over *l)
{
	OWNED_BUF struct buf text = BUF_INIT(1 << 16);
	const struct form *first = l->low_by ? l->low_by : l->high_by, *second = l->high_by;
	if (!first)
		return NULL;
	buf_printf(&text, "function \"%.*s\": ", STR_FMT(e->f->name));
	put_form(first, &text);
	if (second && second != first) {
		buf_puts(&text, " and ");
		put_form(second, &text);
		buf_puts(&text, " contradict each other: no call can meet both");
	} else {
		buf_puts(&text, " cannot hold");
		struct str type = first->term->relation <= CONSTRAINT_GE && first->atoms_count
					  ? type_of(e, &first->atoms[0])
					  : STR("");
		if (type.size)
			buf_printf(&text, ": no value of type \"%.*s\" meets it", STR_FMT(type));
	}
	TRY(buf_check(&text));
	const struct spec_place *at = first->at ? first->at : second ? second->at : NULL;
	if (!at)
		return err_at(ERR_INVALID, "/host_functions", "%s", buf_text(&text));
	return err_at(ERR_INVALID, at->path, "line %u:%u: %s", at->line, at->column,
		      buf_text(&text));
}

/* ---- all of it ---- */

static size_t count_terms(const struct constraint *items, size_t count)
{
	size_t all = 0;
	for (size_t i = 0; i < count; i++)
		all += items[i].count;
	return all;
}

/* Every term that has to hold: those of constraints without a choice. */
static void take_forms(struct examination *e, const struct constraint *items,
		       const struct spec_place *const *at, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		for (size_t j = 0; j < items[i].count && !constraint_has_choice(&items[i]); j++)
			if (items[i].terms[j].relation <= CONSTRAINT_GE)
				e->forms[e->count++] = form_of(&items[i].terms[j], at[i]);
	}
	qsort(e->forms, e->count, sizeof(*e->forms), compare_forms);
}

/* The forms of the same sum as `wanted`: [*from, *to). */
static void find_sum(const struct examination *e, const struct form *wanted, size_t *from,
		     size_t *to)
{
	size_t low = 0, high = e->count;
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		if (compare_sums(&e->forms[middle], wanted) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	for (*from = *to = low; *to < e->count; ++*to)
		if (compare_sums(&e->forms[*to], wanted) != 0)
			return;
}

/* Whether the term can hold beside all that must. */
static bool is_possible(const struct examination *e, const struct constraint_term *term)
{
	if (term->relation > CONSTRAINT_GE)
		return true;
	struct form f = form_of(term, NULL);
	size_t from, to;
	find_sum(e, &f, &from, &to);
	struct left_over l = from < to ? narrow_all(e, &e->forms[from], to - from) : start(e, &f);
	narrow(&l, &f);
	return l.low <= l.high &&
	       !(f.relation == CONSTRAINT_NE && l.low == l.high && l.low == f.number);
}

static struct err *check_choice(const struct examination *e, const struct constraint *c,
				const struct spec_place *at)
{
	OWNED_BUF struct buf text = BUF_INIT(1 << 16);
	size_t from, to = 0;
	while (constraint_next(c, &from, &to)) {
		bool possible = true;
		for (size_t i = from; i < to; i++)
			possible &= is_possible(e, &c->terms[i]);
		if (possible)
			return NULL;
	}
	constraint_print(c, &text);
	TRY(buf_check(&text));
	return err_at(ERR_INVALID, at->path,
		      "line %u:%u: function \"%.*s\": none of the alternatives of \"%s\" can hold "
		      "beside its other constraints",
		      at->line, at->column, STR_FMT(e->f->name), buf_text(&text));
}

static struct err *check_list(const struct role_builder *b, const struct role_function *f,
			      struct arena *scratch, const struct constraint *items,
			      const struct spec_place *const *at, size_t count)
{
	struct examination e = {.b = b, .f = f};
	e.forms = arena_alloc_array(scratch, count_terms(items, count) + 1, sizeof(*e.forms));
	TRY_MEMORY(e.forms);
	take_forms(&e, items, at, count);
	for (size_t from = 0, to; from < e.count; from = to) {
		find_sum(&e, &e.forms[from], &from, &to);
		struct left_over l = narrow_all(&e, &e.forms[from], to - from);
		if (l.low > l.high)
			return report(&e, &l);
	}
	for (size_t i = 0; i < count; i++)
		if (constraint_has_choice(&items[i]) && at[i])
			TRY(check_choice(&e, &items[i], at[i]));
	return NULL;
}

struct err *role_check_contradictions(const struct role_builder *b, const struct role_function *f,
				      const struct role_constraints *list)
{
	OWNED_ARENA struct arena scratch = ARENA_INIT((size_t)16 << 20);
	TRY(check_list(b, f, &scratch, list->pre, list->pre_at, list->pre_count));
	return check_list(b, f, &scratch, list->post, list->post_at, list->post_count);
}
