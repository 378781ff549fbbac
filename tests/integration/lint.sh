#!/bin/bash
#
# Plants one offence of each kind into a small tree and looks whether lint finds it there, at its
# line, and says nothing about what is right.
set -uo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# plant FILE: stdin becomes FILE of the tree.
plant() {
	mkdir -p "$work/$(dirname "$1")"
	cat >"$work/$1"
}

# expect SENTENCE FINDING: a line of the report begins with FINDING.
expect() {
	if grep -qF -- "$2" <<<"$report"; then echo "ok - $1"; else
		echo "not ok - $1"
		echo "# wanted: $2"
		sed 's/^/# /' <<<"$report"
	fi
}

plant .clang-format <.clang-format
plant shared/README.md <<<"base, verifier"
plant shared/base/README.md <<<"str.c, long.h"
plant shared/verifier/README.md <<<"\`verifier.c\`"
sed 's/@@/   /' <<'END' | plant shared/base/str.c
#include "shared/verifier/verifier.h"
#include "../base/str.h"
#include <curl/curl.h>
/* strcpy(a, b) in a comment is nothing */
static const char *const text = "strcpy(a, b) in a text is nothing";
static int counter;
int
measure(int size)
{
	strcpy(text, text);
	call->system(size);
	return atoi (text);
}
int str_good(void)
{
	return 0;@@
}
struct str str_table[] = {{0}};
const int wrong_table[2] = {1, 2};
/* TODO: something */
int str_declared(void);
END
plant shared/verifier/verifier.c <<'END'
#include <time.h>
#include "shared/base/clock.h"
#include "shared/base/str.h"
END
seq 1200 | sed 's,.*,/* & */,' | plant shared/base/long.h
plant shared/nowhere/x.c <<<'#include "shared/base/str.h"'
plant agent/main.c <<<'#include "controller/http/http.h"'

report=$(tests/lint/run "$work")
code=$?
[ "$code" -eq 1 ] && echo "ok - lint fails where it finds something" || echo "not ok - lint ends with $code"

expect "refuses_an_arrow_backwards" "shared/base/str.c:1: shared/base may not include shared/verifier/verifier.h"
expect "refuses_a_relative_include" "shared/base/str.c:2: #include \"../base/str.h\""
expect "refuses_a_library_in_a_foreign_folder" "shared/base/str.c:3: <curl/curl.h> does not belong here"
expect "finds_a_mutable_global" "shared/base/str.c:6: counter is a mutable global"
expect "finds_a_symbol_without_its_prefix" "shared/base/str.c:8: measure is a global symbol"
expect "finds_a_banned_call" "shared/base/str.c:10: strcpy() is not called here; use struct str"
expect "finds_a_banned_call_before_a_space" "shared/base/str.c:12: atoi() is not called here"
expect "finds_white_space_at_the_end" "shared/base/str.c:16: white space"
expect "finds_a_data_symbol_without_its_prefix" "shared/base/str.c:19: wrong_table is a global symbol"
expect "finds_an_unfinished_place" "shared/base/str.c:20: \"TODO\""
expect "finds_a_clock_in_the_verifier" "shared/verifier/verifier.c:1: <time.h> does not belong here"
expect "takes_back_one_header_of_a_folder" "shared/verifier/verifier.c:2: shared/verifier may not include shared/base/clock.h"
expect "finds_a_long_file" "shared/base/long.h:1001: 1200 lines"
expect "asks_for_a_row_of_a_new_folder" "shared/nowhere/x.c:1: this folder has no row"
expect "keeps_the_agent_from_the_controller" "agent/main.c:1: agent may not include controller/http/http.h"
expect "asks_for_a_readme" "shared/nowhere/README.md:1: missing"
expect "asks_a_readme_to_name_each_folder" "shared/README.md:1: does not name nowhere"
expect "finds_another_layout" "shared/base/str.c:7: layout differs"

count=$(grep -cE '^shared/base/str.c:(4|5|11|14|18|21):|^shared/verifier/verifier.c:3:' <<<"$report")
[ "$count" -eq 0 ] && echo "ok - says_nothing_about_what_is_right" || {
	echo "not ok - says_nothing_about_what_is_right"
	sed 's/^/# /' <<<"$report"
}
