/* The storage engine (engine.h) for JavaScript: lib/block/engine.ts calls it. */
#include "node.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "storage/engine.h"

struct engine {
	enum handle_kind kind;
	napi_env env;
	struct vb_engine *core;
	struct watch *watch;
	napi_ref operations, completions;
	struct engine *next; /* of the environment's open engines */
};

static int is_busy(const struct instance *instance)
{
	if (instance->stuck) return 1;
	for (const struct engine *engine = instance->engines; engine; engine = engine->next)
		if (vb_engine_under_way(engine->core) > 0) return 1;
	return 0;
}

static void engine_close_now(napi_env env, struct engine *engine)
{
	if (!engine->core) return;
	struct instance *instance = get_instance(env);
	struct engine **link = &instance->engines;
	while (*link != engine) link = &(*link)->next;
	*link = engine->next;
	if (engine->watch) watch_close(engine->watch);
	if (vb_engine_close(engine->core) != 0) instance->stuck = 1;
	engine->core = NULL;
	napi_delete_reference(env, engine->operations);
	napi_delete_reference(env, engine->completions);
	unmap_kept(instance);
}

void on_environment_ends(void *data)
{
	struct instance *instance = data;
	while (instance->engines) engine_close_now(instance->engines->env, instance->engines);
	release_instance(instance);
}

static void engine_finalize(napi_env env, void *data, void *hint)
{
	(void)hint;
	engine_close_now(env, data);
	free(data);
}

/* engineOpen(operations: Float64Array, completions: Float64Array, callback, wantUring) */
napi_value js_engine_open(napi_env env, napi_callback_info info)
{
	napi_value args[MAX_ARGS], external;
	double *ignored;
	size_t operations, completions;
	bool want_uring;
	if (!get_args(env, info, 4, args) || !get_array(env, args[0], napi_float64_array, &ignored, &operations) ||
	    !get_array(env, args[1], napi_float64_array, &ignored, &completions) || operations < VB_FIELDS ||
	    completions < VB_COMPLETION_FIELDS || !is_function(env, args[2]) ||
	    napi_get_value_bool(env, args[3], &want_uring) != napi_ok)
		return throw_type(env);
	struct engine *engine = calloc(1, sizeof *engine);
	if (!engine) return throw_errno(env, ENOMEM, "engine");
	engine->kind = ENGINE;
	engine->env = env;
	engine->core = vb_engine_open(want_uring);
	int error = engine->core ? watch_open(env, vb_engine_fd(engine->core), UV_READABLE, args[2], &engine->watch) : -errno;
	if (error) {
		if (engine->core) vb_engine_close(engine->core);
		free(engine);
		return throw_errno(env, error, "engine");
	}
	struct instance *instance = get_instance(env);
	engine->next = instance->engines;
	instance->engines = engine;
	instance->is_busy = is_busy;
	MUST(napi_create_reference(env, args[0], 1, &engine->operations));
	MUST(napi_create_reference(env, args[1], 1, &engine->completions));
	MUST(napi_create_external(env, engine, engine_finalize, NULL, &external));
	return external;
}

static struct engine *get_engine(napi_env env, napi_value value)
{
	struct engine *engine = get_handle(env, value, ENGINE);
	return engine && engine->core ? engine : NULL;
}

/* One of the arrays shared with JavaScript. Looked up each time: JavaScript may have given its memory away. */
static double *shared_array(napi_env env, napi_ref reference, size_t *length)
{
	napi_value array;
	double *data;
	MUST(napi_get_reference_value(env, reference, &array));
	return get_array(env, array, napi_float64_array, &data, length) ? data : NULL;
}

/* engineUring(handle) -> 0 if io_uring is in use, the errno that says why it is not, or -1 if it was not wanted. */
napi_value js_engine_uring(napi_env env, napi_callback_info info)
{
	napi_value args[MAX_ARGS];
	struct engine *engine;
	int error;
	if (!get_args(env, info, 1, args) || !(engine = get_engine(env, args[0]))) return throw_type(env);
	if (vb_engine_has_uring(engine->core, &error)) return make_number(env, 0);
	return make_number(env, error ? error : -1);
}

/* engineSubmit(handle, count) -> operations still under way; results are in the operations. */
napi_value js_engine_submit(napi_env env, napi_callback_info info)
{
	napi_value args[MAX_ARGS];
	struct engine *engine;
	double *operations;
	size_t length;
	uint32_t count;
	if (!get_args(env, info, 2, args) || !(engine = get_engine(env, args[0])) ||
	    !(operations = shared_array(env, engine->operations, &length)) ||
	    !get_uint(env, args[1], (double)(length / VB_FIELDS), &count))
		return throw_type(env);
	return make_number(env, vb_engine_submit(engine->core, operations, (int)count));
}

/* engineReap(handle) -> how many completions were written. */
napi_value js_engine_reap(napi_env env, napi_callback_info info)
{
	napi_value args[MAX_ARGS];
	struct engine *engine;
	double *completions;
	size_t length;
	if (!get_args(env, info, 1, args) || !(engine = get_engine(env, args[0])) ||
	    !(completions = shared_array(env, engine->completions, &length)))
		return throw_type(env);
	return make_number(env, vb_engine_reap(engine->core, completions, (int)(length / VB_COMPLETION_FIELDS)));
}

/* engineCancel(handle, file, token): see vb_engine_cancel(). */
napi_value js_engine_cancel(napi_env env, napi_callback_info info)
{
	napi_value args[MAX_ARGS];
	struct engine *engine;
	uint32_t number, token;
	if (!get_args(env, info, 3, args) || !(engine = get_engine(env, args[0])) || !get_uint(env, args[1], INT32_MAX, &number) ||
	    !get_uint(env, args[2], INT32_MAX, &token))
		return throw_type(env);
	vb_engine_cancel(engine->core, (int)number, token);
	return NULL;
}

