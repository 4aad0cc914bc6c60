/* Copies from and to files that shrink (common/guard.h), by several threads at once. */
#define _GNU_SOURCE
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "check.h"
#include "common/guard.h"

static void *copy_often(void *argument)
{
	const struct vb_file *file = argument;
	static const uint8_t zeros[8 * PAGE];
	uint8_t *bytes = malloc(sizeof zeros);
	CHECK(bytes);
	for (int i = 0; i < 500; i++) {
		int gone = vb_copy(bytes, file->map + FILE_BYTES / 2, sizeof zeros);
		CHECK(gone == -EFAULT);
		CHECK(vb_copy(bytes, file->map, PAGE) == 0 && bytes[0] == 'x');
	}
	free(bytes);
	return NULL;
}

void test_guard(void)
{
	char *path = new_file(FILE_BYTES);
	struct vb_file file = open_file(path, 0);
	uint8_t bytes[2 * PAGE];
	pthread_t threads[4];
	vb_guard_init();
	/* One that can be written, as files in memory have. */
	CHECK(munmap(file.map, file.map_bytes) == 0);
	file.map = mmap(NULL, file.map_bytes, PROT_READ | PROT_WRITE, MAP_SHARED, file.fd, 0);
	CHECK(file.map != MAP_FAILED);
	file.map[0] = 'x';
	CHECK(vb_copy(bytes, file.map + FILE_BYTES - PAGE, PAGE) == 0);
	CHECK(truncate(path, PAGE) == 0);
	CHECK(vb_copy(bytes, file.map + FILE_BYTES - PAGE, PAGE) == -EFAULT);
	CHECK(vb_copy(file.map + PAGE, bytes, PAGE) == -EFAULT);
	CHECK(vb_copy(bytes, file.map, 2 * PAGE) == -EFAULT);
	CHECK(vb_copy(bytes, file.map, 0) == 0);
	for (int i = 0; i < 4; i++) CHECK(pthread_create(&threads[i], NULL, copy_often, &file) == 0);
	for (int i = 0; i < 4; i++) pthread_join(threads[i], NULL);

	/* Anywhere else the signal ends the process as it always did. */
	pid_t child = fork();
	CHECK(child >= 0);
	if (child == 0) {
		signal(SIGBUS, SIG_DFL);
		int status = ((volatile uint8_t *)file.map)[FILE_BYTES - 1];
		_exit(status);
	}
	int status;
	CHECK(waitpid(child, &status, 0) == child && WIFSIGNALED(status) && WTERMSIG(status) == SIGBUS);
	vb_file_close(&file);
	drop(path);
}
