/*
 * role - the effective role: what the verifier enforces. A spec's role after inheritance, resolved
 * against what the host binary offers (its BTF, where it has any), against the runtime's helpers and functions by name.
 *
 * Memory:  one arena; all borrowed until role_destroy(). Copies what it needs: the spec and the BTF may
 *          go first.
 * Threads: immutable after resolve.
 * Limits:  INHERIT_MAX_ROLES and INHERIT_MAX_ATTRIBUTES (inherit.h), ROLE_MAX_GRANTS,
 *          ROLE_MAX_CONSTRAINTS; past them INVALID.
 */
#pragma once

#include "shared/bpf/btf.h"
#include "shared/bpf/helper.h"
#include "shared/bpf/kfunc.h"
#include "shared/eim/spec.h"

#define ROLE_MAX_GRANTS \
	4096 /* functions that the capabilities of a role name, repetitions included */

#define ROLE_MAX_CONSTRAINTS 256 /* of one function, before the call and after it */

#define ROLE_MAX_TOGETHER 8    /* roles on one program */
#define ROLE_MAX_NAME	  255u /* bytes, where a policy names it */

#define ROLE_MAX_ENTRIES   256
#define ROLE_MAX_VARIABLES 256

/* What the function of a capability turned out to be on this host. */
enum role_function_kind {
	ROLE_FUNCTION_HOST,	  /* a function of the host's BTF */
	ROLE_FUNCTION_HELPER,	  /* a helper of the runtime */
	ROLE_FUNCTION_RUNTIME,	  /* a function of the runtime that programs name */
	ROLE_FUNCTION_UNRESOLVED, /* neither: an error only for a program that calls it */
};

#define ROLE_MAX_CALL 5 /* what programs pass: r1 to r5 */

enum role_value_kind {
	ROLE_VALUE_NONE,    /* void */
	ROLE_VALUE_NUMBER,  /* an integer, bool or enum */
	ROLE_VALUE_POINTER, /* to data */
	ROLE_VALUE_OTHER,   /* what no register of a program holds */
};

/* A parameter or result of a host's function, by its BTF. */
struct role_value {
	enum role_value_kind kind;
	uint8_t size_bytes; /* of the value itself */
	bool is_signed, is_bool;
	/* POINTER: what it points to, as BTF id without typedefs and qualifiers (0: void), its size (0: unknown) */
	uint32_t pointee, pointee_bytes;
	bool is_const;	/* … the function does not write there */
	bool is_bytes;	/* … void or char */
	bool is_opaque; /* … an incomplete type, or one that holds pointers */
	bool is_handle; /* takes only what a function of the host returned as that type */
	struct str
		resource; /* it must be one of these, held: its type's name, or what the function releases */
};

struct role_function {
	struct str name;
	enum role_function_kind kind;
	const struct helper *helper;	   /* HELPER */
	struct str capability, granted_by; /* the capability, and the role that holds it */
	uint32_t btf_id;		   /* HOST: its FUNC in the host's BTF */
	/* As declared in the spec, else as the host's BTF has them; a helper that the spec does not
	 * declare has none. */
	const struct spec_param *params;
	size_t params_count;
	struct str return_type;
	const struct constraint *pre, *post; /* enforced ones only, types' constraints included */
	size_t pre_count, post_count;
	struct str acquires, releases;
	bool side_effect;
	struct str
		lacks; /* what it requires and the role does not hold: "level: 2"; empty: nothing */
	/* HOST: how it is called, and why no program may do that (for a person; empty: programs may). Each pointer has a constraint: those that nobody wrote
	 * are marked (is_default). */
	struct role_value args[ROLE_MAX_CALL], result;
	struct str refusal;
};

/* A function that capabilities of other roles name, and none of this role's. */
struct role_other {
	struct str function, capability, role;
};

#define ROLE_MAX_ARGUMENTS 6	/* what fits registers: an entry with more of them is refused */
#define ROLE_MAX_PLACES	   4096 /* structs that the access lists lead to, from all entries */

#define ROLE_MAX_FIELDS 65536

enum role_argument_kind {
	ROLE_ARGUMENT_NUMBER, /* also pointers that nothing is said of: followed by bpf_probe_read_user() alone */
	ROLE_ARGUMENT_STRUCT, /* pointer to a struct of the host that access lists speak of */
	ROLE_ARGUMENT_MEMORY, /* pointer that the entry's constraints say something of */
};

