/* See packet.h. */
#define _GNU_SOURCE
#include "packet.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_packet.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/clock.h"

enum {
	BLOCK_BYTES = 1 << 17, /* a multiple of the page size that wastes little for 1500 and 9000 byte frames alike */
};

static uint32_t round_up(uint32_t value, uint32_t unit)
{
	return (value + unit - 1) / unit * unit;
}

static int setup_ring(struct vb_port *port, const struct vb_port_config *config)
{
	int version = TPACKET_V2;
	if (setsockopt(port->fd, SOL_PACKET, PACKET_VERSION, &version, sizeof version) < 0) return -errno;
	/* Ahead of a frame: the header, the link-layer address, and room that aligns the network header (af_packet.c). */
	uint32_t ahead = round_up(TPACKET2_HDRLEN + 16, TPACKET_ALIGNMENT);
	port->frame_stride = round_up(ahead + config->frame_bytes, 64);
	port->block_bytes = BLOCK_BYTES;
	while (port->block_bytes < port->frame_stride) port->block_bytes *= 2;
	port->frames_per_block = port->block_bytes / port->frame_stride;
	uint32_t blocks = (config->frame_count + port->frames_per_block - 1) / port->frames_per_block;
	port->frame_count = blocks * port->frames_per_block;
	struct tpacket_req request = {
		.tp_block_size = port->block_bytes,
		.tp_block_nr = blocks,
		.tp_frame_size = port->frame_stride,
		.tp_frame_nr = port->frame_count,
	};
	if (setsockopt(port->fd, SOL_PACKET, PACKET_RX_RING, &request, sizeof request) < 0) return -errno;
	port->ring_bytes = (size_t)port->block_bytes * blocks;
	void *ring = mmap(NULL, port->ring_bytes, PROT_READ | PROT_WRITE, MAP_SHARED, port->fd, 0);
	if (ring == MAP_FAILED) return -errno;
	port->ring = ring;
	return 0;
}

int vb_port_open(struct vb_port *port, const struct vb_port_config *config, const char **step)
{
	memset(port, 0, sizeof *port);
	int error;
	*step = "arguments";
	port->taken_ns = vb_now_ns();
	port->fd = port->send_fd = port->xdp.fd = -1;
	if (config->frame_bytes > VB_MAX_FRAME_BYTES || config->frame_count > VB_MAX_FRAME_COUNT) return -EINVAL;
	*step = "find";
	/* The kernel would take 0 for all of them. */
	if (config->index <= 0) return -ENODEV;
	port->index = config->index;

	/* Protocol 0: nothing is received before bind() names the EtherType. */
	*step = "socket";
	port->fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (port->fd < 0) return -errno;
	port->send_fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (port->send_fd < 0) {
		error = -errno;
		goto fail;
	}

	*step = "filter";
	if ((error = vb_port_set_filter(port, config->filter, config->filter_length)) < 0) goto fail;
	*step = "ring";
	if ((error = setup_ring(port, config)) < 0) goto fail;

	/* SNDBUFFORCE goes past wmem_max but needs CAP_NET_ADMIN; without it, as much as the system allows. */
	int send_bytes = (int)config->send_bytes;
	if (setsockopt(port->send_fd, SOL_SOCKET, SO_SNDBUFFORCE, &send_bytes, sizeof send_bytes) < 0)
		setsockopt(port->send_fd, SOL_SOCKET, SO_SNDBUF, &send_bytes, sizeof send_bytes);

	*step = "bind";
	struct sockaddr_ll address = { .sll_family = AF_PACKET, .sll_ifindex = port->index };
	error = bind(port->send_fd, (struct sockaddr *)&address, sizeof address) < 0 ? -errno : 0;
	address.sll_protocol = htons(config->ethertype);
	if (!error && bind(port->fd, (struct sockaddr *)&address, sizeof address) < 0) error = -errno;
	if (error) goto fail;
	return 0;
fail:
	vb_port_close(port);
	return error;
}

