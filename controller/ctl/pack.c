#include "controller/ctl/pack.h"

#include "controller/ctl/input.h"
#include "shared/codec/fields.h"
#include "shared/codec/yaml.h"
#include "shared/eim/role.h"

#include <sys/stat.h>

#define PATH_MAX_BYTES 4096u

static const struct field top_fields[] = {
	FIELD_TEXT("apiVersion", struct pack, api_version, FIELD_REQUIRED),
	FIELD_TEXT("kind", struct pack, kind, FIELD_REQUIRED),
	FIELD_MAP("metadata", struct pack, metadata, FIELD_REQUIRED),
	FIELD_MAP("spec", struct pack, spec, FIELD_REQUIRED),
};

static const struct field spec_fields[] = {
	FIELD_MAP("program", struct pack, program, FIELD_REQUIRED),
	FIELD_MAP("eim", struct pack, eim, FIELD_REQUIRED),
	FIELD_MAP("hosts", struct pack, hosts, 0),
	FIELD_MAP("processes", struct pack, processes, FIELD_REQUIRED),
	FIELD_MAP("rollout", struct pack, rollout, 0),
};

static const struct field program_fields[] = {
	FIELD_TEXT("name", struct pack, program_name, FIELD_REQUIRED),
	FIELD_TEXT("file", struct pack, program_file, FIELD_REQUIRED),
};

static const struct field eim_fields[] = {
	FIELD_TEXT("name", struct pack, eim_name, FIELD_REQUIRED),
	FIELD_TEXT("file", struct pack, eim_file, FIELD_REQUIRED),
	FIELD_TEXT("role", struct pack, role, 0),
	FIELD_LIST("roles", struct pack, roles, 0),
};

static const struct field process_fields[] = {
	FIELD_TEXT("exe", struct pack, exe, FIELD_REQUIRED),
};

bool pack_is_one(const struct node *n)
{
	return node_find(n, "apiVersion") || node_find(n, "kind");
}

/* Labels and a name: members that the controller knows better, so only the name is looked at. */
static struct err *decode_name(struct pack *p)
{
	const struct node *name = node_find(p->metadata, "name");
	if (!name || name->kind != NODE_TEXT || !name->text.size)
		return err_at(ERR_INVALID, "/metadata/name",
			      "the policy's name is missing; add metadata: { name: … }");
	p->name = name->text;
	return NULL;
}

static struct err *decode_spec(struct pack *p, struct arena *a)
{
	TRY(fields_decode(p->spec, spec_fields, ARRAY_SIZE(spec_fields), p));
	TRY_AT(fields_decode(p->program, program_fields, ARRAY_SIZE(program_fields), p),
	       "/program");
	TRY_AT(fields_decode(p->eim, eim_fields, ARRAY_SIZE(eim_fields), p), "/eim");
	TRY_AT(role_read_names(p->role, p->roles, a, &p->role), "/eim");
	TRY_AT(fields_decode(p->processes, process_fields, ARRAY_SIZE(process_fields), p),
	       "/processes");
	return NULL;
}

static struct err *decode(const struct node *n, struct arena *a, struct pack *p)
{
	TRY(fields_decode(n, top_fields, ARRAY_SIZE(top_fields), p));
	if (!str_is(p->kind, "Policy"))
		return err_at(ERR_INVALID, "/kind", "the kind is \"%.*s\"; Policy is wanted",
			      STR_FMT(p->kind));
	if (!str_is(p->api_version, "eim/v1"))
		return err_at(ERR_INVALID, "/apiVersion",
			      "the version is \"%.*s\"; this eimctl knows eim/v1",
			      STR_FMT(p->api_version));
	TRY(decode_name(p));
	TRY_AT(decode_spec(p, a), "/spec");
	if (p->exe.size == 0 || p->exe.data[0] != '/')
		return err_at(ERR_INVALID, "/spec/processes/exe",
			      "\"%.*s\" is no absolute path of an executable", STR_FMT(p->exe));
	return NULL;
}

static struct str folder_of(struct str file)
{
	size_t size = file.size;
	while (size > 0 && file.data[size - 1] != '/')
		size--;
	return (struct str){file.data, size};
}

struct err *pack_decode(const struct node *n, const char *file, struct arena *a, struct pack *out)
{
	struct pack p = {0};
	p.file = arena_str(a, str_of(file));
	TRY_MEMORY(p.file.data);
	p.folder = folder_of(p.file);
	TRY(decode(n, a, &p));
	*out = p;
	return NULL;
}

/* A folder means the policy.yaml in it. */
static struct err *file_of(const char *path, struct buf *out)
{
	struct stat st;
	size_t size = strlen(path);
	bool is_folder = stat(path, &st) == 0 && S_ISDIR(st.st_mode);
	buf_puts(out, path);
	if (is_folder)
		buf_puts(out, size && path[size - 1] == '/' ? "policy.yaml" : "/policy.yaml");
	return buf_check(out);
}

struct err *pack_load(const char *path, struct arena *a, struct pack *out)
{
	OWNED_BUF struct buf file = BUF_INIT(PATH_MAX_BYTES);
	OWNED_BUF struct buf text = BUF_INIT(0);
	TRY(file_of(path, &file));
	TRY(input_read(buf_text(&file), PACK_MAX_BYTES, &text));
	const struct node *n;
	TRY_DOING(yaml_parse(buf_str(&text), a, &n), "%s", buf_text(&file));
	TRY_DOING(pack_decode(n, buf_text(&file), a, out), "%s", buf_text(&file));
	return NULL;
}

const char *pack_path(const struct pack *p, struct str file, struct arena *a)
{
	OWNED_BUF struct buf path = BUF_INIT(PATH_MAX_BYTES);
	if (file.size && file.data[0] != '/')
		buf_add(&path, p->folder);
	buf_add(&path, file);
	return path.failed ? NULL : arena_text(a, buf_str(&path));
}
