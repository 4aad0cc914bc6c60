/* One file: opened, written, read, measured and trimmed, with system calls that are short, interrupted, or fail. */
#define _GNU_SOURCE
#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "check.h"
#include "meddle.h"

void test_file(void)
{
	char *path = new_file(FILE_BYTES);
	struct vb_file file = open_file(path, 0), other;
	const char *step;
	uint64_t failed = 0;
	uint8_t bytes[3 * PAGE], back[3 * PAGE];
	for (size_t i = 0; i < sizeof bytes; i++) bytes[i] = (uint8_t)(i * 7 + i / 256);

	CHECK(file.size == FILE_BYTES && file.map && file.map_bytes == FILE_BYTES && file.align == 1);
	CHECK(vb_file_open(&other, path, 0, &ALL, &step) == -EWOULDBLOCK && !strcmp(step, "lock"));
	CHECK(vb_file_open(&other, directory, 0, &ALL, &step) == -EINVAL && !strcmp(step, "type"));
	CHECK(vb_file_open(&other, "/no/such/file", 0, &ALL, &step) == -ENOENT && !strcmp(step, "find"));

	CHECK(vb_file_write(&file, 1000, bytes, sizeof bytes, &failed) == 0);
	CHECK(vb_file_read(&file, 1000, back, sizeof back, &failed) == 0 && !memcmp(bytes, back, sizeof bytes));
	CHECK(!memcmp(file.map + 1000, bytes, sizeof bytes));
	CHECK(vb_file_write(&file, 0, bytes, PAGE, &failed) == 0 && vb_file_sync(&file) == 0);

	/* Who reads leaves no trace, which would be written. */
	struct stat status;
	CHECK(futimens(file.fd, (struct timespec[2]){ { .tv_sec = 1000 }, { .tv_sec = 2000 } }) == 0);
	CHECK(vb_file_read(&file, 1000, back, sizeof back, &failed) == 0);
	CHECK(fstat(file.fd, &status) == 0 && status.st_atime == 1000);

	/* Pieces of a transfer, and calls that a signal interrupts. */
	meddle.shorten = 1000;
	meddle.interrupt = 3;
	meddle_with(file.fd);
	CHECK(vb_file_write(&file, 512, bytes, sizeof bytes, &failed) == 0 && meddle.interrupt == 0);
	meddle.interrupt = 3;
	CHECK(vb_file_read(&file, 512, back, sizeof back, &failed) == 0 && !memcmp(bytes, back, sizeof bytes));
	meddle.fail_pread = meddle.fail_pwrite = EIO;
	CHECK(vb_file_read(&file, 512, back, sizeof back, &failed) == -EIO && failed == 512);
	CHECK(vb_file_write(&file, 1024, bytes, PAGE, &failed) == -EIO && failed == 1024);
	meddle.fail_sync = EIO;
	CHECK(vb_file_sync(&file) == -EIO);
	leave_alone();

	/* Growth moves the mapping, shrinking leaves it. */
	CHECK(truncate(path, 2 * FILE_BYTES + 100) == 0 && vb_file_measure(&file) == 0);
	CHECK(file.size == 2 * FILE_BYTES && file.map_bytes == 2 * FILE_BYTES);
	CHECK(file.map[512] == bytes[0] && file.map[2 * FILE_BYTES - 1] == 0);
	CHECK(truncate(path, PAGE + 512) == 0);
	CHECK(!vb_file_reaches(&file, PAGE + 513) && vb_file_reaches(&file, PAGE + 512));
	CHECK(vb_file_read(&file, PAGE, back, PAGE, &failed) == -ERANGE && failed == PAGE + 512);
	CHECK(vb_file_write(&file, PAGE, bytes, PAGE, &failed) == -ERANGE);
	CHECK(vb_file_measure(&file) == 0 && file.size == PAGE + 512 && file.map_bytes == 2 * FILE_BYTES);
	CHECK(vb_file_trim(&file, 0, 0) == 0);
	if (file.can_trim) CHECK(vb_file_trim(&file, 100, PAGE) == 0 && file.map[100] == 0 && file.map[99] == bytes[99]);
	vb_file_close(&file);

	file = open_file(path, VB_OPEN_READ_ONLY);
	CHECK(vb_file_write(&file, 0, bytes, 512, &failed) == -EBADF && !file.map_writable);
	vb_file_close(&file);
	drop(path);
}
