/*
 * See file.h: finding, opening and locking, and what else takes a path, or rights, to find out. file-adopt.c goes on, in this
 * process or in another one.
 */
#define _GNU_SOURCE
#include "file.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "claims.h"
#include "lock.h"
#include "medium.h"

enum { LOCK_TRIES = 15, LOCK_PAUSE_MS = 20 };
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
	/*
	 * A read that is tried in the loop's thread would note its time, and may have to wait for the file system's journal with
	 * that. Only who owns the file or is root may ask for this.
	 */
	fcntl(file->fd, F_SETFL, fcntl(file->fd, F_GETFL) | O_NOATIME);
	vb_medium_look(file, device);
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

int vb_file_open_for(struct vb_file *file, const char *path, int flags, const struct vb_part *part, const char **step)
{
	vb_file_begin(file, flags);
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
		error = vb_medium_try_trim(file, device);
	}
	vb_medium_limits(file, &status);
	if (error) {
		vb_file_close(file);
		return error;
	}
	/*
	 * A file that was written or read from end to end is cached in folios of up to megabytes (ext4 since Linux 6.16), and each
	 * small write and its sync go through all blocks of a folio. What is cached from now on is cached as it is asked for.
	 */
	if (file->synced && !file->is_block && !file->may_hang) posix_fadvise(file->fd, 0, 0, POSIX_FADV_DONTNEED);
	return 0;
}

/* What there is, as a descriptor that stands for it and is not open: a pipe, a tape and a terminal do not notice. */
static int hold(const char *folder, const char *path, const char **step)
{
	struct open_how how = { .flags = O_PATH | O_CLOEXEC, .resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS };
	*step = "find";
	if (!*folder) return open(path, O_PATH | O_CLOEXEC);
	*step = "folder";
	int directory = open(folder, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (directory < 0) return -1;
	*step = "find";
	int held = (int)syscall(SYS_openat2, directory, path, &how, sizeof how), error = errno;
	close(directory);
	errno = error;
	return held;
}

int vb_file_open_held(struct vb_file *file, const char *folder, const char *path, int flags, const struct vb_part *part,
		      const char **step)
{
	char name[sizeof "/proc/self/fd/" + 3 * sizeof(int)];
	int held = hold(folder, path, step);
	if (held < 0) return -errno;
	snprintf(name, sizeof name, "/proc/self/fd/%d", held);
	int error = vb_file_open_for(file, name, flags, part, step);
	close(held);
	return error;
}

int vb_file_open(struct vb_file *file, const char *path, int flags, const struct vb_part *part, const char **step)
{
	int error = vb_file_open_for(file, path, flags, part, step);
	return error ? error : vb_file_adopt(file, step);
}
