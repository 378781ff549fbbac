#include "controller/ctl/ctl.h"

int main(int argc, char **argv)
{
	return ctl_run(argc - 1, (const char *const *)argv + 1, stdout);
}
