/*
 * What the opener (lib/opener/) asks of the kernel for others: sockets that listen, which whoever serves them gets as
 * descriptors.
 */
#define _GNU_SOURCE
#include "node.h"

#include <arpa/inet.h>
#include <errno.h>
#include <limits.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

enum { BACKLOG = 511 };

/* 0, or -errno of the step that failed. */
static int listen_on(int fd, const struct sockaddr *address, socklen_t length, const char **step)
{
	*step = "bind";
	if (bind(fd, address, length) < 0) return -errno;
	*step = "listen";
	return listen(fd, BACKLOG) < 0 ? -errno : 0;
}

/* Nobody may connect before the mode is what it shall be: until then it is the owner's. */
static int listen_unix(int fd, const char *path, mode_t mode, gid_t group, const char **step)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	*step = "path";
	if (strlen(path) >= sizeof address.sun_path) return -ENAMETOOLONG;
	strcpy(address.sun_path, path);
	mode_t before = umask(0177);
	int error = listen_on(fd, (struct sockaddr *)&address, sizeof address, step);
	umask(before);
	if (error) return error;
	*step = "mode";
	if (group != (gid_t)-1 && chown(path, (uid_t)-1, group) < 0) return -errno;
	return chmod(path, mode) < 0 ? -errno : 0;
}

/* What is set here those who connect have, too. */
static int listen_tcp(int fd, const struct sockaddr *address, socklen_t length, uint32_t silence_ms, const char **step)
{
	int on = 1;
	*step = "option";
	int error = silence_ms > 0 ? limit_silence(fd, silence_ms) : 0;
	if (error) return error;
	if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) < 0) return -errno;
	if (address->sa_family == AF_INET6 && setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof on) < 0) return -errno;
	return listen_on(fd, address, length, step);
}

static napi_value socket_or_error(napi_env env, int fd, int error, const char *step)
{
	if (!error) return make_number(env, fd);
	close(fd);
	return throw_errno(env, error, step);
}

/* listenUnix(path, mode, group) -> descriptor. A group of 2^32 - 1 leaves it as it is. */
napi_value js_listen_unix(napi_env env, napi_callback_info info)
{
	napi_value args[MAX_ARGS];
	uint32_t mode, group;
	char *path;
	if (!get_args(env, info, 3, args) || !get_uint(env, args[1], 0777, &mode) || !get_uint(env, args[2], UINT32_MAX, &group) ||
	    !(path = get_string(env, args[0])))
		return throw_type(env);
	const char *step = "socket";
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	int error = fd < 0 ? -errno : listen_unix(fd, path, mode, group, &step);
	free(path);
	return fd < 0 ? throw_errno(env, error, step) : socket_or_error(env, fd, error, step);
}

socklen_t socket_address(const char *text, uint16_t port, struct sockaddr_storage *address)
{
	memset(address, 0, sizeof *address);
	struct sockaddr_in *four = (struct sockaddr_in *)address;
	if (inet_pton(AF_INET, text, &four->sin_addr) == 1) {
		four->sin_family = AF_INET;
		four->sin_port = htons(port);
		return sizeof *four;
	}
	struct sockaddr_in6 *six = (struct sockaddr_in6 *)address;
	if (inet_pton(AF_INET6, text, &six->sin6_addr) != 1) return 0;
	six->sin6_family = AF_INET6;
	six->sin6_port = htons(port);
	return sizeof *six;
}

/*
 * listenTcp(address, port, silenceMs) -> descriptor. The address is a number of IPv4 or IPv6, no name. A client that is silent for longer, though
 * something was to be heard, is cut off; 0: when the system thinks so.
 */
napi_value js_listen_tcp(napi_env env, napi_callback_info info)
{
	napi_value args[MAX_ARGS];
	uint32_t port, silence_ms;
	char *text;
	if (!get_args(env, info, 3, args) || !get_uint(env, args[1], 65535, &port) ||
	    !get_uint(env, args[2], SILENCE_MS_MAX, &silence_ms) || !(text = get_string(env, args[0])))
		return throw_type(env);
	struct sockaddr_storage address;
	socklen_t length = socket_address(text, (uint16_t)port, &address);
	free(text);
	if (length == 0) return throw_errno(env, -EINVAL, "address");
	const char *step = "socket";
	int fd = socket(address.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0) return throw_errno(env, -errno, step);
	int error = listen_tcp(fd, (struct sockaddr *)&address, length, silence_ms, &step);
	return socket_or_error(env, fd, error, step);
}

/* A socket's own address, or that of its other end, as the configuration would have it. False if it has none of those. */
static int name_socket(int fd, int is_peer, char *name, size_t room)
{
	union {
		struct sockaddr any;
		struct sockaddr_un local;
		struct sockaddr_in four;
		struct sockaddr_in6 six;
		char bytes[sizeof(struct sockaddr_un) + 1]; /* a path of full length has no end of its own */
	} address = { .bytes = { 0 } };
	char host[INET6_ADDRSTRLEN];
	socklen_t length = sizeof address.bytes - 1;
	if ((is_peer ? getpeername : getsockname)(fd, &address.any, &length) < 0) return 0;
	switch (address.any.sa_family) {
	case AF_UNIX:
		snprintf(name, room, "unix:%s", address.local.sun_path);
		return address.local.sun_path[0] == '/';
	case AF_INET:
		inet_ntop(AF_INET, &address.four.sin_addr, host, sizeof host);
		snprintf(name, room, "%s:%u", host, ntohs(address.four.sin_port));
		return 1;
	case AF_INET6:
		inet_ntop(AF_INET6, &address.six.sin6_addr, host, sizeof host);
		snprintf(name, room, "[%s]:%u", host, ntohs(address.six.sin6_port));
		return 1;
	default: return 0;
	}
}

/* Of a unix socket's other end the process and its user are known. */
static int name_process(int fd, char *name, size_t room)
{
	struct ucred who;
	socklen_t length = sizeof who;
	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &who, &length) < 0) return 0;
	snprintf(name, room, "unix:pid %d uid %u", (int)who.pid, (unsigned)who.uid);
	return 1;
}

/* socketName(descriptor, isPeer) -> what it, or its other end, is bound to; "" if that is nothing that can be named */
napi_value js_socket_name(napi_env env, napi_callback_info info)
{
	napi_value args[MAX_ARGS], text;
	char name[sizeof(struct sockaddr_un) + sizeof "unix:"];
	uint32_t fd;
	bool is_peer;
	if (!get_args(env, info, 2, args) || !get_uint(env, args[0], INT_MAX, &fd) ||
	    napi_get_value_bool(env, args[1], &is_peer) != napi_ok)
		return throw_type(env);
	int is_named = name_socket((int)fd, is_peer, name, sizeof name);
	if (!is_named && is_peer) is_named = name_process((int)fd, name, sizeof name);
	if (!is_named) name[0] = 0;
	MUST(napi_create_string_utf8(env, name, NAPI_AUTO_LENGTH, &text));
	return text;
}
