/* See route.h. A datagram socket that is connected and sends nothing makes the kernel look up the route, and tells what it has found. */
#define _GNU_SOURCE
#include "route.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* discard(9): nothing is ever sent there. */
enum { ANY_PORT = 9, ADDRESS_BYTES = INET6_ADDRSTRLEN + IF_NAMESIZE };

union address {
	struct sockaddr any;
	struct sockaddr_in v4;
	struct sockaddr_in6 v6;
};

static int parse(const char *text, union address *address)
{
	char host[ADDRESS_BYTES];
	memset(address, 0, sizeof *address);
	if (inet_pton(AF_INET, text, &address->v4.sin_addr) == 1) {
		address->v4.sin_family = AF_INET;
		address->v4.sin_port = htons(ANY_PORT);
		return 0;
	}
	if (strlen(text) >= sizeof host) return -EINVAL;
	strcpy(host, text);
	char *zone = strchr(host, '%');
	if (zone) *zone++ = '\0';
	if (inet_pton(AF_INET6, host, &address->v6.sin6_addr) != 1) return -EINVAL;
	address->v6.sin6_family = AF_INET6;
	address->v6.sin6_port = htons(ANY_PORT);
	if (!zone) return 0;
	address->v6.sin6_scope_id = if_nametoindex(zone);
	return address->v6.sin6_scope_id ? 0 : -ENODEV;
}

static int ask(int fd, const union address *peer, struct vb_route *out)
{
	int is_v4 = peer->any.sa_family == AF_INET, mtu;
	union address local;
	socklen_t length = sizeof mtu, local_length = sizeof local;
	if (connect(fd, &peer->any, is_v4 ? sizeof peer->v4 : sizeof peer->v6) < 0) return -errno;
	if (getsockname(fd, &local.any, &local_length) < 0) return -errno;
	if (getsockopt(fd, is_v4 ? IPPROTO_IP : IPPROTO_IPV6, is_v4 ? IP_MTU : IPV6_MTU, &mtu, &length) < 0) return -errno;
	const void *host = is_v4 ? (const void *)&local.v4.sin_addr : (const void *)&local.v6.sin6_addr;
	if (!inet_ntop(local.any.sa_family, host, out->local, sizeof out->local)) return -errno;
	out->mtu = (uint32_t)mtu;
	return 0;
}

int vb_route_to(const char *address, struct vb_route *out)
{
	union address peer;
	int error = parse(address, &peer);
	if (error) return error;
	int fd = socket(peer.any.sa_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0) return -errno;
	error = ask(fd, &peer, out);
	close(fd);
	return error;
}
