/* See file.h. */
#define _GNU_SOURCE
#include "file.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/falloc.h>
#include <linux/fs.h>
#include <linux/magic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/vfs.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#include "lock.h"
#include "memory.h"

#define PAGE 4096u
/* Not in every linux/magic.h. */
#define ZFS_MAGIC 0x2fc12fc1
#define BCACHEFS_MAGIC 0xca451a4e
/* Pages of memory that are given back at once. */
#define PUNCH_BYTES (4ull << 20)
enum { LOCK_TRIES = 15, LOCK_PAUSE_MS = 20 };
/* Offsets cross into JavaScript as doubles, which are exact up to here (8 PiB). */
#define MAX_SIZE (1ull << 53)

/* One number from /sys/dev/block/MAJOR:MINOR/queue/NAME, of the whole disk if it is a partition; -1 if there is none. */
static long long queue_limit(dev_t device, const char *name)
{
	static const char *const forms[] = { "/sys/dev/block/%u:%u/queue/%s", "/sys/dev/block/%u:%u/../queue/%s" };
	for (size_t i = 0; i < 2; i++) {
		char path[128];
		snprintf(path, sizeof path, forms[i], major(device), minor(device), name);
		FILE *stream = fopen(path, "re");
		if (!stream) continue;
		long long value;
		int found = fscanf(stream, "%lld", &value);
		fclose(stream);
		if (found == 1) return value;
	}
	return -1;
}

/* Whether a file system is this machine's own. Of the others only their servers know when they answer. */
static int is_ours(int fd)
{
	struct statfs system;
	if (fstatfs(fd, &system) < 0) return 0;
	switch ((unsigned long)system.f_type) {
	case TMPFS_MAGIC:
	case RAMFS_MAGIC:
	case EXT4_SUPER_MAGIC: /* ext2 and ext3 too */
	case XFS_SUPER_MAGIC:
	case BTRFS_SUPER_MAGIC:
	case F2FS_SUPER_MAGIC:
	case ZFS_MAGIC:
	case BCACHEFS_MAGIC:
	case OVERLAYFS_SUPER_MAGIC: return 1;
	default: return 0;
	}
}

static int is_in_memory(int fd)
{
	struct statfs system;
	return fstatfs(fd, &system) == 0 && (system.f_type == TMPFS_MAGIC || system.f_type == RAMFS_MAGIC);
}

static void map_file(struct vb_file *file)
{
	if (file->map && file->map_bytes == file->size) return;
	if (file->map) munmap(file->map, file->map_bytes);
	file->map = NULL;
	file->map_bytes = 0;
	if (file->direct || file->may_hang || file->size == 0) return;
	/*
	 * Written through the mapping only in memory. Where pages are written back, a page written that way takes its whole
	 * folio to the disk, of up to megabytes (large folios), where pwrite(2) takes its blocks. There the mapping is private,
	 * which shows the same pages as nobody ever writes to it; a shared one would be searched for changes at every sync.
	 */
	file->map_writable = !file->read_only && file->in_memory;
	void *map = file->map_writable ? mmap(NULL, file->size, PROT_READ | PROT_WRITE, MAP_SHARED, file->fd, 0)
				       : mmap(NULL, file->size, PROT_READ, MAP_PRIVATE, file->fd, 0);
	if (map == MAP_FAILED) return;
	madvise(map, file->size, MADV_RANDOM);
	file->map = map;
	file->map_bytes = file->size;
}

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
	if (grown || !file->map) map_file(file);
	return 0;
}

/* The block that storage reads and writes as a whole, and the one that it addresses. */
static void measure_blocks(struct vb_file *file, dev_t device)
{
	unsigned logical = 512, physical = 512;
	if (file->is_block) {
		int value;
		if (ioctl(file->fd, BLKSSZGET, &value) == 0 && value > 0) logical = (unsigned)value;
		if (ioctl(file->fd, BLKPBSZGET, &physical) < 0 || physical < logical) physical = logical;
	} else {
		/* Page cache and file systems work in pages. */
		physical = PAGE;
		long long sector = queue_limit(device, "logical_block_size");
		if (sector > 512) logical = (unsigned)sector;
#ifdef STATX_DIOALIGN
		/* Better known by the file system, if it and the kernel know this question. */
		struct statx extended;
		memset(&extended, 0, sizeof extended);
		if (statx(file->fd, "", AT_EMPTY_PATH, STATX_DIOALIGN, &extended) == 0 && extended.stx_dio_offset_align > 512)
			logical = extended.stx_dio_offset_align;
#endif
	}
	file->physical_block = physical;
	file->logical_block = logical;
	file->align = file->direct ? logical : 1;
	file->non_rotational = queue_limit(device, "rotational") != 1;
}

