/*
 * apply - brings what a policy file names to the controller, in the order in which one needs the other:
 * spec, program (its bytes first), policy. The policy then names the revisions that these became, so
 * that what was applied stays what it is.
 *
 * Everything is read and checked here before anything is sent: a broken file changes nothing.
 */
#include "controller/ctl/api.h"
#include "controller/ctl/command.h"
#include "controller/ctl/input.h"
#include "controller/ctl/pack.h"
#include "controller/ctl/wait.h"
#include "shared/codec/json.h"

#define PATH_MAX_BYTES 4096u
#define BODY_MAX_BYTES ((size_t)1 << 20)
#define DIGEST_MAX     80

struct item { /* one policy and what it needs, read */
	struct pack pack;
	struct buf spec_text, object_image;
	char spec_digest[DIGEST_MAX], object_digest[DIGEST_MAX];
	int64_t spec_revision, program_revision; /* 0: not known (validated only) */
};

struct apply {
	struct ctl *ctl;
	struct arena arena;
	bool validate_only;
	struct item *items; /* in the arena */
	unsigned count;
	struct buf text; /* of -o json */
	struct json json;
};

/* ---- reading ---- */

static struct err *check_roles(const struct spec *spec, struct str role, const char *path)
{
	struct str names[ROLE_MAX_TOGETHER];
	size_t count;
	TRY(role_split_names(role, names, &count));
	for (size_t i = 0; i < count; i++)
		if (!spec_find_role(spec, names[i]))
			return err_at(ERR_NOT_FOUND,
				      count > 1 ? "/spec/eim/roles" : "/spec/eim/role",
				      "%s has no role \"%.*s\"", path, STR_FMT(names[i]));
	return NULL;
}

static struct err *read_spec(struct item *item, struct arena *a)
{
	OWNED(spec) struct spec *spec = NULL;
	const char *path = pack_path(&item->pack, item->pack.eim_file, a);
	TRY_MEMORY(path);
	TRY(input_read(path, SPEC_MAX_BYTES, &item->spec_text));
	TRY_DOING(spec_parse(buf_str(&item->spec_text), &spec), "%s", path);
	TRY(check_roles(spec, item->pack.role, path));
	snprintf(item->spec_digest, DIGEST_MAX, "%.*s", STR_FMT(spec->digest));
	return NULL;
}

static struct err *read_program(struct item *item, struct arena *a)
{
	OWNED(object) struct object *object = NULL;
	const char *path = pack_path(&item->pack, item->pack.program_file, a);
	TRY_MEMORY(path);
	TRY(input_read(path, OBJECT_MAX_BYTES, &item->object_image));
	TRY_DOING(object_parse(buf_bytes(&item->object_image), &object), "%s", path);
	snprintf(item->object_digest, DIGEST_MAX, "%s", object_digest(object));
	return NULL;
}

static struct err *read_items(struct apply *apply, const struct args *args)
{
	apply->items = arena_alloc_array(&apply->arena, args->files_count, sizeof(struct item));
	TRY_MEMORY(apply->items);
	for (unsigned i = 0; i < args->files_count; i++) {
		struct item *item = &apply->items[apply->count++];
		TRY(pack_load(args->files[i], &apply->arena, &item->pack));
		TRY_DOING(read_spec(item, &apply->arena), "%.*s", STR_FMT(item->pack.file));
		TRY_DOING(read_program(item, &apply->arena), "%.*s", STR_FMT(item->pack.file));
	}
	return NULL;
}

/* ---- saying ---- */

static void say(struct apply *apply, const char *kind, struct str name, int64_t revision,
		const char *result)
{
	if (!ctl_is_table(apply->ctl)) {
		json_object(&apply->json, NULL);
		json_text(&apply->json, "kind", str_of(kind));
		json_text(&apply->json, "name", name);
		if (revision)
			json_int(&apply->json, "revision", revision);
		json_text(&apply->json, "result", str_of(result));
		json_end(&apply->json);
		return;
	}
	buf_printf(&apply->ctl->out, "%s/%.*s", kind, STR_FMT(name));
	if (revision)
		buf_printf(&apply->ctl->out, " revision %lld", (long long)revision);
	buf_printf(&apply->ctl->out, " %s\n", result);
}

/* ---- sending ---- */

static struct err *send_to(struct apply *apply, const char *method, struct buf *path,
			   const char *type, struct bytes body, struct api_answer *out)
{
	buf_puts(path, apply->validate_only ? "?validateOnly=true" : "");
	TRY(buf_check(path));
	struct api_request request = {.method = method,
				      .path = buf_text(path),
				      .content_type = type,
				      .body = body};
	return api_call(apply->ctl, &request, &apply->arena, out);
}

