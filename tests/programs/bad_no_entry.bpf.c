/* Refused: no function is in a section that says where it goes. */
#include "eim_bpf.h"

int helper(int x)
{
	return x + 1;
}
