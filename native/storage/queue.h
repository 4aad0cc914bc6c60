/*
 * Whose turn it is: the jobs that wait for a worker, in a queue per file, and the ready list, of files that have such jobs and may
 * have one more worker. Called by pool.c, with its lock held.
 */
#ifndef VBLADE_QUEUE_H
#define VBLADE_QUEUE_H

#include "pool-state.h"

/* Whether another worker may take a job of this file. */
int vb_may_have_worker(const struct vb_pool *pool, const struct vb_open_file *opened);
/* Puts a job into its file's queue. 0: not yet, for it has to wait until another is over. */
int vb_queue_put(struct vb_job *job);
/* A job is over: what has waited for that is in the queue from now on. */
void vb_queue_over(const struct vb_job *over);
/* A piece of a job has been done, and those that wait come before the next one. */
void vb_queue_again(struct vb_job *job);
/* Takes the job with this token out of the queue, if it is there and nothing of it has been done; NULL if not. */
struct vb_job *vb_queue_take_out(struct vb_open_file *opened, double token);
/* Puts a file that has work and may have one more worker at the end of the ready list. 0: it was there already, or may not. */
int vb_make_ready(struct vb_pool *pool, struct vb_open_file *opened);
/* Takes the first file out of the ready list. */
struct vb_open_file *vb_shift_ready(struct vb_pool *pool);
/* The next job of the file whose turn it is; with a write that is done in turn, all of those behind it. */
struct vb_job *vb_take(struct vb_pool *pool);

#endif
