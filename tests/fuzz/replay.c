/*
 * Runs a fuzzer's entry point over the files that are named, or lie in the folders that are named:
 * the corpus as a plain test. Prints how many inputs ran; a finding is a crash or a sanitizer report.
 */
#include "shared/base/file.h"

#include <dirent.h>
#include <stdio.h>
#include <sys/stat.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int replay_file(const char *path)
{
	OWNED_BUF struct buf input = BUF_INIT((size_t)64 << 20);
	OWNED(err) struct err *e = file_read(path, &input);
	if (e) {
		err_print("replay", e);
		return -1;
	}
	LLVMFuzzerTestOneInput((const uint8_t *)buf_text(&input), input.size);
	return 1;
}

static int replay_folder(const char *path)
{
	DIR *folder = opendir(path);
	int ran = 0;
	for (struct dirent *each; folder && (each = readdir(folder));) {
		char name[4096];
		if (each->d_name[0] == '.')
			continue;
		snprintf(name, sizeof(name), "%s/%s", path, each->d_name);
		int here = replay_file(name);
		if (here < 0) {
			ran = -1;
			break;
		}
		ran += here;
	}
	if (folder)
		closedir(folder);
	return ran;
}

int main(int argc, char **argv)
{
	int total = 0;
	for (int i = 1; i < argc; i++) {
		struct stat st;
		if (stat(argv[i], &st) != 0) {
			perror(argv[i]);
			return 2;
		}
		int ran = S_ISDIR(st.st_mode) ? replay_folder(argv[i]) : replay_file(argv[i]);
		if (ran < 0)
			return 2;
		total += ran;
	}
	printf("%d inputs\n", total);
	return total > 0 ? 0 : 1;
}
