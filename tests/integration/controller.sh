#!/bin/bash
#
# The controller's resources, each by curl: what they take, what they refuse and with which words.
set -euo pipefail
# shellcheck source=tests/integration/controller_lib.bash
source tests/integration/controller_lib.bash

# ---- the command line ----

# refused SENTENCE WORDS ARGUMENT…: exit 2 with these words on stderr.
refused() {
	local sentence=$1 words=$2 code=0 text
	shift 2
	text=$("$BIN/eim-controller" "$@" 2>&1 >/dev/null) || code=$?
	[ "$code" -eq 2 ] && grep -qF -- "$words" <<<"$text" && code=0 || code=1
	result $code "$sentence" "$text"
}

refused "an address that others reach is refused without TLS" "needs TLS" --data "$work/x" --listen 0.0.0.0:0
refused "TLS is refused, not ignored" "not available in this version" --data "$work/x" --tls-cert a --tls-key b
refused "PostgreSQL is refused, not ignored" "not available in this version" --data "$work/x" --store postgresql://db
refused "a missing --data is named" "--data DIR is missing" --listen 127.0.0.1:0
refused "a wrong address is shown with a right one" "like 127.0.0.1:8080" --data "$work/x" --listen nowhere
refused "an unknown option is refused" "--help" --data "$work/x" --nonsense
refused "a stray word is refused" "is no option" --data "$work/x" stray
"$BIN/eim-controller" --help | grep -q -- "--listen ADDR:PORT" && code=0 || code=1
result $code "--help shows the options"
"$BIN/eim-controller" --version | grep -Eq '^eim-controller [0-9]+\.[0-9]+' && code=0 || code=1
result $code "--version shows the version"

start_controller
[ "$(wc -l <"$work/stdout")" -eq 1 ] && grep -Eq '^listening on http://127\.0\.0\.1:[0-9]+$' "$work/stdout" &&
	code=0 || code=1
result $code "it prints exactly one line, with its address" "$(cat "$work/stdout")"
refused "a second controller over the same data is refused" "in use by another controller" --data "$work/data" --listen 127.0.0.1:0
refused "a port that is taken is refused" "--listen ${url#http://}" --data "$work/y" --listen "${url#http://}"

# ---- the server ----

call GET /healthz; expect 200 '.status == "ok"' "it is healthy"
call GET /readyz; expect 200 '.status == "ok"' "it is ready"
call GET /v1/polcies; expect_error 404 NOT_FOUND "" "the nearest is GET /v1/policies" "an unknown route names the nearest"
call POST /v1/hosts/a:snyc -d '{}'; expect_error 404 NOT_FOUND "" "/v1/hosts/{host}:sync" "an unknown verb names the nearest"
call PATCH /v1/specs; expect_error 405 UNIMPLEMENTED "" "only GET, HEAD" "a wrong method is refused"
grep -qi '^Allow: GET, HEAD' "$headers" && code=0 || code=1
result $code "a wrong method's answer has Allow" "$(cat "$headers")"
grep -qi '^Content-Type: application/json' "$headers" && code=0 || code=1
result $code "an error is JSON"
call GET /healthz -I
[ "$status" = 200 ] && grep -qi '^Content-Length: 16' "$headers" && ! grep -q '"ok"' <<<"$body" && code=0 || code=1
result $code "HEAD answers as GET, without a body" "$body"
call POST /v1/queries -d '{"policy":'; expect_error 400 INVALID_ARGUMENT "1:10" "not JSON" "broken JSON is refused with its place"
call POST /v1/queries -d ''; expect_error 400 INVALID_ARGUMENT "" "needs a body" "a missing body is named"
call GET '/v1/specs?pagesize=1'; expect_error 400 INVALID_ARGUMENT "" 'did you mean \"pageSize\"' "an unknown parameter is refused"
call GET '/v1/specs?pageSize=0'; expect_error 400 INVALID_ARGUMENT "" "from 1 to" "a page size of 0 is refused"
call GET '/v1/specs?pageSize=%zz'; expect_error 400 INVALID_ARGUMENT "" "bad %" "bad percent-encoding is refused"
call GET '/v1/specs/a%00b'; expect_error 400 INVALID_ARGUMENT "" "a NUL" "a NUL in the path is refused"
call GET /v1/specs -H 'Host: evil.example'; expect_error 403 PERMISSION_DENIED "" "is not this server" "a foreign Host is refused"
call POST /v1/queries -H 'Origin: http://evil.example' -d '{}'; expect_error 403 PERMISSION_DENIED "" "evil.example" "a foreign web page is refused"
call GET /healthz -d 'a body'; expect_error 413 OUT_OF_RANGE "" "at most 0 bytes" "a body where none belongs is refused"
head -c 300000 /dev/zero >"$work/large"
call PUT /v1/policies/p --data-binary "@$work/large"; expect_error 413 OUT_OF_RANGE "" "at most 262144 bytes" "a large body is refused"
call PUT /v1/policies/p -H 'Transfer-Encoding: chunked' --data-binary "@$work/large"
expect_error 413 OUT_OF_RANGE "" "at most 262144 bytes" "a large body without a length is refused"
call PUT /v1/policies/p -H 'Expect: 100-continue' --data-binary "@$work/large"
expect_error 413 OUT_OF_RANGE "" "at most" "a large body is refused before it is sent"

