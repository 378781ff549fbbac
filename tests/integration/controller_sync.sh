#!/bin/bash
#
# Agents and the controller: desired state by labels, the long poll and what ends it, status, queries,
# events, and that kill -9 loses nothing acknowledged. The agents are curl.
set -euo pipefail
# shellcheck source=tests/integration/controller_lib.bash
source tests/integration/controller_lib.bash

start_controller
upload_program count "$programs/maps.bpf.o"
call POST /v1/specs/web/revisions -d "$spec_text"
call PUT /v1/policies/front -d "$(policy_text front count web counter '{"env":"prod"}' /usr/bin/true)"
revision=$(jq -r .revision <<<"$body")

held() {
	local text
	text=$(curl -sS "$url/metrics")
	grep -q "^eim_controller_held_syncs $1\$" <<<"$text"
}

# hold HOST NAME BODY: a sync in the background; its answer goes to $work/NAME, its status to NAME.code.
hold() {
	curl -sS -m 60 -o "$work/$2" -w '%{http_code}' -d "$3" "$url/v1/hosts/$1:sync" \
		>"$work/$2.code" 2>"$work/$2.err" &
	hold_pid=$!
	extra_pids+=("$hold_pid")
}

# ended NAME PID STATUS JQ-CONDITION SENTENCE: the sync in the background has ended like that.
ended() {
	wait "$2" || true
	status=$(cat "$work/$1.code")
	body=$(cat "$work/$1" 2>/dev/null || true)
	expect "$3" "$4" "$5"
}

# ---- desired state ----

