/*
 * Thunks are run, not looked at: a function is patched in this process, called with known registers and
 * flags, and must leave the same registers, flags and red zone as without the patch, while the program
 * sees the context.
 */
#include "agent/attach/thunk.h"
#include "tests/unit/test.h"

#include <sys/mman.h>

#define AREA	  ((size_t)1 << 20)
#define FUNCTION  0x1000u
#define THUNK	  0x2000u
#define PROGRAM	  0x3000u
#define COUNTERS  0x8000u /* a page that is not executable */
#define CAPTURED  0x8800u
#define REG_COUNT 16

enum { AX, CX, DX, BX, SP, BP, SI, DI };

/* In the order of the numbers of the registers; then flags, and a word of the red zone. */
struct state {
	uint64_t reg[REG_COUNT];
	uint64_t flags, red_zone;
};

struct world {
	uint8_t *area;
	struct site site;
};

/* Loads the registers of `in`, calls `code`, stores what it left to `out`. rsp is not loaded. */
void thunk_test_call(const struct state *in, struct state *out, const void *code);
__asm__(".text\n.globl thunk_test_call\n.type thunk_test_call, @function\n"
	"thunk_test_call:\n"
	"	push %rbx; push %rbp; push %r12; push %r13; push %r14; push %r15\n"
	"	push %rsi; push %rdx\n"
	"	sub $8, %rsp\n"
	"	pushq 128(%rdi); popfq\n"
	"	mov 0(%rdi), %rax; mov 8(%rdi), %rcx; mov 16(%rdi), %rdx; mov 24(%rdi), %rbx\n"
	"	mov 40(%rdi), %rbp; mov 48(%rdi), %rsi; mov 64(%rdi), %r8; mov 72(%rdi), %r9\n"
	"	mov 80(%rdi), %r10; mov 88(%rdi), %r11; mov 96(%rdi), %r12; mov 104(%rdi), %r13\n"
	"	mov 112(%rdi), %r14; mov 120(%rdi), %r15; mov 56(%rdi), %rdi\n"
	"	call *8(%rsp)\n"
	"	mov %rax, 0(%rsp)\n"
	"	mov 16(%rsp), %rax\n"
	"	mov %rcx, 8(%rax); mov %rdx, 16(%rax); mov %rbx, 24(%rax); mov %rsp, 32(%rax)\n"
	"	mov %rbp, 40(%rax); mov %rsi, 48(%rax); mov %rdi, 56(%rax); mov %r8, 64(%rax)\n"
	"	mov %r9, 72(%rax); mov %r10, 80(%rax); mov %r11, 88(%rax); mov %r12, 96(%rax)\n"
	"	mov %r13, 104(%rax); mov %r14, 112(%rax); mov %r15, 120(%rax)\n"
	"	pushfq; popq 128(%rax)\n"
	"	mov 0(%rsp), %rcx; mov %rcx, 0(%rax)\n"
	"	add $24, %rsp\n"
	"	pop %r15; pop %r14; pop %r13; pop %r12; pop %rbp; pop %rbx\n"
	"	ret\n"
	".size thunk_test_call, . - thunk_test_call\n");

static uint64_t at(const struct world *w, uint32_t offset)
{
	return (uint64_t)(uintptr_t)(w->area + offset);
}

static void set_writable(const struct world *w, bool is_writable)
{
	assert_int_equal(mprotect(w->area, COUNTERS,
				  is_writable ? PROT_READ | PROT_WRITE : PROT_READ | PROT_EXEC),
			 0);
}

