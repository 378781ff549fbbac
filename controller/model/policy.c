#include "controller/model/policy.h"
#include "controller/model/name.h"
#include "shared/codec/fields.h"
#include "shared/eim/role.h"

#define API_VERSION "eim/v1"
#define KIND	    "Policy"
#define MAX_PATH    4095u
#define MAX_LABEL   253u

struct document {
	struct str api_version, kind;
	const struct node *metadata, *spec;
};

static const struct field document_fields[] = {
	FIELD_TEXT("apiVersion", struct document, api_version, FIELD_REQUIRED),
	FIELD_TEXT("kind", struct document, kind, FIELD_REQUIRED),
	FIELD_MAP("metadata", struct document, metadata, 0),
	FIELD_MAP("spec", struct document, spec, FIELD_REQUIRED),
};

struct metadata {
	struct str name;
};

static const struct field metadata_fields[] = {
	FIELD_TEXT("name", struct metadata, name, 0),
};

struct sections {
	const struct node *program, *eim, *hosts, *processes, *rollout;
};

static const struct field section_fields[] = {
	FIELD_MAP("program", struct sections, program, FIELD_REQUIRED),
	FIELD_MAP("eim", struct sections, eim, FIELD_REQUIRED),
	FIELD_MAP("hosts", struct sections, hosts, 0),
	FIELD_MAP("processes", struct sections, processes, FIELD_REQUIRED),
	FIELD_ANY("rollout", struct sections, rollout, 0),
};

struct reference {
	struct str name, file, role;
	const struct node *roles;
	int64_t revision;
};

static const struct field program_fields[] = {
	FIELD_TEXT("name", struct reference, name, FIELD_REQUIRED),
	FIELD_INT("revision", struct reference, revision, 0),
	FIELD_TEXT("file", struct reference, file, 0),
};

static const struct field eim_fields[] = {
	FIELD_TEXT("name", struct reference, name, FIELD_REQUIRED),
	FIELD_TEXT("role", struct reference, role, 0),
	FIELD_LIST("roles", struct reference, roles, 0),
	FIELD_INT("revision", struct reference, revision, 0),
	FIELD_TEXT("file", struct reference, file, 0),
};

struct hosts {
	const struct node *match_labels;
};

static const struct field hosts_fields[] = {
	FIELD_MAP("matchLabels", struct hosts, match_labels, 0),
};

struct processes {
	struct str exe;
};

static const struct field processes_fields[] = {
	FIELD_TEXT("exe", struct processes, exe, FIELD_REQUIRED),
};

#define DECODE(node, fields, out) fields_decode(node, fields, ARRAY_SIZE(fields), out)

static struct err *check_head(const struct document *d)
{
	struct err *found = NULL;
	if (!str_is(d->api_version, API_VERSION))
		err_add(&found, err_at(ERR_INVALID, "/apiVersion", "must be %s, is \"%.*s\"",
				       API_VERSION, STR_FMT(d->api_version)));
	if (!str_is(d->kind, KIND))
		err_add(&found, err_at(ERR_INVALID, "/kind", "must be %s, is \"%.*s\"", KIND,
				       STR_FMT(d->kind)));
	return found;
}

static struct err *read_name(const struct node *n, struct str wanted, struct str *out)
{
	struct metadata m = {wanted};
	if (n)
		TRY(DECODE(n, metadata_fields, &m));
	TRY_AT(name_check("policy", m.name), "/name");
	if (wanted.size && !str_equal(m.name, wanted))
		return err_at(ERR_INVALID, "/name",
			      "the document is of \"%.*s\", the path of \"%.*s\"", STR_FMT(m.name),
			      STR_FMT(wanted));
	*out = m.name;
	return NULL;
}

static struct err *check_revision(int64_t revision)
{
	return revision >= 0 ? NULL
			     : err_at(ERR_INVALID, "/revision", "must be 1 or more, is %lld",
				      (long long)revision);
}

static struct err *read_program(const struct node *n, struct policy *p)
{
	struct reference r = {0};
	TRY(DECODE(n, program_fields, &r));
	TRY_AT(name_check("program", r.name), "/name");
	TRY(check_revision(r.revision));
	p->program = r.name;
	p->program_revision = r.revision;
	return NULL;
}

static struct err *read_eim(const struct node *n, struct arena *a, struct policy *p)
{
	struct reference r = {0};
	TRY(DECODE(n, eim_fields, &r));
	TRY_AT(name_check("spec", r.name), "/name");
	TRY(check_revision(r.revision));
	p->spec = r.name;
	p->spec_revision = r.revision;
	return role_read_names(r.role, r.roles, a, &p->role);
}

