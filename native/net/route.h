/*
 * How the kernel would send to an address: from which of ours, and how long a packet may be to pass whole, as far as it has learnt.
 * Never waits. Knows no Node.
 */
#ifndef VBLADE_ROUTE_H
#define VBLADE_ROUTE_H

#include <net/if.h>
#include <netinet/in.h>
#include <stdint.h>

struct vb_route {
	uint32_t mtu;                 /* of a whole IP packet */
	char local[INET6_ADDRSTRLEN]; /* without a zone */
};

/* `address`: IPv4 or IPv6, this with a zone (fe80::1%eth0) where it needs one. 0 or -errno: -EINVAL if it is no address. */
int vb_route_to(const char *address, struct vb_route *out);

#endif
