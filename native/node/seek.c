/* Where in an open file there is data, where a hole, and where it ends (lseek(2)), for JavaScript: lib/image/file.ts calls it. */
#define _GNU_SOURCE
#include "node.h"

#include <errno.h>
#include <limits.h>
#include <unistd.h>

/* fileSeek(descriptor, offset, to) -> where, or -errno; -ENXIO for data: there is no more. */
napi_value js_file_seek(napi_env env, napi_callback_info info)
{
	napi_value args[MAX_ARGS];
	uint32_t descriptor, to;
	double offset;
	if (!get_args(env, info, 3, args) || !get_uint(env, args[0], INT_MAX, &descriptor) ||
	    !get_number(env, args[1], MAX_EXACT, &offset) || !get_uint(env, args[2], INT_MAX, &to) ||
	    (to != SEEK_END && to != SEEK_DATA && to != SEEK_HOLE))
		return throw_type(env);
	off_t found = lseek((int)descriptor, (off_t)offset, (int)to);
	return make_number(env, found < 0 ? -errno : (double)found);
}
