/*
 * eim-compile - the agent's compiler: a request on standard input, an answer on standard output.
 */
#include "agent/compile/compile.h"
#include "agent/compile/sandbox.h"

#include "shared/base/file.h"
#include "shared/jit/jit.h"

#include <stdio.h>
#include <string.h>

static struct err *serve(void)
{
	OWNED_BUF struct buf request = BUF_INIT(COMPILE_MAX_REQUEST);
	OWNED_BUF struct buf answer = BUF_INIT(COMPILE_MAX_ANSWER);
	TRY(jit_init(NULL));
	TRY(sandbox_enter());
	TRY(file_read_fd(STDIN_FILENO, &request));
	compile_answer(buf_bytes(&request), &answer);
	TRY(buf_check(&answer));
	return file_write_fd(STDOUT_FILENO, buf_bytes(&answer));
}

static int usage(FILE *to, int code)
{
	fputs("usage: eim-compile < request > answer\n"
	      "The agent's compiler, started by eim-agent: it verifies and compiles one program in "
	      "a\n"
	      "process that has no files and no network.\n"
	      "  --help     this text\n"
	      "  --version  the version\n",
	      to);
	return code;
}

int main(int argc, char **argv)
{
	if (argc > 1 && strcmp(argv[1], "--version") == 0) {
		puts("eim-compile " EIM_VERSION);
		return 0;
	}
	if (argc > 1)
		return usage(strcmp(argv[1], "--help") == 0 ? stdout : stderr,
			     strcmp(argv[1], "--help") == 0 ? 0 : 2);
	OWNED(err) struct err *e = serve();
	if (e)
		err_print("eim-compile", e);
	fflush(NULL);
	/* LLVM's destructors have nothing to give back that the kernel does not take. */
	_exit(e ? err_exit(err_code(e)) : 0);
}
