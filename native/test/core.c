/*
 * Tests of the C core without Node, to be built with sanitizers (scripts/check-native.mjs): what only shows where system calls
 * can be made to fail, to be short or to hang, and where leaks and races of threads can be told.
 *
 * usage: core DIRECTORY          runs the tests with files in DIRECTORY; packet sockets too, if root
 *        core --canary=KIND      does something wrong on purpose (address, leak, undefined, race): must not end well
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <semaphore.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#ifdef HAVE_LIBURING
#include <liburing.h>
#endif

#include "storage/engine.h"
#include "common/guard.h"
#include "net/interfaces.h"
#include "bench/load.h"
#include "net/packet.h"
#include "common/privileges.h"
#include "storage/resident.h"
#include "common/writer.h"

#define CHECK(condition)                                                                       \
	do {                                                                                   \
		if (!(condition)) {                                                            \
			fprintf(stderr, "%s:%d: not so: %s\n", __FILE__, __LINE__, #condition); \
			exit(1);                                                               \
		}                                                                              \
	} while (0)

enum { PAGE = 4096, FILE_BYTES = 4 << 20, LIMIT_MS = 10000 };

static const char *directory;

/* ---- system calls that do as they are told (the linker's --wrap) ------------------------------------------------ */

static struct {
	int fail_pread, fail_pwrite, fail_sync; /* errno, or 0 */
	size_t shorten;  /* most bytes of a transfer, or 0 */
	int interrupt;   /* so many calls are interrupted first */
	int hang;        /* reads wait until let_go is posted */
	int syncs, reads;
	int no_threads;  /* errno, or 0; of any file */
	int no_ring;     /* the same */
	int refused;     /* calls that were, for these two */
} meddle;
static int meddle_fd = -1; /* whose calls are meddled with */
static sem_t hanging, let_go, over;

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

int __real_pthread_create(pthread_t *thread, const pthread_attr_t *attributes, void *(*start)(void *), void *argument);
int __wrap_pthread_create(pthread_t *thread, const pthread_attr_t *attributes, void *(*start)(void *), void *argument)
{
	int error = __atomic_load_n(&meddle.no_threads, __ATOMIC_RELAXED);
	if (!error) return __real_pthread_create(thread, attributes, start, argument);
	__atomic_fetch_add(&meddle.refused, 1, __ATOMIC_RELAXED);
	return error;
}

#ifdef HAVE_LIBURING
/* The ring that this thread has made last. */
static __thread struct io_uring *ring;

int __real_io_uring_queue_init(unsigned entries, struct io_uring *into, unsigned flags);
int __wrap_io_uring_queue_init(unsigned entries, struct io_uring *into, unsigned flags)
{
	int error = __real_io_uring_queue_init(entries, into, flags);
	if (error == 0) ring = into;
	return error;
}

int __real_io_uring_submit(struct io_uring *from);
int __wrap_io_uring_submit(struct io_uring *from)
{
	if (!meddle.no_ring) return __real_io_uring_submit(from);
	meddle.refused++;
	return -meddle.no_ring;
}
#endif

static void meddle_with(int fd)
{
	__atomic_store_n(&meddle_fd, fd, __ATOMIC_RELEASE);
}

static void leave_alone(void)
{
	meddle_with(-1);
	__atomic_store_n(&meddle.no_threads, 0, __ATOMIC_RELAXED);
	memset(&meddle, 0, sizeof meddle);
}

/* ---- files ------------------------------------------------------------------------------------------------------ */

static char *new_file(off_t bytes)
{
	char *path;
	CHECK(asprintf(&path, "%s/coreXXXXXX", directory) > 0);
	int fd = mkstemp(path);
	CHECK(fd >= 0 && ftruncate(fd, bytes) == 0);
	close(fd);
	return path;
}

static const struct vb_part ALL = { 0, 0 };

static struct vb_file open_file(const char *path, int flags)
{
	struct vb_file file;
	const char *step;
	int error = vb_file_open(&file, path, flags, &ALL, &step);
	if (error) fprintf(stderr, "%s: %s: %s\n", path, step, strerror(-error));
	CHECK(error == 0);
	return file;
}

static void drop(char *path)
{
	unlink(path);
	free(path);
}

