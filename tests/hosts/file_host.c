/*
 * file_host - a program that offers extensions its file functions under three roles, by eim.h:
 * AdminRole ⊃ ExtendedFileRole ⊃ BasicFileRole. It runs entries as its standard input says:
 *
 *	analyze TEXT        analyze_data(TEXT, its length), then "result R"
 *	process MODE TEXT   process_string(TEXT, MODE), then "result R"
 *	copy FROM TO        reads FROM and writes TO with its own functions, then "copied N"
 *	EOF                 exit 0
 *
 * It prints "ready PID" first. Where no extension runs, analyze_data() sums the bytes, and process_string()
 * counts the bytes that are MODE.
 */
#include "eim.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* ---- what extensions may call, and who ---- */

EIM_HOST_FUNCTION(file_ops, host_open_file)
EIM_HOST_FUNCTION(file_ops, host_read_file)
EIM_HOST_FUNCTION(file_ops, host_write_file)

EIM_CAPABILITY(FileRead, file_ops, host_open_file)
EIM_CAPABILITY(FileRead, file_ops, host_read_file)
EIM_CAPABILITY(FileWrite, file_ops, host_write_file)

EIM_ROLE_HAS(BasicFileRole, FileRead)
EIM_ROLE_HAS(ExtendedFileRole, FileWrite)
EIM_ROLE_INHERITS(ExtendedFileRole, BasicFileRole)
EIM_ROLE(AdminRole)
EIM_ROLE_INHERITS(AdminRole, ExtendedFileRole)

EIM_API static int host_open_file(const char *filename, int flags)
{
	return open(filename, flags | O_CLOEXEC, 0600);
}

EIM_API static int host_read_file(int fd, char *buffer, int length)
{
	return length < 0 ? -1 : (int)read(fd, buffer, (size_t)length);
}

EIM_API static int host_write_file(int fd, const char *buffer, int length)
{
	return length < 0 ? -1 : (int)write(fd, buffer, (size_t)length);
}

/* ---- where extensions run ---- */

EIM_ENTRY(AdminRole, analyze_data, int, const char *data, int length)
{
	int sum = 0;
	for (int i = 0; i < length; i++)
		sum += (unsigned char)data[i];
	return sum;
}

EIM_ENTRY(AdminRole, process_string, int, const char *input, int mode)
{
	int count = 0;
	for (; *input; input++)
		count += *input == mode;
	return count;
}

/* ---- commands ---- */

static void analyze(const char *text)
{
	printf("result %d\n", EIM_CALL(AdminRole, analyze_data)(text, (int)strlen(text)));
}

static void process(char *words)
{
	char *text = strchr(words, ' ');
	int mode = (int)strtol(words, NULL, 10);
	printf("result %d\n", EIM_CALL(AdminRole, process_string)(text ? text + 1 : "", mode));
}

static void copy(char *words)
{
	char buffer[4096], *to = strchr(words, ' ');
	if (to)
		*to++ = 0;
	int in = host_open_file(words, O_RDONLY);
	int out = to ? host_open_file(to, O_WRONLY | O_CREAT | O_TRUNC) : -1;
	int got = host_read_file(in, buffer, sizeof(buffer));
	printf("copied %d\n", host_write_file(out, buffer, got));
	close(in);
	close(out);
}

static void run(char *line)
{
	if (strncmp(line, "analyze ", 8) == 0)
		analyze(line + 8);
	else if (strncmp(line, "process ", 8) == 0)
		process(line + 8);
	else if (strncmp(line, "copy ", 5) == 0)
		copy(line + 5);
	else
		printf("what?\n");
}

int main(void)
{
	char line[8192];
	setvbuf(stdout, NULL, _IOLBF, 0);
	printf("ready %d\n", (int)getpid());
	while (fgets(line, sizeof(line), stdin)) {
		line[strcspn(line, "\n")] = 0;
		run(line);
	}
	return 0;
}
