/* See bench.h. */
#include "bench.h"

#include <poll.h>

#include "check.h"

__thread int synced;

struct bench *new_bench(int want_uring)
{
	struct bench *bench = calloc(1, sizeof *bench);
	CHECK(bench && (bench->engine = vb_engine_open(want_uring)));
	return bench;
}

void add(struct bench *bench, int kind, int file, uint64_t offset, size_t length, void *memory, void *park, int token)
{
	double *operation = bench->operations + (size_t)bench->count++ * VB_FIELDS;
	operation[VB_F_KIND] = kind;
	operation[VB_F_FILE] = file;
	operation[VB_F_OFFSET] = (double)offset;
	operation[VB_F_LENGTH] = (double)length;
	operation[VB_F_ADDRESS] = (double)(uintptr_t)memory;
	operation[VB_F_PARK] = (double)(uintptr_t)park;
	operation[VB_F_TOKEN] = token;
}

void submit(struct bench *bench)
{
	int pending = vb_engine_submit(bench->engine, bench->operations, bench->count), seen = 0;
	for (int i = 0; i < bench->count; i++) {
		const double *operation = bench->operations + (size_t)i * VB_FIELDS;
		bench->results[(int)operation[VB_F_TOKEN]] = operation[VB_F_KIND];
		bench->failed[(int)operation[VB_F_TOKEN]] = operation[VB_F_OFFSET];
		seen += operation[VB_F_KIND] == 1;
	}
	CHECK(seen == pending);
	bench->under_way += pending;
	CHECK(vb_engine_under_way(bench->engine) == bench->under_way);
	bench->count = 0;
}

void reap(struct bench *bench, int room)
{
	double completions[BATCH * VB_COMPLETION_FIELDS];
	int count = vb_engine_reap(bench->engine, completions, room);
	for (int i = 0; i < count; i++) {
		const double *completion = completions + (size_t)i * VB_COMPLETION_FIELDS;
		CHECK(bench->results[(int)completion[0]] == 1);
		bench->results[(int)completion[0]] = completion[1] == 1 ? 0 : completion[1];
		synced += completion[1] == 1;
		bench->failed[(int)completion[0]] = completion[2];
	}
	bench->under_way -= count;
}

void wait_for(struct bench *bench, int left)
{
	struct pollfd event = { .fd = vb_engine_fd(bench->engine), .events = POLLIN };
	while (bench->under_way > left) {
		CHECK(poll(&event, 1, LIMIT_MS) == 1);
		reap(bench, 3);
	}
}

void close_bench(struct bench *bench)
{
	CHECK(vb_engine_close(bench->engine) == 0);
	free(bench);
}

void check_quiet(struct bench *bench)
{
	struct pollfd event = { .fd = vb_engine_fd(bench->engine), .events = POLLIN };
	CHECK(poll(&event, 1, 500) == 0);
}
