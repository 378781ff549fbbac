/*
 * The file is read into memory as a whole, once: a package upgrade in the middle of reading can then do
 * no more than make it invalid. Structures are copied out before they are looked at, since nothing says
 * that they are aligned.
 */
#include "agent/attach/binary_impl.h"

#include "shared/base/cursor.h"
#include "shared/base/file.h"
#include "shared/base/mem.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>

#define ARENA_BYTES   ((size_t)1 << 30)
#define NOTE_BUILD_ID 3u

static struct err *copy_out(const struct binary *b, uint64_t offset, void *out, size_t size)
{
	struct bytes part;
	TRY(bytes_slice(b->file, offset, size, &part));
	memcpy(out, part.data, size);
	return NULL;
}

/* ---- segments ---- */

static struct err *check_header(const struct binary *b, Elf64_Ehdr *out)
{
	if (b->file.size < sizeof(*out) || memcmp(b->file.data, ELFMAG, SELFMAG) != 0)
		return err_new(ERR_INVALID, "no ELF file");
	TRY(copy_out(b, 0, out, sizeof(*out)));
	if (out->e_ident[EI_CLASS] != ELFCLASS64 || out->e_ident[EI_DATA] != ELFDATA2LSB ||
	    out->e_machine != EM_X86_64)
		return err_new(ERR_UNSUPPORTED, "not a 64-bit x86-64 ELF file");
	if (out->e_type != ET_EXEC && out->e_type != ET_DYN)
		return err_new(ERR_INVALID, "neither an executable nor a shared library");
	return NULL;
}

static struct err *read_segments(struct binary *b, const Elf64_Ehdr *file)
{
	if (file->e_phnum > BINARY_MAX_HEADERS || file->e_phentsize != sizeof(b->headers[0]))
		return err_new(ERR_INVALID, "%u program headers of %u bytes", file->e_phnum,
			       file->e_phentsize);
	TRY_DOING(copy_out(b, file->e_phoff, b->headers, file->e_phnum * sizeof(b->headers[0])),
		  "program headers");
	b->headers_count = file->e_phnum;
	return NULL;
}

const Elf64_Phdr *binary_load_at(const struct binary *b, uint64_t address)
{
	for (uint32_t i = 0; i < b->headers_count; i++) {
		const Elf64_Phdr *h = &b->headers[i];
		if (h->p_type == PT_LOAD && address >= h->p_vaddr &&
		    address - h->p_vaddr < h->p_filesz)
			return h;
	}
	return NULL;
}

/* The part of the file that segment `h` holds from `skip` on; empty where the file is too short. */
static struct bytes segment_part(const struct binary *b, const Elf64_Phdr *h, uint64_t skip,
				 size_t size)
{
	if (h->p_offset >= b->file.size || skip >= h->p_filesz ||
	    skip >= b->file.size - h->p_offset)
		return (struct bytes){0};
	uint64_t left = MIN(h->p_filesz, b->file.size - h->p_offset) - skip;
	return bytes_of(b->file.data + h->p_offset + skip, MIN(left, (uint64_t)size));
}

struct bytes binary_bytes_at(const struct binary *b, uint64_t address, size_t size)
{
	const Elf64_Phdr *h = binary_load_at(b, address);
	return h ? segment_part(b, h, address - h->p_vaddr, size) : (struct bytes){0};
}

struct bytes binary_code(const struct binary *b, uint64_t file_offset, size_t size)
{
	for (uint32_t i = 0; i < b->headers_count; i++) {
		const Elf64_Phdr *h = &b->headers[i];
		if (h->p_type == PT_LOAD && (h->p_flags & PF_X) && file_offset >= h->p_offset &&
		    file_offset - h->p_offset < h->p_filesz)
			return segment_part(b, h, file_offset - h->p_offset, size);
	}
	return (struct bytes){0};
}

/* ---- notes ---- */

static struct err *set_build_id(struct binary *b, struct bytes id)
{
	OWNED_BUF struct buf hex = BUF_INIT(256);
	for (size_t i = 0; i < id.size; i++)
		buf_printf(&hex, "%02x", id.data[i]);
	TRY(buf_check(&hex));
	b->build_id = arena_str(&b->arena, buf_str(&hex));
	TRY_MEMORY(b->build_id.data);
	return NULL;
}

