/*
 * What the parts of the binding share: arguments and results of functions that JavaScript calls, watching a descriptor,
 * and what one environment (the main thread, or a worker thread of Node's) owns. Only this folder and
 * bench/binding.c know Node.
 */
#ifndef VBLADE_NODE_H
#define VBLADE_NODE_H

#define NAPI_VERSION 9
#include <node_api.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>
#include <uv.h>

/* ---- arguments and results: node.c ---- */

enum { MAX_ARGS = 8 };
/* Doubles hold every whole number up to here. */
#define MAX_EXACT 9007199254740991.0

/* A Node-API call that can fail only by a bug of ours. */
#define MUST(call)                                                                              \
	do {                                                                                    \
		if ((call) != napi_ok) napi_fatal_error(__FILE__, NAPI_AUTO_LENGTH, #call, NAPI_AUTO_LENGTH); \
	} while (0)

/* The state behind a handle begins with what it is: a handle of one kind given for another must not be taken for it. */
enum handle_kind {
	MONITOR = 0x76626d6e,
	PORT = 0x76627074,
	ENGINE = 0x7662656e,
	WRITER = 0x76627772,
	CHANNEL = 0x76626368,
	STREAM = 0x76627374,
	TLS_THREAD = 0x76627474,
	TLS_SIDE = 0x76627473,
};

napi_value throw_errno(napi_env env, int error, const char *step);
napi_value throw_type(napi_env env);
int get_args(napi_env env, napi_callback_info info, size_t want, napi_value *args);
/* A number from 0 to max, whole or not. NaN is none. */
int get_number(napi_env env, napi_value value, double max, double *out);
/* A whole number from 0 to max. */
int get_uint(napi_env env, napi_value value, double max, uint32_t *out);
void *get_handle(napi_env env, napi_value value, enum handle_kind want);
/* The elements of a typed array; *data is NULL if there are none. */
int get_array(napi_env env, napi_value value, napi_typedarray_type want, void *data, size_t *length);
int is_function(napi_env env, napi_value value);
/* A string of any length without a NUL character; free() it. */
char *get_string(napi_env env, napi_value value);
napi_value make_number(napi_env env, double number);
void set_number(napi_env env, napi_value object, const char *name, double number);
void set_boolean(napi_env env, napi_value object, const char *name, int boolean);

/* ---- watching a descriptor: watch.c ---- */

/*
 * Calls a JavaScript function whenever a descriptor is ready. The asynchronous clean-up hook makes an environment that
 * ends (a worker thread) wait until libuv has let go of the handle.
 */
enum { WATCH_FAILED = 16 }; /* beside libuv's events: the descriptor had an error, which is cleared now */
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
	int error; /* the errno that was cleared last; 0: none */
};

/* 0 or -errno. *owner points to the watch from now on until it is closed. */
int watch_open(napi_env env, int fd, int events, napi_value callback, struct watch **owner);
/* Watches for other events from now on. */
void watch_events(struct watch *watch, int events);
void watch_close(struct watch *watch);

/* ---- environments and their memory: memory.c ---- */

/*
 * What hangs together in one environment (the main thread, or a worker thread of Node's): operations of the engines write
 * to the memory. Node gives memory back when it likes, at the end of a thread before it tells us that this is the end; so
 * memory that is given back while an operation is under way is kept until none is.
 */