static void test_file(void)
{
	char *path = new_file(FILE_BYTES);
	struct vb_file file = open_file(path, 0), other;
	const char *step;
	uint64_t failed = 0;
	uint8_t bytes[3 * PAGE], back[3 * PAGE];
	for (size_t i = 0; i < sizeof bytes; i++) bytes[i] = (uint8_t)(i * 7 + i / 256);

	CHECK(file.size == FILE_BYTES && file.map && file.map_bytes == FILE_BYTES && file.align == 1);
	CHECK(vb_file_open(&other, path, 0, &ALL, &step) == -EWOULDBLOCK && !strcmp(step, "lock"));
	CHECK(vb_file_open(&other, directory, 0, &ALL, &step) == -EINVAL && !strcmp(step, "type"));
	CHECK(vb_file_open(&other, "/no/such/file", 0, &ALL, &step) == -ENOENT && !strcmp(step, "find"));

	CHECK(vb_file_write(&file, 1000, bytes, sizeof bytes, &failed) == 0);
	CHECK(vb_file_read(&file, 1000, back, sizeof back, &failed) == 0 && !memcmp(bytes, back, sizeof bytes));
	CHECK(!memcmp(file.map + 1000, bytes, sizeof bytes));
	CHECK(vb_file_write(&file, 0, bytes, PAGE, &failed) == 0 && vb_file_sync(&file) == 0);

	/* Pieces of a transfer, and calls that a signal interrupts. */
	meddle.shorten = 1000;
	meddle.interrupt = 3;
	meddle_with(file.fd);
	CHECK(vb_file_write(&file, 512, bytes, sizeof bytes, &failed) == 0 && meddle.interrupt == 0);
	meddle.interrupt = 3;
	CHECK(vb_file_read(&file, 512, back, sizeof back, &failed) == 0 && !memcmp(bytes, back, sizeof bytes));
	meddle.fail_pread = meddle.fail_pwrite = EIO;
	CHECK(vb_file_read(&file, 512, back, sizeof back, &failed) == -EIO && failed == 512);
	CHECK(vb_file_write(&file, 1024, bytes, PAGE, &failed) == -EIO && failed == 1024);
	meddle.fail_sync = EIO;
	CHECK(vb_file_sync(&file) == -EIO);
	leave_alone();

	/* Growth moves the mapping, shrinking leaves it. */
	CHECK(truncate(path, 2 * FILE_BYTES + 100) == 0 && vb_file_measure(&file) == 0);
	CHECK(file.size == 2 * FILE_BYTES && file.map_bytes == 2 * FILE_BYTES);
	CHECK(file.map[512] == bytes[0] && file.map[2 * FILE_BYTES - 1] == 0);
	CHECK(truncate(path, PAGE + 512) == 0);
	CHECK(!vb_file_reaches(&file, PAGE + 513) && vb_file_reaches(&file, PAGE + 512));
	CHECK(vb_file_read(&file, PAGE, back, PAGE, &failed) == -ERANGE && failed == PAGE + 512);
	CHECK(vb_file_write(&file, PAGE, bytes, PAGE, &failed) == -ERANGE);
	CHECK(vb_file_measure(&file) == 0 && file.size == PAGE + 512 && file.map_bytes == 2 * FILE_BYTES);
	CHECK(vb_file_trim(&file, 0, 0) == 0);
	if (file.can_trim) CHECK(vb_file_trim(&file, 100, PAGE) == 0 && file.map[100] == 0 && file.map[99] == bytes[99]);
	vb_file_close(&file);

	file = open_file(path, VB_OPEN_READ_ONLY);
	CHECK(vb_file_write(&file, 0, bytes, 512, &failed) == -EBADF && !file.map_writable);
	vb_file_close(&file);
	drop(path);
}

/* ---- guarded copies --------------------------------------------------------------------------------------------- */

static void *copy_often(void *argument)
{
	const struct vb_file *file = argument;
	static const uint8_t zeros[8 * PAGE];
	uint8_t *bytes = malloc(sizeof zeros);
	CHECK(bytes);
	for (int i = 0; i < 500; i++) {
		int gone = vb_copy(bytes, file->map + FILE_BYTES / 2, sizeof zeros);
		CHECK(gone == -EFAULT);
		CHECK(vb_copy(bytes, file->map, PAGE) == 0 && bytes[0] == 'x');
	}
	free(bytes);
	return NULL;
}

__attribute__((unused)) static void test_guard(void)
{
	char *path = new_file(FILE_BYTES);
	struct vb_file file = open_file(path, 0);
	uint8_t bytes[2 * PAGE];
	pthread_t threads[4];
	vb_guard_init();
	/* One that can be written, as files in memory have. */
	CHECK(munmap(file.map, file.map_bytes) == 0);
	file.map = mmap(NULL, file.map_bytes, PROT_READ | PROT_WRITE, MAP_SHARED, file.fd, 0);
	CHECK(file.map != MAP_FAILED);
	file.map[0] = 'x';
	CHECK(vb_copy(bytes, file.map + FILE_BYTES - PAGE, PAGE) == 0);
	CHECK(truncate(path, PAGE) == 0);
	CHECK(vb_copy(bytes, file.map + FILE_BYTES - PAGE, PAGE) == -EFAULT);
	CHECK(vb_copy(file.map + PAGE, bytes, PAGE) == -EFAULT);
	CHECK(vb_copy(bytes, file.map, 2 * PAGE) == -EFAULT);
	CHECK(vb_copy(bytes, file.map, 0) == 0);
	for (int i = 0; i < 4; i++) CHECK(pthread_create(&threads[i], NULL, copy_often, &file) == 0);
	for (int i = 0; i < 4; i++) pthread_join(threads[i], NULL);

	/* Anywhere else the signal ends the process as it always did. */
	pid_t child = fork();
	CHECK(child >= 0);
	if (child == 0) {
		signal(SIGBUS, SIG_DFL);
		int status = ((volatile uint8_t *)file.map)[FILE_BYTES - 1];
		_exit(status);
	}
	int status;
	CHECK(waitpid(child, &status, 0) == child && WIFSIGNALED(status) && WTERMSIG(status) == SIGBUS);
	vb_file_close(&file);
	drop(path);
}

/* ---- the engine ------------------------------------------------------------------------------------------------- */

enum { BATCH = 64 };

struct bench {
	struct vb_engine *engine;
	double operations[BATCH * VB_FIELDS];
	int count;
	double results[1024]; /* of the operations, by token; 1 while under way */
	double failed[1024];
	int under_way;
};

static struct bench *new_bench(int want_uring)
{
	struct bench *bench = calloc(1, sizeof *bench);
	CHECK(bench && (bench->engine = vb_engine_open(want_uring)));
	return bench;
}

static void add(struct bench *bench, int kind, int file, uint64_t offset, size_t length, void *memory, void *park, int token)
{
	double *operation = bench->operations + (size_t)bench->count++ * VB_FIELDS;
	operation[VB_F_KIND] = kind;
	operation[VB_F_FILE] = file;
	operation[VB_F_OFFSET] = (double)offset;
	operation[VB_F_LENGTH] = (double)length;
	operation[VB_F_ADDRESS] = (double)(uintptr_t)memory;
	operation[VB_F_PARK] = (double)(uintptr_t)park;
	operation[VB_F_TOKEN] = token;
}

static void submit(struct bench *bench)
{
	int pending = vb_engine_submit(bench->engine, bench->operations, bench->count), seen = 0;
	for (int i = 0; i < bench->count; i++) {
		const double *operation = bench->operations + (size_t)i * VB_FIELDS;
		bench->results[(int)operation[VB_F_TOKEN]] = operation[VB_F_KIND];
		bench->failed[(int)operation[VB_F_TOKEN]] = operation[VB_F_OFFSET];
		seen += operation[VB_F_KIND] == 1;
	}
	CHECK(seen == pending);
	bench->under_way += pending;
	CHECK(vb_engine_under_way(bench->engine) == bench->under_way);
	bench->count = 0;
}