int vb_port_use_xdp(struct vb_port *port, const char **step)
{
	return port->xdp.fd < 0 ? vb_xdp_open(&port->xdp, port->index, step) : 0;
}

int vb_port_set_filter(struct vb_port *port, struct sock_filter *filter, uint16_t length)
{
	if (length == 0) return 0;
	struct sock_fprog program = { .len = length, .filter = filter };
	return setsockopt(port->fd, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof program) < 0 ? -errno : 0;
}

size_t vb_port_frame_offset(const struct vb_port *port, uint32_t i)
{
	return (size_t)(i / port->frames_per_block) * port->block_bytes +
	       (size_t)(i % port->frames_per_block) * port->frame_stride;
}

/* At most VB_BATCH frames, by one call. Returns how many went. */
static int send_queued(const struct vb_port *port, const double *frames, int count, int *error)
{
	struct mmsghdr messages[VB_BATCH];
	struct iovec parts[VB_BATCH][2];
	memset(messages, 0, (size_t)count * sizeof messages[0]);
	for (int i = 0; i < count; i++) {
		const double *frame = frames + (size_t)i * VB_SEND_FIELDS;
		parts[i][0].iov_base = (void *)(uintptr_t)frame[0];
		parts[i][0].iov_len = (size_t)frame[1];
		parts[i][1].iov_base = (void *)(uintptr_t)frame[2];
		parts[i][1].iov_len = (size_t)frame[3];
		messages[i].msg_hdr.msg_iov = parts[i];
		messages[i].msg_hdr.msg_iovlen = frame[3] > 0 ? 2 : 1;
	}
	int sent;
	do sent = sendmmsg(port->send_fd, messages, (unsigned)count, MSG_DONTWAIT);
	while (sent < 0 && errno == EINTR);
	if (sent > 0) return sent;
	*error = errno;
	return 0;
}

static int is_for_xdp(const struct vb_port *port, const double *frame)
{
	return vb_xdp_takes(&port->xdp, (size_t)(frame[1] + frame[3]));
}

static int put_directly(struct vb_port *port, const double *frame)
{
	const void *head = (const void *)(uintptr_t)frame[0], *data = (const void *)(uintptr_t)frame[2];
	return vb_xdp_put(&port->xdp, head, (size_t)frame[1], data, (size_t)frame[3]);
}

/* Leading frames that the XDP socket gets. While it has some that the device would not take, it gets no more. */
static int send_directly(struct vb_port *port, const double *frames, int count)
{
	int sent = 0;
	if (!is_for_xdp(port, frames)) return 0;
	if (vb_xdp_waits(&port->xdp)) vb_xdp_send(&port->xdp);
	if (vb_xdp_waits(&port->xdp)) return 0;
	for (const double *frame = frames; sent < count && is_for_xdp(port, frame); sent++, frame += VB_SEND_FIELDS)
		if (!put_directly(port, frame)) break;
	vb_xdp_send(&port->xdp);
	return sent;
}

int vb_port_send(struct vb_port *port, const double *frames, int count, int *error)
{
	int sent = 0;
	*error = 0;
	while (sent < count && *error == 0) {
		const double *next = frames + (size_t)sent * VB_SEND_FIELDS;
		int directly = send_directly(port, next, count - sent);
		sent += directly;
		if (directly > 0) continue;
		/* This one goes by the queue, and so do those behind it that have no other way. */
		int queued = 1;
		while (queued < VB_BATCH && sent + queued < count && !is_for_xdp(port, next + queued * VB_SEND_FIELDS)) queued++;
		sent += send_queued(port, next, queued, error);
	}
	return sent;
}

static void relax(void)
{
#if defined(__x86_64__) || defined(__i386__)
	__builtin_ia32_pause();
#elif defined(__aarch64__)
	__asm__ volatile("yield");
#endif
}

