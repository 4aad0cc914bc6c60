/*
 * See engine.h.
 *
 *   submit ── page cache ──> done in place
 *     └──> file's queue ──> ready list ──> workers ──> done list ──> event descriptor ──> reap
 */
#define _GNU_SOURCE
#include "engine.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include "guard.h"

enum {
	MAX_WORKERS = 64,
	MAX_WORKERS_PER_FILE = 16,
	WORKER_STACK_BYTES = 128 * 1024,
	WORKER_IDLE_SECONDS = 10,
	CLOSE_WAIT_SECONDS = 1,
};

struct job {
	struct job *next;
	struct slot *slot;
	int kind;
	int fua;
	uint64_t offset;
	size_t length;
	void *memory;
	double token;
	int result;
	uint64_t failed;
};

/* A file and the operations that wait for a worker. */
struct slot {
	struct vb_file file;
	int used;
	struct job *first, *last;
	int active; /* jobs that workers hold */
	int queued; /* jobs in the list */
	int ready;  /* the slot is in the ready list */
	struct slot *next_ready;
};

struct vb_engine {
	int event;
	struct slot **slots; /* each slot is allocated once, so that workers may hold pointers while the table grows */
	int slot_count;
	struct job *free_jobs; /* owned by the loop's thread */

	pthread_mutex_t lock;
	pthread_cond_t work;    /* for workers: the ready list has something, or closing */
	pthread_cond_t drained; /* for vb_engine_close: a worker has gone */
	struct slot *ready_first, *ready_last;
	struct job *done_first, *done_last;
	int workers, idle;
	int closing;
};

struct vb_engine *vb_engine_open(void)
{
	struct vb_engine *engine = calloc(1, sizeof *engine);
	if (!engine) return NULL;
	vb_guard_init();
	engine->event = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (engine->event < 0) {
		free(engine);
		return NULL;
	}
	pthread_condattr_t monotonic;
	pthread_condattr_init(&monotonic);
	pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
	pthread_mutex_init(&engine->lock, NULL);
	pthread_cond_init(&engine->work, &monotonic);
	pthread_cond_init(&engine->drained, &monotonic);
	pthread_condattr_destroy(&monotonic);
	return engine;
}

int vb_engine_fd(struct vb_engine *engine)
{
	return engine->event;
}

int vb_engine_add(struct vb_engine *engine, const struct vb_file *file)
{
	int number = 0;
	while (number < engine->slot_count && engine->slots[number]->used) number++;
	if (number == engine->slot_count) {
		struct slot **slots = realloc(engine->slots, (size_t)(number + 1) * sizeof *slots);
		if (!slots) return -ENOMEM;
		engine->slots = slots;
		if (!(slots[number] = calloc(1, sizeof **slots))) return -ENOMEM;
		engine->slot_count++;
	}
	struct slot *slot = engine->slots[number];
	memset(slot, 0, sizeof *slot);
	slot->file = *file;
	slot->used = 1;
	return number;
}

static struct slot *find(struct vb_engine *engine, int number)
{
	if (number < 0 || number >= engine->slot_count || !engine->slots[number]->used) return NULL;
	return engine->slots[number];
}

struct vb_file *vb_engine_file(struct vb_engine *engine, int number)
{
	struct slot *slot = find(engine, number);
	return slot ? &slot->file : NULL;
}

int vb_engine_remove(struct vb_engine *engine, int number)
{
	struct slot *slot = find(engine, number);
	if (!slot) return -EBADF;
	pthread_mutex_lock(&engine->lock);
	int busy = slot->active || slot->queued;
	pthread_mutex_unlock(&engine->lock);
	if (busy) return -EBUSY;
	vb_file_close(&slot->file);
	slot->used = 0;
	return 0;
}

static void run(struct job *job)
{
	struct vb_file *file = &job->slot->file;
	job->failed = job->offset;
	switch (job->kind) {
	case VB_READ: job->result = vb_file_read(file, job->offset, job->memory, job->length, &job->failed); break;
	case VB_WRITE: job->result = vb_file_write(file, job->offset, job->memory, job->length, job->fua, &job->failed); break;
	case VB_FLUSH: job->result = vb_file_sync(file); break;
	case VB_TRIM: job->result = vb_file_trim(file, job->offset, job->length); break;
	default: job->result = -EINVAL;
	}
}

