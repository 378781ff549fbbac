/*
 * btf_file - a host's BTF that lies in a file of its own, found by the build id of the host's binary:
 * FOLDER/ab/cdef….btf, beside the debug information that distributions keep there.
 */
#pragma once

#include "shared/base/buf.h"

#define BTF_FILE_FOLDER	 "/usr/lib/debug/.build-id"
#define BTF_FILE_ID_MAX	 64u			   /* bytes of a build id */
#define BTF_FILE_ID_SIZE (2 * BTF_FILE_ID_MAX + 1) /* as hex, with its NUL */

/*
 * The build id of ELF file `image` (untrusted) as hex text; empty where it has none.
 *   fails  INVALID: no 64-bit little-endian ELF file, or its notes lie outside of it
 */
MUST_CHECK struct err *btf_file_build_id(struct bytes image, char out[BTF_FILE_ID_SIZE]);

/* Whether `id` is a build id as it is written here: pairs of lower-case hex digits. */
bool btf_file_is_id(struct str id);

/*
 * Appends the path of the file that belongs to `build_id`, lower-case hex.
 *   fails  NOT_FOUND: `build_id` is none
 */
MUST_CHECK struct err *btf_file_path(const char *folder, struct str build_id, struct buf *out);
