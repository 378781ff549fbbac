/*
 * Descriptors of ours, opened in the target: it makes a socket pair, we take one end by pidfd_getfd and
 * send; it receives. Nothing has a name, so nobody's namespaces matter. And the target's mappings.
 */
#include "agent/inject/remote_impl.h"

#include "shared/base/file.h"

#include <errno.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>

#define PAGE	  4096u
#define BATCH_MAX 64u /* descriptors in one message; the kernel takes 253 */

/* The scratch page while descriptors are received. */
struct mailbox {
	int pair[2];
	struct msghdr message;
	struct iovec byte_at;
	char byte;
	char control[CMSG_SPACE(BATCH_MAX * sizeof(int))] __attribute__((aligned(8)));
};
_Static_assert(sizeof(struct mailbox) <= PAGE, "fits the scratch page");

/* A call that must give no errno. */
static struct err *call(struct remote *r, const char *name, long number, const uint64_t args[6],
			int64_t *result)
{
	TRY(remote_syscall(r, number, args, result));
	if (*result < 0 && *result >= -4095)
		return err_sys((int)-*result, "%s in process %d", name, r->pid);
	return NULL;
}

/* ---- memory ---- */

struct err *remote_scratch(struct remote *r, uint64_t *out)
{
	int64_t result;
	if (!r->scratch) {
		TRY(call(r, "mmap", SYS_mmap,
			 (uint64_t[6]){0, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
				       (uint64_t)-1, 0},
			 &result));
		r->scratch = (uint64_t)result;
	}
	*out = r->scratch;
	return NULL;
}

void remote_scratch_free(struct remote *r)
{
	if (!r->scratch)
		return;
	OWNED(err) struct err *e = remote_munmap(r, r->scratch, PAGE); /* fails where it has died */
	r->scratch = 0;
}

static struct err *occupied(const struct remote *r, uint64_t address)
{
	return err_new(ERR_FAILED_PRECONDITION, "something is mapped at 0x%llx of process %d",
		       (unsigned long long)address, r->pid);
}

struct err *remote_mmap(struct remote *r, uint64_t address, uint64_t size, int protection,
			int flags, int remote_fd, uint64_t offset)
{
	int64_t result;
	if (!(flags & MAP_FIXED))
		flags |= MAP_FIXED_NOREPLACE;
	TRY(remote_syscall(r, SYS_mmap,
			   (uint64_t[6]){address, size, (uint64_t)protection, (uint64_t)flags,
					 (uint64_t)(int64_t)remote_fd, offset},
			   &result));
	if (result == -EEXIST)
		return occupied(r, address);
	if (result < 0 && result >= -4095)
		return err_sys((int)-result, "mmap in process %d", r->pid);
	if ((uint64_t)result == address)
		return NULL;
	TRY(remote_munmap(r, (uint64_t)result, size)); /* kernels that take the address as a hint */
	return occupied(r, address);
}

struct err *remote_munmap(struct remote *r, uint64_t address, uint64_t size)
{
	int64_t result;
	return call(r, "munmap", SYS_munmap, (uint64_t[6]){address, size}, &result);
}

/* ---- descriptors ---- */

static struct err *close_there(struct remote *r, int fd)
{
	int64_t result;
	return call(r, "close", SYS_close, (uint64_t[6]){(uint64_t)fd}, &result);
}

/* Our end of the target's socket pair; the target's copy of it is closed. */
static struct err *take_end(struct remote *r, int their_fd, int *out)
{
	OWNED(fd) int process = (int)syscall(SYS_pidfd_open, r->pid, 0);
	if (process < 0)
		return err_sys(errno, "pidfd_open of process %d", r->pid);
	OWNED(fd) int end = (int)syscall(SYS_pidfd_getfd, process, their_fd, 0);
	if (end < 0)
		return err_sys(errno, "pidfd_getfd from process %d", r->pid);
	TRY(close_there(r, their_fd));
	*out = FD_MOVE(end);
	return NULL;
}

static struct err *send_batch(int end, const int *fds, uint32_t count)
{
	struct mailbox box = {0};
	box.byte_at = (struct iovec){&box.byte, 1};
	box.message = (struct msghdr){.msg_iov = &box.byte_at,
				      .msg_iovlen = 1,
				      .msg_control = box.control,
				      .msg_controllen = CMSG_SPACE(count * sizeof(int))};
	struct cmsghdr *rights = CMSG_FIRSTHDR(&box.message);
	rights->cmsg_level = SOL_SOCKET;
	rights->cmsg_type = SCM_RIGHTS;
	rights->cmsg_len = CMSG_LEN(count * sizeof(int));
	memcpy(CMSG_DATA(rights), fds, count * sizeof(int));
	if (sendmsg(end, &box.message, MSG_NOSIGNAL | MSG_DONTWAIT) != 1)
		return err_sys(errno, "sending %u descriptors", count);
	return NULL;
}

