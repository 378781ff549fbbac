/*
 * What roles may touch of the structs that entries get: FIELD(path, place, offset, bytes, reading, writing)
 *   place              WORLD_PLACE_*: which struct, on the way that the path goes
 *   reading, writing   roles whose access list has it: bit n is row n of judge_role.c
 *
 * and PLACE(NAME, parent, offset in the parent): the pointer there leads to it.
 */
#ifdef PLACE
PLACE(R, R, 0)
PLACE(PEER, R, 0)
PLACE(NEXT, PEER, 24)
PLACE(UP, R, 40)
PLACE(FIXED, R, 48)
#endif
#ifdef FIELD
FIELD("r.total", R, 8, 8, 0xe, 0x9)
FIELD("r.state", R, 16, 4, 0x4, 0xb)
FIELD("r.flags", R, 20, 1, 0xd, 0)
FIELD("r.kind", R, 21, 1, 0x4, 0x9)
FIELD("r.in.x", R, 24, 4, 0x9, 0)
FIELD("r.in.y", R, 28, 2, 0x8, 0x1)
FIELD("r.in", R, 24, 8, 0x6, 0)
FIELD("r.tag", R, 32, 8, 0x4, 0xb)
FIELD("r.number", R, 40, 8, 0x6, 0x1)
FIELD("r.fixed", R, 48, 8, 0x2, 0)
FIELD("r.peer", R, 0, 8, 0x5, 0)
FIELD("r.peer.fd", PEER, 0, 4, 0xf, 0)
FIELD("r.peer.tls", PEER, 4, 1, 0x5, 0)
FIELD("r.peer.bytes", PEER, 8, 8, 0x7, 0x8)
FIELD("r.peer.name", PEER, 16, 8, 0x6, 0x9)
FIELD("r.peer.next.fd", NEXT, 0, 4, 0x8, 0x1)
FIELD("r.peer.next.bytes", NEXT, 8, 8, 0x5, 0)
FIELD("r.up.fd", UP, 0, 4, 0x1, 0x8)
FIELD("r.up.bytes", UP, 8, 8, 0x8, 0)
FIELD("r.fixed.bytes", FIXED, 8, 8, 0xd, 0)
FIELD("r.fixed.name", FIXED, 16, 8, 0x9, 0)
#endif
