#!/bin/bash
# One host, no controller: eim-agent attach on a process of our own.
. tests/integration/lib.sh

programs=build/tests/integration
start_host
code_before=$(code_of "$host_pid")
shape_before=$(shape_of "$host_pid")
threads_before=$(ls "/proc/$host_pid/task" | wc -l)
handlers_before=$(grep SigCgt "/proc/$host_pid/status")

attach() { # PROGRAM ROLE [OPTIONS…]
	local program=$1 role=$2
	shift 2
	"$BIN/eim-agent" attach --pid "$host_pid" --program "$program" --spec tests/integration/spec.yaml --role "$role" "$@"
}
start_attach() { # into $tmp/out, $tmp/out.err
	rm -f "$tmp/out" "$tmp/out.err"
	start "$tmp/out" "$BIN/eim-agent" attach --pid "$host_pid" --program "$1" --spec tests/integration/spec.yaml --role "$2"
	wait_for 200 grep -qx ready "$tmp/out.err"
}
stop_attach() { # ends it by $1 and leaves its exit code in $code
	kill "-$1" "$started"
	wait "$started"
	code=$?
}

# ---- counts are exact ----
start_attach $programs/count.bpf.o counter
is "a call that is probed returns what it must" "sum $((3 * 1000 * 999 / 2 + 1000))" "$(ask call 1000)"
is "the host has no thread more" "$threads_before" "$(ls "/proc/$host_pid/task" | wc -l)"
is "the host has no signal handler more" "$handlers_before" "$(grep SigCgt "/proc/$host_pid/status")"
is "the host has no library more" "$(awk '$3 ~ /\.so/ {print $3}' <<<"$shape_before" | sort -u)" \
	"$(awk '$6 ~ /\.so/ {print $6}' "/proc/$host_pid/maps" | sort -u)"
