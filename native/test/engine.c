/* The engine, with io_uring and without: what it does, what it refuses, and several at once, each in a thread of its own. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <string.h>

#include "bench.h"
#include "check.h"

static uint8_t memory[BATCH * PAGE], park[BATCH * PAGE];

static void write_and_read(struct bench *bench, const int files[3])
{
	/* Writes that have to wait keep their bytes although the caller's change. */
	for (int i = 0; i < BATCH; i++) {
		memset(memory + i * PAGE, i + 1, PAGE);
		add(bench, VB_WRITE | VB_FUA, files[i % 3], (uint64_t)i * PAGE, PAGE, memory + i * PAGE, park + i * PAGE, i);
	}
	submit(bench);
	memset(memory, 0xee, BATCH * PAGE);
	if (bench->under_way > 0) CHECK(vb_engine_remove(bench->engine, files[0]) == -EBUSY);
	wait_for(bench, 0);
	for (int i = 0; i < BATCH; i++) CHECK(bench->results[i] == 0);
	CHECK(synced == BATCH || !strncmp(directory, "/dev/shm", 8));
	synced = 0;
	for (int i = 0; i < BATCH; i++)
		add(bench, VB_READ | (i % 2 ? VB_MAY_BORROW : 0), files[i % 3], (uint64_t)i * PAGE, PAGE, memory + i * PAGE, NULL, i);
	submit(bench);
	for (int i = 0; i < BATCH; i++) {
		const double *operation = bench->operations + (size_t)i * VB_FIELDS;
		if (operation[VB_F_BORROWED] == 0) continue;
		memcpy(memory + i * PAGE, (void *)(uintptr_t)operation[VB_F_BORROWED], PAGE);
	}
	wait_for(bench, 0);
	for (int i = 0; i < BATCH; i++) CHECK(bench->results[i] == 0 && memory[i * PAGE] == i + 1 && memory[i * PAGE + PAGE - 1] == i + 1);
}

/* Holes, trims, syncs; what can't be done; files that are not there. */
static void try_the_rest(struct bench *bench, const int files[3])
{
	add(bench, VB_READ, files[0], FILE_BYTES - PAGE, PAGE, memory, NULL, 0);
	add(bench, VB_TRIM, files[0], 0, PAGE, NULL, NULL, 1);
	add(bench, VB_FLUSH, files[1], 0, 0, NULL, NULL, 2);
	add(bench, VB_READ, files[0], FILE_BYTES + PAGE, PAGE, memory, NULL, 3);
	add(bench, VB_WRITE, files[0], FILE_BYTES, PAGE, memory, NULL, 4);
	add(bench, VB_READ, 99, 0, PAGE, memory, NULL, 5);
	add(bench, 9, files[0], 0, PAGE, memory, NULL, 6);
	submit(bench);
	wait_for(bench, 0);
	CHECK(bench->results[0] == 0 && bench->results[2] == 0);
	CHECK(bench->results[1] == 0 || bench->results[1] == -EOPNOTSUPP);
	CHECK(bench->results[3] == -ERANGE && bench->failed[3] == FILE_BYTES + PAGE);
	CHECK(bench->results[4] == -ERANGE && bench->results[5] == -EBADF && bench->results[6] == -EINVAL);
}

void test_engine(int want_uring)
{
	struct bench *bench = new_bench(want_uring);
	char *paths[3];
	int files[3];
	for (int i = 0; i < 3; i++) {
		paths[i] = new_file(FILE_BYTES);
		struct vb_file file = open_file(paths[i], 0);
		CHECK((files[i] = vb_engine_add(bench->engine, &file)) == i);
	}
	write_and_read(bench, files);
	try_the_rest(bench, files);
	/* A number is used again, its old file is not. */
	CHECK(vb_engine_remove(bench->engine, files[1]) == 0 && vb_engine_remove(bench->engine, files[1]) == -EBADF);
	struct vb_file file = open_file(paths[1], VB_OPEN_READ_ONLY);
	CHECK(vb_engine_add(bench->engine, &file) == files[1]);
	/* More is under way when the engine is closed than anyone has asked for. */
	for (int i = 0; i < BATCH; i++) add(bench, i % 2 ? VB_FLUSH : VB_READ, files[i % 3], (uint64_t)(i + 200) * PAGE, PAGE, memory + i * PAGE, NULL, i);
	submit(bench);
	close_bench(bench);
	for (int i = 0; i < 3; i++) drop(paths[i]);
}

/* A file that gets the number of one that is gone is not in memory because that one was. */
void test_numbers(void)
{
	struct bench *bench = new_bench(1);
	char *paths[2] = { new_file(FILE_BYTES), new_file(FILE_BYTES) };
	struct vb_file files[2] = { open_file(paths[0], 0), open_file(paths[1], 0) };
	uint64_t failed;
	for (int i = 0; i < 2; i++) CHECK(vb_file_write(&files[i], 0, memory, PAGE, &failed) == 0 && vb_file_sync(&files[i]) == 0);
	CHECK(posix_fadvise(files[1].fd, 0, 0, POSIX_FADV_DONTNEED) == 0);
	int is_on_disk = !files[1].in_memory;
	for (int i = 0; i < 2; i++) {
		CHECK(vb_engine_add(bench->engine, &files[i]) == 0);
		add(bench, VB_READ, 0, 0, PAGE, memory, NULL, 0);
		submit(bench);
		CHECK(bench->under_way == (i && is_on_disk));
		wait_for(bench, 0);
		CHECK(bench->results[0] == 0 && vb_engine_remove(bench->engine, 0) == 0);
	}
	close_bench(bench);
	for (int i = 0; i < 2; i++) drop(paths[i]);
}

/* Several engines at once, each in a thread of its own, each against a model of its file. */
static void *engine_thread(void *argument)
{
	struct bench *bench = new_bench(argument != NULL);
	char *path = new_file(FILE_BYTES);
	struct vb_file file = open_file(path, 0);
	int number = vb_engine_add(bench->engine, &file);
	uint8_t *bytes = malloc(BATCH * PAGE), *model = calloc(BATCH, 1);
	CHECK(bytes && model);
	unsigned seed = (unsigned)(uintptr_t)path;
	for (int round = 0; round < 60; round++) {
		uint8_t seen[BATCH];
		memcpy(seen, model, BATCH);
		for (int i = 0; i < BATCH; i++) {
			int is_write = rand_r(&seed) % 2;
			if (is_write) memset(bytes + i * PAGE, model[i] = (uint8_t)rand_r(&seed), PAGE);
			add(bench, is_write ? VB_WRITE | (rand_r(&seed) % 2 ? VB_FUA : 0) : VB_READ, number, (uint64_t)i * 3 * PAGE, PAGE,
			    bytes + i * PAGE, NULL, i);
		}
		submit(bench);
		wait_for(bench, 0);
		for (int i = 0; i < BATCH; i++) CHECK(bench->results[i] == 0 && bytes[i * PAGE + 77] == model[i]);
	}
	close_bench(bench);
	drop(path);
	free(bytes);
	free(model);
	return NULL;
}

void test_threads(void)
{
	pthread_t threads[4];
	for (size_t i = 0; i < 4; i++) CHECK(pthread_create(&threads[i], NULL, engine_thread, (void *)(i % 2)) == 0);
	for (int i = 0; i < 4; i++) pthread_join(threads[i], NULL);
}
