/*
 * Files that belong to root alone, read by a process that has become an ordinary user (storage/glimpse.h): what is in memory is read in
 * the caller's own thread, what is not is not. Each test is a process that ends with it.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bench.h"
#include "check.h"
#include "common/privileges.h"
#include "storage/glimpse.h"

enum { OLD_US = 100000, PAGES = FILE_BYTES / PAGE };

/* Reads `count` pages from `first` on; how many of them had to wait. */
static int read_pages(struct bench *bench, int number, int first, int count)
{
	static uint8_t memory[BATCH][PAGE];
	for (int i = 0; i < count; i++) add(bench, VB_READ, number, (uint64_t)(first + i) * PAGE, PAGE, memory[i], NULL, i);
	submit(bench);
	int waiting = bench->under_way;
	wait_for(bench, 0);
	for (int i = 0; i < count; i++) CHECK(bench->results[i] == 0 && memory[i][0] == 'x' && memory[i][PAGE - 1] == 'x');
	return waiting;
}

/* Every page, by the batch. */
static int read_all(struct bench *bench, int number)
{
	int waiting = 0;
	for (int first = 0; first < PAGES; first += BATCH) waiting += read_pages(bench, number, first, BATCH);
	return waiting;
}

/* Takes the file out of memory, as the kernel does: out of the page table first. */
static void evict(const struct vb_file *file)
{
	CHECK(fsync(file->fd) == 0 && madvise(file->map, file->map_bytes, MADV_DONTNEED) == 0);
	CHECK(posix_fadvise(file->fd, 0, 0, POSIX_FADV_DONTNEED) == 0);
}

static void read_as_user(int fd, int want_uring, int flags)
{
	char path[40];
	const char *step;
	int error, has_uring;
	struct bench *bench = new_bench(want_uring);
	snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
	struct vb_file file = open_file(path, flags);
	int number = vb_engine_add(bench->engine, &file);
	CHECK(number == 0 && vb_become_user("nobody", 0, 0, &step) == 0);
	has_uring = vb_engine_has_uring(bench->engine, &error);
	/* Where nobody says whether there is something of a page, and only threads may begin to read, all is for them. */
	uint64_t range[2] = { 0, PAGE }, found[5];
	int is_seen = has_uring || file.in_memory || syscall(451, file.fd, range, found, 0) == 0;
	int waiting = read_all(bench, number);
	CHECK(waiting == (is_seen ? 0 : PAGES));
	if (!file.in_memory) {
		evict(&file);
		usleep(OLD_US);
		CHECK(read_pages(bench, number, PAGES / 2, 1) == 1);
		CHECK(read_pages(bench, number, PAGES / 2, 1) == !is_seen);
		read_all(bench, number);
		/* What has been found is known for the whole of its surroundings after a while. */
		usleep(OLD_US);
		CHECK(read_all(bench, number) == (is_seen ? 0 : PAGES));
	}
	/* A file that shrinks. */
	CHECK(ftruncate(fd, FILE_BYTES / 2) == 0);
	static uint8_t memory[PAGE];
	usleep(OLD_US);
	add(bench, VB_READ, number, FILE_BYTES - PAGE, PAGE, memory, NULL, 0);
	submit(bench);
	wait_for(bench, 0);
	CHECK(bench->results[0] == -ERANGE && bench->failed[0] == FILE_BYTES - PAGE);
	close_bench(bench);
}

/* Where a page is in the machine's memory is not told, though whether it is there at all is. */
static void test_page_table(void)
{
	volatile uint8_t *pages = mmap(NULL, 4 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	uint64_t entry;
	CHECK((void *)pages != MAP_FAILED);
	pages[0] = pages[2 * PAGE] = 1;
	int table = vb_page_table_open();
	CHECK(table >= 0);
	CHECK(vb_pages_mapped(table, (uint8_t *)pages, 4, PAGE) == 5);
	CHECK(pread(table, &entry, sizeof entry, (off_t)((uintptr_t)pages / PAGE * sizeof entry)) == sizeof entry);
	CHECK(entry >> 63 == 1 && (entry & ((1ull << 55) - 1)) == 0);
	CHECK(vb_pages_mapped(-1, (uint8_t *)pages, 4, PAGE) == 0);
	close(table);
	munmap((void *)pages, 4 * PAGE);
}

void test_glimpse(void)
{
	static const int flags[] = { 0, VB_OPEN_READ_ONLY };
	test_page_table();
	for (int i = 0; i < 4; i++) {
		static uint8_t memory[PAGE];
		char *path = new_file(FILE_BYTES);
		int fd = open(path, O_RDWR | O_CLOEXEC);
		memset(memory, 'x', PAGE);
		for (int page = 0; page < PAGES; page++) CHECK(pwrite(fd, memory, PAGE, (off_t)page * PAGE) == PAGE);
		fflush(stdout);
		pid_t child = fork();
		CHECK(child >= 0);
		if (child == 0) {
			read_as_user(fd, i % 2, flags[i / 2]);
			_exit(0);
		}
		int status;
		CHECK(waitpid(child, &status, 0) == child && WIFEXITED(status) && WEXITSTATUS(status) == 0);
		close(fd);
		drop(path);
	}
}
