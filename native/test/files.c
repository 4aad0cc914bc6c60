/* See check.h: files to try things with. */
#define _GNU_SOURCE
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "check.h"

const char *directory;

char *new_file(off_t bytes)
{
	char *path;
	CHECK(asprintf(&path, "%s/coreXXXXXX", directory) > 0);
	int fd = mkstemp(path);
	CHECK(fd >= 0 && ftruncate(fd, bytes) == 0);
	close(fd);
	return path;
}

const struct vb_part ALL = { 0, 0 };

struct vb_file open_file(const char *path, int flags)
{
	struct vb_file file;
	const char *step;
	int error = vb_file_open(&file, path, flags, &ALL, &step);
	if (error) fprintf(stderr, "%s: %s: %s\n", path, step, strerror(-error));
	CHECK(error == 0);
	return file;
}

void drop(char *path)
{
	unlink(path);
	free(path);
}
