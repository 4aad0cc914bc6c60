/* Giving up root (privileges.h) for JavaScript: lib/privileges.ts calls it. */
#include "node.h"

#include <limits.h>
#include <stdlib.h>

#include "common/privileges.h"
#include "storage/memory.h"

/* findUser(name) -> the user's number; throws ENOENT if there is none. */
napi_value js_find_user(napi_env env, napi_callback_info info)
{
	napi_value args[MAX_ARGS];
	struct vb_user user;
	char *name;
	if (!get_args(env, info, 1, args) || !(name = get_string(env, args[0]))) return throw_type(env);
	int error = vb_find_user(name, &user);
	free(name);
	return error ? throw_errno(env, error, "user") : make_number(env, user.uid);
}

/* findGroup(name) -> the group's number; throws ENOENT if there is none. */
napi_value js_find_group(napi_env env, napi_callback_info info)
{
	napi_value args[MAX_ARGS];
	gid_t gid;
	char *name;
	if (!get_args(env, info, 1, args) || !(name = get_string(env, args[0]))) return throw_type(env);
	int error = vb_find_group(name, &gid);
	free(name);
	return error ? throw_errno(env, error, "group") : make_number(env, gid);
}

/* becomeUser(name, keepRaw, parent): the parent's number, or 0 */
napi_value js_become_user(napi_env env, napi_callback_info info)
{
	napi_value args[MAX_ARGS];
	bool keep_raw;
	uint32_t parent;
	char *name;
	if (!get_args(env, info, 3, args) || napi_get_value_bool(env, args[1], &keep_raw) != napi_ok ||
	    !get_uint(env, args[2], INT_MAX, &parent) || !(name = get_string(env, args[0])))
		return throw_type(env);
	/* It can't be opened later. */
	vb_memory_prepare();
	const char *step;
	int error = vb_become_user(name, keep_raw, (pid_t)parent, &step);
	free(name);
	return error ? throw_errno(env, error, step) : NULL;
}
