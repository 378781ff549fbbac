/*
 * A build id is a note: three words (size of the name, size of the content, type), the name "GNU", the
 * content; each padded to four bytes. Notes lie in segments of type PT_NOTE, which strip leaves alone.
 *
 * [F1] A build id becomes part of a path only as hex digits.
 */
#include "shared/bpf/btf_file.h"

#include "shared/base/cursor.h"

#include <elf.h>

static struct err *read_header(struct bytes image, Elf64_Ehdr *out)
{
	if (image.size < sizeof(*out) || memcmp(image.data, ELFMAG, SELFMAG) != 0)
		return err_new(ERR_INVALID, "not an ELF file");
	memcpy(out, image.data, sizeof(*out));
	if (out->e_ident[EI_CLASS] != ELFCLASS64 || out->e_ident[EI_DATA] != ELFDATA2LSB)
		return err_new(ERR_INVALID, "not a 64-bit little-endian ELF file");
	if (out->e_phnum && out->e_phentsize != sizeof(Elf64_Phdr))
		return err_new(ERR_INVALID, "program headers of %u bytes; ELF has %zu",
			       out->e_phentsize, sizeof(Elf64_Phdr));
	return NULL;
}

static struct err *take_padded(struct cursor *c, uint32_t size, struct bytes *out)
{
	uint64_t padded = ((uint64_t)size + 3) & ~(uint64_t)3;
	TRY(cursor_take(c, size, out));
	return cursor_seek(c, c->at + MIN((size_t)(padded - size), cursor_left(c)));
}

static void print_hex(struct bytes id, char *out)
{
	static const char digits[] = "0123456789abcdef";
	for (size_t i = 0; i < id.size; i++) {
		*out++ = digits[id.data[i] >> 4];
		*out++ = digits[id.data[i] & 15];
	}
	*out = 0;
}

static struct err *search_notes(struct bytes notes, char out[BTF_FILE_ID_SIZE])
{
	struct cursor c = cursor_of(notes);
	while (cursor_left(&c) >= sizeof(Elf64_Nhdr)) {
		Elf64_Nhdr note;
		struct bytes name, content;
		TRY(cursor_copy(&c, &note, sizeof(note)));
		TRY(take_padded(&c, note.n_namesz, &name));
		TRY(take_padded(&c, note.n_descsz, &content));
		if (note.n_type != NT_GNU_BUILD_ID || name.size != 4 ||
		    memcmp(name.data, "GNU", 4) != 0 || content.size > BTF_FILE_ID_MAX)
			continue;
		print_hex(content, out);
		return NULL;
	}
	return NULL;
}

struct err *btf_file_build_id(struct bytes image, char out[BTF_FILE_ID_SIZE])
{
	Elf64_Ehdr h;
	Elf64_Phdr p;
	struct bytes part;
	uint64_t at;
	char id[BTF_FILE_ID_SIZE] = "";
	TRY(read_header(image, &h));
	for (unsigned i = 0; i < h.e_phnum && !*id; i++) {
		if (__builtin_add_overflow(h.e_phoff, i * sizeof(p), &at))
			return err_new(ERR_INVALID, "program headers lie past the end of the file");
		TRY_DOING(bytes_slice(image, at, sizeof(p), &part), "program header %u", i);
		memcpy(&p, part.data, sizeof(p));
		if (p.p_type != PT_NOTE)
			continue;
		TRY_DOING(bytes_slice(image, p.p_offset, p.p_filesz, &part), "notes");
		TRY_DOING(search_notes(part, id), "notes");
	}
	memcpy(out, id, sizeof(id));
	return NULL;
}

bool btf_file_is_id(struct str id)
{
	for (size_t i = 0; i < id.size; i++)
		if (!((id.data[i] >= '0' && id.data[i] <= '9') ||
		      (id.data[i] >= 'a' && id.data[i] <= 'f')))
			return false;
	return id.size > 2 && id.size % 2 == 0 && id.size < BTF_FILE_ID_SIZE;
}

struct err *btf_file_path(const char *folder, struct str build_id, struct buf *out)
{
	if (!btf_file_is_id(build_id)) /* [F1] */
		return err_new(ERR_NOT_FOUND, "the binary has no build id to find its BTF by");
	buf_printf(out, "%s/%.2s/%.*s.btf", folder, build_id.data, STR_FMT(str_from(build_id, 2)));
	return buf_check(out);
}