/* Writes that were synced in the same go have that said of them: it is kept here. */
static __thread int synced;

static void reap(struct bench *bench, int room)
{
	double completions[BATCH * VB_COMPLETION_FIELDS];
	int count = vb_engine_reap(bench->engine, completions, room);
	for (int i = 0; i < count; i++) {
		const double *completion = completions + (size_t)i * VB_COMPLETION_FIELDS;
		CHECK(bench->results[(int)completion[0]] == 1);
		bench->results[(int)completion[0]] = completion[1] == 1 ? 0 : completion[1];
		synced += completion[1] == 1;
		bench->failed[(int)completion[0]] = completion[2];
	}
	bench->under_way -= count;
}

/* Until no more than `left` operations are under way. */
static void wait_for(struct bench *bench, int left)
{
	struct pollfd event = { .fd = vb_engine_fd(bench->engine), .events = POLLIN };
	while (bench->under_way > left) {
		CHECK(poll(&event, 1, LIMIT_MS) == 1);
		reap(bench, 3);
	}
}

static void close_bench(struct bench *bench)
{
	CHECK(vb_engine_close(bench->engine) == 0);
	free(bench);
}

static void test_engine(int want_uring)
{
	struct bench *bench = new_bench(want_uring);
	char *paths[3];
	int files[3];
	uint8_t *memory = malloc(BATCH * PAGE), *park = malloc(BATCH * PAGE);
	CHECK(memory && park);
	for (int i = 0; i < 3; i++) {
		paths[i] = new_file(FILE_BYTES);
		struct vb_file file = open_file(paths[i], 0);
		CHECK((files[i] = vb_engine_add(bench->engine, &file)) == i);
	}
	/* Writes that have to wait keep their bytes although the caller's change. */
	for (int i = 0; i < BATCH; i++) {
		memset(memory + i * PAGE, i + 1, PAGE);
		add(bench, VB_WRITE | VB_FUA, files[i % 3], (uint64_t)i * PAGE, PAGE, memory + i * PAGE, park + i * PAGE, i);
	}
	submit(bench);
	memset(memory, 0xee, BATCH * PAGE);
	if (bench->under_way > 0) CHECK(vb_engine_remove(bench->engine, files[0]) == -EBUSY);
	wait_for(bench, 0);
	for (int i = 0; i < BATCH; i++) CHECK(bench->results[i] == 0);
	CHECK(synced == BATCH || !strncmp(directory, "/dev/shm", 8));
	synced = 0;
	for (int i = 0; i < BATCH; i++)
		add(bench, VB_READ | (i % 2 ? VB_MAY_BORROW : 0), files[i % 3], (uint64_t)i * PAGE, PAGE, memory + i * PAGE, NULL, i);
	submit(bench);
	for (int i = 0; i < BATCH; i++) {
		const double *operation = bench->operations + (size_t)i * VB_FIELDS;
		if (operation[VB_F_BORROWED] == 0) continue;
		memcpy(memory + i * PAGE, (void *)(uintptr_t)operation[VB_F_BORROWED], PAGE);
	}
	wait_for(bench, 0);
	for (int i = 0; i < BATCH; i++) CHECK(bench->results[i] == 0 && memory[i * PAGE] == i + 1 && memory[i * PAGE + PAGE - 1] == i + 1);

	/* Holes, trims, syncs; what can't be done; files that are not there. */
	add(bench, VB_READ, files[0], FILE_BYTES - PAGE, PAGE, memory, NULL, 0);
	add(bench, VB_TRIM, files[0], 0, PAGE, NULL, NULL, 1);
	add(bench, VB_FLUSH, files[1], 0, 0, NULL, NULL, 2);
	add(bench, VB_READ, files[0], FILE_BYTES + PAGE, PAGE, memory, NULL, 3);
	add(bench, VB_WRITE, files[0], FILE_BYTES, PAGE, memory, NULL, 4);
	add(bench, VB_READ, 99, 0, PAGE, memory, NULL, 5);
	add(bench, 9, files[0], 0, PAGE, memory, NULL, 6);
	submit(bench);
	wait_for(bench, 0);
	CHECK(bench->results[0] == 0 && bench->results[2] == 0);
	CHECK(bench->results[1] == 0 || bench->results[1] == -EOPNOTSUPP);
	CHECK(bench->results[3] == -ERANGE && bench->failed[3] == FILE_BYTES + PAGE);
	CHECK(bench->results[4] == -ERANGE && bench->results[5] == -EBADF && bench->results[6] == -EINVAL);

	/* A number is used again, its old file is not. */
	CHECK(vb_engine_remove(bench->engine, files[1]) == 0 && vb_engine_remove(bench->engine, files[1]) == -EBADF);
	struct vb_file file = open_file(paths[1], VB_OPEN_READ_ONLY);
	CHECK(vb_engine_add(bench->engine, &file) == files[1]);
	/* More is under way when the engine is closed than anyone has asked for. */
	for (int i = 0; i < BATCH; i++) add(bench, i % 2 ? VB_FLUSH : VB_READ, files[i % 3], (uint64_t)(i + 200) * PAGE, PAGE, memory + i * PAGE, NULL, i);
	submit(bench);
	close_bench(bench);
	for (int i = 0; i < 3; i++) drop(paths[i]);
	free(memory);
	free(park);
}

/* An engine that could not be closed: it is meant to be leaked, and so must be known to somebody. */
struct vb_engine *left_behind;

