/*
 * Commands that need no controller, from their command line to what they print and their exit code.
 * They read files of the repository, from whose root tests run.
 */
#include "controller/ctl/ctl.h"

#include "controller/ctl/input.h"
#include "shared/base/file.h"
#include "tests/unit/test.h"

#include <elf.h>
#include <stdio.h>
#include <stdlib.h>

#define SPEC	"policies/nginx-requests/spec.yaml"
#define COUNTER "build/policies/nginx-requests/nginx-requests.bpf.o"
#define PEEK	"build/policies/nginx-peek/nginx-peek.bpf.o"

struct run {
	char *text;
	int code;
};

static struct run run_line(int argc, const char *const argv[])
{
	struct run r = {0};
	size_t size = 0;
	FILE *out = open_memstream(&r.text, &size);
	assert_non_null(out);
	r.code = ctl_run(argc, argv, out);
	fclose(out);
	return r;
}

#define RUN(...)                                                        \
	run_line((int)ARRAY_SIZE(((const char *const[]){__VA_ARGS__})), \
		 (const char *const[]){__VA_ARGS__})

static void expect(struct run r, int code, const char *part)
{
	if (r.code != code || !strstr(r.text, part))
		fail_msg("exit code %d (wanted %d), \"%s\" lacks \"%s\"", r.code, code, r.text,
			 part);
	free(r.text);
}

/* A file of the test's own, gone at its end. */
static const char *write_file(char path[32], const char *text)
{
	memcpy(path, "/tmp/eimctl-test.XXXXXX", 24);
	int fd = mkstemp(path);
	assert_true(fd >= 0);
	assert_ok(file_write_fd(fd, bytes_of(text, strlen(text))));
	close(fd);
	return path;
}

/* ---- general ---- */

static void prints_version_and_help(void **state)
{
	(void)state;
	expect(RUN("--version"), 0, "eimctl " EIM_VERSION "\n");
	expect(RUN("--help"), 0, "Commands:\n");
	expect(RUN("apply", "-h"), 0, "eimctl apply -f PATH… [OPTION…]\n");
}

static void ends_with_2_for_a_wrong_command_line(void **state)
{
	(void)state;
	static const char *const nothing[1];
	expect(run_line(0, nothing), 2, "");
	expect(RUN("frob"), 2, "");
	expect(RUN("get", "hosts", "-o", "xml"), 2, "");
	expect(RUN("get", "hosts", "--server", "http://example.org"), 2, "");
	expect(RUN("get", "things"), 2, "");
	expect(RUN("apply"), 2, "");
	expect(RUN("delete", "host", "x"), 2, "");
	expect(RUN("describe", "specs"), 2, "");
	expect(RUN("events", "--limit", "0"), 2, "");
	expect(RUN("events", "--limit", "5", "--follow"), 2, "");
	expect(RUN("maps", "a", "b", "--by", "process"), 2, "");
}

/* ---- lint ---- */

static void finds_nothing_in_the_packs(void **state)
{
	(void)state;
	expect(RUN("lint", "--strict", SPEC, "policies/nginx-requests/policy.yaml",
		   "policies/nginx-peek/policy.yaml"),
	       0, "3 files, nothing to say\n");
}

static void points_at_the_place_in_a_spec(void **state)
{
	(void)state;
	char path[32], want[128];
	write_file(path, "roles:\n  - name: r\n    capabilties: []\n");
	snprintf(want, sizeof(want), "%s:3:", path);
	struct run r = RUN("lint", path);
	assert_non_null(strstr(r.text, "capabilities"));
	expect(r, 1, want);
	unlink(path);
}

static void points_at_the_place_in_a_policy(void **state)
{
	(void)state;
	char path[32], want[256];
	write_file(path, "apiVersion: eim/v1\nkind: Policy\nmetadata: { name: p }\nspec:\n"
			 "  program: { name: a, file: f }\n  eim: { name: a, file: f, role: r }\n"
			 "  processes: { exe: nginx }\n");
	snprintf(want, sizeof(want),
		 "%s:7:16: error: \"nginx\" is no absolute path of an executable [malformed]\n"
		 "1 error, 0 warnings\n",
		 path);
	expect(RUN("lint", path), 1, want);
	unlink(path);
}

