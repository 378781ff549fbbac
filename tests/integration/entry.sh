#!/bin/bash
# Extensions that take the place of functions of a host and call others of it.
. tests/integration/lib.sh

programs=build/tests/integration
attach() { # PROGRAM ROLE [OPTIONS…]
	local program=$1 role=$2
	shift 2
	"$BIN/eim-agent" attach --pid "$host_pid" --program "$programs/$program.bpf.o" --role "$role" "$@"
}
start_attach() { # the same, into $tmp/out, $tmp/out.err, until it is ready
	local program=$1 role=$2
	shift 2
	start "$tmp/out" "$BIN/eim-agent" attach --pid "$host_pid" --program "$programs/$program.bpf.o" --role "$role" "$@"
	wait_for 200 grep -qx ready "$tmp/out.err" || cat "$tmp/out.err"
}
stop_attach() { # leaves its exit code in $code
	kill -INT "$started"
	wait "$started"
	code=$?
}
ours() { grep "memfd:eim" "/proc/$host_pid/maps"; } # code and map files; the C library keeps threads' stacks as it likes
end_host() {
	exec {host_in}>&-
	wait_for 100 gone "$host_pid"
	wait "$host_pid"
}
refuse() { # SENTENCE CODE PART COMMAND…
	local sentence=$1 code=$2 part=$3 said
	shift 3
	said=$("$@" 2>&1)
	is "$sentence: exit $code" "$code" "$?"
	has "$sentence: says why" "$part" "$said"
}

# ---- the file host: files that it opens and reads for the extension ----
start_host file_host
own="result $(printf 'hello' | od -An -tu1 | awk '{ for (i = 1; i <= NF; i++) sum += $i } END { print sum }')"
is "where no extension runs the host answers itself" "$own" "$(ask analyze hello)"
code_before=$(code_of "$host_pid")
shape_before=$(shape_of "$host_pid")
start_attach analyze reader --spec tests/integration/file_host.yaml
is "the extension's answer is the host's: 10 bytes of /proc/self/comm, which begins with f" "result 10102" "$(ask analyze hello)"
is "other entries answer themselves" "result 2" "$(ask process 108 hello)"
stop_attach
is "attach exits 0" 0 "$code"
is "runs are counted" 1 "$(jq '.links[0].runs' "$tmp/out")"
has "a link names the function whose place it takes" "__bpftime_extension_entry_AdminRole_analyze_data" "$(jq -r '.links[0].target' "$tmp/out")"
is "the host answers itself again" "$own" "$(ask analyze hello)"
is "the host's code is as before" "$code_before" "$(code_of "$host_pid")"
is "nothing stays mapped" "$shape_before" "$(shape_of "$host_pid")"
refuse "a role that may open and not read" 1 host_read_file attach analyze opener --spec tests/integration/file_host.yaml
is "a host whose extension was refused runs on" "$own" "$(ask analyze hello)"
is "… and is untouched" "$code_before$shape_before" "$(code_of "$host_pid")$(shape_of "$host_pid")"
end_host
is "the file host ends in peace" 0 $?

# ---- under roles that the host declares, without a document ----
rm "$tmp/host.in"
start_host extended_host
is "a host answers" "result 42" "$(ask call 4 2)"
code_before=$(code_of "$host_pid")
start_attach answer_add Worker
is "an extension answers with what a function of the host gives" "result 1006" "$(ask call 4 2)"
is "calls of 8 threads are all answered" "sum $((8 * 20000 * 1003))" "$(ask spin 8 20000 1 2)"
is "a child after fork is answered" "child 1042" "$(ask fork 40 2)"
refuse "a second agent for the same function" 2 "another tool has changed it" attach answer_again Worker
is "… leaves the first one where it is" "result 1006" "$(ask call 4 2)"
stop_attach
is "runs are counted exactly" 160002 "$(jq '.links[0].runs' "$tmp/out")"
is "the extension's own count is the same, the child's included" '[160003]' "$(jq -c '[.maps[".bss"][].value.answers]' "$tmp/out")"
is "its code is as before" "$code_before" "$(code_of "$host_pid")"
is "nothing of ours stays" "" "$(ours)"