/* A file whose reads hang: it holds up nobody but itself, and what it uses outlives the engine. */
static void test_stuck(void)
{
	char *stuck_path = new_file(FILE_BYTES), *path = new_file(FILE_BYTES);
	struct bench *bench = new_bench(0);
	struct vb_file stuck_file = open_file(stuck_path, 0), file = open_file(path, 0);
	int stuck = vb_engine_add(bench->engine, &stuck_file), other = vb_engine_add(bench->engine, &file);
	static uint8_t memory[64][PAGE];

	/* A worker that is idle, so that both of the next jobs wake the same one. */
	add(bench, VB_FLUSH, other, 0, 0, NULL, NULL, 0);
	submit(bench);
	wait_for(bench, 0);
	usleep(20000);
	meddle.hang = 1;
	meddle_with(stuck_file.fd);
	add(bench, VB_READ, stuck, 0, PAGE, memory[0], NULL, 1);
	add(bench, VB_FLUSH, other, 0, 0, NULL, NULL, 2);
	submit(bench);
	wait_for(bench, 1);
	CHECK(bench->results[2] == 0 && bench->results[1] == 1);
	for (int i = 1; i < 40; i++) add(bench, VB_READ, stuck, (uint64_t)i * PAGE, PAGE, memory[i], NULL, 10 + i);
	add(bench, VB_FLUSH, other, 0, 0, NULL, NULL, 3);
	submit(bench);
	wait_for(bench, 40);
	CHECK(bench->results[3] == 0);

	CHECK(vb_engine_close(bench->engine) == -EBUSY);
	left_behind = bench->engine;
	int count;
	sem_getvalue(&hanging, &count);
	CHECK(count >= 1 && count <= 40);
	for (int i = 0; i < count; i++) sem_post(&let_go);
	for (int i = 0; i < count; i++) while (sem_wait(&over) < 0) {}
	leave_alone();
	free(bench);
	drop(stuck_path);
	drop(path);
}

static void test_failures(void)
{
	char *path = new_file(FILE_BYTES);
	struct bench *bench = new_bench(0);
	struct vb_file file = open_file(path, 0);
	int number = vb_engine_add(bench->engine, &file);
	static uint8_t memory[8][PAGE];
	meddle_with(file.fd);
	add(bench, VB_FLUSH, number, 0, 0, NULL, NULL, 0);
	submit(bench);
	wait_for(bench, 0);
	CHECK(bench->results[0] == 0 && meddle.syncs == 1);
	meddle.fail_sync = EIO;
	meddle.fail_pread = EIO;
	meddle.fail_pwrite = ENOSPC;
	add(bench, VB_FLUSH, number, 0, 0, NULL, NULL, 1);
	add(bench, VB_READ, number, FILE_BYTES / 2, PAGE, memory[0], NULL, 2);
	add(bench, VB_WRITE | VB_FUA, number, 3 * PAGE, PAGE, memory[1], memory[2], 3);
	add(bench, VB_WRITE, number, FILE_BYTES - 1024, 1024, memory[1], memory[2], 4);
	submit(bench);
	wait_for(bench, 0);
	CHECK(bench->results[1] == -EIO && meddle.syncs == 2);
	CHECK(bench->results[2] == -EIO && bench->failed[2] == FILE_BYTES / 2);
	CHECK(bench->results[3] == -ENOSPC && bench->failed[3] == 3 * PAGE);
	CHECK(bench->results[4] == -ENOSPC && bench->failed[4] == FILE_BYTES - 1024);
	leave_alone();
	close_bench(bench);
	drop(path);
}

/* Half a second without anything being announced. */
static void check_quiet(struct bench *bench)
{
	struct pollfd event = { .fd = vb_engine_fd(bench->engine), .events = POLLIN };
	CHECK(poll(&event, 1, 500) == 0);
}

/* No thread from the beginning: what needs one waits, and is done when there is one. */
static void test_no_threads(void)
{
	char *path = new_file(FILE_BYTES);
	static uint8_t memory[8][PAGE];
	__atomic_store_n(&meddle.no_threads, EAGAIN, __ATOMIC_RELAXED);
	struct bench *bench = new_bench(0);
	struct vb_file file = open_file(path, 0);
	int number = vb_engine_add(bench->engine, &file);
	add(bench, VB_FLUSH, number, 0, 0, NULL, NULL, 0);
	add(bench, VB_READ, number, FILE_BYTES / 2, PAGE, memory[0], NULL, 1);
	add(bench, VB_WRITE | VB_FUA, number, 3 * PAGE, PAGE, memory[1], memory[2], 2);
	submit(bench);
	check_quiet(bench);
	CHECK(bench->under_way == 3 && meddle.refused == 1);
	struct vb_lack lack = vb_engine_retry(bench->engine);
	CHECK(lack.error == EAGAIN && lack.total == 3 && meddle.refused == 2);
	__atomic_store_n(&meddle.no_threads, 0, __ATOMIC_RELAXED);
	CHECK(vb_engine_retry(bench->engine).error == 0);
	wait_for(bench, 0);
	for (int i = 0; i < 3; i++) CHECK(bench->results[i] == 0);
	/* No more than there are: a file whose reads hang leaves one to others. */
	char *stuck_path = new_file(FILE_BYTES);
	struct vb_file stuck_file = open_file(stuck_path, 0);
	int stuck = vb_engine_add(bench->engine, &stuck_file);
	__atomic_store_n(&meddle.no_threads, EAGAIN, __ATOMIC_RELAXED);
	meddle.hang = 1;
	meddle_with(stuck_file.fd);
	for (int i = 0; i < 8; i++) add(bench, VB_READ, stuck, (uint64_t)i * PAGE, PAGE, memory[i], NULL, 10 + i);
	submit(bench);
	for (int round = 0; round < 20; round++) {
		add(bench, VB_FLUSH, number, 0, 0, NULL, NULL, 0);
		submit(bench);
		wait_for(bench, 8);
		CHECK(bench->results[0] == 0);
	}
	/* With threads again the others are begun too, though nothing new is asked for and none has ended. */
	__atomic_store_n(&meddle.no_threads, 0, __ATOMIC_RELAXED);
	vb_engine_retry(bench->engine);
	struct timespec until;
	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_sec += LIMIT_MS / 1000;
	for (int i = 0; i < 8; i++) CHECK(sem_timedwait(&hanging, &until) == 0);
	for (int i = 0; i < 8; i++) sem_post(&let_go);
	wait_for(bench, 0);
	for (int i = 0; i < 8; i++) while (sem_wait(&over) < 0) {}
	for (int i = 0; i < 8; i++) CHECK(bench->results[10 + i] == 0);
	leave_alone();
	close_bench(bench);
	drop(stuck_path);
	drop(path);
}

