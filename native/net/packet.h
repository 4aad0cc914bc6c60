/*
 * Packet sockets (packet(7)) bound to one interface and EtherType: a receive ring shared with the kernel
 * (TPACKET_V2, Documentation/networking/packet_mmap.rst) and batched sending. Knows no Node: the binding shares the ring
 * with JavaScript and watches the descriptors. Functions return 0 or -errno.
 *
 * Frames leave by a socket of their own. The kernel tells whoever watches a socket of each frame that has left it; nobody
 * watches this one unless it is full.
 */
#ifndef VBLADE_PACKET_H
#define VBLADE_PACKET_H

#include <linux/filter.h>
#include <stddef.h>
#include <stdint.h>

#include "xdp.h"

struct vb_port {
	int fd; /* receives */
	int send_fd;
	int index; /* of the interface */
	struct vb_xdp xdp;
	uint8_t *ring;
	size_t ring_bytes;
	uint32_t frame_count;      /* places for frames in the ring */
	uint32_t frame_stride;     /* bytes from a place to the next in its block */
	uint32_t frames_per_block;
	uint32_t block_bytes;
	uint64_t taken_ns;         /* when frames were last found, and all that were there */
};

enum {
	VB_MAX_FRAME_BYTES = (1 << 16) + 64, /* an MTU is at most 65535 */
	VB_MAX_FRAME_COUNT = 1 << 14,        /* so that 32 bits are enough for any offset in the ring */
};

struct vb_port_config {
	int index; /* of the interface */
	uint16_t ethertype;
	uint32_t frame_bytes;  /* longest frame, Ethernet header included; at most VB_MAX_FRAME_BYTES */
	uint32_t frame_count;  /* frames the ring shall hold at least; at most VB_MAX_FRAME_COUNT */
	uint32_t send_bytes;   /* room for frames on their way out; at most INT_MAX */
	struct sock_filter *filter;
	uint16_t filter_length;
};

/* *step names the step that failed. The filter is in place before the socket is bound: no other frame ever gets in. */
int vb_port_open(struct vb_port *port, const struct vb_port_config *config, const char **step);
/* From now on sends frames of up to port->xdp.longest bytes by an XDP socket. If there can't be one, all go on as before. */
int vb_port_use_xdp(struct vb_port *port, const char **step);
int vb_port_set_filter(struct vb_port *port, struct sock_filter *filter, uint16_t length);
/* Byte offset of the ring's place number i. */
size_t vb_port_frame_offset(const struct vb_port *port, uint32_t i);

/* Frames handled together. */
enum { VB_BATCH = 64 };

/* A frame to send, as four doubles: address and length of its head, address and length of its data (0, 0 if none). */
enum { VB_SEND_FIELDS = 4 };
/* Sends frames in order without waiting: how many went, and in *error why the next one did not (0 if all went). */
int vb_port_send(struct vb_port *port, const double *frames, int count, int *error);
/*
 * When a frame arrived, as the header's tp_sec after vb_port_next: microseconds of the clock that nobody sets, modulo 2^32. The
 * kernel has put the time of day there. tp_nsec says that this has been done.
 */
#define VB_STAMPED 0xffffffffu
/*
 * Gives `count` places from number `place` on back to the kernel. Returns how many of those behind them hold a frame, in
 * an unbroken row, at most VB_BATCH. If there is none, watches for the first one without sleeping for so long.
 */
int vb_port_next(struct vb_port *port, uint32_t place, uint32_t count, double microseconds);
/* The place behind this one, in a circle. */
uint32_t vb_port_after(const struct vb_port *port, uint32_t place);
/* Frames the kernel dropped since the last call because the ring was full. */
uint32_t vb_port_drops(struct vb_port *port);
/* The pending error of the socket, which is cleared; after a link went down it must be read before polling again. */
int vb_port_error(struct vb_port *port);
void vb_port_close(struct vb_port *port);

#endif
