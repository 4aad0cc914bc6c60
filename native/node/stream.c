/*
 * Connected stream sockets, TCP and unix, for JavaScript: bytes into memory, and from several places of it in one call. Nothing here
 * waits; lib/stream/ knows what to do when there is nothing to receive, or no room to send.
 */
#define _GNU_SOURCE
#include "node.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include "common/clock.h"

/* Longer than that nobody else has to wait. */
enum { STREAM_WATCH_US_MAX = 1000 };

struct stream {
	enum handle_kind kind;
	int fd; /* -1: closed */
	struct watch *watch;
};

static void close_now(struct stream *stream)
{
	if (stream->fd < 0) return;
	if (stream->watch) watch_close(stream->watch);
	close(stream->fd);
	stream->fd = -1;
}

static void finalize(napi_env env, void *data, void *hint)
{
	struct stream *stream = data;
	napi_handle_scope scope;
	(void)hint;
	if (napi_open_handle_scope(env, &scope) == napi_ok) {
		close_now(stream);
		napi_close_handle_scope(env, scope);
	}
	free(stream);
}

static struct stream *get_stream(napi_env env, napi_value value)
{
	struct stream *stream = get_handle(env, value, STREAM);
	return stream && stream->fd >= 0 ? stream : NULL;
}

/* 0 if it is a stream socket, which is set up, else -errno. */
static int set_up(int fd)
{
	int type = 0, domain = 0, on = 1, send_bytes = 1 << 20;
	socklen_t length = sizeof type;
	if (getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &length) < 0) return -errno;
	if (type != SOCK_STREAM) return -EPROTOTYPE;
	length = sizeof domain;
	if (getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &domain, &length) < 0) return -errno;
	int flags = fcntl(fd, F_GETFL);
	if (flags < 0 || fcntl(fd, F_SETFL, flags | O_NONBLOCK) < 0 || fcntl(fd, F_SETFD, FD_CLOEXEC) < 0) return -errno;
	if (domain == AF_UNIX) {
		/* What TCP finds out by itself: else whoever reads much is woken for each part of it. (As much as the kernel lets anybody have.) */
		setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &send_bytes, sizeof send_bytes);
	} else {
		/* Answers leave when they are there, and a peer whose machine is gone is noticed some time. */
		setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
		setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof on);
	}
	return 0;
}

/* streamOpen(descriptor, callback) -> a handle that has the descriptor from now on, unless it throws. */
napi_value js_stream_open(napi_env env, napi_callback_info info)
{
	napi_value args[MAX_ARGS], external;
	uint32_t fd;
	if (!get_args(env, info, 2, args) || !get_uint(env, args[0], INT_MAX, &fd) || fd <= STDERR_FILENO ||
	    !is_function(env, args[1]))
		return throw_type(env);
	int error = set_up((int)fd);
	if (error) return throw_errno(env, error, "socket");
	struct stream *stream = calloc(1, sizeof *stream);
	if (!stream) return throw_errno(env, ENOMEM, "memory");
	stream->kind = STREAM;
	stream->fd = (int)fd;
	error = watch_open(env, stream->fd, UV_READABLE, args[1], &stream->watch);
	if (error) {
		free(stream);
		return throw_errno(env, error, "watch");
	}
	MUST(napi_create_external(env, stream, finalize, NULL, &external));
	return external;
}

/* What there is to receive, or -errno. */
static double receive(const struct stream *stream, uint8_t *bytes, uint32_t length)
{
	ssize_t received = recv(stream->fd, bytes, length, MSG_DONTWAIT);
	return received < 0 ? -errno : (double)received;
}

/*
 * streamReceive(handle, into: Uint8Array, offset, length, watchUs) -> how many bytes came, 0 at the end, or -errno. If there is nothing, it is looked
 * again for so many microseconds, without sleeping.
 */
