/* See in-place.h. */
#define _GNU_SOURCE
#include "in-place.h"

#include <errno.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/guard.h"
#include "operation.h"

enum {
	SLOW_US = 2000,           /* a write into the page cache that took longer has waited for something */
	SLOW_PAUSE_US = 1000000,
};

/* 1 if the read has been done: nobody has written there yet. */
static int read_hole(const struct vb_open_file *opened, double *operation)
{
	size_t length = (size_t)operation[VB_F_LENGTH];
	if (!opened->file.anonymous || !vb_file_is_hole(&opened->file, (uint64_t)operation[VB_F_OFFSET], length)) return 0;
	memset((void *)(uintptr_t)operation[VB_F_ADDRESS], 0, length);
	operation[VB_F_KIND] = 0;
	return 1;
}

enum called { DONE, GONE, NO_SUCH_CALL };

/* Reads what ought to be in memory: what is not any more is not waited for. */
static enum called read_by_call(const struct vb_file *file, uint64_t offset, void *to, size_t length)
{
	struct iovec all = { to, length };
	/* (A file system in memory has no such reads, for it has nothing to wait for.) */
	ssize_t n = preadv2(file->fd, &all, 1, (off_t)offset, file->in_memory ? 0 : RWF_NOWAIT);
	if (n < 0 && errno == EOPNOTSUPP) return NO_SUCH_CALL;
	return n == (ssize_t)length ? DONE : GONE;
}

/* 1 if the read has been done: all of it is in memory. */
static int read_in_place(struct vb_residents *residents, struct vb_open_file *opened, double *operation, int kind)
{
	uint64_t offset = (uint64_t)operation[VB_F_OFFSET];
	size_t length = (size_t)operation[VB_F_LENGTH];
	int by_call = 0;
	void *to = (void *)(uintptr_t)operation[VB_F_ADDRESS];
	int borrows = kind & VB_MAY_BORROW;
	uint8_t *mapped = borrows ? vb_resident(residents, opened, offset, length)
				  : vb_resident_to_copy(residents, opened, offset, length, &by_call);
	if (!mapped) return read_hole(opened, operation);
	if (borrows) operation[VB_F_BORROWED] = (double)(uintptr_t)mapped;
	else {
		enum called called = by_call ? read_by_call(&opened->file, offset, to, length) : NO_SUCH_CALL;
		if (called == GONE) return 0;
		if (called == NO_SUCH_CALL && vb_copy(to, mapped, length) != 0) return 0;
	}
	operation[VB_F_KIND] = 0;
	return 1;
}

/*
 * 1 if the write has been done, or has failed. Only in a file system in memory: any other may wait for its disk even for
 * a write into the page cache, and then all blades with it (ext4: for the journal, when a disk hangs during a commit).
 */
static int write_in_place(struct vb_residents *residents, struct vb_open_file *opened, double *operation)
{
	uint64_t offset = (uint64_t)operation[VB_F_OFFSET], failed = offset;
	size_t length = (size_t)operation[VB_F_LENGTH];
	int by_call;
	void *memory = (void *)(uintptr_t)operation[VB_F_ADDRESS];
	if (!opened->file.map_writable) return 0;
	/* (There it is as stable as it can be: nobody needs to sync it.) */
	uint8_t *mapped = vb_resident_to_copy(residents, opened, offset, length, &by_call);
	if (mapped && !by_call) {
		/* If the mapping gave way, it is written again by someone who learns why. */
		if (vb_copy(mapped, memory, length) != 0) return 0;
		operation[VB_F_KIND] = 0;
		return 1;
	}
	uint64_t begin = vb_now_us();
	int whole_pages = (offset | length) % (uint64_t)getpagesize() == 0;
	if ((!mapped && !whole_pages) || begin < opened->slow_until) return 0;
	int error = vb_file_write(&opened->file, offset, memory, length, &failed);
	/* Who may wait for what is lacking tries again. */
	if (error == -ENOMEM || error == -EAGAIN || error == -EINTR) return 0;
	operation[VB_F_KIND] = error;
	operation[VB_F_OFFSET] = (double)failed;
	uint64_t end = vb_now_us();
	if (end - begin > SLOW_US) opened->slow_until = end + SLOW_PAUSE_US;
	return 1;
}

int vb_run_in_place(struct vb_residents *residents, struct vb_open_file *opened, double *operation, int kind)
{
	switch (kind & 15) {
	case VB_READ: return read_in_place(residents, opened, operation, kind);
	case VB_WRITE: return write_in_place(residents, opened, operation);
	case VB_FLUSH:
		if (!opened->file.in_memory) return 0;
		operation[VB_F_KIND] = 0;
		return 1;
	default: return 0;
	}
}
