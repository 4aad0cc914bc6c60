/* What pool.c, which has the threads, and queue.c, which knows whose turn it is, share of a pool. For those two alone. */
#ifndef VBLADE_POOL_STATE_H
#define VBLADE_POOL_STATE_H

#include <pthread.h>

#include "pool.h"

struct vb_pool {
	int event;
	pthread_mutex_t lock;
	pthread_cond_t work;    /* for workers: the ready list has something, or closing */
	pthread_cond_t drained; /* for vb_pool_close: a worker has gone */
	struct vb_open_file *ready_first, *ready_last;
	struct vb_job *done_first, *done_last;
	int workers, idle, starting;
	int tell;               /* jobs were handed back that the loop has not been told of */
	struct vb_lack lack;
	int closing;
};

#endif
