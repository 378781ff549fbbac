/*
 * A hand-written parser without recursion: the grammar has no nesting but one pair of parentheses.
 *
 * [C1] What the grammar does not cover to the last byte is prose; nothing is half understood.
 * [C2] An integer is kept as a magnitude and a sign, so that INT64_MIN has a form: -9223372036854775808
 *      is negative with integer = INT64_MIN, and 0 - INT64_MIN wraps to itself.
 */
#include "shared/eim/constraint.h"

struct parser {
	struct str rest;
	bool too_many; /* it was a constraint so far, but larger than the limits */
};

/* Longer spellings first: "<" must not take the half of "<=". The first of each relation is printed. */
static const struct {
	const char *text;
	enum constraint_relation relation;
} relations[] = {
	{"≥", CONSTRAINT_GE}, {">=", CONSTRAINT_GE}, {"≤", CONSTRAINT_LE},  {"<=", CONSTRAINT_LE},
	{"≠", CONSTRAINT_NE}, {"!=", CONSTRAINT_NE}, {"==", CONSTRAINT_EQ}, {"=", CONSTRAINT_EQ},
	{"<", CONSTRAINT_LT}, {">", CONSTRAINT_GT},
};

static const struct {
	const char *text;
	enum constraint_relation relation;
	bool has_size;
} predicates[] = {
	{"non_null", CONSTRAINT_NON_NULL, false},
	{"null_terminated", CONSTRAINT_NULL_TERMINATED, false},
	{"readable", CONSTRAINT_READABLE, true},
	{"writable", CONSTRAINT_WRITABLE, true},
};

/* ---- words and marks ---- */

static bool take_mark(struct parser *p, const char *mark)
{
	struct str rest = str_trim(p->rest);
	if (!str_starts(rest, mark))
		return false;
	p->rest = str_from(rest, strlen(mark));
	return true;
}

static bool is_word_byte(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
	       c == '_';
}

/* A name or a number: what the bytes between marks are. */
static bool take_word(struct parser *p, struct str *out)
{
	struct str rest = str_trim(p->rest);
	size_t size = 0;
	while (size < rest.size && is_word_byte(rest.data[size]))
		size++;
	if (size == 0)
		return false;
	*out = (struct str){rest.data, size};
	p->rest = str_from(rest, size);
	return true;
}

static bool is_name(struct str word)
{
	return word.size && !(word.data[0] >= '0' && word.data[0] <= '9') && !str_is(word, "and") &&
	       !str_is(word, "or");
}

/* ---- sums ---- */

static bool parse_integer(struct str word, struct constraint_atom *atom)
{
	uint64_t magnitude;
	if (!str_to_u64(word, &magnitude))
		return false;
	atom->kind = CONSTRAINT_INTEGER;
	atom->integer = (int64_t)magnitude; /* [C2] */
	return magnitude <= (uint64_t)INT64_MAX + (atom->negative ? 1 : 0);
}

static bool parse_name(struct str word, struct constraint_atom *atom)
{
	atom->kind = str_is(word, "value")    ? CONSTRAINT_VALUE
		     : str_is(word, "return") ? CONSTRAINT_RETURN
					      : CONSTRAINT_NAME;
	if (atom->kind == CONSTRAINT_NAME)
		atom->name = word;
	return is_name(word);
}

static bool parse_atom(struct parser *p, bool negative, struct constraint_atom *out)
{
	struct constraint_atom atom = {.negative = negative};
	struct str word;
	if (!take_word(p, &word))
		return false;
	if (str_is(word, "sizeof") && take_mark(p, "(")) {
		atom.kind = CONSTRAINT_SIZEOF;
		if (!take_word(p, &atom.name) || !is_name(atom.name) || !take_mark(p, ")"))
			return false;
	} else if (!(is_name(word) ? parse_name(word, &atom) : parse_integer(word, &atom))) {
		return false;
	}
	*out = atom;
	return true;
}

static bool parse_sum(struct parser *p, struct constraint_sum *sum)
{
	bool negative = take_mark(p, "-");
	do {
		if (sum->count == CONSTRAINT_MAX_ATOMS) {
			p->too_many = true;
			return false;
		}
		if (!parse_atom(p, negative, &sum->atoms[sum->count]))
			return false;
		sum->count++;
		negative = take_mark(p, "-");
	} while (negative || take_mark(p, "+"));
	return true;
}

/* ---- terms ---- */

/* The predicate whose word comes next, sizes included; false, with nothing taken, where none does. */
static bool parse_predicate(struct parser *p, struct constraint_term *term)
{
	struct parser try = *p;
	struct str word;
	if (!take_word(&try, &word))
		return false;
	for (size_t i = 0; i < ARRAY_SIZE(predicates); i++) {
		if (!str_is(word, predicates[i].text))
			continue;
		term->relation = predicates[i].relation;
		bool ok = !predicates[i].has_size ||
			  (take_mark(&try, "(") && parse_sum(&try, &term->right) &&
			   take_mark(&try, ")"));
		p->too_many |= try.too_many;
		if (ok)
			p->rest = try.rest;
		return ok;
	}
	return false;
}

