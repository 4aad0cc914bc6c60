/* What engine.c, which opens, measures and closes, and batch.c, which runs operations, share of an engine. For those two alone. */
#ifndef VBLADE_ENGINE_STATE_H
#define VBLADE_ENGINE_STATE_H

#include "engine.h"
#include "jobs.h"
#include "resident.h"
#include "uring.h"

struct vb_engine {
	int event;
	struct vb_pool *pool;
	struct vb_uring *uring; /* NULL: the pool does everything */
	int uring_error;
	struct vb_residents *residents;
	struct vb_open_file **opened; /* each allocated once, so that jobs may hold pointers while the table grows */
	int opened_count;
	unsigned added; /* files, since the beginning */
	struct vb_jobs jobs;
	struct vb_job *done; /* taken from the pool, not yet reaped */
	int under_way;
	uint64_t now_ms; /* as of the last look */
	struct vb_lack lack; /* operations that io_uring could not begin, and why, since vb_engine_retry() was last called */
};

/* The open file of this number; NULL if there is none. */
static inline struct vb_open_file *vb_engine_find(struct vb_engine *engine, int number)
{
	if (number < 0 || number >= engine->opened_count) return NULL;
	struct vb_open_file *opened = engine->opened[number];
	return opened->used && !opened->closing ? opened : NULL;
}

/* A job is under way from here on: by io_uring if that `may` be and takes it, else by a worker. */
void vb_engine_start(struct vb_engine *engine, struct vb_job *job, int may_be_uring);

#endif
