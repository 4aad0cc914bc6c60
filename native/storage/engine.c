/*
 * See engine.h.
 *
 *   submit ── page cache ──> done in place
 *     └──> io_uring, or the pool's workers ──> event descriptor ──> reap
 */
#define _GNU_SOURCE
#include "engine.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "common/guard.h"
#include "resident.h"
#include "uring.h"
#include "work.h"

enum {
	CLOSE_WAIT_MS = 1000,
	SLOW_US = 2000,           /* a write into the page cache that took longer has waited for something */
	SLOW_PAUSE_US = 1000000,
};

struct vb_engine {
	int event;
	struct vb_pool *pool;
	struct vb_uring *uring; /* NULL: the pool does everything */
	int uring_error;
	struct vb_residents *residents;
	struct vb_slot **slots; /* each allocated once, so that jobs may hold pointers while the table grows */
	int slot_count;
	struct vb_job *free_jobs;
	struct vb_job *done; /* taken from the pool, not yet reaped */
	int under_way;
	uint64_t now_ms; /* as of the last look */
	struct vb_lack lack; /* operations that io_uring could not begin, and why, since vb_engine_retry() was last called */
};

struct vb_engine *vb_engine_open(int want_uring)
{
	struct vb_engine *engine = calloc(1, sizeof *engine);
	if (!engine) return NULL;
	vb_guard_init();
	engine->event = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	engine->residents = vb_residents_open();
	if (engine->event >= 0 && engine->residents) engine->pool = vb_pool_open(engine->event);
	if (!engine->pool) {
		int error = errno;
		if (engine->event >= 0) close(engine->event);
		if (engine->residents) vb_residents_close(engine->residents);
		free(engine);
		errno = error;
		return NULL;
	}
	if (want_uring && !(engine->uring = vb_uring_open(engine->event))) engine->uring_error = errno;
	return engine;
}

int vb_engine_has_uring(struct vb_engine *engine, int *error)
{
	*error = engine->uring_error;
	return engine->uring != NULL;
}

int vb_engine_fd(struct vb_engine *engine)
{
	return engine->event;
}

int vb_engine_under_way(const struct vb_engine *engine)
{
	return engine->under_way;
}

int vb_engine_add(struct vb_engine *engine, const struct vb_file *file)
{
	int number = 0;
	while (number < engine->slot_count && engine->slots[number]->used) number++;
	if (number == engine->slot_count) {
		struct vb_slot **slots = realloc(engine->slots, (size_t)(number + 1) * sizeof *slots);
		if (!slots) return -ENOMEM;
		engine->slots = slots;
		if (!(slots[number] = calloc(1, sizeof **slots))) return -ENOMEM;
		engine->slot_count++;
	}
	struct vb_slot *slot = engine->slots[number];
	memset(slot, 0, sizeof *slot);
	slot->file = *file;
	slot->number = number;
	slot->used = 1;
	if (engine->uring) vb_uring_file(engine->uring, slot, 1);
	return number;
}

static struct vb_slot *find(struct vb_engine *engine, int number)
{
	if (number < 0 || number >= engine->slot_count) return NULL;
	struct vb_slot *slot = engine->slots[number];
	return slot->used && !slot->closing ? slot : NULL;
}

struct vb_file *vb_engine_file(struct vb_engine *engine, int number)
{
	struct vb_slot *slot = find(engine, number);
	return slot ? &slot->file : NULL;
}

static struct vb_job *new_job(struct vb_engine *engine)
{
	struct vb_job *job = engine->free_jobs;
	if (job) engine->free_jobs = job->next;
	return job ? job : malloc(sizeof *job);
}

static void free_job(struct vb_engine *engine, struct vb_job *job)
{
	if (job->kind == VB_TRIM) free(job->memory);
	job->next = engine->free_jobs;
	engine->free_jobs = job;
}

/* A job is under way from here on: by io_uring if that `may` be and takes it, else by a worker. */
static void start_job(struct vb_engine *engine, struct vb_job *job, int may_be_uring)
{
	struct vb_slot *slot = job->slot;
	if (!may_be_uring || !engine->uring || !vb_uring_put(engine->uring, job)) vb_pool_put(engine->pool, job);
	if (slot->under_way++ == 0) slot->progress_ms = engine->now_ms;
	engine->under_way++;
}

/* Has a worker do what is not asked for by an operation. */
static int keep_house(struct vb_engine *engine, struct vb_slot *slot, enum vb_kind kind)
{
	struct vb_job *job = new_job(engine);
	if (!job) return -ENOMEM;
	job->slot = slot;
	job->kind = kind;
	job->sync = VB_NO_SYNC;
	start_job(engine, job, 0);
	return 0;
}

