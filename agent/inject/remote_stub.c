/*
 * The stub: a `syscall`, and behind it the way back for a runner whose tracer has died.
 *
 *	syscall                         our calls; the runner stops at its end, as long as we live
 *	rt_sigprocmask(SETMASK, mask)   its own signal mask
 *	popf, mov × 15, jmp             its own flags, registers and place; the red zone is left alone
 *
 * A runner that was in a system call goes back onto it, as the kernel would have put it there. The stub
 * lies in the slack behind a module's text: the rest of the segment's last page, which is mapped
 * executable and belongs to nothing.
 */
#include "agent/inject/remote_impl.h"

#include <elf.h>
#include <sys/syscall.h>

#define PAGE		  4096u
#define MAX_HEADERS	  64u
#define RED_ZONE	  128
#define ERESTARTSYS	  512
#define ERESTARTNOINTR	  513
#define ERESTARTNOHAND	  514
#define ERESTART_BY_BLOCK 516

/* ---- writing it ---- */

struct code {
	uint8_t *bytes;
	size_t size;
};

static void put(struct code *c, const void *bytes, size_t size)
{
	memcpy(c->bytes + c->size, bytes, size);
	c->size += size;
}

static void put_u32(struct code *c, uint32_t value)
{
	put(c, &value, sizeof(value));
}

static void put_u64(struct code *c, uint64_t value)
{
	put(c, &value, sizeof(value));
}

#define PUT(c, ...) put(c, (const uint8_t[]){__VA_ARGS__}, sizeof((const uint8_t[]){__VA_ARGS__}))

/* What the kernel does with a call that it ended by a restart code and no signal handler runs. */
static void settle_restart(struct user_regs_struct *regs)
{
	long long code = -(long long)regs->rax;
	if ((long long)regs->orig_rax < 0)
		return;
	if (code == ERESTARTSYS || code == ERESTARTNOINTR || code == ERESTARTNOHAND)
		regs->rax = regs->orig_rax;
	else if (code == ERESTART_BY_BLOCK)
		regs->rax = SYS_restart_syscall;
	else
		return;
	regs->rip -= 2;
}

/* mov $8, by the encoding's number of the register */
static void put_registers(struct code *c, const struct user_regs_struct *regs)
{
	const uint64_t by_number[16] = {regs->rax, regs->rcx, regs->rdx, regs->rbx,
					0,	   regs->rbp, regs->rsi, regs->rdi,
					regs->r8,  regs->r9,  regs->r10, regs->r11,
					regs->r12, regs->r13, regs->r14, regs->r15};
	for (uint8_t n = 0; n < 16; n++) {
		if (n == 4) /* rsp was never changed */
			continue;
		PUT(c, (uint8_t)(0x48 | n >> 3), (uint8_t)(0xb8 | (n & 7)));
		put_u64(c, by_number[n]);
	}
}

static void put_flags(struct code *c, uint64_t flags)
{
	PUT(c, 0x48, 0x8d, 0xa4, 0x24); /* lea rsp, [rsp - 136] */
	put_u32(c, (uint32_t) - (RED_ZONE + 8));
	PUT(c, 0xc7, 0x04, 0x24); /* mov dword [rsp], flags */
	put_u32(c, (uint32_t)flags);
	PUT(c, 0xc7, 0x44, 0x24, 0x04); /* mov dword [rsp + 4], 0 */
	put_u32(c, 0);
	PUT(c, 0x9d);			/* popfq */
	PUT(c, 0x48, 0x8d, 0xa4, 0x24); /* lea rsp, [rsp + 128] */
	put_u32(c, RED_ZONE);
}

size_t remote_stub_encode(const struct user_regs_struct *going, uint64_t mask,
			  uint8_t out[REMOTE_STUB_MAX])
{
	struct code c = {out, 0};
	struct user_regs_struct regs = *going;
	settle_restart(&regs);
	PUT(&c, 0x0f, 0x05);			    /* syscall */
	PUT(&c, 0xb8, SYS_rt_sigprocmask, 0, 0, 0); /* mov eax, rt_sigprocmask */
	PUT(&c, 0xbf, 2, 0, 0, 0);		    /* mov edi, SIG_SETMASK */
	PUT(&c, 0x48, 0x8d, 0x35);		    /* lea rsi, [rip + mask] */
	size_t distance_at = c.size;
	put_u32(&c, 0);
	PUT(&c, 0x31, 0xd2);		 /* xor edx, edx */
	PUT(&c, 0x41, 0xba, 8, 0, 0, 0); /* mov r10d, 8 */
	PUT(&c, 0x0f, 0x05);		 /* syscall */
	put_flags(&c, regs.eflags);
	put_registers(&c, &regs);
	PUT(&c, 0xff, 0x25, 0, 0, 0, 0); /* jmp [rip + 0] */
	put_u64(&c, regs.rip);
	uint32_t distance = (uint32_t)(c.size - distance_at - 4);
	memcpy(out + distance_at, &distance, sizeof(distance));
	put_u64(&c, mask);
	return c.size;
}

