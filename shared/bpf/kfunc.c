#include "shared/bpf/kfunc.h"
#include "shared/base/own.h"

const struct kfunc kfuncs[] = {
#define KFUNC(text, result, count, a1, a2, a3)                           \
	{.id = KFUNC_##text,                                             \
	 .name = "bpf_" #text,                                           \
	 .function = "rt_" #text,                                        \
	 .result_bytes = (uint8_t)((result) < 0 ? -(result) : (result)), \
	 .is_result_signed = (result) < 0,                               \
	 .args_count = (count),                                          \
	 .args = {KFUNC_ARG_##a1, KFUNC_ARG_##a2, KFUNC_ARG_##a3}},
#include "shared/bpf/kfunc.tbl.h"
#undef KFUNC
};
const size_t kfuncs_count = ARRAY_SIZE(kfuncs);

const struct kfunc *kfunc_find(struct str name)
{
	for (size_t i = 0; i < kfuncs_count; i++)
		if (str_is(name, kfuncs[i].name))
			return &kfuncs[i];
	return NULL;
}

uint8_t kfunc_arg_bytes(const struct kfunc *k, unsigned i)
{
	return k->args[i] == KFUNC_ARG_INT ? 4 : 8;
}