static bool is_subject(const struct constraint_sum *sum)
{
	enum constraint_atom_kind kind = sum->atoms[0].kind;
	return sum->count == 1 && !sum->atoms[0].negative &&
	       (kind == CONSTRAINT_NAME || kind == CONSTRAINT_VALUE || kind == CONSTRAINT_RETURN);
}

static bool parse_relation(struct parser *p, struct constraint_term *term)
{
	for (size_t i = 0; i < ARRAY_SIZE(relations); i++) {
		if (!take_mark(p, relations[i].text))
			continue;
		term->relation = relations[i].relation;
		return parse_sum(p, &term->right);
	}
	return false;
}

static bool at_term_end(const struct parser *p)
{
	struct parser try = *p;
	struct str word;
	return str_trim(p->rest).size == 0 || take_mark(&try, ",") || take_mark(&try, "&&") ||
	       take_mark(&try, "||") ||
	       (take_word(&try, &word) && (str_is(word, "and") || str_is(word, "or")));
}

static bool parse_term(struct parser *p, struct constraint_term *term)
{
	struct parser bare = *p;
	*term = (struct constraint_term){0};
	if (parse_predicate(&bare, term) && at_term_end(&bare)) {
		term->left =
			(struct constraint_sum){.atoms = {{.kind = CONSTRAINT_VALUE}}, .count = 1};
		*p = bare;
		return true;
	}
	*term = (struct constraint_term){0};
	if (!parse_sum(p, &term->left))
		return false;
	if (take_mark(p, "."))
		return is_subject(&term->left) && parse_predicate(p, term);
	return parse_relation(p, term);
}

static bool take_this(struct parser *p, const char *wanted)
{
	struct parser try = *p;
	struct str word;
	if (!take_word(&try, &word) || !str_is(word, wanted))
		return false;
	p->rest = try.rest;
	return true;
}

static bool take_and(struct parser *p)
{
	return take_mark(p, ",") || take_mark(p, "&&") || take_this(p, "and");
}

static bool take_or(struct parser *p)
{
	return take_mark(p, "||") || take_this(p, "or");
}

static bool parse_terms(struct parser *p, struct constraint_term *terms, size_t *count)
{
	bool is_or = false;
	do {
		if (*count == CONSTRAINT_MAX_TERMS) {
			p->too_many = true;
			return false;
		}
		if (!parse_term(p, &terms[*count]))
			return false;
		terms[*count].is_or = is_or;
		(*count)++;
		is_or = take_or(p);
	} while (is_or || take_and(p));
	return str_trim(p->rest).size == 0; /* [C1] */
}

/* Names must outlive the caller's text. */
static struct err *own_names(struct constraint_sum *sum, struct arena *a)
{
	for (size_t i = 0; i < sum->count; i++) {
		if (sum->atoms[i].name.size == 0)
			continue;
		sum->atoms[i].name = arena_str(a, sum->atoms[i].name);
		TRY_MEMORY(sum->atoms[i].name.data);
	}
	return NULL;
}

static struct err *keep_terms(const struct constraint_term *terms, size_t count, struct arena *a,
			      const struct constraint_term **out)
{
	struct constraint_term *kept = arena_alloc_array(a, count, sizeof(*kept));
	TRY_MEMORY(kept);
	for (size_t i = 0; i < count; i++) {
		kept[i] = terms[i];
		TRY(own_names(&kept[i].left, a));
		TRY(own_names(&kept[i].right, a));
	}
	*out = kept;
	return NULL;
}

struct err *constraint_parse(struct str text, struct arena *a, struct constraint *out)
{
	struct constraint_term terms[CONSTRAINT_MAX_TERMS];
	struct parser p = {.rest = text};
	struct constraint c = {.text = arena_str(a, text)};
	size_t count = 0;
	TRY_MEMORY(c.text.data);
	c.is_prose = !parse_terms(&p, terms, &count);
	if (p.too_many)
		return err_new(ERR_INVALID, "a constraint of more than %d terms or %d summands",
			       CONSTRAINT_MAX_TERMS, CONSTRAINT_MAX_ATOMS);
	if (!c.is_prose) {
		TRY(keep_terms(terms, count, a, &c.terms));
		c.count = count;
	}
	*out = c;
	return NULL;
}

struct err *constraint_copy(const struct constraint *c, struct arena *a, struct constraint *out)
{
	struct constraint copy = *c;
	copy.text = arena_str(a, c->text);
	TRY_MEMORY(copy.text.data);
	TRY(keep_terms(c->terms, c->count, a, &copy.terms));
	*out = copy;
	return NULL;
}

bool constraint_next(const struct constraint *c, size_t *from, size_t *to)
{
	if (*to >= c->count)
		return false;
	*from = *to;
	do
		++*to;
	while (*to < c->count && !c->terms[*to].is_or);
	return true;
}

bool constraint_has_choice(const struct constraint *c)
{
	size_t from = 0, to = 0;
	return constraint_next(c, &from, &to) && to < c->count;
}

/* ---- printing ---- */

