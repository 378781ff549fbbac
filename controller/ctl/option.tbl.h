/*
 * Options: OPTION(ID, long name, letter or 0, value, word for the value, help)
 *   value  NONE      a flag
 *          ONE       a value follows
 *          MANY      the same, and the option may come again
 *          MAYBE     a number may follow
 *
 * To add one: a row here, and OPT(ID) in the rows of command.tbl.h that take it.
 */
OPTION(SERVER, "server", 0, ONE, "URL",
       "the controller; else $EIM_SERVER, else http://127.0.0.1:8080")
OPTION(OUTPUT, "output", 'o', ONE, "table|json|yaml", "how results are printed (table)")
OPTION(HELP, "help", 'h', NONE, NULL, "say what the command does")
OPTION(VERSION, "version", 0, NONE, NULL, "print the version")
OPTION(FILE, "file", 'f', MANY, "PATH", "a policy file, or a folder with a policy.yaml")
OPTION(VALIDATE_ONLY, "validate-only", 0, NONE, NULL, "have everything checked and change nothing")
OPTION(WAIT, "wait", 0, MAYBE, "SECONDS", "wait until the hosts have done it (60)")
OPTION(STRICT, "strict", 0, NONE, NULL, "what is not enforced is an error")
OPTION(SPEC, "spec", 0, ONE, "FILE", "the EIM spec")
OPTION(ROLE, "role", 0, MANY, "NAME", "a role of the spec; of several (or A,B) what all of them allow")
OPTION(HOST_BINARY, "host-binary", 0, ONE, "FILE",
       "the host's binary; its BTF narrows the role, or declares it")
OPTION(BTF, "btf", 0, ONE, "FILE", "the host's BTF as a file of its own")
OPTION(BTF_DIR, "btf-dir", 0, ONE, "DIR",
       "where BTF files lie by build id (/usr/lib/debug/.build-id), for binaries without .BTF")
OPTION(KERNEL, "kernel", 0, NONE, NULL, "show the verdict of the kernel's own verifier beside ours")
OPTION(BY, "by", 0, ONE, "host", "one row per host instead of merged values")
OPTION(POLICY, "policy", 0, ONE, "NAME", "only this policy's events")
OPTION(FOLLOW, "follow", 0, NONE, NULL, "go on with what comes")
OPTION(LIMIT, "limit", 0, ONE, "N", "no more than the newest N events")
