#include "controller/ctl/ctl.h"

int main(int argc, char **argv)
{
	return ctl_run(argc - 1, argv + 1, stdout);
}
