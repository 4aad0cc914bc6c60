/* See file.h: reading, writing and syncing. Opening and measuring are in file-open.c, trimming and zeroing in file-ranges.c. */
#define _GNU_SOURCE
#include "file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

#include "memory.h"

#define PAGE 4096u
/* A signal interrupts now and then; a file system that says so each time means something else. */
enum { INTERRUPTED_MAX = 100 };

/* Reads until done; at the end of a file that shrank: -ERANGE. */
static int read_all(const struct vb_file *file, uint64_t offset, uint8_t *to, size_t length, uint64_t *failed)
{
	int interrupted = 0;
	while (length > 0) {
		ssize_t n = pread(file->fd, to, length, (off_t)offset);
		if (n < 0 && errno == EINTR && ++interrupted < INTERRUPTED_MAX) continue;
		if (n < 0) {
			*failed = offset;
			return -errno;
		}
		to += n;
		offset += (size_t)n;
		length -= (size_t)n;
		/* Past a part of a block direct I/O can't go on, nor need it: only the end of a file is within one. */
		if (n == 0 || (file->direct && (size_t)n % file->align != 0)) {
			*failed = offset;
			return length > 0 ? -ERANGE : 0;
		}
	}
	return 0;
}

static int write_all(int fd, uint64_t offset, const uint8_t *from, size_t length, uint64_t *failed)
{
	int interrupted = 0;
	while (length > 0) {
		struct iovec part = { (void *)from, length };
		ssize_t n = pwritev2(fd, &part, 1, (off_t)offset, 0);
		if (n < 0 && errno == EINTR && ++interrupted < INTERRUPTED_MAX) continue;
		if (n <= 0) {
			*failed = offset;
			return n < 0 ? -errno : -EIO;
		}
		from += n;
		offset += (size_t)n;
		length -= (size_t)n;
	}
	return 0;
}

/*
 * O_DIRECT wants offset, length and memory aligned, and frames have none of it. So the whole blocks around the range go
 * through an aligned buffer; a write that covers a block in part reads it first. Overlapping requests never come at the
 * same time: the ordering layer above rounds ranges to whole blocks.
 */
static int direct_transfer(struct vb_file *file, uint64_t offset, void *memory, size_t length, int write, uint64_t *failed)
{
	uint64_t align = file->align > 512 ? file->align : 512;
	uint64_t begin = offset - offset % align;
	uint64_t end = (offset + length + align - 1) / align * align;
	size_t whole = (size_t)(end - begin);
	void *buffer;
	int error = posix_memalign(&buffer, PAGE, whole);
	*failed = offset;
	if (error) return -error;
	uint8_t *inside = (uint8_t *)buffer + (offset - begin);
	if (!write || begin != offset || end != offset + length) error = read_all(file, begin, buffer, whole, failed);
	if (!error && write) {
		memcpy(inside, memory, length);
		error = write_all(file->fd, begin, buffer, whole, failed);
	} else if (!error) {
		memcpy(memory, inside, length);
	}
	/* What failed may be next to what was asked for, in the same block. */
	if (*failed < offset || *failed >= offset + length) *failed = offset;
	free(buffer);
	return error;
}

int vb_file_read(struct vb_file *file, uint64_t offset, void *to, size_t length, uint64_t *failed)
{
	if (file->direct) return direct_transfer(file, offset, to, length, 0, failed);
	return read_all(file, offset, to, length, failed);
}

/* Whether a write will find its memory. Pages that are there already need none. */
static int has_room(const struct vb_file *file, uint64_t offset, size_t length)
{
	if (!file->anonymous || vb_memory_has_room(length)) return 1;
	off_t hole = lseek(file->fd, (off_t)offset, SEEK_HOLE);
	return hole >= 0 && (uint64_t)hole >= offset + length;
}

/* What keeps a write from being tried: 0 or -errno. */
static int check_write(const struct vb_file *file, uint64_t offset, size_t length)
{
	if (!vb_file_reaches(file, offset + length)) return -ERANGE;
	return has_room(file, offset, length) ? 0 : -ENOSPC;
}

int vb_file_write(struct vb_file *file, uint64_t offset, const void *from, size_t length, uint64_t *failed)
{
	*failed = offset;
	int error = check_write(file, offset, length);
	if (error) return error;
	if (file->direct) return direct_transfer(file, offset, (void *)from, length, 1, failed);
	error = write_all(file->fd, offset, from, length, failed);
	/* Memory is the medium: without any it is full. */
	return file->anonymous && error == -ENOMEM ? -ENOSPC : error;
}

int vb_file_write_row(struct vb_file *file, uint64_t offset, const struct iovec *parts, int count)
{
	size_t length = 0;
	for (int i = 0; i < count; i++) length += parts[i].iov_len;
	int error = check_write(file, offset, length);
	if (error) return error;
	ssize_t n = pwritev2(file->fd, parts, count, (off_t)offset, 0);
	if (n < 0) return -errno;
	return (size_t)n == length ? 0 : -EIO;
}

void vb_file_write_out(struct vb_file *file, uint64_t offset, uint64_t length)
{
	/* What goes wrong here comes out in the sync. */
	if (file->synced) sync_file_range(file->fd, (off_t)offset, (off_t)length, SYNC_FILE_RANGE_WRITE);
}

int vb_file_sync(struct vb_file *file)
{
	return fdatasync(file->fd) < 0 ? -errno : 0;
}
