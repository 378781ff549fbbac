/*
 * What a program may do with the arguments of an entry, in words.
 */
#include "shared/eim/role_internal.h"

/* Writes through pointers from arguments need both attributes. */
static bool may_write(const struct role *r)
{
	return r->attributes.allow_memory_write && !r->attributes.always_const;
}

static void print_write_limits(const struct role *r, struct buf *out)
{
	if (!r->attributes.allow_memory_write)
		buf_puts(out, " (but allow_memory_write: false)");
	else if (r->attributes.always_const)
		buf_puts(out, " (but always_const: true)");
}

/* Whether `place` is `top` or reached from it. */
static bool is_below(const struct role *r, uint32_t place, uint32_t top)
{
	while (place != top && place != UINT32_MAX)
		place = r->places[place].parent;
	return place == top;
}

static bool print_fields(const struct role *r, uint32_t top, bool is_write, struct buf *out)
{
	bool any = false;
	for (size_t i = 0; i < r->fields_count; i++) {
		const struct role_field *f = &r->fields[i];
		if ((is_write && !f->is_write) || !is_below(r, f->place, top))
			continue;
		buf_printf(out, "%s%.*s",
			   any	      ? ", "
			   : is_write ? "; may write "
				      : "; may read ",
			   STR_FMT(f->path));
		any = true;
	}
	return any;
}

static void print_struct(const struct role *r, const struct role_argument *a, struct buf *out)
{
	buf_puts(out, "a pointer to ");
	btf_print_type(r->host, r->places[a->place].type, out);
	buf_puts(out, a->non_null ? ", never null" : ", may be null");
	print_fields(r, a->place, false, out);
	if (print_fields(r, a->place, true, out) && !may_write(r))
		print_write_limits(r, out);
}

static void print_memory(const struct role *r, const struct role_entry *e,
			 const struct role_argument *a, struct buf *out)
{
	buf_puts(out, "a pointer to ");
	if (a->size_of)
		buf_printf(out, "%.*s", STR_FMT(e->params[a->size_of - 1].name));
	if (a->size_of && a->size_base)
		buf_printf(out, " + %u", a->size_base);
	if (!a->size_of)
		buf_printf(out, "%u", a->size_base);
	buf_printf(out, " bytes that may be read%s%s%s", a->is_writable ? " and written" : "",
		   a->null_terminated ? ", text that ends with a NUL" : "",
		   a->non_null ? ", never null" : ", may be null");
	if (a->is_writable && !may_write(r))
		print_write_limits(r, out);
}

static void print_number(const struct role_entry *e, const struct role_argument *a, bool is_address,
			 struct buf *out)
{
	if (is_address)
		buf_puts(out, "an address: what is there is read with bpf_probe_read_user()");
	else if (a->size_bytes)
		buf_printf(out, "a number of %u byte%s", a->size_bytes,
			   a->size_bytes == 1 ? "" : "s");
	else
		buf_puts(out, "a number; what it is, the host's types would say");
	for (size_t i = 0; a->is_size && i < MIN(e->params_count, ARRAY_SIZE(e->args)); i++)
		if (e->args[i].kind == ROLE_ARGUMENT_MEMORY &&
		    e->args[i].size_of == (size_t)(a - e->args) + 1)
			buf_printf(out, ", the size of %.*s", STR_FMT(e->params[i].name));
}

void role_print_argument(const struct role *r, const struct role_entry *e, size_t index,
			 struct buf *out)
{
	const struct role_argument *a = &e->args[index];
	switch (a->kind) {
	case ROLE_ARGUMENT_STRUCT:
		print_struct(r, a, out);
		return;
	case ROLE_ARGUMENT_MEMORY:
		print_memory(r, e, a, out);
		return;
	case ROLE_ARGUMENT_NUMBER:
		print_number(e, a, str_ends(e->params[index].type, "*"), out);
		return;
	}
}
