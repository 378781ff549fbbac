#!/bin/bash
# Our verdicts beside the kernel's, over all .case programs, tests/programs and tests/cases/kernel: where they
# differ, tests/cases/kernel-differences explains it.
#
# What the kernel rejects and we accept is a defect of ours, unless the kernel's words show that it was about
# something else than memory safety: `policies` has those words, and no row of the table adds to them.
. tests/integration/lib.sh

readonly table=tests/cases/kernel-differences
readonly policies=(
	'unreachable insn'            # dead code, which nothing runs
	'cannot call GPL-restricted'  # the licence
	'program of this type cannot use helper'
	'unknown func'
	'div by zero'             # the instruction set gives such divisions a result
	'invalid shift'           # and masks such shifts
	'misaligned stack access' # inside the frame; the machine reads and writes at any address
	'callback function not static'
	'tracing progs cannot use bpf_spin_lock yet'
	# Of one program each, so that the words excuse no other: assembly without types, whose callback is
	# checked from its code; and a callback's context, which may be any pointer that was checked.
	'callback_counts: missing btf func_info'
	'callback_fills_a_record: R3 type=ringbuf_mem expected=fp'
	# A round's number is below the count of rounds, which was checked: the kernel does not use that.
	'callback_index_in_bounds: R2 unbounded memory access'
	'callback_of_a_checked_count: R2 unbounded memory access'
	# What bpf_iter_num_new() returns for a range that is known: the kernel takes any number for possible.
	'iter_result_is_checked: value -2147483648 makes map_value pointer be out of bounds'
	# … and so may its first number be missing.
	"iter_that_is_just_not_too_long: R0 invalid mem access 'scalar'"
)
# Of programs under the role that meters: how long they run. Runs that take too long end.
readonly lengths=('infinite loop detected' 'jumps is too complex' 'BPF program is too large' 'back-edge from insn')
role=(--spec tests/cases/specs/all.yaml --role Everyone --kernel -o json)
metered=(--spec tests/cases/specs/metered.yaml --role Metered --kernel -o json)

# build_one FILE.s|FILE.c: an object beside it
build_one() {
	case $1 in
	*.s) clang-19 -target bpf -mcpu=v4 -c "$1" -o "${1%.s}.o" ;;
	*.c) clang-19 -target bpf -mcpu=v3 -O2 -g -I. -Iapi/include -c "$1" -o "${1%.c}.o" ;;
	esac 2>"${1%.?}.wrong" || echo "$1"
}

# is_metered NAME: whether the program is judged under the role that meters, by its name or its .case
is_metered() {
	[[ $1 =~ ^((good|bad)_)?metered_ ]] || grep -qsx 'role: metered' "tests/cases/verifier/$1.case"
}

