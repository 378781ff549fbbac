/*
 * Any bytes as an eBPF object: an error, or an object that is sound.
 */
#include "tests/unit/shared/bpf/sound.h"

#include <stdio.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	OWNED(object) struct object *o = NULL;
	OWNED(err) struct err *e = object_parse(bytes_of(data, size), &o);
	const char *wrong = e ? NULL : sound_object(o);
	if (wrong) {
		fprintf(stderr, "accepted with %s\n", wrong);
		abort();
	}
	return 0;
}
