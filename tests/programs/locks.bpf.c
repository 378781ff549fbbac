/* Spin locks: in an entry, in a function that it calls, in a callback of a callback. */
#include "eim_bpf.h"

struct account {
	__u32 runs; /* begun; not protected */
	struct bpf_spin_lock lock;
	__u64 in, after;
};
struct accounts {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__type(key, __u32);
	__type(value, struct account);
	__uint(max_entries, 2);
} accounts SEC(".maps");
struct {
	__uint(type, BPF_MAP_TYPE_HASH_OF_MAPS);
	__type(key, __u32);
	__uint(max_entries, 1);
	__array(values, struct accounts);
} banks SEC(".maps") = {.values = {&accounts}};

static __always_inline void add(struct account *a)
{
	bpf_spin_lock(&a->lock);
	a->in = a->in + 1;
	bpf_spin_unlock(&a->lock);
}

static __always_inline struct account *find(__u32 key)
{
	struct account *a = bpf_map_lookup_elem(&accounts, &key);
	if (a)
		__sync_fetch_and_add(&a->runs, 1);
	return a;
}

SEC("uprobe//usr/bin/app:plain") int plain(struct pt_regs *ctx)
{
	struct account *a = find(0);
	if (!a)
		return 0;
	add(a);
	a->after++;
	return 5;
}

static __noinline long add_far(struct account *a, __u64 by)
{
	if (by > 1000)
		return 3;
	add(a);
	a->after++;
	return by;
}

SEC("uprobe//usr/bin/app:local") int local(struct pt_regs *ctx)
{
	struct account *a = find(0);
	if (!a)
		return 0;
	long result = add_far(a, PT_REGS_PARM1(ctx));
	a->after += 100;
	return result + 1;
}

struct rounds {
	__u64 outer, inner;
};

static long inner(__u32 i, struct rounds *r)
{
	struct account *a = find(0);
	r->inner++;
	if (a)
		add(a);
	return 0;
}

static long outer(__u32 i, struct rounds *r)
{
	r->outer++;
	bpf_loop(3, inner, r, 0);
	struct account *a = find(1);
	if (a)
		a->after++;
	return 0;
}

SEC("uprobe//usr/bin/app:rounds") int rounds(struct pt_regs *ctx)
{
	struct rounds r = {};
	bpf_loop(4, outer, &r, 0);
	struct account *a = find(1);
	if (a)
		a->after += 100;
	return r.outer * 100 + r.inner;
}

static long each(void *map, const __u32 *key, struct account *a, __u64 *sum)
{
	add(a);
	*sum += a->in;
	return 0;
}

SEC("uprobe//usr/bin/app:elements") int elements(struct pt_regs *ctx)
{
	__u64 sum = 0;
	__u32 zero = 0;
	void *bank = bpf_map_lookup_elem(&banks, &zero);
	if (!bank)
		return 0;
	bpf_for_each_map_elem(bank, each, &sum, 0);
	struct account *a = find(1);
	if (a)
		a->after++;
	return sum;
}
