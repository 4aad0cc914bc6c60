/*
 * See pool.h.
 *
 *   put ──> file's queue ──> ready list ──> a worker ──> done list ──> event descriptor
 *                                              └─ writes that ask for it: ──> one worker that syncs ──^
 */
#define _GNU_SOURCE
#include "pool.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "common/clock.h"
#include "pool-state.h"
#include "queue.h"
#include "work.h"

enum {
	FIRST_WORKERS = 2,         /* there from the beginning to the end */
	WORKER_STACK_BYTES = 128 * 1024,
	WORKER_IDLE_MS = 10000,
	CLOSE_WAIT_MS = 1000,
};

static void *worker(void *argument);

/* With the lock held: one more worker, or what it lacks. Does not try if it was lacking before: vb_pool_retry() does. */
static int start_worker(struct vb_pool *pool)
{
	if (pool->lack.error) return -pool->lack.error;
	pthread_attr_t attributes;
	pthread_t thread;
	pthread_attr_init(&attributes);
	pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
	pthread_attr_setstacksize(&attributes, WORKER_STACK_BYTES);
	pool->lack.error = pthread_create(&thread, &attributes, worker, pool);
	pthread_attr_destroy(&attributes);
	if (pool->lack.error) return -pool->lack.error;
	pool->workers++;
	pool->starting++;
	return 0;
}

/* With the lock held: the workers that are always there. One that can't be had is tried for again later. */
static void start_first(struct vb_pool *pool)
{
	while (pool->workers < FIRST_WORKERS && start_worker(pool) == 0) {}
}

struct vb_pool *vb_pool_open(int event)
{
	struct vb_pool *pool = calloc(1, sizeof *pool);
	if (!pool) return NULL;
	pool->event = event;
	pthread_condattr_t monotonic;
	pthread_condattr_init(&monotonic);
	pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
	pthread_mutex_init(&pool->lock, NULL);
	pthread_cond_init(&pool->work, &monotonic);
	pthread_cond_init(&pool->drained, &monotonic);
	pthread_condattr_destroy(&monotonic);
	pthread_mutex_lock(&pool->lock);
	start_first(pool);
	pthread_mutex_unlock(&pool->lock);
	return pool;
}

/*
 * With the lock held: whether the worker that asks may have a job of this file. A file that has one already, which may hang,
 * does not get the last one: if no other is idle there has to be a new one.
 */
static int may_take(struct vb_pool *pool, const struct vb_open_file *opened)
{
	if (!vb_may_have_worker(pool, opened)) return 0;
	return opened->active == 0 || pool->idle + pool->starting > 0 || start_worker(pool) == 0;
}

/* With the lock held: whether there is something to do. A file that has its workers comes back when one of them is done. */
static int has_work(struct vb_pool *pool)
{
	while (pool->ready_first && !may_take(pool, pool->ready_first)) vb_shift_ready(pool);
	return pool->ready_first != NULL;
}

/* With the lock held: whether an idle worker is to be woken for what is in the ready list; if all are busy there is a new one. */
static int wants_waking(struct vb_pool *pool)
{
	if (pool->idle == 0 && pool->starting == 0) start_worker(pool);
	return pool->idle > 0;
}

/* With the lock held: a worker for what is in the ready list. */
static void wake_worker(struct vb_pool *pool)
{
	if (wants_waking(pool)) pthread_cond_signal(&pool->work);
}

/* With the lock held: gives jobs back to the loop. */
static void hand_back(struct vb_pool *pool, struct vb_job *job)
{
	if (!job) return;
	int first = !pool->done_first;
	if (pool->done_last) pool->done_last->next = job;
	else pool->done_first = job;
	while (job->next) job = job->next;
	pool->done_last = job;
	pool->tell |= first;
}

/*
 * A worker lets go of the lock, and then tells the loop of what it has handed back: told before, the loop would wake, find the
 * lock taken, and sleep once more, on a processor that it shares with the worker.
 */
static void let_go(struct vb_pool *pool)
{
	uint64_t one = 1;
	int tell = pool->tell;
	pool->tell = 0;
	pthread_mutex_unlock(&pool->lock);
	/* Can't fail: the counter is far from its limit. */
	if (tell && write(pool->event, &one, sizeof one) < 0) return;
}

/* With the lock held: keeps those of the jobs that are to be synced; the others go back to the loop. */
static void keep_to_sync(struct vb_pool *pool, struct vb_open_file *opened, struct vb_job *row)
{
	struct vb_job *over = NULL, **over_end = &over;
	for (struct vb_job *job = row, *next; job; job = next) {
		next = job->next;
		job->next = NULL;
		if (job->result != 0 || job->sync == VB_NO_SYNC || (job->sync == VB_MAY_SYNC && opened->slow_sync)) {
			*over_end = job;
			over_end = &job->next;
			continue;
		}
		if (opened->written_last) opened->written_last->next = job;
		else opened->written_first = job;
		opened->written_last = job;
	}
	hand_back(pool, over);
}

/*
 * With the lock held: a job, or the writes of a row, are done. One worker syncs for those that want it, and then for those
 * that have come to it meanwhile: so one sync of a file at a time, each for all that it can be for. (Two at once would not do:
 * the kernel tells only one of them of a page that could not be written.)
 */
