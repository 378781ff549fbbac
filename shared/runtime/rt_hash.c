/*
 * Hash maps that several processes share, any of which may be killed at any instruction or write
 * nonsense.
 *
 *   bucket ──▶ node ──▶ node ──▶ END | bucket          plain, spare: free ──▶ node ──▶ 0
 *
 * Readers take no lock. Writers of a chain hold its bucket's owner word.
 *
 * [I1] A chain changes by one release store of one link: a new node is complete before it is linked.
 *      So a writer that dies leaves the chain as it was or as it should be.
 * [I2] A node that leaves a chain keeps its `next` and stays memory of the same type. A reader that
 *      stands on it goes on; when the node has meanwhile joined another chain, the reader arrives at
 *      another bucket's end, sees that, and starts again.
 * [I3] A node is written value first, key last (its first word by a release store), so that a reader who finds the new key
 *      in a node that is being reused finds the new value.
 * [I4] Nodes are taken and given back by holders of a bucket only. So a node can leak only through a dead owner,
 *      and whoever holds all buckets may rebuild the free lists.
 * [I5] live + on the plain list = max_entries, when nothing leaks: a replacement takes from and gives back to the
 *      spare list. That bounds the number of elements without a counter that a dead process could leave wrong.
 * [I7] The spin lock in a value belongs to the node, and no update writes it: who holds it while the node
 *      leaves its chain and joins another one excludes those who then come by the other key.
 * [I6] Every link read is compared with the number of nodes, every walk has a bound.
 *
 * Replacing a value of up to eight bytes is one atomic store into the element: readers see the old or
 * the new value, and an atomic add through a pointer that was looked up before is not lost, as it would
 * be in a replaced node. Larger values cannot be stored at once: there the node is replaced, as in
 * the kernel.
 */
#include "shared/runtime/rt_hash.h"

#define MULTIPLIER 0x9fb21c651e98df25ull /* odd, bits well spread */

/* Both halves of the product: every bit of the key reaches the low bits. */
RT_INLINE uint64_t mix(uint64_t a)
{
	unsigned __int128 product = (unsigned __int128)a * MULTIPLIER;
	return (uint64_t)product ^ (uint64_t)(product >> 64);
}

RT_INLINE uint64_t bucket_of(const struct rt_map *map, const void *key)
{
	uint64_t hash = __atomic_load_n(&rt_hash_head(map)->seed, __ATOMIC_RELAXED);
	for (uint32_t i = 0; i < rt_hash_words(map->key_size); i++)
		hash = mix(hash ^ rt_word(key, map->key_size, i));
	return hash & (rt_hash_buckets(map) - 1);
}

RT_INLINE bool key_equals(const struct rt_map *map, const struct rt_hash_node *node,
			  const void *key)
{
	if (__atomic_load_n(&node->key[0], __ATOMIC_ACQUIRE) != rt_word(key, map->key_size, 0))
		return false; /* I3 */
	for (uint32_t i = 1; i < rt_hash_words(map->key_size); i++)
		if (__atomic_load_n(&node->key[i], __ATOMIC_RELAXED) !=
		    rt_word(key, map->key_size, i))
			return false;
	return true;
}

/* Walks that are longer than this are not walks of a map in order. */
RT_INLINE uint64_t most_steps(const struct rt_map *map)
{
	return 2ull * rt_hash_nodes(map) + 64;
}

void *rt_hash_lookup(const struct rt_map *map, const void *key)
{
	uint64_t index = bucket_of(map, key);
	struct rt_hash_bucket *bucket = rt_hash_bucket(map, index);
	uint32_t link = __atomic_load_n(&bucket->head, __ATOMIC_ACQUIRE);
	RT_NO_UNROLL
	for (uint64_t left = most_steps(map); left; left--) {
		struct rt_hash_node *node = rt_hash_node(map, link);
		if (RT_UNLIKELY(!node)) {
			if (link == 0 || link == (RT_HASH_END | (uint32_t)index))
				return NULL;
			link = __atomic_load_n(&bucket->head, __ATOMIC_ACQUIRE); /* I2 */
			continue;
		}
		if (RT_LIKELY(key_equals(map, node, key)))
			return rt_hash_value(map, node);
		link = __atomic_load_n(&node->next, __ATOMIC_ACQUIRE);
	}
	return NULL;
}

/* ---- buckets ---- */
RT_INLINE bool try_lock(struct rt_hash_bucket *bucket, uint32_t owner)
{
	uint32_t nobody = 0;
	return __atomic_compare_exchange_n(&bucket->owner, &nobody, owner, false, __ATOMIC_ACQUIRE,
					   __ATOMIC_RELAXED);
}

