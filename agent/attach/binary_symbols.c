/*
 * Functions by name and by place.
 *
 * .symtab is preferred to .dynsym (the latter lacks local functions); a release binary often has only the
 * latter. Names come with versions in some tables ("open@@GLIBC_2.2.5"): the part before the @ counts.
 * Local functions of different files may share a name; a guess would probe the wrong one.
 */
#include "agent/attach/binary_impl.h"

#include "shared/base/cursor.h"
#include "shared/base/mem.h"
#include "shared/base/near.h"

#include <stdlib.h>

#define MAX_SYMBOLS ((size_t)8 << 20)
#define MAX_OVERLAP 16u /* aliases and nested symbols that are looked through */
#define MAX_LISTED  4u
#define NEAR_NAMES  3u

/* ---- reading ---- */

static struct str without_version(struct str name)
{
	struct str head, tail;
	str_split(name, '@', &head, &tail);
	return head.size ? head : name;
}

/* The segment that holds a function or a variable, or NULL: a variable may lie behind what the file has. */
static const Elf64_Phdr *segment_of(const struct binary *b, const Elf64_Sym *s)
{
	const Elf64_Phdr *h = binary_load_at(b, s->st_value);
	bool is_function = ELF64_ST_TYPE(s->st_info) == STT_FUNC;
	for (uint32_t i = 0; i < b->headers_count && !h && !is_function; i++)
		if (b->headers[i].p_type == PT_LOAD && s->st_value >= b->headers[i].p_vaddr &&
		    s->st_value - b->headers[i].p_vaddr < b->headers[i].p_memsz)
			h = &b->headers[i];
	return h && (!is_function || (h->p_flags & PF_X)) ? h : NULL;
}

/* Whether `s` is a function (STT_FUNC) or variable (STT_OBJECT) of this file, and which. */
static bool to_function(const struct binary *b, const Elf64_Sym *s, struct bytes names,
			unsigned type, struct binary_function *out)
{
	struct str name;
	if (ELF64_ST_TYPE(s->st_info) != type || s->st_shndx == SHN_UNDEF)
		return false;
	const Elf64_Phdr *h = segment_of(b, s);
	if (!h)
		return false;
	OWNED(err) struct err *e = bytes_string(names, s->st_name, &name);
	if (e || name.size == 0)
		return false;
	*out = (struct binary_function){.name = without_version(name),
					.address = s->st_value,
					.file_offset = s->st_value - h->p_vaddr + h->p_offset,
					.size_bytes = s->st_size};
	return true;
}

static struct err *tables_of(const struct binary *b, const Elf64_Shdr *sections, uint32_t count,
			     const Elf64_Shdr *table, struct bytes *symbols, struct bytes *names)
{
	if (table->sh_link >= count || table->sh_entsize != sizeof(Elf64_Sym))
		return err_new(ERR_INVALID, "a symbol table without names");
	const Elf64_Shdr *strings = &sections[table->sh_link];
	TRY_DOING(bytes_slice(b->file, table->sh_offset, table->sh_size, symbols), "symbols");
	TRY_DOING(bytes_slice(b->file, strings->sh_offset, strings->sh_size, names),
		  "symbol names");
	if (symbols->size / sizeof(Elf64_Sym) > MAX_SYMBOLS)
		return err_new(ERR_TOO_LARGE, "more than %zu symbols", MAX_SYMBOLS);
	return NULL;
}

/* Appends the functions and variables of one table; there is room for them. */
static void add_functions(struct binary *b, struct bytes symbols, struct bytes names, uint8_t rank)
{
	for (size_t at = 0; at + sizeof(Elf64_Sym) <= symbols.size; at += sizeof(Elf64_Sym)) {
		Elf64_Sym s;
		memcpy(&s, symbols.data + at, sizeof(s));
		bool is_data = ELF64_ST_TYPE(s.st_info) == STT_OBJECT;
		struct binary_symbol *symbol =
			is_data ? &b->data[b->data_count] : &b->symbols[b->symbols_count];
		if (!to_function(b, &s, names, is_data ? STT_OBJECT : STT_FUNC, &symbol->function))
			continue;
		symbol->rank = rank;
		symbol->is_local = ELF64_ST_BIND(s.st_info) == STB_LOCAL;
		b->symbols_count += !is_data;
		b->data_count += is_data;
	}
}

static int by_address(const void *a, const void *b)
{
	const struct binary_symbol *x = a, *y = b;
	if (x->function.address != y->function.address)
		return x->function.address < y->function.address ? -1 : 1;
	if (x->rank != y->rank)
		return x->rank < y->rank ? -1 : 1;
	return (x->is_local > y->is_local) - (x->is_local < y->is_local);
}

struct err *binary_read_symbols(struct binary *b, const Elf64_Shdr *sections, uint32_t count)
{
	static const uint32_t kinds[] = {SHT_SYMTAB, SHT_DYNSYM};
	const Elf64_Shdr *tables[ARRAY_SIZE(kinds)] = {0};
	struct bytes symbols[ARRAY_SIZE(kinds)] = {0}, names[ARRAY_SIZE(kinds)] = {0};
	size_t room = 0;
	for (size_t k = 0; k < ARRAY_SIZE(kinds); k++) {
		for (uint32_t i = 0; i < count && !tables[k]; i++)
			if (sections[i].sh_type == kinds[k])
				tables[k] = &sections[i];
		if (!tables[k])
			continue;
		TRY(tables_of(b, sections, count, tables[k], &symbols[k], &names[k]));
		room += symbols[k].size / sizeof(Elf64_Sym);
	}
	b->symbols = arena_alloc_array(&b->arena, room + 1, sizeof(*b->symbols));
	b->data = arena_alloc_array(&b->arena, room + 1, sizeof(*b->data));
	TRY_MEMORY(b->symbols);
	TRY_MEMORY(b->data);
	for (size_t k = 0; k < ARRAY_SIZE(kinds); k++)
		add_functions(b, symbols[k], names[k], (uint8_t)k);
	qsort(b->symbols, b->symbols_count, sizeof(*b->symbols), by_address);
	return NULL;
}

