/* Files that hang, and threads that can't be had: nobody else waits for them. */
#define _GNU_SOURCE
#include <errno.h>
#include <time.h>
#include <unistd.h>

#include "bench.h"
#include "check.h"
#include "meddle.h"

/* An engine that could not be closed: it is meant to be leaked, and so must be known to somebody. */
struct vb_engine *left_behind;

/* A file whose reads hang: it holds up nobody but itself, and what it uses outlives the engine. */
void test_stuck(void)
{
	char *stuck_path = new_file(FILE_BYTES), *path = new_file(FILE_BYTES);
	struct bench *bench = new_bench(0);
	struct vb_file stuck_file = open_file(stuck_path, 0), file = open_file(path, 0);
	int stuck = vb_engine_add(bench->engine, &stuck_file), other = vb_engine_add(bench->engine, &file);
	static uint8_t memory[64][PAGE];

	/* A worker that is idle, so that both of the next jobs wake the same one. */
	add(bench, VB_FLUSH, other, 0, 0, NULL, NULL, 0);
	submit(bench);
	wait_for(bench, 0);
	usleep(20000);
	meddle.hang = 1;
	meddle_with(stuck_file.fd);
	add(bench, VB_READ, stuck, 0, PAGE, memory[0], NULL, 1);
	add(bench, VB_FLUSH, other, 0, 0, NULL, NULL, 2);
	submit(bench);
	wait_for(bench, 1);
	CHECK(bench->results[2] == 0 && bench->results[1] == 1);
	for (int i = 1; i < 40; i++) add(bench, VB_READ, stuck, (uint64_t)i * PAGE, PAGE, memory[i], NULL, 10 + i);
	add(bench, VB_FLUSH, other, 0, 0, NULL, NULL, 3);
	submit(bench);
	wait_for(bench, 40);
	CHECK(bench->results[3] == 0);

	CHECK(vb_engine_close(bench->engine) == -EBUSY);
	left_behind = bench->engine;
	int count;
	sem_getvalue(&hanging, &count);
	CHECK(count >= 1 && count <= 40);
	for (int i = 0; i < count; i++) sem_post(&let_go);
	for (int i = 0; i < count; i++) while (sem_wait(&over) < 0) {}
	leave_alone();
	free(bench);
	drop(stuck_path);
	drop(path);
}

/* No thread from the beginning: what needs one waits, and is done when there is one. */
void test_no_threads(void)
{
	char *path = new_file(FILE_BYTES);
	static uint8_t memory[8][PAGE];
	__atomic_store_n(&meddle.no_threads, EAGAIN, __ATOMIC_RELAXED);
	struct bench *bench = new_bench(0);
	struct vb_file file = open_file(path, 0);
	int number = vb_engine_add(bench->engine, &file);
	add(bench, VB_FLUSH, number, 0, 0, NULL, NULL, 0);
	add(bench, VB_READ, number, FILE_BYTES / 2, PAGE, memory[0], NULL, 1);
	add(bench, VB_WRITE | VB_FUA, number, 3 * PAGE, PAGE, memory[1], memory[2], 2);
	submit(bench);
	check_quiet(bench);
	CHECK(bench->under_way == 3 && meddle.refused == 1);
	struct vb_lack lack = vb_engine_retry(bench->engine);
	CHECK(lack.error == EAGAIN && lack.total == 3 && meddle.refused == 2);
	__atomic_store_n(&meddle.no_threads, 0, __ATOMIC_RELAXED);
	CHECK(vb_engine_retry(bench->engine).error == 0);
	wait_for(bench, 0);
	for (int i = 0; i < 3; i++) CHECK(bench->results[i] == 0);
	/* No more than there are: a file whose reads hang leaves one to others. */
	char *stuck_path = new_file(FILE_BYTES);
	struct vb_file stuck_file = open_file(stuck_path, 0);
	int stuck = vb_engine_add(bench->engine, &stuck_file);
	__atomic_store_n(&meddle.no_threads, EAGAIN, __ATOMIC_RELAXED);
	meddle.hang = 1;
	meddle_with(stuck_file.fd);
	for (int i = 0; i < 8; i++) add(bench, VB_READ, stuck, (uint64_t)i * PAGE, PAGE, memory[i], NULL, 10 + i);
	submit(bench);
	for (int round = 0; round < 20; round++) {
		add(bench, VB_FLUSH, number, 0, 0, NULL, NULL, 0);
		submit(bench);
		wait_for(bench, 8);
		CHECK(bench->results[0] == 0);
	}
	/* With threads again the others are begun too, though nothing new is asked for and none has ended. */
	__atomic_store_n(&meddle.no_threads, 0, __ATOMIC_RELAXED);
	vb_engine_retry(bench->engine);
	struct timespec until;
	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_sec += LIMIT_MS / 1000;
	for (int i = 0; i < 8; i++) CHECK(sem_timedwait(&hanging, &until) == 0);
	for (int i = 0; i < 8; i++) sem_post(&let_go);
	wait_for(bench, 0);
	for (int i = 0; i < 8; i++) while (sem_wait(&over) < 0) {}
	for (int i = 0; i < 8; i++) CHECK(bench->results[10 + i] == 0);
	leave_alone();
	close_bench(bench);
	drop(stuck_path);
	drop(path);
}
