/*
 * The thin door between Node and the C core: checks arguments, wraps handles, shares memory and watches descriptors in
 * libuv's loop. lib/native.ts is its only caller and has the types. Nothing here knows AoE. Several threads of one process
 * may each load it: there is no state but what hangs on handles.
 */
#define NAPI_VERSION 9
#include <errno.h>
#include <net/if.h>
#include <node_api.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include <uv.h>

#include "engine.h"
#include "guard.h"
#include "load.h"
#include "packet.h"

/* ---- small helpers ---------------------------------------------------------------------------------------------- */

enum { MAX_ARGS = 8 };

/* A Node-API call that can fail only by a bug of ours. */
#define MUST(call)                                                                              \
	do {                                                                                    \
		if ((call) != napi_ok) napi_fatal_error(__FILE__, NAPI_AUTO_LENGTH, #call, NAPI_AUTO_LENGTH); \
	} while (0)

static napi_value throw_errno(napi_env env, int error, const char *step)
{
	napi_value message, object, number, text;
	if (error < 0) error = -error;
	MUST(napi_create_string_utf8(env, strerror(error), NAPI_AUTO_LENGTH, &message));
	MUST(napi_create_error(env, NULL, message, &object));
	MUST(napi_create_int32(env, error, &number));
	MUST(napi_set_named_property(env, object, "errno", number));
	MUST(napi_create_string_utf8(env, step, NAPI_AUTO_LENGTH, &text));
	MUST(napi_set_named_property(env, object, "step", text));
	napi_throw(env, object);
	return NULL;
}

static napi_value throw_type(napi_env env)
{
	napi_throw_type_error(env, NULL, "vblade addon: wrong arguments");
	return NULL;
}

static int get_args(napi_env env, napi_callback_info info, size_t want, napi_value *args)
{
	size_t count = MAX_ARGS;
	MUST(napi_get_cb_info(env, info, &count, args, NULL, NULL));
	return count >= want;
}

static int get_int(napi_env env, napi_value value, int *out)
{
	int32_t number;
	if (napi_get_value_int32(env, value, &number) != napi_ok) return 0;
	*out = number;
	return 1;
}

static int get_uint(napi_env env, napi_value value, uint32_t *out)
{
	return napi_get_value_uint32(env, value, out) == napi_ok;
}

static void *get_external(napi_env env, napi_value value)
{
	void *data = NULL;
	return napi_get_value_external(env, value, &data) == napi_ok ? data : NULL;
}

static void *get_bytes(napi_env env, napi_value value, napi_typedarray_type want, size_t *length)
{
	napi_typedarray_type type;
	void *data;
	if (napi_get_typedarray_info(env, value, &type, length, &data, NULL, NULL) != napi_ok || type != want) return NULL;
	return data;
}

/* A string of any length and content; free() it. */
static char *get_string(napi_env env, napi_value value)
{
	size_t length;
	if (napi_get_value_string_utf8(env, value, NULL, 0, &length) != napi_ok) return NULL;
	char *text = malloc(length + 1);
	if (text && napi_get_value_string_utf8(env, value, text, length + 1, &length) != napi_ok) {
		free(text);
		return NULL;
	}
	return text;
}

static napi_value make_number(napi_env env, double number)
{
	napi_value value;
	MUST(napi_create_double(env, number, &value));
	return value;
}

static void set_number(napi_env env, napi_value object, const char *name, double number)
{
	MUST(napi_set_named_property(env, object, name, make_number(env, number)));
}

static void set_boolean(napi_env env, napi_value object, const char *name, int boolean)
{
	napi_value value;
	MUST(napi_get_boolean(env, boolean != 0, &value));
	MUST(napi_set_named_property(env, object, name, value));
}

/* ---- watching a descriptor -------------------------------------------------------------------------------------- */

/*
 * Calls a JavaScript function whenever a descriptor is ready. The asynchronous clean-up hook makes an environment that
 * ends (a worker thread) wait until libuv has let go of the handle.
 */
struct watch {
	uv_poll_t poll;
	napi_env env;
	napi_ref callback;
	napi_async_context context;
	napi_async_cleanup_hook_handle hook;
	struct watch **owner; /* where the owner keeps its pointer to us: cleared when we go */
	int events;
	int fd;
	int closing;
};

static void on_watch_closed(uv_handle_t *handle)
{
	struct watch *watch = handle->data;
	napi_remove_async_cleanup_hook(watch->hook);
	free(watch);
}

static void watch_close(struct watch *watch)
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
		/* libuv stops a poll on EPOLLERR (a link that goes down). Reading the error re-arms the descriptor. */
		int ignored;
		socklen_t length = sizeof ignored;
		getsockopt(watch->fd, SOL_SOCKET, SO_ERROR, &ignored, &length);
		uv_poll_start(poll, watch->events, on_ready);
		events = UV_READABLE;
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

/* 0 or -errno. *owner points to the watch from now on until it is closed. */
static int watch_open(napi_env env, int fd, int events, napi_value callback, struct watch **owner)
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
	return uv_poll_start(&watch->poll, events, on_ready);
}

