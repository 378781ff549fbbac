/*
 * Maps that every generated program has: MAP(NAME, role, kind, key bytes, value bytes, elements)
 *
 * GENERATE_MAP_NAME is the index. What a row cannot say (initial content, flags) a part's `set_up` does.
 */
MAP(ARRAY, DECLARED, ARRAY, 4, 16, 4)
MAP(HASH, DECLARED, HASH, 8, 24, 6)
MAP(RING, DECLARED, RINGBUF, 0, 0, 4096)
MAP(RODATA, RODATA, ARRAY, 4, 16, 1)
MAP(DATA, DATA, ARRAY, 4, 32, 1)
MAP(BSS, BSS, ARRAY, 4, 12, 1)
MAP(SMALL, DECLARED, HASH, 4, 8, 3)
MAP(ODD, DECLARED, ARRAY, 4, 5, 3)
MAP(PROGRAMS, DECLARED, PROG_ARRAY, 4, 4, 4)
