/*
 * input - files of the command line as what they hold. Errors name the file.
 */
#pragma once

#include "controller/ctl/args.h"
#include "shared/bpf/object.h"
#include "shared/eim/role.h"

/* Appends the content of `path` ("-" is standard input), at most `max_bytes`. */
MUST_CHECK struct err *input_read(const char *path, size_t max_bytes, struct buf *out);

/* fails  as spec_parse() and object_parse(), with the file's name in front. `image` gets the file's
 * bytes. */
MUST_CHECK struct err *input_spec(const char *path, struct spec **out);
MUST_CHECK struct err *input_object(const char *path, struct buf *image, struct object **out);

/*
 * The host's BTF: raw (--btf) or from the .BTF section of a binary (either option); where that has none,
 * the file of its build id (--btf-dir).
 *   out    owned by the caller; NULL where neither option is given
 *   fails  NOT_FOUND  the binary has no BTF
 *          INVALID    both options; a broken file
 */
MUST_CHECK struct err *input_host_btf(const struct args *args, struct btf **out);

/*
 * The role of --spec (of several: what all of them allow; a name may be "A,B") on that host; of what the host declares in its BTF where there is no --spec.
 *   fails  INVALID: neither is given; as the parts
 */
MUST_CHECK struct err *input_role(const struct args *args, const char *const *names, unsigned count,
				  struct role **out);

/* The .BTF section of ELF file `image`; empty where it has none. fails INVALID: broken headers. */
MUST_CHECK struct err *input_btf_section(struct bytes image, struct bytes *out);