/* With the lock held: puts a file that has work and may have one more worker at the end of the ready list. */
static void make_ready(struct vb_engine *engine, struct slot *slot)
{
	if (slot->ready || !slot->first || slot->active >= MAX_WORKERS_PER_FILE) return;
	slot->ready = 1;
	slot->next_ready = NULL;
	if (engine->ready_last) engine->ready_last->next_ready = slot;
	else engine->ready_first = slot;
	engine->ready_last = slot;
}

/* With the lock held: the next job of the file whose turn it is. */
static struct job *take(struct vb_engine *engine)
{
	struct slot *slot = engine->ready_first;
	engine->ready_first = slot->next_ready;
	if (!engine->ready_first) engine->ready_last = NULL;
	slot->ready = 0;
	struct job *job = slot->first;
	slot->first = job->next;
	if (!slot->first) slot->last = NULL;
	slot->queued--;
	slot->active++;
	make_ready(engine, slot);
	return job;
}

/* With the lock held: gives a job back to the loop. */
static void hand_back(struct vb_engine *engine, struct job *job)
{
	int first = !engine->done_first;
	job->slot->active--;
	make_ready(engine, job->slot);
	job->next = NULL;
	if (engine->done_last) engine->done_last->next = job;
	else engine->done_first = job;
	engine->done_last = job;
	if (first) {
		uint64_t one = 1;
		/* Can't fail: the counter is far from its limit. */
		if (write(engine->event, &one, sizeof one) < 0) return;
	}
}

static void *worker(void *argument)
{
	struct vb_engine *engine = argument;
	pthread_mutex_lock(&engine->lock);
	for (;;) {
		while (!engine->ready_first && !engine->closing) {
			struct timespec until;
			clock_gettime(CLOCK_MONOTONIC, &until);
			until.tv_sec += WORKER_IDLE_SECONDS;
			engine->idle++;
			int error = pthread_cond_timedwait(&engine->work, &engine->lock, &until);
			engine->idle--;
			if (error == ETIMEDOUT && !engine->ready_first) goto out;
		}
		if (engine->closing) break;
		struct job *job = take(engine);
		pthread_mutex_unlock(&engine->lock);
		run(job);
		pthread_mutex_lock(&engine->lock);
		hand_back(engine, job);
	}
out:
	engine->workers--;
	pthread_cond_signal(&engine->drained);
	pthread_mutex_unlock(&engine->lock);
	return NULL;
}

/* With the lock held: one more worker if all are busy. Without any worker the job would never run: -errno then. */
static int wake_worker(struct vb_engine *engine)
{
	if (engine->idle > 0) {
		pthread_cond_signal(&engine->work);
		return 0;
	}
	if (engine->workers >= MAX_WORKERS) return 0;
	pthread_attr_t attributes;
	pthread_t thread;
	pthread_attr_init(&attributes);
	pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
	pthread_attr_setstacksize(&attributes, WORKER_STACK_BYTES);
	int error = pthread_create(&thread, &attributes, worker, engine);
	pthread_attr_destroy(&attributes);
	if (!error) engine->workers++;
	return engine->workers > 0 ? 0 : -error;
}

static int enqueue(struct vb_engine *engine, struct slot *slot, const double *operation, int kind)
{
	struct job *job = engine->free_jobs;
	if (job) engine->free_jobs = job->next;
	else if (!(job = malloc(sizeof *job))) return -ENOMEM;
	job->next = NULL;
	job->slot = slot;
	job->kind = kind & 15;
	job->fua = !!(kind & VB_FUA);
	job->offset = (uint64_t)operation[VB_F_OFFSET];
	job->length = (size_t)operation[VB_F_LENGTH];
	job->memory = (void *)(uintptr_t)operation[VB_F_ADDRESS];
	job->token = operation[VB_F_TOKEN];
	void *park = (void *)(uintptr_t)operation[VB_F_PARK];
	if (job->kind == VB_WRITE && park) {
		memcpy(park, job->memory, job->length);
		job->memory = park;
	}
	pthread_mutex_lock(&engine->lock);
	if (slot->last) slot->last->next = job;
	else slot->first = job;
	slot->last = job;
	slot->queued++;
	make_ready(engine, slot);
	int error = wake_worker(engine);
	pthread_mutex_unlock(&engine->lock);
	/* An engine that can't have a single thread is of no use; the job stays queued and is taken when one comes. */
	return error && error != -EAGAIN ? error : 1;
}

