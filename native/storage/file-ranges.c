/* See file.h: what is done to a range without bytes for it: trimming, zeroing, and finding out what is there. */
#define _GNU_SOURCE
#include "file.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/falloc.h>
#include <unistd.h>

#define KIB 1024ull
#define MIB (1024 * KIB)
/* Pages of memory that are given back at once. */
#define PUNCH_BYTES (4 * MIB)
/* What is zeroed in one go: where the storage knows how to, and where it has to be written. */
#define QUICK_BYTES (64 * MIB)
#define WRITTEN_BYTES (1 * MIB)

/* Nobody writes to it; not const, so that it takes no room in the library. */
static uint8_t zeros[64 * KIB];

static int write_zeros(struct vb_file *file, uint64_t offset, uint64_t length, uint64_t *failed)
{
	int error = 0;
	while (length > 0 && !error) {
		size_t part = length < sizeof zeros ? (size_t)length : sizeof zeros;
		error = vb_file_write(file, offset, zeros, part, failed);
		offset += part;
		length -= part;
	}
	return error;
}

/*
 * Gives memory back. While the kernel does so nobody else may write to the file, not even the loop's thread, which does so
 * without asking others: it gets its turn between two pieces.
 */
static int punch_in_pieces(const struct vb_file *file, uint64_t begin, uint64_t end)
{
	while (begin < end) {
		off_t data = lseek(file->fd, (off_t)begin, SEEK_DATA);
		if (data < 0 && errno == ENXIO) return 0;
		if (data > 0 && (uint64_t)data > begin) begin = (uint64_t)data;
		if (begin >= end) return 0;
		uint64_t length = end - begin < PUNCH_BYTES ? end - begin : PUNCH_BYTES;
		if (fallocate(file->fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, (off_t)begin, (off_t)length) < 0) return -errno;
		begin += length;
	}
	return 0;
}

/*
 * Has the kernel make zeros of a range, by FALLOC_FL_PUNCH_HOLE or FALLOC_FL_ZERO_RANGE. Parts of blocks are zeroed by the
 * file system in a file, by us on a block device; there the first is "write zeroes, unmapping", which unlike a bare discard
 * promises what is read afterwards, and the second "write zeroes", by the kernel's own pages if the device can't.
 */
static int make_zeros(struct vb_file *file, uint64_t offset, uint64_t length, int mode, uint64_t *failed)
{
	uint64_t block = file->is_block ? file->logical_block : 1;
	uint64_t begin = (offset + block - 1) / block * block, end = (offset + length) / block * block;
	if (begin >= end) return write_zeros(file, offset, length, failed);
	*failed = begin;
	if (file->in_memory && mode == FALLOC_FL_PUNCH_HOLE) return punch_in_pieces(file, begin, end);
	if (fallocate(file->fd, mode | FALLOC_FL_KEEP_SIZE, (off_t)begin, (off_t)(end - begin)) < 0) return -errno;
	int error = write_zeros(file, offset, begin - offset, failed);
	return error ? error : write_zeros(file, end, offset + length - end, failed);
}

int vb_file_trim(struct vb_file *file, uint64_t offset, uint64_t length)
{
	uint64_t failed;
	return length == 0 ? 0 : make_zeros(file, offset, length, FALLOC_FL_PUNCH_HOLE, &failed);
}

int vb_file_trim_list(struct vb_file *file, const double *list, size_t count, uint64_t *failed)
{
	int first_error = 0;
	for (size_t i = 0; i < 2 * count; i += 2) {
		int error = vb_file_trim(file, (uint64_t)list[i], (uint64_t)list[i + 1]);
		if (!error || first_error) continue;
		first_error = error;
		*failed = (uint64_t)list[i];
	}
	return first_error;
}

/* How much of a range there is up to the next multiple of `piece`. */
static uint64_t first_piece(uint64_t offset, uint64_t length, uint64_t piece)
{
	uint64_t most = piece - offset % piece;
	return length < most ? length : most;
}

static int cannot(int error)
{
	return error == -EOPNOTSUPP || error == -ENOSYS;
}

int vb_file_zero(struct vb_file *file, uint64_t offset, uint64_t length, int may_unmap, uint64_t *done, uint64_t *failed)
{
	*done = 0;
	*failed = offset;
	if (length == 0) return 0;
	if (!vb_file_reaches(file, offset + length)) return -ERANGE;
	uint64_t piece = first_piece(offset, length, file->fast_zeroes ? QUICK_BYTES : WRITTEN_BYTES);
	int error = -EOPNOTSUPP;
	if (may_unmap && file->can_trim) error = make_zeros(file, offset, piece, FALLOC_FL_PUNCH_HOLE, failed);
	if (cannot(error)) error = make_zeros(file, offset, piece, FALLOC_FL_ZERO_RANGE, failed);
	if (cannot(error)) {
		piece = first_piece(offset, length, WRITTEN_BYTES);
		error = write_zeros(file, offset, piece, failed);
	}
	if (!error) *done = piece;
	return error;
}

/* The next place from `offset` on that has (SEEK_DATA) or has not (SEEK_HOLE) been written, `end` if that comes first. */
static int seek(const struct vb_file *file, uint64_t offset, uint64_t end, int whence, uint64_t *found)
{
	off_t at = lseek(file->fd, (off_t)offset, whence);
	if (at < 0 && errno != ENXIO) return -errno;
	*found = at < 0 || (uint64_t)at > end ? end : (uint64_t)at;
	return 0;
}

int vb_file_extents(const struct vb_file *file, uint64_t offset, uint64_t length, double *extents, size_t count, uint64_t *failed)
{
	uint64_t end = offset + length;
	size_t filled = 0;
	*failed = offset;
	if (!vb_file_reaches(file, end)) return -ERANGE;
	while (offset < end && filled < count) {
		uint64_t data = offset, hole = end;
		int error = file->knows_extents ? seek(file, offset, end, SEEK_DATA, &data) : 0;
		if (!error && data == offset && file->knows_extents) error = seek(file, offset, end, SEEK_HOLE, &hole);
		/* A file system that has no answer: data it is. */
		if (error == -EINVAL || error == -EOPNOTSUPP || (!error && data == offset && hole == offset)) {
			error = 0;
			data = offset;
			hole = end;
		}
		if (error) {
			*failed = offset;
			return error;
		}
		uint64_t next = data > offset ? data : hole;
		extents[2 * filled] = (double)(next - offset);
		extents[2 * filled++ + 1] = data > offset ? VB_EXTENT_ZERO : 0;
		offset = next;
	}
	if (filled < count) extents[2 * filled] = 0;
	return 0;
}

int vb_file_is_hole(const struct vb_file *file, uint64_t offset, size_t length)
{
	off_t data = lseek(file->fd, (off_t)offset, SEEK_DATA);
	return data < 0 ? errno == ENXIO : (uint64_t)data >= offset + length;
}