/* A world with `code` at FUNCTION, planned to be patched at `place`, `spare` of the bytes behind it. */
static struct world world(const uint8_t *code, size_t size, uint64_t place, size_t spare)
{
	struct world w;
	w.area = mmap(NULL, AREA, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	assert_true(w.area != MAP_FAILED);
	memcpy(w.area + FUNCTION, code, size);
	assert_ok(site_plan(bytes_of(code, size), size - spare, place, &w.site));
	return w;
}

#define WORLD(place, ...) \
	world((const uint8_t[]){__VA_ARGS__}, sizeof((const uint8_t[]){__VA_ARGS__}), place, 0)

static void world_end(struct world *w)
{
	munmap(w->area, AREA);
}

/* A program, preserve_most: saves what it changes, uses the stack, copies the context to CAPTURED, and
 * ruins flags, rax, rdi and r11. */
static void put_program(const struct world *w, uint32_t where)
{
	static const uint8_t code[] = {
		0x51, 0x56, 0x41, 0x50,			  /* push rcx; push rsi; push r8 */
		0x48, 0x8d, 0x35, 0,	0,    0,    0,	  /* lea rsi, [rip + CAPTURED] */
		0xb9, 21,   0,	  0,	0,		  /* mov ecx, 21 */
		0x4c, 0x8b, 0x44, 0xcf, 0xf8,		  /* mov r8, [rdi + rcx*8 - 8] */
		0x4c, 0x89, 0x44, 0xce, 0xf8,		  /* mov [rsi + rcx*8 - 8], r8 */
		0xff, 0xc9, 0x75, 0xf2,			  /* dec ecx; jnz */
		0x48, 0x89, 0xa6, 0xa8, 0,    0,    0,	  /* mov [rsi + 168], rsp */
		0x41, 0x58, 0x5e, 0x59,			  /* pop r8; pop rsi; pop rcx */
		0x48, 0xc7, 0xc0, 0xff, 0xff, 0xff, 0xff, /* mov rax, -1 */
		0x49, 0x89, 0xc3, 0x48, 0x89, 0xc7,	  /* mov r11, rax; mov rdi, rax */
		0x48, 0x83, 0xc0, 0x02, 0xc3};		  /* add rax, 2; ret */
	int32_t distance = (int32_t)(CAPTURED - (where + 11));
	memcpy(w->area + where, code, sizeof(code));
	memcpy(w->area + where + 7, &distance, sizeof(distance));
}

static uint64_t captured(const struct world *w, unsigned field)
{
	uint64_t value;
	memcpy(&value, w->area + CAPTURED + field * 8, sizeof(value));
	return value;
}

static uint64_t counter(const struct world *w, unsigned i)
{
	uint64_t value;
	memcpy(&value, w->area + COUNTERS + i * 8, sizeof(value));
	return value;
}

/* Patches the site with a thunk that calls these. */
static void patch(struct world *w, const struct thunk_call *calls, uint32_t count)
{
	uint64_t site = at(w, FUNCTION) + w->site.function_offset + w->site.skip;
	struct thunk_plan plan = {&w->site, site, at(w, THUNK), calls, count};
	size_t size, displaced;
	uint8_t *place = (uint8_t *)(uintptr_t)site;
	assert_ok(thunk_encode(&plan, w->area + THUNK, &size, &displaced));
	assert_true(displaced < size && size <= THUNK_MAX_BYTES);
	int32_t distance = (int32_t)(at(w, THUNK) - (site + SITE_JUMP_BYTES));
	place[0] = 0xe9;
	memcpy(place + 1, &distance, sizeof(distance));
}

static struct state some_state(uint64_t seed)
{
	struct state s = {.flags = 0x202 | (seed & 0x8d5)}; /* OF SF ZF AF PF CF */
	for (unsigned i = 0; i < REG_COUNT; i++)
		s.reg[i] = seed * 0x9e3779b97f4a7c15ull + i * 0x123456789ull;
	return s;
}

static struct state run(const struct world *w, const struct state *in)
{
	struct state out = {0};
	thunk_test_call(in, &out, w->area + FUNCTION);
	out.flags &= 0x8d5;
	return out;
}

/* Runs the function before and after patching, on many register files; both must agree. */
static void stays_the_same(struct world *w, const struct thunk_call *calls, uint32_t count)
{
	struct state before[64];
	set_writable(w, false);
	for (uint64_t i = 0; i < 64; i++) {
		struct state in = some_state(i * 37);
		before[i] = run(w, &in);
	}
	set_writable(w, true);
	put_program(w, PROGRAM);
	patch(w, calls, count);
	set_writable(w, false);
	for (uint64_t i = 0; i < 64; i++) {
		struct state in = some_state(i * 37), after = run(w, &in);
		for (unsigned r = 0; r < REG_COUNT; r++)
			if (after.reg[r] != before[i].reg[r])
				fail_msg("register %u: %lx before, %lx after", r, before[i].reg[r],
					 after.reg[r]);
		assert_int_equal(after.flags, before[i].flags);
	}
}

static struct thunk_call a_call(const struct world *w, unsigned n, uint64_t reads)
{
	return (struct thunk_call){at(w, PROGRAM), at(w, COUNTERS) + n * 8, reads, 0};
}

/* ---- tests ---- */

static void an_entry_keeps_all_registers(void **state)
{
	(void)state;
	/* lea rax,[rdi+rsi]; mov ecx,edx; test ecx,ecx; ret: flags are dead at an entry, so it sets them */
	struct world w = WORLD(0, 0x48, 0x8d, 0x04, 0x37, 0x89, 0xd1, 0x85, 0xc9, 0xc3);
	struct thunk_call call = a_call(&w, 0, 1u << 14);
	stays_the_same(&w, &call, 1);
	assert_int_equal(counter(&w, 0), 64);
	world_end(&w);
}

static void mid_function_keeps_flags_and_red_zone(void **state)
{
	(void)state;
	/* mov [rsp-8],rdi; mov [rsp-128],rsi; cmp rdi,rsi; | mov eax,1 (the place); setg al;
	 * mov rcx,[rsp-8]; add rcx,[rsp-128] by lea so that flags stay; ret */
	struct world w = WORLD(13, 0x48, 0x89, 0x7c, 0x24, 0xf8, 0x48, 0x89, 0x74, 0x24, 0x80, 0x48,
			       0x39, 0xf7, 0xb8, 1, 0, 0, 0, 0x0f, 0x9f, 0xc0, 0x48, 0x8b, 0x4c,
			       0x24, 0xf8, 0x48, 0x8b, 0x54, 0x24, 0x80, 0xc3);
	struct thunk_call call = a_call(&w, 0, ~0ull);
	stays_the_same(&w, &call, 1);
	assert_int_equal(counter(&w, 0), 64);
	world_end(&w);
}

static void mid_function_aligns_the_stack(void **state)
{
	(void)state;
	/* push rbx; | mov eax,1; pop rbx; ret and the same with two pushes */
	struct world w = WORLD(1, 0x53, 0xb8, 1, 0, 0, 0, 0x5b, 0xc3);
	struct thunk_call call = a_call(&w, 0, 0);
	stays_the_same(&w, &call, 1);
	assert_int_equal((captured(&w, 21) + 24 + 8) % 16, 0); /* 3 pushes and the return address */
	world_end(&w);
	w = WORLD(2, 0x53, 0x53, 0xb8, 1, 0, 0, 0, 0x5b, 0x5b, 0xc3);
	call = a_call(&w, 0, 0);
	stays_the_same(&w, &call, 1);
	assert_int_equal((captured(&w, 21) + 24 + 8) % 16, 0);
	world_end(&w);
}

static void the_program_sees_every_field(void **state)
{
	(void)state;
	static const unsigned order[] = {15, 14, 13, 12, 5, 3, 11, 10, 9, 8, 0, 1, 2, 6, 7};
	for (unsigned form = 0; form < 2; form++) {
		/* endbr64; mov eax,1; ret, probed at its start; nop; mov eax,1; ret, behind the nop */
		struct world w = form ? WORLD(1, 0x90, 0xb8, 1, 0, 0, 0, 0xc3)
				      : WORLD(0, 0xf3, 0x0f, 0x1e, 0xfa, 0xb8, 1, 0, 0, 0, 0xc3);
		struct thunk_call call = a_call(&w, 0, ~0ull);
		struct state in = some_state(0x8d5), out;
		put_program(&w, PROGRAM);
		patch(&w, &call, 1);
		set_writable(&w, false);
		out = run(&w, &in);
		for (unsigned i = 0; i < ARRAY_SIZE(order); i++)
			assert_int_equal(captured(&w, i), in.reg[order[i]]);
		assert_int_equal(captured(&w, 15), -1);
		assert_int_equal(captured(&w, 16), at(&w, FUNCTION) + form);
		assert_int_equal(captured(&w, 17), 0x33);
		assert_int_equal(captured(&w, 18) & 0x8d5, in.flags & 0x8d5);
		assert_int_equal(captured(&w, 19), out.reg[SP] - 8);
		assert_int_equal(captured(&w, 20), 0x2b);
		world_end(&w);
	}
}

static void many_programs_on_one_place_each_count(void **state)
{
	(void)state;
	struct world w = WORLD(0, 0xb8, 1, 0, 0, 0, 0x85, 0xc0, 0xc3);
	struct thunk_call calls[THUNK_MAX_LINKS];
	for (unsigned i = 0; i < THUNK_MAX_LINKS; i++)
		calls[i] = a_call(&w, i, 1u << 14);
	stays_the_same(&w, calls, THUNK_MAX_LINKS);
	for (unsigned i = 0; i < THUNK_MAX_LINKS; i++)
		assert_int_equal(counter(&w, i), 64);
	world_end(&w);
}

static void a_far_program_is_called_through_a_pointer(void **state)
{
	(void)state;
	struct world w = WORLD(0, 0xb8, 1, 0, 0, 0, 0x85, 0xc0, 0xc3);
	const uint8_t ret[] = {0x31, 0xc0, 0xc3};
	uint8_t *far = mmap((void *)0x10000000, 4096, PROT_READ | PROT_WRITE,
			    MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);
	assert_true(far != MAP_FAILED);
	memcpy(far, ret, sizeof(ret));
	assert_int_equal(mprotect(far, 4096, PROT_READ | PROT_EXEC), 0);
	struct thunk_call calls[2] = {a_call(&w, 0, 0), a_call(&w, 1, 0)};
	calls[0].entry = calls[1].entry = (uint64_t)(uintptr_t)far;
	stays_the_same(&w, calls, 2);
	assert_int_equal(counter(&w, 0), 64);
	assert_int_equal(counter(&w, 1), 64);
	munmap(far, 4096);
	world_end(&w);
}

static void relocated_forms_do_what_the_originals_did(void **state)
{
	(void)state;
	/* test edi,edi; je over; mov eax,1; ret; over: mov eax,2; test eax,eax; ret */
	struct world w = WORLD(0, 0x85, 0xff, 0x74, 8, 0xb8, 1, 0, 0, 0, 0x85, 0xc0, 0xc3, 0xb8, 2,
			       0, 0, 0, 0x85, 0xc0, 0xc3);
	struct thunk_call call = a_call(&w, 0, 0);
	stays_the_same(&w, &call, 1);
	world_end(&w);
	/* call next; pop rcx; test ecx,ecx; ret: sees its own return address, not a thunk's */
	w = WORLD(0, 0xe8, 0, 0, 0, 0, 0x59, 0x85, 0xc9, 0xc3);
	call = a_call(&w, 0, 0);
	stays_the_same(&w, &call, 1);
	world_end(&w);
	/* lea rax,[rip+10]; test eax,eax; ret */
	w = WORLD(0, 0x48, 0x8d, 0x05, 0x0a, 0, 0, 0, 0x85, 0xc0, 0xc3);
	call = a_call(&w, 0, 0);
	stays_the_same(&w, &call, 1);
	world_end(&w);
	/* start: and edi,255; sub edi,1; jg start; mov eax,edi; ret: a loop that comes back to its start */
	w = WORLD(0, 0x81, 0xe7, 0xff, 0, 0, 0, 0x83, 0xef, 0x01, 0x7f, 0xf5, 0x89, 0xf8, 0xc3);
	assert_false(w.site.at_entry);
	call = a_call(&w, 0, 0);
	stays_the_same(&w, &call, 1);
	assert_true(counter(&w, 0) > 64);
	world_end(&w);
}

/* ---- extensions ---- */

/* Five bytes of no operation as eim.h's entries begin; lea rax,[rdi+rsi]; mov ecx,7; ret */
#define ENTRY_CODE \
	0x0f, 0x1f, 0x44, 0, 0, 0x48, 0x8d, 0x04, 0x37, 0xb9, 7, 0, 0, 0, 0x85, 0xc9, 0xc3

/* The sum of all arguments, or, where the first one is odd, no result; ruins r11 and rdi, and vectors. Leaves
 * the mark at CAPTURED and its stack pointer behind it. */
static void put_extension(const struct world *w)
{
	static const uint8_t code[] = {
		0x51,				       /* push rcx */
		0x48, 0x8b, 0x4f, 0x38,		       /* mov rcx, [rdi + 56] */
		0x48, 0x89, 0x0d, 0,	0,    0,    0, /* mov [rip + CAPTURED], rcx */
		0x48, 0x89, 0x25, 0,	0,    0,    0, /* mov [rip + CAPTURED + 8], rsp */
		0x59,				       /* pop rcx */
		0x48, 0x8b, 0x07,		       /* mov rax, [rdi] */
		0x48, 0x03, 0x47, 0x08,		       /* add rax, [rdi + 8 …] */
		0x48, 0x03, 0x47, 0x10, 0x48, 0x03, 0x47, 0x18, 0x48, 0x03,
		0x47, 0x20, 0x48, 0x03, 0x47, 0x28, 0x4c, 0x8b, 0x1f, /* mov r11, [rdi] */
		0x49, 0x83, 0xe3, 0x01,				      /* and r11, 1 */
		0x4c, 0x89, 0x5f, 0x30,				      /* mov [rdi + 48], r11 */
		0x48, 0xc7, 0xc7, 0xff, 0xff, 0xff, 0xff,	      /* mov rdi, -1 */
		0x66, 0x0f, 0xef, 0xed,				      /* pxor xmm5, xmm5 */
		0x66, 0x45, 0x0f, 0xef, 0xff,			      /* pxor xmm15, xmm15 */
		0xc3};
	const uint32_t at[] = {8, 15};
	memcpy(w->area + PROGRAM, code, sizeof(code));
	for (unsigned i = 0; i < ARRAY_SIZE(at); i++) {
		int32_t distance = (int32_t)(CAPTURED + 8 * i - (PROGRAM + at[i] + 4));
		memcpy(w->area + PROGRAM + at[i], &distance, sizeof(distance));
	}
}

static struct thunk_call an_extension(const struct world *w, uint32_t flags)
{
	return (struct thunk_call){at(w, PROGRAM), at(w, COUNTERS), 63, THUNK_EXTENSION | flags};
}

static void is_kept(const struct state *in, const struct state *out, unsigned but, unsigned or)
{
	for (unsigned r = 0; r < REG_COUNT; r++)
		if (r != but && r != or &&r != SP && in->reg[r] != out->reg[r])
			fail_msg("register %u: %lx before, %lx after", r, in->reg[r], out->reg[r]);
}

static void an_extension_answers_or_lets_the_function_run(void **state)
{
	(void)state;
	static const uint32_t flags[] = {0, THUNK_CALLS_HOST,
					 THUNK_CALLS_HOST | THUNK_KEEPS_VECTORS};
	for (unsigned f = 0; f < ARRAY_SIZE(flags); f++) {
		struct world w = WORLD(0, ENTRY_CODE);
		struct thunk_call call = an_extension(&w, flags[f]);
		assert_true(w.site.at_entry && site_is_padded(&w.site));
		put_extension(&w);
		set_writable(&w, false);
		struct state in = some_state(6), before = run(&w, &in);
		set_writable(&w, true);
		patch(&w, &call, 1);
		set_writable(&w, false);
		for (uint64_t i = 0; i < 64; i++) {
			in = some_state(i * 37);
			struct state out = run(&w, &in);
			assert_int_equal(out.reg[SP], before.reg[SP]);
			if (in.reg[DI] & 1) {
				assert_int_equal(out.reg[AX], in.reg[DI] + in.reg[SI]);
				assert_int_equal(out.reg[CX], 7);
				is_kept(&in, &out, AX, CX);
			} else {
				assert_int_equal(out.reg[AX], in.reg[DI] + in.reg[SI] + in.reg[DX] +
								      in.reg[CX] + in.reg[8] +
								      in.reg[9]);
				is_kept(&in, &out, AX, AX);
			}
			assert_int_equal(captured(&w, 1) % 16, 0); /* a push behind the call */
			if (flags[f])
				assert_in_range(captured(&w, 0), at(&w, THUNK),
						at(&w, THUNK) + THUNK_MAX_BYTES);
		}
		assert_int_equal(counter(&w, 0), 64);
		world_end(&w);
	}
}

/* Calls `code` with known vector registers; the sum of two of them afterwards. */
static uint64_t vectors_after(const void *code, uint64_t one, uint64_t two)
{
	uint64_t five, fifteen;
	__asm__ volatile("movq %[one], %%xmm5; movq %[two], %%xmm15;"
			 "sub $136, %%rsp; call *%[code]; add $136, %%rsp;"
			 "movq %%xmm5, %[five]; movq %%xmm15, %[fifteen]"
			 : [five] "=&r"(five), [fifteen] "=&r"(fifteen)
			 : [one] "b"(one), [two] "r"(two), [code] "r"(code), "D"((uint64_t)2),
			   "S"((uint64_t)3)
			 : "rax", "rcx", "xmm5", "xmm15", "memory", "cc");
	return five + fifteen;
}

static void vector_registers_are_kept_where_it_matters(void **state)
{
	(void)state;
	for (unsigned keeps = 0; keeps < 2; keeps++) {
		struct world w = WORLD(0, ENTRY_CODE);
		struct thunk_call call =
			an_extension(&w, THUNK_CALLS_HOST | (keeps ? THUNK_KEEPS_VECTORS : 0));
		assert_true(thunk_can_keep_vectors());
		put_extension(&w);
		patch(&w, &call, 1);
		set_writable(&w, false);
		assert_int_equal(vectors_after(w.area + FUNCTION, 40, 2), keeps ? 42 : 0);
		world_end(&w);
	}
}

static void probes_of_an_extended_function_run_first(void **state)
{
	(void)state;
	struct world w = WORLD(0, ENTRY_CODE);
	struct thunk_call calls[] = {an_extension(&w, 0), a_call(&w, 1, ~0ull), a_call(&w, 2, 0)};
	const uint32_t probe = PROGRAM + 0x800;
	put_extension(&w);
	put_program(&w, probe);
	int32_t distance = (int32_t)(CAPTURED + 0x100 - (probe + 11));
	memcpy(w.area + probe + 7, &distance, sizeof(distance));
	calls[1].entry = calls[2].entry = at(&w, probe);
	patch(&w, calls, ARRAY_SIZE(calls));
	set_writable(&w, false);
	for (uint64_t i = 0; i < 16; i++) {
		struct state in = some_state(i * 37), out = run(&w, &in);
		assert_int_equal(captured(&w, 32 + 14), in.reg[DI]);
		is_kept(&in, &out, AX, in.reg[DI] & 1 ? CX : AX);
	}
	for (unsigned i = 0; i < 3; i++)
		assert_int_equal(counter(&w, i), 16);
	world_end(&w);
}

static void an_extension_is_alone_and_at_an_entry(void **state)
{
	(void)state;
	uint8_t code[THUNK_MAX_BYTES];
	size_t size, displaced;
	struct world w = WORLD(0, ENTRY_CODE);
	struct thunk_call calls[] = {an_extension(&w, 0), an_extension(&w, 0)};
	struct thunk_plan plan = {&w.site, at(&w, FUNCTION), at(&w, THUNK), calls, 2};
	assert_fails(thunk_encode(&plan, code, &size, &displaced), ERR_FAILED_PRECONDITION, "",
		     "two extensions");
	plan.calls_count = 1;
	w.site.at_entry = false;
	assert_fails(thunk_encode(&plan, code, &size, &displaced), ERR_FAILED_PRECONDITION, "",
		     "in the middle of a function");
	world_end(&w);
	w = WORLD(0, 0xb8, 1, 0, 0, 0, 0xc3);
	assert_false(site_is_padded(&w.site));
	world_end(&w);
}

static void says_so_when_it_does_not_fit(void **state)
{
	(void)state;
	uint8_t code[THUNK_MAX_BYTES];
	size_t size, displaced;
	struct world w = WORLD(0, 0xb8, 1, 0, 0, 0, 0xc3);
	struct thunk_call calls[THUNK_MAX_LINKS + 1] = {a_call(&w, 0, ~0ull)};
	struct thunk_plan plan = {&w.site, at(&w, FUNCTION), at(&w, THUNK), calls,
				  ARRAY_SIZE(calls)};
	assert_fails(thunk_encode(&plan, code, &size, &displaced), ERR_TOO_LARGE, "",
		     "more than 16 links");
	plan.calls_count = 1;
	plan.thunk_address += (uint64_t)4 << 30;
	assert_fails(thunk_encode(&plan, code, &size, &displaced), ERR_FAILED_PRECONDITION, "",
		     "out of reach");
	calls[0].counter += (uint64_t)3 << 30;
	plan.thunk_address = at(&w, THUNK);
	assert_fails(thunk_encode(&plan, code, &size, &displaced), ERR_FAILED_PRECONDITION, "",
		     "out of reach");
	world_end(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_entry_keeps_all_registers),
		cmocka_unit_test(mid_function_keeps_flags_and_red_zone),
		cmocka_unit_test(mid_function_aligns_the_stack),
		cmocka_unit_test(the_program_sees_every_field),
		cmocka_unit_test(many_programs_on_one_place_each_count),
		cmocka_unit_test(a_far_program_is_called_through_a_pointer),
		cmocka_unit_test(relocated_forms_do_what_the_originals_did),
		cmocka_unit_test(an_extension_answers_or_lets_the_function_run),
		cmocka_unit_test(vector_registers_are_kept_where_it_matters),
		cmocka_unit_test(probes_of_an_extended_function_run_first),
		cmocka_unit_test(an_extension_is_alone_and_at_an_entry),
		cmocka_unit_test(says_so_when_it_does_not_fit),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