struct instance {
	struct engine *engines; /* those that are open */
	/* Whether an operation may still write to the environment's memory. NULL until there is an engine to ask. */
	int (*is_busy)(const struct instance *instance);
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

struct instance *get_instance(napi_env env);
void release_instance(struct instance *instance);
/* Gives back what was kept, if it may be. The caller holds a reference of its own. */
void unmap_kept(struct instance *instance);
/* Closes the engines that are still open: engine.c. */
void on_environment_ends(void *data);

/* ---- numbers that JavaScript holds against its own: layout.c ---- */

napi_value make_layout(napi_env env);

/* ---- descriptors that come with a message: channel.c ---- */

enum { CHANNEL_FILES_MAX = 253 }; /* that can be sent at once: the kernel's own limit (SCM_MAX_FD) */
/* What channelReceive says of them: how many came, whether some were lost on the way, and then each. */
enum {
	CHANNEL_FILES_COUNT,
	CHANNEL_FILES_LOST,
	CHANNEL_FILES_FIRST,
	CHANNEL_FILES_FIELDS = CHANNEL_FILES_FIRST + CHANNEL_FILES_MAX,
};

/* ---- streams: stream.c ---- */

enum { STREAM_PARTS_MAX = 64 }; /* that streamSend() takes */

/* ---- files: engine.c, for opening.c ---- */

struct vb_file;
struct vb_part;
int is_open_engine(napi_env env, napi_value value);
/* Path, flags, and the part: begin and length; free() the path. */
int get_file_arguments(napi_env env, const napi_value *args, char **path, int *flags, struct vb_part *part);
/* Hands an open file to an engine, or closes it. What JavaScript is told of it; NULL with an exception pending. */
napi_value engine_add_file(napi_env env, napi_value handle, struct vb_file *file);

/* ---- functions that JavaScript calls; lib/native-types.ts has their types ---- */

/* memory.c */
napi_value js_memory(napi_env env, napi_callback_info info);
napi_value js_address_of(napi_env env, napi_callback_info info);
napi_value js_copy(napi_env env, napi_callback_info info);
napi_value js_clock_us(napi_env env, napi_callback_info info);
napi_value js_now_us(napi_env env, napi_callback_info info);
napi_value js_since_boot_us(napi_env env, napi_callback_info info);
/* interfaces.c */
napi_value js_interface_names(napi_env env, napi_callback_info info);
napi_value js_interface_name(napi_env env, napi_callback_info info);
napi_value js_interface_info(napi_env env, napi_callback_info info);
napi_value js_interface_ask(napi_env env, napi_callback_info info);
napi_value js_take_name(napi_env env, napi_callback_info info);
napi_value js_monitor_open(napi_env env, napi_callback_info info);
napi_value js_monitor_next(napi_env env, napi_callback_info info);
napi_value js_monitor_close(napi_env env, napi_callback_info info);
/* route.c */
napi_value js_route_to(napi_env env, napi_callback_info info);
/* link.c */
napi_value js_port_open(napi_env env, napi_callback_info info);
napi_value js_port_use_xdp(napi_env env, napi_callback_info info);
napi_value js_port_set_filter(napi_env env, napi_callback_info info);
napi_value js_port_send(napi_env env, napi_callback_info info);
napi_value js_port_want_writable(napi_env env, napi_callback_info info);
napi_value js_port_next(napi_env env, napi_callback_info info);
napi_value js_port_drops(napi_env env, napi_callback_info info);
napi_value js_port_close(napi_env env, napi_callback_info info);
/* machine.c */
napi_value js_interface_hardware(napi_env env, napi_callback_info info);
napi_value js_clock_state(napi_env env, napi_callback_info info);

napi_value js_scheduling_of(napi_env env, napi_callback_info info);
napi_value js_schedule(napi_env env, napi_callback_info info);
/* engine.c */
napi_value js_engine_open(napi_env env, napi_callback_info info);
napi_value js_engine_uring(napi_env env, napi_callback_info info);
napi_value js_engine_submit(napi_env env, napi_callback_info info);
napi_value js_engine_cancel(napi_env env, napi_callback_info info);
napi_value js_engine_reap(napi_env env, napi_callback_info info);
napi_value js_engine_retry(napi_env env, napi_callback_info info);
napi_value js_engine_close(napi_env env, napi_callback_info info);
napi_value js_file_open(napi_env env, napi_callback_info info);
napi_value js_memory_open(napi_env env, napi_callback_info info);
napi_value js_memory_make(napi_env env, napi_callback_info info);
napi_value js_memory_adopt(napi_env env, napi_callback_info info);
napi_value js_file_sizes(napi_env env, napi_callback_info info);
napi_value js_file_close(napi_env env, napi_callback_info info);
/* opening.c */
napi_value js_file_open_later(napi_env env, napi_callback_info info);
napi_value js_file_open_for(napi_env env, napi_callback_info info);
napi_value js_file_look(napi_env env, napi_callback_info info);
napi_value js_file_adopt(napi_env env, napi_callback_info info);
/* seek.c */
napi_value js_file_seek(napi_env env, napi_callback_info info);
/* bytes.c */
napi_value js_crc32c(napi_env env, napi_callback_info info);
napi_value js_is_zero(napi_env env, napi_callback_info info);
napi_value js_copy_bytes(napi_env env, napi_callback_info info);
/* privileges.c */
napi_value js_find_user(napi_env env, napi_callback_info info);
napi_value js_find_group(napi_env env, napi_callback_info info);
napi_value js_become_user(napi_env env, napi_callback_info info);
/* channel.c */
napi_value js_socket_pair(napi_env env, napi_callback_info info);
napi_value js_duplicate(napi_env env, napi_callback_info info);
napi_value js_channel_open(napi_env env, napi_callback_info info);
napi_value js_channel_send(napi_env env, napi_callback_info info);
napi_value js_channel_receive(napi_env env, napi_callback_info info);
napi_value js_channel_want_writable(napi_env env, napi_callback_info info);
napi_value js_channel_close(napi_env env, napi_callback_info info);
/* stream.c */
napi_value js_stream_open(napi_env env, napi_callback_info info);
napi_value js_stream_receive(napi_env env, napi_callback_info info);
napi_value js_stream_send(napi_env env, napi_callback_info info);
napi_value js_stream_want(napi_env env, napi_callback_info info);
napi_value js_stream_accept(napi_env env, napi_callback_info info);
napi_value js_stream_error(napi_env env, napi_callback_info info);
napi_value js_stream_close(napi_env env, napi_callback_info info);
napi_value js_tls_start(napi_env env, napi_callback_info info);
napi_value js_tls_next(napi_env env, napi_callback_info info);
napi_value js_tls_side(napi_env env, napi_callback_info info);
napi_value js_tls_secure(napi_env env, napi_callback_info info);
napi_value js_tls_drop(napi_env env, napi_callback_info info);
napi_value js_tls_end(napi_env env, napi_callback_info info);
/* notify.c */
napi_value js_notify(napi_env env, napi_callback_info info);
/* writer.c */
napi_value js_writer_open(napi_env env, napi_callback_info info);
napi_value js_writer_put(napi_env env, napi_callback_info info);
napi_value js_writer_flush(napi_env env, napi_callback_info info);
napi_value js_exit_if_hung_up(napi_env env, napi_callback_info info);
/* A number of IPv4 or IPv6 as the address of a socket: its length, or 0. In listen.c. */
socklen_t socket_address(const char *text, uint16_t port, struct sockaddr_storage *address);

/* connect.c */
enum { SILENCE_MS_MAX = 86400000 };
/* A peer whose machine is gone, or the way to it, is noticed after so long, whether there is something to be sent or not. 0, or -errno. */
int limit_silence(int fd, uint32_t limit_ms);
napi_value js_connect_tcp(napi_env env, napi_callback_info info);
napi_value js_connect_unix(napi_env env, napi_callback_info info);

/* listen.c */
napi_value js_listen_unix(napi_env env, napi_callback_info info);
napi_value js_listen_tcp(napi_env env, napi_callback_info info);
napi_value js_socket_name(napi_env env, napi_callback_info info);

#endif
