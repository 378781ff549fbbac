#include "shared/base/log.h"
#include "shared/base/buf.h"
#include "shared/base/file.h"

#include <time.h>

static enum log_level minimum = LOG_INFO;

void log_set_level(enum log_level level)
{
	minimum = level;
}

static void put_head(struct buf *line, enum log_level level)
{
	static const char *const names[] = {"debug", "info", "warn", "error"};
	struct timespec now;
	struct tm utc;
	char stamp[32];
	clock_gettime(CLOCK_REALTIME, &now);
	gmtime_r(&now.tv_sec, &utc);
	strftime(stamp, sizeof(stamp), "%Y-%m-%dT%H:%M:%S", &utc);
	buf_printf(line, "%s.%03ldZ %s ", stamp, now.tv_nsec / 1000000, names[level]);
}

static void put_line(struct buf *line)
{
	buf_putc(line, '\n');
	/* There is nobody to tell that stderr is gone. */
	err_destroy(file_write_fd(STDERR_FILENO, buf_bytes(line)));
}

void log_line(enum log_level level, const char *format, ...)
{
	if (level < minimum)
		return;
	OWNED_BUF struct buf line = BUF_INIT(65536);
	put_head(&line, level);
	va_list args;
	va_start(args, format);
	buf_vprintf(&line, format, args);
	va_end(args);
	put_line(&line);
}

void log_err(enum log_level level, struct err *e, const char *format, ...)
{
	OWNED(err) struct err *owned = e;
	if (!e || level < minimum)
		return;
	OWNED_BUF struct buf line = BUF_INIT(65536);
	put_head(&line, level);
	va_list args;
	va_start(args, format);
	buf_vprintf(&line, format, args);
	va_end(args);
	for (const struct err *each = owned; each; each = err_next(each))
		buf_printf(&line, ": %s%s%s", err_path(each), *err_path(each) ? ": " : "",
			   err_message(each));
	put_line(&line);
}
