/*
 * Sockets between processes of this program, for JavaScript: bytes, and descriptors that travel with them (unix(7), SCM_RIGHTS).
 * lib/channel/ makes messages of that.
 */
#define _GNU_SOURCE
#include "node.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

union control {
	struct cmsghdr header;
	char bytes[CMSG_SPACE(CHANNEL_FILES_MAX * sizeof(int))];
};

struct channel {
	enum handle_kind kind;
	int fd; /* -1: closed */
	struct watch *watch;
};

/* socketPair() -> [descriptor, descriptor] */
napi_value js_socket_pair(napi_env env, napi_callback_info info)
{
	(void)info;
	int ends[2];
	napi_value pair;
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends) < 0) return throw_errno(env, errno, "socket");
	MUST(napi_create_array_with_length(env, 2, &pair));
	for (uint32_t i = 0; i < 2; i++) MUST(napi_set_element(env, pair, i, make_number(env, ends[i])));
	return pair;
}

/* duplicate(descriptor) -> another one of the same file */
napi_value js_duplicate(napi_env env, napi_callback_info info)
{
	napi_value args[MAX_ARGS];
	uint32_t fd;
	if (!get_args(env, info, 1, args) || !get_uint(env, args[0], INT_MAX, &fd)) return throw_type(env);
	int other = fcntl((int)fd, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
	return other < 0 ? throw_errno(env, errno, "duplicate") : make_number(env, other);
}

static void close_now(struct channel *channel)
{
	if (channel->fd < 0) return;
	if (channel->watch) watch_close(channel->watch);
	close(channel->fd);
	channel->fd = -1;
}

static void finalize(napi_env env, void *data, void *hint)
{
	struct channel *channel = data;
	napi_handle_scope scope;
	(void)hint;
	if (napi_open_handle_scope(env, &scope) == napi_ok) {
		close_now(channel);
		napi_close_handle_scope(env, scope);
	}
	free(channel);
}

static struct channel *get_channel(napi_env env, napi_value value)
{
	struct channel *channel = get_handle(env, value, CHANNEL);
	return channel && channel->fd >= 0 ? channel : NULL;
}

/* 0 if it is a connected stream socket of the unix kind, else -errno. */
static int check_socket(int fd)
{
	int domain = 0, type = 0;
	socklen_t length = sizeof domain;
	if (getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &domain, &length) < 0) return -errno;
	length = sizeof type;
	if (getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &length) < 0) return -errno;
	return domain == AF_UNIX && type == SOCK_STREAM ? 0 : -EPROTOTYPE;
}

/* channelOpen(descriptor, callback) -> a handle that has the descriptor from now on; no program that is started gets it. */
napi_value js_channel_open(napi_env env, napi_callback_info info)
{
	napi_value args[MAX_ARGS], external;
	uint32_t fd;
	/* What may be said on standard output must not get into a channel. */
	if (!get_args(env, info, 2, args) || !get_uint(env, args[0], INT_MAX, &fd) || fd <= STDERR_FILENO ||
	    !is_function(env, args[1]))
		return throw_type(env);
	int error = check_socket((int)fd);
	if (error) return throw_errno(env, error, "socket");
	struct channel *channel = calloc(1, sizeof *channel);
	if (!channel) return throw_errno(env, ENOMEM, "memory");
	channel->kind = CHANNEL;
	channel->fd = (int)fd;
	if (fcntl(channel->fd, F_SETFD, FD_CLOEXEC) < 0) error = -errno;
	if (!error) error = watch_open(env, channel->fd, UV_READABLE, args[1], &channel->watch);
	if (error) {
		free(channel);
		return throw_errno(env, error, "watch");
	}
	MUST(napi_create_external(env, channel, finalize, NULL, &external));
	return external;
}

/*
 * channelSend(handle, bytes: Uint8Array, descriptors: Int32Array) -> how many bytes are on their way, or -errno: -EAGAIN if there
 * is no room for now. The descriptors go with the first of them; they stay open here.
 */