static void end(struct vb_pool *pool, struct vb_open_file *opened, struct vb_job *row)
{
	keep_to_sync(pool, opened, row);
	if (opened->syncing) return;
	opened->syncing = 1;
	while (opened->written_first) {
		struct vb_job *written = opened->written_first;
		opened->written_first = opened->written_last = NULL;
		vb_make_ready(pool, opened);
		if (has_work(pool)) wake_worker(pool);
		let_go(pool);
		int was_slow = vb_work_sync(written);
		pthread_mutex_lock(&pool->lock);
		opened->slow_sync = was_slow;
		hand_back(pool, written);
	}
	opened->syncing = 0;
}

/* With the lock held, which is let go of meanwhile: does the next job, or row of writes. */
static void work(struct vb_pool *pool)
{
	struct vb_job *job = vb_take(pool);
	struct vb_open_file *opened = job->opened;
	int in_turn = vb_in_turn(job), busy = opened->syncing;
	/* Two jobs put at once may have woken one and the same worker; nobody waits behind a job that may hang. */
	if (has_work(pool)) wake_worker(pool);
	let_go(pool);
	vb_work(job, busy);
	pthread_mutex_lock(&pool->lock);
	if (in_turn) opened->writing = 0;
	if (vb_is_unfinished(job)) {
		vb_queue_again(job);
	} else {
		vb_queue_over(job);
		end(pool, opened, job);
	}
	opened->active--;
	vb_make_ready(pool, opened);
}

static void *worker(void *argument)
{
	struct vb_pool *pool = argument;
	pthread_mutex_lock(&pool->lock);
	pool->starting--;
	while (pool->tell || !pool->closing) {
		if (has_work(pool) && !pool->closing) {
			work(pool);
			continue;
		}
		if (pool->tell) {
			let_go(pool);
			pthread_mutex_lock(&pool->lock);
			continue;
		}
		struct timespec until = vb_later(WORKER_IDLE_MS);
		pool->idle++;
		int error = pthread_cond_timedwait(&pool->work, &pool->lock, &until);
		pool->idle--;
		if (error == ETIMEDOUT && pool->workers > FIRST_WORKERS && !pool->ready_first) break;
	}
	pool->workers--;
	pthread_cond_signal(&pool->drained);
	pthread_mutex_unlock(&pool->lock);
	return NULL;
}

void vb_pool_put(struct vb_pool *pool, struct vb_job *job)
{
	struct vb_open_file *opened = job->opened;
	int wakes = 0;
	pthread_mutex_lock(&pool->lock);
	if (vb_queue_put(job)) {
		/* A file that was in the ready list has had a worker woken for it. */
		if (vb_make_ready(pool, opened)) wakes = wants_waking(pool);
		if (pool->lack.error && pool->idle + pool->starting == 0) pool->lack.total++;
	}
	pthread_mutex_unlock(&pool->lock);
	/* Not before: it would run into the lock. */
	if (wakes) pthread_cond_signal(&pool->work);
}

void vb_pool_cancel(struct vb_pool *pool, struct vb_open_file *opened, double token)
{
	pthread_mutex_lock(&pool->lock);
	struct vb_job *job = vb_queue_take_out(opened, token);
	if (job) {
		job->cancelled = 1;
		hand_back(pool, job);
		vb_make_ready(pool, opened);
		if (has_work(pool)) wake_worker(pool);
	}
	let_go(pool);
}

struct vb_lack vb_pool_retry(struct vb_pool *pool)
{
	pthread_mutex_lock(&pool->lock);
	if (pool->lack.error) {
		/* Also if nobody needs it any more: how else would one know? It is idle then, and goes. */
		pool->lack.error = 0;
		start_worker(pool);
		start_first(pool);
	}
	struct vb_lack lack = pool->lack;
	pthread_mutex_unlock(&pool->lock);
	return lack;
}

void vb_pool_go_on(struct vb_pool *pool, struct vb_open_file *opened)
{
	pthread_mutex_lock(&pool->lock);
	vb_make_ready(pool, opened);
	if (has_work(pool)) wake_worker(pool);
	pthread_mutex_unlock(&pool->lock);
}

struct vb_job *vb_pool_take_done(struct vb_pool *pool)
{
	pthread_mutex_lock(&pool->lock);
	struct vb_job *first = pool->done_first;
	pool->done_first = pool->done_last = NULL;
	pthread_mutex_unlock(&pool->lock);
	return first;
}

int vb_pool_close(struct vb_pool *pool)
{
	struct timespec until = vb_later(CLOSE_WAIT_MS);
	pthread_mutex_lock(&pool->lock);
	pool->closing = 1;
	pthread_cond_broadcast(&pool->work);
	while (pool->workers > 0)
		if (pthread_cond_timedwait(&pool->drained, &pool->lock, &until) == ETIMEDOUT) break;
	int stuck = pool->workers > 0;
	pthread_mutex_unlock(&pool->lock);
	if (stuck) return -EBUSY;
	pthread_mutex_destroy(&pool->lock);
	pthread_cond_destroy(&pool->work);
	pthread_cond_destroy(&pool->drained);
	free(pool);
	return 0;
}
