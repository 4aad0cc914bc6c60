/* See uring.h. */
#define _GNU_SOURCE
#include "uring.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/uio.h>
#include <unistd.h>

#ifdef HAVE_LIBURING
#include <liburing.h>

enum {
	ENTRIES = 1024,
	MAX_FILES = 8192,
	JOBS_PER_FILE = 64, /* what a stuck disk can hold of the kernel's workers */
	KERNEL_WORKERS = 1024,
};

struct vb_uring {
	struct io_uring ring;
	int files_registered;
	int event;
	unsigned queued;    /* jobs that the kernel has not been given yet */
	unsigned under_way; /* never more than the completion queue holds */
	int paused;         /* the kernel did not take what it was given */
};

/* All that this ring can ever do, whoever gets hold of it: what is open already is read. */
static const struct io_uring_restriction ALLOWED[] = {
	{ .opcode = IORING_RESTRICTION_SQE_OP, .sqe_op = IORING_OP_READ },
	{ .opcode = IORING_RESTRICTION_SQE_OP, .sqe_op = IORING_OP_NOP },
	{ .opcode = IORING_RESTRICTION_SQE_FLAGS_ALLOWED, .sqe_flags = IOSQE_FIXED_FILE },
	{ .opcode = IORING_RESTRICTION_REGISTER_OP, .register_op = IORING_REGISTER_FILES_UPDATE },
};

/* Operations we rely on; a kernel without them is treated as one without io_uring. */
static int knows_operations(struct io_uring *ring)
{
	struct io_uring_probe *probe = io_uring_get_probe_ring(ring);
	if (!probe) return 0;
	int knows = io_uring_opcode_supported(probe, IORING_OP_READ);
	io_uring_free_probe(probe);
	return knows;
}

struct vb_uring *vb_uring_open(int event)
{
	struct vb_uring *uring = calloc(1, sizeof *uring);
	if (!uring) return NULL;
	uring->event = event;
	/*
	 * We look at completions when we are in the kernel anyway: no need to be interrupted for them. Older kernels don't know that.
	 * The ring is made closed, and opened with its restrictions; a kernel without them (before 5.10) is one without io_uring.
	 */
	int error = io_uring_queue_init(ENTRIES, &uring->ring, IORING_SETUP_R_DISABLED | IORING_SETUP_COOP_TASKRUN);
	if (error == -EINVAL) error = io_uring_queue_init(ENTRIES, &uring->ring, IORING_SETUP_R_DISABLED);
	if (error) goto fail;
	error = knows_operations(&uring->ring) ? io_uring_register_eventfd(&uring->ring, event) : -ENOSYS;
	if (error) goto fail_ring;
	/* Where a read has to wait it may take a thread of the kernel's; it would make do with four per processor. */
	unsigned workers[2] = { KERNEL_WORKERS, 0 };
	io_uring_register_iowq_max_workers(&uring->ring, workers);
	uring->files_registered = io_uring_register_files_sparse(&uring->ring, MAX_FILES) == 0;
	error = io_uring_register_restrictions(&uring->ring, (struct io_uring_restriction *)ALLOWED, sizeof ALLOWED / sizeof ALLOWED[0]);
	if (!error) error = io_uring_enable_rings(&uring->ring);
	if (!error) return uring;
fail_ring:
	io_uring_queue_exit(&uring->ring);
fail:
	free(uring);
	errno = -error;
	return NULL;
}

void vb_uring_file(struct vb_uring *uring, struct vb_open_file *opened, int add)
{
	int fd = add ? opened->file.fd : -1;
	opened->file.registered = 0;
	if (!uring->files_registered || opened->number >= MAX_FILES) return;
	opened->file.registered = io_uring_register_files_update(&uring->ring, (unsigned)opened->number, &fd, 1) == 1 && add;
}