# judge_one OBJECT: lines "NAME ENTRY|OURS|KERNEL|the kernel's words" beside it
judge_one() {
	local name=${1##*/} under
	name=${name%.o}
	name=${name%.bpf}
	read -ra under <<<"$role_words"
	! is_metered "$name" || read -ra under <<<"$metered_words"
	"$BIN/eimctl" verify "$1" "${under[@]}" 2>"$1.error" | jq -r --arg name "$name" '
		.rule as $rule | if .kernel.allowed then .kernel.entries[] |
			[$name, (if .ours == "rejected" then $rule else .ours end), .verdict,
			 ((.log // "-") | split("\n") | map(select(startswith(";") or test("^[0-9]+: ") | not)) | join(" / "))] | join("|")
		else "refused|" + .kernel.message end' >"$1.verdict"
	[ -s "$1.error" ] && printf '%s|no-program|-|-\n' "$name" >"$1.verdict"
	return 0
}
export BIN
export -f build_one judge_one is_metered
export role_words="${role[*]}" metered_words="${metered[*]}"

# licensed FOLDER OBJECT…: copies that also may call what is for GPL programs only
licensed() {
	local to=$1 object
	shift
	mkdir -p "$to"
	printf 'GPL\0' >"$tmp/license"
	for object in "$@"; do
		llvm-objcopy-19 --add-section license="$tmp/license" --set-section-flags license=alloc,data \
			"$object" "$to/${object##*/}" 2>/dev/null || cp "$object" "$to/"
	done
}

# explained NAME OURS KERNEL WORDS: whether a row of the table fits; its reason is in $why
explained() {
	local glob ours theirs reason
	while IFS='|' read -r glob ours theirs reason; do
		# shellcheck disable=SC2053 # rows hold patterns
		if [[ $1 == $glob && $2 == $ours && ($3 == "$theirs" || $4 == *"$theirs"*) ]]; then
			why=$reason
			return 0
		fi
	done < <(rows)
	return 1
}
rows() { sed -n '/^[^#]/s/ *| */|/gp' "$table"; }

is_policy() {
	local words
	for words in "${policies[@]}"; do [[ $1 == *"$words"* ]] && return 0; done
	is_metered "${1%%[ :]*}" || return 1
	for words in "${lengths[@]}"; do [[ $1 == *"$words"* ]] && return 0; done
	return 1
}

# compare NAME OURS KERNEL WORDS: one line of the report
compare() {
	local ours=accepted
	[ "$2" = accepted ] || ours=rejected
	case $1 in
	good_*) wanted=accepted ;;
	bad_*) wanted=rejected ;;
	*) wanted=$ours ;;
	esac
	[ "$ours" = "$wanted" ] || wrong+=("$1: $2, the kernel says $3: $4")
	if [ "$ours" = "$3" ]; then
		((agreed++))
	elif [ "$ours" = accepted ] && ! is_policy "$1: $4"; then
		unsafe+=("$1: we accept, the kernel: $4")
	elif explained "$@"; then
		((differing++))
		echo "# $1: ours $2, the kernel's $3: $why"
	else
		unexplained+=("$1: ours $2, the kernel's $3: $4")
	fi
}

mkdir "$tmp/programs"
awk -v out="$tmp/programs" -f tests/cases/kernel/expand.awk tests/cases/kernel/*.progs
find "$tmp/programs" -type f -print0 | xargs -0 -n 8 -P 2 bash -c 'for f; do build_one "$f"; done' - >"$tmp/unbuilt"
is "every program of tests/cases/kernel can be built" "" "$(cat "$tmp/unbuilt")"
# By their sources: what an earlier tree has left in build/ is nobody's program.
mapfile -t objects < <(printf '%s\n' tests/cases/verifier/*.case tests/programs/*.bpf.c | sed -E 's|^|build/|; s/\.(case|bpf\.c)$/.bpf.o/')
licensed "$tmp/cases" "${objects[@]}"

# ---- what is shown ----
good=$tmp/programs/good_reads_u8_back.o
bad=$tmp/programs/bad_context_at_168.o
said=$("$BIN/eimctl" verify "$bad" "${role[@]:0:5}")
is "the exit code is that of our verdict" 1 $?
unprivileged=()
[ "$(id -u)" != 0 ] || unprivileged=(setpriv --inh-caps=-all --bounding-set=-all)
if [ "$(id -u)" != 0 ] || setpriv --bounding-set=-all true 2>/dev/null; then
	none=$("${unprivileged[@]}" "$BIN/eimctl" verify "$good" "${role[@]:0:5}")
	is "a kernel that does not allow it leaves the exit code ours" 0 $?
	has "… and why it does not is said" "the kernel does not allow it: " "$none"
fi

judge_one "$good"
if grep -q '^refused|' "$good.verdict"; then
	echo "ok - verdicts beside the kernel's # SKIP skipped: the kernel does not allow it ($(cut -d'|' -f2 "$good.verdict"))"
	exit 0
fi
has "both verdicts stand side by side" "ENTRY    OURS         KERNEL
on_call  rejected     rejected" "$said"
has "… with the kernel's words" "invalid bpf_context access off=168" "$said"
is "… and in JSON" "rejected rejected" \
	"$("$BIN/eimctl" verify "$bad" "${role[@]}" | jq -r '.kernel.entries[0] | "\(.ours) \(.verdict)"')"

# ---- all programs ----
find "$tmp/programs" "$tmp/cases" -name '*.o' -print0 |
	xargs -0 -n 16 -P 2 bash -c 'for f; do judge_one "$f"; done' -

declare -A judged
agreed=0 differing=0 unloaded=0
unsafe=() unexplained=() wrong=()
while IFS='|' read -r name ours theirs words; do
	judged[$name]=1
	case $ours,$theirs in
	no-program,* | not-reached,*) ;;
	*,not-loaded)
		((unloaded++))
		[[ $name != good_* && $name != bad_* ]] || wrong+=("$name is not loaded: $words")
		;;
	*) compare "$name" "$ours" "$theirs" "$words" ;;
	esac
done < <(find "$tmp/programs" "$tmp/cases" -name '*.verdict' -exec cat {} + | sort)

echo "# $agreed verdicts agree, $differing differ with an explanation, $unloaded are not for the kernel"
lines() { printf '%s\n' "$@"; }
holds "at least 300 verdicts are compared" [ $((agreed + differing)) -ge 300 ]
is "nothing is accepted that the kernel rejects for memory safety" "" "$(lines "${unsafe[@]}")"
is "every difference is explained" "" "$(lines "${unexplained[@]}")"
is "good programs are accepted, bad ones rejected" "" "$(lines "${wrong[@]}")"
# Kernels differ, so a row may be without use; one that fits no program at all is a slip.
is "every explanation fits a program" "" "$(rows | while IFS='|' read -r glob _; do
	for name in "${!judged[@]}"; do
		# shellcheck disable=SC2053
		[[ $name != $glob ]] || continue 2
	done
	echo "$glob"
done)"
