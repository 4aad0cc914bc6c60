/* See queue.h. */
#include "queue.h"

#include <stddef.h>

#include "work.h"

enum {
	MANY_WORKERS = 64,         /* from here on one per file: however many files hang, no other waits for them */
	MAX_WORKERS_PER_FILE = 16,
};

int vb_may_have_worker(const struct vb_pool *pool, const struct vb_open_file *opened)
{
	/* (What it was put into the ready list for has been cancelled.) */
	if (!opened->first) return 0;
	if (opened->writing && vb_in_turn(opened->first)) return 0;
	return opened->active < (pool->workers < MANY_WORKERS ? MAX_WORKERS_PER_FILE : 1);
}

int vb_make_ready(struct vb_pool *pool, struct vb_open_file *opened)
{
	if (opened->ready || !vb_may_have_worker(pool, opened)) return 0;
	opened->ready = 1;
	opened->next_ready = NULL;
	if (pool->ready_last) pool->ready_last->next_ready = opened;
	else pool->ready_first = opened;
	pool->ready_last = opened;
	return 1;
}

struct vb_open_file *vb_shift_ready(struct vb_pool *pool)
{
	struct vb_open_file *opened = pool->ready_first;
	pool->ready_first = opened->next_ready;
	if (!pool->ready_first) pool->ready_last = NULL;
	opened->ready = 0;
	return opened;
}

/*
 * A trim or zero that waits until the one before it is done: the kernel lets one at a time into a file anyway, and a list may be
 * long. Many workers that push each other there would take the processor from the loop; jobs of other kinds go past.
 */
static int is_alone(const struct vb_job *job)
{
	return (job->kind == VB_TRIM || job->kind == VB_ZERO) && !job->opened->file.is_block;
}

static void append(struct vb_job **first, struct vb_job **last, struct vb_job *job)
{
	job->next = NULL;
	if (*last) (*last)->next = job;
	else *first = job;
	*last = job;
}

int vb_queue_put(struct vb_job *job)
{
	struct vb_open_file *opened = job->opened;
	if (is_alone(job) && opened->trimming) {
		append(&opened->first_trim, &opened->last_trim, job);
		return 0;
	}
	if (is_alone(job)) opened->trimming = 1;
	append(&opened->first, &opened->last, job);
	return 1;
}

void vb_queue_over(const struct vb_job *over)
{
	if (!is_alone(over)) return;
	struct vb_open_file *opened = over->opened;
	struct vb_job *job = opened->first_trim;
	opened->trimming = job != NULL;
	if (!job) return;
	opened->first_trim = job->next;
	if (!opened->first_trim) opened->last_trim = NULL;
	append(&opened->first, &opened->last, job);
}

void vb_queue_again(struct vb_job *job)
{
	struct vb_open_file *opened = job->opened;
	if (is_alone(job)) append(&opened->first_trim, &opened->last_trim, job);
	else append(&opened->first, &opened->last, job);
	vb_queue_over(job);
}

/* Takes the job with this token out of a list, if it is there and nothing of it has been done. */
static struct vb_job *take_out(struct vb_job **first, struct vb_job **last, double token)
{
	struct vb_job *before = NULL, *job = *first;
	while (job && (job->kind < 0 || job->token != token)) {
		before = job;
		job = job->next;
	}
	if (!job || job->done > 0) return NULL;
	if (before) before->next = job->next;
	else *first = job->next;
	if (*last == job) *last = before;
	job->next = NULL;
	return job;
}

struct vb_job *vb_queue_take_out(struct vb_open_file *opened, double token)
{
	struct vb_job *job = take_out(&opened->first_trim, &opened->last_trim, token);
	if (job) return job;
	job = take_out(&opened->first, &opened->last, token);
	if (job) vb_queue_over(job);
	return job;
}

struct vb_job *vb_take(struct vb_pool *pool)
{
	struct vb_open_file *opened = vb_shift_ready(pool);
	struct vb_job *job = opened->first, *last = job;
	if (vb_in_turn(job)) {
		while (last->next && vb_in_turn(last->next)) last = last->next;
		opened->writing = 1;
	}
	opened->first = last->next;
	if (!opened->first) opened->last = NULL;
	last->next = NULL;
	opened->active++;
	vb_make_ready(pool, opened);
	return job;
}
