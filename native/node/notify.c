/* Telling who started this process how it is (sd_notify(3)), for JavaScript: lib/notify.ts calls it. */
#define _GNU_SOURCE
#include "node.h"

#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

/* One datagram to a socket: 0 or -errno. A name that begins with @ is one of no file. Never waits. */
static int notify(const char *name, const char *text)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	size_t length = strlen(name);
	if (length == 0 || length > sizeof address.sun_path) return -EINVAL;
	memcpy(address.sun_path, name, length);
	if (name[0] == '@') address.sun_path[0] = 0;
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0) return -errno;
	socklen_t bytes = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + length);
	ssize_t sent = sendto(fd, text, strlen(text), MSG_NOSIGNAL, (const struct sockaddr *)&address, bytes);
	int error = sent < 0 ? -errno : 0;
	close(fd);
	return error;
}

/* notify(path, text) */
napi_value js_notify(napi_env env, napi_callback_info info)
{
	napi_value args[MAX_ARGS];
	char *name = NULL, *text = NULL;
	if (!get_args(env, info, 2, args) || !(name = get_string(env, args[0])) || !(text = get_string(env, args[1]))) {
		free(name);
		return throw_type(env);
	}
	int error = notify(name, text);
	free(name);
	free(text);
	return error ? throw_errno(env, error, "notify") : NULL;
}
