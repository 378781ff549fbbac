# lint.awk - one pass over all text files; prints `file:line: message`.
#
# Set by the caller: tables (the folder that holds them). Each file comes as an argument.
# For C, comments and strings are taken out before calls and definitions are looked for, so neither
# can hide or fake one.

function finding(message) { print FILENAME ":" FNR ": " message }

# under(path, word): path is word, or lies in it.
function under(path, word) { return path == word || index(path, word "/") == 1 }

function read_tables(    line, part, n, i) {
	while ((getline line < (tables "/arrows")) > 0) {
		if (line ~ /^#/ || line !~ /:/) continue
		i = index(line, ":")
		arrow[substr(line, 1, i - 1)] = substr(line, i + 1)
	}
	while ((getline line < (tables "/headers")) > 0) {
		if (line ~ /^#/ || line !~ /:/) continue
		i = index(line, ":")
		header[substr(line, 1, i - 1)] = substr(line, i + 1)
	}
	while ((getline line < (tables "/calls")) > 0) {
		n = split(line, part, /[ \t]+/)
		if (n < 2 || line ~ /^#/) continue
		instead[part[1]] = substr(line, index(line, part[2]))
	}
	while ((getline line < (tables "/words")) > 0)
		if (line != "" && line !~ /^#/) word[line]
	while ((getline line < (tables "/exceptions")) > 0) {
		n = split(line, part, /[ \t]+/)
		if (n < 4 || line ~ /^#/) continue
		excused[++excuses] = part[1]
		excused_path[excuses] = part[2]
		excused_what[excuses] = part[3]
	}
}

function is_excused(check, path, what,    i) {
	for (i = 1; i <= excuses; i++)
		if (excused[i] == check && under(path, excused_path[i]) &&
		    (excused_what[i] == "*" || excused_what[i] == what))
			return 1
	return 0
}

# said_why(): a comment just above says why the rule is broken here.
function said_why() { return rule_broken && FNR - rule_broken <= 6 }

# ---- arrows ----
function folder_of(path) { sub(/\/[^\/]*$/, "", path); return path }

function row_for(path,    best, each) {
	best = ""
	for (each in arrow)
		if (under(path, each) && length(each) > length(best)) best = each
	return best
}

function check_arrow(target,    row, part, n, i, allowed) {
	if (target !~ /\//) return # a header that lies beside: api/include, bpf programs
	row = row_for(FILENAME)
	if (row == "") {
		finding("this folder has no row in tests/lint/arrows")
		return
	}
	allowed = under(target, row)
	n = split(arrow[row], part, /[ \t]+/)
	for (i = 1; i <= n; i++) {
		if (part[i] ~ /^!/) {
			if (under(target, substr(part[i], 2))) allowed = 0
		} else if (part[i] != "" && under(target, part[i])) {
			allowed = 1
		}
	}
	if (!allowed) finding(row " may not include " target " (tests/lint/arrows)")
}

function header_fits(pattern, name) {
	if (pattern ~ /\*$/)
		return index(name, substr(pattern, 1, length(pattern) - 1)) == 1
	return pattern == name
}

function check_header(name,    each, part, n, i, deny, hit) {
	for (each in header) {
		if (!header_fits(each, name)) continue
		n = split(header[each], part, /[ \t]+/)
		deny = hit = 0
		for (i = 1; i <= n; i++) {
			if (part[i] == "!") deny = 1
			else if (part[i] != "" && under(FILENAME, part[i])) hit = 1
		}
		if (hit == deny) finding("<" name "> does not belong here (tests/lint/headers)")
	}
}

# ---- C without comments and strings ----
function code_of(line,    out, c, two, i, n) {
	out = ""
	n = length(line)
	for (i = 1; i <= n; i++) {
		two = substr(line, i, 2)
		c = substr(line, i, 1)
		if (in_comment) {
			if (two == "*/") { in_comment = 0; i++ }
		} else if (two == "/*") {
			in_comment = 1
			i++
		} else if (two == "//") {
			break
		} else if (c == "\"" || c == "'") {
			for (i++; i <= n && substr(line, i, 1) != c; i++)
				if (substr(line, i, 1) == "\\") i++
			out = out c c
		} else {
			out = out c
		}
	}
	return out
}

function check_calls(code,    rest, name) {
	rest = code
	while (match(rest, /[A-Za-z_][A-Za-z0-9_]*[ \t]*\(/)) {
		name = substr(rest, RSTART, RLENGTH - 1)
		sub(/[ \t]+$/, "", name)
		if ((name in instead) && (RSTART == 1 || substr(rest, RSTART - 1, 1) !~ /[.>]/) &&
		    !is_excused("call", FILENAME, name) && !said_why())
			finding(name "() is not called here; use " instead[name])
		rest = substr(rest, RSTART + RLENGTH)
	}
}

# ---- symbols: what stands in column 1 of a product's .c file, and is not static ----
function check_symbol(name,    base, first, each, i, part, n) {
	base = FILENAME
	sub(/.*\//, "", base)
	sub(/\.c$/, "", base)
	first = base
	sub(/_.*/, "", first)
	n = split(folder_of(FILENAME), part, "/")
	if (name == "main" || index(name, base "_") == 1 || name == base || name == base "s" ||
	    index(name, base "s_") == 1 || index(name, first "_") == 1)
		return
	for (i = 1; i <= n; i++)
		if (index(name, part[i] "_") == 1) return
	# A module may be split into several files: then its header names it.
	for (each in module_of)
		if (index(folder_of(FILENAME) "/" name, each "_") == 1) return
	for (i = 1; i <= excuses; i++)
		if (excused[i] == "symbol" && under(FILENAME, excused_path[i]) &&
		    index(name, excused_what[i]) == 1)
			return
	finding(name " is a global symbol: begin its name with " base "_")
}

function check_definition(code,    name, joined) {
	joined = code
	if (half != "") joined = half " " code
	half = ""
	if (joined !~ /^[A-Za-z_]/ || joined ~ /^(static|extern|typedef|return|struct [a-z0-9_]+ \{|enum|union)([^A-Za-z0-9_]|$)/)
		return
	if (joined ~ /^[A-Z_0-9]+\(/) return # a macro that makes something
	if (joined ~ /^[A-Z_0-9]*INLINE /) return # static by another name
	if (joined ~ /^[A-Za-z_][A-Za-z0-9_ *]*$/ && joined !~ /;/) { half = joined; return }
	if (match(joined, /^[A-Za-z_][A-Za-z0-9_ *]*[ *][A-Za-z_][A-Za-z0-9_]*\(/)) {
		if (joined ~ /\);[ \t]*$/) return
		name = substr(joined, 1, RLENGTH - 1)
	} else if (match(joined, /^[A-Za-z_][A-Za-z0-9_ *]*[ *][A-Za-z_][A-Za-z0-9_]*(\[[^]]*\])*( =|;)/)) {
		name = substr(joined, 1, RLENGTH)
		sub(/(\[.*)?( =|;)$/, "", name)
	} else {
		return
	}
	sub(/.*[ *]/, "", name)
	check_symbol(name)
}

# ---- state that outlives a call ----
function check_global(code,    name) {
	if (code !~ /^(static |_Thread_local )/ || code ~ /[^A-Za-z0-9_]const[^A-Za-z0-9_]/ || code ~ /\(/)
		return
	if (code !~ /(;|=|= \{)[ \t]*$/ && code !~ / = /) return
	name = code
	sub(/(\[.*)?( =.*|;.*)$/, "", name)
	sub(/.*[ *]/, "", name)
	if (!is_excused("global", FILENAME, name) && !said_why())
		finding(name " is a mutable global: hand the state in, or except it with a reason")
}

# ---- words ----
function check_words(    each, at, before, after) {
	for (each in word) {
		at = index($0, each)
		if (!at) continue
		before = at > 1 ? substr($0, at - 1, 1) : " "
		after = substr($0, at + length(each), 1)
		if (each ~ /^[A-Z]+$/ && (before ~ /[A-Za-z0-9_]/ || after ~ /[A-Za-z0-9_]/)) continue
		if (!is_excused("word", FILENAME, each))
			finding("\"" each "\" does not belong into the product's files")
	}
}

function end_of_file() {
	if (last_lines > 1000 && !rule_broken)
		print last_file ":1001: " last_lines " lines: split it, or say why in a comment (\"Rule broken: …\")"
}

BEGIN {
	read_tables()
	for (i = 1; i < ARGC; i++) {
		if (ARGV[i] !~ /\.h$/) continue
		name = ARGV[i]
		sub(/.*\//, "", name)
		sub(/\..*/, "", name)
		module_of[folder_of(ARGV[i]) "/" name]
	}
}

FNR == 1 {
	end_of_file()
	last_file = FILENAME
	in_comment = rule_broken = 0
	half = ""
	is_c = FILENAME ~ /\.[ch]$/ && FILENAME !~ /\.bpf\.c$/
	is_product = is_c && FILENAME ~ /^(shared|controller|agent)\//
	has_symbols = is_product && FILENAME ~ /\.c$/
	is_prose = FILENAME ~ /(^|\/)LICENSE$/
}

{ last_lines = FNR }
/Rule broken/ { rule_broken = FNR }
/[ \t]$/ && !is_prose { finding("white space at the end of the line") }
{ check_words() }

!is_c { next }

/^[ \t]*#[ \t]*include/ {
	name = $0
	if (name ~ /"/) {
		sub(/^[^"]*"/, "", name)
		sub(/".*/, "", name)
		if (name ~ /^\.\.?\//) finding("#include \"" name "\": give the path from the root")
		else check_arrow(name)
	} else {
		sub(/^[^<]*</, "", name)
		sub(/>.*/, "", name)
		check_header(name)
	}
	next
}

{
	code = code_of($0)
	check_calls(code)
	if (has_symbols && code !~ /^#/) {
		check_definition(code)
		check_global(code)
	}
}

END { end_of_file() }
