/*
 * emit - machine code, appended to a fixed room. Sticky: past the room nothing is written and `is_full`
 * tells, so that one check at the end is enough.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct emit {
	uint8_t *code;
	size_t size, max;
	uint64_t address; /* of code[0] in the process */
	bool is_full;
	bool is_far; /* a distance did not fit into 32 bits */
};

static inline void emit_bytes(struct emit *e, const void *bytes, size_t size)
{
	if (e->is_full || size > e->max - e->size) {
		e->is_full = true;
		return;
	}
	memcpy(e->code + e->size, bytes, size);
	e->size += size;
}

#define EMIT(e, ...) \
	emit_bytes(e, (const uint8_t[]){__VA_ARGS__}, sizeof((const uint8_t[]){__VA_ARGS__}))

static inline void emit_u32(struct emit *e, uint32_t value)
{
	emit_bytes(e, &value, sizeof(value));
}

static inline void emit_u64(struct emit *e, uint64_t value)
{
	emit_bytes(e, &value, sizeof(value));
}

/* Address of the next byte. */
static inline uint64_t emit_here(const struct emit *e)
{
	return e->address + e->size;
}

/* Whether `to` can be reached by 32 bits that are relative to `from`. */
static inline bool emit_reaches(uint64_t from, uint64_t to)
{
	int64_t distance = (int64_t)(to - from);
	return distance == (int32_t)distance;
}

/* The 32-bit distance to `target` from the end of the instruction, which has `behind` bytes more. */
static inline void emit_relative(struct emit *e, uint64_t target, unsigned behind)
{
	uint64_t end = emit_here(e) + 4 + behind;
	e->is_far |= !emit_reaches(end, target);
	emit_u32(e, (uint32_t)(target - end));
}
