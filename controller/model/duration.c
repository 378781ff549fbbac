#include "controller/model/duration.h"

struct err *duration_parse(struct str text, int64_t max_ms, int64_t *out_ms)
{
	/* "ms" stands before "s", which it ends with. */
	static const struct {
		const char *suffix;
		int64_t ms;
	} units[] = {{"ms", 1}, {"s", 1000}, {"m", 60000}, {"h", 3600000}};
	for (size_t i = 0; i < ARRAY_SIZE(units); i++) {
		int64_t number, ms;
		if (!str_ends(text, units[i].suffix))
			continue;
		struct str digits = {text.data, text.size - strlen(units[i].suffix)};
		if (!str_to_i64(digits, &number) || number < 0)
			break;
		if (__builtin_mul_overflow(number, units[i].ms, &ms) || ms > max_ms)
			return err_new(ERR_INVALID, "\"%.*s\" is more than %lld ms", STR_FMT(text),
				       (long long)max_ms);
		*out_ms = ms;
		return NULL;
	}
	return err_new(ERR_INVALID, "\"%.*s\" is no duration: write 500ms, 5s, 10m or 1h",
		       (int)MIN(text.size, (size_t)40), text.data);
}
