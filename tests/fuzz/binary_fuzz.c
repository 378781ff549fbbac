/*
 * Any bytes as a host's ELF file. Input: an offset (2 bytes), the file.
 */
#include "agent/attach/binary.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct binary *b;
	struct binary_function f;
	if (size < 2)
		return 0;
	uint64_t offset = data[0] | (uint64_t)data[1] << 8;
	struct err *e = binary_parse(bytes_of(data + 2, size - 2), &b);
	if (e) {
		err_destroy(e);
		return 0;
	}
	err_destroy(binary_find(b, STR("main"), &f));
	e = binary_find_at(b, offset, &f);
	if (!e && f.name.size)
		err_destroy(binary_find(b, f.name, &f));
	err_destroy(e);
	struct bytes code = binary_code(b, offset, 64);
	volatile uint8_t sum = 0;
	for (size_t i = 0; i < code.size; i++)
		sum = (uint8_t)(sum + code.data[i]);
	for (size_t i = 0; i < binary_btf(b).size; i += 4096)
		sum = (uint8_t)(sum + binary_btf(b).data[i]);
	binary_destroy(b);
	return 0;
}