static void print_atom(const struct constraint_atom *atom, struct buf *out)
{
	switch (atom->kind) {
	case CONSTRAINT_INTEGER:
		buf_printf(out, "%llu", (unsigned long long)atom->integer); /* [C2] */
		break;
	case CONSTRAINT_NAME:
		buf_add(out, atom->name);
		break;
	case CONSTRAINT_RETURN:
		buf_puts(out, "return");
		break;
	case CONSTRAINT_VALUE:
		buf_puts(out, "value");
		break;
	case CONSTRAINT_SIZEOF:
		buf_printf(out, "sizeof(%.*s)", STR_FMT(atom->name));
	}
}

static void print_sum(const struct constraint_sum *sum, struct buf *out)
{
	for (size_t i = 0; i < sum->count; i++) {
		bool negative = sum->atoms[i].negative;
		if (i == 0)
			buf_puts(out, negative ? "-" : "");
		else
			buf_puts(out, negative ? " - " : " + ");
		print_atom(&sum->atoms[i], out);
	}
}

static void print_term(const struct constraint_term *term, struct buf *out)
{
	print_sum(&term->left, out);
	for (size_t i = 0; i < ARRAY_SIZE(predicates); i++) {
		if (predicates[i].relation != term->relation)
			continue;
		buf_printf(out, ".%s", predicates[i].text);
		if (predicates[i].has_size) {
			buf_putc(out, '(');
			print_sum(&term->right, out);
			buf_putc(out, ')');
		}
		return;
	}
	for (size_t i = 0; i < ARRAY_SIZE(relations); i++) {
		if (relations[i].relation != term->relation || strcmp(relations[i].text, "==") == 0)
			continue;
		buf_printf(out, " %s ", relations[i].text);
		break;
	}
	print_sum(&term->right, out);
}

void constraint_print(const struct constraint *c, struct buf *out)
{
	if (c->is_prose)
		buf_add(out, c->text);
	for (size_t i = 0; i < c->count; i++) {
		if (i)
			buf_puts(out, c->terms[i].is_or ? " or " : " and ");
		print_term(&c->terms[i], out);
	}
}

/* ---- asking ---- */

static bool sum_has_return(const struct constraint_sum *sum)
{
	for (size_t i = 0; i < sum->count; i++)
		if (sum->atoms[i].kind == CONSTRAINT_RETURN)
			return true;
	return false;
}

bool constraint_term_is_post(const struct constraint_term *term)
{
	return sum_has_return(&term->left) || sum_has_return(&term->right);
}

bool constraint_is_post(const struct constraint *c)
{
	for (size_t i = 0; i < c->count; i++)
		if (constraint_term_is_post(&c->terms[i]))
			return true;
	return false;
}

typedef bool value_of_fn(void *context, const struct constraint_atom *atom, int64_t *out);

static bool eval_sum(const struct constraint_sum *sum, value_of_fn *value_of, void *context,
		     int64_t *out)
{
	uint64_t total = 0;
	for (size_t i = 0; i < sum->count; i++) {
		const struct constraint_atom *atom = &sum->atoms[i];
		int64_t value = atom->integer;
		if (atom->kind != CONSTRAINT_INTEGER && !value_of(context, atom, &value))
			return false;
		total += atom->negative ? 0 - (uint64_t)value : (uint64_t)value;
	}
	*out = (int64_t)total;
	return true;
}

static int eval_term(const struct constraint_term *term, value_of_fn *value_of, void *context)
{
	int64_t left, right;
	if (term->relation == CONSTRAINT_NON_NULL)
		return eval_sum(&term->left, value_of, context, &left) ? left != 0 : -1;
	if (term->relation > CONSTRAINT_GE)
		return -1;
	if (!eval_sum(&term->left, value_of, context, &left) ||
	    !eval_sum(&term->right, value_of, context, &right))
		return -1;
	switch (term->relation) {
	case CONSTRAINT_EQ:
		return left == right;
	case CONSTRAINT_NE:
		return left != right;
	case CONSTRAINT_LT:
		return left < right;
	case CONSTRAINT_LE:
		return left <= right;
	case CONSTRAINT_GT:
		return left > right;
	case CONSTRAINT_GE:
		return left >= right;
	case CONSTRAINT_NON_NULL:
	case CONSTRAINT_NULL_TERMINATED:
	case CONSTRAINT_READABLE:
	case CONSTRAINT_WRITABLE:
		break;
	}
	return -1;
}

/* All of them: the least, where "unknown" lies between "does not" and "holds". */
static int eval_all(const struct constraint_term *terms, size_t count, value_of_fn *value_of,
		    void *context)
{
	int result = 1;
	for (size_t i = 0; i < count && result != 0; i++) {
		int term = eval_term(&terms[i], value_of, context);
		result = term == 1 ? result : term;
	}
	return result;
}

int constraint_eval(const struct constraint *c, value_of_fn *value_of, void *context)
{
	int result = c->is_prose ? -1 : c->count == 0;
	size_t from, to = 0;
	while (result != 1 && constraint_next(c, &from, &to)) {
		int all = eval_all(&c->terms[from], to - from, value_of, context);
		result = all == 0 ? result : all;
	}
	return result;
}