# ---- specs ----

call POST /v1/specs/web/revisions -d "$spec_text"; expect 201 '.revision == 1 and .roles == ["counter"]' "a spec gets revision 1"
call POST /v1/specs/web/revisions -d "$spec_text"; expect 200 '.revision == 1' "the same spec again is the same revision"
call POST /v1/specs/web/revisions --data-binary $'roles:\n  - name: counter\n    capabilities: []\n  - name: other\n    capabilities: []\n'
expect 201 '.revision == 2 and .roles == ["counter","other"]' "a changed spec, as YAML, gets revision 2"
call POST '/v1/specs/check/revisions?validateOnly=true' -d "$spec_text"; expect 200 '.roles == ["counter"]' "a spec can be checked only"
call GET /v1/specs/check; expect_error 404 NOT_FOUND "" "no spec" "a checked spec is not stored"
call GET /v1/specs/web; expect 200 '.revision == 2 and (.text | contains("other"))' "a spec reads as its latest revision"
call GET /v1/specs/web/revisions/1; expect 200 '.revision == 1 and (.text | contains("bpf_map_lookup_elem"))' "an old revision stays"
call GET /v1/specs/web/revisions; expect 200 '[.revisions[].revision] == [2,1] and .revisions[0].text == null' "revisions list the newest first, without text"
call GET '/v1/specs/web/revisions?pageSize=1'; expect 200 '[.revisions[].revision] == [2] and .nextPageToken != ""' "a page ends where asked"
token=$(jq -r .nextPageToken <<<"$body")
call GET "/v1/specs/web/revisions?pageSize=1&pageToken=$token"; expect 200 '[.revisions[].revision] == [1] and .nextPageToken == ""' "the next page goes on"
call GET '/v1/specs/web/revisions?pageToken=nonsense'; expect_error 400 INVALID_ARGUMENT "" "pageToken" "a wrong page token is refused"
call GET /v1/specs/web/revisions/9; expect_error 404 NOT_FOUND "" "has no revision 9" "a missing revision is named"
call GET /v1/specs/web/revisions/x; expect_error 400 INVALID_ARGUMENT "" "number from 1" "a revision is a number"
call GET /v1/specs; expect 200 '[.specs[].name] == ["web"]' "specs are listed"
call GET /v1/specs/wbe; expect_error 404 NOT_FOUND "" 'did you mean \"web\"' "a wrong name hints at the right one"
call GET /v1/specs/Web; expect_error 400 INVALID_ARGUMENT "" "no spec name" "a name with capitals is refused"
call POST /v1/specs/bad/revisions -d '{"rolls": []}'; expect 400 '.error.details[0].path == "/rolls" and (.error.details[0].message | contains("did you mean \"roles\""))' "a spec with an unknown key is refused at the key"
call POST /v1/specs/bad/revisions --data-binary $'roles: [\n'; expect 400 '.error.details[0].path | test("^[0-9]+:[0-9]+$")' "broken YAML is refused with its place"

