/*
 * Images from anywhere: what is accepted is written again, read again, and must be the same.
 */
#include "shared/jit/image.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	OWNED(image) struct image *image = NULL;
	OWNED(err) struct err *e = image_decode(bytes_of(data, size), &image);
	if (e)
		return 0;
	OWNED_BUF struct buf again = BUF_INIT(IMAGE_MAX_BYTES * 2);
	image_encode(image, &again);
	if (again.size != size || memcmp(again.data, data, size) != 0)
		abort();
	return 0;
}
