/*
 * Sending by an XDP socket (AF_XDP, Documentation/networking/af_xdp.rst) in copy mode: frames go straight to the
 * device, a batch of them with one short system call, past the interface's queueing discipline and whoever listens there
 * (tcpdump). That takes up to a quarter less of the processor than sendmmsg(2). It receives nothing and needs no
 * program on the interface. Where another process has the device's first queue, there is none. Used by packet.c.
 * Functions return 0 or -errno.
 */
#ifndef VBLADE_XDP_H
#define VBLADE_XDP_H

#include <linux/types.h>
#include <stddef.h>
#include <stdint.h>

enum {
	VB_XDP_CHUNK_BYTES = 4096, /* no chunk may be longer than a page */
	VB_XDP_CHUNKS = 512,       /* a power of two */
	VB_XDP_JUMBO_BYTES = 9216, /* longer frames take no less this way */
};

struct xdp_desc;

/* A socket, the memory that the kernel takes frames from, and the two rings that it shares with us. */
struct vb_xdp {
	int fd; /* -1: not open */
	uint8_t *memory;
	void *send_ring, *done_ring;
	size_t send_ring_bytes, done_ring_bytes;
	uint32_t *send_producer, *send_consumer, *done_producer, *done_consumer;
	struct xdp_desc *send;
	uint64_t *done;
	size_t longest;                 /* bytes of a frame: one chunk, or more where the kernel puts them together */
	uint32_t produced;              /* chunks put so far */
	uint16_t unused[VB_XDP_CHUNKS]; /* numbers of those that have nothing to send */
	int unused_count;
};

/* Opens it on the first queue of an interface. *step names the step that failed: -EBUSY if the queue is taken. */
int vb_xdp_open(struct vb_xdp *xdp, int index, const char **step);
/* Whether a frame of that length can go this way. */
int vb_xdp_takes(const struct vb_xdp *xdp, size_t length);
/*
 * Copies such a frame, to be sent by the next `vb_xdp_send`: its head, at most a chunk long if there is data behind it, and
 * its data. 0 if there is no room, or the data is not there any more.
 */
int vb_xdp_put(struct vb_xdp *xdp, const void *head, size_t head_length, const void *data, size_t data_length);
/*
 * Hands what has been put to the device. What it does not take now (its ring is full, it is down) stays for the next call.
 * An initiator that waits for it asks again, and so brings that call about.
 */
void vb_xdp_send(struct vb_xdp *xdp);
/* True while frames have been put that the device has not taken. */
int vb_xdp_waits(const struct vb_xdp *xdp);
void vb_xdp_close(struct vb_xdp *xdp);

#endif
