# Sourced by the controller's scripts: starts a controller in a folder of its own, calls it by curl,
# and prints `ok - …` and `not ok - …` lines. It ends by the process id that it started.

BIN=${BIN:-build/bin}
programs=build/tests/programs
work=$(mktemp -d)
controller_pid=
failed=0
extra_pids=()

finish() {
	local code=$?
	local pid
	for pid in "${extra_pids[@]}" $controller_pid; do
		kill "$pid" 2>/dev/null || true
	done
	for pid in "${extra_pids[@]}" $controller_pid; do
		wait "$pid" 2>/dev/null || true
	done
	rm -rf "$work"
	if [ "$code" -eq 0 ] && [ "$failed" -ne 0 ]; then exit 1; fi
	exit "$code"
}
trap finish EXIT

# result CODE SENTENCE [EVIDENCE]: one line of the report.
result() {
	if [ "$1" -eq 0 ]; then
		echo "ok - $2"
	else
		echo "not ok - $2"
		sed 's/^/# /' <<<"${3-}" | head -n 20
		failed=1
	fi
}

# until_true COMMAND…: tries it until it succeeds, for about ten seconds.
until_true() {
	local i
	for ((i = 0; i < 500; i++)); do
		if "$@"; then return 0; fi
		read -rt 0.02 <> <(:) || true
	done
	return 1
}

has_line() { grep -q '^listening on ' "$work/stdout" 2>/dev/null; }

# start_controller: on a port of its own, over the same data each time. Sets url, controller_pid.
start_controller() {
	: >"$work/stdout"
	"$BIN/eim-controller" --data "$work/data" --listen 127.0.0.1:0 --insecure-loopback \
		>"$work/stdout" 2>>"$work/stderr" &
	controller_pid=$!
	until_true has_line || {
		echo "not ok - the controller starts"
		cat "$work/stderr"
		exit 1
	}
	url=$(sed -n 's/^listening on //p' "$work/stdout")
}

# stop_controller SIGNAL: sets stop_code.
stop_controller() {
	stop_code=0
	kill -"$1" "$controller_pid"
	wait "$controller_pid" 2>/dev/null || stop_code=$?
	controller_pid=
}

# call METHOD PATH [CURL-ARGUMENT…]: sets status, body, and headers (a file).
call() {
	local method=$1 path=$2
	shift 2
	headers="$work/headers"
	status=$(curl -sS -m 60 -X "$method" -o "$work/body" -D "$headers" -w '%{http_code}' \
		"$@" "$url$path" 2>"$work/curl.err") || status="curl: $(cat "$work/curl.err")"
	body=$(tr -d '\0' <"$work/body" 2>/dev/null || true)
}

# expect STATUS JQ-CONDITION SENTENCE: of the last call.
expect() {
	local code=0
	if [ "$status" != "$1" ]; then
		code=1
	elif [ -n "$2" ] && ! jq -e "$2" <<<"$body" >/dev/null 2>&1; then
		code=1
	fi
	result $code "$3" "status $status, wanted $1 with $2
$body"
}

# expect_error STATUS NAME PATH PART SENTENCE: an error body with that status name, first path, and a
# message that contains PART.
expect_error() {
	expect "$1" ".error.code == $1 and .error.status == \"$2\" and
		(.error.details[0].path == \"$3\") and
		(.error.details | map(.message) | join(\"\\n\") | contains(\"$4\"))" "$5"
}

# upload_program NAME FILE: a blob and a revision. Sets digest.
upload_program() {
	digest=$(sha256sum "$2" | cut -d' ' -f1)
	call PUT "/v1/blobs/sha256/$digest" -T "$2"
	call POST "/v1/programs/$1/revisions" -d "{\"digest\":\"$digest\"}"
}

spec_text='{
  "capabilities": [{"name": "Maps", "apis": ["bpf_map_lookup_elem"]}],
  "roles": [{"name": "counter", "capabilities": ["Maps"]}]
}'

# policy_text NAME PROGRAM SPEC ROLE LABELS EXE: a policy document as JSON.
policy_text() {
	printf '{"apiVersion":"eim/v1","kind":"Policy","metadata":{"name":"%s"},"spec":{
	"program":{"name":"%s","file":"x.bpf.o"},"eim":{"name":"%s","role":"%s","file":"spec.yaml"},
	"hosts":{"matchLabels":%s},"processes":{"exe":"%s"}}}' "$@"
}
