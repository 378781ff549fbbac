#!/bin/bash
# eimctl against a real controller; the agent is curl, which says what an agent would.
. tests/integration/lib.sh

ctl() { "$BIN/eimctl" "$@"; }
# sync GENERATION MEMBERS: what host web1 says; prints the answer
sync() {
	curl -sS -X POST -H 'Content-Type: application/json' "$EIM_SERVER/v1/hosts/web1:sync" \
		-d "{\"agentVersion\":\"0.1.0\",\"bootId\":\"b\",\"generation\":$1,\"holdSeconds\":0,\"labels\":{\"env\":\"prod\"},$2}"
}
revision() { ctl get policy "$1" -o json | jq -r .revision; }
# link POLICY PID STATE [MORE]: one row of a status
link() {
	printf '{"policy":"%s","revision":"%s","pid":%s,"exe":"/usr/sbin/nginx","entry":"on_request","target":"/usr/sbin/nginx:f","state":"%s"%s}' \
		"$1" "$(revision "$1")" "$2" "$3" "${4:+,$4}"
}
# run COMMAND…: its output in $said, its exit code in $code
run() {
	said=$("$@" 2>&1)
	code=$?
}

start_controller

# ---- apply ----
run ctl apply -f policies/nginx-requests --validate-only
is "validating says so" "spec/nginx valid
program/nginx-requests valid
policy/nginx-requests valid" "$said"
is "… and changes nothing" "no policies no programs no specs" "$(echo $(ctl get policies) $(ctl get programs) $(ctl get specs))"
run ctl apply -f policies/nginx-requests
is "apply creates what is new" "spec/nginx revision 1 created
program/nginx-requests revision 1 created
policy/nginx-requests created" "$said"
run ctl apply -f policies/nginx-requests/policy.yaml
is "apply leaves what is there" "spec/nginx revision 1 unchanged
program/nginx-requests revision 1 unchanged
policy/nginx-requests unchanged" "$said"
is "a program's bytes are as in the file" "$(sha256sum <build/policies/nginx-requests/nginx-requests.bpf.o | cut -c1-64)" \
	"$(ctl get programs nginx-requests -o json | jq -r .digest)"

mkdir "$tmp/pack"
sed 's/max_instructions: 500/max_instructions: 501/' policies/nginx-requests/spec.yaml >"$tmp/pack/spec.yaml"
sed "s|file: .*bpf.o|file: $PWD/build/policies/nginx-requests/nginx-requests.bpf.o|" \
	policies/nginx-requests/policy.yaml >"$tmp/pack/policy.yaml"
run ctl apply -f "$tmp/pack" -o json
is "a changed spec is a new revision, and changes the policy" "created 2 unchanged 1 changed null" \
	"$(jq -r '[.[] | .result, .revision] | map(tostring) | join(" ")' <<<"$said")"

sed -i 's/role: observer/role: obsrver/' "$tmp/pack/policy.yaml"
run ctl apply -f "$tmp/pack"
is "an unknown role ends apply with 2" 2 "$code"
has "… and is named" 'has no role "obsrver"' "$said"
run ctl apply -f "$tmp/nothing"
is "a missing file ends apply with 2" 2 "$code"

# ---- a host, its links ----
sync 0 "\"links\":[$(link nginx-requests 44 ACTIVE '"runs":512'),$(link nginx-requests 1045 PENDING)]" >/dev/null
is "hosts are a table" "NAME  STATE      AGENT  LABELS    ACTIVE  FAILED
web1  CONNECTED  0.1.0  env=prod       1       0" "$(ctl get hosts | awk '{ sub(/ +[^ ]+$/, ""); print }')"
run ctl apply -f policies/nginx-requests --wait 0
is "what is pending when the time is over is a no" 1 "$code"
has "… that says what is missing" "not active after 0 s" "$said"
sync 0 "\"links\":[$(link nginx-requests 44 ACTIVE '"runs":512'),$(link nginx-requests 1045 ACTIVE '"runs":9')]" >/dev/null
run ctl apply -f policies/nginx-requests --wait 20
is "apply --wait ends when all is active" 0 "$code"
has "… and says how much" "policy/nginx-requests active: 2 links on 1 host" "$said"
has "describe shows each link" "web1    44  ACTIVE   512  on_request  /usr/sbin/nginx:f
web1  1045  ACTIVE     9  on_request  /usr/sbin/nginx:f" "$(ctl describe policy nginx-requests)"
has "describe shows a host's links" "nginx-requests  1045  ACTIVE     9  on_request" "$(ctl describe host web1)"

