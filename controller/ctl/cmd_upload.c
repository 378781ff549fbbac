/* upload - the types of host binaries that are stripped where they run, under their build ids. */
#include "controller/ctl/api.h"
#include "controller/ctl/command.h"
#include "controller/ctl/input.h"
#include "shared/bpf/btf_file.h"

#define PATH_MAX_BYTES 4096u
#define FILE_MAX_BYTES ((size_t)1 << 30)

/* What is to be uploaded, and for which binary. */
struct upload {
	struct buf file, types;
	char id[BTF_FILE_ID_SIZE];
};

static void fini(struct upload *u)
{
	buf_fini(&u->file);
	buf_fini(&u->types);
}

static struct err *find_id(const struct upload *u, char id[BTF_FILE_ID_SIZE])
{
	TRY(btf_file_build_id(buf_bytes(&u->file), id));
	if (*id)
		return NULL;
	return err_new(ERR_INVALID, "it has no build id; link it with -Wl,--build-id");
}

/* The binary's own types, or those of --btf. */
static struct err *find_types(const struct args *args, struct upload *u, struct bytes *out)
{
	const char *raw = args->values[OPTION_BTF];
	if (raw) {
		TRY(input_read(raw, BTF_MAX_BYTES, &u->types));
		*out = buf_bytes(&u->types);
		return NULL;
	}
	TRY(input_btf_section(buf_bytes(&u->file), out));
	if (out->size)
		return NULL;
	return err_new(ERR_NOT_FOUND, "it has no .BTF section: name a file that has its types with "
				      "--btf, as pahole --btf_encode_detached=FILE writes it");
}

static struct err *put(struct ctl *ctl, const char *id, struct bytes types)
{
	OWNED_ARENA struct arena a = ARENA_INIT(CTL_MAX_MEMORY);
	OWNED_BUF struct buf path = BUF_INIT(PATH_MAX_BYTES);
	struct api_answer answer;
	api_path(&path, "btf", str_of(id));
	TRY(buf_check(&path));
	TRY(api_call(ctl,
		     &(struct api_request){.method = "PUT",
					   .path = buf_text(&path),
					   .content_type = "application/octet-stream",
					   .body = types},
		     &a, &answer));
	if (!ctl_is_table(ctl))
		ctl_print_node(ctl, answer.body);
	else
		buf_printf(&ctl->out, "btf/%s uploaded, %zu bytes\n", id, types.size);
	return ctl_flush(ctl);
}

static struct err *upload(struct ctl *ctl, const struct args *args, struct upload *u)
{
	struct bytes types;
	const char *path = args->words[0];
	TRY(input_read(path, FILE_MAX_BYTES, &u->file));
	TRY_DOING(find_id(u, u->id), "%s", path);
	TRY_DOING(find_types(args, u, &types), "%s", path);
	return put(ctl, u->id, types);
}

struct err *cmd_upload(struct ctl *ctl, const struct args *args)
{
	struct upload u = {.file = BUF_INIT(0), .types = BUF_INIT(0)};
	struct err *e = upload(ctl, args, &u);
	fini(&u);
	return e;
}
