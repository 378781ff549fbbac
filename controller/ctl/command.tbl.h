/*
 * Commands: COMMAND(name, words, fewest, most, options, help, more)
 *   words         how the words after the name are written in help; fewest … most of them
 *   options       OPT(…) of option.tbl.h, beside the global ones
 *   help, more    one line for the list, and what `COMMAND --help` adds
 *
 * To add one: a row here, and cmd_NAME() in cmd_NAME.c.
 */
COMMAND(lint, "FILE…", 1, ARGS_MAX_WORDS, OPT(STRICT), "check EIM specs and policy files",
	"Prints FILE:LINE:COLUMN: and what is wrong there. Ends with 1 where there is an error.\n"
	"Constraints in prose are not enforced: a warning, with --strict an error.")
COMMAND(verify, "PROGRAM.o", 1, 1,
	OPT(SPEC) | OPT(ROLE) | OPT(HOST_BINARY) | OPT(BTF) | OPT(BTF_DIR) | OPT(KERNEL),
	"say whether a program keeps to a role, without any host",
	"Runs the agent's verifier here. Ends with 0 for accepted and 1 for rejected.\n"
	"Without --spec the role is one that the host declares in its BTF. With --kernel each entry\n"
	"is also loaded into this kernel (attached to nothing), which knows no roles; the exit code\n"
	"stays ours.")
COMMAND(explain, "ROLE…", 0, ROLE_MAX_TOGETHER,
	OPT(SPEC) | OPT(ROLE) | OPT(HOST_BINARY) | OPT(BTF) | OPT(BTF_DIR),
	"show a role's rights, and where each comes from",
	"The effective role: after inheritance, and after narrowing by the host's BTF where it is "
	"given.\nWithout --spec the role is one that the host declares in its BTF.\nOf several roles: what a program may do "
	"under all of them, and what that leaves out.")
COMMAND(apply, "-f PATH…", 0, 0, OPT(FILE) | OPT(VALIDATE_ONLY) | OPT(WAIT),
	"bring policies, with their programs and specs, to the controller",
	"PATH is a policy file, or a folder with a policy.yaml; `file:` in it is relative to it.\n"
	"What the controller has already is not sent again. With --wait it ends with 0 when each\n"
	"link on each host is ACTIVE, and with 1 when one FAILED or the time is over.")
COMMAND(delete, "policy NAME | -f PATH…", 0, 2, OPT(FILE) | OPT(WAIT), "take policies back",
	"Names one policy, or those of the files. With --wait it ends when no host has a link of "
	"them.")
COMMAND(get, "specs|programs|policies|hosts [NAME]", 1, 2, 0, "list what there is",
	"With NAME: this one. -o json and -o yaml print it whole.")
COMMAND(describe, "policies|hosts [NAME]", 1, 2, 0,
	"show each host, process and link, and why one failed",
	"One row per host, process and link; under the table the verifier's words for each "
	"failure.")
COMMAND(maps, "POLICY MAP", 2, 2, OPT(BY), "show a map's content, merged over the hosts",
	"Asks the agents now. Says how many of the matching hosts answered.")
COMMAND(events, "", 0, 0, OPT(POLICY) | OPT(FOLLOW) | OPT(LIMIT),
	"show what programs wrote to their ring buffers",
	"One line per event. With --follow it goes on until it is interrupted.")
