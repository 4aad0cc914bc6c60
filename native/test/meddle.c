/* See meddle.h. */
#define _GNU_SOURCE
#include "meddle.h"

#include <errno.h>
#include <pthread.h>
#include <string.h>
#include <sys/types.h>
#include <sys/uio.h>

struct meddle meddle;
sem_t hanging, let_go, over;
static int meddle_fd = -1; /* whose calls are meddled with */

static int meant(int fd)
{
	return fd == __atomic_load_n(&meddle_fd, __ATOMIC_ACQUIRE);
}

static int interrupted(void)
{
	if (meddle.interrupt == 0) return 0;
	meddle.interrupt--;
	errno = EINTR;
	return 1;
}

ssize_t __real_pread(int fd, void *to, size_t length, off_t offset);
ssize_t __wrap_pread(int fd, void *to, size_t length, off_t offset)
{
	if (!meant(fd)) return __real_pread(fd, to, length, offset);
	__atomic_fetch_add(&meddle.reads, 1, __ATOMIC_RELAXED);
	if (meddle.hang) {
		sem_post(&hanging);
		while (sem_wait(&let_go) < 0) {}
		ssize_t n = __real_pread(fd, to, length, offset);
		sem_post(&over);
		return n;
	}
	if (interrupted()) return -1;
	if (meddle.fail_pread) {
		errno = meddle.fail_pread;
		return -1;
	}
	return __real_pread(fd, to, meddle.shorten && length > meddle.shorten ? meddle.shorten : length, offset);
}

ssize_t __real_pwritev2(int fd, const struct iovec *parts, int count, off_t offset, int flags);
ssize_t __wrap_pwritev2(int fd, const struct iovec *parts, int count, off_t offset, int flags)
{
	if (!meant(fd)) return __real_pwritev2(fd, parts, count, offset, flags);
	if (interrupted()) return -1;
	if (meddle.fail_pwrite) {
		errno = meddle.fail_pwrite;
		return -1;
	}
	struct iovec part = parts[0];
	if (meddle.shorten && part.iov_len > meddle.shorten) part.iov_len = meddle.shorten;
	return __real_pwritev2(fd, &part, count, offset, flags);
}

int __real_fdatasync(int fd);
int __wrap_fdatasync(int fd)
{
	if (!meant(fd)) return __real_fdatasync(fd);
	meddle.syncs++;
	if (!meddle.fail_sync) return __real_fdatasync(fd);
	errno = meddle.fail_sync;
	return -1;
}

int __real_mincore(void *address, size_t length, unsigned char *pages);
int __wrap_mincore(void *address, size_t length, unsigned char *pages)
{
	__atomic_fetch_add(&meddle.asked, 1, __ATOMIC_RELAXED);
	return __real_mincore(address, length, pages);
}

int __real_pthread_create(pthread_t *thread, const pthread_attr_t *attributes, void *(*start)(void *), void *argument);
int __wrap_pthread_create(pthread_t *thread, const pthread_attr_t *attributes, void *(*start)(void *), void *argument)
{
	int error = __atomic_load_n(&meddle.no_threads, __ATOMIC_RELAXED);
	if (!error) return __real_pthread_create(thread, attributes, start, argument);
	__atomic_fetch_add(&meddle.refused, 1, __ATOMIC_RELAXED);
	return error;
}

#ifdef HAVE_LIBURING
__thread struct io_uring *ring;

int __real_io_uring_queue_init(unsigned entries, struct io_uring *into, unsigned flags);
int __wrap_io_uring_queue_init(unsigned entries, struct io_uring *into, unsigned flags)
{
	int error = __real_io_uring_queue_init(entries, into, flags);
	if (error == 0) ring = into;
	return error;
}

int __wrap_io_uring_submit(struct io_uring *from)
{
	if (!meddle.no_ring) return __real_io_uring_submit(from);
	meddle.refused++;
	return -meddle.no_ring;
}
#endif

void meddle_with(int fd)
{
	__atomic_store_n(&meddle_fd, fd, __ATOMIC_RELEASE);
}

void leave_alone(void)
{
	meddle_with(-1);
	__atomic_store_n(&meddle.no_threads, 0, __ATOMIC_RELAXED);
	memset(&meddle, 0, sizeof meddle);
}