/* What the kernel lacked the means for is tried again, but not for ever; and a sync only if it was not run. */
static void test_tries(void)
{
	static const struct { int error, most; } syncs[] = { { EINTR, 20 }, { EAGAIN, 20 }, { ENOMEM, 1 }, { EIO, 1 } };
	char *path = new_file(FILE_BYTES);
	struct bench *bench = new_bench(0);
	struct vb_file file = open_file(path, 0);
	int number = vb_engine_add(bench->engine, &file);
	static uint8_t memory[2][PAGE];
	meddle_with(file.fd);
	for (size_t i = 0; i < sizeof syncs / sizeof syncs[0]; i++) {
		meddle.syncs = 0;
		meddle.fail_sync = syncs[i].error;
		add(bench, VB_WRITE | VB_FUA, number, 0, PAGE, memory[0], memory[1], 0);
		submit(bench);
		wait_for(bench, 0);
		CHECK(bench->results[0] == -syncs[i].error - VB_SYNC_FAILED && meddle.syncs >= 1 && meddle.syncs <= syncs[i].most);
		CHECK(syncs[i].most == 1 || meddle.syncs > 1);
	}
	meddle.interrupt = INT_MAX;
	add(bench, VB_READ, number, FILE_BYTES / 2, PAGE, memory[0], NULL, 1);
	submit(bench);
	wait_for(bench, 0);
	CHECK(bench->results[1] == -EINTR && meddle.reads > 100 && meddle.reads < 10000);
	meddle.interrupt = 300;
	add(bench, VB_READ, number, FILE_BYTES / 2, PAGE, memory[0], NULL, 1);
	submit(bench);
	wait_for(bench, 0);
	CHECK(bench->results[1] == 0 && meddle.interrupt == 0);
	leave_alone();
	close_bench(bench);
	drop(path);
}

/* Writes that wait for a sync share it: how many there are is not how often the disk is asked. */
static void test_shared_sync(void)
{
	char *path = new_file(FILE_BYTES);
	struct bench *bench = new_bench(0);
	struct vb_file file = open_file(path, VB_OPEN_SYNCED);
	int number = vb_engine_add(bench->engine, &file);
	static uint8_t memory[BATCH][PAGE];
	meddle_with(file.fd);
	synced = 0;
	for (int i = 0; i < BATCH; i++) add(bench, VB_WRITE | VB_FUA, number, (uint64_t)i * 3 * PAGE, PAGE, memory[i], NULL, i);
	submit(bench);
	wait_for(bench, 0);
	/* The first few may have been taken before the others were there. */
	CHECK(meddle.syncs >= 1 && meddle.syncs < BATCH / 2 && synced == BATCH);
	add(bench, VB_WRITE, number, 0, PAGE, memory[0], NULL, 0);
	meddle.syncs = 0;
	submit(bench);
	wait_for(bench, 0);
	CHECK(meddle.syncs == 0 && synced == BATCH);
	leave_alone();
	close_bench(bench);
	drop(path);
}

#ifdef HAVE_LIBURING
/* A ring that takes nothing, for a moment or for ever: workers do it, and nobody is kept busy with trying. */
static void test_no_ring(void)
{
	struct bench *bench = new_bench(1);
	int error;
	if (!vb_engine_has_uring(bench->engine, &error)) {
		puts("io_uring: not tried, there is none");
		close_bench(bench);
		return;
	}
	/* A file each time, that nothing of has been read. */
	char *paths[3];
	int files[3];
	static uint8_t memory[BATCH][PAGE];
	for (int i = 0; i < 3; i++) {
		paths[i] = new_file(FILE_BYTES);
		struct vb_file file = open_file(paths[i], 0);
		files[i] = vb_engine_add(bench->engine, &file);
	}
	for (int round = 0; round < 3; round++) {
		static const int refusals[] = { EAGAIN, EBADFD, 0 };
		meddle.refused = 0;
		meddle.no_ring = refusals[round];
		for (int i = 0; i < BATCH; i++) {
			add(bench, VB_READ, files[round], (uint64_t)i * PAGE, PAGE, memory[i], NULL, i);
			submit(bench);
		}
		wait_for(bench, 0);
		for (int i = 0; i < BATCH; i++) CHECK(bench->results[i] == 0);
		while (vb_engine_reap(bench->engine, bench->operations, 1) > 0) {}
		check_quiet(bench);
		CHECK(meddle.refused == (refusals[round] != 0));
		struct vb_lack lack = vb_engine_retry(bench->engine);
		CHECK(lack.error == refusals[round] && lack.total == (round == 0 ? 1 : 2));
	}
	leave_alone();
	close_bench(bench);
	for (int i = 0; i < 3; i++) drop(paths[i]);
}

/* What the ring says of an operation of somebody who has got hold of it. */
static int ask_ring(void (*prepare)(struct io_uring_sqe *), unsigned flags)
{
	struct io_uring_cqe *completion;
	struct io_uring_sqe *entry = io_uring_get_sqe(ring);
	CHECK(entry);
	prepare(entry);
	io_uring_sqe_set_flags(entry, flags);
	io_uring_sqe_set_data(entry, NULL);
	CHECK(__real_io_uring_submit(ring) == 1 && io_uring_wait_cqe(ring, &completion) == 0);
	int result = completion->res;
	io_uring_cqe_seen(ring, completion);
	return result;
}

static void prepare_open(struct io_uring_sqe *entry)
{
	io_uring_prep_openat(entry, AT_FDCWD, "/etc/passwd", O_RDONLY, 0);
}

