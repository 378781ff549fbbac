/*
 * example_btf - the BTF of the format's published example, type by type, and the document that it is to
 * come to.
 */
#pragma once

#include "tests/unit/shared/bpf/btf_build.h"

struct example_param {
	const char *name;
	uint32_t type;
};

UNUSED static void example_typedef(struct btf_build *b, const char *name)
{
	btf_build_plain(b, BTF_TYPEDEF, name, 1);
}

UNUSED static void example_function(struct btf_build *b, const char *name, uint32_t result,
				    uint32_t count, const struct example_param *params)
{
	uint32_t proto = btf_build_type(b, "", BTF_BUILD_INFO(BTF_FUNC_PROTO, count), result);
	for (uint32_t i = 0; i < count; i++)
		btf_build_pair(b, params[i].name, params[i].type);
	btf_build_plain(b, BTF_FUNC, name, proto);
}

UNUSED static void example_base_types(struct btf_build *b)
{
	btf_build_int(b, "int", 4, 1);
	btf_build_plain(b, BTF_TYPEDEF, "size_t", 3);
	btf_build_int(b, "long unsigned int", 8, 0);
	btf_build_int(b, "unsigned int", 4, 0);
	btf_build_plain(b, BTF_PTR, "", 0);
	btf_build_int(b, "unsigned char", 1, 0);
	btf_build_int(b, "short unsigned int", 2, 0);
	btf_build_int(b, "signed char", 1, 1);
	btf_build_int(b, "short int", 2, 1);
	btf_build_int(b, "long int", 8, 1);
	btf_build_plain(b, BTF_TYPEDEF, "__ssize_t", 10);
	btf_build_plain(b, BTF_PTR, "", 13);
	btf_build_int(b, "char", 1, 1);
	btf_build_plain(b, BTF_CONST, "", 13);
	btf_build_plain(b, BTF_PTR, "", 14);
	btf_build_plain(b, BTF_TYPEDEF, "ssize_t", 11);
}

UNUSED static void example_functions(struct btf_build *b)
{
	btf_build_plain(b, BTF_PTR, "", 29);
	btf_build_plain(b, BTF_CONST, "", 0);
	example_function(b, "main", 1, 0, NULL);
	example_function(b, "__bpftime_extension_entry_AdminRole_analyze_data", 1, 2,
			 (struct example_param[]){{"data", 15}, {"length", 1}});
	example_function(b, "__bpftime_extension_entry_AdminRole_process_string", 1, 2,
			 (struct example_param[]){{"input", 15}, {"mode", 1}});
	example_function(b, "host_write_file", 1, 3,
			 (struct example_param[]){{"fd", 1}, {"buffer", 15}, {"length", 1}});
	example_function(b, "host_read_file", 1, 3,
			 (struct example_param[]){{"fd", 1}, {"buffer", 12}, {"length", 1}});
	example_function(b, "host_open_file", 1, 2,
			 (struct example_param[]){{"filename", 15}, {"flags", 1}});
}

/* The published dump: 41 types. */
UNUSED static void example_build(struct btf_build *b)
{
	static const char *const names[] = {
		"__bpftime_ext_ufunction_file_ops_host_open_file",
		"__bpftime_ext_ufunction_file_ops_host_read_file",
		"__bpftime_ext_ufunction_file_ops_host_write_file",
		"__bpftime_capability_FileRead_includes_file_ops_host_open_file",
		"__bpftime_capability_FileRead_includes_file_ops_host_read_file",
		"__bpftime_capability_FileWrite_includes_file_ops_host_write_file",
		"__bpftime_role_BasicFileRole_has_cap_FileRead",
		"__bpftime_role_ExtendedFileRole_has_cap_FileWrite",
		"__bpftime_role_ExtendedFileRole_inherits_BasicFileRole",
		"__bpftime_role_AdminRole",
		"__bpftime_role_AdminRole_inherits_ExtendedFileRole",
	};
	example_base_types(b);
	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		example_typedef(b, names[i]);
	example_functions(b);
}

#define EXAMPLE_DOCUMENT                                                                     \
	"{\"host_functions\":["                                                              \
	"{\"name\":\"host_open_file\",\"signature\":{\"params\":["                           \
	"{\"type\":\"const char *\",\"name\":\"filename\"},"                                 \
	"{\"type\":\"int\",\"name\":\"flags\"}],\"return_type\":\"int\"}},"                  \
	"{\"name\":\"host_read_file\",\"signature\":{\"params\":["                           \
	"{\"type\":\"int\",\"name\":\"fd\"},{\"type\":\"char *\",\"name\":\"buffer\"},"      \
	"{\"type\":\"int\",\"name\":\"length\"}],\"return_type\":\"int\"}},"                 \
	"{\"name\":\"host_write_file\",\"signature\":{\"params\":["                          \
	"{\"type\":\"int\",\"name\":\"fd\"},{\"type\":\"const char "                         \
	"*\",\"name\":\"buffer\"},"                                                          \
	"{\"type\":\"int\",\"name\":\"length\"}],\"return_type\":\"int\"}}],"                \
	"\"capabilities\":["                                                                 \
	"{\"name\":\"FileRead\",\"apis\":[\"host_open_file\",\"host_read_file\"]},"          \
	"{\"name\":\"FileWrite\",\"apis\":[\"host_write_file\"]}],"                          \
	"\"roles\":["                                                                        \
	"{\"name\":\"BasicFileRole\",\"capabilities\":[\"FileRead\"],\"inherits\":[]},"      \
	"{\"name\":\"ExtendedFileRole\",\"capabilities\":[\"FileWrite\"],"                   \
	"\"inherits\":[\"BasicFileRole\"]},"                                                 \
	"{\"name\":\"AdminRole\",\"capabilities\":[],\"inherits\":[\"ExtendedFileRole\"]}]," \
	"\"extension_exports\":["                                                            \
	"{\"name\":\"analyze_data\","                                                        \
	"\"symbol\":\"__bpftime_extension_entry_AdminRole_analyze_data\","                   \
	"\"roles\":[\"AdminRole\"],\"signature\":{\"params\":["                              \
	"{\"type\":\"const char *\",\"name\":\"data\"},"                                     \
	"{\"type\":\"int\",\"name\":\"length\"}],\"return_type\":\"int\"}},"                 \
	"{\"name\":\"process_string\","                                                      \
	"\"symbol\":\"__bpftime_extension_entry_AdminRole_process_string\","                 \
	"\"roles\":[\"AdminRole\"],\"signature\":{\"params\":["                              \
	"{\"type\":\"const char *\",\"name\":\"input\"},"                                    \
	"{\"type\":\"int\",\"name\":\"mode\"}],\"return_type\":\"int\"}}]}"