/* What the page cache can do without waiting: 1 if it has been done. */
static int run_in_place(struct vb_file *file, double *operation, int kind)
{
	uint64_t offset = (uint64_t)operation[VB_F_OFFSET];
	size_t length = (size_t)operation[VB_F_LENGTH];
	void *memory = (void *)(uintptr_t)operation[VB_F_ADDRESS];
	uint8_t *mapped;
	switch (kind & 15) {
	case VB_READ:
		if (!(mapped = vb_file_resident(file, offset, length))) return 0;
		if (kind & VB_MAY_BORROW) {
			operation[VB_F_BORROWED] = (double)(uintptr_t)mapped;
			return 1;
		}
		return vb_copy(memory, mapped, length) == 0;
	case VB_WRITE:
		if ((kind & VB_FUA) || !file->map_writable) return 0;
		if (!(mapped = vb_file_resident(file, offset, length))) return 0;
		/* If the mapping gave way, a worker writes it again and learns why. */
		return vb_copy(mapped, memory, length) == 0;
	default:
		return 0;
	}
}

int vb_engine_submit(struct vb_engine *engine, double *operations, int count)
{
	int pending = 0;
	for (int i = 0; i < count; i++) {
		double *operation = operations + (size_t)i * VB_FIELDS;
		int kind = (int)operation[VB_F_KIND];
		struct slot *slot = find(engine, (int)operation[VB_F_FILE]);
		operation[VB_F_BORROWED] = 0;
		if (!slot) {
			operation[VB_F_KIND] = -EBADF;
		} else if (run_in_place(&slot->file, operation, kind)) {
			operation[VB_F_KIND] = 0;
		} else {
			int state = enqueue(engine, slot, operation, kind);
			operation[VB_F_KIND] = state;
			if (state == 1) pending++;
		}
	}
	return pending;
}

int vb_engine_reap(struct vb_engine *engine, double *completions, int room)
{
	uint64_t ignored;
	pthread_mutex_lock(&engine->lock);
	if (read(engine->event, &ignored, sizeof ignored) < 0 && !engine->done_first) {
		pthread_mutex_unlock(&engine->lock);
		return 0;
	}
	int count = 0;
	while (engine->done_first && count < room) {
		struct job *job = engine->done_first;
		engine->done_first = job->next;
		double *completion = completions + (size_t)count++ * VB_COMPLETION_FIELDS;
		completion[0] = job->token;
		completion[1] = job->result;
		completion[2] = (double)job->failed;
		job->next = engine->free_jobs;
		engine->free_jobs = job;
	}
	if (!engine->done_first) {
		engine->done_last = NULL;
	} else {
		uint64_t one = 1;
		if (write(engine->event, &one, sizeof one) < 0) { /* as in hand_back */ }
	}
	pthread_mutex_unlock(&engine->lock);
	return count;
}

static void free_jobs(struct job *job)
{
	while (job) {
		struct job *next = job->next;
		free(job);
		job = next;
	}
}

void vb_engine_close(struct vb_engine *engine)
{
	struct timespec until;
	clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_sec += CLOSE_WAIT_SECONDS;
	pthread_mutex_lock(&engine->lock);
	engine->closing = 1;
	pthread_cond_broadcast(&engine->work);
	while (engine->workers > 0)
		if (pthread_cond_timedwait(&engine->drained, &engine->lock, &until) == ETIMEDOUT) break;
	int stuck = engine->workers > 0;
	pthread_mutex_unlock(&engine->lock);
	/* A worker inside a stuck disk can't be ended; what it uses must outlive it, and the process is about to end. */
	if (stuck) return;
	for (int i = 0; i < engine->slot_count; i++) {
		struct slot *slot = engine->slots[i];
		if (slot->used) vb_file_close(&slot->file);
		free_jobs(slot->first);
		free(slot);
	}
	free(engine->slots);
	free_jobs(engine->done_first);
	free_jobs(engine->free_jobs);
	close(engine->event);
	pthread_mutex_destroy(&engine->lock);
	pthread_cond_destroy(&engine->work);
	pthread_cond_destroy(&engine->drained);
	free(engine);
}