/* Broken notes end the search: nobody depends on them. */
static struct err *read_notes(struct binary *b, struct bytes notes)
{
	Elf64_Nhdr note;
	while (notes.size >= sizeof(note)) {
		memcpy(&note, notes.data, sizeof(note));
		uint64_t name = ((uint64_t)note.n_namesz + 3) & ~(uint64_t)3;
		uint64_t total =
			sizeof(note) + name + (((uint64_t)note.n_descsz + 3) & ~(uint64_t)3);
		if (total > notes.size)
			return NULL;
		if (note.n_type == NOTE_BUILD_ID && note.n_namesz == 4 && note.n_descsz <= 64 &&
		    memcmp(notes.data + sizeof(note), "GNU", 4) == 0)
			return set_build_id(b, bytes_of(notes.data + sizeof(note) + name,
							note.n_descsz));
		notes = bytes_of(notes.data + total, notes.size - total);
	}
	return NULL;
}

static struct err *read_all_notes(struct binary *b)
{
	for (uint32_t i = 0; i < b->headers_count && !b->build_id.size; i++)
		if (b->headers[i].p_type == PT_NOTE)
			TRY(read_notes(b, segment_part(b, &b->headers[i], 0, SIZE_MAX)));
	return NULL;
}

/* ---- sections: a file without any is fine ---- */

static void find_btf(struct binary *b, const Elf64_Ehdr *file, const Elf64_Shdr *sections,
		     uint32_t count)
{
	struct bytes names, content;
	struct str name;
	if (file->e_shstrndx >= count)
		return;
	const Elf64_Shdr *table = &sections[file->e_shstrndx];
	OWNED(err) struct err *e = bytes_slice(b->file, table->sh_offset, table->sh_size, &names);
	for (uint32_t i = 0; i < count && !e; i++) {
		e = bytes_string(names, sections[i].sh_name, &name);
		if (e || !str_is(name, ".BTF") || (sections[i].sh_flags & SHF_COMPRESSED))
			continue;
		e = bytes_slice(b->file, sections[i].sh_offset, sections[i].sh_size, &content);
		if (!e)
			b->btf = content;
	}
}

static struct err *read_sections(struct binary *b, const Elf64_Ehdr *file)
{
	if (file->e_shnum == 0 || file->e_shentsize != sizeof(Elf64_Shdr))
		return NULL;
	Elf64_Shdr *sections = arena_alloc_array(&b->arena, file->e_shnum, sizeof(*sections));
	TRY_MEMORY(sections);
	TRY_DOING(copy_out(b, file->e_shoff, sections, file->e_shnum * sizeof(*sections)),
		  "section headers");
	find_btf(b, file, sections, file->e_shnum);
	return binary_read_symbols(b, sections, file->e_shnum);
}

/* ---- life ---- */

static struct err *parse(struct binary *b)
{
	Elf64_Ehdr file;
	TRY(check_header(b, &file));
	TRY(read_segments(b, &file));
	TRY(read_all_notes(b));
	return read_sections(b, &file);
}

static struct binary *create(void)
{
	struct binary *b = mem_zalloc(sizeof(*b));
	if (b) {
		b->arena = ARENA_INIT(ARENA_BYTES);
		b->content = BUF_INIT(BINARY_MAX_BYTES);
	}
	return b;
}

struct err *binary_parse(struct bytes file, struct binary **out)
{
	OWNED(binary) struct binary *b = create();
	TRY_MEMORY(b);
	b->file = file;
	TRY(parse(b));
	*out = MOVE(b);
	return NULL;
}

static struct err *read_file(struct binary *b, const char *path)
{
	OWNED(fd) int fd = -1;
	struct stat st;
	TRY(file_open(path, O_RDONLY | O_NONBLOCK, 0, &fd));
	if (fstat(fd, &st) != 0)
		return err_sys(errno, "%s", path);
	if (!S_ISREG(st.st_mode))
		return err_new(ERR_INVALID, "%s is no file", path);
	TRY_DOING(file_read_fd(fd, &b->content), "%s", path);
	b->file = buf_bytes(&b->content);
	b->device = (uint32_t)st.st_dev;
	b->inode = st.st_ino;
	return NULL;
}

struct err *binary_open(const char *path, struct binary **out)
{
	OWNED(binary) struct binary *b = create();
	TRY_MEMORY(b);
	TRY(read_file(b, path));
	TRY_DOING(parse(b), "%s", path);
	*out = MOVE(b);
	return NULL;
}

void binary_destroy(struct binary *b)
{
	if (!b)
		return;
	arena_fini(&b->arena);
	buf_fini(&b->content);
	mem_free(b);
}

struct str binary_build_id(const struct binary *b)
{
	return b->build_id;
}

struct bytes binary_btf(const struct binary *b)
{
	return b->btf;
}

uint32_t binary_device(const struct binary *b)
{
	return b->device;
}

uint64_t binary_inode(const struct binary *b)
{
	return b->inode;
}
