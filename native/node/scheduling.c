/* How the kernel shares out processors between threads (sched(7)), for JavaScript: lib/opener/priority.ts calls it. */
#define _GNU_SOURCE
#include "node.h"

#include <errno.h>
#include <limits.h>
#include <sched.h>

/* schedulingOf(thread) -> its policy, a number of sched(7); throws ESRCH if there is none. */
napi_value js_scheduling_of(napi_env env, napi_callback_info info)
{
	napi_value args[MAX_ARGS];
	uint32_t thread;
	if (!get_args(env, info, 1, args) || !get_uint(env, args[0], INT_MAX, &thread)) return throw_type(env);
	int policy = sched_getscheduler((pid_t)thread);
	return policy < 0 ? throw_errno(env, -errno, "scheduling") : make_number(env, policy & ~SCHED_RESET_ON_FORK);
}

/* schedule(thread, policy): one without a priority of its own (other, batch, idle). */
napi_value js_schedule(napi_env env, napi_callback_info info)
{
	napi_value args[MAX_ARGS];
	uint32_t thread, policy;
	if (!get_args(env, info, 2, args) || !get_uint(env, args[0], INT_MAX, &thread) ||
	    !get_uint(env, args[1], INT_MAX, &policy))
		return throw_type(env);
	struct sched_param none = { 0 };
	return sched_setscheduler((pid_t)thread, (int)policy, &none) < 0 ? throw_errno(env, -errno, "schedule") : NULL;
}
