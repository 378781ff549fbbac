/*
 * explain and verify on a host that declares its roles: from its BTF alone, wherever that lies, and
 * narrowed by a spec.
 */
#include "controller/ctl/ctl.h"

#include "shared/base/file.h"
#include "shared/bpf/btf_file.h"
#include "tests/unit/agent/host.h"
#include "tests/unit/test.h"

#include <sys/stat.h>

#define PROGRAM "build/policies/nginx-requests/nginx-requests.bpf.o"

static char binary[PATH_MAX], detached[PATH_MAX];

static int setup(void **state UNUSED)
{
	host_path("file_host", binary);
	host_path("file_host.btf", detached);
	return 0;
}

static void expect(int code, const char *const argv[], const char *part)
{
	char *text = NULL;
	size_t size = 0;
	int argc = 0;
	while (argv[argc])
		argc++;
	FILE *out = open_memstream(&text, &size);
	assert_non_null(out);
	int have = ctl_run(argc, argv, out);
	fclose(out);
	if (have != code || !strstr(text, part))
		fail_msg("exit code %d (wanted %d), \"%s\" lacks \"%s\"", have, code, text, part);
	free(text);
}

#define EXPECT(code, part, ...) expect(code, (const char *const[]){__VA_ARGS__, NULL}, part)

static const char *write_file(char path[40], struct bytes content)
{
	memcpy(path, "/tmp/eimctl-explain.XXXXXX", 27);
	OWNED(fd) int fd = mkstemp(path);
	assert_true(fd >= 0);
	assert_ok(file_write_fd(fd, content));
	return path;
}

static const char admin[] =
	"  int host_open_file(const char *filename, int flags)\n"
	"      from: capability FileRead of role BasicFileRole; a function of the host\n"
	"      before (nothing else is said): filename.null_terminated\n"
	"  int host_read_file(int fd, char *buffer, int length)\n"
	"      from: capability FileRead of role BasicFileRole; a function of the host\n"
	"      before (nothing else is said): buffer.writable(length)\n"
	"  int host_write_file(int fd, const char *buffer, int length)\n"
	"      from: capability FileWrite of role ExtendedFileRole; a function of the host\n"
	"      before (nothing else is said): buffer.readable(length)\n";

static void explains_a_role_that_the_host_declares(void **state UNUSED)
{
	EXPECT(0, admin, "explain", "AdminRole", "--host-binary", binary);
	EXPECT(0, admin, "explain", "AdminRole", "--btf", detached);
	EXPECT(0,
	       "  int analyze_data(const char *data, int length)\n"
	       "      host function: __bpftime_extension_entry_AdminRole_analyze_data\n"
	       "      data: an address: what is there is read with bpf_probe_read_user()\n"
	       "      length: a number of 4 bytes\n",
	       "explain", "AdminRole", "--btf", detached);
	EXPECT(0, "\"symbol\": \"__bpftime_extension_entry_AdminRole_process_string\"", "explain",
	       "AdminRole", "--btf", detached, "-o", "json");
	EXPECT(0, "\"a number of 4 bytes\"", "explain", "AdminRole", "--btf", detached, "-o",
	       "json");
	EXPECT(0, "\"grantedBy\": \"ExtendedFileRole\"", "explain", "AdminRole", "--btf", binary,
	       "-o", "json");
	EXPECT(2, "", "explain", "AdminRol", "--btf", detached);
	EXPECT(2, "", "explain", "AdminRole");
}

static void copy_file(const char *from, const char *to, const char *without)
{
	OWNED_BUF struct buf image = BUF_INIT(BUF_DEFAULT_MAX);
	assert_ok(file_read(from, &image));
	char *name = without ? memmem(image.data, image.size, without, strlen(without) + 1) : NULL;
	assert_true(!name == !without);
	if (name)
		name[1] = '_';
	assert_ok(file_replace(to, buf_bytes(&image)));
}

/* The host without its section, and its BTF in a folder by build id. */
static void finds_detached_types_by_build_id(void **state UNUSED)
{
	OWNED_BUF struct buf image = BUF_INIT(BUF_DEFAULT_MAX);
	char folder[] = "/tmp/eimctl-explain.XXXXXX", id[BTF_FILE_ID_SIZE], host[64], path[256];
	assert_non_null(mkdtemp(folder));
	snprintf(host, sizeof(host), "%s/host", folder);
	copy_file(binary, host, ".BTF");
	EXPECT(2, "", "explain", "AdminRole", "--host-binary", host, "--btf-dir", folder);
	assert_ok(file_read(binary, &image));
	assert_ok(btf_file_build_id(buf_bytes(&image), id));
	snprintf(path, sizeof(path), "%s/%.2s", folder, id);
	assert_int_equal(mkdir(path, 0700), 0);
	snprintf(path, sizeof(path), "%s/%.2s/%.100s.btf", folder, id, id + 2);
	copy_file(detached, path, NULL);
	EXPECT(0, admin, "explain", "AdminRole", "--host-binary", host, "--btf-dir", folder);
	unlink(path);
	*strrchr(path, '/') = 0;
	rmdir(path);
	unlink(host);
	assert_int_equal(rmdir(folder), 0);
}

/* With a spec, roles are the spec's; the host's BTF says what there is of them. */
static void a_spec_narrows_what_the_host_offers(void **state UNUSED)
{
	static const char spec[] =
		"capabilities:\n"
		"- {name: Some, apis: [host_open_file, host_gone, bpf_ktime_get_ns]}\n"
		"roles: [{name: Little, capabilities: [Some]}]\n";
	char path[40];
	write_file(path, bytes_of(spec, sizeof(spec) - 1));
	EXPECT(0,
	       "  int host_open_file(const char *filename, int flags)\n"
	       "      from: capability Some of role Little; a function of the host\n",
	       "explain", "Little", "--spec", path, "--host-binary", binary);
	EXPECT(0,
	       "  host_gone()\n"
	       "      from: capability Some of role Little; neither the host nor the runtime has "
	       "it",
	       "explain", "Little", "--spec", path, "--host-binary", binary);
	EXPECT(2, "", "explain", "AdminRole", "--spec", path, "--host-binary", binary);
	unlink(path);
}

static void says_where_a_signature_differs(void **state UNUSED)
{
	static const char spec[] =
		"host_functions:\n"
		"- name: host_open_file\n"
		"  signature: {params: [{type: char, name: filename}, {type: int, name: flags}], "
		"return_type: long}\n"
		"capabilities: [{name: Some, apis: [host_open_file]}]\n"
		"roles: [{name: Little, capabilities: [Some]}]\n";
	char path[40];
	write_file(path, bytes_of(spec, sizeof(spec) - 1));
	EXPECT(1, "", "explain", "Little", "--spec", path, "--host-binary", binary);
	EXPECT(0, "host_open_file", "explain", "Little", "--spec", path);
	unlink(path);
}

static void verifies_against_a_declared_role(void **state UNUSED)
{
	EXPECT(1, "rejected", "verify", PROGRAM, "--role", "BasicFileRole", "--host-binary",
	       binary);
	EXPECT(2, "", "verify", PROGRAM, "--host-binary", binary);
	EXPECT(2, "", "verify", PROGRAM, "--role", "BasicFileRole");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(explains_a_role_that_the_host_declares),
		cmocka_unit_test(finds_detached_types_by_build_id),
		cmocka_unit_test(a_spec_narrows_what_the_host_offers),
		cmocka_unit_test(says_where_a_signature_differs),
		cmocka_unit_test(verifies_against_a_declared_role),
	};
	return cmocka_run_group_tests(tests, setup, NULL);
}
