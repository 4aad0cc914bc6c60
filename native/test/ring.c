/* io_uring: a ring that takes nothing, and one that somebody else has got hold of. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bench.h"
#include "check.h"
#include "common/privileges.h"
#include "meddle.h"

#ifdef HAVE_LIBURING

/* A ring that takes nothing, for a moment or for ever: workers do it, and nobody is kept busy with trying. */
void test_no_ring(void)
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
void test_closed_ring(void)
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
void test_ring_of_user(void)
{
	if (geteuid() != 0) return;
	pid_t child = fork();
	CHECK(child >= 0);
	if (child == 0) {
		const char *step;
		int error;
		struct vb_engine *engine = vb_engine_open(1);
		if (!engine || vb_become_user("nobody", 0, 0, &step) != 0) _exit(1);
		if (open("/etc/passwd", O_RDONLY) >= 0) _exit(2);
		if (vb_engine_has_uring(engine, &error) && ask_ring(prepare_open, 0) != -EACCES) _exit(3);
		_exit(0);
	}
	int status;
	CHECK(waitpid(child, &status, 0) == child && WIFEXITED(status) && WEXITSTATUS(status) == 0);
}
#endif
