/*
 * libelf finds the section headers; what they say is believed only after each offset and size has been
 * held against the image, and contents are read from the image, not through libelf.
 */
#include "shared/bpf/object_load.h"
#include "shared/base/cursor.h"

#include <gelf.h>

#define SECTIONS_MAX   8192u
#define NAME_MAX_BYTES 4096u

static void close_elf(Elf *elf)
{
	if (elf)
		elf_end(elf);
}
OWN_DEFINE(elf, Elf *, close_elf)

/* What libelf would accept and we do not: other word sizes, byte orders and machines. */
static struct err *check_header(const struct object_loader *l)
{
	Elf64_Ehdr h;
	if (l->image_bytes < EI_NIDENT || memcmp(l->image, ELFMAG, SELFMAG) != 0)
		return err_new(ERR_INVALID, "not an ELF file");
	if (l->image[EI_CLASS] != ELFCLASS64)
		return err_new(ERR_INVALID, "a 32-bit ELF file; eBPF objects are 64-bit");
	if (l->image[EI_DATA] != ELFDATA2LSB)
		return err_new(ERR_INVALID, "a big-endian object; compile with -target bpfel");
	if (l->image_bytes < sizeof(h))
		return err_new(ERR_INVALID, "the ELF header is cut off");
	memcpy(&h, l->image, sizeof(h));
	if (h.e_machine != EM_BPF)
		return err_new(ERR_INVALID,
			       "an ELF file for machine %u; compile with -target bpf (machine %u)",
			       h.e_machine, EM_BPF);
	if (h.e_type != ET_REL)
		return err_new(ERR_INVALID, "ELF type %u; an object file (type %u) is wanted",
			       h.e_type, ET_REL);
	return NULL;
}

static bool read_name(struct bytes table, uint64_t offset, struct str *out)
{
	if (offset >= table.size)
		return false;
	const char *text = (const char *)table.data + offset;
	size_t most = MIN(table.size - offset, (size_t)NAME_MAX_BYTES);
	size_t size = strnlen(text, most);
	if (size == most)
		return false;
	*out = (struct str){text, size};
	return true;
}

static struct err *read_section(struct object_loader *l, Elf *elf, uint32_t index)
{
	struct object_section *s = &l->sections[index];
	GElf_Shdr header;
	if (!gelf_getshdr(elf_getscn(elf, index), &header))
		return err_new(ERR_INVALID, "no section header: %s", elf_errmsg(-1));
	*s = (struct object_section){
		.name = STR(""),
		.type = header.sh_type,
		.link = header.sh_link,
		.info = header.sh_info,
		.flags = header.sh_flags,
		.size_bytes = header.sh_size,
		.entry_bytes = header.sh_entsize,
	};
	if (header.sh_type == SHT_NOBITS || header.sh_type == SHT_NULL)
		return NULL;
	return bytes_slice(bytes_of(l->image, l->image_bytes), header.sh_offset, header.sh_size,
			   &s->data);
}

/* Names are read last, as the table of names is a section itself. */
static struct err *name_sections(struct object_loader *l, Elf *elf,
				 const struct object_section *names)
{
	for (uint32_t i = 0; i < l->sections_count; i++) {
		GElf_Shdr header;
		if (!gelf_getshdr(elf_getscn(elf, i), &header) ||
		    !read_name(names->data, header.sh_name, &l->sections[i].name))
			return err_at(ERR_INVALID, "/sections", "section %u has no name", i);
	}
	return NULL;
}

static struct err *read_sections(struct object_loader *l)
{
	size_t count, names;
	elf_version(EV_CURRENT);
	OWNED(elf) Elf *elf = elf_memory((char *)l->image, l->image_bytes);
	if (!elf || elf_getshdrnum(elf, &count) != 0 || elf_getshdrstrndx(elf, &names) != 0)
		return err_new(ERR_INVALID, "not an ELF file: %s", elf_errmsg(-1));
	if (count > SECTIONS_MAX)
		return err_new(ERR_TOO_LARGE, "%zu sections; %u are the limit", count,
			       SECTIONS_MAX);
	l->sections = arena_alloc_array(&l->scratch, count, sizeof(*l->sections));
	TRY_MEMORY(l->sections);
	for (uint32_t i = 0; i < count; i++)
		TRY_AT(read_section(l, elf, i), "/sections/%u", i);
	l->sections_count = (uint32_t)count;
	if (names >= count || l->sections[names].type != SHT_STRTAB)
		return err_new(ERR_INVALID, "the section names are not where the header says");
	return name_sections(l, elf, &l->sections[names]);
}

static struct err *find_symbols(struct object_loader *l)
{
	const struct object_section *table = NULL;
	for (uint32_t i = 0; i < l->sections_count; i++) {
		if (l->sections[i].type != SHT_SYMTAB)
			continue;
		if (table)
			return err_new(ERR_INVALID, "more than one symbol table");
		table = &l->sections[i];
	}
	if (!table)
		return err_new(ERR_INVALID,
			       "no symbol table; do not strip the object of its symbols");
	if (table->data.size % sizeof(Elf64_Sym) || table->entry_bytes != sizeof(Elf64_Sym))
		return err_new(ERR_INVALID, "symbols of %llu bytes in a table of %zu",
			       (unsigned long long)table->entry_bytes, table->data.size);
	if (table->link >= l->sections_count || l->sections[table->link].type != SHT_STRTAB)
		return err_new(ERR_INVALID, "the symbols' names are in no section");
	l->symbols = table->data;
	l->symbols_count = (uint32_t)(table->data.size / sizeof(Elf64_Sym));
	l->strings = l->sections[table->link].data;
	return NULL;
}

struct err *object_load_sections(struct object_loader *l)
{
	TRY(check_header(l));
	TRY(read_sections(l));
	TRY_AT(find_symbols(l), "/sections/.symtab");
	return NULL;
}

struct object_section *object_section_named(const struct object_loader *l, const char *name)
{
	for (uint32_t i = 0; i < l->sections_count; i++)
		if (str_is(l->sections[i].name, name) && l->sections[i].size_bytes)
			return &l->sections[i];
	return NULL;
}

struct err *object_symbol(const struct object_loader *l, uint32_t index, struct object_symbol *out)
{
	Elf64_Sym s;
	if (index >= l->symbols_count)
		return err_new(ERR_INVALID, "symbol %u of %u", index, l->symbols_count);
	memcpy(&s, l->symbols.data + (size_t)index * sizeof(s), sizeof(s));
	*out = (struct object_symbol){
		.name = s.st_name,
		.type = ELF64_ST_TYPE(s.st_info),
		.binding = ELF64_ST_BIND(s.st_info),
		.visibility = ELF64_ST_VISIBILITY(s.st_other),
		.section = s.st_shndx,
		.value = s.st_value,
		.size_bytes = s.st_size,
	};
	return NULL;
}

struct str object_symbol_name(const struct object_loader *l, const struct object_symbol *s)
{
	struct str name = STR("");
	if (s->type == STT_SECTION && s->section < l->sections_count)
		return l->sections[s->section].name;
	read_name(l->strings, s->name, &name);
	return name;
}