static struct err *read_label(const struct node *n, struct wire_label *out)
{
	if (n->kind != NODE_TEXT)
		return err_new(ERR_INVALID, "a label is text, this is %s: put it in quotes",
			       node_kind_name(n->kind));
	if (n->key.size == 0 || n->key.size > MAX_LABEL || n->text.size > MAX_LABEL)
		return err_new(ERR_INVALID,
			       "a label's name has 1 to %u bytes, its value at most %u", MAX_LABEL,
			       MAX_LABEL);
	*out = (struct wire_label){n->key, n->text};
	return NULL;
}

static struct err *read_labels(const struct node *n, struct arena *a, struct policy *p)
{
	if (n->count > POLICY_MAX_LABELS)
		return err_new(ERR_INVALID, "%zu labels are more than the limit of %u", n->count,
			       POLICY_MAX_LABELS);
	struct wire_label *labels = arena_alloc_array(a, n->count, sizeof(*labels));
	TRY_MEMORY(labels);
	NODE_EACH (each, n) {
		OWNED_BUF struct buf path = BUF_INIT(4096);
		node_print_step(each->key, &path);
		TRY_AT(read_label(each, &labels[p->match_count]), "%s", buf_text(&path));
		p->match_count++;
	}
	p->match = labels;
	return NULL;
}

static struct err *read_hosts(const struct node *n, struct arena *a, struct policy *p)
{
	struct hosts h = {0};
	if (!n)
		return NULL;
	TRY(DECODE(n, hosts_fields, &h));
	if (h.match_labels)
		TRY_AT(read_labels(h.match_labels, a, p), "/matchLabels");
	return NULL;
}

static struct err *read_processes(const struct node *n, struct policy *p)
{
	struct processes s = {0};
	TRY(DECODE(n, processes_fields, &s));
	if (!str_starts(s.exe, "/") || s.exe.size > MAX_PATH)
		return err_at(ERR_INVALID, "/exe",
			      "\"%.*s\" is no absolute path of at most %u bytes",
			      (int)MIN(s.exe.size, (size_t)80), s.exe.data, MAX_PATH);
	p->exe = s.exe;
	return NULL;
}

static struct err *read_sections(const struct node *n, struct arena *a, struct policy *p)
{
	struct sections s = {0};
	TRY(DECODE(n, section_fields, &s));
	if (s.rollout)
		return err_at(ERR_UNSUPPORTED, "/rollout",
			      "rollouts in steps are not available in this version: leave out "
			      "\"rollout\" to reach all matching hosts at once");
	struct err *found = NULL;
	err_add(&found, err_in(read_program(s.program, p), "/program"));
	err_add(&found, err_in(read_eim(s.eim, a, p), "/eim"));
	err_add(&found, err_in(read_hosts(s.hosts, a, p), "/hosts"));
	err_add(&found, err_in(read_processes(s.processes, p), "/processes"));
	return found;
}

struct err *policy_parse(const struct node *n, struct str name, struct arena *a, struct policy *out)
{
	struct document d = {0};
	struct policy p = {0};
	TRY(DECODE(n, document_fields, &d));
	struct err *found = check_head(&d);
	err_add(&found, err_in(read_name(d.metadata, name, &p.name), "/metadata"));
	err_add(&found, err_in(read_sections(d.spec, a, &p), "/spec"));
	if (!found)
		*out = p;
	return found;
}

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

static void print_labels(struct json *w, const struct policy *p)
{
	json_object(w, "hosts");
	json_object(w, "matchLabels");
	for (size_t i = 0; i < p->match_count; i++) {
		OWNED_BUF struct buf key = BUF_INIT(MAX_LABEL + 1);
		buf_add(&key, p->match[i].key);
		json_text(w, buf_text(&key), p->match[i].value);
	}
	json_end(w);
	json_end(w);
}

void policy_print(const struct policy *p, struct json *w)
{
	json_text(w, "apiVersion", STR(API_VERSION));
	json_text(w, "kind", STR(KIND));
	json_object(w, "metadata");
	json_text(w, "name", p->name);
	json_end(w);
	json_object(w, "spec");
	print_reference(w, "program", p->program, p->program_revision, STR(""));
	print_reference(w, "eim", p->spec, p->spec_revision, p->role);
	if (p->match_count)
		print_labels(w, p);
	json_object(w, "processes");
	json_text(w, "exe", p->exe);
	json_end(w);
	json_end(w);
}

static bool has_label(struct wire_label wanted, const struct wire_label *labels, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (str_equal(labels[i].key, wanted.key))
			return str_equal(labels[i].value, wanted.value);
	return false;
}

bool policy_matches(const struct wire_label *match, size_t match_count,
		    const struct wire_label *labels, size_t labels_count)
{
	for (size_t i = 0; i < match_count; i++)
		if (!has_label(match[i], labels, labels_count))
			return false;
	return true;
}
