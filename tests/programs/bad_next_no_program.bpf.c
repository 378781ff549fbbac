/* A function without a SEC() in an array of programs. */
#include "eim_bpf.h"

__attribute__((used)) int second(void *ctx)
{
	return 2;
}

struct {
	__uint(type, BPF_MAP_TYPE_PROG_ARRAY);
	__uint(max_entries, 4);
	__uint(key_size, 4);
	__array(values, int(void *));
} next SEC(".maps") = {.values = {(void *)&second}};

SEC("uprobe") int work(void *ctx)
{
	return 0;
}