/* Housekeeping is over. */
static void house_kept(struct vb_slot *slot, enum vb_kind kind)
{
	if (kind == VB_CLOSE) slot->used = slot->closing = 0;
	else slot->refreshing = 0;
}

/* 1 if the file has another size than before. One that can't be measured (a device that was pulled out) has the old one. */
static int has_changed(struct vb_engine *engine, struct vb_slot *slot)
{
	uint64_t before = slot->file.size;
	if (slot->file.may_hang && !slot->refreshing) slot->refreshing = keep_house(engine, slot, VB_REFRESH) == 0;
	return vb_file_measure(&slot->file) == 0 && slot->file.size != before;
}

int vb_engine_measure(struct vb_engine *engine, int *next, int count, double *changed)
{
	int number = *next, found = 0;
	for (; number < engine->slot_count && count > 0; number++, count--) {
		struct vb_slot *slot = find(engine, number);
		if (!slot || slot->file.anonymous || !has_changed(engine, slot)) continue;
		changed[2 * found] = number;
		changed[2 * found++ + 1] = (double)slot->file.size;
	}
	*next = number < engine->slot_count ? number : 0;
	return found;
}

int vb_engine_remove(struct vb_engine *engine, int number)
{
	struct vb_slot *slot = find(engine, number);
	if (!slot) return -EBADF;
	if (slot->under_way > 0) return -EBUSY;
	if (slot->file.may_hang && keep_house(engine, slot, VB_CLOSE) == 0) {
		slot->closing = 1;
		return 0;
	}
	if (engine->uring) vb_uring_file(engine->uring, slot, 0);
	vb_file_close(&slot->file);
	slot->used = 0;
	return 0;
}

/* A copy of a trim's list; NULL if there is no memory. */
static void *copy_list(const double *operation)
{
	size_t bytes = (size_t)operation[VB_F_PARK] * 2 * sizeof(double);
	void *list = malloc(bytes);
	return list ? memcpy(list, (const void *)(uintptr_t)operation[VB_F_ADDRESS], bytes) : NULL;
}

static struct vb_job *make_job(struct vb_engine *engine, struct vb_slot *slot, const double *operation, int kind)
{
	struct vb_job *job = new_job(engine);
	if (!job) return NULL;
	job->slot = slot;
	job->kind = (enum vb_kind)(kind & 15);
	job->sync = VB_NO_SYNC;
	if (job->kind == VB_WRITE || job->kind == VB_TRIM)
		job->sync = kind & VB_FUA ? VB_MUST_SYNC : kind & VB_SYNC_TOO ? VB_MAY_SYNC : VB_NO_SYNC;
	job->synced = 0;
	if (job->kind == VB_FLUSH) job->sync = VB_MUST_SYNC;
	job->offset = (uint64_t)operation[VB_F_OFFSET];
	job->length = (size_t)operation[VB_F_LENGTH];
	job->memory = (void *)(uintptr_t)operation[VB_F_ADDRESS];
	job->token = operation[VB_F_TOKEN];
	if (job->kind == VB_TRIM) {
		job->memory = NULL;
		if (!(kind & VB_LIST)) return job;
		job->length = (size_t)operation[VB_F_PARK];
		if ((job->memory = copy_list(operation))) return job;
		free_job(engine, job);
		return NULL;
	}
	void *park = (void *)(uintptr_t)operation[VB_F_PARK];
	if (job->kind == VB_WRITE && park) {
		memcpy(park, job->memory, job->length);
		job->memory = park;
	}
	return job;
}

/* Hands an operation to whoever may wait for it: 1 if it is under way, else -errno. */
static int hand_over(struct vb_engine *engine, struct vb_slot *slot, const double *operation, int kind)
{
	struct vb_job *job = make_job(engine, slot, operation, kind);
	if (!job) return -ENOMEM;
	/*
	 * What changes a file is for the pool, which does all writes that wait in one go, and one sync at a time, and knows of its
	 * threads. Behind a disk that hangs io_uring would queue them without a word, if the kernel can't make it another thread.
	 */
	start_job(engine, job, job->kind == VB_READ);
	return 1;
}

/* 1 if the read has been done: nobody has written there yet. */
static int read_hole(const struct vb_slot *slot, double *operation)
{
	size_t length = (size_t)operation[VB_F_LENGTH];
	if (!slot->file.anonymous || !vb_file_is_hole(&slot->file, (uint64_t)operation[VB_F_OFFSET], length)) return 0;
	memset((void *)(uintptr_t)operation[VB_F_ADDRESS], 0, length);
	operation[VB_F_KIND] = 0;
	return 1;
}

