/*
 * Map kinds: MAP_KIND(NAME, number, text, key, map_flags, flags)
 *   number  enum bpf_map_type's
 *   text    as documents and JSON write it
 *   key     the key size that the kind asks for: a number of bytes, 0 none, or MAP_KEY_ANY
 *   flags   MAP_KIND_* properties (0 where none)
 *
 * Maps of maps and of programs exist in objects alone: the compiler turns them into constants.
 *
 * To add one: a row here, shared/runtime/map_TEXT.c, its row in shared/runtime/map.c, a model test.
 */
MAP_KIND(HASH, 1, "hash", MAP_KEY_ANY, BPF_F_NO_PREALLOC, MAP_KIND_UPDATABLE | MAP_KIND_LOCKABLE)
MAP_KIND(ARRAY, 2, "array", 4, BPF_F_MMAPABLE, MAP_KIND_UPDATABLE | MAP_KIND_LOCKABLE)
MAP_KIND(PROG_ARRAY, 3, "prog_array", 4, 0, MAP_KIND_HOLDS_PROGRAMS)
MAP_KIND(ARRAY_OF_MAPS, 12, "array_of_maps", 4, 0, MAP_KIND_HOLDS_MAPS)
MAP_KIND(HASH_OF_MAPS, 13, "hash_of_maps", 4, BPF_F_NO_PREALLOC, MAP_KIND_HOLDS_MAPS)
MAP_KIND(RINGBUF, 27, "ringbuf", 0, 0, 0)
