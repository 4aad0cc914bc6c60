/*
 * Where jobs come from: made of operations, or for housekeeping, and used again and again. Called by engine.c and batch.c in the
 * loop's thread.
 */
#ifndef VBLADE_JOBS_H
#define VBLADE_JOBS_H

#include "job.h"

/* Those that nobody uses now. Begins as zeros. */
struct vb_jobs {
	struct vb_job *unused;
};

/* A job that nothing is known of yet; NULL if there is no memory. */
struct vb_job *vb_job_new(struct vb_jobs *jobs);
/* A job for an operation that is sound; what it is to write is copied if the operation has room for that. NULL: no memory. */
struct vb_job *vb_job_of(struct vb_jobs *jobs, struct vb_open_file *opened, const double *operation, int kind);
void vb_job_free(struct vb_jobs *jobs, struct vb_job *job);
/* Gives back the memory of those that are unused. */
void vb_jobs_close(struct vb_jobs *jobs);

#endif
