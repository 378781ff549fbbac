#!/bin/bash
# Controller, agent, eimctl and Debian's nginx: the whole path, in a pid namespace of its own (where there can be
# one) so that the agent sees the processes of this test and no other's.
isolate=(unshare --pid --fork --kill-child --mount-proc)
if [ "${EIM_INSIDE:-}" != 1 ]; then
	export EIM_INSIDE=1
	"${isolate[@]}" true 2>/dev/null && exec "${isolate[@]}" "$0" "$@"
	if pgrep -x nginx >/dev/null; then
		echo "not ok - this machine allows no pid namespace, and another nginx runs on it"
		exit 1
	fi
fi
. tests/integration/lib.sh

ctl() { "$BIN/eimctl" "$@"; }
state_of() { ctl get policies "$1" -o json | jq -r "[.status.links[]? | select(.pid != 0) | .state] | unique | join(\",\")"; }
is_active() { [ "$(ctl get policies "$1" -o json | jq '[.status.links[]? | select(.state == "ACTIVE")] | length')" -ge "$2" ]; }
is_gone() { [ "$(ctl get hosts test-host -o json | jq '[.links[]? | select(.state == "ACTIVE")] | length')" = 0 ]; }
requests() { # N: one after the other on kept connections, prints how many answered "hello"
	curl -s "http://127.0.0.1:$nginx_port/?[1-$1]" | grep -c hello
}
total() { ctl maps nginx-requests requests -o json | jq '[.elements[].value] | add // 0'; }

start_controller
start_agent --label env=test
nginx_start
workers=$(pgrep -P "$nginx_pid" | sort | tr '\n' ' ')
before=$(code_of "$nginx_pid")

# ---- apply: active in every process, counts exact ----
holds "eimctl apply takes the pack" ctl apply -f policies/nginx-requests
holds "the policy becomes active in master and both workers" wait_for 100 is_active nginx-requests 3
is "200 requests are answered" 200 "$(requests 200)"
is "200 requests are counted exactly, over all workers" 200 "$(total)"
strangers() { ctl maps nginx-requests requests -o json | jq -r '.elements[].key' | grep -vxF "$(tr ' ' '\n' <<<"$workers")"; }
is "the table names workers and nobody else" "" "$(strangers)"
is "each request is an event" 200 "$(wait_for 50 test "$(ctl events --policy nginx-requests | wc -l)" = 200; ctl events --policy nginx-requests | wc -l)"

# ---- processes that start later ----
kill -HUP "$nginx_pid"
reloaded() { [ "$(pgrep -P "$nginx_pid" | sort | tr '\n' ' ')" != "$workers" ] && [ "$(pgrep -P "$nginx_pid" | wc -l)" = 2 ]; }
holds "nginx reloads: new workers" wait_for 100 reloaded
is "requests of inherited workers are answered" 100 "$(requests 100)"
is "… and counted" 300 "$(total)"
holds "new workers are reported active" wait_for 100 is_active nginx-requests 3

# ---- the agent dies: hooks stay; it comes back: all is as wanted ----
kill -9 "$agent_pid"
wait "$agent_pid" 2>/dev/null
is "nginx answers while the agent is dead" 50 "$(requests 50)"
start_agent --label env=test
is_back() { [ "$(grep -c 'policy nginx-requests .* is in process' "$tmp/agent.err")" = 3 ] && is_active nginx-requests 3; }
holds "a new agent makes the policy active again" wait_for 150 is_back
is "requests are answered after that" 50 "$(requests 50)"
holds "… and counted" [ "$(total)" -ge 50 ]

# ---- the controller dies: hooks stay; nothing acknowledged is lost ----
port=${controller##*:}
kill -9 "$controller_pid"
wait "$controller_pid" 2>/dev/null
is "nginx answers while the controller is dead" 50 "$(requests 50)"
start_controller "127.0.0.1:$port"
is "a restarted controller knows the policy" nginx-requests "$(ctl get policies nginx-requests -o json | jq -r .name)"
holds "… and hears from the agent again" wait_for 200 is_active nginx-requests 3

# ---- delete ----
holds "eimctl delete takes it" ctl delete policy nginx-requests
holds "it goes from every process" wait_for 100 is_gone
is "nginx's code is as before" "$before" "$(code_of "$nginx_pid")"
is "nginx still answers" 20 "$(requests 20)"
is "no error is in nginx's log" "" "$(grep -vE 'signal process started|\[notice\]' "$tmp/nginx/logs/error.log")"
