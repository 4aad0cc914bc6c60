/*
 * See engine.h: batches of operations, on their way and back.
 *
 *   submit ── page cache ──> done in place
 *     └──> io_uring, or the pool's workers ──> event descriptor ──> reap
 */
#include <errno.h>
#include <unistd.h>

#include "engine-state.h"
#include "in-place.h"
#include "operation.h"

void vb_engine_start(struct vb_engine *engine, struct vb_job *job, int may_be_uring)
{
	struct vb_open_file *opened = job->opened;
	if (!may_be_uring || !engine->uring || !vb_uring_put(engine->uring, job)) vb_pool_put(engine->pool, job);
	if (opened->under_way++ == 0) opened->progress_ms = engine->now_ms;
	engine->under_way++;
}

/* Hands an operation to whoever may wait for it: VB_PENDING if it is under way, else -errno. */
static int hand_over(struct vb_engine *engine, struct vb_open_file *opened, const double *operation, int kind)
{
	struct vb_job *job = vb_job_of(&engine->jobs, opened, operation, kind);
	if (!job) return -ENOMEM;
	/*
	 * What changes a file is for the pool, which does all writes that wait in one go, and one sync at a time, and knows of its
	 * threads. Behind a disk that hangs io_uring would queue them without a word, if the kernel can't make it another thread.
	 */
	vb_engine_start(engine, job, job->kind == VB_READ);
	return VB_PENDING;
}

/* What io_uring could not begin is for the workers. */
static void put_off(struct vb_engine *engine, struct vb_job *job)
{
	engine->lack.error = -job->result;
	engine->lack.total++;
	vb_pool_put(engine->pool, job);
}

/* Has the kernel begin what io_uring has been given. What it can't begin now workers do. */
static void hand_to_kernel(struct vb_engine *engine)
{
	if (!engine->uring) return;
	struct vb_job *job = vb_uring_submit(engine->uring);
	while (job) {
		struct vb_job *next = job->next;
		put_off(engine, job);
		job = next;
	}
}

int vb_engine_submit(struct vb_engine *engine, double *operations, int count)
{
	int pending = 0;
	engine->now_ms = vb_residents_tick(engine->residents);
	for (int i = 0; i < count; i++) {
		double *operation = operations + (size_t)i * VB_FIELDS;
		operation[VB_F_BORROWED] = 0;
		if (!vb_operation_is_sound(operation)) {
			operation[VB_F_KIND] = -EINVAL;
			continue;
		}
		int kind = (int)operation[VB_F_KIND];
		struct vb_open_file *opened = vb_engine_find(engine, (int)operation[VB_F_FILE]);
		if (!opened) {
			operation[VB_F_KIND] = -EBADF;
		} else if (!vb_run_in_place(engine->residents, opened, operation, kind)) {
			int state = hand_over(engine, opened, operation, kind);
			operation[VB_F_KIND] = state;
			if (state == VB_PENDING) pending++;
		}
	}
	hand_to_kernel(engine);
	return pending;
}

/* The next job that is over. */
static struct vb_job *next_done(struct vb_engine *engine)
{
	if (!engine->done) engine->done = vb_pool_take_done(engine->pool);
	if (engine->done) {
		struct vb_job *job = engine->done;
		engine->done = job->next;
		return job;
	}
	while (engine->uring) {
		struct vb_job *job = vb_uring_take_done(engine->uring);
		if (!job || job->result == 0) return job;
		/*
		 * A read that was not begun, for want of a thread (ECANCELED, EAGAIN), or done in part, or failed: a worker does it again,
		 * and learns what is wrong, and where.
		 */
		if (job->result == -ECANCELED) put_off(engine, job);
		else vb_pool_put(engine->pool, job);
	}
	return NULL;
}

void vb_engine_cancel(struct vb_engine *engine, int number, double token)
{
	struct vb_open_file *opened = vb_engine_find(engine, number);
	if (opened) vb_pool_cancel(engine->pool, opened, token);
}

/* What is told of a job that is over. */
static int told(const struct vb_job *job)
{
	if (job->cancelled) return VB_CANCELLED;
	if (!job->synced || job->kind == VB_FLUSH) return job->result;
	return job->result == 0 ? VB_SYNCED : job->result - VB_SYNC_FAILED;
}

/* Housekeeping is over. */
static void house_kept(struct vb_open_file *opened, enum vb_kind kind)
{
	if (kind == VB_CLOSE) opened->used = opened->closing = 0;
	else opened->refreshing = 0;
}

int vb_engine_reap(struct vb_engine *engine, double *completions, int room)
{
	uint64_t value = 1;
	/* Emptied before looking, so that what ends while we look is announced again. */
	if (read(engine->event, &value, sizeof value) < 0 && errno != EAGAIN) return 0;
	int count = 0;
	engine->now_ms = vb_residents_tick(engine->residents);
	while (count < room) {
		struct vb_job *job = next_done(engine);
		if (!job) break;
		if (job->kind < 0) {
			house_kept(job->opened, job->kind);
		} else {
			double *completion = completions + (size_t)count++ * VB_COMPLETION_FIELDS;
			completion[0] = job->token;
			completion[1] = told(job);
			completion[2] = (double)job->failed;
		}
		job->opened->progress_ms = engine->now_ms;
		job->opened->under_way--;
		engine->under_way--;
		vb_job_free(&engine->jobs, job);
	}
	value = 1;
	/* More than there was room for: come back. */
	if (count == room && write(engine->event, &value, sizeof value) < 0) return count;
	hand_to_kernel(engine);
	return count;
}
