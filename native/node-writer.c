/* Writers (writer.h) for JavaScript: lib/output.ts calls them. */
#include "node.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "writer.h"

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