# ---- a rejection ----
run ctl apply -f policies/nginx-peek
words=$(ctl verify build/policies/nginx-peek/nginx-peek.bpf.o --spec policies/nginx-requests/spec.yaml --role observer)
sync 0 "\"links\":[$(link nginx-requests 44 ACTIVE),$(link nginx-peek 0 FAILED "\"code\":\"REJECTED\",\"path\":\"x.c:1\",\"message\":\"role observer may not call bpf_probe_read_user\",\"detail\":$(jq -Rs . <<<"$words")")]" >/dev/null
run ctl apply -f policies/nginx-peek --wait 20
is "a rejection ends apply --wait with 1" 1 "$code"
has "… and shows the verifier's words" "role observer may not call bpf_probe_read_user" "$said"
has "… with the line of C" "nginx-peek.bpf.c:22, in on_request()" "$said"

# ---- several roles ----
together=$(ctl explain --spec tests/integration/together.yaml --role few,many)
has "explain shows what several roles allow together" "role few & many" "$together"
has "… and what not all of them have" "function bpf_get_current_pid_tgid: role few does not have it" "$together"
run ctl verify build/policies/nginx-requests/nginx-requests.bpf.o --spec tests/integration/together.yaml --role few --role many
is "a program keeps to all of its roles" 1 "$code"
has "… or the verdict names them" "role few & many may not call bpf_" "$said"

# ---- maps, events ----
events=$(for i in 1 2 3 4 5; do
	printf '%s{"policy":"nginx-requests","map":"events","timeUnixMs":1790000000%s00,"sequence":%s,"data":{"pid":44,"n":%s}}' "${comma:-}" $i $i $i
	comma=,
done)
sync 0 "\"events\":[$events]" >/dev/null
is "events are a line each" 5 "$(ctl events --policy nginx-requests | wc -l)"
is "events show their fields" "2026-09-21T14:13:20.500Z  web1  nginx-requests/events  pid=44 n=5" "$(ctl events --limit 1)"
is "events are NDJSON" "1 2 3 4 5" "$(ctl events -o json | jq -r .data.n | tr '\n' ' ' | sed 's/ $//')"

answer_query() { # as soon as there is one
	local id
	id=$(sync 0 '"events":[]' | jq -r '.queries[0].id // empty')
	[ -n "$id" ] && sync 0 "\"answers\":[{\"query\":\"$id\",\"value\":{\"elements\":[{\"key\":44,\"value\":512},{\"key\":1045,\"value\":9},{\"key\":{\"a\":1},\"value\":[1,2]}],\"lost\":0}}]" >/dev/null
}
start "$tmp/maps" "$BIN/eimctl" maps nginx-requests requests
wait_for 50 answer_query
wait "$started"
is "maps ends with 0 when all hosts answered" 0 $?
is "a map is a table with its coverage" 'KEY      VALUE
44       512
1045     9
{"a":1}  [1,2]

1 of 1 host answered' "$(cat "$tmp/maps")"
start "$tmp/maps" "$BIN/eimctl" maps nginx-requests requests --by host -o json
wait_for 50 answer_query
wait "$started"
is "maps by host names the host" web1 "$(jq -r '.hosts[0].host' "$tmp/maps")"
is "… and adds up the rest" 512 "$(jq -r '.elements[0].value' "$tmp/maps")"

# ---- delete ----
run ctl delete -f policies/nginx-requests --wait 0
is "what hosts still carry when the time is over is a no" 1 "$code"
has "… that says how much" "links are left" "$said"
sync 0 '"links":[]' >/dev/null
run ctl delete policy nginx-peek --wait 20
is "delete --wait ends when no host carries it" "0 policy/nginx-peek deleted
policy/nginx-peek gone from all hosts" "$code $said"
run ctl delete policy nginx-peek
is "what is not there cannot be deleted" 2 "$code"

# ---- wrong ways ----
run ctl get polices
has "a wrong kind names the nearest" "did you mean policies?" "$said"
run ctl get programs nginx-request
has "a wrong name names the nearest" 'did you mean "nginx-requests"?' "$said"
run ctl get hosts --server http://127.0.0.1:1
is "no controller is an environment's fault" 2 "$code"
has "… and names the URL" "http://127.0.0.1:1/v1/hosts" "$said"
