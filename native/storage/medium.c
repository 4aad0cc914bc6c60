/* See medium.h. */
#define _GNU_SOURCE
#include "medium.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/falloc.h>
#include <linux/fs.h>
#include <linux/magic.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/vfs.h>

#define PAGE 4096u
/* Not in every linux/magic.h. */
#define ZFS_MAGIC 0x2fc12fc1
#define BCACHEFS_MAGIC 0xca451a4e

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

/* Where the first piece of a block device begins that can be discarded. */
static uint64_t discard_alignment(dev_t device)
{
	char path[128];
	unsigned long long value = 0;
	snprintf(path, sizeof path, "/sys/dev/block/%u:%u/discard_alignment", major(device), minor(device));
	FILE *stream = fopen(path, "re");
	if (!stream) return 0;
	/* All ones: it has none. */
	if (fscanf(stream, "%llu", &value) != 1 || value > UINT32_MAX / 2) value = 0;
	fclose(stream);
	return value;
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

void vb_medium_look(struct vb_file *file, dev_t device)
{
	file->may_hang = !file->is_block && !is_ours(file->fd);
	file->in_memory = !file->is_block && is_in_memory(file->fd);
	measure_blocks(file, device);
}

int vb_medium_try_trim(struct vb_file *file, dev_t device)
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

void vb_medium_limits(struct vb_file *file, const struct stat *status)
{
	file->fast_zeroes = file->can_trim;
	file->trim_granularity = file->best_transfer = status->st_blksize > 512 ? (uint64_t)status->st_blksize : 512;
	file->longest_transfer = VB_TRANSFER_MAX;
	file->knows_extents = !file->is_block;
	if (!file->is_block) return;
	unsigned optimal = 0;
	long long granularity = queue_limit(status->st_rdev, "discard_granularity");
	long long longest = queue_limit(status->st_rdev, "max_sectors_kb");
	file->fast_zeroes = !file->read_only && queue_limit(status->st_rdev, "write_zeroes_max_bytes") > 0;
	file->trim_granularity = granularity > file->logical_block ? (uint64_t)granularity : file->logical_block;
	file->trim_alignment = discard_alignment(status->st_rdev) % file->trim_granularity;
	file->best_transfer = ioctl(file->fd, BLKIOOPT, &optimal) == 0 && optimal > 0 ? optimal : file->physical_block;
	if (longest > 0) file->longest_transfer = (uint64_t)longest * 1024;
}