prod='"labels":{"env":"prod"},"agentVersion":"1.0","bootId":"b1"'
call POST /v1/hosts/web-1:sync -d "{$prod}"
expect 200 ".policies[0].name == \"front\" and .policies[0].revision == \"$revision\" and
	.policies[0].programDigest == \"$digest\" and .policies[0].role == \"counter\" and
	(.policies[0].specText | contains(\"counter\")) and .generation > 0" "a host gets the policies of its labels"
generation=$(jq .generation <<<"$body")
call POST /v1/hosts/db-1:sync -d '{"labels":{"env":"test"}}'
expect 200 '.policies == [] and .generation > 0' "a host of other labels gets an empty state"
empty_generation=$(jq .generation <<<"$body")
call POST /v1/hosts/web-2:sync -d "{$prod}"
expect 200 ".generation == $generation" "the same state has the same generation"
call POST /v1/hosts/web-1:sync -d "{$prod,\"generation\":$generation}"
expect 204 '' "a host that has it all hears nothing"

# ---- the long poll ----

idle="{$prod,\"generation\":$generation,\"holdSeconds\":50}"
hold web-1 first "$idle"; first=$hold_pid
until_true held 1 && code=0 || code=1
result $code "a sync without news is held"
hold web-1 second "$idle"; second=$hold_pid
ended first "$first" 204 '' "a newer sync ends the older one"
until_true held 1 && code=0 || code=1
result $code "the newer sync is held in its place"
call PUT /v1/policies/front -d "$(policy_text front count web counter '{"env":"prod"}' /usr/bin/false)"
ended second "$second" 200 '.policies[0].exe == "/usr/bin/false"' "a changed policy wakes the held sync"
[ "$(jq .generation <<<"$body")" -gt "$generation" ] && code=0 || code=1
result $code "a changed state has a higher generation"
generation=$(jq .generation <<<"$body")
revision=$(jq -r '.policies[0].revision' <<<"$body")

idle="{$prod,\"generation\":$generation,\"holdSeconds\":50}"
hold web-1 third "$idle"; third=$hold_pid
until_true held 1 || true
kill -9 "$third"; wait "$third" 2>/dev/null || true
until_true held 0 && code=0 || code=1
result $code "a held sync whose client is gone is cleaned up"
hold db-1 idle "{\"labels\":{\"env\":\"test\"},\"generation\":$empty_generation,\"holdSeconds\":1}"; idle_pid=$hold_pid
ended idle "$idle_pid" 204 '' "a hold ends with 204 when its time is over"

# ---- status ----

link="{\"policy\":\"front\",\"revision\":\"$revision\",\"pid\":7,\"exe\":\"/usr/bin/false\",\"entry\":\"on_x\",\"target\":\"/usr/bin/false:x\",\"state\":\"ACTIVE\",\"runs\":3}"
failure="{\"policy\":\"front\",\"revision\":\"$revision\",\"state\":\"FAILED\",\"code\":\"REJECTED\",\"message\":\"no right to call\",\"path\":\"a.c:3\",\"detail\":\"log\",\"verdict\":{\"verdict\":\"rejected\",\"rule\":\"call-not-granted\",\"path\":[{\"insn\":3,\"taken\":true}]}}"
call POST /v1/hosts/web-1:sync -d "{$prod,\"generation\":$generation,\"links\":[$link]}"
call POST /v1/hosts/web-2:sync -d "{$prod,\"generation\":$generation,\"links\":[$failure]}"
call GET /v1/policies/front
expect 200 '.status.counts == {"pending":0,"active":1,"failed":1,"skipped":0} and
	.status.coverage.matched == 2 and .status.coverage.reported == 2 and
	(.status.failures | length) == 1 and .status.failures[0].code == "REJECTED" and
	.status.failures[0].host == "web-2" and .status.failures[0].detail == "log" and
	.status.failures[0].verdict.rule == "call-not-granted" and .status.failures[0].verdict.path[0].taken and
	(.status.links[] | select(.state == "FAILED") | .verdict.verdict) == "rejected" and
	.status.links[0].host == "web-1" and .status.links[0].runs == 3' "a policy tells what became of it"
call GET /v1/hosts/web-2; expect 200 '.links[0].verdict.rule == "call-not-granted"' "a host's link tells the rule"
long=$(head -c 40000 /dev/zero | tr '\0' x)
call POST /v1/hosts/web-2:sync -d "{$prod,\"generation\":$generation,\"links\":[{\"policy\":\"front\",\"state\":\"FAILED\",\"verdict\":{\"x\":\"$long\"}}]}"
expect_error 400 INVALID_ARGUMENT /links/0/verdict "longer than 32768 bytes" "a verdict that is too long is refused"
call POST /v1/hosts/web-2:sync -d "{$prod,\"generation\":$generation,\"links\":[{\"policy\":\"front\",\"state\":\"FAILED\",\"verdict\":\"no\"}]}"
expect_error 400 INVALID_ARGUMENT /links/0/verdict "map" "a verdict that is no object is refused"
call GET '/v1/policies/front?pageSize=1'
expect 200 '(.status.links | length) == 1 and .status.nextPageToken == "web-2:0"' "its links come in pages"
call GET '/v1/policies/front?pageSize=1&pageToken=web-2:0'
expect 200 '.status.links[0].host == "web-2" and .status.nextPageToken == ""' "the next page of links goes on"
call GET /v1/hosts/web-1
expect 200 ".labels.env == \"prod\" and .connected and .generation == $generation and
	.desiredGeneration == $generation and .links[0].entry == \"on_x\" and .counts.active == 1" "a host tells what it runs"
call GET /v1/hosts; expect 200 '[.hosts[].name] == ["db-1","web-1","web-2"]' "hosts are listed by name"
call GET '/v1/hosts?pageSize=2'; expect 200 '.nextPageToken == "web-1"' "hosts come in pages"
call GET '/v1/hosts?pageSize=2&pageToken=web-1'; expect 200 '[.hosts[].name] == ["web-2"] and .nextPageToken == ""' "the next page of hosts goes on"
call GET /v1/hosts/web1; expect_error 404 NOT_FOUND "" 'did you mean \"web-1\"' "a wrong host hints at the right one"
call DELETE /v1/hosts/web-1; expect 400 '.error.message | contains("connected")' "a connected host is not forgotten"

# ---- queries ----

active2="{$prod,\"generation\":$generation,\"links\":[$link]"
call POST /v1/hosts/web-2:sync -d "$active2}"
hold web-1 poll1 "{$prod,\"generation\":$generation,\"holdSeconds\":50}"; poll1=$hold_pid
hold web-2 poll2 "{$prod,\"generation\":$generation,\"holdSeconds\":50}"; poll2=$hold_pid
until_true held 2 || true
curl -sS -m 60 -o "$work/query" -w '%{http_code}' -d '{"policy":"front","map":"hits","timeout":"30s"}' \
	"$url/v1/queries" >"$work/query.code" 2>"$work/query.err" &
query=$!
extra_pids+=("$query")
ended poll1 "$poll1" 200 '.queries[0].map == "hits" and (has("policies") | not)' "a query wakes the first host"
id1=$(jq -r '.queries[0].id' <<<"$body")
ended poll2 "$poll2" 200 '.queries[0].policy == "front"' "a query wakes the second host"
id2=$(jq -r '.queries[0].id' <<<"$body")
call POST /v1/hosts/web-1:sync -d "{$prod,\"generation\":$generation,\"answers\":[{\"query\":\"$id1\",\"value\":{\"elements\":[{\"key\":1,\"value\":10},{\"key\":2,\"value\":5}]}}]}"
call POST /v1/hosts/web-2:sync -d "{$prod,\"generation\":$generation,\"answers\":[{\"query\":\"$id2\",\"value\":{\"elements\":[{\"key\":1,\"value\":32}],\"lost\":4}}]}"
ended query "$query" 200 '.coverage == {"answered":2,"of":2} and .lost == 4 and
	.elements == [{"key":1,"value":42},{"key":2,"value":5}] and
	.hosts == [{"host":"web-1"},{"host":"web-2"}]' "answers of all hosts are merged"
call POST /v1/queries -d '{"policy":"front","map":"hits","timeout":"1ms","byHost":true}'
expect 200 '.coverage == {"answered":0,"of":2} and (.hosts[0].error | contains("no answer"))' "a query ends with its timeout and says who is missing"
call POST /v1/hosts/web-1:sync -d "{$prod,\"generation\":$generation,\"answers\":[{\"query\":\"q999\",\"error\":\"x\"}]}"
expect 204 '' "an answer to no question is dropped"

# ---- events ----

events="\"events\":[{\"policy\":\"front\",\"map\":\"log\",\"timeUnixMs\":1700000000123,\"sequence\":1,\"data\":{\"n\":1}},{\"policy\":\"unknown\",\"map\":\"log\",\"sequence\":1}]"
call POST /v1/hosts/web-1:sync -d "{$prod,\"generation\":$generation,$events}"
call GET '/v1/events:tail?policy=front'
expect 200 '.host == "web-1" and .time == "2023-11-14T22:13:20.123Z" and .sequence == 1 and .data.n == 1' "events are kept for who asks later"
grep -qi '^Content-Type: application/x-ndjson' "$headers" && code=0 || code=1
result $code "events are lines of JSON"
listeners() {
	local text
	text=$(curl -sS "$url/metrics")
	grep -q "^eim_controller_event_listeners $1\$" <<<"$text"
}
curl -sSN -m 60 "$url/v1/events:tail?follow=true&max=2" >"$work/tail" 2>"$work/tail.err" &
tail=$!
extra_pids+=("$tail")
until_true listeners 1 && code=0 || code=1
result $code "a follower listens"
call POST /v1/hosts/web-2:sync -d "{$prod,\"generation\":$generation,\"events\":[{\"policy\":\"front\",\"map\":\"log\",\"sequence\":9,\"data\":\"x\"}]}"
wait "$tail" && code=0 || code=1
jq -se 'length == 2 and .[0].data.n == 1 and .[1].host == "web-2" and .[1].sequence == 9' "$work/tail" >/dev/null || code=1
result $code "a follower gets what was kept and what comes, and ends at its maximum" "$(cat "$work/tail")"
curl -sSN -m 60 "$url/v1/events:tail?follow=true" >"$work/tail2" 2>&1 &
tail=$!
until_true listeners 1 || true
kill -9 "$tail"; wait "$tail" 2>/dev/null || true
until_true listeners 0 && code=0 || code=1
result $code "a follower that is gone is cleaned up"

# ---- nothing acknowledged is lost ----

call GET /v1/policies/front; before=$(jq -cS '{etag,revision,document,resolved,createTime}' <<<"$body")
hold web-1 cut "{$prod,\"generation\":$generation,\"holdSeconds\":50}"; cut=$hold_pid
until_true held 1 || true
stop_controller KILL
wait "$cut" 2>/dev/null || true
start_controller
call GET /v1/policies/front; after=$(jq -cS '{etag,revision,document,resolved,createTime}' <<<"$body")
[ "$before" = "$after" ] && code=0 || code=1
result $code "a policy survives kill -9" "$before
$after"
expect 200 '.status.counts.active == 2' "the status survives kill -9"
call GET /v1/hosts; expect 200 '[.hosts[] | select(.connected)] == [] and (.hosts | length) == 3' "hosts survive kill -9, not connected"
call GET "/v1/blobs/sha256/$digest"; cmp -s "$work/body" "$programs/maps.bpf.o" && code=0 || code=1
result $code "blobs survive kill -9"
call POST /v1/hosts/web-1:sync -d "{$prod,\"generation\":$generation}"
expect 204 '' "generations survive kill -9: an agent that has it all hears nothing"
call DELETE /v1/hosts/db-1; expect 200 '' "a host that is not connected is forgotten"
call GET /v1/hosts/db-1; expect 404 '' "a forgotten host is gone"

# ---- taking back ----

hold web-1 last "{$prod,\"generation\":$generation,\"holdSeconds\":50}"; last=$hold_pid
until_true held 1 || true
call DELETE /v1/policies/front
ended last "$last" 200 '.policies == []' "a deleted policy is taken back at once"
generation=$(jq .generation <<<"$body")
call GET /v1/policies/front; expect 200 '.state == "DELETING" and .status.counts.active == 2' "a deleted policy shows until hosts put it away"
call POST /v1/hosts/web-1:sync -d "{$prod,\"generation\":$generation,\"links\":[]}"
call POST /v1/hosts/web-2:sync -d "{$prod,\"generation\":$generation,\"links\":[]}"
call GET /v1/policies/front; expect 404 '' "a policy that all have put away is gone"

hold web-1 end "{$prod,\"generation\":$generation,\"holdSeconds\":50}"; end=$hold_pid
until_true held 1 || true
stop_controller TERM
[ "$stop_code" -eq 0 ] && code=0 || code=1
result $code "it ends cleanly while a sync is held"
ended end "$end" 204 '' "a held sync is answered when the controller ends"