static RT_COLD bool lock_patiently(struct rt_hash_bucket *bucket, uint32_t owner)
{
	RT_NO_UNROLL
	for (uint32_t i = 0; i < RT_SPINS; i++) {
		if (!__atomic_load_n(&bucket->owner, __ATOMIC_RELAXED) && try_lock(bucket, owner))
			return true;
		rt_pause();
	}
	return false;
}

bool rt_hash_lock(struct rt_hash_bucket *bucket, uint32_t owner)
{
	return RT_LIKELY(try_lock(bucket, owner)) || lock_patiently(bucket, owner);
}

void rt_hash_unlock(struct rt_hash_bucket *bucket)
{
	__atomic_store_n(&bucket->owner, 0, __ATOMIC_RELEASE);
}

/* ---- free nodes (I4): the tag makes a head that came back a different one ---- */
RT_INLINE uint32_t pop(const struct rt_map *map, struct rt_hash_free *pool)
{
	uint64_t head = __atomic_load_n(&pool->head, __ATOMIC_ACQUIRE);
	RT_NO_UNROLL
	for (uint32_t i = 0; i < RT_SPINS; i++) {
		struct rt_hash_node *node = rt_hash_node(map, (uint32_t)head);
		if (!node)
			return 0;
		uint64_t next = __atomic_load_n(&node->free_next, __ATOMIC_RELAXED);
		next |= ((head >> 32) + 1) << 32;
		if (__atomic_compare_exchange_n(&pool->head, &head, next, false, __ATOMIC_ACQ_REL,
						__ATOMIC_ACQUIRE))
			return (uint32_t)head;
	}
	return 0;
}

RT_INLINE void push(struct rt_hash_free *pool, struct rt_hash_node *node, uint32_t link)
{
	uint64_t head = __atomic_load_n(&pool->head, __ATOMIC_RELAXED), next;
	RT_NO_UNROLL
	for (uint32_t i = 0; i < RT_SPINS; i++) {
		__atomic_store_n(&node->free_next, (uint32_t)head, __ATOMIC_RELAXED);
		next = ((head >> 32) + 1) << 32 | link;
		if (__atomic_compare_exchange_n(&pool->head, &head, next, false, __ATOMIC_RELEASE,
						__ATOMIC_RELAXED))
			return;
	}
}

RT_INLINE uint32_t take_fresh(struct rt_hash_free *pool, uint32_t first, uint32_t count)
{
	uint32_t used = __atomic_load_n(&pool->fresh, __ATOMIC_RELAXED);
	RT_NO_UNROLL
	for (uint32_t i = 0; used < count && i < RT_SPINS; i++)
		if (__atomic_compare_exchange_n(&pool->fresh, &used, used + 1, false,
						__ATOMIC_RELAXED, __ATOMIC_RELAXED))
			return first + used + 1;
	return 0;
}

/* The link of a node for a new element; 0 where the map is full. */
RT_INLINE uint32_t take_plain(const struct rt_map *map)
{
	struct rt_hash_free *pool = &rt_hash_head(map)->plain;
	uint32_t link = pop(map, pool);
	return link ? link : take_fresh(pool, 0, map->max_entries);
}

/* … for replacing one; 0 where dead processes have leaked them all. */
RT_INLINE uint32_t take_spare(const struct rt_map *map)
{
	struct rt_hash_free *pool = &rt_hash_head(map)->spare;
	uint32_t link = pop(map, pool);
	return link ? link : take_fresh(pool, map->max_entries, rt_hash_spares(map));
}

/* ---- changing chains, under the bucket's lock ---- */
struct place {
	uint32_t *from; /* the link that leads to `link` */
	uint32_t link;
	struct rt_hash_node *node; /* NULL: the key is not there, and `from` is the bucket's head */
};

RT_INLINE struct place find(const struct rt_map *map, struct rt_hash_bucket *bucket,
			    const void *key)
{
	struct place at = {&bucket->head, 0, NULL};
	RT_NO_UNROLL
	for (uint64_t left = most_steps(map); left; left--) {
		at.link = __atomic_load_n(at.from, __ATOMIC_RELAXED);
		at.node = rt_hash_node(map, at.link);
		if (!at.node || key_equals(map, at.node, key))
			break;
		at.from = &at.node->next;
		at.node = NULL;
	}
	if (!at.node)
		at.from = &bucket->head;
	return at;
}

/* Word `i` of a value into a node: all of it, or the half beside the spin lock. */
RT_INLINE void write_word(const struct rt_map *map, uint64_t *to, uint32_t i, const void *value)
{
	uint64_t word = rt_word(value, map->value_size, i);
	uint32_t lock = map->lock_end / 4 - 1, other = (lock & 1) ^ 1;
	if (map->lock_end && lock / 2 == i)
		__atomic_store_n((uint32_t *)&to[i] + other, (uint32_t)(word >> 32 * other),
				 __ATOMIC_RELEASE);
	else
		__atomic_store_n(&to[i], word, __ATOMIC_RELEASE);
}

