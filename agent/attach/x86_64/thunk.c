/*
 * The frame of a thunk, from rsp upwards; programs get a pointer to it:
 *
 *	0     struct pt_regs, of which the fields that are read are stored
 *	168   rax, rdi, r11, rbx, flags          as they were at the site
 *	208   8 bytes that keep the frame a multiple of 16 away from an entry's rsp
 *	216   in mid-function: the red zone of the function
 *
 * Everything is done by lea, mov and lea again, so that nothing changes a flag before they are saved. At
 * an entry flags are dead and rsp is 8 past a multiple of 16; in mid-function neither is so: flags go
 * through lahf/seto (pushf/popf cost six times as much), rsp is aligned with the frame's address in rbx.
 *
 * r11 is saved at entries, too: compilers that know all callers of a local function may keep things in
 * it. The direction flag is clear at entries, and site_plan() refuses functions that set it.
 *
 * An extension's program comes last, when all is as it was at the site (thunk_entry.c).
 */
#include "agent/attach/x86_64/thunk_emit.h"

#define FRAME_RAX   168u
#define FRAME_RDI   176u
#define FRAME_R11   184u
#define FRAME_RBX   192u
#define FRAME_FLAGS 200u
#define FRAME_BYTES 216u
#define RED_ZONE    128u

#define USER_CS 0x33
#define USER_SS 0x2b

struct frame {
	struct emit *e;
	bool at_entry;
	uint32_t bytes; /* how far rsp has moved */
	uint64_t site;	/* as the program shall see it */
};

/* ---- the context: one row for each field of struct pt_regs, in its order ---- */

static void put_register(const struct frame *f, unsigned reg, uint32_t at)
{
	store(f->e, reg, at);
}

static void put_saved(const struct frame *f, unsigned from, uint32_t at)
{
	load(f->e, RAX, from);
	store(f->e, RAX, at);
}

static void put_value(const struct frame *f, unsigned value, uint32_t at)
{
	store_value(f->e, (int32_t)value, at);
}

static void put_ip(const struct frame *f, unsigned unused, uint32_t at)
{
	(void)unused;
	EMIT(f->e, 0x48, 0x8d, 0x05); /* lea rax, [rip + site] */
	emit_relative(f->e, f->site, 0);
	store(f->e, RAX, at);
}

static void put_sp(const struct frame *f, unsigned unused, uint32_t at)
{
	(void)unused;
	EMIT(f->e, 0x48, 0x8d, 0x84, 0x24); /* lea rax, [rsp + bytes] */
	emit_u32(f->e, f->bytes);
	store(f->e, RAX, at);
}

/* Flags as they are here: rax is saved, and nothing has changed them since the site. */
static void put_flags(const struct frame *f, unsigned unused, uint32_t at)
{
	(void)unused;
	EMIT(f->e, 0x9c, 0x58); /* pushfq; pop rax */
	store(f->e, RAX, at);
}

static const struct {
	void (*put)(const struct frame *f, unsigned value, uint32_t at);
	unsigned value;
} fields[] = {
	{put_register, R15},
	{put_register, R14},
	{put_register, R13},
	{put_register, R12},
	{put_register, RBP},
	{put_register, RBX},
	{put_register, R11},
	{put_register, R10},
	{put_register, R9},
	{put_register, R8},
	{put_saved, FRAME_RAX},
	{put_register, RCX},
	{put_register, RDX},
	{put_register, RSI},
	{put_register, RDI},
	{put_value, (unsigned)-1 /* orig_ax: no system call */},
	{put_ip, 0},
	{put_value, USER_CS},
	{put_flags, 0},
	{put_sp, 0},
	{put_value, USER_SS},
};
#define FIELDS	    (sizeof(fields) / sizeof(fields[0]))
#define FIELD_FLAGS 18u
_Static_assert(FIELDS * 8 == FRAME_RAX, "struct pt_regs has 21 fields");

/* ---- the parts of a thunk ---- */

static void save(const struct frame *f, bool with_flags)
{
	struct emit *e = f->e;
	move_stack(e, -f->bytes);
	store(e, RAX, FRAME_RAX);
	if (with_flags)
		put_flags(f, 0, FIELD_FLAGS * 8);
	if (!f->at_entry) {
		EMIT(e, 0x9f, 0x0f, 0x90, 0xc0); /* lahf; seto al */
		store(e, RAX, FRAME_FLAGS);
	}
	store(e, RDI, FRAME_RDI);
	store(e, R11, FRAME_R11);
}

static void fill_context(const struct frame *f, uint64_t reads)
{
	for (uint32_t n = 0; n < FIELDS; n++)
		if (n != FIELD_FLAGS && (reads >> n & 1))
			fields[n].put(f, fields[n].value, n * 8);
}

