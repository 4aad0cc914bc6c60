/* Routes (route.h) for JavaScript: lib/gre/route.ts calls it. */
#include "node.h"

#include <stdlib.h>

#include "net/route.h"

/* routeTo(address) -> { mtu, local }; throws EINVAL if that is no address, ENETUNREACH and the like if there is no way there. */
napi_value js_route_to(napi_env env, napi_callback_info info)
{
	napi_value args[MAX_ARGS], object, local;
	struct vb_route route;
	char *address;
	if (!get_args(env, info, 1, args) || !(address = get_string(env, args[0]))) return throw_type(env);
	int error = vb_route_to(address, &route);
	free(address);
	if (error) return throw_errno(env, error, "route");
	MUST(napi_create_object(env, &object));
	set_number(env, object, "mtu", route.mtu);
	MUST(napi_create_string_utf8(env, route.local, NAPI_AUTO_LENGTH, &local));
	MUST(napi_set_named_property(env, object, "local", local));
	return object;
}
