/* Answers with the length of a file that the host opens and reads for it, and the file's first letter. */
#include "eim_bpf.h"

extern int host_open_file(const char *filename, int flags) __ksym;
extern int host_read_file(int fd, char *buffer, int length) __ksym;

SEC("eim/analyze_data")
int EIM_PROG(on_analyze, const char *data, int length)
{
	char buffer[16] = {0};
	(void)ctx;
	(void)data;
	(void)length;
	int fd = host_open_file("/proc/self/comm", 0);
	int got = host_read_file(fd, buffer, sizeof(buffer));
	return got * 1000 + buffer[0];
}
