#!/bin/bash
# A host whose binary carries no types: they are uploaded by its build id, and narrow the roles of policies there.
isolate=(unshare --pid --fork --kill-child --mount-proc)
if [ "${EIM_INSIDE:-}" != 1 ]; then
	export EIM_INSIDE=1
	"${isolate[@]}" true 2>/dev/null && exec "${isolate[@]}" "$0" "$@"
fi
. tests/integration/lib.sh

clang=$(command -v clang-19 || command -v clang)
ctl() { "$BIN/eimctl" "$@"; }

# states POLICY: of its links in processes
states() { ctl get policies "$1" -o json | jq -r '[.status.links[]? | .state] | unique | join(",")'; }
is_in() { [ "$(states "$1")" = "$2" ]; }
why() { ctl describe policies "$1"; }

# pack NAME TYPE: a policy that counts calls of host_open_file, whose spec says TYPE of `flags`
pack() {
	mkdir "$tmp/$1"
	cat >"$tmp/$1/policy.yaml" <<-EOF
		apiVersion: eim/v1
		kind: Policy
		metadata: { name: $1 }
		spec:
		  program:   { name: count, file: ../count.bpf.o }
		  eim:       { name: $1, file: spec.yaml, role: counter }
		  processes: { exe: $tmp/bare_host }
	EOF
	cat >"$tmp/$1/spec.yaml" <<-EOF
		host_functions:
		  - name: host_open_file
		    signature:
		      params: [{type: const char *, name: filename}, {type: $2, name: flags}]
		      return_type: int
		capabilities:
		  - {name: Files, apis: [host_open_file]}
		  - {name: Maps, apis: [bpf_map_lookup_elem]}
		roles:
		  - {name: counter, capabilities: [Files, Maps]}
	EOF
}

cat >"$tmp/count.bpf.c" <<EOF
#include "eim_bpf.h"
__u64 calls;
SEC("uprobe/$tmp/bare_host:host_open_file")
int count(struct pt_regs *ctx)
{
	__sync_fetch_and_add(&calls, 1);
	return 0;
}
EOF
"$clang" -target bpf -mcpu=v3 -O2 -g -Iapi/include -c "$tmp/count.bpf.c" -o "$tmp/count.bpf.o" || exit 1
objcopy --remove-section .BTF "$OUT/tests/hosts/file_host" "$tmp/bare_host"
pack fits int
pack differs "char *"
pack differs-again "char *"

start_controller
start_agent
mkfifo "$tmp/in"
"$tmp/bare_host" <"$tmp/in" >"$tmp/host" &
pids+=("$!")
exec {host_in}>"$tmp/in"
wait_for 100 grep -q '^ready' "$tmp/host"

holds "a policy is applied to a host without types" ctl apply -f "$tmp/differs"
holds "nobody knows the types: the document is believed" wait_for 100 is_in differs ACTIVE
holds "it is taken back" ctl delete -f "$tmp/differs" --wait

has "a binary without types is not uploaded by itself" "name a file that has its types with --btf" \
	"$(ctl upload "$tmp/bare_host" 2>&1)"
has "the types are uploaded for the bare binary, by the whole one" "uploaded" "$(ctl upload "$OUT/tests/hosts/file_host")"
is "… under the build id that both have" "$(readelf -n "$tmp/bare_host" | sed -n 's/.*Build ID: //p')" \
	"$(ctl get btf -o json | jq -r '.[0].name')"

holds "the same document is applied again" ctl apply -f "$tmp/differs-again"
holds "now it fails" wait_for 100 is_in differs-again FAILED
has "… and says which parameter differs" 'flags' "$(why differs-again)"
holds "a document that fits the types is applied" ctl apply -f "$tmp/fits"
holds "… and becomes active" wait_for 100 is_in fits ACTIVE

# ---- without the controller, with what is on disk ----
kill "$agent_pid"
wait "$agent_pid" 2>/dev/null
kill -9 "$controller_pid"
wait "$controller_pid" 2>/dev/null
rm -rf "$tmp/state/images"
start_agent
compiled() { grep -q 'policy fits .* is in process' "$tmp/agent.err"; }
holds "an agent that finds no controller compiles with the types that it kept" wait_for 150 compiled
refused() { grep -q 'policy differs-again .*: .*flags' "$tmp/agent.err"; }
holds "… and refuses what they forbid" wait_for 100 refused
echo "analyze abc" >&"$host_in"
holds "the host runs on" wait_for 50 grep -q '^result 294' "$tmp/host"
exec {host_in}>&-
