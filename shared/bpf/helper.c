#include "shared/bpf/helper.h"
#include "shared/base/own.h"

#include <linux/bpf.h>

const struct helper helpers[] = {
#define HELPER(number, text, ret, a1, a2, a3, a4, a5, properties)                     \
	{.id = (number),                                                              \
	 .name = "bpf_" #text,                                                        \
	 .function = "rt_" #text,                                                     \
	 .returns = HELPER_RETURN_##ret,                                              \
	 .args = {HELPER_ARG_##a1, HELPER_ARG_##a2, HELPER_ARG_##a3, HELPER_ARG_##a4, \
		  HELPER_ARG_##a5},                                                   \
	 .flags = (properties)},
#include "shared/bpf/helper.tbl.h"
#undef HELPER
};
const size_t helpers_count = ARRAY_SIZE(helpers);

/* The kernel's own list, so that a row is never forgotten; its entry 0 is "unspec". */
static const char *const known_names[] = {
#define KNOWN(name) [BPF_FUNC_##name] = "bpf_" #name
	__BPF_FUNC_MAPPER(KNOWN)
#undef KNOWN
};

const struct helper *helper_find(uint32_t id)
{
	for (size_t i = 0; i < helpers_count; i++)
		if (helpers[i].id == id)
			return &helpers[i];
	return NULL;
}

const struct helper *helper_find_name(struct str name)
{
	size_t skip = str_starts(name, "bpf_") ? 0 : strlen("bpf_");
	for (size_t i = 0; i < helpers_count; i++)
		if (str_is(name, helpers[i].name + skip))
			return &helpers[i];
	return NULL;
}

const char *helper_known_name(uint32_t id)
{
	return id > 0 && id < ARRAY_SIZE(known_names) ? known_names[id] : NULL;
}