static uint64_t box_at(uint64_t scratch, size_t offset)
{
	return scratch + offset;
}

static struct err *ask_for_batch(struct remote *r, uint64_t scratch, int socket, uint32_t count)
{
	struct mailbox box = {0};
	int64_t result;
	box.byte_at = (struct iovec){(void *)box_at(scratch, offsetof(struct mailbox, byte)), 1};
	box.message =
		(struct msghdr){.msg_iov =
					(void *)box_at(scratch, offsetof(struct mailbox, byte_at)),
				.msg_iovlen = 1,
				.msg_control =
					(void *)box_at(scratch, offsetof(struct mailbox, control)),
				.msg_controllen = CMSG_SPACE(count * sizeof(int))};
	TRY(remote_write(r, scratch, &box, sizeof(box)));
	return call(r, "recvmsg", SYS_recvmsg,
		    (uint64_t[6]){(uint64_t)socket,
				  box_at(scratch, offsetof(struct mailbox, message)),
				  MSG_CMSG_CLOEXEC | MSG_DONTWAIT},
		    &result);
}

static struct err *receive_batch(struct remote *r, uint64_t scratch, int socket, uint32_t count,
				 int *out)
{
	struct mailbox box;
	struct cmsghdr rights;
	TRY(ask_for_batch(r, scratch, socket, count));
	TRY(remote_read(r, scratch, &box, sizeof(box)));
	memcpy(&rights, box.control, sizeof(rights));
	if (box.message.msg_controllen >= CMSG_LEN(count * sizeof(int)) &&
	    rights.cmsg_len == CMSG_LEN(count * sizeof(int))) {
		memcpy(out, box.control + CMSG_LEN(0), count * sizeof(int));
		return NULL;
	}
	size_t came = 0;
	if (box.message.msg_controllen >= CMSG_LEN(0) && rights.cmsg_len >= CMSG_LEN(0))
		came = MIN((rights.cmsg_len - CMSG_LEN(0)) / sizeof(int), (size_t)count);
	for (size_t i = 0; i < came; i++) {
		int fd;
		memcpy(&fd, box.control + CMSG_LEN(0) + i * sizeof(int), sizeof(fd));
		TRY(close_there(r, fd));
	}
	return err_new(ERR_RESOURCE_EXHAUSTED, "process %d cannot open %u more files", r->pid,
		       count);
}

static struct err *send_over(struct remote *r, uint64_t scratch, int socket, int end,
			     const int *fds, uint32_t count, int *remote_fds)
{
	for (uint32_t done = 0; done < count;) {
		uint32_t batch = MIN(count - done, BATCH_MAX);
		struct err *e = send_batch(end, fds + done, batch);
		if (!e)
			e = receive_batch(r, scratch, socket, batch, remote_fds + done);
		for (uint32_t i = 0; e && i < done; i++)
			err_add(&e, close_there(r, remote_fds[i]));
		TRY(e);
		done += batch;
	}
	return NULL;
}

static struct err *make_pair(struct remote *r, uint64_t scratch, int pair[2])
{
	int64_t result;
	TRY(call(r, "socketpair", SYS_socketpair,
		 (uint64_t[6]){AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0,
			       box_at(scratch, offsetof(struct mailbox, pair))},
		 &result));
	return remote_read(r, box_at(scratch, offsetof(struct mailbox, pair)), pair,
			   2 * sizeof(int));
}

struct err *remote_send_fds(struct remote *r, const int *fds, uint32_t count, int *remote_fds)
{
	uint64_t scratch;
	int pair[2];
	OWNED(fd) int end = -1;
	if (count == 0)
		return NULL;
	TRY(remote_scratch(r, &scratch));
	TRY(make_pair(r, scratch, pair));
	struct err *e = take_end(r, pair[0], &end);
	if (e)
		err_add(&e, close_there(r, pair[0]));
	else
		e = send_over(r, scratch, pair[1], end, fds, count, remote_fds);
	err_add(&e, close_there(r, pair[1]));
	return e;
}
