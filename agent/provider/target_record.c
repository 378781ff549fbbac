/*
 * A target as JSON, enough to take everything out again without the images. Numbers are addresses and
 * sizes; a site has its present state and, while it changes, the next one: which of them is true when the
 * record is read is told by the process's bytes.
 */
#include "agent/provider/target_impl.h"

#include "shared/base/file.h"

#define BOOT_ID "/proc/sys/kernel/random/boot_id"

struct err *target_boot_id(char out[TARGET_BOOT_MAX])
{
	OWNED_BUF struct buf text = BUF_INIT(TARGET_BOOT_MAX - 1);
	TRY(file_read(BOOT_ID, &text));
	struct str id = str_trim(buf_str(&text));
	memcpy(out, id.data, id.size);
	out[id.size] = 0;
	return NULL;
}

static void put_islands(const struct target *t, struct json *w)
{
	json_list(w, "islands");
	for (uint32_t i = 0; i < t->islands_count; i++) {
		json_object(w, NULL);
		json_uint(w, "base", t->islands[i].base);
		json_uint(w, "nearStart", t->islands[i].near_start);
		json_uint(w, "nearEnd", t->islands[i].near_end);
		json_end(w);
	}
	json_end(w);
}

static void put_rows(const struct instance *i, struct json *w)
{
	json_list(w, "links");
	for (uint32_t n = 0; n < i->rows_count; n++) {
		json_object(w, NULL);
		json_text(w, "entry", str_of(i->rows[n].entry ? i->rows[n].entry : ""));
		json_text(w, "target", str_of(i->rows[n].target ? i->rows[n].target : ""));
		json_end(w);
	}
	json_end(w);
}

static void put_instances(const struct target *t, struct json *w)
{
	json_list(w, "instances");
	for (const struct instance *i = t->instances; i; i = i->next) {
		json_object(w, NULL);
		json_text(w, "name", str_of(i->name));
		json_uint(w, "base", i->base);
		json_uint(w, "bytes", i->bytes);
		json_uint(w, "codeBytes", i->code_bytes);
		json_uint(w, "privateOffset", i->private_offset);
		json_bool(w, "hasThreadPointer", i->has_thread_pointer);
		json_uint(w, "device", i->device);
		json_uint(w, "inode", i->inode);
		put_rows(i, w);
		json_end(w);
	}
	json_end(w);
}

static void put_hooks(const struct target_state *s, struct json *w)
{
	json_list(w, "hooks");
	for (uint32_t h = 0; h < s->hooks_count; h++) {
		const struct target_hook *hook = &s->hooks[h];
		json_object(w, NULL);
		json_text(w, "instance", str_of(hook->instance->name));
		json_uint(w, "link", hook->row);
		json_uint(w, "entry", hook->entry);
		json_uint(w, "counter", hook->counter);
		json_uint(w, "reads", hook->reads);
		json_uint(w, "flags", hook->flags);
		json_end(w);
	}
	json_end(w);
}

static void put_state(const struct target_site *site, const struct target_state *s, struct json *w)
{
	if (!s->thunk)
		return;
	json_object(w, NULL);
	json_uint(w, "thunk", s->thunk);
	json_uint(w, "bytes", s->bytes);
	json_uint(w, "displaced", s->displaced);
	json_list(w, "relocated");
	for (unsigned n = 0; n < site->plan.insns_count; n++)
		json_uint(w, NULL, s->relocated[n]);
	json_end(w);
	put_hooks(s, w);
	json_end(w);
}

static void put_original(const struct target_site *s, struct json *w)
{
	char hex[2 * SITE_MAX_WINDOW + 1] = {0};
	static const char digits[] = "0123456789abcdef";
	for (unsigned n = 0; n < s->plan.window; n++) {
		hex[2 * n] = digits[s->plan.original[n] >> 4];
		hex[2 * n + 1] = digits[s->plan.original[n] & 15];
	}
	json_text(w, "original", str_of(hex));
}

static void put_site(const struct target_site *s, struct json *w)
{
	json_object(w, NULL);
	json_uint(w, "address", s->address);
	json_uint(w, "skip", s->plan.skip);
	json_bool(w, "atEntry", s->plan.at_entry);
	put_original(s, w);
	json_list(w, "lengths");
	for (unsigned n = 0; n < s->plan.insns_count; n++)
		json_uint(w, NULL, s->plan.insns[n].length);
	json_end(w);
	json_list(w, "states");
	put_state(s, &s->now, w);
	if (s->is_changing)
		put_state(s, &s->next, w);
	json_end(w);
	json_end(w);
}

static void put_dead(const struct target *t, struct json *w)
{
	json_list(w, "dead");
	for (uint32_t n = 0; n < t->dead_count; n++) {
		json_object(w, NULL);
		json_uint(w, "thunk", t->dead[n].start);
		json_uint(w, "bytes", t->dead[n].end - t->dead[n].start);
		json_end(w);
	}
	json_end(w);
}

void target_record(const struct target *t, struct json *w, const char *key)
{
	char boot[TARGET_BOOT_MAX] = "";
	err_destroy(
		target_boot_id(boot)); /* without one the record fits no boot: nothing is adopted */
	json_object(w, key);
	json_int(w, "layout", TARGET_LAYOUT);
	json_text(w, "boot", str_of(boot));
	json_int(w, "pid", t->id.pid);
	json_uint(w, "start", t->id.start_ticks);
	put_islands(t, w);
	put_instances(t, w);
	json_list(w, "sites");
	for (uint32_t n = 0; n < t->sites_count; n++)
		put_site(t->sites[n], w);
	json_end(w);
	put_dead(t, w);
	json_end(w);
}
