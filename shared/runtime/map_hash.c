/*
 * Hash maps from outside: walking them, and repairing what a process left that died while it held a
 * bucket.
 *
 * A dead writer leaves every chain whole (rt_hash.c [I1]) and at most two nodes in no list. So a sweep
 * gives the bucket free; only when it found one it also looks for such nodes: it takes all buckets, which
 * keeps everyone from the free lists ([I4]), marks what the chains reach, and makes the lists anew.
 * Readers are not disturbed. A sweeper that dies in between is a dead owner like any other.
 */
#include "shared/base/mem.h"
#include "shared/runtime/map_ops.h"
#include "shared/runtime/rt_hash.h"

#include <linux/bpf.h>
#include <sys/random.h>
#include <unistd.h>

static struct err *layout(const struct rt_map *m, uint64_t *content, uint64_t *twice_offset)
{
	(void)twice_offset;
	if (m->key_size == 0 || m->key_size > MAP_MAX_KEY)
		return err_at(ERR_INVALID, "/key_size", "a key has 1 to %u bytes, not %u",
			      MAP_MAX_KEY, m->key_size);
	if (m->value_size == 0)
		return err_at(ERR_INVALID, "/value_size", "a value needs at least one byte");
	if (m->max_entries == 0)
		return err_at(ERR_INVALID, "/max_entries", "a map needs room for one element");
	if (m->value_size > MAP_MAX_BYTES || m->max_entries > MAP_MAX_BYTES / 16) {
		*content = UINT64_MAX; /* the caller has the limit */
		return NULL;
	}
	if (__builtin_mul_overflow(rt_hash_nodes(m), rt_hash_node_bytes(m), content) ||
	    __builtin_add_overflow(*content, rt_hash_nodes_offset(m) - RT_PAGE, content))
		*content = UINT64_MAX;
	return NULL;
}

static void init(const struct rt_map *m)
{
	uint64_t seed = 0;
	/* Without a random seed the map works all the same. */
	if (getrandom(&seed, sizeof(seed), GRND_NONBLOCK) != (ssize_t)sizeof(seed))
		seed = (uint64_t)getpid() * 0x9e3779b97f4a7c15ull;
	rt_hash_head(m)->seed = seed;
}

/* ---- walking ---- */
static uint32_t load(const uint32_t *link)
{
	return __atomic_load_n(link, __ATOMIC_ACQUIRE);
}

static void copy_words(uint64_t *to, const uint64_t *from, uint32_t words)
{
	for (uint32_t i = 0; i < words; i++)
		to[i] = __atomic_load_n(&from[i], __ATOMIC_ACQUIRE);
}

/* Copies node's key and value; false where the key changed meanwhile: it is another element now. */
static bool copy_node(const struct rt_map *m, struct rt_hash_node *node, uint64_t *key,
		      uint64_t *value)
{
	uint32_t words = rt_hash_words(m->key_size);
	copy_words(key, node->key, words);
	copy_words(value, rt_hash_value(m, node), rt_hash_words(m->value_size));
	for (uint32_t i = 0; i < words; i++)
		if (__atomic_load_n(&node->key[i], __ATOMIC_ACQUIRE) != key[i])
			return false;
	return true;
}

struct walk {
	const struct rt_map *m;
	map_element_fn *visit;
	void *context;
	uint64_t *key, *value;
	uint64_t left; /* nodes that may still be visited: a map in order has no more */
};

static struct err *walk_bucket(struct walk *w, uint64_t index)
{
	uint32_t link = load(&rt_hash_bucket(w->m, index)->head);
	struct rt_hash_node *node;
	for (; w->left && (node = rt_hash_node(w->m, link)); w->left--) {
		if (copy_node(w->m, node, w->key, w->value)) {
			map_hide_lock(w->m, w->value);
			TRY(w->visit(w->context, bytes_of(w->key, w->m->key_size),
				     bytes_of(w->value, w->m->value_size)));
		}
		link = load(&node->next);
	}
	return NULL;
}

