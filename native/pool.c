/*
 * See pool.h.
 *
 *   put ──> file's queue ──> ready list ──> a worker ──> done list ──> event descriptor
 */
#define _GNU_SOURCE
#include "pool.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

enum {
	MANY_WORKERS = 64,         /* from here on one per file: however many files hang, no other waits for them */
	MAX_WORKERS_PER_FILE = 16,
	WORKER_STACK_BYTES = 128 * 1024,
	WORKER_IDLE_SECONDS = 10,
	CLOSE_WAIT_SECONDS = 1,
	ROW_MAX = 64,              /* writes that become one */
};

struct vb_pool {
	int event;
	pthread_mutex_t lock;
	pthread_cond_t work;    /* for workers: the ready list has something, or closing */
	pthread_cond_t drained; /* for vb_pool_close: a worker has gone */
	struct vb_slot *ready_first, *ready_last;
	struct vb_job *done_first, *done_last;
	int workers, idle;
	int closing;
};

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
	return pool;
}

static void run(struct vb_job *job)
{
	struct vb_file *file = &job->slot->file;
	job->failed = job->offset;
	switch (job->kind) {
	case VB_READ: job->result = vb_file_read(file, job->offset, job->memory, job->length, &job->failed); return;
	case VB_WRITE:
		job->result = vb_file_write(file, job->offset, job->memory, job->length, job->fua, &job->failed);
		return;
	case VB_FLUSH: job->result = vb_file_sync(file); return;
	case VB_TRIM:
		if (job->memory) job->result = vb_file_trim_list(file, job->memory, job->length, &job->failed);
		else job->result = vb_file_trim(file, job->offset, job->length);
		return;
	case VB_REFRESH: job->result = vb_file_refresh(file); return;
	case VB_CLOSE:
		vb_file_close(file);
		job->result = 0;
		return;
	}
	job->result = -EINVAL;
}

/*
 * A write that is done in turn: the kernel lets only one at a time into a file anyway, so one worker does all that wait, and
 * is woken, and wakes the loop, once for all of them.
 */
static int in_turn(const struct vb_job *job)
{
	return job->kind == VB_WRITE && !job->slot->file.direct;
}

/* Does a write and those behind it that go on where it ends, if it can, in one. Returns the last one done. */
static struct vb_job *run_row(struct vb_job *job)
{
	struct iovec parts[ROW_MAX];
	uint64_t begin = job->offset, end = begin;
	struct vb_job *last = job;
	int count = 0;
	for (struct vb_job *next = job; next && count < ROW_MAX && next->offset == end && next->fua == job->fua; next = next->next) {
		parts[count++] = (struct iovec){ next->memory, next->length };
		end += next->length;
		last = next;
	}
	/* Which of them failed, and where, comes out when they are done one by one. */
	int one_by_one = count == 1 || vb_file_write_row(&job->slot->file, job->offset, parts, count, job->fua) != 0;
	for (;; job = job->next) {
		if (one_by_one) run(job);
		else job->result = 0;
		if (job == last) break;
	}
	vb_file_write_out(&job->slot->file, begin, end - begin);
	return last;
}

static void run_all(struct vb_job *job)
{
	for (; job; job = job->next) {
		if (in_turn(job)) job = run_row(job);
		else run(job);
	}
}

/* With the lock held: whether another worker may take a job of this file. */
static int may_have_worker(const struct vb_pool *pool, const struct vb_slot *slot)
{
	if (slot->writing && slot->first && in_turn(slot->first)) return 0;
	return slot->active < (pool->workers < MANY_WORKERS ? MAX_WORKERS_PER_FILE : 1);
}

/* With the lock held: puts a file that has work and may have one more worker at the end of the ready list. */
static void make_ready(struct vb_pool *pool, struct vb_slot *slot)
{
	if (slot->ready || !slot->first || !may_have_worker(pool, slot)) return;
	slot->ready = 1;
	slot->next_ready = NULL;
	if (pool->ready_last) pool->ready_last->next_ready = slot;
	else pool->ready_first = slot;
	pool->ready_last = slot;
}

/* With the lock held: takes the first file out of the ready list. */
static struct vb_slot *shift_ready(struct vb_pool *pool)
{
	struct vb_slot *slot = pool->ready_first;
	pool->ready_first = slot->next_ready;
	if (!pool->ready_first) pool->ready_last = NULL;
	slot->ready = 0;
	return slot;
}

/* With the lock held: whether there is something to do. A file that has its workers comes back when one of them is done. */
static int has_work(struct vb_pool *pool)
{
	while (pool->ready_first && !may_have_worker(pool, pool->ready_first)) shift_ready(pool);
	return pool->ready_first != NULL;
}

