/*
 * What a network device's driver tells of it: the sizes of its rings, and whether it pauses (ethtool). Knows no Node.
 * Functions return 0 or -errno: -EOPNOTSUPP if the driver does not tell.
 */
#ifndef VBLADE_HARDWARE_H
#define VBLADE_HARDWARE_H

#include <stdint.h>

/* Frames that the device can keep for us, now and at most. */
struct vb_rings {
	uint32_t receive, receive_max;
	uint32_t send, send_max;
};
int vb_hardware_rings(const char *name, struct vb_rings *out);

/* Whether it heeds others that ask it to pause, and asks others to. */
struct vb_pause {
	int receive, send;
};
int vb_hardware_pause(const char *name, struct vb_pause *out);

#endif
