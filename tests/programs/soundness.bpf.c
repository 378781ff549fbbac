/* Room for generated programs: the test overwrites the fillers with instructions of its own. */
#include "eim_bpf.h"

__u64 cells[4];

__attribute__((naked, noinline, used)) static int inner(void)
{
	asm volatile(".rept 24\n\t"
		     "r0 = 24301\n\t"
		     ".endr\n\t"
		     "exit");
}

SEC("uprobe//bin/true:main")
__attribute__((naked)) int on_call(struct pt_regs *ctx)
{
	asm volatile("r9 = %[cells] ll\n\t"
		     "call %[inner]\n\t"
		     ".rept 120\n\t"
		     "r0 = 24301\n\t"
		     ".endr\n\t"
		     "exit"
		     :
		     : [cells] "i"(cells), [inner] "i"(inner));
}
