/* System calls that do as they are told: the linker has the core call these instead (--wrap in scripts/check-native.mjs). */
#ifndef VBLADE_MEDDLE_H
#define VBLADE_MEDDLE_H

#include <semaphore.h>
#include <stddef.h>

struct meddle {
	int fail_pread, fail_pwrite, fail_sync; /* errno, or 0 */
	size_t shorten;  /* most bytes of a transfer, or 0 */
	int interrupt;   /* so many calls are interrupted first */
	int hang;        /* reads wait until let_go is posted */
	int syncs, reads;
	int asked;       /* what of a file is in memory; of any file */
	int no_threads;  /* errno, or 0; of any file */
	int no_ring;     /* the same */
	int refused;     /* calls that were, for these two */
};
extern struct meddle meddle;
extern sem_t hanging, let_go, over;

/* With the calls on this descriptor from now on. */
void meddle_with(int fd);
void leave_alone(void);

#ifdef HAVE_LIBURING
#include <liburing.h>
/* The ring that this thread has made last. */
extern __thread struct io_uring *ring;
int __real_io_uring_submit(struct io_uring *from);
#endif

#endif
