/*
 * Disks in memory (storage/memory.h) for JavaScript: made and served by one process (lib/block/engine.ts), or made by the opener, which
 * keeps them, for another one that serves them.
 */
#include "node.h"

#include <limits.h>

#include "storage/memory.h"

/* memoryOpen(engine, size, flags) -> the same: memory as a file */
napi_value js_memory_open(napi_env env, napi_callback_info info)
{
	napi_value args[MAX_ARGS];
	double size;
	uint32_t flags;
	if (!get_args(env, info, 3, args) || !is_open_engine(env, args[0]) || !get_number(env, args[1], MAX_EXACT, &size) || !get_uint(env, args[2], VB_OPEN_READ_ONLY, &flags))
		return throw_type(env);
	struct vb_file file;
	const char *step;
	int error = vb_memory_open(&file, (uint64_t)size, (int)flags, &step);
	return error ? throw_errno(env, error, step) : engine_add_file(env, args[0], &file);
}

/* memoryMake(size) -> descriptor */
napi_value js_memory_make(napi_env env, napi_callback_info info)
{
	napi_value args[MAX_ARGS];
	double size;
	const char *step;
	if (!get_args(env, info, 1, args) || !get_number(env, args[0], MAX_EXACT, &size)) return throw_type(env);
	int fd = vb_memory_make((uint64_t)size, &step);
	return fd < 0 ? throw_errno(env, fd, step) : make_number(env, fd);
}

/* memoryAdopt(engine, descriptor, flags) -> what fileOpen returns. Has the descriptor. */
napi_value js_memory_adopt(napi_env env, napi_callback_info info)
{
	napi_value args[MAX_ARGS];
	uint32_t fd, flags;
	struct vb_file file;
	const char *step;
	if (!get_args(env, info, 3, args) || !is_open_engine(env, args[0]) || !get_uint(env, args[1], INT_MAX, &fd) ||
	    !get_uint(env, args[2], VB_OPEN_READ_ONLY, &flags))
		return throw_type(env);
	int error = vb_memory_adopt(&file, (int)fd, (int)flags, &step);
	return error ? throw_errno(env, error, step) : engine_add_file(env, args[0], &file);
}
