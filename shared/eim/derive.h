/*
 * derive - the EIM document that a host declares in its own BTF, by the names of typedefs and functions:
 *
 *	__bpftime_ext_ufunction_GROUP_FN                   FN is a host function
 *	__bpftime_capability_CAP_includes_GROUP_FN         capability CAP includes it
 *	__bpftime_role_ROLE[_has_cap_CAP|_inherits_ROLE2]  role ROLE has it, or inherits
 *	__bpftime_extension_entry_ROLE_NAME                function: an entry NAME for extensions of ROLE
 *
 * The parts may hold the separators themselves, so a name can have several readings. A reading counts
 * where all its parts are known: FN is a FUNC of the BTF, GROUP_FN is declared, CAP and ROLE are. No
 * reading is an error at that name, two are an error that shows both. A role's name without any
 * separator in it is the role alone.
 *
 * Pure. The result is a document like any other: spec_parse() reads it, so there is one model.
 */
#pragma once

#include "shared/base/buf.h"
#include "shared/bpf/btf.h"

#define DERIVE_MAX_NAMES      1024u /* of each of the four kinds */
#define DERIVE_MAX_NAME_BYTES 512u
#define DERIVE_MAX_FINDINGS   100u

/*
 * Appends the document, as JSON: host_functions and extension_exports (with the FUNCs' signatures, entries
 * also with their role and symbol), capabilities, roles.
 *   fails  NOT_FOUND  the BTF declares nothing of this kind
 *          INVALID    names that have no reading or two, functions that extensions cannot call; the path
 *                     is the name. All of one kind: the next kind's names are read by what these mean
 *          TOO_LARGE  more than DERIVE_MAX_NAMES names, or more text than `out` takes
 */
MUST_CHECK struct err *derive_document(const struct btf *host, struct buf *out);