/* What an argument of an entry is to a program: by the host's BTF, the access lists, and what the entry's
 * constraints say of it. */
struct role_argument {
	enum role_argument_kind kind;
	uint8_t size_bytes; /* of the C value in the register; 0: nobody knows */
	bool is_signed;
	bool is_size;	      /* the memory of another argument is as large as it says */
	bool non_null;	      /* pointers */
	bool null_terminated; /* MEMORY */
	bool is_writable;     /* MEMORY: declared so, and not const in BTF */
	/* MEMORY: that many bytes may be read: size_base, and the value of argument size_of - 1 where that is
	 * not 0 */
	uint32_t size_base;
	uint8_t size_of;
	uint32_t place; /* STRUCT: index into the role's places */
};

/* A struct that access lists lead to: "r", and by way of the pointer connection in it "r.connection". */
struct role_place {
	struct str path;
	uint32_t type;	 /* the struct or union in the host's BTF */
	uint32_t parent; /* where it is pointed to from; UINT32_MAX: an argument */
	uint32_t offset; /* bytes, of that pointer in the parent */
	bool is_const;	 /* the pointer's type says so */
};

/* Bits [from, to) of a place that the role may read, or write: whole bytes. */
struct role_field {
	struct str path;
	uint32_t place;
	uint64_t from, to;
	bool is_write;
};

/* A function of the host that extensions of the role may run in: extension_exports. */
struct role_entry {
	struct str name;
	struct str
		symbol;	 /* the host's function, empty where neither the document nor BTF says it */
	uint32_t btf_id; /* its FUNC in the host's BTF, 0 where it has none */
	const struct spec_param *params; /* as declared, else as in BTF */
	size_t params_count;
	struct str return_type;
	/* Enforced constraints, those of the parameters' types included. `pre` is what the host vouches for:
	 * assumed when the program begins. `post` is proved of the number that it returns. */
	const struct constraint *pre, *post;
	size_t pre_count, post_count;
	const char *refusal; /* why no program can take its place; NULL where one can */
	struct role_argument args[ROLE_MAX_ARGUMENTS]; /* the first params_count of them */
	uint8_t result_bytes; /* of the number that it returns; 0: none, or nobody knows */
	bool is_result_signed;
};

/* A global of the host that the document speaks of. */
struct role_variable {
	struct str name, type;
	bool is_write;
	uint32_t btf_id;  /* its VAR in the host's BTF, 0 where it has none */
	uint32_t type_id; /* the type of that */
	uint32_t size_bytes;
	bool is_const; /* as the host declares it */
};

/* What of an entry's arguments may be accessed: "r", "r.uri". */
struct role_access {
	struct str path;
	struct str granted_by; /* the role that lists it */
	bool is_write;
};

/* Attributes after inheritance. Absent ones have the defaults below. */
struct role_attributes {
	uint32_t max_memory;	   /* bytes of stack over all frames; default 512 */
	uint64_t max_map_memory;   /* bytes; default 64 MiB */
	uint64_t max_instructions; /* per event; default 1,000,000 */
	bool metered;		   /* default false */
	bool allow_memory_write;   /* default false */
	bool always_const;	   /* default true */
	bool may_have_side_effect; /* default false */
	bool skip_verification;	   /* default false */
};

#define ROLE_ATTRIBUTES_MAX 16

struct role_custom_attribute {
	struct str name;
	const struct node *value;
	struct str set_by; /* the role that sets it */
};

/* What one of several roles grants and the program does not have, and why. */
struct role_omission {
	struct str what; /* "function f", "attribute tier", "read r.uri" */
	struct str why;
};