static void prepare_connect(struct io_uring_sqe *entry)
{
	io_uring_prep_connect(entry, 0, NULL, 0);
}

static void prepare_write(struct io_uring_sqe *entry)
{
	io_uring_prep_write(entry, 1, "", 0, 0);
}

/* A sync that io_uring queues behind a disk that hangs would wait for it, and two ways to sync are one too many. */
static void prepare_sync(struct io_uring_sqe *entry)
{
	io_uring_prep_fsync(entry, 1, IORING_FSYNC_DATASYNC);
}

static void prepare_nothing(struct io_uring_sqe *entry)
{
	io_uring_prep_nop(entry);
}

/* The ring is made before root is given up, and no filter of system calls sees into it. */
static void test_closed_ring(void)
{
	struct bench *bench = new_bench(1);
	int error;
	if (vb_engine_has_uring(bench->engine, &error)) {
		CHECK(ask_ring(prepare_nothing, 0) == 0);
		CHECK(ask_ring(prepare_open, 0) == -EACCES);
		CHECK(ask_ring(prepare_connect, 0) == -EACCES);
		CHECK(ask_ring(prepare_write, 0) == -EACCES);
		CHECK(ask_ring(prepare_sync, 0) == -EACCES);
		CHECK(ask_ring(prepare_nothing, IOSQE_IO_LINK) == -EACCES);
		CHECK(io_uring_unregister_eventfd(ring) == -EACCES);
	}
	close_bench(bench);
}

/* The same once root has been given up: in a process that ends with it. */
__attribute__((unused)) static void test_ring_of_user(void)
{
	if (geteuid() != 0) return;
	pid_t child = fork();
	CHECK(child >= 0);
	if (child == 0) {
		const char *step;
		int error;
		struct vb_engine *engine = vb_engine_open(1);
		if (!engine || vb_become_user("nobody", 0, &step) != 0) _exit(1);
		if (open("/etc/passwd", O_RDONLY) >= 0) _exit(2);
		if (vb_engine_has_uring(engine, &error) && ask_ring(prepare_open, 0) != -EACCES) _exit(3);
		_exit(0);
	}
	int status;
	CHECK(waitpid(child, &status, 0) == child && WIFEXITED(status) && WEXITSTATUS(status) == 0);
}
#endif

/* Several engines at once, each in a thread of its own, each against a model of its file. */
static void *engine_thread(void *argument)
{
	struct bench *bench = new_bench(argument != NULL);
	char *path = new_file(FILE_BYTES);
	struct vb_file file = open_file(path, 0);
	int number = vb_engine_add(bench->engine, &file);
	uint8_t *memory = malloc(BATCH * PAGE), *model = calloc(BATCH, 1);
	CHECK(memory && model);
	unsigned seed = (unsigned)(uintptr_t)path;
	for (int round = 0; round < 60; round++) {
		uint8_t seen[BATCH];
		memcpy(seen, model, BATCH);
		for (int i = 0; i < BATCH; i++) {
			int is_write = rand_r(&seed) % 2;
			if (is_write) memset(memory + i * PAGE, model[i] = (uint8_t)rand_r(&seed), PAGE);
			add(bench, is_write ? VB_WRITE | (rand_r(&seed) % 2 ? VB_FUA : 0) : VB_READ, number, (uint64_t)i * 3 * PAGE, PAGE,
			    memory + i * PAGE, NULL, i);
		}
		submit(bench);
		wait_for(bench, 0);
		for (int i = 0; i < BATCH; i++) CHECK(bench->results[i] == 0 && memory[i * PAGE + 77] == model[i]);
	}
	close_bench(bench);
	drop(path);
	free(memory);
	free(model);
	return NULL;
}

static void test_threads(void)
{
	pthread_t threads[4];
	for (size_t i = 0; i < 4; i++) CHECK(pthread_create(&threads[i], NULL, engine_thread, (void *)(i % 2)) == 0);
	for (int i = 0; i < 4; i++) pthread_join(threads[i], NULL);
}

/* ---- packet sockets --------------------------------------------------------------------------------------------- */

static void bring_up(const char *name)
{
	struct ifreq request = { .ifr_flags = IFF_UP };
	int fd = socket(AF_INET, SOCK_DGRAM, 0);
	strcpy(request.ifr_name, name);
	CHECK(ioctl(fd, SIOCSIFFLAGS, &request) == 0);
	close(fd);
}

