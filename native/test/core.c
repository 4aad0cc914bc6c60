/*
 * Tests of the C core without Node, to be built with sanitizers (scripts/check-native.mjs): what only shows where system calls
 * can be made to fail, to be short or to hang, and where leaks and races of threads can be told.
 *
 * usage: core DIRECTORY          runs the tests with files in DIRECTORY; packet sockets too, if root
 *        core --canary=KIND      does something wrong on purpose (address, leak, undefined, race): must not end well
 */
#define _GNU_SOURCE
#include <limits.h>
#include <pthread.h>
#include <sched.h>
#include <string.h>
#include <unistd.h>

#include "bench.h"
#include "check.h"
#include "common/guard.h"
#include "meddle.h"

/* ---- canaries: errors that the sanitizers must find -------------------------------------------------------------- */

static int shared;

static void *race(void *ignored)
{
	(void)ignored;
	for (int i = 0; i < 100000; i++) shared++;
	return NULL;
}

static void canary(const char *kind)
{
	vb_guard_init();
	volatile int one = 1;
	if (!strcmp(kind, "address")) {
		uint8_t *bytes = calloc(1, PAGE), to[PAGE + 1];
		vb_copy(to, bytes, PAGE + (size_t)one);
		free(bytes);
	} else if (!strcmp(kind, "leak")) {
		if (!new_bench(one - 1)) return;
	} else if (!strcmp(kind, "undefined")) {
		volatile int large = INT_MAX;
		large += one;
	} else if (!strcmp(kind, "race")) {
		pthread_t threads[2];
		for (int i = 0; i < 2; i++) pthread_create(&threads[i], NULL, race, NULL);
		for (int i = 0; i < 2; i++) pthread_join(threads[i], NULL);
	}
}

int main(int argc, char **argv)
{
	CHECK(argc == 2);
	if (!strncmp(argv[1], "--canary=", 9)) {
		canary(argv[1] + 9);
		return 0;
	}
	directory = argv[1];
	sem_init(&hanging, 0, 0);
	sem_init(&let_go, 0, 0);
	sem_init(&over, 0, 0);
	if (geteuid() == 0) test_writer_without_thread();
	test_writer();
	test_file();
#ifndef __SANITIZE_THREAD__ /* it does not know jumps out of a signal's handler */
	test_guard();
#endif
	test_sums();
	test_residents();
#ifndef __SANITIZE_THREAD__ /* it wants to open files */
	if (geteuid() == 0) test_glimpse();
#endif
	test_engine(0);
	test_engine(1);
	test_numbers();
	test_failures();
	test_tries();
	test_shared_sync();
	test_no_threads();
#ifdef HAVE_LIBURING
	test_closed_ring();
	test_no_ring();
#ifndef __SANITIZE_THREAD__ /* it wants to open files */
	test_ring_of_user();
#endif
#endif
	test_threads();
	/* A network of our own, with nothing in it but a loopback interface. */
	if (unshare(CLONE_NEWNET) == 0) test_packets(), test_load();
	else puts("packet sockets: not tried, that needs root");
	test_stuck();
	puts("core: all is well");
	return 0;
}