# ---- blobs and programs ----

digest=$(sha256sum "$programs/maps.bpf.o" | cut -d' ' -f1)
zeros=$(printf '0%.0s' {1..64})
call PUT "/v1/blobs/sha256/$digest" -T "$programs/maps.bpf.o"; expect 201 ".digest == \"$digest\"" "a blob is stored"
call PUT "/v1/blobs/sha256/$digest" -T "$programs/maps.bpf.o"; expect 200 ".digest == \"$digest\"" "the same blob again changes nothing"
call PUT "/v1/blobs/sha256/$zeros" -d 'abc'; expect_error 400 INVALID_ARGUMENT "" "ba7816bf" "bytes under a wrong digest are refused"
call PUT "/v1/blobs/sha256/xyz" -d 'abc'; expect_error 400 INVALID_ARGUMENT "" "no SHA-256" "a digest that is none is refused"
call GET "/v1/blobs/sha256/$digest"; cmp -s "$work/body" "$programs/maps.bpf.o" && code=0 || code=1
result $code "a blob reads as it was written"
call GET "/v1/blobs/sha256/$digest" -H "If-None-Match: \"$digest\""; expect 304 '' "a blob that is known is not sent again"
call GET "/v1/blobs/sha256/$digest" -I; expect 200 '' "HEAD tells that a blob is there"
call GET "/v1/blobs/sha256/$zeros"; expect_error 404 NOT_FOUND "" "no blob" "a missing blob is named"
call POST /v1/programs/count/revisions -d "{\"digest\":\"$digest\"}"
expect 201 '.revision == 1 and (.entries | length) >= 1 and (.maps | length) >= 1' "a program tells its entries and maps"
call POST /v1/programs/count/revisions -d "{\"digest\":\"$digest\"}"; expect 200 '.revision == 1' "the same program again is the same revision"
call POST /v1/programs/count/revisions -d "{\"digest\":\"$zeros\"}"; expect_error 404 NOT_FOUND "/digest" "upload it first" "a program needs its blob"
call POST /v1/programs/count/revisions -d '{"digest":"12"}'; expect_error 400 INVALID_ARGUMENT "/digest" "no SHA-256" "a program needs a digest"
call POST /v1/programs/count/revisions -d '{}'; expect_error 400 INVALID_ARGUMENT "" 'key \"digest\" is missing' "a missing key is named"
call POST /v1/programs/count/revisions -d '[1]'; expect_error 400 INVALID_ARGUMENT "" "must be a map" "a body of another kind is refused"
text_digest=$(printf 'no object' | sha256sum | cut -d' ' -f1)
call PUT "/v1/blobs/sha256/$text_digest" -d 'no object'
call POST /v1/programs/count/revisions -d "{\"digest\":\"$text_digest\"}"; expect 400 '.error.status == "INVALID_ARGUMENT"' "what is no eBPF object is refused"
call GET /v1/programs/count; expect 200 ".digest == \"$digest\"" "a program reads as its latest revision"
call GET /v1/programs; expect 200 '[.programs[].name] == ["count"]' "programs are listed"
call GET /v1/programs/count/revisions; expect 200 '.revisions | length == 1' "a program's revisions are listed"
call GET /v1/programs/count/revisions/1; expect 200 '.revision == 1' "one revision of a program is read"

# ---- policies ----

policy=$(policy_text front count web counter '{"env":"prod"}' /usr/bin/true)
call PUT /v1/policies/front -d "$policy"
expect 201 '.name == "front" and .resolved.program.revision == 1 and .resolved.eim.revision == 2 and
	(.document.spec.program | has("file") | not) and .state == "ACTIVE"' "a policy resolves its names"
