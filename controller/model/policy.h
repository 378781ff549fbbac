/*
 * policy - the policy document: what an operator writes, checked for form. Names are not looked up here.
 *
 *	apiVersion: eim/v1
 *	kind: Policy
 *	metadata: { name: nginx-firewall }
 *	spec:
 *	  program:   { name: nginx-firewall, revision: 3 }          # no revision: the latest
 *	  eim:       { name: nginx, revision: 1, role: firewall }
 *	                                                          # or roles: [a, b]: what all of them allow
 *	  hosts:     { matchLabels: { env: prod } }                 # absent: every host
 *	  processes: { exe: /usr/sbin/nginx }
 *
 * Keys `file:` are for the command line, which has uploaded what they name; they are dropped here.
 * Memory:  the arena that it was parsed into, and the tree.
 * Limits:  POLICY_MAX_BYTES of text, POLICY_MAX_LABELS.
 */
#pragma once

#include "shared/codec/json.h"
#include "shared/wire/sync.h"

#define POLICY_MAX_BYTES  ((size_t)256 << 10)
#define POLICY_MAX_LABELS 64u

struct policy {
	struct str name;
	struct str program, spec, exe;
	struct str role; /* of several: "a & b", as role_resolve() reads it */
	int64_t program_revision, spec_revision; /* 0: the latest */
	const struct wire_label *match;		 /* all must hold */
	size_t match_count;
};

/*
 * Reads document `n`; `name` is the resource that it is for ("": whatever metadata says).
 *   fails  INVALID      with the JSON Pointer of the culprit: unknown key (with the nearest), missing
 *                       key, wrong kind, a name that is none, another name than `name`, no absolute
 *                       path, a wrong apiVersion or kind
 *          UNSUPPORTED  a part of the document that this version does not carry out
 *          NO_MEMORY
 */
MUST_CHECK struct err *policy_parse(const struct node *n, struct str name, struct arena *a,
				    struct policy *out);

/* Writes the document in its canonical form as members of the object that `w` is in. */
void policy_print(const struct policy *p, struct json *w);

/* Whether a host with these labels is meant. */
bool policy_matches(const struct wire_label *match, size_t match_count,
		    const struct wire_label *labels, size_t labels_count);