# What is ours in the host: mappings that were not there before; map files are shared memory.
dirty=$(awk -v before="$shape_before" '
	BEGIN { n = split(before, lines, "\n"); for (i = 1; i <= n; i++) { split(lines[i], f, " "); old[f[1]] = 1 } }
	/^[0-9a-f]+-[0-9a-f]+ / { ours = !($1 in old) && $6 != "[heap]" && $6 != "[stack]" }
	/^Private_Dirty:/ && ours { sum += $2 }
	END { print sum + 0 }' "/proc/$host_pid/smaps")
holds "at most 128 KiB of private dirty memory are added ($dirty KiB)" [ "$dirty" -le 128 ]
holds "something of ours is in the host while attached" [ "$(shape_of "$host_pid")" != "$shape_before" ]
stop_attach INT
is "attach exits 0 on SIGINT" 0 "$code"
is "runs are counted exactly" 1000 "$(jq '.links[0].runs' "$tmp/out")"
is "a link says what it is" "$(printf 'on_probed\nACTIVE\n%s' "$host_pid")" "$(jq -r '.links[0] | .entry, .state, .pid' "$tmp/out")"
has "a link names its target" "counted_host:probed" "$(jq -r '.links[0].target' "$tmp/out")"
is "a hash map counts exactly, typed by BTF" "[{\"key\":$host_pid,\"value\":1000}]" "$(jq -c '.maps.hits' "$tmp/out")"
is "an array counts exactly" '[{"key":0,"value":500},{"key":1,"value":500}]' "$(jq -c '.maps.parity' "$tmp/out")"
is "global data is shown by its names" '[{"total":1000}]' "$(jq -c '[.maps[".bss"][].value]' "$tmp/out")"
is "ring records arrive once, in order" "[0,100,200,300,400,500,600,700,800,900]" "$(jq -c '[.maps.events[].argument]' "$tmp/out")"
is "char arrays are text" call "$(jq -r '.maps.events[0].word' "$tmp/out")"
is "the host's code is as before" "$code_before" "$(code_of "$host_pid")"
is "nothing stays mapped" "$shape_before" "$(shape_of "$host_pid")"

# ---- a program without an end ----
start_attach $programs/endless.bpf.o metered
is "the host goes on where a metered program does not end" "sum $((3 * 300 * 299 / 2 + 300))" "$(ask call 300)"
is "and goes on with threads" "sum $((4 * (3 * 3000 * 2999 / 2 + 3000)))" "$(ask spin 4 3000)"
stop_attach INT
is "runs that were ended are counted exactly" "12300 4100" "$(jq -r '.links[0] | "\(.runs) \(.runsEnded)"' "$tmp/out")"
is "they were ended inside, and the others were not" '{"begun":12300,"whole":8200}' "$(jq -c '.maps[".bss"][0].value' "$tmp/out")"
refused=$(attach $programs/endless.bpf.o silent --duration 1 2>&1)
has "without metering such a program is rejected" "metered: true" "$refused"

# ---- threads ----
start_attach $programs/count.bpf.o counter
is "calls of 8 threads all return" "sum $((8 * (3 * 20000 * 19999 / 2 + 20000)))" "$(ask spin 8 20000)"
stop_attach TERM
is "attach exits 0 on SIGTERM" 0 "$code"
is "8 threads are counted exactly" "[{\"key\":$host_pid,\"value\":160000}]" "$(jq -c '.maps.hits' "$tmp/out")"
is "their runs are counted exactly" 160000 "$(jq '.links[0].runs' "$tmp/out")"

# ---- locks, and maps in maps ----
start_attach $programs/locked.bpf.o locker
is "calls of threads that lock all return" "sum $((8 * (3 * 20000 * 19999 / 2 + 20000)))" "$(ask spin 8 20000)"
stop_attach INT
ended=$(jq '.links[0].runsEnded' "$tmp/out")
is "no run that had the lock is lost, in either map" $((160000 - ended)) \
	"$(jq '.maps | .even[0].value.count + .odd[0].value.count' "$tmp/out")"
holds "runs seldom wait in vain ($ended of 160000)" [ "$ended" -le 80000 ]
is "each map has its own half" '[0,1]' "$(jq -c '.maps | [.even[0].value.last % 2, .odd[0].value.last % 2]' "$tmp/out")"
is "a lock is not shown" '[0,0]' "$(jq -c '.maps | [.even[0].value.lock.val, .odd[0].value.lock.val]' "$tmp/out")"
is "a map of maps is not shown beside them" '["even","odd"]' "$(jq -c '.maps | keys' "$tmp/out")"

# ---- fork ----
start_attach $programs/count.bpf.o counter
child=$(ask fork 500)
has "a child that inherits the hooks runs on" "sum $((3 * 500 * 499 / 2 + 500))" "$child"
stop_attach INT
is "the child's calls count under its own pid" "[{\"key\":$(awk '{print $2}' <<<"$child"),\"value\":500}]" "$(jq -c '.maps.hits' "$tmp/out")"

# ---- duration and file ----
attach $programs/count.bpf.o counter --duration 100ms --dump-maps "$tmp/maps.json" 2>/dev/null
is "attach ends by itself after --duration" 0 $?
is "maps go to the file that was named" '[]' "$(jq -c '.maps.hits' "$tmp/maps.json")"

# ---- no ----
shape_before=$(shape_of "$host_pid") # threads' stacks that the C library keeps have come
refuse() { # SENTENCE CODE PART COMMAND…
	local sentence=$1 code=$2 part=$3 said
	shift 3
	said=$("$@" 2>&1)
	is "$sentence: exit $code" "$code" "$?"
	has "$sentence: says why" "$part" "$said"
}
refuse "a helper that the role does not grant" 1 bpf_ringbuf_reserve attach $programs/count.bpf.o silent
refuse "an unknown role" 2 'counter' attach $programs/count.bpf.o countr
refuse "a symbol that does not exist" 2 'probed' attach $programs/bad_symbol.bpf.o counter
refuse "a function that is too short" 2 'too_short' attach $programs/too_short.bpf.o counter
refuse "a branch into the window" 2 'tight_loop' attach $programs/tight_loop.bpf.o counter
refuse "a file that is no ELF" 2 'ELF' attach README.md counter
head -c 700 $programs/count.bpf.o >"$tmp/cut.o"
refuse "a truncated ELF" 2 '' attach "$tmp/cut.o" counter
refuse "a file that is not there" 2 'nothing.o' attach nothing.o counter
refuse "a process that is not there" 2 'process' "$BIN/eim-agent" attach --pid 4194000 --program $programs/count.bpf.o --spec tests/integration/spec.yaml --role counter
refuse "an option that is not there" 2 'unknown option --rôle' "$BIN/eim-agent" attach --rôle counter
is "a host that was refused is untouched" "$code_before$shape_before" "$(code_of "$host_pid")$(shape_of "$host_pid")"

# ---- the host ends, the agent dies ----
start_attach $programs/count.bpf.o counter
attached=$started
exec {host_in}>&-
wait_for 100 gone "$host_pid"
wait "$attached"
is "attach ends in peace when the host ends" 0 $?
is "… and says so" GONE "$(jq -r '.links[0].state' "$tmp/out")"
