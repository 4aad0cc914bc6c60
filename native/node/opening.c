/*
 * Opening a file for JavaScript by a thread of its own (lib/block/engine.ts: openLater), as a whole or one half of it where two
 * processes share it (storage/file.h); or only looking at what paths lead to. A disk that hangs may keep that thread for ever, and
 * must not keep the one that serves the others; so nobody waits for it, at the end of the process neither.
 */
#include "node.h"

#include <errno.h>
#include <limits.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "storage/file.h"
#include "storage/look.h"

enum { STACK_BYTES = 256 * 1024 };

/* What the thread does. */
enum half { BOTH, OPEN_FOR, ADOPT, LOOK };

/* Of whose environment it is: it may end while the thread hangs, and all that is Node's ends with it. */
enum opening_state { UNDER_WAY, TOLD, FORSAKEN };

struct opening {
	/* Guards the two that follow. The thread calls Node only while it holds this, and the end of the environment waits for it. */
	pthread_mutex_t lock;
	enum opening_state state;
	int references; /* held by the thread, and by the loop's thread until it has been told, or its environment ends */
	enum half half;
	char *folder; /* that the path is in, for another process; NULL: no matter */
	char *path; /* LOOK: many, each with a zero byte at its end, and one more behind the last */
	int flags;
	struct vb_part part;
	/* What has come of it. */
	int error;
	const char *step;
	struct vb_file file;
	struct vb_look opened; /* OPEN_FOR: what the file is */
	struct vb_look *looks;
	uint32_t look_count;
	/* Whom to tell. */
	napi_threadsafe_function done;
	napi_deferred deferred;
	napi_ref engine; /* NULL: it is for another process */
};

static void free_opening(struct opening *opening)
{
	pthread_mutex_destroy(&opening->lock);
	free(opening->folder);
	free(opening->path);
	free(opening->looks);
	free(opening);
}

/* Nobody wants what has come of it. */
static void discard(struct opening *opening)
{
	if (!opening->error && opening->half != LOOK) vb_file_close(&opening->file);
}

static void release(struct opening *opening)
{
	pthread_mutex_lock(&opening->lock);
	int left = --opening->references;
	pthread_mutex_unlock(&opening->lock);
	if (left == 0) free_opening(opening);
}

/* In the loop's thread, before Node ends the function that would be called. */
static void on_opening_forsaken(void *data)
{
	struct opening *opening = data;
	pthread_mutex_lock(&opening->lock);
	/* What has been told already is still in the queue of the function, which hands it over as it ends. */
	int is_forsaken = opening->state == UNDER_WAY;
	if (is_forsaken) opening->state = FORSAKEN;
	pthread_mutex_unlock(&opening->lock);
	if (is_forsaken) release(opening);
}

static int do_half(struct opening *opening)
{
	struct vb_file *file = &opening->file;
	int error;
	switch (opening->half) {
	case BOTH: return vb_file_open(file, opening->path, opening->flags, &opening->part, &opening->step);
	case OPEN_FOR:
		error = vb_file_open_held(file, opening->folder, opening->path, opening->flags, &opening->part, &opening->step);
		if (!error) vb_look_opened(file->fd, &opening->opened);
		return error;
	case ADOPT: return vb_file_adopt(file, &opening->step);
	case LOOK: opening->step = "memory"; return vb_look(opening->path, &opening->looks, &opening->look_count);
	}
	return -EINVAL;
}

static void *open_in_thread(void *argument)
{
	struct opening *opening = argument;
	opening->error = do_half(opening);
	pthread_mutex_lock(&opening->lock);
	int is_forsaken = opening->state == FORSAKEN;
	if (!is_forsaken) {
		opening->state = TOLD;
		MUST(napi_call_threadsafe_function(opening->done, opening, napi_tsfn_nonblocking));
		MUST(napi_release_threadsafe_function(opening->done, napi_tsfn_release));
	}
	pthread_mutex_unlock(&opening->lock);
	if (is_forsaken) discard(opening);
	release(opening);
	return NULL;
}

/* What goes to another process: { descriptor, traits }; and what the file is. */
static napi_value make_passed(napi_env env, const struct opening *opening)
{
	const struct vb_file *file = &opening->file;
	double numbers[VB_TRAITS];
	napi_value object, traits, identity;
	vb_file_traits(file, numbers);
	MUST(napi_create_object(env, &object));
	MUST(napi_create_array_with_length(env, VB_TRAITS, &traits));
	for (uint32_t i = 0; i < VB_TRAITS; i++) MUST(napi_set_element(env, traits, i, make_number(env, numbers[i])));
	MUST(napi_set_named_property(env, object, "traits", traits));
	set_number(env, object, "descriptor", file->fd);
	MUST(napi_create_string_utf8(env, opening->opened.text, NAPI_AUTO_LENGTH, &identity));
	MUST(napi_set_named_property(env, object, "identity", identity));
	return object;
}

static napi_value make_looks(napi_env env, const struct opening *opening)
{
	napi_value list, text;
	MUST(napi_create_array_with_length(env, opening->look_count, &list));
	for (uint32_t i = 0; i < opening->look_count; i++) {
		MUST(napi_create_string_utf8(env, opening->looks[i].text, NAPI_AUTO_LENGTH, &text));
		MUST(napi_set_element(env, list, i, text));
	}
	return list;
}

