/*
 * See xdp.h. Four rings belong to an XDP socket; two of them matter here. In the one for sending we produce descriptors of
 * frames and the kernel consumes them, within sendto(2) and only there; in the one of completions it gives the addresses of
 * frames back that have left. Rings are indexed by counters that run on, modulo their length.
 */
#define _GNU_SOURCE
#include "xdp.h"

#include <errno.h>
#include <linux/if_xdp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "common/guard.h"

/* Since Linux 6.6; older headers do not have them. */
#ifndef XDP_USE_SG
#define XDP_USE_SG (1 << 4)
#define XDP_PKT_CONTD (1 << 0)
#endif

enum {
	MASK = VB_XDP_CHUNKS - 1,
	HEADER_BYTES = 14, /* Ethernet's: what is shorter is no frame */
	MEMORY_BYTES = VB_XDP_CHUNKS * VB_XDP_CHUNK_BYTES,
	OVERHEAD_BYTES = 2048, /* that the kernel counts for a frame besides its length, roughly */
	BUSY_TRIES = 10,
	BUSY_PAUSE_MS = 5,
	TRIES = 32, /* for one batch: a call of the kernel takes 32 chunks, so most of these are for a device that is busy */
};

static int set(int fd, int option, int value)
{
	return setsockopt(fd, SOL_XDP, option, &value, sizeof value) < 0 ? -errno : 0;
}

/* Maps a ring of `VB_XDP_CHUNKS` entries. */
static void *map_ring(int fd, uint64_t page, const struct xdp_ring_offset *at, size_t entry_bytes, size_t *bytes)
{
	*bytes = at->desc + VB_XDP_CHUNKS * entry_bytes;
	void *ring = mmap(NULL, *bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, fd, (off_t)page);
	return ring == MAP_FAILED ? NULL : ring;
}

