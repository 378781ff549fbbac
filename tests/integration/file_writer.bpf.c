/* An extension of tests/hosts/file_host.c that opens a file and writes to it. */
#include "eim_bpf.h"

extern int host_open_file(const char *filename, int flags) __ksym;
extern int host_write_file(int fd, const char *buffer, int length) __ksym;

SEC("eim/analyze_data")
int write_some(unsigned long long *ctx)
{
	int fd = host_open_file("/dev/null", 1);
	return fd < 0 ? -1 : host_write_file(fd, "hello", 5);
}