static struct tpacket2_hdr *header_of(const struct vb_port *port, uint32_t place)
{
	return (struct tpacket2_hdr *)(void *)(port->ring + vb_port_frame_offset(port, place));
}

static int holds_frame(const struct tpacket2_hdr *header)
{
	return (__atomic_load_n(&header->tp_status, __ATOMIC_ACQUIRE) & TP_STATUS_USER) != 0;
}

static void watch_place(const struct tpacket2_hdr *header, double microseconds)
{
	uint64_t end = vb_now_ns() + (uint64_t)(microseconds * 1000);
	do {
		for (int looks = 0; looks < 16; looks++) {
			if (holds_frame(header)) return;
			relax();
		}
	} while (vb_now_ns() < end);
}

uint32_t vb_port_after(const struct vb_port *port, uint32_t place)
{
	return place + 1 == port->frame_count ? 0 : place + 1;
}

/*
 * Puts the arrival of frames that have just been found on the clock that nobody sets. If the time of day was set meanwhile, a frame
 * would come from the future, or be far older than the last look that left the ring empty (a little it may be, for the clock is read
 * after the look).
 */
static void stamp(struct vb_port *port, uint32_t place, int ready)
{
	struct timespec day;
	clock_gettime(CLOCK_REALTIME, &day);
	uint64_t now = vb_now_ns();
	int64_t longest = (int64_t)(now - port->taken_ns);
	for (int i = 0; i < ready; i++, place = vb_port_after(port, place)) {
		struct tpacket2_hdr *header = header_of(port, place);
		if (header->tp_nsec == VB_STAMPED) continue;
		int64_t waited = ((int64_t)day.tv_sec - header->tp_sec) * 1000000000 + (day.tv_nsec - (int64_t)header->tp_nsec);
		if (waited > longest + 1000000000) waited = longest;
		if (waited < 0) waited = 0;
		header->tp_sec = (uint32_t)((now - (uint64_t)waited) / 1000);
		header->tp_nsec = VB_STAMPED;
	}
	if (ready < VB_BATCH) port->taken_ns = now;
}

int vb_port_next(struct vb_port *port, uint32_t place, uint32_t count, double microseconds)
{
	for (; count > 0; count--, place = vb_port_after(port, place))
		__atomic_store_n(&header_of(port, place)->tp_status, TP_STATUS_KERNEL, __ATOMIC_RELEASE);
	if (vb_xdp_waits(&port->xdp)) vb_xdp_send(&port->xdp);
	int ready = 0;
	uint32_t first = place;
	if (microseconds > 0) watch_place(header_of(port, place), microseconds);
	for (; ready < VB_BATCH && (uint32_t)ready < port->frame_count; ready++, place = vb_port_after(port, place)) {
		const struct tpacket2_hdr *header = header_of(port, place);
		if (!holds_frame(header)) break;
		/* Another processor has just written it: the frame's header is fetched while we look at the next. */
		__builtin_prefetch((const uint8_t *)header + header->tp_mac);
	}
	if (ready > 0) stamp(port, first, ready);
	return ready;
}

uint32_t vb_port_drops(struct vb_port *port)
{
	struct tpacket_stats stats;
	socklen_t length = sizeof stats;
	if (getsockopt(port->fd, SOL_PACKET, PACKET_STATISTICS, &stats, &length) < 0) return 0;
	return stats.tp_drops;
}

int vb_port_error(struct vb_port *port)
{
	int error = 0;
	socklen_t length = sizeof error;
	getsockopt(port->fd, SOL_SOCKET, SO_ERROR, &error, &length);
	return error;
}

void vb_port_close(struct vb_port *port)
{
	if (port->ring) munmap(port->ring, port->ring_bytes);
	port->ring = NULL;
	vb_xdp_close(&port->xdp);
	if (port->fd >= 0) close(port->fd);
	if (port->send_fd >= 0) close(port->send_fd);
	port->fd = port->send_fd = -1;
}
