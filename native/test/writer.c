/* The writer of what the program says (common/writer.h): readers that stop, or are gone, and no thread. */
#define _GNU_SOURCE
#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "check.h"
#include "common/writer.h"

static char *read_all_of(int fd, size_t *length)
{
	size_t room = 1 << 20;
	char *text = calloc(1, room);
	*length = 0;
	for (ssize_t n; (n = read(fd, text + *length, room - 1 - *length)) > 0;) *length += (size_t)n;
	return text;
}

void test_writer(void)
{
	enum { LINE = 1000, KEPT = 256 * LINE };
	char line[LINE + 1];
	int ends[2];
	size_t length, taken = 0, lost = 0;
	memset(line, 'x', LINE - 1);
	line[LINE - 1] = '\n', line[LINE] = 0;
	CHECK(!vb_writer_open(-1, KEPT) && errno == EBADF);
	CHECK(pipe(ends) == 0);
	struct vb_writer *writer = vb_writer_open(ends[1], KEPT);
	CHECK(writer && vb_writer_flush(writer, 0) == 0);
	/* Nobody reads: what the pipe and the list hold is taken, and nothing more; nothing waits. */
	for (int i = 0; i < 1000; i++) {
		if (vb_writer_put(writer, line, LINE) == 0) taken++;
		else lost++;
	}
	CHECK(taken >= KEPT / LINE && lost > 0 && taken <= (KEPT + (1 << 16)) / LINE + 1);
	CHECK(vb_writer_flush(writer, 1) == -ETIMEDOUT);
	/* The rest is written by a writer that is closed already. */
	vb_writer_close(writer);
	close(ends[1]);
	char *text = read_all_of(ends[0], &length), told[100];
	snprintf(told, sizeof told, "vblade: warn: %zu lines of the log were lost: nobody took them\n", lost);
	CHECK(length == taken * LINE + strlen(told) && !strcmp(text + taken * LINE, told));
	free(text);
	close(ends[0]);

	/* The reader is gone. */
	signal(SIGPIPE, SIG_IGN);
	CHECK(pipe(ends) == 0 && (writer = vb_writer_open(ends[1], KEPT)));
	close(ends[0]);
	close(ends[1]);
	for (int i = 0; i < 3; i++) CHECK(vb_writer_put(writer, line, LINE) == 0 && vb_writer_flush(writer, LIMIT_MS) == 0);
	vb_writer_close(writer);
}

/* In a process of its own, for it may start no thread at first. */
void test_writer_without_thread(void)
{
	int ends[2], status;
	size_t length;
	CHECK(pipe(ends) == 0);
	pid_t child = fork();
	if (child == 0) {
		struct rlimit many, none;
		CHECK(getrlimit(RLIMIT_NPROC, &many) == 0);
		none = (struct rlimit){ .rlim_cur = 0, .rlim_max = many.rlim_max };
		struct vb_writer *writer = vb_writer_open(ends[1], PAGE);
		CHECK(setrlimit(RLIMIT_NPROC, &none) == 0 && setresuid(65534, 65534, 65534) == 0);
		CHECK(writer && vb_writer_put(writer, "kept\n", 5) == 0 && vb_writer_flush(writer, 30) == -ETIMEDOUT);
		CHECK(setrlimit(RLIMIT_NPROC, &many) == 0 && vb_writer_flush(writer, LIMIT_MS) == 0);
		_exit(0);
	}
	close(ends[1]);
	char *text = read_all_of(ends[0], &length);
	CHECK(waitpid(child, &status, 0) == child && status == 0 && !strcmp(text, "kept\n"));
	free(text);
	close(ends[0]);
}
