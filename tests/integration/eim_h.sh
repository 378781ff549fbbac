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
# ---- what programs may call under these roles ----

programs=build/tests/integration

# verdict PROGRAM ROLE WANTED PART OPTION…: eimctl verify ends with WANTED, and says PART.
verdict() {
	local program=$1 role=$2 wanted=$3 part=$4 got text
	shift 4
	text=$("$BIN/eimctl" verify "$programs/$program.bpf.o" --role "$role" "$@" 2>&1)
	got=$?
	printf '%s\n' "$text"
	[ "$got" = "$wanted" ] && grep -qF -- "$part" <<<"$text"
}

# verdicts HOW OPTION…: of programs that call the host, whose types come by OPTION. The host says itself what each
# role may; then a document says what BasicFileRole may in the same entry.
verdicts() {
	local how=$1 spec=tests/integration/files.yaml
	shift
	check "$how: AdminRole opens and reads" verdict file_reader AdminRole 0 \
		"calls of the host's functions host_open_file, host_read_file" "$@"
	check "$how: AdminRole writes" verdict file_writer AdminRole 0 host_write_file "$@"
	check "$how: by the host, BasicFileRole opens and reads" verdict file_reader BasicFileRole 0 host_read_file "$@"
	check "$how: … and does not write" verdict file_writer BasicFileRole 1 \
		"role BasicFileRole may not call host_write_file" "$@"
	check "$how: … which ExtendedFileRole does" verdict file_writer ExtendedFileRole 0 host_write_file "$@"
	check "$how: BasicFileRole opens and reads" verdict file_reader BasicFileRole 0 host_read_file "$@" --spec $spec
	check "$how: BasicFileRole does not write" verdict file_writer BasicFileRole 1 \
		"role BasicFileRole may not call host_write_file" "$@" --spec $spec
	check "$how: … by the rule for it" verdict file_writer BasicFileRole 1 "[call-not-granted]" "$@" --spec $spec
	check "$how: … and who may" verdict file_writer BasicFileRole 1 \
		"role AdminRole has it, by capability FileWrite" "$@" --spec $spec
}

# detached BINARY: its types lie by its build id, not in it.
detached() {
	local id
	id=$(readelf -n "$1" | awk '/Build ID/ { print $3 }')
	mkdir -p "$TMPDIR/ids/${id:0:2}" && cp "$TMPDIR/btf" "$TMPDIR/ids/${id:0:2}/${id:2}.btf" &&
		objcopy --remove-section .BTF "$1" "$TMPDIR/bare"
}

check "a host with its types" build gcc -std=gnu17 -O2
verdicts "types in the binary" --host-binary "$TMPDIR/host"
verdicts "types as a file" --btf "$TMPDIR/btf"
check "types by build id" detached "$TMPDIR/host"
verdicts "types by build id" --host-binary "$TMPDIR/bare" --btf-dir "$TMPDIR/ids"
check "no file is asked for where the document does not" verdict file_unchecked AdminRole 0 host_read_file --btf "$TMPDIR/btf"
check "the document asks for a file" verdict file_unchecked BasicFileRole 1 'host_read_file asks for "fd ≥ 0"' \
	--spec tests/integration/files.yaml --btf "$TMPDIR/btf"
check "… and gets one" verdict file_reader BasicFileRole 0 host_read_file \
	--spec tests/integration/files.yaml --btf "$TMPDIR/btf"
check "without the host's types its entries are not known" verdict file_reader BasicFileRole 1 \
	"name a host that has types" --spec tests/integration/files.yaml
exit $failed
