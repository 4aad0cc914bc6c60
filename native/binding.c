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
/* Doubles hold every whole number up to here. */
#define MAX_EXACT 9007199254740991.0

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

/* A number from 0 to max, whole or not. NaN is none. */
static int get_number(napi_env env, napi_value value, double max, double *out)
{
	return napi_get_value_double(env, value, out) == napi_ok && *out >= 0 && *out <= max;
}

/* A whole number from 0 to max. */
static int get_uint(napi_env env, napi_value value, double max, uint32_t *out)
{
	double number;
	if (!get_number(env, value, max < UINT32_MAX ? max : UINT32_MAX, &number)) return 0;
	*out = (uint32_t)number;
	return *out == number;
}

/* The state behind a handle begins with what it is: a handle of one kind given for another must not be taken for it. */
enum handle_kind {
	MONITOR = 0x76626d6e,
	PORT = 0x76627074,
	ENGINE = 0x7662656e,
};

static void *get_handle(napi_env env, napi_value value, enum handle_kind want)
{
	void *data = NULL;
	if (napi_get_value_external(env, value, &data) != napi_ok || !data) return NULL;
	return *(const enum handle_kind *)data == want ? data : NULL;
}

/* The elements of a typed array; *data is NULL if there are none. */
static int get_array(napi_env env, napi_value value, napi_typedarray_type want, void *data, size_t *length)
{
	napi_typedarray_type type;
	return napi_get_typedarray_info(env, value, &type, length, data, NULL, NULL) == napi_ok && type == want;
}

static int is_function(napi_env env, napi_value value)
{
	napi_valuetype type;
	return napi_typeof(env, value, &type) == napi_ok && type == napi_function;
}

