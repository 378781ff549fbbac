/* A variable in an array of programs. */
#include "eim_bpf.h"

int number = 1;

struct {
	__uint(type, BPF_MAP_TYPE_PROG_ARRAY);
	__uint(max_entries, 4);
	__uint(key_size, 4);
	__array(values, int(void *));
} next SEC(".maps") = {.values = {(void *)&number}};

SEC("uprobe") int work(void *ctx)
{
	return number;
}
