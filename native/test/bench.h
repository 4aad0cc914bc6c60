/* An engine to try: operations are added, submitted and waited for, and how they ended is kept by their token. */
#ifndef VBLADE_BENCH_H
#define VBLADE_BENCH_H

#include "storage/engine.h"

enum { BATCH = 64 };

struct bench {
	struct vb_engine *engine;
	double operations[BATCH * VB_FIELDS];
	int count;
	double results[1024]; /* of the operations, by token; 1 while under way */
	double failed[1024];
	int under_way;
};

/* Writes that were synced in the same go have that said of them: it is counted here, for each thread. */
extern __thread int synced;

struct bench *new_bench(int want_uring);
void add(struct bench *bench, int kind, int file, uint64_t offset, size_t length, void *memory, void *park, int token);
void submit(struct bench *bench);
void reap(struct bench *bench, int room);
/* Until no more than `left` operations are under way. */
void wait_for(struct bench *bench, int left);
/* Half a second without anything being announced. */
void check_quiet(struct bench *bench);
void close_bench(struct bench *bench);

#endif
