/*
 * See file.h: measuring, mapping and closing, all that whoever serves a file does with its descriptor; it may have been opened by
 * another process (file-open.c). Nothing here opens anything, or needs a right that the descriptor does not give.
 */
#define _GNU_SOURCE
#include "file.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lock.h"
#include "mapping.h"

/* Offsets cross into JavaScript as doubles, which are exact up to here (8 PiB). */
#define MAX_SIZE (1ull << 53)

/* The size of a regular file as the kernel knows it, without asking anyone. */
static int measure_regular(const struct vb_file *file, uint64_t *size)
{
	struct statx status;
	if (statx(file->fd, "", AT_EMPTY_PATH | AT_STATX_DONT_SYNC, STATX_SIZE, &status) < 0) return -errno;
	*size = status.stx_size;
	return 0;
}

int vb_file_refresh(const struct vb_file *file)
{
	struct stat status;
	return fstat(file->fd, &status) < 0 ? -errno : 0;
}

int vb_file_measure(struct vb_file *file)
{
	uint64_t size;
	if (file->is_block) {
		if (ioctl(file->fd, BLKGETSIZE64, &size) < 0) return -errno;
	} else {
		int error = measure_regular(file, &size);
		if (error) return error;
	}
	if (size > MAX_SIZE) size = MAX_SIZE;
	size -= size % (file->align > 512 ? file->align : 512);
	/* A file that shrank keeps its mapping: nobody touches it without vb_copy or the kernel's own check. */
	int grown = size > file->size;
	file->size = size;
	if (grown || !file->map) vb_map_file(file);
	return 0;
}

int vb_file_reaches(const struct vb_file *file, uint64_t end)
{
	uint64_t size;
	return file->is_block || file->anonymous || measure_regular(file, &size) != 0 || end <= size;
}

/* Whether the descriptor is of what it is said to be of, and open for that. */
static int check_descriptor(const struct vb_file *file)
{
	struct stat status;
	if (fstat(file->fd, &status) < 0) return -errno;
	if (file->is_block ? !S_ISBLK(status.st_mode) : !S_ISREG(status.st_mode)) return -EINVAL;
	int mode = fcntl(file->fd, F_GETFL);
	if (mode < 0) return -errno;
	return (mode & O_ACCMODE) == (file->read_only ? O_RDONLY : O_RDWR) && !(mode & O_DIRECT) == !file->direct ? 0 : -EINVAL;
}

int vb_file_adopt(struct vb_file *file, const char **step)
{
	*step = "type";
	int error = check_descriptor(file);
	if (!error) {
		*step = "measure";
		error = vb_file_measure(file);
	}
	if (error) close(file->fd);
	return error;
}

void vb_file_close(struct vb_file *file)
{
	vb_unmap_file(file);
	vb_unlock(file);
	close(file->fd);
	file->fd = -1;
}
