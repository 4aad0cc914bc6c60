/* See file.h: opening, locking, measuring, mapping and closing. */
#define _GNU_SOURCE
#include "file.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/falloc.h>
#include <linux/fs.h>
#include <linux/magic.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/vfs.h>
#include <time.h>
#include <unistd.h>

#include "claims.h"
#include "lock.h"

#define PAGE 4096u
/* Not in every linux/magic.h. */
#define ZFS_MAGIC 0x2fc12fc1
#define BCACHEFS_MAGIC 0xca451a4e
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

/* Bytes of all mappings, and how many they may be: half of the address space, for all else in the process needs some too. */
static atomic_ullong mapped_bytes;

static uint64_t mapped_max(void)
{
	int here;
	/* Stacks are at its upper end. */
	return (1ull << (63 - __builtin_clzll((uintptr_t)&here)));
}

static void unmap_file(struct vb_file *file)
{
	if (!file->map) return;
	munmap(file->map, file->map_bytes);
	atomic_fetch_sub(&mapped_bytes, file->map_bytes);
	file->map = NULL;
	file->map_bytes = 0;
}

static void map_file(struct vb_file *file)
{
	if (file->map && file->map_bytes == file->size) return;
	unmap_file(file);
	if (file->direct || file->may_hang || file->size == 0) return;
	file->unmapped = 1;
	if (file->size > mapped_max() || atomic_load(&mapped_bytes) > mapped_max() - file->size) return;
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
	atomic_fetch_add(&mapped_bytes, file->size);
	file->map = map;
	file->map_bytes = file->size;
	file->unmapped = 0;
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

int vb_file_reaches(const struct vb_file *file, uint64_t end)
{
	uint64_t size;
	return file->is_block || file->anonymous || measure_regular(file, &size) != 0 || end <= size;
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

/* Finds out whether space can be given back. -ETXTBSY: nothing may be changed, for the file is swap space. */
static int try_trim(struct vb_file *file, dev_t device)
{
	struct stat status;
	if (file->read_only) return 0;
	if (file->is_block) {
		file->can_trim = queue_limit(device, "discard_max_bytes") > 0 && queue_limit(device, "write_zeroes_max_bytes") > 0;
		return 0;
	}
	if (fstat(file->fd, &status) < 0) return -errno;
	/* Punching behind the end changes nothing but tells whether it can be done. */
	off_t behind = (status.st_size + PAGE - 1) / PAGE * PAGE;
	file->can_trim = fallocate(file->fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, behind, PAGE) == 0;
	return file->can_trim || errno != ETXTBSY ? 0 : -ETXTBSY;
}

/* What the machine does with the file without locking it: two writers would destroy it. Who only reads may do so beside a loop device. */
static int check_claims(const struct vb_file *file, const char **step)
{
	struct stat status;
	if (fstat(file->fd, &status) < 0) return -errno;
	*step = "swap";
	if (vb_is_swap(&status)) return -ETXTBSY;
	*step = "loop";
	return !file->read_only && vb_has_loop(&status) ? -EBUSY : 0;
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
	error = check_claims(file, step);
	if (!error) {
		*step = "swap";
		error = try_trim(file, device);
	}
	if (error) {
		vb_unlock(file);
		close(file->fd);
		return error;
	}
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
	unmap_file(file);
	vb_unlock(file);
	close(file->fd);
	file->fd = -1;
}
