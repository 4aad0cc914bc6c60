/* See node.h: calls a JavaScript function whenever a descriptor is ready. */
#include "node.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>

static void on_watch_closed(uv_handle_t *handle)
{
	struct watch *watch = handle->data;
	napi_remove_async_cleanup_hook(watch->hook);
	free(watch);
}

void watch_close(struct watch *watch)
{
	if (watch->closing) return;
	watch->closing = 1;
	if (watch->owner) *watch->owner = NULL;
	napi_delete_reference(watch->env, watch->callback);
	napi_async_destroy(watch->env, watch->context);
	uv_close((uv_handle_t *)&watch->poll, on_watch_closed);
}

static void on_watch_environment_ends(napi_async_cleanup_hook_handle hook, void *data)
{
	(void)hook;
	watch_close(data);
}

static void on_ready(uv_poll_t *poll, int status, int events)
{
	struct watch *watch = poll->data;
	napi_env env = watch->env;
	napi_handle_scope scope;
	napi_value callback, receiver, argument, result;
	if (status < 0) {
		/* libuv stops a poll on EPOLLERR (a link that goes down). Reading the error re-arms the descriptor, and clears it. */
		int cleared = 0;
		socklen_t length = sizeof cleared;
		getsockopt(watch->fd, SOL_SOCKET, SO_ERROR, &cleared, &length);
		if (cleared) watch->error = cleared;
		uv_poll_start(poll, watch->events, on_ready);
		events = UV_READABLE | watch->events | (cleared ? WATCH_FAILED : 0);
	}
	if (napi_open_handle_scope(env, &scope) != napi_ok) return;
	if (napi_get_reference_value(env, watch->callback, &callback) == napi_ok &&
	    napi_get_global(env, &receiver) == napi_ok && napi_create_int32(env, events, &argument) == napi_ok &&
	    napi_make_callback(env, watch->context, receiver, callback, 1, &argument, &result) == napi_pending_exception) {
		napi_value error;
		if (napi_get_and_clear_last_exception(env, &error) == napi_ok) napi_fatal_exception(env, error);
	}
	napi_close_handle_scope(env, scope);
}

int watch_open(napi_env env, int fd, int events, napi_value callback, struct watch **owner)
{
	uv_loop_t *loop;
	napi_value name;
	struct watch *watch = calloc(1, sizeof *watch);
	if (!watch) return -ENOMEM;
	watch->env = env;
	watch->fd = fd;
	watch->events = events;
	MUST(napi_get_uv_event_loop(env, &loop));
	int error = uv_poll_init(loop, &watch->poll, fd);
	if (error) {
		free(watch);
		return error;
	}
	watch->poll.data = watch;
	MUST(napi_create_string_utf8(env, "vblade", NAPI_AUTO_LENGTH, &name));
	MUST(napi_async_init(env, NULL, name, &watch->context));
	MUST(napi_create_reference(env, callback, 1, &watch->callback));
	MUST(napi_add_async_cleanup_hook(env, on_watch_environment_ends, watch, &watch->hook));
	watch->owner = owner;
	*owner = watch;
	error = uv_poll_start(&watch->poll, events, on_ready);
	if (error) watch_close(watch);
	return error;
}

void watch_events(struct watch *watch, int events)
{
	watch->events = events;
	uv_poll_start(&watch->poll, events, on_ready);
}
