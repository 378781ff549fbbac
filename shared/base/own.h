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
#define MIN(a, b)                                  \
	__extension__({                            \
		__typeof__(a) min_a_ = (a);        \
		__typeof__(b) min_b_ = (b);        \
		min_a_ < min_b_ ? min_a_ : min_b_; \
	})
#define MAX(a, b)                                  \
	__extension__({                            \
		__typeof__(a) max_a_ = (a);        \
		__typeof__(b) max_b_ = (b);        \
		max_a_ > max_b_ ? max_a_ : max_b_; \
	})
