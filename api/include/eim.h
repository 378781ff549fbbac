/*
 * eim.h - for authors of host applications in C: what extensions may call, the roles that grant it, and the
 * places where extensions run. Include it, say so at file scope, compile with -g, and have the types written
 * into the binary (pahole -J, or --btf_encode_detached). There is nothing to link.
 *
 *	#include "eim.h"
 *
 *	EIM_HOST_FUNCTION(file_ops, host_open_file)
 *	EIM_CAPABILITY(FileRead, file_ops, host_open_file)
 *	EIM_ROLE(BasicFileRole)
 *	EIM_ROLE_HAS(BasicFileRole, FileRead)
 *	EIM_ROLE(AdminRole)
 *	EIM_ROLE_INHERITS(AdminRole, BasicFileRole)
 *
 *	EIM_API int host_open_file(const char *filename, int flags) { … }
 *
 *	EIM_ENTRY(AdminRole, analyze_data, int, const char *data, int length)
 *	{
 *		return 0;	// what the host gets where no extension runs
 *	}
 *	… EIM_CALL(AdminRole, analyze_data)(data, length) …
 *
 * What an extension passes is checked against the function's types, as BTF has them, and what the EIM document says
 * of it. Where a document says nothing of a pointer parameter, this is asked for (`eimctl explain` shows it):
 *
 *	T *p			T bytes of the extension's memory, initialised, or a T of the host's; T has no pointers
 *				in it. Where it is not const, what is there may be written.
 *	a T with pointers in	only what a function of the host returned as T *, or the host's own
 *	it, or of no known size
 *	char *p, int length	that many bytes: readable where *p is const, else writable. void *p likewise. The name
 *				of the number is, or ends in, length, len, size, nbytes, or is, or ends in "_" and,
 *				count or n.
 *	const char *p		a text that ends with a NUL: a literal
 *	bool b			0 or 1
 *	anything else		no extension can call it until the document says more: "p.readable(n)", "p.writable(n)"
 *
 * So declare const what is not written. Null is passed only where no byte is asked for, or the document says so
 * ("p.readable(8) or p = 0"). Functions with more than five parameters, with "…", with floats, structs by value or
 * function pointers are not for extensions. A pointer that a function returns is a handle: extensions compare it with
 * null and pass it to functions that take the same type, as long as the event lasts; what has to be given back says so in
 * the document: `acquires: NAME` and, of the function that takes it back, `releases: NAME` (a number below 0, or null,
 * means that nothing was acquired). What a function changes in the host's structs, extensions read again.
 *
 * Names are joined by "_": GROUP_FN must not also be read with another function's name at its end, nor
 * ROLE_NAME with another role's name in front. `eimctl explain` says where one has two readings.
 *
 * Needs GCC 8 or Clang 10, C11 or later. Each macro for declarations ends without a semicolon.
 */
#ifndef EIM_H
#define EIM_H

/*
 * A typedef that nothing uses is dropped from debug information, and so from BTF. A variable of its type
 * keeps it: four bytes in a section of its own, which no program reads.
 */
#define EIM_NAME_(name)   \
	typedef int name; \
	static const name name##_kept __attribute__((used, section(".eim.names"), unused)) = 0;

/* FN, a function of this program, may be called by extensions of roles that say so. */
#define EIM_HOST_FUNCTION(group, fn) EIM_NAME_(__bpftime_ext_ufunction_##group##_##fn)

/* Capability CAP includes FN of GROUP. One line for each function. */
#define EIM_CAPABILITY(cap, group, fn) \
	EIM_NAME_(__bpftime_capability_##cap##_includes_##group##_##fn)

/* There is a role of that name; the two that follow say so, too. */
#define EIM_ROLE(role)			EIM_NAME_(__bpftime_role_##role)
#define EIM_ROLE_HAS(role, cap)		EIM_NAME_(__bpftime_role_##role##_has_cap_##cap)
#define EIM_ROLE_INHERITS(role, parent) EIM_NAME_(__bpftime_role_##role##_inherits_##parent)

/*
 * The compiler leaves the function whole and as it is declared: not inlined, not cloned, its parameters and
 * calls not changed by what it knows of callers, and there even where nothing calls it.
 */
#if defined(__clang__)
#define EIM_WHOLE_ __attribute__((noinline, used))
#else
#define EIM_WHOLE_ __attribute__((noinline, noclone, noipa, used))
#endif

/* In front of a host function's definition: it has an address, and the parameters that BTF says. In C++ it
 * is extern "C", too, for its name. */
#define EIM_API EIM_WHOLE_

#ifdef __cplusplus
#define EIM_C_ extern "C"
#else
#define EIM_C_
#endif

/*
 * Five bytes of no operation at the very start: room for a jump that no instruction is moved for. In front of
 * them the compiler puts endbr64 where control flow is protected, and that stays.
 */
#define EIM_PATCHABLE_ __attribute__((patchable_function_entry(5, 0)))

/*
 * Defines entry NAME: extensions of ROLE, or of a role that it inherits, run when it is called, with its
 * parameters as their context. Its body gives the result where none does. Call it through EIM_CALL().
 */
#define EIM_ENTRY(role, name, ret, ...)                                                 \
	EIM_C_ EIM_WHOLE_ EIM_PATCHABLE_ ret __bpftime_extension_entry_##role##_##name( \
		__VA_ARGS__);                                                           \
	EIM_WHOLE_ EIM_PATCHABLE_ ret __bpftime_extension_entry_##role##_##name(__VA_ARGS__)

/* The entry's function: EIM_CALL(AdminRole, analyze_data)(data, length). */
#define EIM_CALL(role, name) __bpftime_extension_entry_##role##_##name

#endif
