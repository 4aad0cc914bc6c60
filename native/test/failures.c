/* What becomes of operations whose system calls fail, are interrupted, or are shared. */
#define _GNU_SOURCE
#include <errno.h>
#include <limits.h>

#include "bench.h"
#include "check.h"
#include "meddle.h"

void test_failures(void)
{
	char *path = new_file(FILE_BYTES);
	struct bench *bench = new_bench(0);
	struct vb_file file = open_file(path, 0);
	int number = vb_engine_add(bench->engine, &file);
	static uint8_t memory[8][PAGE];
	meddle_with(file.fd);
	add(bench, VB_FLUSH, number, 0, 0, NULL, NULL, 0);
	submit(bench);
	wait_for(bench, 0);
	CHECK(bench->results[0] == 0 && meddle.syncs == 1);
	meddle.fail_sync = EIO;
	meddle.fail_pread = EIO;
	meddle.fail_pwrite = ENOSPC;
	add(bench, VB_FLUSH, number, 0, 0, NULL, NULL, 1);
	add(bench, VB_READ, number, FILE_BYTES / 2, PAGE, memory[0], NULL, 2);
	add(bench, VB_WRITE | VB_FUA, number, 3 * PAGE, PAGE, memory[1], memory[2], 3);
	add(bench, VB_WRITE, number, FILE_BYTES - 1024, 1024, memory[1], memory[2], 4);
	submit(bench);
	wait_for(bench, 0);
	CHECK(bench->results[1] == -EIO && meddle.syncs == 2);
	CHECK(bench->results[2] == -EIO && bench->failed[2] == FILE_BYTES / 2);
	CHECK(bench->results[3] == -ENOSPC && bench->failed[3] == 3 * PAGE);
	CHECK(bench->results[4] == -ENOSPC && bench->failed[4] == FILE_BYTES - 1024);
	leave_alone();
	close_bench(bench);
	drop(path);
}

/* What the kernel lacked the means for is tried again, but not for ever; and a sync only if it was not run. */
void test_tries(void)
{
	static const struct { int error, most; } syncs[] = { { EINTR, 20 }, { EAGAIN, 20 }, { ENOMEM, 1 }, { EIO, 1 } };
	char *path = new_file(FILE_BYTES);
	struct bench *bench = new_bench(0);
	struct vb_file file = open_file(path, 0);
	int number = vb_engine_add(bench->engine, &file);
	static uint8_t memory[2][PAGE];
	meddle_with(file.fd);
	for (size_t i = 0; i < sizeof syncs / sizeof syncs[0]; i++) {
		meddle.syncs = 0;
		meddle.fail_sync = syncs[i].error;
		add(bench, VB_WRITE | VB_FUA, number, 0, PAGE, memory[0], memory[1], 0);
		submit(bench);
		wait_for(bench, 0);
		CHECK(bench->results[0] == -syncs[i].error - VB_SYNC_FAILED && meddle.syncs >= 1 && meddle.syncs <= syncs[i].most);
		CHECK(syncs[i].most == 1 || meddle.syncs > 1);
	}
	meddle.interrupt = INT_MAX;
	add(bench, VB_READ, number, FILE_BYTES / 2, PAGE, memory[0], NULL, 1);
	submit(bench);
	wait_for(bench, 0);
	CHECK(bench->results[1] == -EINTR && meddle.reads > 100 && meddle.reads < 10000);
	meddle.interrupt = 300;
	add(bench, VB_READ, number, FILE_BYTES / 2, PAGE, memory[0], NULL, 1);
	submit(bench);
	wait_for(bench, 0);
	CHECK(bench->results[1] == 0 && meddle.interrupt == 0);
	leave_alone();
	close_bench(bench);
	drop(path);
}

/* Writes that wait for a sync share it: how many there are is not how often the disk is asked. */
void test_shared_sync(void)
{
	char *path = new_file(FILE_BYTES);
	struct bench *bench = new_bench(0);
	struct vb_file file = open_file(path, VB_OPEN_SYNCED);
	int number = vb_engine_add(bench->engine, &file);
	static uint8_t memory[BATCH][PAGE];
	meddle_with(file.fd);
	synced = 0;
	for (int i = 0; i < BATCH; i++) add(bench, VB_WRITE | VB_FUA, number, (uint64_t)i * 3 * PAGE, PAGE, memory[i], NULL, i);
	submit(bench);
	wait_for(bench, 0);
	/* The first few may have been taken before the others were there. */
	CHECK(meddle.syncs >= 1 && meddle.syncs < BATCH / 2 && synced == BATCH);
	add(bench, VB_WRITE, number, 0, PAGE, memory[0], NULL, 0);
	meddle.syncs = 0;
	submit(bench);
	wait_for(bench, 0);
	CHECK(meddle.syncs == 0 && synced == BATCH);
	leave_alone();
	close_bench(bench);
	drop(path);
}