/* ---- by name ---- */

/* Functions, or variables. */
struct table {
	const struct binary_symbol *symbols;
	size_t count;
	const char *what;
};

static struct str next_near(const struct table *t, struct str wanted, const struct str *taken,
			    size_t taken_count)
{
	struct near near = near_start(wanted);
	for (size_t i = 0; i < t->count; i++) {
		bool is_taken = false;
		for (size_t n = 0; n < taken_count; n++)
			is_taken |= str_equal(taken[n], t->symbols[i].function.name);
		if (!is_taken)
			near_offer(&near, t->symbols[i].function.name);
	}
	return near_found(&near);
}

static struct err *not_found(const struct binary *b, const struct table *t, struct str wanted)
{
	OWNED_BUF struct buf text = BUF_INIT(1024);
	struct str names[NEAR_NAMES];
	for (size_t i = 0; i < NEAR_NAMES; i++) {
		names[i] = next_near(t, wanted, names, i);
		if (names[i].size == 0)
			break;
		buf_printf(&text, "%s%.*s", i ? ", " : "; near it: ", STR_FMT(names[i]));
	}
	if (b->symbols_count == 0)
		buf_puts(&text, "; the file has no symbols: name the place by its file offset");
	return err_new(ERR_NOT_FOUND, "no %s %.*s%s", t->what, STR_FMT(wanted), buf_text(&text));
}

static struct err *ambiguous(const struct table *t, struct str wanted)
{
	OWNED_BUF struct buf text = BUF_INIT(1024);
	unsigned listed = 0;
	for (size_t i = 0; i < t->count && listed < MAX_LISTED; i++)
		if (str_equal(t->symbols[i].function.name, wanted))
			buf_printf(&text, "%s0x%llx", listed++ ? ", " : "",
				   (unsigned long long)t->symbols[i].function.file_offset);
	return err_new(ERR_FAILED_PRECONDITION,
		       "several %ss are called %.*s: name one by its file offset (%s)", t->what,
		       STR_FMT(wanted), buf_text(&text));
}

static void size_by_frame(const struct binary *b, struct binary_function *f)
{
	uint64_t start, size;
	if (f->size_bytes == 0 && binary_frame_at(b, f->address, &start, &size) &&
	    start == f->address)
		f->size_bytes = size;
}

static struct err *find(const struct binary *b, const struct table *t, struct str symbol,
			struct binary_function *out)
{
	const struct binary_symbol *found = NULL;
	bool is_ambiguous = false;
	for (size_t i = 0; i < t->count; i++) {
		const struct binary_symbol *s = &t->symbols[i];
		if (!str_equal(s->function.name, symbol))
			continue;
		if (!found || (found->is_local && !s->is_local)) {
			found = s;
			is_ambiguous = false;
		} else if (s->is_local == found->is_local &&
			   s->function.address != found->function.address) {
			is_ambiguous = true;
		}
	}
	if (!found)
		return not_found(b, t, symbol);
	if (is_ambiguous)
		return ambiguous(t, symbol);
	*out = found->function;
	return NULL;
}

struct err *binary_find(const struct binary *b, struct str symbol, struct binary_function *out)
{
	const struct table functions = {b->symbols, b->symbols_count, "function"};
	TRY(find(b, &functions, symbol, out));
	size_by_frame(b, out);
	return NULL;
}

struct err *binary_find_data(const struct binary *b, struct str symbol, uint64_t *address)
{
	const struct table variables = {b->data, b->data_count, "variable"};
	struct binary_function found;
	TRY(find(b, &variables, symbol, &found));
	*address = found.address;
	return NULL;
}

/* ---- by place ---- */

static uint64_t address_of(const struct binary *b, uint64_t file_offset)
{
	for (uint32_t i = 0; i < b->headers_count; i++) {
		const Elf64_Phdr *h = &b->headers[i];
		if (h->p_type == PT_LOAD && (h->p_flags & PF_X) && file_offset >= h->p_offset &&
		    file_offset - h->p_offset < h->p_filesz)
			return file_offset - h->p_offset + h->p_vaddr;
	}
	return 0;
}

/* The first symbol behind `address`. */
static size_t symbols_behind(const struct binary *b, uint64_t address)
{
	size_t low = 0, high = b->symbols_count;
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		if (b->symbols[middle].function.address <= address)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static bool by_symbol(const struct binary *b, uint64_t address, struct binary_function *out)
{
	size_t behind = symbols_behind(b, address);
	for (size_t n = 1; n <= MAX_OVERLAP && n <= behind; n++) {
		struct binary_function f = b->symbols[behind - n].function;
		size_by_frame(b, &f);
		if (address - f.address < f.size_bytes) {
			*out = f;
			return true;
		}
	}
	return false;
}

struct err *binary_find_at(const struct binary *b, uint64_t file_offset,
			   struct binary_function *out)
{
	uint64_t start, size, address = address_of(b, file_offset);
	if (address && by_symbol(b, address, out))
		return NULL;
	if (!address || !binary_frame_at(b, address, &start, &size))
		return err_new(ERR_INVALID, "no function holds file offset 0x%llx",
			       (unsigned long long)file_offset);
	*out = (struct binary_function){.address = start,
					.file_offset = file_offset - (address - start),
					.size_bytes = size};
	return NULL;
}