start_attach answer_again Worker
is "a function that calls the entry gets the host's own answer" "result 1042" "$(ask call 4 2)"
is "… in every thread" "sum $((8 * 1000 * 1012))" "$(ask spin 8 1000 1 2)"
stop_attach

# ---- a thread stays in a function of the host ----
text_of() { # the host's own code: without that of programs, which is a file of its own
	local from to
	IFS=- read -r from to < <(awk '$2 == "r-xp" && /extended_host/ {print $1}' "/proc/$host_pid/maps")
	dd if="/proc/$host_pid/mem" bs=4096 skip=$((0x$from / 4096)) count=$(((0x$to - 0x$from) / 4096)) status=none | sha256sum
}
taken_out() { [ "$(text_of)" = "$text_before" ]; }
text_before=$(text_of)
start_attach answer_wait Worker
is "an extension waits in the host" holding "$(ask hold 7 1)"
kill -INT "$started"
holds "meanwhile the function's bytes are restored" wait_for 20 taken_out
is "… and others get the host's own answer" "result 42" "$(ask call 4 2)"
has "the code is mapped as long as it waits" eim-code "$(ours)"
is "it comes back to the extension, which answers" "result 1008" "$(ask release)"
wait "$started"
is "then attach ends in peace" 0 $?
is "and nothing stays" "" "$(ours)"

# ---- the agent is killed: the extension goes on ----
start_attach answer_add Worker
kill -9 "$started"
wait "$started" 2>/dev/null
is "an extension answers though its agent was killed" "result 1006" "$(ask call 4 2)"
end_host
is "the host ends in peace" 0 $?

# ---- a symbol that the binary lacks, though its types have it ----
rm "$tmp/host.in"
objcopy --strip-symbol host_add "$OUT/tests/hosts/extended_host" "$tmp/stripped_host"
start_host "$tmp/stripped_host"
refuse "a function whose symbol is not there" 2 "no function host_add" attach answer_add Worker
is "that host runs on" "result 42" "$(ask call 4 2)"
end_host

# ---- a policy ----
rm "$tmp/host.in"
cat >"$tmp/policy.yaml" <<-EOF
	apiVersion: eim/v1
	kind: Policy
	metadata: { name: answers }
	spec:
	  program:   { name: answers, file: $PWD/$programs/answer_add.bpf.o }
	  eim:       { name: extended, file: $PWD/tests/integration/extended_host.yaml, role: worker }
	  processes: { exe: $(realpath "$OUT/tests/hosts/extended_host") }
EOF
start_controller
start_agent
start_host extended_host
child=$(ask keep 1 2 | awk '{ print $2 }')
pids+=("$child")
holds "eimctl apply takes an extension" "$BIN/eimctl" apply -f "$tmp/policy.yaml"
active() { [ "$("$BIN/eimctl" get policies answers -o json | jq '[.status.links[]? | select(.state == "ACTIVE")] | length')" = "$1" ]; }
holds "the policy becomes active in both processes" wait_for 150 active 2
is "the extension answers" "result 1006" "$(ask call 4 2)"
kill -9 "$agent_pid"
wait "$agent_pid" 2>/dev/null
is "… though the agent was killed" "result 1006" "$(ask call 4 2)"
start_agent
is_back() { [ "$(grep -c 'policy answers .* is in process' "$tmp/agent.err")" = 2 ] && active 2; }
holds "the next agent carries on" wait_for 150 is_back
is "the extension answers under the next agent" "result 1006" "$(ask call 4 2)"
holds "eimctl delete takes it out" "$BIN/eimctl" delete -f "$tmp/policy.yaml"
answers_itself() { [ "$(ask call 4 2)" = "result 42" ]; }
holds "the host answers itself again" wait_for 100 answers_itself
end_host
