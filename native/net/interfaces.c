/* See interfaces.h. */
#define _GNU_SOURCE
#include "interfaces.h"

#include <errno.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

/* Since Linux 5.5 and 5.11; older headers do not have them, and older kernels do not send them. */
enum { PROP_LIST = 52, ALT_IFNAME = 53, NEW_NETNSID = 45, ALT_NAME_BYTES = 128 };

/* An attribute's payload, which is a whole number. */
static uint32_t number_of(const struct rtattr *attribute)
{
	uint32_t value = 0;
	if (RTA_PAYLOAD(attribute) >= sizeof value) memcpy(&value, RTA_DATA(attribute), sizeof value);
	return value;
}

static int is_text(const struct rtattr *attribute, const char *text)
{
	return RTA_PAYLOAD(attribute) == strlen(text) + 1 && memcmp(RTA_DATA(attribute), text, strlen(text) + 1) == 0;
}

/* What kind of interface it is, and what kind of master it has. */
static void read_kind(const struct rtattr *info, struct vb_interface *out, int *is_bridged)
{
	int left = (int)RTA_PAYLOAD(info);
	for (const struct rtattr *at = RTA_DATA(info); RTA_OK(at, left); at = RTA_NEXT(at, left)) {
		if (at->rta_type == IFLA_INFO_KIND) out->is_macvlan = is_text(at, "macvlan") || is_text(at, "macvtap");
		if (at->rta_type == IFLA_INFO_SLAVE_KIND) *is_bridged = is_text(at, "bridge");
	}
}

/*
 * Reads what a message says of an interface; 0 if it is not about that. Messages of bridges about their ports, and of
 * drivers for wireless events, have the same type but not the same contents.
 */
static int read_link(const struct nlmsghdr *message, struct vb_interface *out)
{
	const struct ifinfomsg *link = NLMSG_DATA(message);
	int left = (int)IFLA_PAYLOAD(message), is_bridged = 0, master = 0, has_mtu = 0;
	memset(out, 0, sizeof *out);
	if (message->nlmsg_type != RTM_NEWLINK && message->nlmsg_type != RTM_DELLINK) return 0;
	if (message->nlmsg_len < NLMSG_LENGTH(sizeof *link) || link->ifi_family != AF_UNSPEC) return 0;
	out->index = link->ifi_index;
	out->up = (link->ifi_flags & (IFF_UP | IFF_RUNNING)) == (IFF_UP | IFF_RUNNING);
	out->gone = message->nlmsg_type == RTM_DELLINK;
	for (const struct rtattr *at = IFLA_RTA(link); RTA_OK(at, left); at = RTA_NEXT(at, left)) {
		size_t bytes = RTA_PAYLOAD(at);
		switch (at->rta_type & NLA_TYPE_MASK) {
		case IFLA_IFNAME: memcpy(out->name, RTA_DATA(at), bytes < sizeof out->name ? bytes : sizeof out->name - 1); break;
		case IFLA_MTU: out->mtu = number_of(at), has_mtu = 1; break;
		case IFLA_ADDRESS: memcpy(out->mac, RTA_DATA(at), bytes < sizeof out->mac ? bytes : sizeof out->mac); break;
		case IFLA_CARRIER_UP_COUNT: out->carriers = number_of(at); break;
		case IFLA_MASTER: master = (int)number_of(at); break;
		case IFLA_LINKINFO: read_kind(at, out, &is_bridged); break;
		case NEW_NETNSID: out->moved = 1; break;
		case PROP_LIST: out->alternatives = RTA_DATA(at), out->alternatives_bytes = bytes; break;
		}
	}
	if (is_bridged) out->bridge = master;
	return has_mtu;
}

const char *vb_interface_alternative(const struct vb_interface *interface, const char *previous)
{
	int left = (int)interface->alternatives_bytes, is_next = previous == NULL;
	const struct rtattr *at = (const void *)interface->alternatives;
	for (; at && RTA_OK(at, left); at = RTA_NEXT(at, left)) {
		const char *name = RTA_DATA(at);
		size_t bytes = RTA_PAYLOAD(at);
		if ((at->rta_type & NLA_TYPE_MASK) != ALT_IFNAME || bytes == 0 || name[bytes - 1] != '\0') continue;
		if (is_next) return name;
		is_next = name == previous;
	}
	return NULL;
}

