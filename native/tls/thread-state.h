/* What a thread of TLS has: shared by thread.c, which is called by whoever has the thread, and loop.c, which runs in it. */
#ifndef VBLADE_TLS_THREAD_STATE_H
#define VBLADE_TLS_THREAD_STATE_H

#include <pthread.h>
#include <unistd.h>

#include "thread.h"

/* What it is to do. */
struct order {
	struct order *next;
	struct vb_tls_relay *relay; /* a new one; NULL: drop that one */
	uint32_t id;
};

struct vb_tls_thread {
	pthread_t thread;
	int epoll, wake, told; /* `told` has a count while there are messages */
	pthread_mutex_t lock;  /* of what follows */
	struct order *first_order, **last_order;
	struct vb_tls_message *first_message, **last_message;
	int is_ending;
	/* The thread's own. */
	struct vb_tls_relay *relays;
	struct vb_tls_relay *ended; /* until no event that is being looked at can be of them */
	struct vb_tls_turn turn;
	int has_waiting;       /* some are to be looked at though nothing comes for them */
	struct vb_tls_thread *next; /* of all there are */
};

/* What runs in it, until it is told to end. */
void *vb_tls_loop(void *thread);

/* An eventfd(2): whoever waits for it is told. */
static inline void vb_tls_ring(int descriptor)
{
	uint64_t one = 1;
	ssize_t count = write(descriptor, &one, sizeof one);
	(void)count; /* (Full: it is rung already.) */
}

static inline void vb_tls_silence(int descriptor)
{
	uint64_t count;
	ssize_t size = read(descriptor, &count, sizeof count);
	(void)size;
}

#endif
