/*
 * The object comes from LLVM in this very process, but from a program that someone sent: everything in
 * it is checked as input is.
 *
 * Only differences of places inside the image can be fixed at compile time. So R_X86_64_PC32 and PLT32 are
 * applied, and any other relocation (an absolute address, a GOT entry, thread-local storage) is refused by
 * name: it would mean that the image needs to be relocated in each process.
 */
#include "shared/base/cursor.h"
#include "shared/jit/link.h"

#include <elf.h>

#define LEFT_OUT UINT64_MAX

/* ---- reading ---- */
static Elf64_Shdr section_at(const struct link *l, uint32_t index)
{
	Elf64_Shdr header;
	memcpy(&header, l->headers.data + (size_t)index * sizeof(header), sizeof(header));
	return header;
}

static struct err *content_of(const struct link *l, const Elf64_Shdr *header, struct bytes *out)
{
	return bytes_slice(l->object, header->sh_offset, header->sh_size, out);
}

static struct err *read_header(struct link *l)
{
	Elf64_Ehdr header;
	struct cursor c = cursor_of(l->object);
	TRY(cursor_copy(&c, &header, sizeof(header)));
	if (memcmp(header.e_ident, ELFMAG, SELFMAG) != 0 ||
	    header.e_ident[EI_CLASS] != ELFCLASS64 || header.e_type != ET_REL ||
	    header.e_machine != EM_X86_64 || header.e_shentsize != sizeof(Elf64_Shdr))
		return err_new(ERR_INTERNAL, "not a relocatable x86-64 object");
	if (header.e_shnum > LINK_MAX_SECTIONS)
		return err_new(ERR_INTERNAL, "%u sections", header.e_shnum);
	l->sections_count = header.e_shnum;
	return bytes_slice(l->object, header.e_shoff, (uint64_t)header.e_shnum * sizeof(Elf64_Shdr),
			   &l->headers);
}

static struct err *read_symbols(struct link *l)
{
	for (uint32_t i = 0; i < l->sections_count; i++) {
		Elf64_Shdr header = section_at(l, i), names;
		if (header.sh_type != SHT_SYMTAB)
			continue;
		if (header.sh_link >= l->sections_count || header.sh_entsize != sizeof(Elf64_Sym))
			return err_new(ERR_INTERNAL, "a wrong symbol table");
		names = section_at(l, header.sh_link);
		TRY(content_of(l, &header, &l->symbols));
		return content_of(l, &names, &l->names);
	}
	return err_new(ERR_INTERNAL, "no symbol table");
}

static struct err *place(struct link *l, uint32_t index)
{
	Elf64_Shdr header = section_at(l, index);
	uint64_t align = header.sh_addralign ? header.sh_addralign : 1;
	l->offsets[index] = LEFT_OUT;
	if (!(header.sh_flags & SHF_ALLOC) || header.sh_size == 0 ||
	    header.sh_type == SHT_X86_64_UNWIND)
		return NULL;
	if ((header.sh_flags & SHF_WRITE) || header.sh_type != SHT_PROGBITS)
		return err_new(ERR_INTERNAL, "section %u of the object can be written to", index);
	if ((align & (align - 1)) || align > 4096 || header.sh_size > l->object.size)
		return err_new(ERR_INTERNAL, "section %u of the object: size or alignment", index);
	l->offsets[index] = (l->code_bytes + align - 1) & ~(align - 1);
	l->code_bytes = l->offsets[index] + header.sh_size;
	return NULL;
}

/* Code first, so that entries are near the start; then constants. */
static struct err *place_all(struct link *l)
{
	for (int pass = 0; pass < 2; pass++)
		for (uint32_t i = 0; i < l->sections_count; i++)
			if ((section_at(l, i).sh_flags & SHF_EXECINSTR ? 0 : 1) == pass)
				TRY(place(l, i));
	return l->code_bytes ? NULL : err_new(ERR_INTERNAL, "the object has no code");
}

struct err *link_read(struct bytes object, struct link *out)
{
	struct link l = {.object = object};
	TRY(read_header(&l));
	TRY(read_symbols(&l));
	TRY(place_all(&l));
	*out = l;
	return NULL;
}

/* ---- symbols ---- */
static struct err *symbol_at(const struct link *l, uint64_t index, Elf64_Sym *out, struct str *name)
{
	struct bytes raw;
	if (index >= l->symbols.size / sizeof(*out))
		return err_new(ERR_INTERNAL, "no symbol %llu", (unsigned long long)index);
	TRY(bytes_slice(l->symbols, index * sizeof(*out), sizeof(*out), &raw));
	memcpy(out, raw.data, sizeof(*out));
	return bytes_string(l->names, out->st_name, name);
}

static struct err *own_offset(const struct link *l, const Elf64_Sym *symbol, struct str name,
			      uint64_t *out)
{
	if (symbol->st_shndx >= l->sections_count || l->offsets[symbol->st_shndx] == LEFT_OUT ||
	    symbol->st_value > l->code_bytes)
		return err_new(ERR_INTERNAL, "symbol %.*s is not in the code", STR_FMT(name));
	*out = l->offsets[symbol->st_shndx] + symbol->st_value;
	return NULL;
}