RT_INLINE void write_node(const struct rt_map *map, struct rt_hash_node *node, const void *key,
			  const void *value, uint32_t next)
{
	uint64_t *to = rt_hash_value(map, node);
	__atomic_store_n(&node->next, next, __ATOMIC_RELAXED);
	for (uint32_t i = 0; i < rt_hash_words(map->value_size); i++)
		write_word(map, to, i, value);
	for (uint32_t i = rt_hash_words(map->key_size); i-- > 1;)
		__atomic_store_n(&node->key[i], rt_word(key, map->key_size, i), __ATOMIC_RELAXED);
	__atomic_store_n(&node->key[0], rt_word(key, map->key_size, 0), __ATOMIC_RELEASE);
}

RT_INLINE long insert(const struct rt_map *map, uint64_t index, const void *key, const void *value)
{
	struct rt_hash_bucket *bucket = rt_hash_bucket(map, index);
	uint32_t head = __atomic_load_n(&bucket->head, __ATOMIC_RELAXED);
	uint32_t link = take_plain(map);
	struct rt_hash_node *node = rt_hash_node(map, link);
	if (!node) {
		rt_lose(map);
		return -(long)RT_E2BIG;
	}
	write_node(map, node, key, value, head ? head : RT_HASH_END | (uint32_t)index);
	__atomic_store_n(&bucket->head, link, __ATOMIC_RELEASE); /* I1 */
	return 0;
}

RT_INLINE long replace(const struct rt_map *map, struct place old, const void *key,
		       const void *value)
{
	if (map->value_size <= 8) {
		write_word(map, rt_hash_value(map, old.node), 0, value);
		return 0;
	}
	uint32_t link = take_spare(map);
	struct rt_hash_node *node = rt_hash_node(map, link);
	if (!node) {
		rt_lose(map);
		return -(long)RT_EBUSY;
	}
	write_node(map, node, key, value, __atomic_load_n(&old.node->next, __ATOMIC_RELAXED));
	__atomic_store_n(old.from, link, __ATOMIC_RELEASE); /* I1 */
	push(&rt_hash_head(map)->spare, old.node, old.link);
	return 0;
}

long rt_hash_update(const struct rt_map *map, const void *key, const void *value, uint64_t flags)
{
	uint64_t index = bucket_of(map, key);
	struct rt_hash_bucket *bucket = rt_hash_bucket(map, index);
	long result;
	if (flags > RT_EXIST)
		return -(long)RT_EINVAL;
	if (!rt_hash_lock(bucket, rt_owner(map)))
		return -(long)RT_EBUSY;
	struct place at = find(map, bucket, key);
	if (at.node)
		result = flags == RT_NOEXIST ? -(long)RT_EEXIST : replace(map, at, key, value);
	else
		result = flags == RT_EXIST ? -(long)RT_ENOENT : insert(map, index, key, value);
	rt_hash_unlock(bucket);
	return result;
}

long rt_hash_delete(const struct rt_map *map, const void *key)
{
	struct rt_hash_bucket *bucket = rt_hash_bucket(map, bucket_of(map, key));
	if (!rt_hash_lock(bucket, rt_owner(map)))
		return -(long)RT_EBUSY;
	struct place at = find(map, bucket, key);
	if (at.node) {
		uint32_t next = __atomic_load_n(&at.node->next, __ATOMIC_RELAXED);
		__atomic_store_n(at.from, next, __ATOMIC_RELEASE); /* I1 */
		push(&rt_hash_head(map)->plain, at.node, at.link);
	}
	rt_hash_unlock(bucket);
	return at.node ? 0 : -(long)RT_ENOENT;
}

/*
 * Bucket by bucket, without a lock. The next link is read first, so that a callback may delete the element
 * that it was given (I2). What others insert or delete meanwhile may be seen or not; a node that has
 * moved to another chain leads to that chain's end, and the walk goes on with the next bucket. The
 * number of calls is bounded in any case.
 */
long rt_hash_for_each(const struct rt_map *map, rt_element_callback *call, void *ctx)
{
	uint32_t called = 0;
	RT_NO_UNROLL
	for (uint64_t i = 0; i < rt_hash_buckets(map); i++) {
		uint32_t link = __atomic_load_n(&rt_hash_bucket(map, i)->head, __ATOMIC_ACQUIRE);
		struct rt_hash_node *node;
		RT_NO_UNROLL
		while ((node = rt_hash_node(map, link)) != NULL) {
			if (called == map->max_entries)
				return called; /* I6 */
			called++;
			link = __atomic_load_n(&node->next, __ATOMIC_ACQUIRE);
			if (call(node->key, rt_hash_value(map, node), ctx))
				return called;
		}
	}
	return called;
}
