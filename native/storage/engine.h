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
#include "operation.h"
#include "pool.h"

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
/* An operation that no worker has begun is over, cancelled; nothing happens to one that is anywhere else. */
void vb_engine_cancel(struct vb_engine *engine, int number, double token);
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
