/*
 * Network interfaces as the kernel describes them (rtnetlink(7)): one when it is asked for, and every change from then on.
 * Names are of any kind: the kernel's own, or one of the alternative names (up to ALTIFNAMSIZ) that an interface may have
 * besides. Knows no Node. Functions return 0 or -errno.
 */
#ifndef VBLADE_INTERFACES_H
#define VBLADE_INTERFACES_H

#include <linux/netlink.h>
#include <net/if.h>
#include <stddef.h>
#include <stdint.h>

enum { VB_LINK_BYTES = 1 << 15 }; /* of what the kernel says of one interface: it takes 2 KiB without alternative names */

struct vb_interface {
	int index;
	char name[IF_NAMESIZE];
	uint32_t mtu;
	uint8_t mac[6];
	int up;            /* administratively up and with a carrier */
	uint32_t carriers; /* how often it got one */
	int bridge;        /* index of the bridge that it is a port of; 0: of none */
	int is_macvlan;
	int gone;          /* deleted, or moved to another network namespace */
	int moved;
	/* The list of alternative names, in the message that this was read from: see vb_interface_alternative. */
	const char *alternatives;
	size_t alternatives_bytes;
};

/* An answer of the kernel's, and the bytes that it points into. */
struct vb_interface_answer {
	struct vb_interface interface;
	char bytes[VB_LINK_BYTES] __attribute__((aligned(NLMSG_ALIGNTO)));
};

/*
 * Asks for an interface by any of its names, or by its index where `name` is NULL. -ENODEV if there is none. The kernel may
 * keep the caller waiting while somebody else changes interfaces: not for a thread that serves.
 */
int vb_interface_get(const char *name, int index, struct vb_interface_answer *out);
/* The alternative name behind `previous` (NULL: the first), or NULL if there is no other. */
const char *vb_interface_alternative(const struct vb_interface *interface, const char *previous);

/* A netlink socket that becomes readable whenever an interface of this network namespace changes. */
struct vb_monitor {
	int fd;
	size_t bytes, position; /* of what was received, and how far it has been read */
	char buffer[VB_LINK_BYTES] __attribute__((aligned(NLMSG_ALIGNTO)));
};

int vb_monitor_open(struct vb_monitor *monitor);
/* Reads the next change, without waiting: 1, or 0 if there is no more. -ENOBUFS: some were lost, whoever cares has to ask. */
int vb_monitor_next(struct vb_monitor *monitor, struct vb_interface *out);

/*
 * Takes a name, of at most 100 bytes, for this process: one process of a network namespace can have it at a time, and loses it
 * with its end. Returns the descriptor that holds it, or -errno: -EADDRINUSE if another process has it.
 */
int vb_take_name(const char *name);

#endif
