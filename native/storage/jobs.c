/* See jobs.h. */
#include "jobs.h"

#include <stdlib.h>
#include <string.h>

#include "operation.h"

struct vb_job *vb_job_new(struct vb_jobs *jobs)
{
	struct vb_job *job = jobs->unused;
	if (job) jobs->unused = job->next;
	return job ? job : malloc(sizeof *job);
}

void vb_job_free(struct vb_jobs *jobs, struct vb_job *job)
{
	if (job->kind == VB_TRIM) free(job->memory);
	job->next = jobs->unused;
	jobs->unused = job;
}

void vb_jobs_close(struct vb_jobs *jobs)
{
	struct vb_job *job = jobs->unused;
	while (job) {
		struct vb_job *next = job->next;
		free(job);
		job = next;
	}
}

/* A copy of a trim's list; NULL if there is no memory. */
static void *copy_list(const double *operation)
{
	size_t bytes = (size_t)operation[VB_F_PARK] * 2 * sizeof(double);
	void *list = malloc(bytes);
	return list ? memcpy(list, (const void *)(uintptr_t)operation[VB_F_ADDRESS], bytes) : NULL;
}

struct vb_job *vb_job_of(struct vb_jobs *jobs, struct vb_open_file *opened, const double *operation, int kind)
{
	struct vb_job *job = vb_job_new(jobs);
	if (!job) return NULL;
	job->opened = opened;
	job->kind = (enum vb_kind)(kind & 15);
	job->sync = VB_NO_SYNC;
	if (job->kind == VB_WRITE || job->kind == VB_TRIM || job->kind == VB_ZERO)
		job->sync = kind & VB_FUA ? VB_MUST_SYNC : kind & VB_SYNC_TOO ? VB_MAY_SYNC : VB_NO_SYNC;
	job->synced = job->cancelled = 0;
	job->done = 0;
	job->may_unmap = !!(kind & VB_MAY_UNMAP);
	if (job->kind == VB_FLUSH) job->sync = VB_MUST_SYNC;
	job->offset = (uint64_t)operation[VB_F_OFFSET];
	job->length = (size_t)operation[VB_F_LENGTH];
	job->memory = (void *)(uintptr_t)operation[VB_F_ADDRESS];
	job->count = (size_t)operation[VB_F_PARK];
	job->token = operation[VB_F_TOKEN];
	if (job->kind == VB_TRIM) {
		job->memory = NULL;
		if (!(kind & VB_LIST)) return job;
		if ((job->memory = copy_list(operation))) return job;
		vb_job_free(jobs, job);
		return NULL;
	}
	void *park = (void *)(uintptr_t)operation[VB_F_PARK];
	if (job->kind == VB_WRITE && park) {
		memcpy(park, job->memory, job->length);
		job->memory = park;
	}
	return job;
}
