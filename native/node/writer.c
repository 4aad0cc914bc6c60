/* Writers (writer.h) for JavaScript: lib/output.ts calls them. And how to leave once a terminal is gone. */
#include "node.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <termios.h>
#include <unistd.h>

#include "common/writer.h"

struct writer {
	enum handle_kind kind;
	struct vb_writer *writer;
};

static void finalize(napi_env env, void *data, void *hint)
{
	struct writer *writer = data;
	(void)env;
	(void)hint;
	vb_writer_close(writer->writer);
	free(writer);
}

/* writerOpen(fd, limitBytes) -> handle */
napi_value js_writer_open(napi_env env, napi_callback_info info)
{
	napi_value args[MAX_ARGS], handle;
	uint32_t fd, limit;
	if (!get_args(env, info, 2, args) || !get_uint(env, args[0], INT_MAX, &fd) || !get_uint(env, args[1], INT_MAX, &limit))
		return throw_type(env);
	struct writer *writer = calloc(1, sizeof *writer);
	if (!writer) return throw_errno(env, ENOMEM, "memory");
	writer->kind = WRITER;
	writer->writer = vb_writer_open((int)fd, limit);
	if (!writer->writer) {
		int error = errno;
		free(writer);
		return throw_errno(env, error, "open");
	}
	MUST(napi_create_external(env, writer, finalize, NULL, &handle));
	return handle;
}

/* writerPut(handle, text) -> whether it was taken */
napi_value js_writer_put(napi_env env, napi_callback_info info)
{
	napi_value args[MAX_ARGS], taken;
	struct writer *writer;
	char *text;
	if (!get_args(env, info, 2, args) || !(writer = get_handle(env, args[0], WRITER)) || !(text = get_string(env, args[1])))
		return throw_type(env);
	int error = vb_writer_put(writer->writer, text, strlen(text));
	free(text);
	MUST(napi_get_boolean(env, error == 0, &taken));
	return taken;
}

/* writerFlush(handle, limitMs) -> whether nothing is left */
napi_value js_writer_flush(napi_env env, napi_callback_info info)
{
	napi_value args[MAX_ARGS], done;
	struct writer *writer;
	uint32_t limit;
	if (!get_args(env, info, 2, args) || !(writer = get_handle(env, args[0], WRITER)) ||
	    !get_uint(env, args[1], INT_MAX, &limit))
		return throw_type(env);
	MUST(napi_get_boolean(env, vb_writer_flush(writer->writer, limit) == 0, &done));
	return done;
}

/* Whether a descriptor is a terminal that is gone: its window was closed, its connection broke. */
static int is_hung_up(int fd)
{
	struct stat file;
	struct termios settings;
	return fstat(fd, &file) == 0 && S_ISCHR(file.st_mode) && tcgetattr(fd, &settings) < 0 && errno == EIO;
}

/*
 * exitIfHungUp(status): ends the process at once if one of its standard descriptors is a terminal that is gone; else returns.
 * Node gives terminals their settings back when it exits, and aborts where that fails.
 */
napi_value js_exit_if_hung_up(napi_env env, napi_callback_info info)
{
	napi_value args[MAX_ARGS];
	uint32_t status;
	if (!get_args(env, info, 1, args) || !get_uint(env, args[0], 255, &status)) return throw_type(env);
	for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++)
		if (is_hung_up(fd)) _exit((int)status);
	return NULL;
}
