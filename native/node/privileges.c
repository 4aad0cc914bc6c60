/* Giving up root (privileges.h) for JavaScript: lib/privileges.ts calls it. */
#include "node.h"

#include <stdlib.h>

#include "common/privileges.h"

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

/* becomeUser(name, keepRaw) */
napi_value js_become_user(napi_env env, napi_callback_info info)
{
	napi_value args[MAX_ARGS];
	bool keep_raw;
	char *name;
	if (!get_args(env, info, 2, args) || napi_get_value_bool(env, args[1], &keep_raw) != napi_ok ||
	    !(name = get_string(env, args[0])))
		return throw_type(env);
	const char *step;
	int error = vb_become_user(name, keep_raw, &step);
	free(name);
	return error ? throw_errno(env, error, step) : NULL;
}
