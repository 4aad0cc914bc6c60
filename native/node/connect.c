/*
 * Sockets that connect, TCP and unix: the descriptor is there at once, whether anybody is at the other end is seen by what can be
 * received, or by the error that it has. lib/stream/connect.ts finds out what the address is.
 */
#define _GNU_SOURCE
#include "node.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

enum { PROBES = 4 };

int limit_silence(int fd, uint32_t limit_ms)
{
	unsigned limit = limit_ms;
	int on = 1, idle = (int)((limit_ms + 1999) / 2000), interval = (int)((limit_ms + 2000 * PROBES - 1) / (2000 * PROBES)),
	    probes = PROBES;
	if (setsockopt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &limit, sizeof limit) < 0 ||
	    setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof on) < 0 ||
	    setsockopt(fd, IPPROTO_TCP, TCP_KEEPIDLE, &idle, sizeof idle) < 0 ||
	    setsockopt(fd, IPPROTO_TCP, TCP_KEEPINTVL, &interval, sizeof interval) < 0 ||
	    setsockopt(fd, IPPROTO_TCP, TCP_KEEPCNT, &probes, sizeof probes) < 0)
		return -errno;
	return 0;
}

static napi_value begun(napi_env env, int fd, const struct sockaddr *address, socklen_t length)
{
	if (connect(fd, address, length) == 0 || errno == EINPROGRESS) return make_number(env, fd);
	int error = -errno;
	close(fd);
	return throw_errno(env, error, "connect");
}

/* connectTcp(address, port, limitMs) -> descriptor. The address is a number of IPv4 or IPv6, no name. */
napi_value js_connect_tcp(napi_env env, napi_callback_info info)
{
	napi_value args[MAX_ARGS];
	uint32_t port, limit_ms;
	char *text;
	if (!get_args(env, info, 3, args) || !get_uint(env, args[1], 65535, &port) || !get_uint(env, args[2], SILENCE_MS_MAX, &limit_ms) ||
	    limit_ms == 0 || !(text = get_string(env, args[0])))
		return throw_type(env);
	struct sockaddr_storage address;
	socklen_t length = socket_address(text, (uint16_t)port, &address);
	free(text);
	if (length == 0) return throw_errno(env, -EINVAL, "address");
	int fd = socket(address.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0) return throw_errno(env, -errno, "socket");
	int error = limit_silence(fd, limit_ms);
	if (error) {
		close(fd);
		return throw_errno(env, error, "option");
	}
	return begun(env, fd, (struct sockaddr *)&address, length);
}

/* connectUnix(path) -> descriptor. */
napi_value js_connect_unix(napi_env env, napi_callback_info info)
{
	napi_value args[MAX_ARGS];
	char *path;
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	if (!get_args(env, info, 1, args) || !(path = get_string(env, args[0]))) return throw_type(env);
	size_t length = strlen(path);
	if (length < sizeof address.sun_path) strcpy(address.sun_path, path);
	free(path);
	if (length >= sizeof address.sun_path) return throw_errno(env, -ENAMETOOLONG, "path");
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0) return throw_errno(env, -errno, "socket");
	return begun(env, fd, (struct sockaddr *)&address, sizeof address);
}
