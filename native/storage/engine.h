/*
 * Runs batches of operations on files. What the page cache can do at once is done in the caller's thread; everything that
 * may wait for a disk goes to io_uring, or to worker threads where there is none, so that a stuck disk holds up only itself. Knows no Node: the
 * binding gives it arrays shared with JavaScript and watches its event descriptor.
 *
 * One engine per event loop. Every function but the workers' is called from that loop's thread.
 */
#ifndef VBLADE_ENGINE_H
#define VBLADE_ENGINE_H

#include "job.h"
#include "pool.h"

enum {
	VB_MAY_BORROW = 16, /* read: may be answered with an address */
	VB_SYNC_TOO = 16,   /* write or trim: may be put on stable storage in the same go, where that is quick */
	VB_FUA = 32,        /* write: over only when it is on stable storage */
	VB_LIST = 64, /* trim: ADDRESS is that of pairs of offset and length, as doubles, and PARK says how many; they are copied */
	VB_LIST_MAX = 16384,
};

/*
 * An operation, as eight doubles; lib/native.ts has the same table. Doubles hold every integer up to 2^53 exactly, and
 * JavaScript reads and writes them without allocating.
 */
enum vb_field {
	VB_F_KIND = 0,   /* in: vb_kind | flags. out: 0 done, 1 under way, or -errno */
	VB_F_FILE = 1,   /* number of the file */
	VB_F_OFFSET = 2, /* bytes. out, if failed: the first byte that could not be done */
	VB_F_LENGTH = 3, /* bytes */
	VB_F_ADDRESS = 4,/* of the bytes to write, or of the room to read into */
	VB_F_PARK = 5,   /* write: room for the bytes if the operation outlives the call; 0 if not needed */
	VB_F_TOKEN = 6,  /* comes back with the completion */
	VB_F_BORROWED = 7, /* out: where a read's bytes are mapped, or 0 if they were copied */
	VB_FIELDS = 8,
};

/*
 * A completion, as three doubles: token, result, first byte that failed. The result is 0, 1 if a write is on stable storage
 * now, -errno, or -errno - VB_SYNC_FAILED if a write was done but could not be put there.
 */
enum { VB_COMPLETION_FIELDS = 3, VB_SYNC_FAILED = 1 << 16 };

struct vb_engine;

/* NULL with errno set if it can't be made. Without want_uring, or where there is none, workers do everything. */
struct vb_engine *vb_engine_open(int want_uring);
/* Whether io_uring is in use; if not, *error gets the errno that says why (0 if it was not wanted). */
int vb_engine_has_uring(struct vb_engine *engine, int *error);
/* Becomes readable when vb_engine_reap() has something. */
int vb_engine_fd(struct vb_engine *engine);
/* Takes over an open file; its number, or -errno. */
int vb_engine_add(struct vb_engine *engine, const struct vb_file *file);
struct vb_file *vb_engine_file(struct vb_engine *engine, int number);
/*
 * Measures the files with numbers from *next on, as many as `count` at most, and puts number and size of each that has changed
 * into `changed`; how many did. *next becomes the number to go on with, 0 after the last. Where asking may hang, a file is as
 * it was when it was last known, and is asked for the next time.
 */
int vb_engine_measure(struct vb_engine *engine, int *next, int count, double *changed);
/* Closes a file that has no operation under way; -EBUSY otherwise. */
int vb_engine_remove(struct vb_engine *engine, int number);
/* Operations that were submitted and have not been reaped. */
int vb_engine_under_way(const struct vb_engine *engine);
/* Runs count operations in order; the number of those still under way. */
int vb_engine_submit(struct vb_engine *engine, double *operations, int count);
/* Up to room completions; how many. */
int vb_engine_reap(struct vb_engine *engine, double *completions, int room);
/*
 * Tries again what could not be begun for want of threads or memory; to be called once a second. What is lacking, if
 * anything is, and how many operations have been put off for that.
 */
struct vb_lack vb_engine_retry(struct vb_engine *engine);
/*
 * Waits up to a second for what is under way, then closes everything: 0. -EBUSY if an operation hangs in a stuck disk: what
 * it uses, its memory too, must be left alone from now on.
 */
int vb_engine_close(struct vb_engine *engine);

#endif