/* A string of any length without a NUL character; free() it. */
static char *get_string(napi_env env, napi_value value)
{
	size_t length;
	if (napi_get_value_string_utf8(env, value, NULL, 0, &length) != napi_ok) return NULL;
	char *text = malloc(length + 1);
	if (text && (napi_get_value_string_utf8(env, value, text, length + 1, &length) != napi_ok || strlen(text) != length)) {
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
	error = uv_poll_start(&watch->poll, events, on_ready);
	if (error) watch_close(watch);
	return error;
}

/* ---- memory ----------------------------------------------------------------------------------------------------- */

/*
 * What hangs together in one environment (the main thread, or a worker thread of Node's): operations of the engines write
 * to the memory. Node gives memory back when it likes, at the end of a thread before it tells us that this is the end; so
 * memory that is given back while an operation is under way is kept until none is.
 */
struct instance {
	struct engine *engines; /* those that are open */
	struct block *kept;
	int stuck;      /* an operation hangs in a stuck disk and may write yet: memory is not given back any more */
	int references; /* held by the environment and by each block of memory */
};

struct block {
	struct block *next;
	struct instance *instance;
	void *data;
	size_t length;
};

static struct instance *get_instance(napi_env env)
{
	void *instance;
	MUST(napi_get_instance_data(env, &instance));
	return instance;
}

static void release_instance(struct instance *instance)
{
	if (--instance->references == 0) free(instance);
}

static int is_busy(const struct instance *instance);

/* Gives back what was kept, if it may be. The caller holds a reference of its own. */
static void unmap_kept(struct instance *instance)
{
	while (instance->kept && !is_busy(instance)) {
		struct block *block = instance->kept;
		instance->kept = block->next;
		munmap(block->data, block->length);
		free(block);
		release_instance(instance);
	}
}

static void unmap(napi_env env, void *data, void *hint)
{
	(void)env, (void)data;
	struct block *block = hint;
	struct instance *instance = block->instance;
	block->next = instance->kept;
	instance->kept = block;
	instance->references++;
	unmap_kept(instance);
	release_instance(instance);
}

/* memory(bytes): an ArrayBuffer of zeros that takes up space only where it has been touched. */
static napi_value memory(napi_env env, napi_callback_info info)
{
	napi_value args[MAX_ARGS], buffer;
	double bytes;
	if (!get_args(env, info, 1, args) || !get_number(env, args[0], MAX_EXACT, &bytes) || bytes < 1) return throw_type(env);
	struct instance *instance = get_instance(env);
	unmap_kept(instance);
	struct block *block = malloc(sizeof *block);
	if (!block) return throw_errno(env, ENOMEM, "memory");
	*block = (struct block){ .instance = instance, .length = (size_t)bytes };
	block->data = mmap(NULL, block->length, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (block->data == MAP_FAILED) {
		free(block);
		return throw_errno(env, errno, "memory");
	}
	instance->references++;
	if (napi_create_external_arraybuffer(env, block->data, block->length, unmap, block, &buffer) != napi_ok) {
		unmap(env, block->data, block);
		return throw_errno(env, ENOMEM, "memory");
	}
	return buffer;
}

/* addressOf(Uint8Array): where its first byte is. */
static napi_value address_of(napi_env env, napi_callback_info info)
{
	napi_value args[MAX_ARGS];
	size_t length;
	void *data;
	if (!get_args(env, info, 1, args) || !get_array(env, args[0], napi_uint8_array, &data, &length)) return throw_type(env);
	return make_number(env, (double)(uintptr_t)data);
}

/*
 * copy(to, from, length): false if a page of a mapping was not there. As everywhere, an address is the caller's word for
 * memory of that length; no check can tell a wrong one.
 */
static napi_value copy(napi_env env, napi_callback_info info)
{
	napi_value args[MAX_ARGS], result;
	double to, from, length;
	if (!get_args(env, info, 3, args) || !get_number(env, args[0], MAX_EXACT, &to) ||
	    !get_number(env, args[1], MAX_EXACT, &from) || !get_number(env, args[2], MAX_EXACT, &length))
		return throw_type(env);
	vb_guard_init();
	int error = vb_copy((void *)(uintptr_t)to, (const void *)(uintptr_t)from, (size_t)length);
	MUST(napi_get_boolean(env, error == 0, &result));
	return result;
}

/* clock(Float64Array): puts the monotonic time in microseconds into its first element. A number would be an object. */
static napi_value clock_us(napi_env env, napi_callback_info info)
{
	napi_value args[MAX_ARGS];
	size_t length;
	double *out;
	if (!get_args(env, info, 1, args) || !get_array(env, args[0], napi_float64_array, &out, &length) || length < 1)
		return throw_type(env);
	*out = (double)uv_hrtime() / 1e3;
	return NULL;
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
	enum handle_kind kind;
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
	if (!get_args(env, info, 1, args) || !is_function(env, args[0])) return throw_type(env);
	struct monitor *monitor = calloc(1, sizeof *monitor);
	if (!monitor) return throw_errno(env, ENOMEM, "monitor");
	monitor->kind = MONITOR;
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
	if (!get_args(env, info, 1, args) || !(monitor = get_handle(env, args[0], MONITOR))) return throw_type(env);
	if (monitor->fd >= 0) vb_monitor_drain(monitor->fd);
	return NULL;
}

static napi_value monitor_close(napi_env env, napi_callback_info info)
{
	napi_value args[MAX_ARGS];
	struct monitor *monitor;
	if (!get_args(env, info, 1, args) || !(monitor = get_handle(env, args[0], MONITOR))) return throw_type(env);
	monitor_close_now(monitor);
	return NULL;
}

/* ---- packet sockets --------------------------------------------------------------------------------------------- */

struct port {
	enum handle_kind kind;
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

/* A Uint8Array that holds whole instructions (struct sock_filter), as many as the kernel takes. */
static int get_filter(napi_env env, napi_value value, struct sock_filter **filter, uint16_t *length)
{
	size_t bytes;
	if (!get_array(env, value, napi_uint8_array, filter, &bytes) || bytes % sizeof **filter != 0 ||
	    bytes / sizeof **filter > BPF_MAXINSNS)
		return 0;
	*length = (uint16_t)(bytes / sizeof **filter);
	return 1;
}

/*
 * portOpen(interface, ethertype, frameBytes, frameCount, sendBytes, filter, callback) ->
 * { handle, ring, ringAddress, slotOffsets }; the callback is told when frames are there or can be sent.
 */
static napi_value port_open(napi_env env, napi_callback_info info)
{
	napi_value args[MAX_ARGS], object, external, ring, offsets, offsets_buffer;
	uint32_t ethertype, frame_bytes, frame_count, send_bytes;
	struct sock_filter *filter;
	uint16_t filter_length;
	char *name;
	if (!get_args(env, info, 7, args) || !get_uint(env, args[1], UINT16_MAX, &ethertype) ||
	    !get_uint(env, args[2], VB_MAX_FRAME_BYTES, &frame_bytes) ||
	    !get_uint(env, args[3], VB_MAX_FRAME_COUNT, &frame_count) || !get_uint(env, args[4], INT32_MAX, &send_bytes) ||
	    !get_filter(env, args[5], &filter, &filter_length) || !is_function(env, args[6]) ||
	    !(name = get_string(env, args[0])))
		return throw_type(env);
	struct port *port = calloc(1, sizeof *port);
	struct vb_port_config config = {
		.interface = name,
		.ethertype = (uint16_t)ethertype,
		.frame_bytes = frame_bytes,
		.frame_count = frame_count,
		.send_bytes = send_bytes,
		.filter = filter,
		.filter_length = filter_length,
	};
	if (port) port->kind = PORT;
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
	struct port *port = get_handle(env, value, PORT);
	return port && port->core.fd >= 0 ? port : NULL;
}

/* portSetFilter(handle, filter) */
static napi_value port_set_filter(napi_env env, napi_callback_info info)
{
	napi_value args[MAX_ARGS];
	struct port *port;
	struct sock_filter *filter;
	uint16_t length;
	if (!get_args(env, info, 2, args) || !(port = get_port(env, args[0])) || !get_filter(env, args[1], &filter, &length))
		return throw_type(env);
	int error = vb_port_set_filter(&port->core, filter, length);
	return error ? throw_errno(env, error, "filter") : NULL;
}

/* portSend(handle, frames: Float64Array, count, error: Int32Array) -> how many went; error[0] says why no more. */
static napi_value port_send(napi_env env, napi_callback_info info)
{
	napi_value args[MAX_ARGS];
	struct port *port;
	size_t frames_length, error_length;
	uint32_t count;
	double *frames;
	int *error;
	if (!get_args(env, info, 4, args) || !(port = get_port(env, args[0])) ||
	    !get_array(env, args[1], napi_float64_array, &frames, &frames_length) ||
	    !get_uint(env, args[2], (double)(frames_length / VB_SEND_FIELDS), &count) ||
	    !get_array(env, args[3], napi_int32_array, &error, &error_length) || error_length < 1)
		return throw_type(env);
	return make_number(env, vb_port_send(&port->core, frames, (int)count, error));
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
	if (!get_args(env, info, 3, args) || !(port = get_port(env, args[0])) ||
	    !get_uint(env, args[1], port->core.frame_count - 1, &slot) || !get_number(env, args[2], 1e6, &microseconds))
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
	if (!get_args(env, info, 1, args) || !(port = get_handle(env, args[0], PORT))) return throw_type(env);
	port_close_now(env, port);
	return NULL;
}

/* ---- the storage engine ----------------------------------------------------------------------------------------- */

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

static void on_environment_ends(void *data)
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
static napi_value engine_open(napi_env env, napi_callback_info info)
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
static napi_value engine_reap(napi_env env, napi_callback_info info)
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

static napi_value engine_close(napi_env env, napi_callback_info info)
{
	napi_value args[MAX_ARGS];
	struct engine *engine;
	if (!get_args(env, info, 1, args) || !(engine = get_handle(env, args[0], ENGINE))) return throw_type(env);
	engine_close_now(env, engine);
	return NULL;
}

/* fileOpen(engine, path, flags) -> { file, size, ... } */
static napi_value file_open(napi_env env, napi_callback_info info)
{
	napi_value args[MAX_ARGS], object;
	struct engine *engine;
	char *path;
	uint32_t flags;
	if (!get_args(env, info, 3, args) || !(engine = get_engine(env, args[0])) ||
	    !get_uint(env, args[2], VB_OPEN_READ_ONLY | VB_OPEN_DIRECT, &flags) || !(path = get_string(env, args[1])))
		return throw_type(env);
	struct vb_file file;
	const char *step;
	int error = vb_file_open(&file, path, (int)flags, &step);
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
	uint32_t number;
	if (!get_args(env, info, 2, args) || !(engine = get_engine(env, args[0])) ||
	    !get_uint(env, args[1], INT32_MAX, &number) || !(file = vb_engine_file(engine->core, (int)number)))
		return throw_type(env);
	int error = vb_file_measure(file);
	return error ? throw_errno(env, error, "measure") : make_number(env, (double)file->size);
}

/* fileClose(engine, file) -> false if operations are still under way. */
static napi_value file_close(napi_env env, napi_callback_info info)
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

/* An object's property that is a number, 0 or more; 0 if there is none. */
static double get_property(napi_env env, napi_value object, const char *name)
{
	napi_value value;
	double number;
	if (napi_get_named_property(env, object, name, &value) != napi_ok || !get_number(env, value, MAX_EXACT, &number)) return 0;
	return number;
}

/* The same as a whole number, at most max. */
static uint64_t get_count(napi_env env, napi_value object, const char *name, uint64_t max)
{
	uint64_t count = (uint64_t)get_property(env, object, name);
	return count < max ? count : max;
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
	napi_value options = args[1];
	load->config = (struct vb_load_config){
		.interface = interface,
		.shelf = (uint16_t)get_count(env, options, "shelf", UINT16_MAX),
		.slot = (uint8_t)get_count(env, options, "slot", UINT8_MAX),
		.sectors = (uint32_t)get_count(env, options, "sectors", UINT32_MAX),
		.window = (uint32_t)get_count(env, options, "window", UINT32_MAX),
		.write_percent = (uint32_t)get_count(env, options, "writePercent", 100),
		.sequential = get_count(env, options, "sequential", 1) != 0,
		.verify = get_count(env, options, "verify", 1) != 0,
		.first_lba = get_count(env, options, "firstLba", UINT64_MAX),
		.blocks = get_count(env, options, "blocks", UINT64_MAX),
		.seconds = get_property(env, options, "seconds"),
		.requests = get_count(env, options, "requests", UINT64_MAX),
		.seed = get_count(env, options, "seed", UINT64_MAX),
	};
	uint64_t mac = get_count(env, options, "targetMac", UINT64_MAX);
	bool thrown;
	MUST(napi_is_exception_pending(env, &thrown));
	if (thrown) { /* by a getter */
		free(interface);
		free(load);
		return NULL;
	}
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
		{ "clock", clock_us },
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
	struct instance *instance = calloc(1, sizeof *instance);
	if (!instance) return throw_errno(env, ENOMEM, "memory");
	instance->references = 1;
	MUST(napi_set_instance_data(env, instance, NULL, NULL));
	MUST(napi_add_env_cleanup_hook(env, on_environment_ends, instance));
	for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
		napi_value function;
		MUST(napi_create_function(env, table[i].name, NAPI_AUTO_LENGTH, table[i].function, NULL, &function));
		MUST(napi_set_named_property(env, exports, table[i].name, function));
	}
	return exports;
}

NAPI_MODULE(NODE_GYP_MODULE_NAME, init)