static int can_trim(const struct vb_file *file, dev_t device)
{
	struct stat status;
	if (file->read_only) return 0;
	if (file->is_block)
		return queue_limit(device, "discard_max_bytes") > 0 && queue_limit(device, "write_zeroes_max_bytes") > 0;
	if (fstat(file->fd, &status) < 0) return 0;
	/* Punching behind the end changes nothing but tells whether it can be done. */
	off_t behind = (status.st_size + PAGE - 1) / PAGE * PAGE;
	return fallocate(file->fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, behind, PAGE) == 0;
}

/* A block device that is set read-only can be opened for writing all the same; only its writes fail. */
static int is_protected(const struct vb_file *file)
{
	int value = 0;
	return file->is_block && ioctl(file->fd, BLKROGET, &value) == 0 && value;
}

/* Direct I/O writes whole blocks, and so what is next to a part that does not begin and end with one. */
static struct vb_part whole_blocks(const struct vb_file *file, const struct vb_part *part)
{
	uint64_t begin = part->begin - part->begin % file->align, end = part->begin + part->length;
	uint64_t length = part->length == 0 ? 0 : (end + file->align - 1) / file->align * file->align - begin;
	return (struct vb_part){ begin, length };
}

/*
 * Opens a file or device. The kernel refuses a device that this machine has mounted or built into something: two writers
 * would destroy it. To the kernel another server is one of those, even if it has another part; then the locks decide.
 */
static int open_path(struct vb_file *file, const char *path, int is_part)
{
	int mode = O_CLOEXEC | (file->read_only ? O_RDONLY : O_RDWR) | (file->direct ? O_DIRECT : 0);
	int exclusively = file->is_block && !file->read_only ? O_EXCL : 0;
	file->fd = open(path, mode | exclusively);
	if (file->fd < 0 && errno == EBUSY && exclusively && is_part) {
		file->fd = open(path, mode);
		if (file->fd >= 0 && !vb_has_parts_locked(file->fd)) {
			close(file->fd);
			return -EBUSY;
		}
	}
	return file->fd < 0 ? -errno : 0;
}

static int try_to_open(struct vb_file *file, const char *path, const struct vb_part *part, dev_t device, const char **step)
{
	*step = "open";
	int error = open_path(file, path, part->begin > 0 || part->length > 0);
	if (error) return error;
	*step = "protect";
	if (!file->read_only && is_protected(file)) {
		close(file->fd);
		return -EROFS;
	}
	file->may_hang = !file->is_block && !is_ours(file->fd);
	file->in_memory = !file->is_block && is_in_memory(file->fd);
	measure_blocks(file, device);
	struct vb_part blocks = whole_blocks(file, part);
	error = vb_lock(file, &blocks, step);
	if (error) close(file->fd);
	return error;
}

static int open_and_lock(struct vb_file *file, const char *path, const struct vb_part *part, dev_t device, const char **step)
{
	struct timespec pause = { .tv_nsec = LOCK_PAUSE_MS * 1000 * 1000 };
	/*
	 * With io_uring the kernel lets go of the files of a process that was killed only some time after its end; and who is about
	 * to share a file has it alone for a moment.
	 */
	for (int tries = 1;; tries++) {
		int error = try_to_open(file, path, part, device, step);
		if ((error != -EBUSY && error != -EWOULDBLOCK) || tries == LOCK_TRIES) return error;
		nanosleep(&pause, NULL);
	}
}

int vb_file_open(struct vb_file *file, const char *path, int flags, const struct vb_part *part, const char **step)
{
	memset(file, 0, sizeof *file);
	file->read_only = !!(flags & VB_OPEN_READ_ONLY);
	file->direct = !!(flags & VB_OPEN_DIRECT);
	file->synced = !!(flags & VB_OPEN_SYNCED) && !file->read_only && !file->direct;
	struct stat status;

	*step = "find";
	if (stat(path, &status) < 0) return -errno;
	*step = "type";
	if (!S_ISREG(status.st_mode) && !S_ISBLK(status.st_mode)) return -EINVAL;
	file->is_block = S_ISBLK(status.st_mode);
	dev_t device = file->is_block ? status.st_rdev : status.st_dev;
	int error = open_and_lock(file, path, part, device, step);
	if (error) return error;
	file->can_trim = can_trim(file, device);
	/*
	 * A file that was written or read from end to end is cached in folios of up to megabytes (ext4 since Linux 6.16), and each
	 * small write and its sync go through all blocks of a folio. What is cached from now on is cached as it is asked for.
	 */
	if (file->synced && !file->is_block && !file->may_hang) posix_fadvise(file->fd, 0, 0, POSIX_FADV_DONTNEED);
	*step = "measure";
	error = vb_file_measure(file);
	if (error) close(file->fd);
	return error;
}

