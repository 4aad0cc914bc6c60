/*
 * Worker threads that carry jobs out with plain, blocking calls: everything where there is no io_uring, and what io_uring
 * can't do. Threads come when they are needed and go when they are not; a file has only a few at a time, so that one on a
 * stuck disk leaves workers to the others.
 *
 * A job that is put will be carried out, though there may be no thread for it now: two are there from the beginning, the
 * last idle one is for a file that has none, and the others are tried for again.
 */
#ifndef VBLADE_POOL_H
#define VBLADE_POOL_H

#include "job.h"

struct vb_pool;

/* Done jobs are announced on the event descriptor. NULL with errno set if there is no memory. */
struct vb_pool *vb_pool_open(int event);
void vb_pool_put(struct vb_pool *pool, struct vb_job *job);
/* Takes a job out of its file's queue, if nobody has begun it: it is done then, cancelled. */
void vb_pool_cancel(struct vb_pool *pool, struct vb_open_file *opened, double token);
/* The jobs that are done, oldest first, linked by next; NULL if there are none. */
struct vb_job *vb_pool_take_done(struct vb_pool *pool);
/* What is wanted and can't be had. */
struct vb_lack {
	int error;        /* why there was no thread when one was last wanted; 0: there was */
	uint64_t total;   /* jobs that found neither a worker nor a thread for one when they were put, since the beginning */
};
/* Tries again to get a thread if jobs wait for one. To be called now and then. */
struct vb_lack vb_pool_retry(struct vb_pool *pool);
/* Afterwards: has what waits for a file go on, if it was left waiting for want of a thread. */
void vb_pool_go_on(struct vb_pool *pool, struct vb_open_file *opened);
/* Waits a moment for the workers. 0 if all are gone and the pool with them, -EBUSY if some hang in a stuck disk. */
int vb_pool_close(struct vb_pool *pool);

#endif