/* 1 if the read has been done: all of it is in memory. */
static int read_in_place(struct vb_engine *engine, struct vb_slot *slot, double *operation, int kind)
{
	size_t length = (size_t)operation[VB_F_LENGTH];
	uint8_t *mapped = vb_resident(engine->residents, slot, (uint64_t)operation[VB_F_OFFSET], length);
	if (!mapped) return read_hole(slot, operation);
	if (kind & VB_MAY_BORROW) operation[VB_F_BORROWED] = (double)(uintptr_t)mapped;
	else if (vb_copy((void *)(uintptr_t)operation[VB_F_ADDRESS], mapped, length) != 0) return 0;
	operation[VB_F_KIND] = 0;
	return 1;
}

/*
 * 1 if the write has been done, or has failed. Only in a file system in memory: any other may wait for its disk even for
 * a write into the page cache, and then all blades with it (ext4: for the journal, when a disk hangs during a commit).
 */
static int write_in_place(struct vb_engine *engine, struct vb_slot *slot, double *operation)
{
	uint64_t offset = (uint64_t)operation[VB_F_OFFSET], failed = offset;
	size_t length = (size_t)operation[VB_F_LENGTH];
	void *memory = (void *)(uintptr_t)operation[VB_F_ADDRESS];
	if (!slot->file.map_writable) return 0;
	/* (There it is as stable as it can be: nobody needs to sync it.) */
	uint8_t *mapped = vb_resident(engine->residents, slot, offset, length);
	if (mapped) {
		/* If the mapping gave way, it is written again by someone who learns why. */
		if (vb_copy(mapped, memory, length) != 0) return 0;
		operation[VB_F_KIND] = 0;
		return 1;
	}
	uint64_t begin = vb_now_us();
	int whole_pages = (offset | length) % (uint64_t)getpagesize() == 0;
	if ((!mapped && !whole_pages) || begin < slot->slow_until) return 0;
	int error = vb_file_write(&slot->file, offset, memory, length, &failed);
	/* Who may wait for what is lacking tries again. */
	if (error == -ENOMEM || error == -EAGAIN || error == -EINTR) return 0;
	operation[VB_F_KIND] = error;
	operation[VB_F_OFFSET] = (double)failed;
	uint64_t end = vb_now_us();
	if (end - begin > SLOW_US) slot->slow_until = end + SLOW_PAUSE_US;
	return 1;
}

/* What need not wait for anything: 1 if it has been done. */
static int run_in_place(struct vb_engine *engine, struct vb_slot *slot, double *operation, int kind)
{
	switch (kind & 15) {
	case VB_READ: return read_in_place(engine, slot, operation, kind);
	case VB_WRITE: return write_in_place(engine, slot, operation);
	case VB_FLUSH:
		if (!slot->file.in_memory) return 0;
		operation[VB_F_KIND] = 0;
		return 1;
	default: return 0;
	}
}

/* Whether an offset or a length can be converted and tried. */
static int is_size(double bytes)
{
	return bytes >= 0 && bytes <= 1ull << 53;
}

static int is_sound_list(const double *operation)
{
	const double *list = (const double *)(uintptr_t)operation[VB_F_ADDRESS];
	if (((int)operation[VB_F_KIND] & 15) != VB_TRIM) return 0;
	if (!(operation[VB_F_PARK] >= 1 && operation[VB_F_PARK] <= VB_LIST_MAX)) return 0;
	for (int i = 0; i < 2 * (int)operation[VB_F_PARK]; i++)
		if (!is_size(list[i])) return 0;
	return 1;
}

/* Whether kind, offset and length are such as can be converted and tried. */
static int is_sound(const double *operation)
{
	return operation[VB_F_KIND] >= 0 && operation[VB_F_KIND] < 128 && ((int)operation[VB_F_KIND] & 15) <= VB_TRIM &&
	       operation[VB_F_FILE] >= 0 && operation[VB_F_FILE] <= INT32_MAX && is_size(operation[VB_F_OFFSET]) &&
	       is_size(operation[VB_F_LENGTH]) && (!((int)operation[VB_F_KIND] & VB_LIST) || is_sound_list(operation));
}

/* What io_uring could not begin is for the workers. */
static void put_off(struct vb_engine *engine, struct vb_job *job)
{
	engine->lack.error = -job->result;
	engine->lack.total++;
	vb_pool_put(engine->pool, job);
}

/* Has the kernel begin what io_uring has been given. What it can't begin now workers do. */
static void hand_to_kernel(struct vb_engine *engine)
{
	if (!engine->uring) return;
	struct vb_job *job = vb_uring_submit(engine->uring);
	while (job) {
		struct vb_job *next = job->next;
		put_off(engine, job);
		job = next;
	}
}

