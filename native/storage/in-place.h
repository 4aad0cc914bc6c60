/*
 * What is done in the loop's own thread, because it waits for nothing: reads of what is in memory, writes of files in memory.
 * Called by batch.c for each operation before anything else.
 */
#ifndef VBLADE_IN_PLACE_H
#define VBLADE_IN_PLACE_H

#include "job.h"
#include "resident.h"

/* 1 if the operation has been done, or has failed: its result is in it. 0: somebody who may wait has to do it. */
int vb_run_in_place(struct vb_residents *residents, struct vb_open_file *opened, double *operation, int kind);

#endif