struct err *link_find(const struct link *l, const char *name, uint64_t *offset)
{
	for (uint64_t i = 0; i < l->symbols.size / sizeof(Elf64_Sym); i++) {
		Elf64_Sym symbol;
		struct str its;
		TRY(symbol_at(l, i, &symbol, &its));
		if (str_is(its, name) && symbol.st_shndx != SHN_UNDEF)
			return own_offset(l, &symbol, its, offset);
	}
	return err_new(ERR_INTERNAL, "the object has no symbol %s", name);
}

/* ---- relocations ---- */
struct relocation {
	const struct link *l;
	link_symbol_fn *find;
	void *context;
	uint8_t *code;
};

static struct err *target_of(const struct relocation *r, uint64_t index, uint64_t *out)
{
	Elf64_Sym symbol;
	struct str name;
	TRY(symbol_at(r->l, index, &symbol, &name));
	if (symbol.st_shndx == SHN_UNDEF)
		return r->find(r->context, name, out);
	return own_offset(r->l, &symbol, name, out);
}

static const char *relocation_name(uint32_t type)
{
	static const char *const names[] = {
		[R_X86_64_64] = "R_X86_64_64",
		[R_X86_64_GOT32] = "R_X86_64_GOT32",
		[R_X86_64_GOTPCREL] = "R_X86_64_GOTPCREL",
		[R_X86_64_32] = "R_X86_64_32",
		[R_X86_64_32S] = "R_X86_64_32S",
		[R_X86_64_TLSGD] = "R_X86_64_TLSGD",
		[R_X86_64_GOTTPOFF] = "R_X86_64_GOTTPOFF",
		[R_X86_64_TPOFF32] = "R_X86_64_TPOFF32",
		[R_X86_64_PC64] = "R_X86_64_PC64",
		[R_X86_64_GOTPCRELX] = "R_X86_64_GOTPCRELX",
		[R_X86_64_REX_GOTPCRELX] = "R_X86_64_REX_GOTPCRELX",
	};
	return type < ARRAY_SIZE(names) && names[type] ? names[type] : "unknown";
}

static struct err *apply(const struct relocation *r, uint64_t base, uint64_t size,
			 const Elf64_Rela *rela)
{
	uint32_t type = (uint32_t)ELF64_R_TYPE(rela->r_info);
	uint64_t target;
	if (type != R_X86_64_PC32 && type != R_X86_64_PLT32)
		return err_new(ERR_INTERNAL, "relocation %s (%u) cannot be fixed in an image",
			       relocation_name(type), type);
	if (size < 4 || rela->r_offset > size - 4)
		return err_new(ERR_INTERNAL, "a relocation outside of its section");
	TRY(target_of(r, ELF64_R_SYM(rela->r_info), &target));
	int64_t value = (int64_t)(target + (uint64_t)rela->r_addend - (base + rela->r_offset));
	int32_t narrow = (int32_t)value;
	if (narrow != value)
		return err_new(ERR_INTERNAL, "a relocation's target is out of reach");
	memcpy(r->code + base + rela->r_offset, &narrow, sizeof(narrow));
	return NULL;
}

static struct err *apply_section(const struct relocation *r, const Elf64_Shdr *header)
{
	struct bytes rows;
	uint64_t base;
	if (header->sh_info >= r->l->sections_count || header->sh_entsize != sizeof(Elf64_Rela))
		return err_new(ERR_INTERNAL, "a wrong relocation section");
	base = r->l->offsets[header->sh_info];
	if (base == LEFT_OUT)
		return NULL;
	TRY(content_of(r->l, header, &rows));
	for (uint64_t i = 0; i < rows.size / sizeof(Elf64_Rela); i++) {
		Elf64_Rela rela;
		memcpy(&rela, rows.data + i * sizeof(rela), sizeof(rela));
		TRY(apply(r, base, section_at(r->l, header->sh_info).sh_size, &rela));
	}
	return NULL;
}

static struct err *copy_section(const struct link *l, uint32_t index, uint8_t *code)
{
	Elf64_Shdr header = section_at(l, index);
	struct bytes content;
	TRY(content_of(l, &header, &content));
	memcpy(code + l->offsets[index], content.data, content.size);
	return NULL;
}

struct err *link_write(const struct link *l, link_symbol_fn *find, void *context, uint8_t *code)
{
	struct relocation r = {l, find, context, code};
	for (uint32_t i = 0; i < l->sections_count; i++)
		if (l->offsets[i] != LEFT_OUT)
			TRY(copy_section(l, i, code));
	for (uint32_t i = 0; i < l->sections_count; i++) {
		Elf64_Shdr header = section_at(l, i);
		if (header.sh_type == SHT_RELA)
			TRY(apply_section(&r, &header));
		else if (header.sh_type == SHT_REL)
			return err_new(ERR_INTERNAL, "a relocation section without addends");
	}
	return NULL;
}
