/*
 * What the tests of the C core share: a condition that must hold, files to try things with, and the tests themselves, which core.c
 * calls in turn.
 */
#ifndef VBLADE_CHECK_H
#define VBLADE_CHECK_H

#include <stdio.h>
#include <stdlib.h>

#include "storage/file.h"

#define CHECK(condition)                                                                       \
	do {                                                                                   \
		if (!(condition)) {                                                            \
			fprintf(stderr, "%s:%d: not so: %s\n", __FILE__, __LINE__, #condition); \
			exit(1);                                                               \
		}                                                                              \
	} while (0)

enum { PAGE = 4096, FILE_BYTES = 4 << 20, LIMIT_MS = 10000 };

/* Where files may be made. */
extern const char *directory;
/* A file as a whole. */
extern const struct vb_part ALL;

/* The path of a file of zeros; drop() it. */
char *new_file(off_t bytes);
void drop(char *path);
struct vb_file open_file(const char *path, int flags);

void test_file(void);
void test_guard(void);
void test_sums(void);
void test_residents(void);
void test_glimpse(void);
void test_engine(int want_uring);
void test_numbers(void);
void test_failures(void);
void test_tries(void);
void test_shared_sync(void);
void test_threads(void);
void test_no_threads(void);
void test_stuck(void);
void test_no_ring(void);
void test_closed_ring(void);
void test_ring_of_user(void);
void test_packets(void);
void test_load(void);
void test_writer(void);
void test_writer_without_thread(void);

#endif
