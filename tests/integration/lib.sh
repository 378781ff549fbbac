# Common to the scenario tests: source it. Each test prints "ok - sentence" or "not ok - sentence".
# Everything started with `start` is ended by pid when the script ends; $tmp goes with it.
set -uo pipefail
BIN=${BIN:-build/bin}
OUT=${OUT:-build}
tmp=$(mktemp -d)
pids=()
failed=0

finish() {
	local code=$?
	for pid in "${pids[@]}"; do kill "$pid" 2>/dev/null; done
	for pid in "${pids[@]}"; do
		wait_for 50 gone "$pid" || kill -9 "$pid" 2>/dev/null
		wait "$pid" 2>/dev/null
	done
	rm -rf "$tmp"
	[ "$code" = 0 ] && [ "$failed" = 0 ]
	exit
}
trap finish EXIT
trap 'exit 1' INT TERM

gone() { ! kill -0 "$1" 2>/dev/null || [ "$(awk '{print $3}' "/proc/$1/stat" 2>/dev/null)" = Z ]; }

# wait_for TENTHS COMMAND…: until the command succeeds; false when it never did.
wait_for() {
	local tries=$1
	shift
	while ! "$@" >/dev/null 2>&1; do
		((tries-- > 0)) || return 1
		read -rt 0.1 <> <(:) || :
	done
}

# is SENTENCE WANTED GOT
is() {
	if [ "$2" = "$3" ]; then
		echo "ok - $1"
	else
		echo "not ok - $1"
		printf '  wanted: %s\n  got:    %s\n' "$2" "$3"
		failed=1
	fi
}

# has SENTENCE PART TEXT: the text contains the part
has() {
	case $3 in
	*"$2"*) echo "ok - $1" ;;
	*)
		echo "not ok - $1"
		printf '  wanted: …%s…\n  got:    %s\n' "$2" "$3"
		failed=1
		;;
	esac
}

# holds SENTENCE COMMAND…
holds() {
	local sentence=$1
	shift
	if "$@"; then echo "ok - $sentence"; else
		echo "not ok - $sentence"
		failed=1
	fi
}

# start LOG COMMAND…: in the background; its pid is in $started
start() {
	local log=$1
	shift
	rm -f "$log" "$log.err"
	( # the host's standard input stays with this script alone
		[ -z "${host_in:-}" ] || exec {host_in}>&-
		exec "$@" >"$log" 2>"$log.err"
	) &
	started=$!
	pids+=("$started")
}

# start_controller: $controller is its URL
start_controller() {
	start "$tmp/controller" "$BIN/eim-controller" --listen "${1:-127.0.0.1:0}" --data "$tmp/data"
	controller_pid=$started
	wait_for 100 grep -q '^listening on ' "$tmp/controller"
	controller=$(sed -n 's/^listening on //p' "$tmp/controller")
	export EIM_SERVER=$controller
}

# start_agent [OPTIONS…]
start_agent() {
	start "$tmp/agent" "$BIN/eim-agent" --controller "$controller" --state "$tmp/state" --host-name test-host "$@"
	agent_pid=$started
}

# start_host: a counted_host whose standard input is $host_in, its pid $host_pid, its answers $tmp/host
start_host() {
	mkfifo "$tmp/host.in"
	local host=${1:-counted_host}
	[ "${host#/}" != "$host" ] || host=$OUT/tests/hosts/$host
	"$host" <"$tmp/host.in" >"$tmp/host" 2>"$tmp/host.err" &
	host_pid=$!
	pids+=("$host_pid")
	exec {host_in}>"$tmp/host.in"
	wait_for 100 grep -q '^\(pid\|ready\) ' "$tmp/host"
}

# ask COMMAND: sends a line to the host and prints its answer
ask() {
	local before
	before=$(wc -l <"$tmp/host")
	echo "$*" >&"$host_in"
	wait_for 300 answered "$before"
	tail -n +$((before + 1)) "$tmp/host"
}
answered() { [ "$(wc -l <"$tmp/host")" -gt "$1" ]; }

# code_of PID: a digest of all that is mapped executable from files, as the process has it now
code_of() {
	awk '$2 ~ /x/ && $6 ~ /^\// {print $1}' "/proc/$1/maps" | while IFS=- read -r from to; do
		dd if="/proc/$1/mem" bs=4096 skip=$((0x$from / 4096)) count=$(((0x$to - 0x$from) / 4096)) status=none
	done | sha256sum
}
# shape_of PID: what is mapped, apart from stack and heap, which grow by themselves
shape_of() { awk '$6 != "[heap]" && $6 != "[stack]" {print $1, $2, $6}' "/proc/$1/maps"; }

# nginx_start: Debian's nginx on a port of its own; $nginx_port, $nginx_pid
nginx_start() {
	nginx_port=$(free_port)
	mkdir -p "$tmp/nginx/logs"
	cat >"$tmp/nginx/nginx.conf" <<-EOF
		daemon off; worker_processes 2; pid $tmp/nginx/nginx.pid; error_log $tmp/nginx/logs/error.log;
		events { worker_connections 256; }
		http { access_log off; client_body_temp_path $tmp/nginx/b; proxy_temp_path $tmp/nginx/p;
		       fastcgi_temp_path $tmp/nginx/f; uwsgi_temp_path $tmp/nginx/u; scgi_temp_path $tmp/nginx/s;
		       server { listen 127.0.0.1:$nginx_port reuseport; location / { return 200 "hello\n"; } } }
	EOF
	start "$tmp/nginx.log" /usr/sbin/nginx -p "$tmp/nginx" -c "$tmp/nginx/nginx.conf"
	nginx_pid=$started
	wait_for 100 curl -s "http://127.0.0.1:$nginx_port/"
}
free_port() {
	local port
	while :; do
		port=$((20000 + RANDOM % 20000))
		(exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null || break
	done
	echo "$port"
}