/* engineRetry(handle, into: Float64Array): what is lacking (an errno, 0: nothing), and operations put off so far. */
napi_value js_engine_retry(napi_env env, napi_callback_info info)
{
	napi_value args[MAX_ARGS];
	struct engine *engine;
	double *into;
	size_t length;
	if (!get_args(env, info, 2, args) || !(engine = get_engine(env, args[0])) ||
	    !get_array(env, args[1], napi_float64_array, &into, &length) || length < VB_LACK_FIELDS)
		return throw_type(env);
	struct vb_lack lack = vb_engine_retry(engine->core);
	into[0] = lack.error;
	into[1] = (double)lack.total;
	return NULL;
}

napi_value js_engine_close(napi_env env, napi_callback_info info)
{
	napi_value args[MAX_ARGS];
	struct engine *engine;
	if (!get_args(env, info, 1, args) || !(engine = get_handle(env, args[0], ENGINE))) return throw_type(env);
	engine_close_now(env, engine);
	return NULL;
}

int is_open_engine(napi_env env, napi_value value)
{
	return get_engine(env, value) != NULL;
}

napi_value engine_add_file(napi_env env, napi_value handle, struct vb_file *file)
{
	napi_value object;
	struct engine *engine = get_engine(env, handle);
	int number = engine ? vb_engine_add(engine->core, file) : -ECANCELED;
	if (number < 0) {
		vb_file_close(file);
		return throw_errno(env, number, "memory");
	}
	MUST(napi_create_object(env, &object));
	set_number(env, object, "file", number);
	set_number(env, object, "sizeBytes", (double)file->size);
	set_number(env, object, "physicalBlockBytes", file->physical_block);
	set_number(env, object, "alignBytes", file->align);
	set_boolean(env, object, "isBlock", file->is_block);
	set_boolean(env, object, "canTrim", file->can_trim);
	set_number(env, object, "logicalBlockBytes", file->logical_block);
	set_number(env, object, "trimGranularityBytes", (double)file->trim_granularity);
	set_number(env, object, "trimAlignmentBytes", (double)file->trim_alignment);
	set_boolean(env, object, "fastZeroes", file->fast_zeroes);
	set_boolean(env, object, "knowsExtents", file->knows_extents);
	set_number(env, object, "bestTransferBytes", (double)file->best_transfer);
	set_number(env, object, "longestTransferBytes", (double)file->longest_transfer);
	set_boolean(env, object, "unmapped", file->unmapped);
	set_boolean(env, object, "nonRotational", file->non_rotational);
	return object;
}

int get_file_arguments(napi_env env, const napi_value *args, char **path, int *flags, struct vb_part *part)
{
	uint32_t given;
	double begin, length;
	if (!get_uint(env, args[1], VB_OPEN_READ_ONLY | VB_OPEN_DIRECT | VB_OPEN_SYNCED, &given) ||
	    !get_number(env, args[2], MAX_EXACT, &begin) || !get_number(env, args[3], MAX_EXACT, &length) ||
	    !(*path = get_string(env, args[0])))
		return 0;
	*flags = (int)given;
	*part = (struct vb_part){ (uint64_t)begin, (uint64_t)length };
	return 1;
}

/* fileOpen(engine, path, flags, begin, length) -> { file, size, ... } */
napi_value js_file_open(napi_env env, napi_callback_info info)
{
	napi_value args[MAX_ARGS];
	char *path;
	int flags;
	struct vb_part part;
	if (!get_args(env, info, 5, args) || !is_open_engine(env, args[0]) ||
	    !get_file_arguments(env, args + 1, &path, &flags, &part))
		return throw_type(env);
	struct vb_file file;
	const char *step;
	int error = vb_file_open(&file, path, flags, &part, &step);
	free(path);
	return error ? throw_errno(env, error, step) : engine_add_file(env, args[0], &file);
}

/*
 * fileSizes(engine, first, sizes: Float64Array) -> how many files have changed, number and size of each in `sizes` from its
 * second element on; the first becomes the number to go on with. Measures half as many files as `sizes` has room for.
 */
napi_value js_file_sizes(napi_env env, napi_callback_info info)
{
	napi_value args[MAX_ARGS];
	struct engine *engine;
	uint32_t first;
	double *sizes;
	size_t length;
	if (!get_args(env, info, 3, args) || !(engine = get_engine(env, args[0])) || !get_uint(env, args[1], INT32_MAX, &first) ||
	    !get_array(env, args[2], napi_float64_array, &sizes, &length) || length < 3)
		return throw_type(env);
	int next = (int)first;
	int changed = vb_engine_measure(engine->core, &next, (int)((length - 1) / 2), sizes + 1);
	sizes[0] = next;
	return make_number(env, changed);
}

/* fileClose(engine, file) -> false if operations are still under way. */
napi_value js_file_close(napi_env env, napi_callback_info info)
{
	napi_value args[MAX_ARGS], result;
	struct engine *engine;
	uint32_t number;
	if (!get_args(env, info, 2, args) || !(engine = get_engine(env, args[0])) ||
	    !get_uint(env, args[1], INT32_MAX, &number) || !vb_engine_file(engine->core, (int)number))
		return throw_type(env);
	MUST(napi_get_boolean(env, vb_engine_remove(engine->core, (int)number) == 0, &result));
	return result;
}