etag=$(jq -r .etag <<<"$body")
grep -qi "^ETag: \"$etag\"" "$headers" && code=0 || code=1
result $code "a policy's etag is also a header" "$(cat "$headers")"
call GET /v1/policies/front; expect 200 ".etag == \"$etag\" and .document.spec.hosts.matchLabels.env == \"prod\" and .status.counts.active == 0" "a policy reads as it was written"
call GET /v1/policies/front -H "If-None-Match: \"$etag\""; expect 304 '' "a policy that is known is not sent again"
call PUT /v1/policies/front -H 'If-Match: "0"' -d "$policy"; expect 412 '.error.message | contains("read it again")' "a write over another etag is refused"
call PUT /v1/policies/front -H 'If-Match: 0' -d "$policy"; expect_error 400 INVALID_ARGUMENT "" "in quotes" "an etag needs its quotes"
call PUT /v1/policies/front -H 'If-None-Match: *' -d "$policy"; expect 409 '.error.status == "ALREADY_EXISTS"' "a policy that must be new is refused where there is one"
call PUT /v1/policies/none -H 'If-Match: *' -d "$(policy_text none count web counter '{}' /bin/x)"; expect 404 '' "a policy that must exist is refused where there is none"
call PUT "/v1/policies/front?validateOnly=true" -d "$(policy_text front count web other '{}' /bin/x)"; expect 200 '.document.spec.eim.role == "other"' "a policy can be checked only"
call PUT "/v1/policies/front?validateOnly=true" -d "$(policy_text front count web other '{}' /bin/x | sed 's/"role":"other"/"roles":["other","counter"]/')"
expect 200 '.document.spec.eim.roles == ["counter","other"] and .document.spec.eim.role == null' "a policy may have several roles"
call PUT "/v1/policies/front?validateOnly=true" -d "$(policy_text front count web other '{}' /bin/x | sed 's/"role":"other"/"roles":["othr","counter"]/')"
expect_error 404 NOT_FOUND /spec/eim/roles othr "an unknown one of several roles is named"
call GET /v1/policies/front; expect 200 ".etag == \"$etag\"" "a checked policy is not stored"
call PUT "/v1/policies/front?requestId=r-1" -H "If-Match: \"$etag\"" -d "$policy"; expect 200 ".etag != \"$etag\"" "a write over the right etag gets a new one"
call PUT /v1/policies/front -H 'Content-Type: application/yaml' --data-binary 'apiVersion: eim/v1
kind: Policy
metadata: { name: front }
spec:
  program: { name: count, revision: 1 }
  eim: { name: web, revision: 1, role: counter }
  processes: { exe: /usr/bin/true }
'
expect 200 '.resolved.eim.revision == 1' "a policy as YAML with pinned revisions is taken"
call PUT /v1/policies/other -d "$policy"; expect_error 400 INVALID_ARGUMENT /metadata/name front "a document of another name is refused"
call PUT /v1/policies/p1 -d "$(policy_text p1 cuont web counter '{}' /bin/x)"; expect_error 404 NOT_FOUND /spec/program 'did you mean \"count\"' "an unknown program hints at the right one"
call PUT /v1/policies/p1 -d "$(policy_text p1 count wbe counter '{}' /bin/x)"; expect_error 404 NOT_FOUND /spec/eim 'did you mean \"web\"' "an unknown spec hints at the right one"
call PUT /v1/policies/p1 -d "$(policy_text p1 count web coutner '{}' /bin/x)"; expect_error 404 NOT_FOUND /spec/eim/role counter "an unknown role hints at the right one"
call PUT /v1/policies/p1 -d "$(policy_text p1 count web counter '{}' bin/x)"; expect_error 400 INVALID_ARGUMENT /spec/processes/exe "no absolute path" "a relative path is refused"
call PUT /v1/policies/p1 -d "$(policy_text p1 count web counter '{"a":1}' /bin/x)"; expect_error 400 INVALID_ARGUMENT /spec/hosts/matchLabels/a "a label is text" "a label that is no text is refused"
call PUT /v1/policies/p1 -d "$(policy_text p1 count web counter '{}' /bin/x | sed 's/"processes"/"rollout":{"steps":[]},"processes"/')"
expect_error 501 UNIMPLEMENTED /spec/rollout "not available in this version" "a rollout is refused, not ignored"
call PUT /v1/policies/p1 -d "$(policy_text p1 count web counter '{}' /bin/x | sed 's/"processes"/"proceses"/')"
expect 400 '[.error.details[].path] | contains(["/spec/proceses"])' "a misspelt section is refused at its place"
call PUT /v1/policies/p1 -d '{"apiVersion":"eim/v2","kind":"Polcy","spec":{}}'
expect 400 '[.error.details[].path] | contains(["/apiVersion","/kind"])' "all that is wrong is told at once"
call GET /v1/policies; expect 200 '[.policies[].name] == ["front"] and .policies[0].status.links == null' "policies are listed, without links"
call GET /v1/policies/frnot; expect_error 404 NOT_FOUND "" 'did you mean \"front\"' "a wrong policy hints at the right one"
call DELETE /v1/policies/front -H 'If-Match: "1"'; expect 412 '' "a delete over another etag is refused"
call DELETE "/v1/policies/front?validateOnly=true"; expect 200 '' "a delete can be checked only"
call DELETE /v1/policies/front; expect 200 '. == {}' "a policy is deleted"
call GET /v1/policies/front; expect 404 '' "a deleted policy that no host has is gone"
call DELETE /v1/policies/front; expect 404 '' "a deleted policy cannot be deleted"

