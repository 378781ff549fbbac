/*
 * Any text as /proc/PID/maps: what is read ascends, and room that is found is free.
 */
#include "agent/discover/process.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_room(const struct process_maps *maps, const struct process_mapping *near)
{
	const uint64_t size = 0x2000;
	uint64_t place = process_maps_gap(maps, near->start, near->end, size);
	for (size_t i = 0; place && i < maps->count; i++)
		if (place < maps->items[i].end && place + size > maps->items[i].start)
			abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct process_maps maps;
	struct err *e = process_maps_parse((struct str){(const char *)data, size}, &maps);
	if (e) {
		err_destroy(e);
		return 0;
	}
	for (size_t i = 0; i < maps.count; i++) {
		const struct process_mapping *m = &maps.items[i];
		if (m->start >= m->end || process_maps_at(&maps, m->start) != m)
			abort();
		if (i < 64)
			check_room(&maps, m);
	}
	process_maps_fini(&maps);
	return 0;
}
