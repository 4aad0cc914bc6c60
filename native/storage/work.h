/*
 * What a worker of the pool does with the jobs it has taken: plain, blocking calls, and how often they are tried. Called by
 * pool.c without its lock.
 */
#ifndef VBLADE_WORK_H
#define VBLADE_WORK_H

#include "job.h"

/* Whether a write is done in turn with the others to its file: by one worker at a time, which takes all that wait. */
int vb_in_turn(const struct vb_job *job);
/* Carries out one job; of writes that are done in turn, all that are linked behind it. `busy`: the file is being synced. */
void vb_work(struct vb_job *job, int busy);
/* Whether only a piece of the job has been done: it wants to be carried out again, after others. */
int vb_is_unfinished(const struct vb_job *job);
/* Syncs the file for writes that are done, and for flushes. Says in each of them how that went. 1 if it took long. */
int vb_work_sync(struct vb_job *first);

#endif