static void points_at_broken_yaml(void **state)
{
	(void)state;
	char path[32], want[64];
	write_file(path, "roles: []\nroles: []\n");
	snprintf(want, sizeof(want), "%s:2:1: error: duplicate key", path);
	expect(RUN("lint", path), 1, want);
	unlink(path);
}

static void makes_prose_an_error_only_when_strict(void **state)
{
	(void)state;
	char path[32];
	write_file(path, "capabilities:\n  - name: C\n    apis: [bpf_ktime_get_ns]\n"
			 "    constraints: [\"only on Sundays\"]\n"
			 "roles:\n  - name: r\n    capabilities: [C]\n");
	expect(RUN("lint", path), 0, ":4:19: warning: not enforced");
	expect(RUN("lint", path, "--strict"), 1, ":4:19: error: not enforced");
	expect(RUN("lint", path, "-o", "json"), 0, "\"severity\": \"WARNING\"");
	unlink(path);
}

static void cannot_lint_what_is_not_there(void **state)
{
	(void)state;
	expect(RUN("lint", "no/such/file.yaml"), 2, "");
}

/* ---- verify, explain ---- */

static void accepts_the_program_that_keeps_to_its_role(void **state)
{
	(void)state;
	expect(RUN("verify", COUNTER, "--spec", SPEC, "--role", "observer"), 0,
	       "accepted under role observer");
	expect(RUN("verify", PEEK, "--spec", SPEC, "--role", "inspector", "-o", "json"), 0,
	       "\"verdict\": \"accepted\"");
}

static void rejects_the_program_that_does_not(void **state)
{
	(void)state;
	struct run r = RUN("verify", PEEK, "--spec", SPEC, "--role", "observer");
	assert_non_null(strstr(r.text, "role observer may not call bpf_probe_read_user"));
	assert_non_null(strstr(r.text, "in on_request()"));
	expect(r, 1, "policies/nginx-peek/nginx-peek.bpf.c:22");
	expect(RUN("verify", PEEK, "--spec", SPEC, "--role", "observer", "-o", "json"), 1,
	       "\"rule\": \"call-not-granted\"");
}

static void cannot_verify_without_all_that_it_takes(void **state)
{
	(void)state;
	expect(RUN("verify", PEEK, "--spec", SPEC), 2, "");
	expect(RUN("verify", PEEK, "--role", "observer"), 2, "");
	expect(RUN("verify", SPEC, "--spec", SPEC, "--role", "observer"), 2, "");
	expect(RUN("verify", PEEK, "--spec", SPEC, "--role", "nobody"), 2, "");
	expect(RUN("verify", PEEK, "--spec", SPEC, "--role", "observer", "--btf", SPEC), 2, "");
	expect(RUN("verify", PEEK, "--spec", SPEC, "--role", "observer", "--btf", PEEK,
		   "--host-binary", PEEK),
	       2, "");
}

static void explains_where_a_right_comes_from(void **state)
{
	(void)state;
	expect(RUN("explain", "inspector", "--spec", SPEC), 0, "bpf_probe_read_user");
	expect(RUN("explain", "inspector", "--spec", SPEC, "-o", "json"), 0,
	       "\"capability\": \"HostMemory\"");
	expect(RUN("explain", "inspektor", "--spec", SPEC), 2, "");
	expect(RUN("explain", "inspector"), 2, "");
}

/* ---- BTF of a host binary ---- */

struct elf {
	Elf64_Ehdr header;
	Elf64_Shdr sections[3];
	char names[24], content[8];
};

static struct elf elf_with(const char *name)
{
	struct elf e = {.header = {.e_shoff = offsetof(struct elf, sections),
				   .e_shentsize = sizeof(Elf64_Shdr),
				   .e_shnum = 3,
				   .e_shstrndx = 1}};
	memcpy(e.header.e_ident, ELFMAG, SELFMAG);
	e.header.e_ident[EI_CLASS] = ELFCLASS64;
	e.header.e_ident[EI_DATA] = ELFDATA2LSB;
	snprintf(e.names + 1, sizeof(e.names) - 1, "%s", name);
	memcpy(e.content, "BTFBTF!!", 8);
	e.sections[1] = (Elf64_Shdr){.sh_type = SHT_STRTAB,
				     .sh_offset = offsetof(struct elf, names),
				     .sh_size = sizeof(e.names)};
	e.sections[2] = (Elf64_Shdr){.sh_name = 1,
				     .sh_type = SHT_PROGBITS,
				     .sh_offset = offsetof(struct elf, content),
				     .sh_size = sizeof(e.content)};
	return e;
}