static const char *result_of(const struct apply *apply, const struct api_answer *answer)
{
	if (apply->validate_only)
		return "valid";
	return answer->status == 201 ? "created" : "unchanged";
}

static struct err *send_spec(struct apply *apply, struct item *item)
{
	OWNED_BUF struct buf path = BUF_INIT(PATH_MAX_BYTES);
	struct api_answer answer;
	api_path(&path, "specs", item->pack.eim_name);
	buf_puts(&path, "/revisions");
	TRY_DOING(send_to(apply, "POST", &path, "application/yaml", buf_bytes(&item->spec_text),
			  &answer),
		  "spec %.*s", STR_FMT(item->pack.eim_name));
	item->spec_revision = api_int(answer.body, "/revision");
	say(apply, "spec", item->pack.eim_name, item->spec_revision, result_of(apply, &answer));
	return NULL;
}

/* The latest revision of the program where it has these bytes; 0 where it has not. */
static struct err *find_program(struct apply *apply, const struct item *item, int64_t *revision)
{
	OWNED_BUF struct buf path = BUF_INIT(PATH_MAX_BYTES);
	struct api_answer answer = {0};
	api_path(&path, "programs", item->pack.program_name);
	TRY(buf_check(&path));
	OWNED(err) struct err *e = api_get(apply->ctl, buf_text(&path), &apply->arena, &answer);
	*revision = 0;
	if (e && err_code(e) != ERR_NOT_FOUND)
		return MOVE(e);
	if (!e && str_is(api_text(answer.body, "/digest"), item->object_digest))
		*revision = api_int(answer.body, "/revision");
	return NULL;
}

static struct err *send_blob(struct apply *apply, const struct item *item)
{
	OWNED_BUF struct buf path = BUF_INIT(PATH_MAX_BYTES);
	struct api_answer answer;
	buf_printf(&path, "/v1/blobs/sha256/%s", item->object_digest);
	return send_to(apply, "PUT", &path, "application/octet-stream",
		       buf_bytes(&item->object_image), &answer);
}

static struct err *send_revision(struct apply *apply, struct item *item)
{
	OWNED_BUF struct buf path = BUF_INIT(PATH_MAX_BYTES);
	OWNED_BUF struct buf body = BUF_INIT(PATH_MAX_BYTES);
	struct api_answer answer;
	buf_printf(&body, "{\"digest\":\"%s\"}", item->object_digest);
	api_path(&path, "programs", item->pack.program_name);
	buf_puts(&path, "/revisions");
	TRY(buf_check(&body));
	TRY(send_to(apply, "POST", &path, NULL, buf_bytes(&body), &answer));
	item->program_revision = api_int(answer.body, "/revision");
	return NULL;
}

/* Bytes that were only validated are not there for a revision to name: the object was parsed here. */
static struct err *send_program(struct apply *apply, struct item *item)
{
	struct str name = item->pack.program_name;
	TRY_DOING(find_program(apply, item, &item->program_revision), "program %.*s",
		  STR_FMT(name));
	bool is_there = item->program_revision != 0;
	if (!is_there)
		TRY_DOING(send_blob(apply, item), "program %.*s", STR_FMT(name));
	if (!is_there && !apply->validate_only)
		TRY_DOING(send_revision(apply, item), "program %.*s", STR_FMT(name));
	say(apply, "program", name, item->program_revision,
	    apply->validate_only ? "valid"
	    : is_there		 ? "unchanged"
				 : "created");
	return NULL;
}

/* ---- the policy ---- */

static void print_reference(struct json *w, const char *key, struct str name, int64_t revision,
			    struct str role)
{
	json_object(w, key);
	json_text(w, "name", name);
	if (revision)
		json_int(w, "revision", revision);
	if (role.size)
		role_print_names(role, w);
	json_end(w);
}

static void print_policy(const struct item *item, struct buf *out)
{
	const struct pack *p = &item->pack;
	struct json w = json_start(out);
	json_object(&w, NULL);
	json_text(&w, "apiVersion", p->api_version);
	json_text(&w, "kind", p->kind);
	json_node(&w, "metadata", p->metadata);
	json_object(&w, "spec");
	print_reference(&w, "program", p->program_name, item->program_revision, STR(""));
	print_reference(&w, "eim", p->eim_name, item->spec_revision, p->role);
	if (p->hosts)
		json_node(&w, "hosts", p->hosts);
	json_node(&w, "processes", p->processes);
	if (p->rollout)
		json_node(&w, "rollout", p->rollout);
	json_end(&w);
	json_end(&w);
}

