/*
 * Opening a file for JavaScript by a thread of its own (lib/block/engine.ts: openLater). A disk that hangs may keep that thread
 * for ever, and must not keep the one that serves the others; so nobody waits for it, at the end of the process neither.
 */
#include "node.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>

#include "storage/file.h"

enum { STACK_BYTES = 256 * 1024 };

struct opening {
	char *path;
	int flags;
	struct vb_part part;
	/* What has come of it. */
	int error;
	const char *step;
	struct vb_file file;
	/* Whom to tell. */
	napi_threadsafe_function done;
	napi_deferred deferred;
	napi_ref engine;
};

static void free_opening(struct opening *opening)
{
	free(opening->path);
	free(opening);
}

static void *open_in_thread(void *argument)
{
	struct opening *opening = argument;
	/* In the end it belongs to the loop's thread, or is gone. */
	napi_threadsafe_function done = opening->done;
	opening->error = vb_file_open(&opening->file, opening->path, opening->flags, &opening->part, &opening->step);
	int is_open = !opening->error;
	if (napi_call_threadsafe_function(done, opening, napi_tsfn_nonblocking) == napi_ok) {
		napi_release_threadsafe_function(done, napi_tsfn_release);
		return NULL;
	}
	/* The environment has ended meanwhile. */
	if (is_open) vb_file_close(&opening->file);
	free_opening(opening);
	return NULL;
}

/* In the loop's thread. */
static void tell(napi_env env, napi_value function, void *context, void *data)
{
	(void)function, (void)context;
	struct opening *opening = data;
	napi_value engine, result = NULL;
	if (!env) {
		if (!opening->error) vb_file_close(&opening->file);
		free_opening(opening);
		return;
	}
	MUST(napi_get_reference_value(env, opening->engine, &engine));
	MUST(napi_delete_reference(env, opening->engine));
	if (opening->error) throw_errno(env, opening->error, opening->step);
	else result = engine_add_file(env, engine, &opening->file);
	if (result) MUST(napi_resolve_deferred(env, opening->deferred, result));
	else if (napi_get_and_clear_last_exception(env, &result) == napi_ok)
		MUST(napi_reject_deferred(env, opening->deferred, result));
	free_opening(opening);
}

static int start(struct opening *opening)
{
	pthread_attr_t attributes;
	pthread_t thread;
	pthread_attr_init(&attributes);
	pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
	pthread_attr_setstacksize(&attributes, STACK_BYTES);
	int error = pthread_create(&thread, &attributes, open_in_thread, opening);
	pthread_attr_destroy(&attributes);
	return -error;
}

/* fileOpenLater(engine, path, flags, begin, length) -> a promise of what fileOpen returns */
napi_value js_file_open_later(napi_env env, napi_callback_info info)
{
	napi_value args[MAX_ARGS], promise, name;
	struct opening *opening = calloc(1, sizeof *opening);
	if (!opening) return throw_errno(env, ENOMEM, "memory");
	if (!get_args(env, info, 5, args) || !is_open_engine(env, args[0]) ||
	    !get_file_arguments(env, args, &opening->path, &opening->flags, &opening->part)) {
		free_opening(opening);
		return throw_type(env);
	}
	MUST(napi_create_promise(env, &opening->deferred, &promise));
	MUST(napi_create_reference(env, args[0], 1, &opening->engine));
	MUST(napi_create_string_utf8(env, "vblade opening", NAPI_AUTO_LENGTH, &name));
	MUST(napi_create_threadsafe_function(env, NULL, NULL, name, 0, 1, NULL, NULL, NULL, tell, &opening->done));
	int error = start(opening);
	if (!error) return promise;
	napi_release_threadsafe_function(opening->done, napi_tsfn_abort);
	opening->error = error;
	opening->step = "thread";
	tell(env, NULL, NULL, opening);
	return promise;
}