# ---- hosts, queries, events, the log ----

call GET /v1/hosts; expect 200 '.hosts == []' "there is no host yet"
call GET /v1/hosts/a; expect_error 404 NOT_FOUND "" "no host" "a missing host is named"
call DELETE /v1/hosts/a; expect 404 '' "a missing host cannot be forgotten"
call POST /v1/hosts/a:sync -d '{"links":[{"policy":"p","state":"ACTIVEE"}]}'; expect_error 400 INVALID_ARGUMENT /links/0/state "did you mean ACTIVE" "a sync with a wrong state is refused at its place"
call POST /v1/hosts/a:sync -d '{"holdSeconds":56}'; expect_error 400 INVALID_ARGUMENT /holdSeconds "more than 55" "a hold that is too long is refused"
call POST /v1/hosts/A:sync -d '{}'; expect_error 400 INVALID_ARGUMENT "" "no host name" "a host's name is checked"
call POST /v1/queries -d '{"policy":"nope","map":"m"}'; expect_error 404 NOT_FOUND /policy "no policy" "a query of an unknown policy is refused"
call POST /v1/queries -d '{"policy":"nope","map":"m","timeout":"5 parsecs"}'; expect_error 400 INVALID_ARGUMENT /timeout "no duration" "a query's timeout is checked"
call GET '/v1/events:tail?policy=nope'; expect_error 404 NOT_FOUND "" "no policy" "events of an unknown policy are refused"
call GET '/v1/events:tail?max=0'; expect_error 400 INVALID_ARGUMENT "" "from 1" "a maximum of 0 events is refused"
call GET '/v1/events:tail?follow=maybe'; expect_error 400 INVALID_ARGUMENT "" "true or false" "a flag is true or false"
call GET /v1/audit; expect 200 '.entries[0].action == "delete" and .entries[0].resource == "policies/front" and
	([.entries[].requestId] | contains(["r-1"])) and (.entries[0].actor | contains("127.0.0.1"))' "writes are in the log, the newest first"
call GET '/v1/audit?pageSize=2'; expect 200 '(.entries | length) == 2 and .nextPageToken != ""' "the log is read in pages"
call GET /metrics
for name in requests_total held_syncs hosts policies events_total store_errors_total; do
	grep -q "^eim_controller_$name" <<<"$body" && code=0 || code=1
	result $code "the metrics have $name"
done
grep -q 'route="/v1/policies/{policy}",code="412"' <<<"$body" && code=0 || code=1
result $code "requests are counted by route and status" "$body"

stop_controller TERM
[ "$stop_code" -eq 0 ] && code=0 || code=1
result $code "it ends cleanly on SIGTERM" "exit $stop_code"
start_controller
stop_controller INT
[ "$stop_code" -eq 0 ] && code=0 || code=1
result $code "it ends cleanly on SIGINT" "exit $stop_code"
