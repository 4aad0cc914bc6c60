/* See engine.h: opening, files, what is lacking, closing. Batches of operations are in batch.c. */
#include "engine.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "common/guard.h"
#include "engine-state.h"

enum { CLOSE_WAIT_MS = 1000 };

struct vb_engine *vb_engine_open(int want_uring)
{
	struct vb_engine *engine = calloc(1, sizeof *engine);
	if (!engine) return NULL;
	vb_guard_init();
	engine->event = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (want_uring && engine->event >= 0 && !(engine->uring = vb_uring_open(engine->event))) engine->uring_error = errno;
	engine->residents = vb_residents_open(engine->uring != NULL);
	if (engine->event >= 0 && engine->residents) engine->pool = vb_pool_open(engine->event);
	if (engine->pool) return engine;
	int error = errno;
	if (engine->uring) vb_uring_close(engine->uring);
	if (engine->event >= 0) close(engine->event);
	if (engine->residents) vb_residents_close(engine->residents);
	free(engine);
	errno = error;
	return NULL;
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
	while (number < engine->opened_count && engine->opened[number]->used) number++;
	if (number == engine->opened_count) {
		struct vb_open_file **opened = realloc(engine->opened, (size_t)(number + 1) * sizeof *opened);
		if (!opened) return -ENOMEM;
		engine->opened = opened;
		if (!(opened[number] = calloc(1, sizeof **opened))) return -ENOMEM;
		engine->opened_count++;
	}
	struct vb_open_file *opened = engine->opened[number];
	memset(opened, 0, sizeof *opened);
	opened->file = *file;
	opened->number = number;
	opened->added = engine->added++;
	opened->used = 1;
	if (engine->uring) vb_uring_file(engine->uring, opened, 1);
	return number;
}

struct vb_file *vb_engine_file(struct vb_engine *engine, int number)
{
	struct vb_open_file *opened = vb_engine_find(engine, number);
	return opened ? &opened->file : NULL;
}

/* Has a worker do what is not asked for by an operation. */
static int keep_house(struct vb_engine *engine, struct vb_open_file *opened, enum vb_kind kind)
{
	struct vb_job *job = vb_job_new(&engine->jobs);
	if (!job) return -ENOMEM;
	job->opened = opened;
	job->kind = kind;
	job->sync = VB_NO_SYNC;
	job->synced = job->cancelled = 0;
	vb_engine_start(engine, job, 0);
	return 0;
}

/* 1 if the file has another size than before. One that can't be measured (a device that was pulled out) has the old one. */
static int has_changed(struct vb_engine *engine, struct vb_open_file *opened)
{
	uint64_t before = opened->file.size;
	if (opened->file.may_hang && !opened->refreshing) opened->refreshing = keep_house(engine, opened, VB_REFRESH) == 0;
	return vb_file_measure(&opened->file) == 0 && opened->file.size != before;
}

int vb_engine_measure(struct vb_engine *engine, int *next, int count, double *changed)
{
	int number = *next, found = 0;
	for (; number < engine->opened_count && count > 0; number++, count--) {
		struct vb_open_file *opened = vb_engine_find(engine, number);
		if (!opened || opened->file.anonymous || !has_changed(engine, opened)) continue;
		changed[2 * found] = number;
		changed[2 * found++ + 1] = (double)opened->file.size;
	}
	*next = number < engine->opened_count ? number : 0;
	return found;
}

int vb_engine_remove(struct vb_engine *engine, int number)
{
	struct vb_open_file *opened = vb_engine_find(engine, number);
	if (!opened) return -EBADF;
	if (opened->under_way > 0) return -EBUSY;
	if (opened->file.may_hang && keep_house(engine, opened, VB_CLOSE) == 0) {
		opened->closing = 1;
		return 0;
	}
	if (engine->uring) vb_uring_file(engine->uring, opened, 0);
	vb_file_close(&opened->file);
	opened->used = 0;
	return 0;
}

struct vb_lack vb_engine_retry(struct vb_engine *engine)
{
	if (engine->uring) vb_uring_retry(engine->uring);
	struct vb_lack lack = vb_pool_retry(engine->pool);
	for (int i = 0; i < engine->opened_count; i++)
		if (engine->opened[i]->under_way > 0) vb_pool_go_on(engine->pool, engine->opened[i]);
	lack.total += engine->lack.total;
	if (!lack.error) lack.error = engine->lack.error;
	engine->lack.error = 0;
	return lack;
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
	for (int i = 0; i < engine->opened_count; i++) {
		if (engine->opened[i]->used) vb_file_close(&engine->opened[i]->file);
		free(engine->opened[i]);
	}
	free(engine->opened);
	vb_jobs_close(&engine->jobs);
	close(engine->event);
	free(engine);
	return 0;
}
