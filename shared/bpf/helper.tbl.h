/*
 * Helpers: HELPER(id, name, return, arg1, arg2, arg3, arg4, arg5, flags)
 *
 *   id      the kernel's number (enum bpf_func_id); names and numbers are the kernel's
 *   return  HELPER_RETURN_*, args  HELPER_ARG_* (helper.h says what each asks)
 *   flags   HELPER_* properties that rules refer to (0 where none)
 *
 * To add one: a row here, `rt_NAME` in shared/runtime, a .case in tests/cases.
 */
HELPER(1, map_lookup_elem, MAP_VALUE_OR_NULL, MAP, MAP_KEY, NONE, NONE, NONE, 0)
HELPER(2, map_update_elem, INTEGER, MAP, MAP_KEY, MAP_VALUE, SCALAR, NONE, 0)
HELPER(3, map_delete_elem, INTEGER, MAP, MAP_KEY, NONE, NONE, NONE, 0)
HELPER(4, probe_read, INTEGER, MEM_OUT, SIZE, ANYTHING, NONE, NONE, HELPER_READS_HOST)
HELPER(5, ktime_get_ns, INTEGER, NONE, NONE, NONE, NONE, NONE, 0)
HELPER(7, get_prandom_u32, INTEGER, NONE, NONE, NONE, NONE, NONE, 0)
HELPER(8, get_smp_processor_id, INTEGER, NONE, NONE, NONE, NONE, NONE, 0)
HELPER(14, get_current_pid_tgid, INTEGER, NONE, NONE, NONE, NONE, NONE, 0)
HELPER(45, probe_read_str, INTEGER, MEM_OUT, SIZE, ANYTHING, NONE, NONE, HELPER_READS_HOST)
HELPER(93, spin_lock, VOID, SPIN_LOCK, NONE, NONE, NONE, NONE, 0)
HELPER(94, spin_unlock, VOID, SPIN_LOCK, NONE, NONE, NONE, NONE, 0)
HELPER(112, probe_read_user, INTEGER, MEM_OUT, SIZE, ANYTHING, NONE, NONE, HELPER_READS_HOST)
HELPER(114, probe_read_user_str, INTEGER, MEM_OUT, SIZE, ANYTHING, NONE, NONE, HELPER_READS_HOST)
HELPER(130, ringbuf_output, INTEGER, MAP, MEM_IN, SIZE_OR_ZERO, SCALAR, NONE, 0)
HELPER(131, ringbuf_reserve, RECORD_OR_NULL, MAP, CONST_SIZE, SCALAR, NONE, NONE, HELPER_ACQUIRES)
HELPER(132, ringbuf_submit, VOID, RECORD, SCALAR, NONE, NONE, NONE, HELPER_RELEASES)
HELPER(133, ringbuf_discard, VOID, RECORD, SCALAR, NONE, NONE, NONE, HELPER_RELEASES)
HELPER(134, ringbuf_query, INTEGER, MAP, SCALAR, NONE, NONE, NONE, 0)
HELPER(164, for_each_map_elem, INTEGER, MAP, CALLBACK, CALLBACK_CTX, SCALAR, NONE, HELPER_CALLS)
HELPER(181, loop, INTEGER, SCALAR, CALLBACK, CALLBACK_CTX, SCALAR, NONE, HELPER_CALLS)
HELPER(182, strncmp, INTEGER, MEM_IN, SIZE, CONST_STRING, NONE, NONE, 0)
