/*
 * rt_hash - the layout of hash maps, after the header page. All zeros (but the seed) is an empty map.
 *
 *   RT_PAGE        struct rt_hash_head      seed, free lists
 *   … + 256        buckets                  power of two ≥ max_entries, 8 bytes each
 *   …              nodes                    max_entries, and spares for replacing
 *
 * A link is 0 (nothing), index + 1 of a node, or RT_HASH_END | bucket: the end of that bucket's chain.
 */
#pragma once

#include "shared/runtime/rt_base.h"

#define RT_HASH_END	   0x80000000u
#define RT_HASH_MAX_SPARES 64u

/* Nodes that are in no chain: those given back, on a stack, and those never used, by count. */
struct rt_hash_free {
	uint64_t head; /* tag << 32 | link; the tag counts changes, so that a stale compare fails */
	uint32_t fresh; /* nodes of this pool that were handed out at least once */
	uint8_t pad[52];
};

struct rt_hash_head {
	uint64_t seed; /* random, so that nobody outside can choose keys that collide */
	uint8_t pad[56];
	struct rt_hash_free plain; /* for new elements: the first max_entries nodes */
	struct rt_hash_free spare; /* for replacing: the rest */
	uint8_t pad2[64];
};
_Static_assert(sizeof(struct rt_hash_head) == 256, "layout 1");

struct rt_hash_bucket {
	uint32_t head;	/* link */
	uint32_t owner; /* tgid of the process that changes this chain, 0 none */
};

struct rt_hash_node {
	uint32_t next;	    /* link; stays readable after the node was freed */
	uint32_t free_next; /* link, while on a free list */
	uint64_t key[];	    /* key_size bytes, zeros up to a word; then the value, also in words */
};

RT_INLINE uint32_t rt_hash_words(uint32_t bytes)
{
	return (bytes + 7) / 8;
}

RT_INLINE uint64_t rt_hash_buckets(const struct rt_map *map)
{
	return map->max_entries <= 1 ? 1
				     : (uint64_t)1 << (32 - __builtin_clz(map->max_entries - 1));
}

/* Values of up to eight bytes are replaced in place. Each replacement holds a bucket, so more spares
 * than buckets are never in use. */
RT_INLINE uint32_t rt_hash_spares(const struct rt_map *map)
{
	uint64_t buckets = rt_hash_buckets(map);
	if (map->value_size <= 8)
		return 0;
	return buckets < RT_HASH_MAX_SPARES ? (uint32_t)buckets : RT_HASH_MAX_SPARES;
}

RT_INLINE uint32_t rt_hash_nodes(const struct rt_map *map)
{
	return map->max_entries + rt_hash_spares(map);
}

RT_INLINE uint64_t rt_hash_node_bytes(const struct rt_map *map)
{
	return sizeof(struct rt_hash_node) +
	       8ull * (rt_hash_words(map->key_size) + rt_hash_words(map->value_size));
}

RT_INLINE uint64_t rt_hash_nodes_offset(const struct rt_map *map)
{
	return RT_ROUND_UP(RT_PAGE + sizeof(struct rt_hash_head) +
				   rt_hash_buckets(map) * sizeof(struct rt_hash_bucket),
			   64);
}

RT_INLINE struct rt_hash_head *rt_hash_head(const struct rt_map *map)
{
	return (struct rt_hash_head *)(map->base + RT_PAGE);
}

/* `index` is below rt_hash_buckets(). */
RT_INLINE struct rt_hash_bucket *rt_hash_bucket(const struct rt_map *map, uint64_t index)
{
	return (struct rt_hash_bucket *)(map->base + RT_PAGE + sizeof(struct rt_hash_head)) + index;
}

/* The node that `link` names, or NULL: an end, nothing, or a number that cannot be. */
RT_INLINE struct rt_hash_node *rt_hash_node(const struct rt_map *map, uint32_t link)
{
	uint32_t index = link - 1;
	if (RT_UNLIKELY(index >= rt_hash_nodes(map)))
		return NULL;
	return (struct rt_hash_node *)(map->base + rt_hash_nodes_offset(map) +
				       index * rt_hash_node_bytes(map));
}

RT_INLINE uint64_t *rt_hash_value(const struct rt_map *map, struct rt_hash_node *node)
{
	return node->key + rt_hash_words(map->key_size);
}

/* Takes a bucket for `owner`: true, or false after a bounded wait. */
bool rt_hash_lock(struct rt_hash_bucket *bucket, uint32_t owner);
void rt_hash_unlock(struct rt_hash_bucket *bucket);
