/* What version 4 of the instruction set adds: signed division, sign extension, byte swaps, far jumps. */
#include "eim_bpf.h"

struct signs {
	__s8 byte;
	__s16 half;
	__s32 word;
};

volatile struct signs signs = {-1, -2, -3};

SEC("eim/update")
int update(struct pt_regs *ctx)
{
	long a = (long)PT_REGS_PARM1(ctx), b = (long)PT_REGS_PARM2(ctx);
	long quotient = b ? a / b : 0, rest = b ? a % b : 0;
	long narrow = (long)(signed char)a + (long)(short)b;
	__u64 swapped = __builtin_bswap64((__u64)a);
	long loaded = signs.byte + signs.half + signs.word;
	return (int)(quotient + rest + narrow + (long)swapped + loaded);
}