/* The same by an XDP socket: heads alone, with data in the same chunk and in others, and data that leads nowhere. */
static void test_xdp(struct vb_port_config config)
{
	static const size_t lengths[] = { 0, 1, 4060, 4061, 8192, 9000 };
	enum { COUNT = sizeof lengths / sizeof lengths[0], ROUNDS = 40 };
	static uint8_t head[60], data[9000];
	struct vb_port port, other;
	const char *step;
	config.frame_bytes = 9100;
	head[12] = 0x88, head[13] = 0xa2;
	for (size_t i = 0; i < sizeof data; i++) data[i] = (uint8_t)(i % 251);
	CHECK(vb_port_open(&port, &config, &step) == 0 && vb_port_open(&other, &config, &step) == 0);
	int error = vb_port_use_xdp(&port, &step);
	if (error) {
		/* An older kernel, or none of this kind. */
		CHECK(error == -EAFNOSUPPORT || error == -EINVAL || error == -EOPNOTSUPP);
		vb_port_close(&other);
		vb_port_close(&port);
		return;
	}
	CHECK(vb_port_use_xdp(&port, &step) == 0);
	CHECK(vb_port_use_xdp(&other, &step) == -EBUSY && !strcmp(step, "bind") && other.xdp.fd < 0);
	/* A file that is mapped and then cut. */
	FILE *file = tmpfile();
	CHECK(file && ftruncate(fileno(file), PAGE) == 0);
	void *gone = mmap(NULL, PAGE, PROT_READ, MAP_SHARED, fileno(file), 0);
	CHECK(gone != MAP_FAILED && ftruncate(fileno(file), 0) == 0);
	vb_guard_init();
	double frames[(COUNT + 1) * VB_SEND_FIELDS];
	for (int i = 0; i <= COUNT; i++) {
		double *frame = frames + i * VB_SEND_FIELDS;
		frame[0] = (double)(uintptr_t)head, frame[1] = sizeof head;
		const void *from = i == COUNT ? gone : lengths[i] > 0 ? data : NULL;
		frame[2] = (double)(uintptr_t)from, frame[3] = i < COUNT ? (double)lengths[i] : 512;
	}
	uint32_t slot = 0;
	for (int round = 0; round < ROUNDS; round++) {
		CHECK(vb_port_send(&port, frames, COUNT, &error) == COUNT && error == 0);
		for (int i = 0; i < COUNT; i++, slot = vb_port_after(&port, slot)) {
			CHECK(vb_port_next(&port, slot, 0, 1e6) >= 1);
			const uint8_t *base = port.ring + vb_port_slot_offset(&port, slot);
			const struct tpacket2_hdr *header = (const void *)base;
			CHECK(header->tp_len == sizeof head + lengths[i]);
			CHECK(!memcmp(base + header->tp_mac, head, sizeof head));
			CHECK(!memcmp(base + header->tp_mac + sizeof head, data, lengths[i]));
			CHECK(vb_port_next(&port, slot, 1, 0) >= 0);
		}
		CHECK(!vb_xdp_waits(&port.xdp) && port.xdp.unused_count == VB_XDP_CHUNKS);
	}
	CHECK(vb_port_send(&port, frames + COUNT * VB_SEND_FIELDS, 1, &error) == 0 && error == EFAULT);
	CHECK(port.xdp.unused_count == VB_XDP_CHUNKS);
	munmap(gone, PAGE);
	fclose(file);
	vb_port_close(&port);
	CHECK(vb_port_use_xdp(&other, &step) == 0);
	vb_port_close(&other);
}

static void test_packets(void)
{
	static struct vb_interface_answer answer;
	static struct vb_monitor monitor;
	struct vb_interface interface;
	struct vb_port port;
	const char *step;
	CHECK(vb_interface_get("no such interface at all", 0, &answer) == -ENODEV);
	CHECK(vb_interface_get("nothere0", 0, &answer) == -ENODEV && vb_interface_get("", 0, &answer) == -ENODEV);
	CHECK(vb_interface_get(NULL, 1 << 20, &answer) == -ENODEV);
	CHECK(vb_interface_get("lo", 0, &answer) == 0 && answer.interface.mtu > 0);
	int index = answer.interface.index;
	CHECK(vb_interface_get(NULL, index, &answer) == 0 && !strcmp(answer.interface.name, "lo"));
	CHECK(vb_interface_alternative(&answer.interface, NULL) == NULL);
	struct vb_port_config config = { .index = index, .ethertype = 0x88a2, .frame_bytes = 1514, .frame_count = 100, .send_bytes = 1 << 20 };
	struct vb_port_config wrong = config;
	wrong.frame_bytes = UINT_MAX;
	CHECK(vb_port_open(&port, &wrong, &step) == -EINVAL);
	wrong = config;
	wrong.frame_count = UINT_MAX;
	CHECK(vb_port_open(&port, &wrong, &step) == -EINVAL);
	wrong = config;
	wrong.index = 0;
	CHECK(vb_port_open(&port, &wrong, &step) == -ENODEV && !strcmp(step, "find"));

	CHECK(vb_monitor_open(&monitor) == 0);
	struct pollfd change = { .fd = monitor.fd, .events = POLLIN };
	CHECK(vb_port_open(&port, &config, &step) == 0 && port.frame_count >= 100);
	bring_up("lo");
	CHECK(poll(&change, 1, LIMIT_MS) == 1);
	CHECK(vb_monitor_next(&monitor, &interface) == 1 && interface.index == index && !strcmp(interface.name, "lo"));
	while (vb_monitor_next(&monitor, &interface) == 1) CHECK(interface.index == index);
	CHECK(poll(&change, 1, 0) == 0);
	close(monitor.fd);
	vb_port_error(&port);

	uint8_t head[64] = { 0 }, data[1000];
	head[12] = 0x88, head[13] = 0xa2;
	memset(data, 0x5a, sizeof data);
	enum { FRAMES = 70 };
	double frames[(FRAMES + 2) * VB_SEND_FIELDS];
	for (int i = 0; i < FRAMES; i++) {
		double *frame = frames + i * VB_SEND_FIELDS;
		frame[0] = (double)(uintptr_t)head, frame[1] = 60;
		frame[2] = (double)(uintptr_t)data, frame[3] = i;
	}
	int error;
	CHECK(vb_port_send(&port, frames, FRAMES, &error) == FRAMES && error == 0);
	for (uint32_t i = 0; i < FRAMES; i++) {
		CHECK(vb_port_next(&port, i, 0, 1e6) >= 1);
		const uint32_t *header = (const void *)(port.ring + vb_port_slot_offset(&port, i));
		CHECK(header[1] == 60 + i);
	}
	CHECK(vb_port_next(&port, 0, 0, 0) == VB_BATCH);
	CHECK(vb_port_next(&port, 0, VB_BATCH, 0) == FRAMES - VB_BATCH);
	CHECK(vb_port_next(&port, VB_BATCH, FRAMES - VB_BATCH, 10) == 0);
	/* One without data, one that leads nowhere. */
	frames[3] = 0;
	frames[VB_SEND_FIELDS] = 8;
	CHECK(vb_port_send(&port, frames, 2, &error) == 1 && error == EFAULT);
	for (int i = 0; i < 5; i++) vb_port_send(&port, frames + 5 * VB_SEND_FIELDS, FRAMES - 5, &error);
	CHECK(vb_port_drops(&port) > 0 && vb_port_drops(&port) == 0);
	vb_port_close(&port);
	vb_port_close(&port);
	test_xdp(config);

	struct vb_load_config load = { .interface = "lo", .sectors = 2, .window = 4, .blocks = 100, .seconds = 0.1 };
	struct vb_load_result result;
	load.window = 0;
	CHECK(vb_load_run(&load, &result, &step) == -EINVAL);
	load.window = 4;
	load.sectors = 255;
	load.interface = "nothere0";
	CHECK(vb_load_run(&load, &result, &step) == -ENODEV);
}