napi_value js_channel_send(napi_env env, napi_callback_info info)
{
	napi_value args[MAX_ARGS];
	struct channel *channel;
	struct iovec part;
	int *files;
	size_t count;
	if (!get_args(env, info, 3, args) || !(channel = get_channel(env, args[0])) ||
	    !get_array(env, args[1], napi_uint8_array, &part.iov_base, &part.iov_len) || part.iov_len == 0 || !part.iov_base ||
	    !get_array(env, args[2], napi_int32_array, &files, &count) || count > CHANNEL_FILES_MAX)
		return throw_type(env);
	union control control;
	struct msghdr message = { .msg_iov = &part, .msg_iovlen = 1 };
	if (count > 0) {
		memset(&control, 0, sizeof control);
		message.msg_control = &control;
		message.msg_controllen = CMSG_SPACE(count * sizeof *files);
		control.header.cmsg_level = SOL_SOCKET;
		control.header.cmsg_type = SCM_RIGHTS;
		control.header.cmsg_len = CMSG_LEN(count * sizeof *files);
		memcpy(CMSG_DATA(&control.header), files, count * sizeof *files);
	}
	ssize_t sent = sendmsg(channel->fd, &message, MSG_NOSIGNAL | MSG_DONTWAIT);
	return make_number(env, sent < 0 ? -errno : (double)sent);
}

/* Puts the descriptors that came with a message into `fields`. */
static void take_files(struct msghdr *message, int *fields)
{
	fields[CHANNEL_FILES_COUNT] = 0;
	fields[CHANNEL_FILES_LOST] = !!(message->msg_flags & MSG_CTRUNC);
	for (struct cmsghdr *header = CMSG_FIRSTHDR(message); header; header = CMSG_NXTHDR(message, header)) {
		if (header->cmsg_level != SOL_SOCKET || header->cmsg_type != SCM_RIGHTS) continue;
		size_t count = (header->cmsg_len - CMSG_LEN(0)) / sizeof *fields;
		memcpy(fields + CHANNEL_FILES_FIRST + fields[CHANNEL_FILES_COUNT], CMSG_DATA(header), count * sizeof *fields);
		fields[CHANNEL_FILES_COUNT] += (int)count;
	}
}

/*
 * channelReceive(handle, into: Uint8Array, files: Int32Array) -> how many bytes came, 0 at the end, or -errno. What came comes with
 * the descriptors of one channelSend() at most, if it has the first of its bytes.
 */
napi_value js_channel_receive(napi_env env, napi_callback_info info)
{
	napi_value args[MAX_ARGS];
	struct channel *channel;
	struct iovec part;
	int *fields;
	size_t length;
	if (!get_args(env, info, 3, args) || !(channel = get_channel(env, args[0])) ||
	    !get_array(env, args[1], napi_uint8_array, &part.iov_base, &part.iov_len) || part.iov_len == 0 || !part.iov_base ||
	    !get_array(env, args[2], napi_int32_array, &fields, &length) || length < CHANNEL_FILES_FIELDS || !fields)
		return throw_type(env);
	union control control;
	struct msghdr message = { .msg_iov = &part, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof control };
	ssize_t received = recvmsg(channel->fd, &message, MSG_CMSG_CLOEXEC | MSG_DONTWAIT);
	if (received < 0) return make_number(env, -errno);
	take_files(&message, fields);
	return make_number(env, (double)received);
}

/* channelWantWritable(handle, wanted): whether the callback is called when there is room to send. */
napi_value js_channel_want_writable(napi_env env, napi_callback_info info)
{
	napi_value args[MAX_ARGS];
	struct channel *channel;
	bool wanted;
	if (!get_args(env, info, 2, args) || !(channel = get_channel(env, args[0])) ||
	    napi_get_value_bool(env, args[1], &wanted) != napi_ok)
		return throw_type(env);
	if (channel->watch) watch_events(channel->watch, UV_READABLE | (wanted ? UV_WRITABLE : 0));
	return NULL;
}

/* channelClose(handle): may be called again. */
napi_value js_channel_close(napi_env env, napi_callback_info info)
{
	napi_value args[MAX_ARGS];
	struct channel *channel;
	if (!get_args(env, info, 1, args) || !(channel = get_handle(env, args[0], CHANNEL))) return throw_type(env);
	close_now(channel);
	return NULL;
}