static void finds_the_btf_section(void **state)
{
	(void)state;
	struct elf e = elf_with(".BTF");
	struct bytes out;
	assert_ok(input_btf_section(bytes_of(&e, sizeof(e)), &out));
	assert_ptr_equal(out.data, e.content);
	assert_int_equal(out.size, 8);
}

static void finds_nothing_where_there_is_no_btf(void **state)
{
	(void)state;
	struct elf e = elf_with(".BTF.ext");
	struct bytes out;
	assert_ok(input_btf_section(bytes_of(&e, sizeof(e)), &out));
	assert_int_equal(out.size, 0);
	e.header.e_shnum = 0;
	assert_ok(input_btf_section(bytes_of(&e, sizeof(e)), &out));
	assert_int_equal(out.size, 0);
}

static void refuses_headers_that_lead_outside(void **state)
{
	(void)state;
	struct elf good = elf_with(".BTF"), e = good;
	struct bytes out;
	e.header.e_shoff = UINT64_MAX - 10;
	assert_fails(input_btf_section(bytes_of(&e, sizeof(e)), &out), ERR_INVALID, "",
		     "section names");
	e = good;
	e.header.e_shstrndx = 700;
	assert_fails(input_btf_section(bytes_of(&e, sizeof(e)), &out), ERR_INVALID, "",
		     "section names");
	e = good;
	e.header.e_shnum = 9;
	e.sections[2].sh_name = 0;
	assert_fails(input_btf_section(bytes_of(&e, sizeof(e)), &out), ERR_INVALID, "", "section ");
	e = good;
	e.sections[2].sh_name = 24;
	assert_fails(input_btf_section(bytes_of(&e, sizeof(e)), &out), ERR_INVALID, "",
		     "section 2");
	e = good;
	e.sections[2].sh_size = UINT64_MAX;
	assert_fails(input_btf_section(bytes_of(&e, sizeof(e)), &out), ERR_INVALID, "", ".BTF");
	e = good;
	e.header.e_shentsize = 1;
	assert_fails(input_btf_section(bytes_of(&e, sizeof(e)), &out), ERR_INVALID, "",
		     "section headers of 1 bytes");
	e = good;
	e.header.e_ident[EI_CLASS] = ELFCLASS32;
	assert_fails(input_btf_section(bytes_of(&e, sizeof(e)), &out), ERR_INVALID, "",
		     "not a 64-bit little-endian ELF file");
	assert_fails(input_btf_section(bytes_of("hello", 5), &out), ERR_INVALID, "",
		     "not an ELF file");
}

static void refuses_every_cut_of_a_file_or_finds_nothing(void **state)
{
	(void)state;
	struct elf e = elf_with(".BTF");
	for (size_t size = 0; size < sizeof(e); size++) {
		struct bytes out = {0};
		struct err *error = input_btf_section(bytes_of(&e, size), &out);
		assert_non_null(error);
		assert_int_equal(err_code(error), ERR_INVALID);
		err_destroy(error);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(prints_version_and_help),
		cmocka_unit_test(ends_with_2_for_a_wrong_command_line),
		cmocka_unit_test(finds_nothing_in_the_packs),
		cmocka_unit_test(points_at_the_place_in_a_spec),
		cmocka_unit_test(points_at_the_place_in_a_policy),
		cmocka_unit_test(points_at_broken_yaml),
		cmocka_unit_test(makes_prose_an_error_only_when_strict),
		cmocka_unit_test(cannot_lint_what_is_not_there),
		cmocka_unit_test(accepts_the_program_that_keeps_to_its_role),
		cmocka_unit_test(rejects_the_program_that_does_not),
		cmocka_unit_test(cannot_verify_without_all_that_it_takes),
		cmocka_unit_test(explains_where_a_right_comes_from),
		cmocka_unit_test(finds_the_btf_section),
		cmocka_unit_test(finds_nothing_where_there_is_no_btf),
		cmocka_unit_test(refuses_headers_that_lead_outside),
		cmocka_unit_test(refuses_every_cut_of_a_file_or_finds_nothing),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
