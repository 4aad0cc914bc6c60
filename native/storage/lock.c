/*
 * See lock.h. Two kinds of lock, each for those who know only it:
 *
 *   on the file (flock)      exclusive for who serves all of it, shared for who reads or serves a part. Keeps away programs,
 *                            and versions of this one, that lock files as a whole.
 *   on the part (OFD locks)  tells parts apart, and those who read from those who write. To the end of the file means: however
 *                            far that will be.
 *
 * Who wants to write to a part must see that nobody has the whole file, not even to read it: so it takes the file exclusively
 * before it shares it, unless it can't because of others that have locks on parts, which then decide.
 *
 * Both are locks of the open file, not of the process: they go with the descriptor to whoever gets it, and end when all descriptors
 * made of it are closed, or one of those who have it says so. Who has passed it on closes its own at once: then the locks end with
 * the one who serves it, however that ends.
 */
#define _GNU_SOURCE
#include "lock.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/file.h>

static struct flock range_of(short type, const struct vb_part *part)
{
	return (struct flock){ .l_type = type, .l_whence = SEEK_SET, .l_start = (off_t)part->begin, .l_len = (off_t)part->length };
}

int vb_has_parts_locked(int fd)
{
	struct flock range = range_of(F_WRLCK, &(struct vb_part){ 0, 0 });
	return fcntl(fd, F_OFD_GETLK, &range) == 0 && range.l_type != F_UNLCK;
}

static int lock_file(const struct vb_file *file, int kind)
{
	return flock(file->fd, kind | LOCK_NB) < 0 ? -errno : 0;
}

static int lock_part(const struct vb_file *file, const struct vb_part *part)
{
	struct flock range = range_of(file->read_only ? F_RDLCK : F_WRLCK, part);
	if (fcntl(file->fd, F_OFD_SETLK, &range) == 0) return 0;
	return errno == EACCES ? -EAGAIN : -errno;
}

int vb_lock(const struct vb_file *file, const struct vb_part *part, const char **step)
{
	int is_part = part->begin > 0 || part->length > 0;
	*step = "lock";
	int error = lock_file(file, file->read_only ? LOCK_SH : LOCK_EX);
	int is_shared = file->read_only;
	if (error == -EWOULDBLOCK && is_part && !is_shared && vb_has_parts_locked(file->fd)) {
		error = lock_file(file, LOCK_SH);
		is_shared = 1;
	}
	/* File systems that others serve may take a lock on a part for one that contradicts the lock on the file. */
	if (error || file->may_hang) return error;
	*step = "part";
	error = lock_part(file, part);
	if (error == -EAGAIN) return error;
	/* Where parts can't be locked, the file is, and that is enough unless it is shared with those who write. */
	if (error) return is_shared && !file->read_only ? error : 0;
	*step = "lock";
	return is_part && !is_shared ? lock_file(file, LOCK_SH) : 0;
}

void vb_unlock(const struct vb_file *file)
{
	struct flock range = range_of(F_UNLCK, &(struct vb_part){ 0, 0 });
	if (!file->may_hang) fcntl(file->fd, F_OFD_SETLK, &range);
	flock(file->fd, LOCK_UN);
}
