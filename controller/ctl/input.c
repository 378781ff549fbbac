#include "controller/ctl/input.h"

#include "shared/base/cursor.h"
#include "shared/base/file.h"
#include "shared/bpf/btf_file.h"
#include "shared/eim/derive.h"

#include <elf.h>

#define BINARY_MAX_BYTES ((size_t)512 << 20)

struct err *input_read(const char *path, size_t max_bytes, struct buf *out)
{
	*out = BUF_INIT(max_bytes);
	if (strcmp(path, "-") == 0)
		return err_doing(file_read_fd(STDIN_FILENO, out), "standard input");
	return file_read(path, out);
}

struct err *input_spec(const char *path, struct spec **out)
{
	OWNED_BUF struct buf text = BUF_INIT(0);
	TRY(input_read(path, SPEC_MAX_BYTES, &text));
	TRY_DOING(spec_parse(buf_str(&text), out), "%s", path);
	return NULL;
}

struct err *input_object(const char *path, struct buf *image, struct object **out)
{
	TRY(input_read(path, OBJECT_MAX_BYTES, image));
	TRY_DOING(object_parse(buf_bytes(image), out), "%s", path);
	return NULL;
}

/* ---- the host's BTF ---- */

/* Section `index` of an ELF file with the header `h`. */
static struct err *section_at(struct bytes image, const Elf64_Ehdr *h, uint64_t index,
			      Elf64_Shdr *out)
{
	struct bytes part;
	uint64_t at;
	if (__builtin_add_overflow(h->e_shoff, index * sizeof(*out), &at))
		return err_new(ERR_INVALID, "a section header past the end of all files");
	TRY(bytes_slice(image, at, sizeof(*out), &part));
	memcpy(out, part.data, sizeof(*out));
	return NULL;
}

static struct err *header_of(struct bytes image, Elf64_Ehdr *out)
{
	if (image.size < sizeof(*out) || memcmp(image.data, ELFMAG, SELFMAG) != 0)
		return err_new(ERR_INVALID, "not an ELF file");
	memcpy(out, image.data, sizeof(*out));
	if (out->e_ident[EI_CLASS] != ELFCLASS64 || out->e_ident[EI_DATA] != ELFDATA2LSB)
		return err_new(ERR_INVALID, "not a 64-bit little-endian ELF file");
	if (out->e_shnum && out->e_shentsize != sizeof(Elf64_Shdr))
		return err_new(ERR_INVALID, "section headers of %u bytes; ELF has %zu",
			       out->e_shentsize, sizeof(Elf64_Shdr));
	return NULL;
}

struct err *input_btf_section(struct bytes image, struct bytes *out)
{
	Elf64_Ehdr h;
	Elf64_Shdr s;
	struct bytes names;
	TRY(header_of(image, &h));
	*out = (struct bytes){0};
	if (h.e_shnum == 0)
		return NULL;
	TRY_DOING(section_at(image, &h, h.e_shstrndx, &s), "section names");
	TRY_DOING(bytes_slice(image, s.sh_offset, s.sh_size, &names), "section names");
	for (unsigned i = 0; i < h.e_shnum; i++) {
		struct str name;
		TRY_DOING(section_at(image, &h, i, &s), "section %u", i);
		TRY_DOING(bytes_string(names, s.sh_name, &name), "section %u", i);
		if (str_is(name, ".BTF") && s.sh_type != SHT_NOBITS)
			return err_doing(bytes_slice(image, s.sh_offset, s.sh_size, out), ".BTF");
	}
	return NULL;
}

static bool is_elf(struct bytes image)
{
	return image.size >= SELFMAG && memcmp(image.data, ELFMAG, SELFMAG) == 0;
}

/* The file that belongs to the binary `image`, which has no BTF itself. */
static struct err *read_apart(struct bytes image, const char *folder, struct buf *out)
{
	char id[BTF_FILE_ID_SIZE];
	OWNED_BUF struct buf path = BUF_INIT(8192);
	TRY(btf_file_build_id(image, id));
	OWNED(err) struct err *e = btf_file_path(folder, str_of(id), &path);
	if (!e)
		e = file_read(buf_text(&path), out);
	if (e && err_code(e) == ERR_NOT_FOUND)
		return err_new(ERR_NOT_FOUND,
			       "the binary has no .BTF section, and %s; compile the host with -g "
			       "and add one with pahole -J, or leave the option away",
			       err_message(e));
	return MOVE(e);
}

/* `folder` is NULL where `image` may be BTF itself. */
static struct err *parse_host_btf(struct bytes image, const char *folder, struct btf **out)
{
	OWNED_BUF struct buf apart = BUF_INIT(BTF_MAX_BYTES);
	struct bytes section = image;
	if (folder || is_elf(image))
		TRY(input_btf_section(image, &section));
	if (section.size)
		return btf_parse(section, out);
	TRY(read_apart(image, folder ? folder : BTF_FILE_FOLDER, &apart));
	return err_doing(btf_parse(buf_bytes(&apart), out), "the BTF file of its build id");
}

struct err *input_host_btf(const struct args *args, struct btf **out)
{
	const char *binary = args->values[OPTION_HOST_BINARY];
	const char *raw = args->values[OPTION_BTF];
	const char *folder = args->values[OPTION_BTF_DIR];
	const char *path = binary ? binary : raw;
	OWNED_BUF struct buf image = BUF_INIT(0);
	if (binary && raw)
		return err_new(ERR_INVALID, "give --host-binary or --btf, not both");
	if (!path)
		return NULL;
	if (!folder)
		folder = BTF_FILE_FOLDER;
	TRY(input_read(path, BINARY_MAX_BYTES, &image));
	TRY_DOING(parse_host_btf(buf_bytes(&image), raw ? NULL : folder, out), "%s", path);
	return NULL;
}

/* ---- the role ---- */

/* The document that the host declares. */
static struct err *declared_spec(const struct btf *host, struct spec **out)
{
	OWNED_BUF struct buf text = BUF_INIT(SPEC_MAX_BYTES);
	TRY(derive_document(host, &text));
	return err_doing(spec_parse(buf_str(&text), out), "what the BTF declares");
}

static const char *host_path(const struct args *args)
{
	const char *binary = args->values[OPTION_HOST_BINARY];
	return binary ? binary : args->values[OPTION_BTF];
}

struct err *input_role(const struct args *args, const char *const *names, unsigned count,
		       struct role **out)
{
	OWNED_BUF struct buf name = BUF_INIT(1 << 20);
	OWNED(spec) struct spec *spec = NULL;
	OWNED(btf) struct btf *host = NULL;
	const char *path = args->values[OPTION_SPEC];
	if (!path && !host_path(args))
		return err_new(
			ERR_INVALID,
			"%s wants --spec FILE, or --host-binary FILE of a host that declares "
			"its roles",
			args->command->name);
	TRY(role_join_texts(names, count, &name));
	if (path)
		TRY(input_spec(path, &spec));
	TRY(input_host_btf(args, &host));
	if (!path) {
		path = host_path(args);
		TRY_DOING(declared_spec(host, &spec), "%s", path);
	}
	TRY_DOING(role_resolve(spec, buf_str(&name), host, out), "%s", path);
	return NULL;
}