napi_value js_stream_receive(napi_env env, napi_callback_info info)
{
	napi_value args[MAX_ARGS];
	struct stream *stream;
	uint8_t *bytes;
	size_t size;
	uint32_t offset, length, watch_us;
	if (!get_args(env, info, 5, args) || !(stream = get_stream(env, args[0])) ||
	    !get_array(env, args[1], napi_uint8_array, &bytes, &size) || !bytes || !get_uint(env, args[2], UINT32_MAX, &offset) ||
	    !get_uint(env, args[3], UINT32_MAX, &length) || length == 0 || offset > size || length > size - offset ||
	    !get_uint(env, args[4], STREAM_WATCH_US_MAX, &watch_us))
		return throw_type(env);
	double received = receive(stream, bytes + offset, length);
	if (watch_us > 0 && received == -EAGAIN) {
		uint64_t end = vb_now_us() + watch_us;
		do received = receive(stream, bytes + offset, length);
		while (received == -EAGAIN && vb_now_us() < end);
	}
	return make_number(env, received);
}

/*
 * streamSend(handle, parts: Float64Array, count) -> how many bytes are on their way, or -errno. Parts are pairs of address and
 * length. Where a mapping has lost its page it is -EFAULT.
 */
napi_value js_stream_send(napi_env env, napi_callback_info info)
{
	napi_value args[MAX_ARGS];
	struct stream *stream;
	double *parts;
	size_t size;
	uint32_t count;
	struct iovec vector[STREAM_PARTS_MAX];
	if (!get_args(env, info, 3, args) || !(stream = get_stream(env, args[0])) ||
	    !get_array(env, args[1], napi_float64_array, &parts, &size) || !parts ||
	    !get_uint(env, args[2], STREAM_PARTS_MAX, &count) || count == 0 || 2 * (size_t)count > size)
		return throw_type(env);
	for (uint32_t i = 0; i < count; i++) {
		double address = parts[2 * i], length = parts[2 * i + 1];
		if (!(address >= 0 && address <= MAX_EXACT && length >= 0 && length <= UINT32_MAX)) return throw_type(env);
		vector[i] = (struct iovec){ .iov_base = (void *)(uintptr_t)address, .iov_len = (size_t)length };
	}
	struct msghdr message = { .msg_iov = vector, .msg_iovlen = count };
	ssize_t sent = sendmsg(stream->fd, &message, MSG_NOSIGNAL | MSG_DONTWAIT);
	return make_number(env, sent < 0 ? -errno : (double)sent);
}

/* streamWant(handle, events): of which of EVENT_READABLE and EVENT_WRITABLE the callback is told. */
napi_value js_stream_want(napi_env env, napi_callback_info info)
{
	napi_value args[MAX_ARGS];
	struct stream *stream;
	uint32_t events;
	if (!get_args(env, info, 2, args) || !(stream = get_stream(env, args[0])) ||
	    !get_uint(env, args[1], UV_READABLE | UV_WRITABLE, &events))
		return throw_type(env);
	if (stream->watch) watch_events(stream->watch, (int)events);
	return NULL;
}

/* streamAccept(handle) -> a descriptor of who connected to a socket that listens, or -errno. */
napi_value js_stream_accept(napi_env env, napi_callback_info info)
{
	napi_value args[MAX_ARGS];
	struct stream *stream;
	if (!get_args(env, info, 1, args) || !(stream = get_stream(env, args[0]))) return throw_type(env);
	int fd = accept4(stream->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	return make_number(env, fd < 0 ? -errno : fd);
}

/* streamError(handle) -> the errno that it had, if its callback was told that it has failed; 0: none. */
napi_value js_stream_error(napi_env env, napi_callback_info info)
{
	napi_value args[MAX_ARGS];
	struct stream *stream;
	if (!get_args(env, info, 1, args) || !(stream = get_stream(env, args[0]))) return throw_type(env);
	return make_number(env, stream->watch ? stream->watch->error : 0);
}

/* streamClose(handle): may be called again. */
napi_value js_stream_close(napi_env env, napi_callback_info info)
{
	napi_value args[MAX_ARGS];
	struct stream *stream;
	if (!get_args(env, info, 1, args) || !(stream = get_handle(env, args[0], STREAM))) return throw_type(env);
	close_now(stream);
	return NULL;
}
