/* Packet sockets (packet.h) for JavaScript: lib/link/packet.ts and its neighbours call it. */
#include "node.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "net/packet.h"

struct port {
	enum handle_kind kind;
	struct vb_port core;
	struct watch *watch, *send_watch;
	napi_ref ring;
};

static void port_close_now(napi_env env, struct port *port)
{
	if (port->core.fd < 0) return;
	if (port->watch) watch_close(port->watch);
	if (port->send_watch) watch_close(port->send_watch);
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

/* What JavaScript gets of a port that is open: { handle, ring, ringAddress, frameOffsets }. */
static napi_value make_port(napi_env env, struct port *port)
{
	napi_value object, external, ring, offsets, offsets_buffer;
	MUST(napi_create_external(env, port, port_finalize, NULL, &external));
	if (napi_create_external_arraybuffer(env, port->core.ring, port->core.ring_bytes, NULL, NULL, &ring) != napi_ok)
		return throw_errno(env, ENOMEM, "ring");
	MUST(napi_create_reference(env, ring, 1, &port->ring));

	uint32_t *table;
	MUST(napi_create_arraybuffer(env, port->core.frame_count * sizeof *table, (void **)&table, &offsets_buffer));
	for (uint32_t i = 0; i < port->core.frame_count; i++) table[i] = (uint32_t)vb_port_frame_offset(&port->core, i);
	MUST(napi_create_typedarray(env, napi_uint32_array, port->core.frame_count, offsets_buffer, 0, &offsets));

	MUST(napi_create_object(env, &object));
	MUST(napi_set_named_property(env, object, "handle", external));
	MUST(napi_set_named_property(env, object, "ring", ring));
	MUST(napi_set_named_property(env, object, "frameOffsets", offsets));
	set_number(env, object, "ringAddress", (double)(uintptr_t)port->core.ring);
	return object;
}

/*
 * portOpen(index, ethertype, frameBytes, frameCount, sendBytes, filter, callback) -> see make_port; the callback is told
 * when frames are there or can be sent.
 */
napi_value js_port_open(napi_env env, napi_callback_info info)
{
	napi_value args[MAX_ARGS];
	uint32_t index, ethertype, frame_bytes, frame_count, send_bytes;
	struct sock_filter *filter;
	uint16_t filter_length;
	if (!get_args(env, info, 7, args) || !get_uint(env, args[0], INT32_MAX, &index) ||
	    !get_uint(env, args[1], UINT16_MAX, &ethertype) ||
	    !get_uint(env, args[2], VB_MAX_FRAME_BYTES, &frame_bytes) ||
	    !get_uint(env, args[3], VB_MAX_FRAME_COUNT, &frame_count) || !get_uint(env, args[4], INT32_MAX, &send_bytes) ||
	    !get_filter(env, args[5], &filter, &filter_length) || !is_function(env, args[6]))
		return throw_type(env);
	struct port *port = calloc(1, sizeof *port);
	struct vb_port_config config = {
		.index = (int)index,
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
	if (!error) {
		error = watch_open(env, port->core.fd, UV_READABLE, args[6], &port->watch);
		if (!error) error = watch_open(env, port->core.send_fd, 0, args[6], &port->send_watch);
		step = "watch";
		if (error) port_close_now(env, port);
	}
	if (error) {
		free(port);
		return throw_errno(env, error, step);
	}
	return make_port(env, port);
}

static struct port *get_port(napi_env env, napi_value value)
{
	struct port *port = get_handle(env, value, PORT);
	return port && port->core.fd >= 0 ? port : NULL;
}

/* portUseXdp(handle): from now on sends frames of up to so many bytes by an XDP socket. Throws if there can't be one. */
napi_value js_port_use_xdp(napi_env env, napi_callback_info info)
{
	napi_value args[MAX_ARGS];
	struct port *port;
	const char *step;
	if (!get_args(env, info, 1, args) || !(port = get_port(env, args[0]))) return throw_type(env);
	int error = vb_port_use_xdp(&port->core, &step);
	return error ? throw_errno(env, error, step) : make_number(env, (double)port->core.xdp.longest);
}

/* portSetFilter(handle, filter) */
napi_value js_port_set_filter(napi_env env, napi_callback_info info)
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
napi_value js_port_send(napi_env env, napi_callback_info info)
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
napi_value js_port_want_writable(napi_env env, napi_callback_info info)
{
	napi_value args[MAX_ARGS];
	struct port *port;
	bool wanted;
	if (!get_args(env, info, 2, args) || !(port = get_port(env, args[0])) ||
	    napi_get_value_bool(env, args[1], &wanted) != napi_ok)
		return throw_type(env);
	if (port->send_watch) watch_events(port->send_watch, wanted ? UV_WRITABLE : 0);
	return NULL;
}

/* portNext(handle, place, count, microseconds) -> frames that are there: see vb_port_next. */
napi_value js_port_next(napi_env env, napi_callback_info info)
{
	napi_value args[MAX_ARGS];
	struct port *port;
	uint32_t place, count;
	double microseconds;
	if (!get_args(env, info, 4, args) || !(port = get_port(env, args[0])) ||
	    !get_uint(env, args[1], port->core.frame_count - 1, &place) ||
	    !get_uint(env, args[2], port->core.frame_count, &count) || !get_number(env, args[3], 1e6, &microseconds))
		return throw_type(env);
	return make_number(env, vb_port_next(&port->core, place, count, microseconds));
}

/* portDrops(handle): frames lost to a full ring since the last call. */
napi_value js_port_drops(napi_env env, napi_callback_info info)
{
	napi_value args[MAX_ARGS];
	struct port *port;
	if (!get_args(env, info, 1, args) || !(port = get_port(env, args[0]))) return throw_type(env);
	return make_number(env, vb_port_drops(&port->core));
}

napi_value js_port_close(napi_env env, napi_callback_info info)
{
	napi_value args[MAX_ARGS];
	struct port *port;
	if (!get_args(env, info, 1, args) || !(port = get_handle(env, args[0], PORT))) return throw_type(env);
	port_close_now(env, port);
	return NULL;
}