static int set_up_memory(struct vb_xdp *xdp)
{
	void *memory = mmap(NULL, MEMORY_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (memory == MAP_FAILED) return -errno;
	xdp->memory = memory;
	for (int i = 0; i < VB_XDP_CHUNKS; i++) xdp->unused[i] = (uint16_t)i;
	xdp->unused_count = VB_XDP_CHUNKS;
	struct xdp_umem_reg area = { .addr = (uintptr_t)memory, .len = MEMORY_BYTES, .chunk_size = VB_XDP_CHUNK_BYTES };
	return setsockopt(xdp->fd, SOL_XDP, XDP_UMEM_REG, &area, sizeof area) < 0 ? -errno : 0;
}

static int set_up_rings(struct vb_xdp *xdp)
{
	struct xdp_mmap_offsets at;
	socklen_t length = sizeof at;
	int error;
	/* The kernel insists on a ring to receive into. Nothing is ever put there. */
	if ((error = set(xdp->fd, XDP_UMEM_FILL_RING, 1)) < 0) return error;
	if ((error = set(xdp->fd, XDP_UMEM_COMPLETION_RING, VB_XDP_CHUNKS)) < 0) return error;
	if ((error = set(xdp->fd, XDP_TX_RING, VB_XDP_CHUNKS)) < 0) return error;
	if (getsockopt(xdp->fd, SOL_XDP, XDP_MMAP_OFFSETS, &at, &length) < 0) return -errno;
	xdp->send_ring = map_ring(xdp->fd, XDP_PGOFF_TX_RING, &at.tx, sizeof *xdp->send, &xdp->send_ring_bytes);
	if (!xdp->send_ring) return -errno;
	xdp->done_ring = map_ring(xdp->fd, XDP_UMEM_PGOFF_COMPLETION_RING, &at.cr, sizeof *xdp->done, &xdp->done_ring_bytes);
	if (!xdp->done_ring) return -errno;
	uint8_t *send = xdp->send_ring, *done = xdp->done_ring;
	xdp->send_producer = (void *)(send + at.tx.producer);
	xdp->send_consumer = (void *)(send + at.tx.consumer);
	xdp->send = (void *)(send + at.tx.desc);
	xdp->done_producer = (void *)(done + at.cr.producer);
	xdp->done_consumer = (void *)(done + at.cr.consumer);
	xdp->done = (void *)(done + at.cr.desc);
	return 0;
}

/* Frames of more than one chunk are known from Linux 6.6 on. */
static int bind_to(struct vb_xdp *xdp, int index)
{
	struct sockaddr_xdp address = {
		.sxdp_family = AF_XDP,
		.sxdp_flags = XDP_COPY | XDP_USE_NEED_WAKEUP | XDP_USE_SG,
		.sxdp_ifindex = (uint32_t)index,
	};
	xdp->longest = VB_XDP_JUMBO_BYTES;
	if (bind(xdp->fd, (struct sockaddr *)&address, sizeof address) == 0) return 0;
	if (errno != EINVAL) return -errno;
	address.sxdp_flags &= (uint16_t)~XDP_USE_SG;
	xdp->longest = VB_XDP_CHUNK_BYTES;
	return bind(xdp->fd, (struct sockaddr *)&address, sizeof address) < 0 ? -errno : 0;
}

static int open_once(struct vb_xdp *xdp, int index, const char **step)
{
	memset(xdp, 0, sizeof *xdp);
	vb_guard_init();
	*step = "socket";
	xdp->fd = socket(AF_XDP, SOCK_RAW | SOCK_CLOEXEC, 0);
	if (xdp->fd < 0) return -errno;
	int bytes = VB_XDP_CHUNKS * (VB_XDP_CHUNK_BYTES + OVERHEAD_BYTES);
	if (setsockopt(xdp->fd, SOL_SOCKET, SO_SNDBUFFORCE, &bytes, sizeof bytes) < 0)
		setsockopt(xdp->fd, SOL_SOCKET, SO_SNDBUF, &bytes, sizeof bytes);
	*step = "memory";
	int error = set_up_memory(xdp);
	if (!error) {
		*step = "ring";
		error = set_up_rings(xdp);
	}
	if (!error) {
		*step = "bind";
		error = bind_to(xdp, index);
	}
	if (error) vb_xdp_close(xdp);
	return error;
}

int vb_xdp_open(struct vb_xdp *xdp, int index, const char **step)
{
	struct timespec pause = { .tv_nsec = BUSY_PAUSE_MS * 1000 * 1000 };
	/* The kernel gives a queue back only some time after its socket was closed. */
	for (int tries = 1;; tries++) {
		int error = open_once(xdp, index, step);
		if (error != -EBUSY || tries == BUSY_TRIES) return error;
		nanosleep(&pause, NULL);
	}
}

/* Frames that have left leave their chunks to others. */
static void reclaim(struct vb_xdp *xdp)
{
	uint32_t produced = __atomic_load_n(xdp->done_producer, __ATOMIC_ACQUIRE);
	uint32_t consumed = *xdp->done_consumer;
	for (; consumed != produced; consumed++) {
		uint64_t chunk = xdp->done[consumed & MASK] / VB_XDP_CHUNK_BYTES;
		if (chunk < VB_XDP_CHUNKS && xdp->unused_count < VB_XDP_CHUNKS)
			xdp->unused[xdp->unused_count++] = (uint16_t)chunk;
	}
	__atomic_store_n(xdp->done_consumer, consumed, __ATOMIC_RELEASE);
}

int vb_xdp_takes(const struct vb_xdp *xdp, size_t length)
{
	return xdp->fd >= 0 && length >= HEADER_BYTES && length <= xdp->longest;
}

/* Takes a chunk for the next part of a frame. */
static uint8_t *add_part(struct vb_xdp *xdp, size_t length, int more)
{
	uint64_t address = xdp->unused[--xdp->unused_count] * (uint64_t)VB_XDP_CHUNK_BYTES;
	/* There is room in the ring, for it has as many entries as there are chunks. */
	xdp->send[xdp->produced++ & MASK] =
		(struct xdp_desc){ .addr = address, .len = (uint32_t)length, .options = more ? XDP_PKT_CONTD : 0 };
	return xdp->memory + address;
}

/* Copies parts that may be gone by now. */
static int add_data(struct vb_xdp *xdp, const uint8_t *data, size_t length)
{
	while (length > 0) {
		size_t part = length < VB_XDP_CHUNK_BYTES ? length : VB_XDP_CHUNK_BYTES;
		length -= part;
		if (vb_copy(add_part(xdp, part, length > 0), data, part) != 0) return 0;
		data += part;
	}
	return 1;
}

int vb_xdp_put(struct vb_xdp *xdp, const void *head, size_t head_length, const void *data, size_t data_length)
{
	if (data_length == 0 && head_length > VB_XDP_CHUNK_BYTES) {
		/* What is over comes first: from there on whole chunks, which are copied fastest. */
		data_length = (head_length - 1) / VB_XDP_CHUNK_BYTES * VB_XDP_CHUNK_BYTES;
		head_length -= data_length;
		data = (const uint8_t *)head + head_length;
	}
	int chunks = 1 + (int)((data_length + VB_XDP_CHUNK_BYTES - 1) / VB_XDP_CHUNK_BYTES);
	if (xdp->unused_count < chunks) reclaim(xdp);
	if (xdp->unused_count < chunks) return 0;
	uint32_t produced = xdp->produced;
	int unused_count = xdp->unused_count, whole = head_length + data_length <= VB_XDP_CHUNK_BYTES, there;
	uint8_t *to = add_part(xdp, head_length + (whole ? data_length : 0), !whole);
	memcpy(to, head, head_length);
	if (whole) there = vb_copy(to + head_length, data, data_length) == 0;
	else there = add_data(xdp, data, data_length);
	if (there) return 1;
	xdp->produced = produced;
	xdp->unused_count = unused_count;
	return 0;
}

int vb_xdp_waits(const struct vb_xdp *xdp)
{
	return xdp->fd >= 0 && __atomic_load_n(xdp->send_consumer, __ATOMIC_ACQUIRE) != xdp->produced;
}

void vb_xdp_send(struct vb_xdp *xdp)
{
	__atomic_store_n(xdp->send_producer, xdp->produced, __ATOMIC_RELEASE);
	for (int tries = 0; tries < TRIES && vb_xdp_waits(xdp); tries++) {
		if (sendto(xdp->fd, NULL, 0, MSG_DONTWAIT, NULL, 0) == 0) continue;
		if (errno != EAGAIN && errno != EBUSY && errno != EINTR) break;
	}
	reclaim(xdp);
}

void vb_xdp_close(struct vb_xdp *xdp)
{
	if (xdp->fd < 0) return;
	if (xdp->send_ring) munmap(xdp->send_ring, xdp->send_ring_bytes);
	if (xdp->done_ring) munmap(xdp->done_ring, xdp->done_ring_bytes);
	close(xdp->fd);
	if (xdp->memory) munmap(xdp->memory, MEMORY_BYTES);
	memset(xdp, 0, sizeof *xdp);
	xdp->fd = -1;
}
