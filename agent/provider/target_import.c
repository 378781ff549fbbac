/*
 * What a program uses of its host, found in the same file as the function whose place it takes: static
 * functions and variables are in its symbol table, too.
 */
#include "agent/provider/target_impl.h"

#include "shared/base/mem.h"

static struct err *find(const struct binary *b, const struct image_import *import,
			uint64_t *address)
{
	struct binary_function f;
	if (!import->is_function)
		return binary_find_data(b, import->symbol, address);
	TRY(binary_find(b, import->symbol, &f));
	*address = f.address;
	return NULL;
}

/* All are tried, so that all findings are told at once. */
struct err *target_plan_imports(struct instance *i, const struct image *image,
				const struct binary *binary, uint64_t bias)
{
	struct err *all = NULL;
	mem_free(MOVE(i->imports));
	i->imports = mem_zalloc_array(image->imports_count, sizeof(*i->imports));
	TRY_MEMORY(i->imports);
	for (uint32_t n = 0; n < image->imports_count; n++) {
		const struct image_import *import = &image->imports[n];
		uint64_t address = 0;
		struct err *e = find(binary, import, &address);
		if (e)
			e = err_doing(e, "what the program uses of the host: %.*s",
				      STR_FMT(import->symbol));
		i->imports[n] = address + bias;
		err_add(&all, e);
	}
	return all;
}