int vb_engine_submit(struct vb_engine *engine, double *operations, int count)
{
	int pending = 0;
	engine->now_ms = vb_residents_tick(engine->residents);
	for (int i = 0; i < count; i++) {
		double *operation = operations + (size_t)i * VB_FIELDS;
		operation[VB_F_BORROWED] = 0;
		if (!is_sound(operation)) {
			operation[VB_F_KIND] = -EINVAL;
			continue;
		}
		int kind = (int)operation[VB_F_KIND];
		struct vb_slot *slot = find(engine, (int)operation[VB_F_FILE]);
		if (!slot) {
			operation[VB_F_KIND] = -EBADF;
		} else if (!run_in_place(engine, slot, operation, kind)) {
			int state = hand_over(engine, slot, operation, kind);
			operation[VB_F_KIND] = state;
			if (state == 1) pending++;
		}
	}
	hand_to_kernel(engine);
	return pending;
}

/* The next job that is over. */
static struct vb_job *next_done(struct vb_engine *engine)
{
	if (!engine->done) engine->done = vb_pool_take_done(engine->pool);
	if (engine->done) {
		struct vb_job *job = engine->done;
		engine->done = job->next;
		return job;
	}
	while (engine->uring) {
		struct vb_job *job = vb_uring_take_done(engine->uring);
		if (!job || job->result == 0) return job;
		/*
		 * A read that was not begun, for want of a thread (ECANCELED, EAGAIN), or done in part, or failed: a worker does it again,
		 * and learns what is wrong, and where.
		 */
		if (job->result == -ECANCELED) put_off(engine, job);
		else vb_pool_put(engine->pool, job);
	}
	return NULL;
}

/* What is told of a job that is over. */
static int told(const struct vb_job *job)
{
	if (!job->synced || job->kind == VB_FLUSH) return job->result;
	return job->result == 0 ? 1 : job->result - VB_SYNC_FAILED;
}

int vb_engine_reap(struct vb_engine *engine, double *completions, int room)
{
	uint64_t value = 1;
	/* Emptied before looking, so that what ends while we look is announced again. */
	if (read(engine->event, &value, sizeof value) < 0 && errno != EAGAIN) return 0;
	int count = 0;
	engine->now_ms = vb_residents_tick(engine->residents);
	while (count < room) {
		struct vb_job *job = next_done(engine);
		if (!job) break;
		if (job->kind > VB_TRIM) {
			house_kept(job->slot, job->kind);
		} else {
			double *completion = completions + (size_t)count++ * VB_COMPLETION_FIELDS;
			completion[0] = job->token;
			completion[1] = told(job);
			completion[2] = (double)job->failed;
		}
		job->slot->progress_ms = engine->now_ms;
		job->slot->under_way--;
		engine->under_way--;
		free_job(engine, job);
	}
	value = 1;
	/* More than there was room for: come back. */
	if (count == room && write(engine->event, &value, sizeof value) < 0) return count;
	hand_to_kernel(engine);
	return count;
}

struct vb_lack vb_engine_retry(struct vb_engine *engine)
{
	if (engine->uring) vb_uring_retry(engine->uring);
	struct vb_lack lack = vb_pool_retry(engine->pool);
	for (int i = 0; i < engine->slot_count; i++)
		if (engine->slots[i]->under_way > 0) vb_pool_go_on(engine->pool, engine->slots[i]);
	lack.total += engine->lack.total;
	if (!lack.error) lack.error = engine->lack.error;
	engine->lack.error = 0;
	return lack;
}

static void free_jobs(struct vb_job *job)
{
	while (job) {
		struct vb_job *next = job->next;
		free(job);
		job = next;
	}
}

int vb_engine_close(struct vb_engine *engine)
{
	/* Memory that an operation under way writes to may be freed after this: so it should be over. */
	double completion[VB_COMPLETION_FIELDS];
	struct pollfd event = { .fd = engine->event, .events = POLLIN };
	while (engine->under_way > 0 && poll(&event, 1, CLOSE_WAIT_MS) > 0)
		while (vb_engine_reap(engine, completion, 1) > 0) {}
	/* What hangs in a stuck disk can't be ended; what it uses must outlive it, and the process is about to end. */
	if (vb_pool_close(engine->pool) != 0 || engine->under_way > 0) return -EBUSY;
	if (engine->uring) vb_uring_close(engine->uring);
	vb_residents_close(engine->residents);
	for (int i = 0; i < engine->slot_count; i++) {
		if (engine->slots[i]->used) vb_file_close(&engine->slots[i]->file);
		free(engine->slots[i]);
	}
	free(engine->slots);
	free_jobs(engine->free_jobs);
	close(engine->event);
	free(engine);
	return 0;
}