/* ---- the writer -------------------------------------------------------------------------------------------------- */

static char *read_all_of(int fd, size_t *length)
{
	size_t room = 1 << 20;
	char *text = calloc(1, room);
	*length = 0;
	for (ssize_t n; (n = read(fd, text + *length, room - 1 - *length)) > 0;) *length += (size_t)n;
	return text;
}

static void test_writer(void)
{
	enum { LINE = 1000, KEPT = 256 * LINE };
	char line[LINE + 1];
	int ends[2];
	size_t length, taken = 0, lost = 0;
	memset(line, 'x', LINE - 1);
	line[LINE - 1] = '\n', line[LINE] = 0;
	CHECK(!vb_writer_open(-1, KEPT) && errno == EBADF);
	CHECK(pipe(ends) == 0);
	struct vb_writer *writer = vb_writer_open(ends[1], KEPT);
	CHECK(writer && vb_writer_flush(writer, 0) == 0);
	/* Nobody reads: what the pipe and the list hold is taken, and nothing more; nothing waits. */
	for (int i = 0; i < 1000; i++) {
		if (vb_writer_put(writer, line, LINE) == 0) taken++;
		else lost++;
	}
	CHECK(taken >= KEPT / LINE && lost > 0 && taken <= (KEPT + (1 << 16)) / LINE + 1);
	CHECK(vb_writer_flush(writer, 1) == -ETIMEDOUT);
	/* The rest is written by a writer that is closed already. */
	vb_writer_close(writer);
	close(ends[1]);
	char *text = read_all_of(ends[0], &length), told[100];
	snprintf(told, sizeof told, "vblade: warn: %zu lines of the log were lost: nobody took them\n", lost);
	CHECK(length == taken * LINE + strlen(told) && !strcmp(text + taken * LINE, told));
	free(text);
	close(ends[0]);

	/* The reader is gone. */
	signal(SIGPIPE, SIG_IGN);
	CHECK(pipe(ends) == 0 && (writer = vb_writer_open(ends[1], KEPT)));
	close(ends[0]);
	close(ends[1]);
	for (int i = 0; i < 3; i++) CHECK(vb_writer_put(writer, line, LINE) == 0 && vb_writer_flush(writer, LIMIT_MS) == 0);
	vb_writer_close(writer);
}

/* In a process of its own, for it may start no thread at first. */
static void test_writer_without_thread(void)
{
	int ends[2], status;
	size_t length;
	CHECK(pipe(ends) == 0);
	pid_t child = fork();
	if (child == 0) {
		struct rlimit many, none;
		CHECK(getrlimit(RLIMIT_NPROC, &many) == 0);
		none = (struct rlimit){ .rlim_cur = 0, .rlim_max = many.rlim_max };
		struct vb_writer *writer = vb_writer_open(ends[1], PAGE);
		CHECK(setrlimit(RLIMIT_NPROC, &none) == 0 && setresuid(65534, 65534, 65534) == 0);
		CHECK(writer && vb_writer_put(writer, "kept\n", 5) == 0 && vb_writer_flush(writer, 30) == -ETIMEDOUT);
		CHECK(setrlimit(RLIMIT_NPROC, &many) == 0 && vb_writer_flush(writer, LIMIT_MS) == 0);
		_exit(0);
	}
	close(ends[1]);
	char *text = read_all_of(ends[0], &length);
	CHECK(waitpid(child, &status, 0) == child && status == 0 && !strcmp(text, "kept\n"));
	free(text);
	close(ends[0]);
}

/* ---- canaries: errors that the sanitizers must find -------------------------------------------------------------- */

static int shared;

static void *race(void *ignored)
{
	(void)ignored;
	for (int i = 0; i < 100000; i++) shared++;
	return NULL;
}

static void canary(const char *kind)
{
	vb_guard_init();
	volatile int one = 1;
	if (!strcmp(kind, "address")) {
		uint8_t *bytes = calloc(1, PAGE), to[PAGE + 1];
		vb_copy(to, bytes, PAGE + (size_t)one);
		free(bytes);
	} else if (!strcmp(kind, "leak")) {
		if (!new_bench(one - 1)) return;
	} else if (!strcmp(kind, "undefined")) {
		volatile int large = INT_MAX;
		large += one;
	} else if (!strcmp(kind, "race")) {
		pthread_t threads[2];
		for (int i = 0; i < 2; i++) pthread_create(&threads[i], NULL, race, NULL);
		for (int i = 0; i < 2; i++) pthread_join(threads[i], NULL);
	}
}

int main(int argc, char **argv)
{
	CHECK(argc == 2);
	if (!strncmp(argv[1], "--canary=", 9)) {
		canary(argv[1] + 9);
		return 0;
	}
	directory = argv[1];
	sem_init(&hanging, 0, 0);
	sem_init(&let_go, 0, 0);
	sem_init(&over, 0, 0);
	if (geteuid() == 0) test_writer_without_thread();
	test_writer();
	test_file();
#ifndef __SANITIZE_THREAD__ /* it does not know jumps out of a signal's handler */
	test_guard();
#endif
	test_engine(0);
	test_engine(1);
	test_failures();
	test_tries();
	test_shared_sync();
	test_no_threads();
#ifdef HAVE_LIBURING
	test_closed_ring();
	test_no_ring();
#ifndef __SANITIZE_THREAD__ /* it wants to open files */
	test_ring_of_user();
#endif
#endif
	test_threads();
	/* A network of our own, with nothing in it but a loopback interface. */
	if (unshare(CLONE_NEWNET) == 0) test_packets();
	else puts("packet sockets: not tried, that needs root");
	test_stuck();
	puts("core: all is well");
	return 0;
}
