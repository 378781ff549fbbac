/* Requests and answers between the agent and its compiler: decoding arbitrary bytes. */
#include "agent/compile/message.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct compile_request request;
	OWNED_BUF struct buf verdict = BUF_INIT(65536);
	OWNED(image) struct image *image = NULL;
	OWNED(err) struct err *e = compile_request_decode(bytes_of(data, size), &request);
	OWNED(err) struct err *f = compile_answer_decode(bytes_of(data, size), &image, &verdict);
	return 0;
}
