/* Any bytes are YAML or refused; what is read prints as YAML that reads back as the same document. */
#include "shared/codec/json.h"
#include "shared/codec/yaml.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	OWNED_ARENA struct arena a = ARENA_INIT((size_t)64 << 20), b = ARENA_INIT((size_t)64 << 20);
	OWNED_BUF struct buf yaml = BUF_INIT(BUF_DEFAULT_MAX);
	OWNED_BUF struct buf once = BUF_INIT(BUF_DEFAULT_MAX), twice = BUF_INIT(BUF_DEFAULT_MAX);
	struct str text = {(const char *)data, size};
	const struct node *n, *back, *all;
	OWNED(err) struct err *stream = yaml_parse_all(text, &a, &all);
	OWNED(err) struct err *e = yaml_parse(text, &a, &n);
	if (e)
		return 0;
	yaml_print(n, &yaml);
	OWNED(err) struct err *again = yaml_parse(buf_str(&yaml), &b, &back);
	if (stream || again)
		abort();
	json_print(n, &once);
	json_print(back, &twice);
	if (!str_equal(buf_str(&once), buf_str(&twice)))
		abort();
	return 0;
}
