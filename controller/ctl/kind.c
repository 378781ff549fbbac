#include "controller/ctl/kind.h"
#include "controller/ctl/status.h"

#include "shared/base/clock.h"
#include "shared/base/near.h"

#define DIGEST_SHOWN   12
#define CELL_MAX_BYTES ((size_t)64 << 10)

/* ---- cells ---- */

static void print_text(const struct node *n, const char *pointer, struct buf *out)
{
	buf_add(out, api_text(n, pointer));
}

static void print_digest(const struct node *n, const char *pointer, struct buf *out)
{
	struct str digest = api_text(n, pointer);
	buf_add(out, (struct str){digest.data, MIN(digest.size, (size_t)DIGEST_SHOWN)});
}

/* The names of a list's members, which are texts or have a member "name". */
static void print_names(const struct node *n, const char *pointer, struct buf *out)
{
	const struct node *list = node_at(n, pointer);
	const char *comma = "";
	if (!list)
		return;
	NODE_EACH (each, list) {
		struct str name = each->kind == NODE_TEXT ? each->text : api_text(each, "/name");
		buf_printf(out, "%s%.*s", comma, STR_FMT(name));
		comma = ",";
	}
}

static void print_labels(const struct node *n, const char *pointer, struct buf *out)
{
	const struct node *map = node_at(n, pointer);
	const char *comma = "";
	if (!map)
		return;
	NODE_EACH (each, map) {
		buf_printf(out, "%s%.*s=%.*s", comma, STR_FMT(each->key), STR_FMT(each->text));
		comma = ",";
	}
}

static bool read_time(struct str stamp, time_t *out)
{
	char text[CLOCK_STAMP_SIZE];
	struct tm utc = {0};
	if (stamp.size >= sizeof(text))
		return false;
	memcpy(text, stamp.data, stamp.size);
	text[stamp.size] = 0;
	if (!strptime(text, "%Y-%m-%dT%H:%M:%S", &utc))
		return false;
	*out = timegm(&utc);
	return true;
}

/* How long ago a time was, in its largest unit: "7s", "3m", "2h", "5d". */
static void print_age(const struct node *n, const char *pointer, struct buf *out)
{
	static const struct {
		int64_t seconds;
		char letter;
	} units[] = {{86400, 'd'}, {3600, 'h'}, {60, 'm'}, {1, 's'}};
	time_t then;
	if (!read_time(api_text(n, pointer), &then))
		return;
	int64_t age = (int64_t)(clock_unix_ms() / 1000) - (int64_t)then;
	for (size_t i = 0; i < ARRAY_SIZE(units); i++) {
		if (age < units[i].seconds && units[i].seconds > 1)
			continue;
		buf_printf(out, "%lld%c", (long long)(MAX(age, (int64_t)0) / units[i].seconds),
			   units[i].letter);
		return;
	}
}

static void print_connected(const struct node *n, const char *pointer, struct buf *out)
{
	buf_puts(out, str_is(api_text(n, pointer), "true") ? "CONNECTED" : "AWAY");
}

/* "2/3": hosts that have reported of those that are meant. */
static void print_coverage(const struct node *n, const char *pointer, struct buf *out)
{
	const struct node *coverage = node_at(n, pointer);
	buf_printf(out, "%lld/%lld", (long long)api_int(coverage, "/reported"),
		   (long long)api_int(coverage, "/matched"));
}

static void print_status(const struct node *n, const char *pointer UNUSED, struct buf *out)
{
	buf_puts(out, status_word(n));
}

/* Of a policy's `eim`. */
void kind_print_roles(const struct node *eim, struct buf *out)
{
	const struct node *role = node_find(eim, "role"), *roles = node_find(eim, "roles");
	if (role && role->kind == NODE_TEXT)
		buf_add(out, role->text);
	if (!roles || roles->kind != NODE_LIST)
		return;
	NODE_EACH (each, roles)
		buf_printf(out, "%s%.*s", each == roles->first ? "" : " & ", STR_FMT(each->text));
}

static void print_roles(const struct node *n, const char *pointer, struct buf *out)
{
	kind_print_roles(node_at(n, pointer), out);
}

static const struct kind kinds[] = {
	{"specs",
	 "spec",
	 {{"NAME", print_text, "/name"},
	  {"REVISION", print_text, "/revision"},
	  {"ROLES", print_names, "/roles"},
	  {"AGE", print_age, "/createTime"}}},
	{"programs",
	 "program",
	 {{"NAME", print_text, "/name"},
	  {"REVISION", print_text, "/revision"},
	  {"DIGEST", print_digest, "/digest"},
	  {"BYTES", print_text, "/sizeBytes"},
	  {"ENTRIES", print_names, "/entries"},
	  {"MAPS", print_names, "/maps"},
	  {"AGE", print_age, "/createTime"}}},
	{"policies",
	 "policy",
	 {{"NAME", print_text, "/name"},
	  {"STATE", print_status, "/status"},
	  {"ROLE", print_roles, "/document/spec/eim"},
	  {"PROCESSES", print_text, "/document/spec/processes/exe"},
	  {"HOSTS", print_coverage, "/status/coverage"},
	  {"ACTIVE", print_text, "/status/counts/active"},
	  {"PENDING", print_text, "/status/counts/pending"},
	  {"FAILED", print_text, "/status/counts/failed"},
	  {"AGE", print_age, "/createTime"}}},
	{"hosts",
	 "host",
	 {{"NAME", print_text, "/name"},
	  {"STATE", print_connected, "/connected"},
	  {"AGENT", print_text, "/agentVersion"},
	  {"LABELS", print_labels, "/labels"},
	  {"ACTIVE", print_text, "/counts/active"},
	  {"FAILED", print_text, "/counts/failed"},
	  {"SEEN", print_age, "/lastSeenTime"}}},
};

struct err *kind_find(const char *word, const struct kind **out)
{
	struct near near = near_start(str_of(word));
	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
		if (strcmp(kinds[i].plural, word) == 0 || strcmp(kinds[i].singular, word) == 0) {
			*out = &kinds[i];
			return NULL;
		}
		near_offer(&near, str_of(kinds[i].plural));
	}
	struct str best = near_found(&near);
	if (best.size)
		return err_new(ERR_INVALID, "\"%s\" is no kind of resource; did you mean %.*s?",
			       word, STR_FMT(best));
	return err_new(ERR_INVALID,
		       "\"%s\" is no kind of resource; known are specs, programs, policies, hosts",
		       word);
}

static unsigned columns_of(const struct kind *kind)
{
	unsigned count = 0;
	while (count < KIND_MAX_COLUMNS && kind->columns[count].header)
		count++;
	return count;
}

struct err *kind_print(const struct kind *kind, const struct node *list, struct buf *out)
{
	unsigned columns = columns_of(kind);
	OWNED_TABLE struct table t = TABLE_INIT(columns);
	OWNED_BUF struct buf cell = BUF_INIT(CELL_MAX_BYTES);
	for (unsigned i = 0; i < columns; i++)
		table_cell(&t, str_of(kind->columns[i].header));
	NODE_EACH (each, list) {
		for (unsigned i = 0; i < columns; i++) {
			buf_clear(&cell);
			kind->columns[i].print(each, kind->columns[i].pointer, &cell);
			TRY(buf_check(&cell));
			table_cell(&t, buf_str(&cell));
		}
	}
	TRY(table_check(&t));
	table_print(&t, out);
	return NULL;
}