/* With the lock held: the next job of the file whose turn it is; with a write that is done in turn, all of those behind it. */
static struct vb_job *take(struct vb_pool *pool)
{
	struct vb_slot *slot = shift_ready(pool);
	struct vb_job *job = slot->first, *last = job;
	if (in_turn(job)) {
		while (last->next && in_turn(last->next)) last = last->next;
		slot->writing = 1;
	}
	slot->first = last->next;
	if (!slot->first) slot->last = NULL;
	last->next = NULL;
	slot->active++;
	make_ready(pool, slot);
	return job;
}

/*
 * A trim that waits until the one before it is done: the kernel lets one at a time into a file anyway, and a list may be
 * long. Many workers that push each other there would take the processor from the loop; jobs of other kinds go past.
 */
static int is_alone(const struct vb_job *job)
{
	return job->kind == VB_TRIM && !job->slot->file.is_block;
}

/* With the lock held. */
static void append(struct vb_job **first, struct vb_job **last, struct vb_job *job)
{
	job->next = NULL;
	if (*last) (*last)->next = job;
	else *first = job;
	*last = job;
}

/* With the lock held: a trim is over, and the next one may be taken. */
static void next_trim(struct vb_slot *slot)
{
	struct vb_job *job = slot->first_trim;
	slot->trimming = job != NULL;
	if (!job) return;
	slot->first_trim = job->next;
	if (!slot->first_trim) slot->last_trim = NULL;
	append(&slot->first, &slot->last, job);
}

/* With the lock held: gives what `take` gave back to the loop. */
static void hand_back(struct vb_pool *pool, struct vb_job *job)
{
	int first = !pool->done_first;
	struct vb_slot *slot = job->slot;
	slot->active--;
	if (in_turn(job)) slot->writing = 0;
	if (is_alone(job)) next_trim(slot);
	make_ready(pool, slot);
	if (pool->done_last) pool->done_last->next = job;
	else pool->done_first = job;
	while (job->next) job = job->next;
	pool->done_last = job;
	uint64_t one = 1;
	/* Can't fail: the counter is far from its limit. */
	if (first && write(pool->event, &one, sizeof one) < 0) return;
}

static int wake_worker(struct vb_pool *pool);

static void *worker(void *argument)
{
	struct vb_pool *pool = argument;
	pthread_mutex_lock(&pool->lock);
	for (;;) {
		while (!has_work(pool) && !pool->closing) {
			struct timespec until;
			clock_gettime(CLOCK_MONOTONIC, &until);
			until.tv_sec += WORKER_IDLE_SECONDS;
			pool->idle++;
			int error = pthread_cond_timedwait(&pool->work, &pool->lock, &until);
			pool->idle--;
			if (error == ETIMEDOUT && !has_work(pool)) goto out;
		}
		if (pool->closing) break;
		struct vb_job *job = take(pool);
		/* Two jobs put at once may have woken one and the same worker; nobody waits behind a job that may hang. */
		if (has_work(pool)) wake_worker(pool);
		pthread_mutex_unlock(&pool->lock);
		run_all(job);
		pthread_mutex_lock(&pool->lock);
		hand_back(pool, job);
	}
out:
	pool->workers--;
	pthread_cond_signal(&pool->drained);
	pthread_mutex_unlock(&pool->lock);
	return NULL;
}

/* With the lock held: one more worker if all are busy. */
static int wake_worker(struct vb_pool *pool)
{
	if (pool->idle > 0) {
		pthread_cond_signal(&pool->work);
		return 0;
	}
	pthread_attr_t attributes;
	pthread_t thread;
	pthread_attr_init(&attributes);
	pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
	pthread_attr_setstacksize(&attributes, WORKER_STACK_BYTES);
	int error = pthread_create(&thread, &attributes, worker, pool);
	pthread_attr_destroy(&attributes);
	if (!error) pool->workers++;
	return pool->workers > 0 ? 0 : -error;
}

int vb_pool_put(struct vb_pool *pool, struct vb_job *job)
{
	struct vb_slot *slot = job->slot;
	pthread_mutex_lock(&pool->lock);
	if (is_alone(job) && slot->trimming) {
		append(&slot->first_trim, &slot->last_trim, job);
		pthread_mutex_unlock(&pool->lock);
		return 0;
	}
	/* A file in the ready list has had a worker woken for it. */
	int error = !slot->ready && may_have_worker(pool, slot) ? wake_worker(pool) : 0;
	if (!error) {
		if (is_alone(job)) slot->trimming = 1;
		append(&slot->first, &slot->last, job);
		make_ready(pool, slot);
	}
	pthread_mutex_unlock(&pool->lock);
	return error;
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
	struct timespec until;
	clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_sec += CLOSE_WAIT_SECONDS;
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
