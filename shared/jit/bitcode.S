/* The runtime's bitcode, in the program: jit_bitcode … jit_bitcode_end. */
	.section .rodata
	.global jit_bitcode
	.hidden jit_bitcode
	.balign 16
jit_bitcode:
	.incbin "build/bc/runtime.bc"
	.global jit_bitcode_end
	.hidden jit_bitcode_end
jit_bitcode_end:
	.byte 0
	.section .note.GNU-stack, "", @progbits