void vb_file_close(struct vb_file *file)
{
	if (file->map) munmap(file->map, file->map_bytes);
	file->map = NULL;
	vb_unlock(file);
	close(file->fd);
	file->fd = -1;
}

/* Reads until done; at the end of a file that shrank: -ERANGE. */
static int read_all(const struct vb_file *file, uint64_t offset, uint8_t *to, size_t length, uint64_t *failed)
{
	while (length > 0) {
		ssize_t n = pread(file->fd, to, length, (off_t)offset);
		if (n < 0 && errno == EINTR) continue;
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

static int write_all(int fd, uint64_t offset, const uint8_t *from, size_t length, int fua, uint64_t *failed)
{
	while (length > 0) {
		struct iovec part = { (void *)from, length };
		ssize_t n = pwritev2(fd, &part, 1, (off_t)offset, fua ? RWF_DSYNC : 0);
		if (n < 0 && errno == EINTR) continue;
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
static int direct_transfer(struct vb_file *file, uint64_t offset, void *memory, size_t length, int write, int fua,
			   uint64_t *failed)
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
		error = write_all(file->fd, begin, buffer, whole, fua, failed);
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
	if (file->direct) return direct_transfer(file, offset, to, length, 0, 0, failed);
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

int vb_file_write(struct vb_file *file, uint64_t offset, const void *from, size_t length, int fua, uint64_t *failed)
{
	*failed = offset;
	int error = check_write(file, offset, length);
	if (error) return error;
	if (file->direct) return direct_transfer(file, offset, (void *)from, length, 1, fua, failed);
	error = write_all(file->fd, offset, from, length, fua, failed);
	/* Memory is the medium: without any it is full. */
	return file->anonymous && error == -ENOMEM ? -ENOSPC : error;
}

int vb_file_write_row(struct vb_file *file, uint64_t offset, const struct iovec *parts, int count, int fua)
{
	size_t length = 0;
	for (int i = 0; i < count; i++) length += parts[i].iov_len;
	int error = check_write(file, offset, length);
	if (error) return error;
	ssize_t n = pwritev2(file->fd, parts, count, (off_t)offset, fua ? RWF_DSYNC : 0);
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

static int zero(struct vb_file *file, uint64_t offset, uint64_t length)
{
	static const uint8_t zeros[PAGE];
	uint64_t failed;
	int error = 0;
	while (length > 0 && !error) {
		size_t part = length < sizeof zeros ? (size_t)length : sizeof zeros;
		error = vb_file_write(file, offset, zeros, part, 0, &failed);
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

int vb_file_trim(struct vb_file *file, uint64_t offset, uint64_t length)
{
	/* Parts of blocks are zeroed by the file system in a file, by us on a block device. */
	uint64_t block = file->is_block ? file->logical_block : 1;
	uint64_t begin = (offset + block - 1) / block * block, end = (offset + length) / block * block;
	if (length == 0) return 0;
	if (begin >= end) return zero(file, offset, length);
	if (file->in_memory) return punch_in_pieces(file, begin, end);
	/* On a block device this is "write zeroes, unmapping": unlike a bare discard it promises what is read afterwards. */
	if (fallocate(file->fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, (off_t)begin, (off_t)(end - begin)) < 0)
		return -errno;
	int error = zero(file, offset, begin - offset);
	return error ? error : zero(file, end, offset + length - end);
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

int vb_file_reaches(const struct vb_file *file, uint64_t end)
{
	uint64_t size;
	return file->is_block || file->anonymous || measure_regular(file, &size) != 0 || end <= size;
}

int vb_file_is_hole(const struct vb_file *file, uint64_t offset, size_t length)
{
	off_t data = lseek(file->fd, (off_t)offset, SEEK_DATA);
	return data < 0 ? errno == ENXIO : (uint64_t)data >= offset + length;
}
