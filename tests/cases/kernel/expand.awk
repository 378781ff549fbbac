# expand - programs from templates: a file each in folder `out`, NAME.s or NAME.c.
#
#	=== asm|c NAME [X=value,value… [Y=…]]
#	the body, in which (as in NAME) @X stands for each of the values
#
# A body in assembly is the whole of on_call; one in C is a file behind prelude.h. Commas part values, so
# "~" stands for a space in them. In NAME operators are spelled, and of a value "label:text" the label
# stands there.
function spelled(v) {
	gsub(/\(void~\*\)/, "address_", v); gsub(/&key/, "the_key", v); gsub(/^_+/, "", v)
	gsub(/s>>=/, "sar", v); gsub(/>>=/, "shr", v); gsub(/<<=/, "shl", v)
	gsub(/\+=/, "add", v); gsub(/-=/, "sub", v); gsub(/\*=/, "mul", v); gsub(/s\/=/, "sdiv", v)
	gsub(/\/=/, "div", v); gsub(/s%=/, "smod", v); gsub(/%=/, "mod", v); gsub(/&=/, "and", v)
	gsub(/\|=/, "or", v); gsub(/\^=/, "xor", v); gsub(/s>=/, "sge", v); gsub(/s<=/, "sle", v)
	gsub(/>=/, "ge", v); gsub(/<=/, "le", v); gsub(/!=/, "ne", v); gsub(/==/, "eq", v)
	gsub(/s>/, "sgt", v); gsub(/s</, "slt", v); gsub(/>/, "gt", v); gsub(/</, "lt", v)
	gsub(/&/, "test", v); gsub(/-/, "minus_", v)
	return v
}
function put(name, body,    file) {
	file = out "/" name (kind == "c" ? ".c" : ".s")
	if (file in made) { print name " comes twice" > "/dev/stderr"; exit 1 }
	made[file]
	if (kind == "c")
		printf "#include \"tests/cases/kernel/prelude.h\"\n%s", body > file
	else
		printf "\t.section license,\"aw\",@progbits\n\t.string \"GPL\"\n" \
		       "\t.section \"uprobe//bin/true:main\",\"ax\",@progbits\n" \
		       "\t.globl on_call\n\t.type on_call,@function\non_call:\n%s\t.size on_call,.-on_call\n", body > file
	close(file)
}
function filled(text, key, value,    at, done) {
	while ((at = index(text, "@" key)) > 0) {
		done = done substr(text, 1, at - 1) value
		text = substr(text, at + length(key) + 1)
	}
	return done text
}
function expand(name, body, n,    i, count, values, at, value, label) {
	if (n > parameters) { put(name, body); return }
	at = index(parameter[n], "=")
	count = split(substr(parameter[n], at + 1), values, ",")
	for (i = 1; i <= count; i++) {
		label = value = values[i]
		if (match(value, /^[a-z_0-9]+:/)) {
			label = substr(value, 1, RLENGTH - 1)
			value = substr(value, RLENGTH + 1)
		}
		gsub(/~/, " ", value)
		expand(filled(name, substr(parameter[n], 1, at - 1), spelled(label)),
		       filled(body, substr(parameter[n], 1, at - 1), value), n + 1)
	}
}
function finish() { if (title != "") expand(title, text, 1) }
FNR == 1 { finish(); title = "" }
/^=== / {
	finish()
	kind = $2; title = $3; text = ""; parameters = 0
	for (i = 4; i <= NF; i++) parameter[++parameters] = $i
	next
}
title != "" { text = text $0 "\n" }
END { finish() }
