/* See work.h. */
#define _GNU_SOURCE
#include "work.h"

#include <errno.h>
#include <sys/uio.h>
#include <time.h>

#include "common/clock.h"

enum {
	ROW_MAX = 64, /* writes that become one */
	/* What the kernel lacked the means to do is tried again, for a second in all; then that is the answer. */
	TRIES = 11,
	FIRST_PAUSE_US = 1000, /* each is twice as long as the one before */
	/* A sync that takes longer is better done once for all writes that wait, by whoever asked for them. */
	SLOW_SYNC_US = 2000,
};

static int zero_piece(struct vb_job *job)
{
	uint64_t done, begin = job->offset + job->done;
	int error = vb_file_zero(&job->opened->file, begin, job->length - job->done, job->may_unmap, &done, &job->failed);
	job->done += done;
	return error;
}

int vb_is_unfinished(const struct vb_job *job)
{
	return job->kind == VB_ZERO && job->result == 0 && job->done < job->length;
}

static int once(struct vb_job *job)
{
	struct vb_file *file = &job->opened->file;
	job->failed = job->offset;
	switch (job->kind) {
	case VB_READ: return vb_file_read(file, job->offset, job->memory, job->length, &job->failed);
	case VB_WRITE: return vb_file_write(file, job->offset, job->memory, job->length, &job->failed);
	case VB_FLUSH: return vb_file_sync(file);
	case VB_TRIM:
		if (job->memory) return vb_file_trim_list(file, job->memory, job->count, &job->failed);
		return vb_file_trim(file, job->offset, job->length);
	case VB_ZERO: return zero_piece(job);
	case VB_EXTENTS:
		return vb_file_extents(file, job->offset, job->length, job->memory, job->count, &job->failed);
	case VB_KINDS: break;
	case VB_REFRESH: return vb_file_refresh(file);
	case VB_CLOSE: vb_file_close(file); return 0;
	}
	return -EINVAL;
}

/*
 * Whether a result says that the operation was not carried out for want of something, rather than what the medium made of
 * it. A sync's ENOMEM is no such: it may be a page's, from when that was written out, and is told only once.
 */
static int was_not_run(enum vb_kind kind, int result)
{
	return result == -EINTR || result == -EAGAIN || (result == -ENOMEM && kind != VB_FLUSH);
}

static void run(struct vb_job *job)
{
	struct timespec pause = { .tv_nsec = FIRST_PAUSE_US * 1000 };
	for (int tries = 1;; tries++) {
		job->result = once(job);
		if (tries == TRIES || !was_not_run(job->kind, job->result)) return;
		nanosleep(&pause, NULL);
		pause.tv_nsec *= 2;
	}
}

/*
 * The kernel lets only one write at a time into a file anyway, so one worker does all that wait, and is woken, and wakes the
 * loop, once for all of them.
 */
int vb_in_turn(const struct vb_job *job)
{
	return job->kind == VB_WRITE && !job->opened->file.direct;
}

/* Does a write and those behind it that go on where it ends, if it can, in one. Returns the last one done. */
static struct vb_job *run_row(struct vb_job *job, int write_out)
{
	struct iovec parts[ROW_MAX];
	uint64_t begin = job->offset, end = begin;
	struct vb_job *last = job;
	int count = 0;
	for (struct vb_job *next = job; next && count < ROW_MAX && next->offset == end; next = next->next) {
		parts[count++] = (struct iovec){ next->memory, next->length };
		end += next->length;
		last = next;
	}
	/* Which of them failed, and where, comes out when they are done one by one. */
	int one_by_one = count == 1 || vb_file_write_row(&job->opened->file, begin, parts, count) != 0;
	for (;; job = job->next) {
		if (one_by_one) run(job);
		else job->result = 0;
		if (job == last) break;
	}
	if (write_out) vb_file_write_out(&job->opened->file, begin, end - begin);
	return last;
}

void vb_work(struct vb_job *job, int busy)
{
	if (!vb_in_turn(job)) {
		/* A flush is all sync. */
		if (job->kind == VB_FLUSH) job->result = 0;
		else run(job);
		return;
	}
	/* A disk that has something to do meanwhile need not be told to begin, and one write is synced as soon as it is there. */
	int write_out = job->next || busy;
	for (; job; job = job->next) job = run_row(job, write_out);
}

int vb_work_sync(struct vb_job *first)
{
	struct vb_job sync = { .opened = first->opened, .kind = VB_FLUSH };
	uint64_t begin = vb_now_us();
	run(&sync);
	uint64_t end = vb_now_us();
	for (struct vb_job *job = first; job; job = job->next) {
		job->synced = 1;
		job->result = sync.result;
		job->failed = job->offset;
	}
	return end - begin > SLOW_SYNC_US;
}
