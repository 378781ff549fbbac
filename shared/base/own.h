/*
 * own - ownership that the compiler can see.
 *
 * A local that owns something is declared with OWNED(kind) and is released when its scope ends,
 * so TRY may return from anywhere. Handing ownership on is written MOVE(x).
 *
 *	OWNED(object) struct object *obj = NULL;
 *	TRY(object_parse(image, &obj));
 *	*out = MOVE(obj);
 *
 * A kind becomes ownable with OWN_DEFINE(kind, struct kind *, kind_destroy). Destructors take NULL.
 */
#pragma once

#include <stddef.h>

#define OWNED(kind)  __attribute__((cleanup(own_release_##kind)))
#define MUST_CHECK   __attribute__((warn_unused_result))
#define NEVER_NULL   __attribute__((returns_nonnull))
#define PRINTF(f, a) __attribute__((format(printf, f, a)))
#define UNUSED	     __attribute__((unused))

#define OWN_DEFINE(kind, type, destroy)                           \
	UNUSED static inline void own_release_##kind(type *owned) \
	{                                                         \
		destroy(*owned);                                  \
	}

/* The value of `x`, which forgets it: the receiver owns it now. */
#define MOVE(x)                             \
	__extension__({                     \
		__typeof__(x) moved_ = (x); \
		(x) = NULL;                 \
		moved_;                     \
	})

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))
/* Each evaluates its arguments once, and may stand in the other's arguments. */
#define MIN(a, b) OWN_PICK(a, b, <, OWN_JOIN(own_a_, __COUNTER__), OWN_JOIN(own_b_, __COUNTER__))
#define MAX(a, b) OWN_PICK(a, b, >, OWN_JOIN(own_a_, __COUNTER__), OWN_JOIN(own_b_, __COUNTER__))

#define OWN_JOIN_(x, y) x##y
#define OWN_JOIN(x, y)	OWN_JOIN_(x, y)
#define OWN_PICK(a, b, relation, own_a, own_b)        \
	__extension__({                               \
		__typeof__(a) own_a = (a);            \
		__typeof__(b) own_b = (b);            \
		own_a relation own_b ? own_a : own_b; \
	})