int vb_uring_put(struct vb_uring *uring, struct vb_job *job)
{
	struct vb_file *file = &job->opened->file;
	/* Direct I/O needs aligned copies around it, which workers make. */
	if (job->kind != VB_READ || file->direct || uring->paused || uring->under_way >= ENTRIES) return 0;
	/* Where any call may hang, each takes a thread, and the pool knows how many of them a file may have. */
	if (file->may_hang || job->opened->under_way >= JOBS_PER_FILE) return 0;
	struct io_uring_sqe *entry = io_uring_get_sqe(&uring->ring);
	if (!entry) return 0;
	int fd = file->registered ? job->opened->number : file->fd;
	io_uring_prep_read(entry, fd, job->memory, (unsigned)job->length, job->offset);
	if (file->registered) io_uring_sqe_set_flags(entry, IOSQE_FIXED_FILE);
	io_uring_sqe_set_data(entry, job);
	uring->queued++;
	uring->under_way++;
	return 1;
}

/*
 * Takes back what the kernel has not taken. It would stay in the queue, so a job that does nothing is put in its place, to be
 * handed over with the next one.
 */
static struct vb_job *take_back(struct vb_uring *uring, int error)
{
	struct vb_job *first = NULL, **end = &first;
	const struct io_uring_sq *queue = &uring->ring.sq;
	for (unsigned i = queue->sqe_tail - uring->queued; i != queue->sqe_tail; i++) {
		struct io_uring_sqe *entry = &queue->sqes[i & queue->ring_mask];
		struct vb_job *job = (struct vb_job *)(uintptr_t)entry->user_data;
		io_uring_prep_nop(entry);
		io_uring_sqe_set_data(entry, NULL);
		if (!job) continue;
		job->result = error;
		job->next = NULL;
		*end = job;
		end = &job->next;
	}
	return first;
}

struct vb_job *vb_uring_submit(struct vb_uring *uring)
{
	while (uring->queued > 0 && !uring->paused) {
		int taken = io_uring_submit(&uring->ring);
		if (taken <= 0) {
			/* Whether it is short of something for a moment or will never do it again: there is another way. */
			uring->paused = 1;
			return take_back(uring, taken ? taken : -EAGAIN);
		}
		uring->queued -= (unsigned)taken;
	}
	return NULL;
}

void vb_uring_retry(struct vb_uring *uring)
{
	uring->paused = 0;
}

struct vb_job *vb_uring_take_done(struct vb_uring *uring)
{
	struct io_uring_cqe *completion;
	struct vb_job *job;
	for (;;) {
		if (io_uring_peek_cqe(&uring->ring, &completion) != 0) return NULL;
		job = io_uring_cqe_get_data(completion);
		if (job) break;
		io_uring_cqe_seen(&uring->ring, completion);
		uring->under_way--;
	}
	job->failed = job->offset;
	job->result = completion->res < 0 ? completion->res : 0;
	/* Half a transfer is no result: -EAGAIN asks for it to be done another way, which finds out what is wrong. */
	if (completion->res >= 0 && (size_t)completion->res != job->length) job->result = -EAGAIN;
	io_uring_cqe_seen(&uring->ring, completion);
	uring->under_way--;
	return job;
}

void vb_uring_close(struct vb_uring *uring)
{
	io_uring_queue_exit(&uring->ring);
	free(uring);
}

#else

struct vb_uring *vb_uring_open(int event)
{
	(void)event;
	errno = ENOSYS;
	return NULL;
}

void vb_uring_file(struct vb_uring *uring, struct vb_open_file *opened, int add)
{
	(void)uring, (void)opened, (void)add;
}

int vb_uring_put(struct vb_uring *uring, struct vb_job *job)
{
	(void)uring, (void)job;
	return 0;
}

struct vb_job *vb_uring_submit(struct vb_uring *uring)
{
	(void)uring;
	return NULL;
}

void vb_uring_retry(struct vb_uring *uring)
{
	(void)uring;
}

struct vb_job *vb_uring_take_done(struct vb_uring *uring)
{
	(void)uring;
	return NULL;
}

void vb_uring_close(struct vb_uring *uring)
{
	(void)uring;
}

#endif