static struct err *each(const struct rt_map *m, map_element_fn *visit, void *context)
{
	OWNED(mem) void *key = mem_zalloc_array(rt_hash_words(m->key_size), 8);
	OWNED(mem) void *value = mem_zalloc_array(rt_hash_words(m->value_size), 8);
	TRY_MEMORY(key);
	TRY_MEMORY(value);
	struct walk w = {m, visit, context, key, value, rt_hash_nodes(m)};
	for (uint64_t i = 0; i < rt_hash_buckets(m); i++)
		TRY(walk_bucket(&w, i));
	return NULL;
}

/* ---- repairing ---- */
static void mark(const struct rt_map *m, uint8_t *used)
{
	uint64_t left = rt_hash_nodes(m);
	for (uint64_t i = 0; i < rt_hash_buckets(m); i++) {
		uint32_t link = load(&rt_hash_bucket(m, i)->head);
		for (struct rt_hash_node *node; left && (node = rt_hash_node(m, link)); left--) {
			used[link - 1] = 1;
			link = load(&node->next);
		}
	}
}

static void put(const struct rt_map *m, struct rt_hash_free *pool, uint32_t link)
{
	uint64_t head = pool->head;
	rt_hash_node(m, link)->free_next = (uint32_t)head;
	pool->head = (head & ~(uint64_t)UINT32_MAX) | link;
}

/*
 * Makes both lists anew from the nodes that no chain reaches, all buckets being held. Which node is on
 * which list does not matter, only how many: max_entries less the live ones are plain.
 */
static void rebuild(const struct rt_map *m, const uint8_t *used)
{
	struct rt_hash_head *head = rt_hash_head(m);
	struct rt_hash_free *pools[2] = {&head->plain, &head->spare};
	uint32_t nodes = rt_hash_nodes(m), live = 0;
	for (uint32_t i = 0; i < nodes; i++)
		live += used[i];
	uint32_t plain = live < m->max_entries ? m->max_entries - live : 0;
	for (size_t i = 0; i < ARRAY_SIZE(pools); i++)
		pools[i]->head = ((pools[i]->head >> 32) + 1) << 32;
	head->plain.fresh = m->max_entries;
	head->spare.fresh = rt_hash_spares(m);
	for (uint32_t i = 0; i < nodes; i++) {
		if (used[i])
			continue;
		put(m, plain ? &head->plain : &head->spare, i + 1);
		plain -= plain != 0;
	}
}

/* Takes buckets in order, until one cannot be had; gives how many. */
static uint64_t lock_all(const struct rt_map *m)
{
	uint64_t i = 0;
	while (i < rt_hash_buckets(m) && rt_hash_lock(rt_hash_bucket(m, i), (uint32_t)getpid()))
		i++;
	return i;
}

/* False where the leaked nodes stay leaked for now. */
static bool repair(const struct rt_map *m)
{
	OWNED(mem) void *used = mem_zalloc(rt_hash_nodes(m));
	if (!used)
		return false;
	uint64_t held = lock_all(m);
	bool all = held == rt_hash_buckets(m);
	if (all) {
		mark(m, used);
		rebuild(m, used);
	}
	while (held-- > 0)
		rt_hash_unlock(rt_hash_bucket(m, held));
	return all;
}

/* Of all nodes, since also one that is in no chain may be held. */
static void free_locks(const struct rt_map *m, map_alive_fn *is_alive, void *context)
{
	for (uint32_t i = 0; m->lock_end && i < rt_hash_nodes(m); i++)
		map_free_lock(m, rt_hash_value(m, rt_hash_node(m, i + 1)), is_alive, context);
}

static bool sweep(const struct rt_map *m, map_alive_fn *is_alive, void *context)
{
	bool found = false;
	free_locks(m, is_alive, context);
	for (uint64_t i = 0; i < rt_hash_buckets(m); i++) {
		uint32_t *word = &rt_hash_bucket(m, i)->owner;
		uint32_t owner = load(word);
		if (!owner || is_alive(context, owner))
			continue;
		found |= __atomic_compare_exchange_n(word, &owner, 0, false, __ATOMIC_ACQ_REL,
						     __ATOMIC_RELAXED);
	}
	return !found || repair(m);
}

const struct map_ops map_hash_ops = {
	.kind = RT_KIND_HASH,
	.flags = BPF_F_NO_PREALLOC, /* accepted; nodes are always there beforehand */
	.layout = layout,
	.init = init,
	.each = each,
	.sweep = sweep,
};