/* ---- finding room for it ---- */

/* The mapping of the same file that holds its ELF header. */
static const struct process_mapping *header_of(const struct process_maps *maps,
					       const struct process_mapping *text)
{
	for (const struct process_mapping *m = text;; m--) {
		if (m->inode != text->inode || m->device != text->device)
			return NULL;
		if (m->offset == 0)
			return m;
		if (m == maps->items)
			return NULL;
	}
}

/* How far the file's executable segment goes that `text` shows, as a file offset; 0 where unknown. */
static uint64_t segment_end(struct remote *r, uint64_t header, const struct process_mapping *text)
{
	Elf64_Ehdr file;
	Elf64_Phdr segments[MAX_HEADERS];
	OWNED(err) struct err *e = remote_read(r, header, &file, sizeof(file));
	if (e || file.e_phnum > MAX_HEADERS || file.e_phentsize != sizeof(segments[0]))
		return 0;
	e = remote_read(r, header + file.e_phoff, segments, file.e_phnum * sizeof(segments[0]));
	for (unsigned i = 0; !e && i < file.e_phnum; i++) {
		const Elf64_Phdr *s = &segments[i];
		if (s->p_type == PT_LOAD && (s->p_flags & PF_X) &&
		    (s->p_offset & ~(uint64_t)(PAGE - 1)) == text->offset &&
		    s->p_filesz == s->p_memsz)
			return s->p_offset + s->p_filesz;
	}
	return 0;
}

static uint64_t slack_of(struct remote *r, const struct process_maps *maps,
			 const struct process_mapping *text, uint64_t size)
{
	const struct process_mapping *header = header_of(maps, text);
	uint64_t end = header ? segment_end(r, header->start, text) : 0;
	if (end <= text->offset || end - text->offset > text->end - text->start)
		return 0;
	uint64_t from = (text->start + (end - text->offset) + 15) & ~(uint64_t)15;
	return from < text->end && text->end - from >= size && text->end - from < PAGE ? from : 0;
}

/* A tracer that died may have left a stub with a thread still on its way out of it. */
static bool is_in_use(struct remote *r, uint64_t slack, uint64_t size)
{
	uint8_t start[2];
	bool used = true;
	OWNED(err) struct err *e = remote_read(r, slack, start, sizeof(start));
	if (!e && (start[0] != 0x0f || start[1] != 0x05))
		return false;
	if (!e)
		e = remote_uses(r, slack, slack + size, &used);
	return e || used;
}

uint64_t remote_find_slack(struct remote *r, uint64_t size)
{
	const struct process_maps *maps;
	OWNED(err) struct err *e = remote_maps(r, &maps);
	for (size_t i = 0; !e && i < maps->count; i++) {
		const struct process_mapping *m = &maps->items[i];
		uint64_t found = 0;
		if (m->execute && !m->shared && m->inode)
			found = slack_of(r, maps, m, size);
		if (found && !is_in_use(r, found, size))
			return found;
	}
	return 0;
}

/* ---- finding a `syscall` ---- */

static uint64_t search(struct remote *r, uint64_t start, uint64_t end)
{
	uint8_t page[PAGE];
	for (uint64_t at = start; at < end; at += PAGE) {
		OWNED(err) struct err *e = remote_read(r, at, page, sizeof(page));
		const uint8_t *found = e ? NULL : memmem(page, sizeof(page), "\x0f\x05", 2);
		if (found)
			return at + (uint64_t)(found - page);
	}
	return 0;
}

uint64_t remote_find_syscall(struct remote *r)
{
	const struct process_maps *maps;
	OWNED(err) struct err *e = remote_maps(r, &maps);
	uint64_t found = 0;
	for (size_t i = 0; !e && !found && i < maps->count; i++)
		if (str_is(maps->items[i].path, "[vdso]"))
			found = search(r, maps->items[i].start, maps->items[i].end);
	for (size_t i = 0; !e && !found && i < maps->count; i++)
		if (maps->items[i].execute && maps->items[i].inode)
			found = search(r, maps->items[i].start, maps->items[i].end);
	return found;
}