struct role {
	struct arena arena;
	struct role *parts
		[ROLE_MAX_TOGETHER]; /* of several roles: each alone; what follows borrows from them */
	size_t parts_count;
	const struct role_omission *omissions;
	size_t omissions_count;
	struct str name;
	struct str digest; /* SHA-256 over all that follows, hex: half of the code cache's key */
	struct role_attributes attributes;
	struct str set_by
		[ROLE_ATTRIBUTES_MAX]; /* by the rows of attribute.tbl.h: the role that sets it,
						 * empty where it is the default */
	const struct role_custom_attribute *custom;
	const struct role_function *functions; /* sorted by name */
	const struct role_other *others;       /* for messages */
	size_t others_count;
	const struct role_entry *entries;
	const struct role_access *access; /* with the inherited roles' */
	const struct role_variable *variables;
	const struct role_place *places; /* what the access lists come to on this host: … */
	const struct role_field *fields; /* … nothing where it has no BTF */
	size_t places_count, fields_count;
	/* The host's BTF, owned: btf_id of functions, entries and variables are its ids. NULL where the host
	 * has none, or none of them is in it. */
	struct btf *host;
	struct str host_digest; /* SHA-256 of that, hex; empty where there is none */
	size_t custom_count, functions_count, entries_count, access_count, variables_count;
	bool has_access; /* the role or one that it inherits has a list, even an empty one */
};

/*
 * Resolves role `name` of `spec`; `host` is the host binary's BTF or NULL. "A & B" are several roles on one
 * program, which then has what each of them allows: functions that all grant, with the conditions of all,
 * the tightest attributes (role_intersect.c).
 *   out    owned by the caller
 *   fails  NOT_FOUND  no such role (names the nearest), path /roles
 *          INVALID    unknown capability, unknown or cyclic inherits, attributes that parents set
 *                     differently, a wrong attribute value, skip_verification (never granted here),
 *                     constraints that contradict each other (names both), a field of an access list
 *                     that the entry's types do not have (names the nearest); path as in the document
 *          REJECTED   a signature that differs from BTF: function, parameter, both types; a variable
 *                     whose type does; all of them
 *          TOO_LARGE  access lists that are too costly to follow
 */
MUST_CHECK struct err *role_resolve(const struct spec *spec, struct str name,
				    const struct btf *host, struct role **out);
void role_destroy(struct role *r);

OWN_DEFINE(role, struct role *, role_destroy)

/* The granted function of that name, or NULL. */
const struct role_function *role_find_function(const struct role *r, struct str name);

/* A role that has the function which this one has not, or NULL. */
const struct role_other *role_find_other(const struct role *r, struct str function);

/* The entry of that name, or NULL. */
const struct role_entry *role_find_entry(const struct role *r, struct str name);

/* The variable of that name, or NULL. */
const struct role_variable *role_find_variable(const struct role *r, struct str name);

/* Whether helper `h` may be called: the granted function that it is, or NULL. */
const struct role_function *role_find_helper(const struct role *r, const struct helper *h);

/* Appends what a program may do with argument `index` of an entry: "a number of 4 bytes". */
void role_print_argument(const struct role *r, const struct role_entry *e, size_t index,
			 struct buf *out);

/* Appends the role as text for people: rights, and where each comes from. */
void role_print(const struct role *r, struct buf *out);

/* ---- several roles by name (role_names.c) ---- */

/* Whether a role can have that name: not empty, and without & and commas, which stand between names. */
bool role_is_name(struct str name);

/* The names in a text as role_resolve() reads it; a part that is empty stays so.
 * fails INVALID: more than ROLE_MAX_TOGETHER */
MUST_CHECK struct err *role_split_names(struct str text, struct str names[ROLE_MAX_TOGETHER],
					size_t *count);

/*
 * Appends names as role_resolve() reads them: "A & B", sorted.
 *   path   of the list, for errors: "/roles"
 *   fails  INVALID: no name, more than ROLE_MAX_TOGETHER, a name twice, one that no role can have
 */
MUST_CHECK struct err *role_join_names(const struct str *names, size_t count, const char *path,
				       struct buf *out);

/* The same of a command line's words, of which each may be "A,B". */
MUST_CHECK struct err *role_join_texts(const char *const *texts, size_t count, struct buf *out);

/*
 * The same of a document's `role` (`data` NULL: absent) or `roles` (a LIST, or NULL: absent); in `a`.
 *   fails  INVALID: both or none, as above; with the path /role or /roles
 */
MUST_CHECK struct err *role_read_names(struct str role, const struct node *roles, struct arena *a,
				       struct str *out);

/* … and back: `role` or `roles` as a member of the object that `w` is in. */
struct json;
void role_print_names(struct str role, struct json *w);
