/*
 * Carries jobs out with io_uring (io_uring(7)): any number of reads wait for the disk at once without a thread each, and a
 * whole batch is handed to the kernel in one call. Missing where liburing was not there at build time, or where the
 * kernel has none or forbids it: then vb_uring_open() says so and the pool does everything.
 */
#ifndef VBLADE_URING_H
#define VBLADE_URING_H

#include "job.h"

struct vb_uring;

/* NULL with errno set. Completions are announced on the event descriptor. */
struct vb_uring *vb_uring_open(int event);
/* Makes an open file known to the kernel, which then need not look it up for each operation; forget with add 0. */
void vb_uring_file(struct vb_uring *ring, struct vb_open_file *opened, int add);
/* Queues a job; 0 if this ring can't take it (its kind, or no room): the caller has another way. */
int vb_uring_put(struct vb_uring *ring, struct vb_job *job);
/* Hands what is queued to the kernel. What it does not take comes back, linked by next, with the error as its result; then no more is queued for a while. */
struct vb_job *vb_uring_submit(struct vb_uring *ring);
/* That while is over. */
void vb_uring_retry(struct vb_uring *ring);
/* The next job that has come back, with its result; NULL if there is none. */
struct vb_job *vb_uring_take_done(struct vb_uring *ring);
void vb_uring_close(struct vb_uring *ring);

#endif