/* ---- memory ----------------------------------------------------------------------------------------------------- */

static void unmap(napi_env env, void *data, void *hint)
{
	(void)env;
	munmap(data, (size_t)(uintptr_t)hint);
}

/* memory(bytes): an ArrayBuffer of zeros that takes up space only where it has been touched. */
static napi_value memory(napi_env env, napi_callback_info info)
{
	napi_value args[MAX_ARGS], buffer;
	double bytes;
	if (!get_args(env, info, 1, args) || napi_get_value_double(env, args[0], &bytes) != napi_ok || bytes < 1)
		return throw_type(env);
	size_t length = (size_t)bytes;
	void *data = mmap(NULL, length, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (data == MAP_FAILED) return throw_errno(env, errno, "memory");
	if (napi_create_external_arraybuffer(env, data, length, unmap, (void *)(uintptr_t)length, &buffer) != napi_ok) {
		munmap(data, length);
		return throw_errno(env, ENOMEM, "memory");
	}
	return buffer;
}

/* addressOf(Uint8Array): where its first byte is. */
static napi_value address_of(napi_env env, napi_callback_info info)
{
	napi_value args[MAX_ARGS];
	size_t length;
	if (!get_args(env, info, 1, args)) return throw_type(env);
	void *data = get_bytes(env, args[0], napi_uint8_array, &length);
	return make_number(env, (double)(uintptr_t)data);
}

/* copy(to, from, length): addresses; false if a page was not there. */
static napi_value copy(napi_env env, napi_callback_info info)
{
	napi_value args[MAX_ARGS], result;
	double to, from, length;
	if (!get_args(env, info, 3, args) || napi_get_value_double(env, args[0], &to) != napi_ok ||
	    napi_get_value_double(env, args[1], &from) != napi_ok || napi_get_value_double(env, args[2], &length) != napi_ok)
		return throw_type(env);
	vb_guard_init();
	int error = vb_copy((void *)(uintptr_t)to, (const void *)(uintptr_t)from, (size_t)length);
	MUST(napi_get_boolean(env, error == 0, &result));
	return result;
}

/* ---- interfaces ------------------------------------------------------------------------------------------------- */

/* interfaceNames(): every interface of this network namespace. */
static napi_value interface_names(napi_env env, napi_callback_info info)
{
	(void)info;
	napi_value list, name;
	struct if_nameindex *all = if_nameindex();
	if (!all) return throw_errno(env, errno, "interfaces");
	MUST(napi_create_array(env, &list));
	for (uint32_t i = 0; all[i].if_index != 0; i++) {
		MUST(napi_create_string_utf8(env, all[i].if_name, NAPI_AUTO_LENGTH, &name));
		MUST(napi_set_element(env, list, i, name));
	}
	if_freenameindex(all);
	return list;
}

/* interfaceInfo(name): { index, mtu, mac, up }, or undefined if there is none. */
static napi_value interface_info(napi_env env, napi_callback_info info)
{
	napi_value args[MAX_ARGS], object;
	char *name;
	if (!get_args(env, info, 1, args) || !(name = get_string(env, args[0]))) return throw_type(env);
	struct vb_interface interface;
	int error = vb_interface_get(name, &interface);
	free(name);
	if (error) {
		MUST(napi_get_undefined(env, &object));
		return object;
	}
	double mac = 0;
	for (int i = 0; i < 6; i++) mac = mac * 256 + interface.mac[i];
	MUST(napi_create_object(env, &object));
	set_number(env, object, "index", interface.index);
	set_number(env, object, "mtu", interface.mtu);
	set_number(env, object, "mac", mac);
	set_boolean(env, object, "up", interface.up);
	return object;
}

struct monitor {
	int fd;
	struct watch *watch;
};

static void monitor_close_now(struct monitor *monitor)
{
	if (monitor->watch) watch_close(monitor->watch);
	if (monitor->fd >= 0) close(monitor->fd);
	monitor->fd = -1;
}

static void monitor_finalize(napi_env env, void *data, void *hint)
{
	(void)env, (void)hint;
	monitor_close_now(data);
	free(data);
}

/* monitorOpen(callback): called after any interface changed. */
static napi_value monitor_open(napi_env env, napi_callback_info info)
{
	napi_value args[MAX_ARGS], external;
	if (!get_args(env, info, 1, args)) return throw_type(env);
	struct monitor *monitor = calloc(1, sizeof *monitor);
	if (!monitor) return throw_errno(env, ENOMEM, "monitor");
	monitor->fd = vb_monitor_open();
	int error = monitor->fd < 0 ? monitor->fd : watch_open(env, monitor->fd, UV_READABLE, args[0], &monitor->watch);
	if (error) {
		monitor_finalize(env, monitor, NULL);
		return throw_errno(env, error, "monitor");
	}
	MUST(napi_create_external(env, monitor, monitor_finalize, NULL, &external));
	return external;
}

static napi_value monitor_drain(napi_env env, napi_callback_info info)
{
	napi_value args[MAX_ARGS];
	struct monitor *monitor;
	if (!get_args(env, info, 1, args) || !(monitor = get_external(env, args[0]))) return throw_type(env);
	if (monitor->fd >= 0) vb_monitor_drain(monitor->fd);
	return NULL;
}

static napi_value monitor_close(napi_env env, napi_callback_info info)
{
	napi_value args[MAX_ARGS];
	struct monitor *monitor;
	if (!get_args(env, info, 1, args) || !(monitor = get_external(env, args[0]))) return throw_type(env);
	monitor_close_now(monitor);
	return NULL;
}

/* ---- packet sockets --------------------------------------------------------------------------------------------- */

struct port {
	struct vb_port core;
	struct watch *watch;
	napi_ref ring;
};

static void port_close_now(napi_env env, struct port *port)
{
	if (port->core.fd < 0) return;
	if (port->watch) watch_close(port->watch);
	napi_value ring;
	/* JavaScript may still hold the ring: it becomes an empty buffer before its memory goes. */
	if (port->ring && napi_get_reference_value(env, port->ring, &ring) == napi_ok && ring) napi_detach_arraybuffer(env, ring);
	if (port->ring) napi_delete_reference(env, port->ring);
	port->ring = NULL;
	vb_port_close(&port->core);
}

static void port_finalize(napi_env env, void *data, void *hint)
{
	(void)hint;
	struct port *port = data;
	napi_handle_scope scope;
	if (napi_open_handle_scope(env, &scope) == napi_ok) {
		port_close_now(env, port);
		napi_close_handle_scope(env, scope);
	}
	free(port);
}

/*
 * portOpen(interface, ethertype, frameBytes, frameCount, sendBytes, filter, callback) ->
 * { handle, ring, ringAddress, slotOffsets }; the callback is told when frames are there or can be sent.
 */
static napi_value port_open(napi_env env, napi_callback_info info)
{
	napi_value args[MAX_ARGS], object, external, ring, offsets, offsets_buffer;
	uint32_t ethertype, frame_bytes, frame_count, send_bytes;
	size_t filter_bytes;
	char *name;
	if (!get_args(env, info, 7, args) || !get_uint(env, args[1], &ethertype) || !get_uint(env, args[2], &frame_bytes) ||
	    !get_uint(env, args[3], &frame_count) || !get_uint(env, args[4], &send_bytes) || !(name = get_string(env, args[0])))
		return throw_type(env);
	void *filter = get_bytes(env, args[5], napi_uint8_array, &filter_bytes);
	struct port *port = calloc(1, sizeof *port);
	struct vb_port_config config = {
		.interface = name,
		.ethertype = (uint16_t)ethertype,
		.frame_bytes = frame_bytes,
		.frame_count = frame_count,
		.send_bytes = send_bytes,
		.filter = filter,
		.filter_length = (uint16_t)(filter_bytes / sizeof(struct sock_filter)),
	};
	const char *step = "memory";
	int error = port ? vb_port_open(&port->core, &config, &step) : -ENOMEM;
	free(name);
	if (!error) {
		error = watch_open(env, port->core.fd, UV_READABLE, args[6], &port->watch);
		step = "watch";
		if (error) vb_port_close(&port->core);
	}
	if (error) {
		free(port);
		return throw_errno(env, error, step);
	}
	MUST(napi_create_external(env, port, port_finalize, NULL, &external));
	if (napi_create_external_arraybuffer(env, port->core.ring, port->core.ring_bytes, NULL, NULL, &ring) != napi_ok)
		return throw_errno(env, ENOMEM, "ring");
	MUST(napi_create_reference(env, ring, 1, &port->ring));

	uint32_t *table;
	MUST(napi_create_arraybuffer(env, port->core.frame_count * sizeof *table, (void **)&table, &offsets_buffer));
	for (uint32_t i = 0; i < port->core.frame_count; i++) table[i] = (uint32_t)vb_port_slot_offset(&port->core, i);
	MUST(napi_create_typedarray(env, napi_uint32_array, port->core.frame_count, offsets_buffer, 0, &offsets));

	MUST(napi_create_object(env, &object));
	MUST(napi_set_named_property(env, object, "handle", external));
	MUST(napi_set_named_property(env, object, "ring", ring));
	MUST(napi_set_named_property(env, object, "slotOffsets", offsets));
	set_number(env, object, "ringAddress", (double)(uintptr_t)port->core.ring);
	return object;
}

static struct port *get_port(napi_env env, napi_value value)
{
	struct port *port = get_external(env, value);
	return port && port->core.fd >= 0 ? port : NULL;
}

/* portSetFilter(handle, filter) */
static napi_value port_set_filter(napi_env env, napi_callback_info info)
{
	napi_value args[MAX_ARGS];
	struct port *port;
	size_t bytes;
	if (!get_args(env, info, 2, args) || !(port = get_port(env, args[0]))) return throw_type(env);
	void *filter = get_bytes(env, args[1], napi_uint8_array, &bytes);
	int error = vb_port_set_filter(&port->core, filter, (uint16_t)(bytes / sizeof(struct sock_filter)));
	return error ? throw_errno(env, error, "filter") : NULL;
}

/* portSend(handle, frames: Float64Array, count, error: Int32Array) -> how many went; error[0] says why no more. */
static napi_value port_send(napi_env env, napi_callback_info info)
{
	napi_value args[MAX_ARGS];
	struct port *port;
	size_t frames_length, error_length;
	int count;
	if (!get_args(env, info, 4, args) || !(port = get_port(env, args[0])) || !get_int(env, args[2], &count))
		return throw_type(env);
	double *frames = get_bytes(env, args[1], napi_float64_array, &frames_length);
	int *error = get_bytes(env, args[3], napi_int32_array, &error_length);
	if (!frames || !error || error_length < 1 || count < 0 || (size_t)count * VB_SEND_FIELDS > frames_length)
		return throw_type(env);
	return make_number(env, vb_port_send(&port->core, frames, count, error));
}

/* portWantWritable(handle, boolean): whether the callback is also told when frames can be sent again. */
static napi_value port_want_writable(napi_env env, napi_callback_info info)
{
	napi_value args[MAX_ARGS];
	struct port *port;
	bool wanted;
	if (!get_args(env, info, 2, args) || !(port = get_port(env, args[0])) ||
	    napi_get_value_bool(env, args[1], &wanted) != napi_ok)
		return throw_type(env);
	if (port->watch) {
		port->watch->events = UV_READABLE | (wanted ? UV_WRITABLE : 0);
		uv_poll_start(&port->watch->poll, port->watch->events, on_ready);
	}
	return NULL;
}

/* portSpin(handle, slot, microseconds) -> true as soon as the ring slot holds a frame, false if none came. */
static napi_value port_spin(napi_env env, napi_callback_info info)
{
	napi_value args[MAX_ARGS], result;
	struct port *port;
	uint32_t slot;
	double microseconds;
	if (!get_args(env, info, 3, args) || !(port = get_port(env, args[0])) || !get_uint(env, args[1], &slot) ||
	    slot >= port->core.frame_count || napi_get_value_double(env, args[2], &microseconds) != napi_ok)
		return throw_type(env);
	MUST(napi_get_boolean(env, vb_port_spin(&port->core, slot, microseconds) != 0, &result));
	return result;
}

/* portDrops(handle): frames lost to a full ring since the last call. */
static napi_value port_drops(napi_env env, napi_callback_info info)
{
	napi_value args[MAX_ARGS];
	struct port *port;
	if (!get_args(env, info, 1, args) || !(port = get_port(env, args[0]))) return throw_type(env);
	return make_number(env, vb_port_drops(&port->core));
}

static napi_value port_close(napi_env env, napi_callback_info info)
{
	napi_value args[MAX_ARGS];
	struct port *port;
	if (!get_args(env, info, 1, args) || !(port = get_external(env, args[0]))) return throw_type(env);
	port_close_now(env, port);
	return NULL;
}

/* ---- the storage engine ----------------------------------------------------------------------------------------- */

struct engine {
	struct vb_engine *core;
	struct watch *watch;
	double *operations, *completions;
	size_t operation_room, completion_room;
	napi_ref operations_ref, completions_ref;
};

static void engine_close_now(napi_env env, struct engine *engine)
{
	if (!engine->core) return;
	if (engine->watch) watch_close(engine->watch);
	vb_engine_close(engine->core);
	engine->core = NULL;
	napi_delete_reference(env, engine->operations_ref);
	napi_delete_reference(env, engine->completions_ref);
}

static void engine_finalize(napi_env env, void *data, void *hint)
{
	(void)hint;
	engine_close_now(env, data);
	free(data);
}

/* engineOpen(operations: Float64Array, completions: Float64Array, callback, wantUring) */
static napi_value engine_open(napi_env env, napi_callback_info info)
{
	napi_value args[MAX_ARGS], external;
	size_t operations, completions;
	bool want_uring;
	if (!get_args(env, info, 4, args) || napi_get_value_bool(env, args[3], &want_uring) != napi_ok) return throw_type(env);
	struct engine *engine = calloc(1, sizeof *engine);
	if (!engine) return throw_errno(env, ENOMEM, "engine");
	engine->operations = get_bytes(env, args[0], napi_float64_array, &operations);
	engine->completions = get_bytes(env, args[1], napi_float64_array, &completions);
	if (!engine->operations || !engine->completions) {
		free(engine);
		return throw_type(env);
	}
	engine->operation_room = operations / VB_FIELDS;
	engine->completion_room = completions / VB_COMPLETION_FIELDS;
	engine->core = vb_engine_open(want_uring);
	int error = engine->core ? watch_open(env, vb_engine_fd(engine->core), UV_READABLE, args[2], &engine->watch) : -errno;
	if (error) {
		if (engine->core) vb_engine_close(engine->core);
		free(engine);
		return throw_errno(env, error, "engine");
	}
	MUST(napi_create_reference(env, args[0], 1, &engine->operations_ref));
	MUST(napi_create_reference(env, args[1], 1, &engine->completions_ref));
	MUST(napi_create_external(env, engine, engine_finalize, NULL, &external));
	return external;
}

static struct engine *get_engine(napi_env env, napi_value value)
{
	struct engine *engine = get_external(env, value);
	return engine && engine->core ? engine : NULL;
}

/* engineUring(handle) -> 0 if io_uring is in use, the errno that says why it is not, or -1 if it was not wanted. */
static napi_value engine_uring(napi_env env, napi_callback_info info)
{
	napi_value args[MAX_ARGS];
	struct engine *engine;
	int error;
	if (!get_args(env, info, 1, args) || !(engine = get_engine(env, args[0]))) return throw_type(env);
	if (vb_engine_has_uring(engine->core, &error)) return make_number(env, 0);
	return make_number(env, error ? error : -1);
}

/* engineSubmit(handle, count) -> operations still under way; results are in the operations. */
static napi_value engine_submit(napi_env env, napi_callback_info info)
{
	napi_value args[MAX_ARGS];
	struct engine *engine;
	int count;
	if (!get_args(env, info, 2, args) || !(engine = get_engine(env, args[0])) || !get_int(env, args[1], &count) ||
	    count < 0 || (size_t)count > engine->operation_room)
		return throw_type(env);
	return make_number(env, vb_engine_submit(engine->core, engine->operations, count));
}

/* engineReap(handle) -> how many completions were written. */
static napi_value engine_reap(napi_env env, napi_callback_info info)
{
	napi_value args[MAX_ARGS];
	struct engine *engine;
	if (!get_args(env, info, 1, args) || !(engine = get_engine(env, args[0]))) return throw_type(env);
	return make_number(env, vb_engine_reap(engine->core, engine->completions, (int)engine->completion_room));
}

static napi_value engine_close(napi_env env, napi_callback_info info)
{
	napi_value args[MAX_ARGS];
	struct engine *engine;
	if (!get_args(env, info, 1, args) || !(engine = get_external(env, args[0]))) return throw_type(env);
	engine_close_now(env, engine);
	return NULL;
}

/* fileOpen(engine, path, flags) -> { file, size, ... } */
static napi_value file_open(napi_env env, napi_callback_info info)
{
	napi_value args[MAX_ARGS], object;
	struct engine *engine;
	char *path;
	int flags;
	if (!get_args(env, info, 3, args) || !(engine = get_engine(env, args[0])) || !get_int(env, args[2], &flags) ||
	    !(path = get_string(env, args[1])))
		return throw_type(env);
	struct vb_file file;
	const char *step;
	int error = vb_file_open(&file, path, flags, &step);
	free(path);
	if (error) return throw_errno(env, error, step);
	int number = vb_engine_add(engine->core, &file);
	if (number < 0) {
		vb_file_close(&file);
		return throw_errno(env, number, "memory");
	}
	MUST(napi_create_object(env, &object));
	set_number(env, object, "file", number);
	set_number(env, object, "sizeBytes", (double)file.size);
	set_number(env, object, "physicalBlockBytes", file.physical_block);
	set_number(env, object, "alignBytes", file.align);
	set_boolean(env, object, "isBlock", file.is_block);
	set_boolean(env, object, "canTrim", file.can_trim);
	set_boolean(env, object, "nonRotational", file.non_rotational);
	return object;
}

/* fileSize(engine, file) -> bytes now; the mapping follows growth. */
static napi_value file_size(napi_env env, napi_callback_info info)
{
	napi_value args[MAX_ARGS];
	struct engine *engine;
	struct vb_file *file;
	int number;
	if (!get_args(env, info, 2, args) || !(engine = get_engine(env, args[0])) || !get_int(env, args[1], &number) ||
	    !(file = vb_engine_file(engine->core, number)))
		return throw_type(env);
	int error = vb_file_measure(file);
	return error ? throw_errno(env, error, "measure") : make_number(env, (double)file->size);
}

/* fileClose(engine, file) -> false if operations are still under way. */
static napi_value file_close(napi_env env, napi_callback_info info)
{
	napi_value args[MAX_ARGS], result;
	struct engine *engine;
	int number;
	if (!get_args(env, info, 2, args) || !(engine = get_engine(env, args[0])) || !get_int(env, args[1], &number))
		return throw_type(env);
	MUST(napi_get_boolean(env, vb_engine_remove(engine->core, number) == 0, &result));
	return result;
}

/* ---- the load generator ----------------------------------------------------------------------------------------- */

struct load_work {
	struct vb_load_config config;
	struct vb_load_result result;
	char *interface;
	const char *step;
	int error;
	napi_async_work work;
	napi_deferred deferred;
};

static void load_execute(napi_env env, void *data)
{
	(void)env;
	struct load_work *load = data;
	load->error = vb_load_run(&load->config, &load->result, &load->step);
}

static void load_complete(napi_env env, napi_status status, void *data)
{
	struct load_work *load = data;
	napi_value value;
	if (status == napi_ok && load->error == 0) {
		const struct vb_load_result *result = &load->result;
		MUST(napi_create_object(env, &value));
		set_number(env, value, "requests", (double)result->requests);
		set_number(env, value, "lost", (double)result->lost);
		set_number(env, value, "errors", (double)result->errors);
		set_number(env, value, "late", (double)result->late);
		set_number(env, value, "wrong", (double)result->wrong);
		set_number(env, value, "seconds", result->seconds);
		set_number(env, value, "p50Us", result->p50_us);
		set_number(env, value, "p99Us", result->p99_us);
		set_number(env, value, "p999Us", result->p999_us);
		set_number(env, value, "maxUs", result->max_us);
		napi_resolve_deferred(env, load->deferred, value);
	} else {
		throw_errno(env, load->error, load->step);
		if (napi_get_and_clear_last_exception(env, &value) == napi_ok) napi_reject_deferred(env, load->deferred, value);
	}
	napi_delete_async_work(env, load->work);
	free(load->interface);
	free(load);
}

/* A number of an object's property; 0 if there is none. */
static double get_number(napi_env env, napi_value object, const char *name)
{
	napi_value value;
	double number = 0;
	if (napi_get_named_property(env, object, name, &value) == napi_ok) napi_get_value_double(env, value, &number);
	return number >= 0 ? number : 0;
}

/* loadRun(interface, { targetMac, shelf, slot, sectors, ... }) -> a promise of the result; lib/native.ts has the fields. */
static napi_value load_run(napi_env env, napi_callback_info info)
{
	napi_value args[MAX_ARGS], promise, name;
	napi_valuetype type;
	char *interface;
	if (!get_args(env, info, 2, args) || napi_typeof(env, args[1], &type) != napi_ok || type != napi_object ||
	    !(interface = get_string(env, args[0])))
		return throw_type(env);
	struct load_work *load = calloc(1, sizeof *load);
	if (!load) {
		free(interface);
		return throw_errno(env, ENOMEM, "memory");
	}
	load->interface = interface;
	load->step = "thread";
	load->config = (struct vb_load_config){
		.interface = interface,
		.shelf = (uint16_t)get_number(env, args[1], "shelf"),
		.slot = (uint8_t)get_number(env, args[1], "slot"),
		.sectors = (uint32_t)get_number(env, args[1], "sectors"),
		.window = (uint32_t)get_number(env, args[1], "window"),
		.write_percent = (uint32_t)get_number(env, args[1], "writePercent"),
		.sequential = get_number(env, args[1], "sequential") != 0,
		.verify = get_number(env, args[1], "verify") != 0,
		.first_lba = (uint64_t)get_number(env, args[1], "firstLba"),
		.blocks = (uint64_t)get_number(env, args[1], "blocks"),
		.seconds = get_number(env, args[1], "seconds"),
		.requests = (uint64_t)get_number(env, args[1], "requests"),
		.seed = (uint64_t)get_number(env, args[1], "seed"),
	};
	uint64_t mac = (uint64_t)get_number(env, args[1], "targetMac");
	for (int i = 0; i < 6; i++) load->config.target[i] = (uint8_t)(mac >> (40 - 8 * i));
	MUST(napi_create_string_utf8(env, "vblade load", NAPI_AUTO_LENGTH, &name));
	MUST(napi_create_promise(env, &load->deferred, &promise));
	MUST(napi_create_async_work(env, NULL, name, load_execute, load_complete, load, &load->work));
	MUST(napi_queue_async_work(env, load->work));
	return promise;
}

static napi_value init(napi_env env, napi_value exports)
{
	static const struct {
		const char *name;
		napi_callback function;
	} table[] = {
		{ "memory", memory },
		{ "addressOf", address_of },
		{ "copy", copy },
		{ "interfaceNames", interface_names },
		{ "interfaceInfo", interface_info },
		{ "monitorOpen", monitor_open },
		{ "monitorDrain", monitor_drain },
		{ "monitorClose", monitor_close },
		{ "portOpen", port_open },
		{ "portSetFilter", port_set_filter },
		{ "portSend", port_send },
		{ "portWantWritable", port_want_writable },
		{ "portSpin", port_spin },
		{ "portDrops", port_drops },
		{ "portClose", port_close },
		{ "engineOpen", engine_open },
		{ "engineUring", engine_uring },
		{ "engineSubmit", engine_submit },
		{ "engineReap", engine_reap },
		{ "engineClose", engine_close },
		{ "fileOpen", file_open },
		{ "fileSize", file_size },
		{ "fileClose", file_close },
		{ "loadRun", load_run },
	};
	for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
		napi_value function;
		MUST(napi_create_function(env, table[i].name, NAPI_AUTO_LENGTH, table[i].function, NULL, &function));
		MUST(napi_set_named_property(env, exports, table[i].name, function));
	}
	return exports;
}

NAPI_MODULE(NODE_GYP_MODULE_NAME, init)