/* In the loop's thread: fulfils the promise. */
static void settle(napi_env env, struct opening *opening)
{
	napi_value engine = NULL, result = NULL;
	if (opening->engine) {
		MUST(napi_get_reference_value(env, opening->engine, &engine));
		MUST(napi_delete_reference(env, opening->engine));
	}
	if (opening->error) throw_errno(env, opening->error, opening->step);
	else if (engine) result = engine_add_file(env, engine, &opening->file);
	else if (opening->half == LOOK) result = make_looks(env, opening);
	else result = make_passed(env, opening);
	if (result) MUST(napi_resolve_deferred(env, opening->deferred, result));
	else if (napi_get_and_clear_last_exception(env, &result) == napi_ok)
		MUST(napi_reject_deferred(env, opening->deferred, result));
}

/* What is in the queue is handed over while an environment ends, too: it is still there then, but runs no JavaScript. */
static int runs_javascript(napi_env env)
{
	napi_value global;
	bool found;
	return env && napi_get_global(env, &global) == napi_ok &&
	       napi_has_named_property(env, global, "Promise", &found) == napi_ok;
}

/* In the loop's thread, when the other is through with it; without an environment if that has ended meanwhile. */
static void tell(napi_env env, napi_value function, void *context, void *data)
{
	(void)function, (void)context;
	struct opening *opening = data;
	if (env) MUST(napi_remove_env_cleanup_hook(env, on_opening_forsaken, opening));
	if (runs_javascript(env)) settle(env, opening);
	else discard(opening);
	release(opening);
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

/* Has a thread do it -> a promise of what comes of it. `engine`: who gets the file, NULL if another process does. */
static napi_value begin(napi_env env, struct opening *opening, napi_value engine)
{
	napi_value promise, name;
	pthread_mutex_init(&opening->lock, NULL);
	opening->references = 2;
	MUST(napi_create_promise(env, &opening->deferred, &promise));
	if (engine) MUST(napi_create_reference(env, engine, 1, &opening->engine));
	MUST(napi_create_string_utf8(env, "vblade opening", NAPI_AUTO_LENGTH, &name));
	MUST(napi_create_threadsafe_function(env, NULL, NULL, name, 0, 1, NULL, NULL, NULL, tell, &opening->done));
	/* A disk that hangs keeps no process from ending: an engine does, until it is closed. */
	MUST(napi_unref_threadsafe_function(env, opening->done));
	/* Hooks run in reverse order: this one before that of the function. */
	MUST(napi_add_env_cleanup_hook(env, on_opening_forsaken, opening));
	int error = start(opening);
	if (!error) return promise;
	MUST(napi_release_threadsafe_function(opening->done, napi_tsfn_abort));
	if (opening->half == ADOPT) close(opening->file.fd);
	opening->error = error;
	opening->step = "thread";
	release(opening);
	tell(env, NULL, NULL, opening);
	return promise;
}

static struct opening *new_opening(napi_env env, enum half half)
{
	struct opening *opening = calloc(1, sizeof *opening);
	if (opening) opening->half = half;
	else throw_errno(env, ENOMEM, "memory");
	return opening;
}

/* fileOpenLater(engine, path, flags, begin, length) -> a promise of what fileOpen returns */
napi_value js_file_open_later(napi_env env, napi_callback_info info)
{
	napi_value args[MAX_ARGS];
	struct opening *opening = new_opening(env, BOTH);
	if (!opening) return NULL;
	if (get_args(env, info, 5, args) && is_open_engine(env, args[0]) &&
	    get_file_arguments(env, args + 1, &opening->path, &opening->flags, &opening->part))
		return begin(env, opening, args[0]);
	free(opening);
	return throw_type(env);
}

/* fileOpenFor(folder, path, flags, begin, length) -> a promise of { descriptor, traits, identity }. Without a folder: "". */
napi_value js_file_open_for(napi_env env, napi_callback_info info)
{
	napi_value args[MAX_ARGS];
	struct opening *opening = new_opening(env, OPEN_FOR);
	if (!opening) return NULL;
	if (get_args(env, info, 5, args) && (opening->folder = get_string(env, args[0])) &&
	    get_file_arguments(env, args + 1, &opening->path, &opening->flags, &opening->part))
		return begin(env, opening, NULL);
	free(opening->folder);
	free(opening);
	return throw_type(env);
}

/* fileAdopt(engine, descriptor, flags, traits: Float64Array) -> a promise of what fileOpen returns. Has the descriptor. */
napi_value js_file_adopt(napi_env env, napi_callback_info info)
{
	napi_value args[MAX_ARGS];
	uint32_t fd, flags;
	double *traits;
	size_t count;
	struct opening *opening = new_opening(env, ADOPT);
	if (!opening) return NULL;
	if (get_args(env, info, 4, args) && is_open_engine(env, args[0]) && get_uint(env, args[1], INT_MAX, &fd) &&
	    get_uint(env, args[2], VB_OPEN_READ_ONLY | VB_OPEN_DIRECT | VB_OPEN_SYNCED, &flags) &&
	    get_array(env, args[3], napi_float64_array, &traits, &count) && count == VB_TRAITS && traits &&
	    vb_file_passed(&opening->file, (int)fd, (int)flags, traits) == 0)
		return begin(env, opening, args[0]);
	free(opening);
	return throw_type(env);
}

/* fileLook(paths: Uint8Array) -> a promise of what each leads to. A zero byte is behind each path. */
napi_value js_file_look(napi_env env, napi_callback_info info)
{
	napi_value args[MAX_ARGS];
	uint8_t *bytes;
	size_t length;
	struct opening *opening = new_opening(env, LOOK);
	if (!opening) return NULL;
	if (get_args(env, info, 1, args) && get_array(env, args[0], napi_uint8_array, &bytes, &length) &&
	    (opening->path = calloc(length + 2, 1))) {
		if (length > 0) memcpy(opening->path, bytes, length);
		return begin(env, opening, NULL);
	}
	free(opening);
	return throw_type(env);
}
