#!/bin/bash
#
# eim_h - hosts built with eim.h: both compilers, both standards, without and with optimisation, whole
# programs and unused sections dropped. No warning, and the roles that the host declares are the same each time.
set -uo pipefail
OUT=${OUT:-build} BIN=${BIN:-build/bin}
TMPDIR=${TMPDIR:-$(mktemp -d)}

clang=$(command -v clang-19 || command -v clang)
failed=0

# check NAME COMMAND…: one line of the result.
check() {
	local name=$1
	shift
	if "$@" >"$TMPDIR/log" 2>&1; then
		echo "ok - $name"
	else
		echo "not ok - $name"
		sed 's/^/# /' "$TMPDIR/log"
		failed=1
	fi
}

# build COMPILER FLAG…: file_host with its types, as $TMPDIR/host.
build() {
	local compiler=$1
	shift
	"$compiler" -g -D_GNU_SOURCE -Wall -Wextra -Wpedantic -Werror -Iapi/include "$@" \
		tests/hosts/file_host.c -o "$TMPDIR/host" && pahole --btf_encode_detached "$TMPDIR/btf" "$TMPDIR/host" &&
		objcopy --add-section .BTF="$TMPDIR/btf" "$TMPDIR/host"
}

# rights BINARY: what each of its roles may do, in one order.
rights() {
	local role
	for role in BasicFileRole ExtendedFileRole AdminRole; do
		"$BIN/eimctl" explain "$role" --host-binary "$1" -o json | jq -S \
			'del(.digest) | .functions |= sort_by(.name) | .entries |= sort_by(.name)' || return
	done
}

# same COMPILER FLAG…: builds without a warning, and declares what the reference does.
same() {
	build "$@" && rights "$TMPDIR/host" >"$TMPDIR/have" && diff "$TMPDIR/want" "$TMPDIR/have"
}

# patchable COMPILER FLAG…: an entry begins with five bytes that do nothing.
patchable() {
	local first last
	build "$@" || return
	read -r first last < <(objdump -d --no-show-raw-insn "$TMPDIR/host" | awk '
		/<__bpftime_extension_entry_AdminRole_analyze_data>:/ { inside = 1; next }
		!inside || /endbr64/ { next }
		{ sub(":", "", $1); if (first == "") first = $1 }
		!/nop/ { print first, $1; exit }')
	[ -n "$first" ] && [ $((0x$last - 0x$first)) -ge 5 ]
}

rights "$OUT/tests/hosts/file_host" >"$TMPDIR/want" || exit 1
check "the reference declares roles" test -s "$TMPDIR/want"
for compiler in gcc "$clang"; do
	name=$(basename "$compiler")
	for flags in "-std=c11 -O0" "-std=gnu17 -O2" "-std=gnu17 -O3 -fcf-protection=full" \
		"-std=c11 -O2 -flto" "-std=gnu17 -O2 -ffunction-sections -fdata-sections -Wl,--gc-sections"; do
		check "$name $flags: no warning, the same roles" same "$compiler" $flags
	done
	check "$name: entries have room for a jump" patchable "$compiler" -O2
	check "$name: beside endbr64, too" patchable "$compiler" -O2 -fcf-protection=full
done
exit $failed