/* A question about one interface. */
struct question {
	struct nlmsghdr header;
	struct ifinfomsg link;
	struct rtattr name;
	char text[ALT_NAME_BYTES];
};

static int exchange(int fd, const struct question *question, struct vb_interface_answer *out)
{
	struct sockaddr_nl kernel = { .nl_family = AF_NETLINK };
	const struct sockaddr *to = (const struct sockaddr *)&kernel;
	if (sendto(fd, question, question->header.nlmsg_len, 0, to, sizeof kernel) < 0) return -errno;
	ssize_t bytes;
	do bytes = recv(fd, out->bytes, sizeof out->bytes, 0);
	while (bytes < 0 && errno == EINTR);
	if (bytes < 0) return -errno;
	const struct nlmsghdr *answer = (const void *)out->bytes;
	if (!NLMSG_OK(answer, (size_t)bytes)) return -EPROTO;
	if (answer->nlmsg_type == NLMSG_ERROR) return ((const struct nlmsgerr *)NLMSG_DATA(answer))->error;
	return read_link(answer, &out->interface) ? 0 : -EPROTO;
}

int vb_interface_get(const char *name, int index, struct vb_interface_answer *out)
{
	struct question question = {
		.header = { .nlmsg_len = NLMSG_LENGTH(sizeof question.link), .nlmsg_type = RTM_GETLINK, .nlmsg_flags = NLM_F_REQUEST },
		.link = { .ifi_family = AF_UNSPEC, .ifi_index = index },
	};
	if (name) {
		size_t bytes = strlen(name) + 1;
		if (bytes == 1 || bytes > sizeof question.text) return -ENODEV;
		memcpy(question.text, name, bytes);
		question.name.rta_type = bytes <= IF_NAMESIZE ? IFLA_IFNAME : ALT_IFNAME;
		question.name.rta_len = (unsigned short)RTA_LENGTH(bytes);
		question.header.nlmsg_len += RTA_SPACE(bytes);
	}
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
	if (fd < 0) return -errno;
	int error = exchange(fd, &question, out);
	close(fd);
	/* An older kernel does not know what an alternative name is: then there is none. */
	return name && error == -EINVAL ? -ENODEV : error;
}

int vb_monitor_open(struct vb_monitor *monitor)
{
	memset(monitor, 0, offsetof(struct vb_monitor, buffer));
	monitor->fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_ROUTE);
	if (monitor->fd < 0) return -errno;
	struct sockaddr_nl address = { .nl_family = AF_NETLINK, .nl_groups = RTMGRP_LINK };
	if (bind(monitor->fd, (struct sockaddr *)&address, sizeof address) == 0) return 0;
	int error = -errno;
	close(monitor->fd);
	return error;
}

int vb_monitor_next(struct vb_monitor *monitor, struct vb_interface *out)
{
	for (;;) {
		size_t left = monitor->bytes - monitor->position;
		const struct nlmsghdr *message = (const void *)(monitor->buffer + monitor->position);
		if (NLMSG_OK(message, left)) {
			size_t length = NLMSG_ALIGN(message->nlmsg_len);
			monitor->position += length < left ? length : left;
			if (read_link(message, out)) return 1;
			continue;
		}
		monitor->position = monitor->bytes = 0;
		ssize_t bytes = recv(monitor->fd, monitor->buffer, sizeof monitor->buffer, MSG_DONTWAIT | MSG_TRUNC);
		if (bytes > (ssize_t)sizeof monitor->buffer) return -ENOBUFS;
		if (bytes >= 0) monitor->bytes = (size_t)bytes;
		else if (errno == ENOBUFS) return -ENOBUFS;
		else if (errno != EINTR) return 0;
	}
}

int vb_take_name(const char *name)
{
	/* An "abstract" socket address (unix(7)): a zero, then the name, without a zero at its end. */
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	size_t length = strlen(name);
	if (length >= sizeof address.sun_path) return -ENAMETOOLONG;
	memcpy(address.sun_path + 1, name, length);
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0) return -errno;
	socklen_t bytes = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + length);
	if (bind(fd, (struct sockaddr *)&address, bytes) == 0) return fd;
	int error = -errno;
	close(fd);
	return error;
}
