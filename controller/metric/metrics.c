#include "controller/metric/metrics.h"

static struct metrics_row *find_row(struct metrics *m, const char *method, const char *route,
				    int status)
{
	for (size_t i = 0; i < m->rows_count; i++) {
		struct metrics_row *row = &m->rows[i];
		if (row->status == status && strcmp(row->route, route) == 0 &&
		    strcmp(row->method, method) == 0)
			return row;
	}
	return NULL;
}

void metrics_count_request(struct metrics *m, const char *method, const char *route, int status)
{
	if (m->rows_count + 1 >= METRICS_MAX_ROWS) {
		method = route = "other";
		status = 0;
	}
	struct metrics_row *row = find_row(m, method, route, status);
	if (!row) {
		row = &m->rows[m->rows_count++];
		*row = (struct metrics_row){method, route, status, 0};
	}
	row->count++;
}

static void print_head(struct buf *out, const char *name, const char *type, const char *help)
{
	buf_printf(out, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, type);
}

void metrics_print_requests(const struct metrics *m, struct buf *out)
{
	const char *name = "eim_controller_requests_total";
	print_head(out, name, "counter", "Requests answered, by route and status.");
	for (size_t i = 0; i < m->rows_count; i++) {
		const struct metrics_row *row = &m->rows[i];
		buf_printf(out, "%s{method=\"%s\",route=\"%s\",code=\"%d\"} %llu\n", name,
			   row->method, row->route, row->status, (unsigned long long)row->count);
	}
}

void metrics_print(struct buf *out, const char *name, const char *type, const char *help,
		   uint64_t value)
{
	print_head(out, name, type, help);
	buf_printf(out, "%s %llu\n", name, (unsigned long long)value);
}