/* Appends what a policy's answer says about its content; times and etags are left out. */
static void print_content(const struct node *policy, struct buf *out)
{
	const struct node *document = policy ? node_find(policy, "document") : NULL;
	if (!document)
		return;
	json_print(document, out);
	buf_add(out, api_text(policy, "/revision"));
}

/* Appends the content of the policy as it is now; nothing where there is none. */
static struct err *current_content(struct apply *apply, struct str name, struct buf *out)
{
	OWNED_BUF struct buf path = BUF_INIT(PATH_MAX_BYTES);
	struct api_answer answer = {0};
	api_path(&path, "policies", name);
	TRY(buf_check(&path));
	OWNED(err) struct err *e = api_get(apply->ctl, buf_text(&path), &apply->arena, &answer);
	if (e && err_code(e) != ERR_NOT_FOUND)
		return MOVE(e);
	print_content(answer.body, out);
	return buf_check(out);
}

static struct err *put_policy(struct apply *apply, struct item *item, struct api_answer *out)
{
	OWNED_BUF struct buf path = BUF_INIT(PATH_MAX_BYTES);
	OWNED_BUF struct buf body = BUF_INIT(BODY_MAX_BYTES);
	print_policy(item, &body);
	TRY(buf_check(&body));
	api_path(&path, "policies", item->pack.name);
	return send_to(apply, "PUT", &path, NULL, buf_bytes(&body), out);
}

static struct err *send_policy(struct apply *apply, struct item *item)
{
	OWNED_BUF struct buf before = BUF_INIT(BODY_MAX_BYTES);
	OWNED_BUF struct buf after = BUF_INIT(BODY_MAX_BYTES);
	struct api_answer answer;
	struct str name = item->pack.name;
	TRY(current_content(apply, name, &before));
	TRY_DOING(put_policy(apply, item, &answer), "policy %.*s", STR_FMT(name));
	print_content(answer.body, &after);
	TRY(buf_check(&after));
	const char *result = str_equal(buf_str(&before), buf_str(&after)) ? "unchanged" : "changed";
	if (answer.status == 201)
		result = "created";
	say(apply, "policy", name, 0, apply->validate_only ? "valid" : result);
	return NULL;
}

/* A policy that names what does not exist yet cannot be looked at by the controller. */
static bool can_send_policy(const struct apply *apply, const struct item *item)
{
	return !apply->validate_only || (item->spec_revision && item->program_revision);
}

static struct err *send_items(struct apply *apply)
{
	for (unsigned i = 0; i < apply->count; i++) {
		struct item *item = &apply->items[i];
		TRY(send_spec(apply, item));
		TRY(send_program(apply, item));
		if (can_send_policy(apply, item))
			TRY(send_policy(apply, item));
		else
			say(apply, "policy", item->pack.name, 0, "valid");
		TRY(ctl_is_table(apply->ctl) ? ctl_flush(apply->ctl) : NULL);
	}
	return NULL;
}

/* ---- the command ---- */

static struct err *wait_for_items(struct apply *apply, const struct args *args)
{
	if (!args_has(args, OPTION_WAIT) || apply->validate_only)
		return NULL;
	struct str *names = arena_alloc_array(&apply->arena, apply->count, sizeof(*names));
	TRY_MEMORY(names);
	for (unsigned i = 0; i < apply->count; i++)
		names[i] = apply->items[i].pack.name;
	return wait_active(apply->ctl, args->values[OPTION_WAIT], names, apply->count);
}

static struct err *run(struct apply *apply, const struct args *args)
{
	TRY(read_items(apply, args));
	TRY(send_items(apply));
	if (!ctl_is_table(apply->ctl)) {
		json_end(&apply->json);
		TRY(ctl_print_json(apply->ctl, &apply->text));
	}
	return wait_for_items(apply, args);
}

struct err *cmd_apply(struct ctl *ctl, const struct args *args)
{
	struct apply apply = {.ctl = ctl,
			      .arena = ARENA_INIT(CTL_MAX_MEMORY),
			      .text = BUF_INIT(CTL_MAX_OUTPUT),
			      .validate_only = args_has(args, OPTION_VALIDATE_ONLY)};
	if (!args->files_count)
		return err_new(ERR_INVALID, "apply wants -f PATH");
	apply.json = json_start(&apply.text);
	json_list(&apply.json, NULL);
	struct err *e = run(&apply, args);
	for (unsigned i = 0; i < apply.count; i++) {
		buf_fini(&apply.items[i].spec_text);
		buf_fini(&apply.items[i].object_image);
	}
	buf_fini(&apply.text);
	arena_fini(&apply.arena);
	return e;
}