/* From here on the frame of a mid-function thunk is at rbx, and rsp is aligned. */
static void align(const struct frame *f)
{
	if (f->at_entry)
		return;
	store(f->e, RBX, FRAME_RBX);
	EMIT(f->e, 0x48, 0x89, 0xe3);	    /* mov rbx, rsp */
	EMIT(f->e, 0x48, 0x83, 0xe4, 0xf0); /* and rsp, -16 */
}

static void unalign(const struct frame *f)
{
	if (f->at_entry)
		return;
	EMIT(f->e, 0x48, 0x89, 0xdc); /* mov rsp, rbx */
	load(f->e, RBX, FRAME_RBX);
}

static void restore(const struct frame *f)
{
	struct emit *e = f->e;
	load(e, R11, FRAME_R11);
	load(e, RDI, FRAME_RDI);
	if (!f->at_entry) {
		load(e, RAX, FRAME_FLAGS);
		EMIT(e, 0x04, 0x7f, 0x9e); /* add al, 0x7f; sahf */
	}
	load(e, RAX, FRAME_RAX);
	move_stack(e, f->bytes);
}

static void put_pointers(struct emit *e, const struct thunk_plan *plan, const size_t *pointers_at)
{
	for (uint32_t i = 0; i < plan->calls_count; i++) {
		if (!pointers_at[i] || e->is_full)
			continue;
		uint32_t distance = (uint32_t)(e->size - (pointers_at[i] + 4));
		memcpy(e->code + pointers_at[i], &distance, sizeof(distance));
		emit_u64(e, plan->calls[i].entry);
	}
}

/* The displaced instructions tell by themselves when something is out of their reach. */
static struct err *put_displaced(struct emit *e, const struct thunk_plan *plan)
{
	uint8_t code[SITE_RELOCATED_MAX];
	size_t size;
	TRY(site_relocate(plan->site, plan->site_address, emit_here(e), code, &size));
	emit_bytes(e, code, size);
	return NULL;
}

static bool is_extension(const struct thunk_call *call)
{
	return call->flags & THUNK_EXTENSION;
}

static void put_calls(const struct frame *f, const struct thunk_plan *plan, size_t *pointers_at)
{
	uint64_t reads = 0;
	for (uint32_t i = 0; i < plan->calls_count; i++)
		if (!is_extension(&plan->calls[i]))
			reads |= plan->calls[i].ctx_reads;
	save(f, reads >> FIELD_FLAGS & 1);
	fill_context(f, reads);
	align(f);
	for (uint32_t i = 0; i < plan->calls_count; i++)
		if (!is_extension(&plan->calls[i]))
			emit_call(f->e, &plan->calls[i], f->at_entry ? RSP : RBX, &pointers_at[i]);
	unalign(f);
	restore(f);
}

static uint32_t count_extensions(const struct thunk_plan *plan)
{
	uint32_t count = 0;
	for (uint32_t i = 0; i < plan->calls_count; i++)
		count += is_extension(&plan->calls[i]);
	return count;
}

static struct err *check_plan(const struct thunk_plan *plan)
{
	uint32_t extensions = count_extensions(plan);
	if (plan->calls_count > THUNK_MAX_LINKS)
		return err_new(ERR_TOO_LARGE, "more than %u links on one place", THUNK_MAX_LINKS);
	if (extensions > 1)
		return err_new(ERR_FAILED_PRECONDITION, "two extensions for one function");
	if (extensions && !plan->site->at_entry)
		return err_new(ERR_FAILED_PRECONDITION, "an extension in the middle of a function");
	return NULL;
}

struct err *thunk_encode(const struct thunk_plan *plan, uint8_t *out, size_t *size,
			 size_t *displaced)
{
	struct emit e = {.code = out, .max = THUNK_MAX_BYTES, .address = plan->thunk_address};
	struct frame f = {&e, plan->site->at_entry, FRAME_BYTES,
			  plan->site_address - plan->site->skip};
	size_t pointers_at[THUNK_MAX_LINKS];
	TRY(check_plan(plan));
	if (!f.at_entry)
		f.bytes += RED_ZONE;
	if (plan->calls_count > count_extensions(plan))
		put_calls(&f, plan, pointers_at);
	for (uint32_t i = 0; i < plan->calls_count; i++)
		if (is_extension(&plan->calls[i]))
			thunk_put_entry(&e, &plan->calls[i], &pointers_at[i]);
	size_t displaced_at = e.size;
	TRY(put_displaced(&e, plan));
	put_pointers(&e, plan, pointers_at);
	if (e.is_full)
		return err_new(ERR_TOO_LARGE, "a thunk of more than %u bytes", THUNK_MAX_BYTES);
	if (e.is_far || !emit_reaches(plan->site_address + SITE_JUMP_BYTES, plan->thunk_address))
		return err_new(ERR_FAILED_PRECONDITION,
			       "the thunk at 0x%llx is out of reach of the place at 0x%llx",
			       (unsigned long long)plan->thunk_address,
			       (unsigned long long)plan->site_address);
	*size = e.size;
	*displaced = displaced_at;
	return NULL;
}
