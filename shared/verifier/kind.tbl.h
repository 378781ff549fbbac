/*
 * What a register may hold: KIND(NAME, words, base, not_null, flags)
 *   words     for messages
 *   base      what the compiler is told of accesses through it (VERIFIER_BASE_*)
 *   not_null  what it is once it was checked not to be null
 *   flags     STATE_IS_*
 *
 * A kind with STATE_IS_OBJECT lies in slots of the stack only; one with STATE_IS_PART ends with such an object.
 *
 * To add a pointer kind: a row here, its bounds in memory.c, what it is equal to in cover.c if it has
 * more than map, id, size and offset, and a .case that uses it and one that abuses it.
 */
KIND(NONE, "nothing", OTHER, NONE, 0)
KIND(SCALAR, "number", OTHER, SCALAR, 0)
KIND(STACK, "pointer to the stack", STACK, STACK,
     STATE_IS_POINTER | STATE_IS_MEMORY | STATE_IS_STORE | STATE_IS_ATOMIC | STATE_IS_OFFSET)
KIND(CTX, "pointer to the context", CTX, CTX, STATE_IS_POINTER | STATE_IS_MEMORY | STATE_IS_OFFSET)
KIND(MAP, "map", OTHER, MAP, STATE_IS_POINTER)
KIND(INNER_MAP, "map inside of a map", OTHER, INNER_MAP, STATE_IS_POINTER)
KIND(INNER_MAP_OR_NULL, "null or a map inside of a map", OTHER, INNER_MAP, STATE_IS_POINTER | STATE_IS_NULL)
KIND(FUNCTION, "function", OTHER, FUNCTION, STATE_IS_POINTER)
KIND(KEY, "pointer to a key", OTHER, KEY, STATE_IS_POINTER | STATE_IS_MEMORY | STATE_IS_OFFSET)
KIND(VALUE, "pointer to a value", MAP_VALUE, VALUE,
     STATE_IS_POINTER | STATE_IS_MEMORY | STATE_IS_STORE | STATE_IS_ATOMIC | STATE_IS_OFFSET)
KIND(VALUE_OR_NULL, "null or a pointer to a value", MAP_VALUE, VALUE, STATE_IS_POINTER | STATE_IS_NULL)
KIND(HOST_STRUCT, "pointer to a struct of the host", OTHER, HOST_STRUCT,
     STATE_IS_POINTER | STATE_IS_MEMORY | STATE_IS_STORE | STATE_IS_ATOMIC | STATE_IS_OFFSET | STATE_IS_HOST)
KIND(HOST_STRUCT_OR_NULL, "null or a pointer to a struct of the host", OTHER, HOST_STRUCT,
     STATE_IS_POINTER | STATE_IS_NULL | STATE_IS_HOST)
KIND(HOST_MEM, "pointer to memory of the host", OTHER, HOST_MEM,
     STATE_IS_POINTER | STATE_IS_MEMORY | STATE_IS_STORE | STATE_IS_OFFSET | STATE_IS_HOST)
KIND(HOST_MEM_OR_NULL, "null or a pointer to memory of the host", OTHER, HOST_MEM,
     STATE_IS_POINTER | STATE_IS_MEMORY | STATE_IS_STORE | STATE_IS_OFFSET | STATE_IS_NULL | STATE_IS_HOST)
KIND(HOST_VAR, "pointer to a variable of the host", OTHER, HOST_VAR,
     STATE_IS_POINTER | STATE_IS_MEMORY | STATE_IS_STORE | STATE_IS_ATOMIC | STATE_IS_OFFSET | STATE_IS_HOST)
KIND(RECORD, "pointer to a reserved record", OTHER, RECORD,
     STATE_IS_POINTER | STATE_IS_MEMORY | STATE_IS_STORE | STATE_IS_ATOMIC | STATE_IS_OFFSET)
KIND(RECORD_OR_NULL, "null or a pointer to a reserved record", OTHER, RECORD, STATE_IS_POINTER | STATE_IS_NULL)
KIND(DYNPTR, "dynptr of the program's memory", OTHER, DYNPTR, STATE_IS_OBJECT)
KIND(DYNPTR_RECORD, "dynptr of a ring-buffer record", OTHER, DYNPTR_RECORD, STATE_IS_OBJECT)
KIND(SLICE, "pointer to a slice of a dynptr", OTHER, SLICE,
     STATE_IS_POINTER | STATE_IS_MEMORY | STATE_IS_STORE | STATE_IS_OFFSET | STATE_IS_PART)
KIND(SLICE_OR_NULL, "null or a pointer to a slice of a dynptr", OTHER, SLICE,
     STATE_IS_POINTER | STATE_IS_NULL | STATE_IS_PART)
KIND(ITERATOR, "number iterator", OTHER, ITERATOR, STATE_IS_OBJECT)
KIND(INTEGER, "pointer to an iterator's number", OTHER, INTEGER, STATE_IS_POINTER | STATE_IS_MEMORY | STATE_IS_PART)
KIND(INTEGER_OR_NULL, "null or a pointer to an iterator's number", OTHER, INTEGER,
     STATE_IS_POINTER | STATE_IS_NULL | STATE_IS_PART)
KIND(PARAM, "pointer to a parameter's memory", OTHER, PARAM,
     STATE_IS_POINTER | STATE_IS_MEMORY | STATE_IS_STORE | STATE_IS_ATOMIC | STATE_IS_OFFSET)
KIND(PARAM_OR_NULL, "null or a pointer to a parameter's memory", OTHER, PARAM, STATE_IS_POINTER | STATE_IS_NULL)
KIND(CONST_PARAM, "pointer to a parameter's constant memory", OTHER, CONST_PARAM,
     STATE_IS_POINTER | STATE_IS_MEMORY | STATE_IS_OFFSET)
KIND(CONST_PARAM_OR_NULL, "null or a pointer to a parameter's constant memory", OTHER, CONST_PARAM,
     STATE_IS_POINTER | STATE_IS_NULL)
KIND(HANDLE, "handle of the host", OTHER, HANDLE, STATE_IS_POINTER)
KIND(HANDLE_OR_NULL, "null or a handle of the host", OTHER, HANDLE, STATE_IS_POINTER | STATE_IS_NULL)
