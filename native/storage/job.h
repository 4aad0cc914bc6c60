/*
 * An operation that has left the loop's thread, and the list of those that came back. Shared by engine.c and the two ways
 * to carry operations out, pool.c (with work.c) and uring.c.
 */
#ifndef VBLADE_JOB_H
#define VBLADE_JOB_H

#include "file.h"

enum vb_kind {
	VB_READ = 0,
	VB_WRITE = 1,
	VB_FLUSH = 2,
	VB_TRIM = 3,
	VB_ZERO = 4,
	VB_EXTENTS = 5,
	VB_KINDS, /* those that can be asked for */
	/* Housekeeping of files that may hang; nobody is told how it ended. */
	VB_REFRESH = -1,
	VB_CLOSE = -2,
};

/* Whether a write is to be on stable storage when it is over. */
enum vb_sync {
	VB_NO_SYNC = 0,
	VB_MAY_SYNC = 1, /* if the file's syncs are quick: else whoever asked syncs many at once, later */
	VB_MUST_SYNC = 2,
};

struct vb_open_file;

struct vb_job {
	struct vb_job *next;
	struct vb_open_file *opened;
	enum vb_kind kind;
	enum vb_sync sync; /* what is asked for; flush: that */
	uint64_t offset;
	size_t length;
	uint64_t done;   /* zero: bytes, for it is done in pieces that take turns with other jobs */
	void *memory;    /* of a trim: NULL, or the job's own list of ranges */
	size_t count;    /* trim: ranges in that list. extents: how many there is room for */
	int may_unmap;   /* zero: the space may go back */
	int cancelled;   /* it was never begun */
	double token;
	int result;      /* 0 or -errno */
	int synced;      /* a sync followed; if result says that it failed, it was the sync that did */
	uint64_t failed; /* offset of the first byte that could not be done */
};

/* An open file, and what is under way on it. */
struct vb_open_file {
	struct vb_file file;
	int number;
	unsigned added;             /* how many have been added before it: numbers are used again */
	int used;
	int hidden;                 /* the kernel does not tell this process what of it is in memory */
	int closing;                /* a worker is closing the file */
	uint64_t slow_until;        /* microseconds: until then its writes go to others, who may wait */
	int refreshing;             /* the kernel is being asked for the size */
	int under_way;              /* jobs that have not been reaped: the loop's thread only */
	uint64_t progress_ms;       /* when one of them last ended, or the first began */
	struct vb_job *first, *last;/* jobs that wait for a worker, under the pool's lock, as are the following */
	int active;                 /* workers that hold jobs of it */
	int writing;                /* one of them does the writes that are done in turn */
	int trimming;               /* a trim or zero is among the jobs, or with a worker; the others wait behind it: */
	struct vb_job *first_trim, *last_trim;
	int syncing;                /* one of them syncs, and then goes on with what has been written meanwhile: */
	struct vb_job *written_first, *written_last;
	int ready;                  /* it is in the ready list */
	struct vb_open_file *next_ready;
	int slow_sync;              /* its last sync took long */
};

#endif
