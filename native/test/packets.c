/* Packet sockets, XDP sockets and interfaces, on a loopback interface that nobody else uses. */
#define _GNU_SOURCE
#include <errno.h>
#include <limits.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <poll.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "check.h"
#include "common/clock.h"
#include "common/guard.h"
#include "net/interfaces.h"
#include "net/packet.h"

static void bring_up(const char *name)
{
	struct ifreq request = { .ifr_flags = IFF_UP };
	int fd = socket(AF_INET, SOCK_DGRAM, 0);
	strcpy(request.ifr_name, name);
	CHECK(ioctl(fd, SIOCSIFFLAGS, &request) == 0);
	close(fd);
}

/* The same by an XDP socket: heads alone, with data in the same chunk and in others, and data that leads nowhere. */
static void test_xdp(struct vb_port_config config)
{
	static const size_t lengths[] = { 0, 1, 4060, 4061, 8192, 9000 };
	enum { COUNT = sizeof lengths / sizeof lengths[0], ROUNDS = 40 };
	static uint8_t head[60], data[9000];
	struct vb_port port, other;
	const char *step;
	config.frame_bytes = 9100;
	head[12] = 0x88, head[13] = 0xa2;
	for (size_t i = 0; i < sizeof data; i++) data[i] = (uint8_t)(i % 251);
	CHECK(vb_port_open(&port, &config, &step) == 0 && vb_port_open(&other, &config, &step) == 0);
	int error = vb_port_use_xdp(&port, &step);
	if (error) {
		/* An older kernel, or none of this kind. */
		CHECK(error == -EAFNOSUPPORT || error == -EINVAL || error == -EOPNOTSUPP);
		vb_port_close(&other);
		vb_port_close(&port);
		return;
	}
	CHECK(vb_port_use_xdp(&port, &step) == 0);
	CHECK(vb_port_use_xdp(&other, &step) == -EBUSY && !strcmp(step, "bind") && other.xdp.fd < 0);
	/* A file that is mapped and then cut. */
	FILE *file = tmpfile();
	CHECK(file && ftruncate(fileno(file), PAGE) == 0);
	void *gone = mmap(NULL, PAGE, PROT_READ, MAP_SHARED, fileno(file), 0);
	CHECK(gone != MAP_FAILED && ftruncate(fileno(file), 0) == 0);
	vb_guard_init();
	double frames[(COUNT + 1) * VB_SEND_FIELDS];
	for (int i = 0; i <= COUNT; i++) {
		double *frame = frames + i * VB_SEND_FIELDS;
		frame[0] = (double)(uintptr_t)head, frame[1] = sizeof head;
		const void *from = i == COUNT ? gone : lengths[i] > 0 ? data : NULL;
		frame[2] = (double)(uintptr_t)from, frame[3] = i < COUNT ? (double)lengths[i] : 512;
	}
	uint32_t place = 0;
	for (int round = 0; round < ROUNDS; round++) {
		CHECK(vb_port_send(&port, frames, COUNT, &error) == COUNT && error == 0);
		for (int i = 0; i < COUNT; i++, place = vb_port_after(&port, place)) {
			CHECK(vb_port_next(&port, place, 0, 1e6) >= 1);
			const uint8_t *base = port.ring + vb_port_frame_offset(&port, place);
			const struct tpacket2_hdr *header = (const void *)base;
			CHECK(header->tp_len == sizeof head + lengths[i]);
			CHECK(!memcmp(base + header->tp_mac, head, sizeof head));
			CHECK(!memcmp(base + header->tp_mac + sizeof head, data, lengths[i]));
			CHECK(vb_port_next(&port, place, 1, 0) >= 0);
		}
		CHECK(!vb_xdp_waits(&port.xdp) && port.xdp.unused_count == VB_XDP_CHUNKS);
	}
	CHECK(vb_port_send(&port, frames + COUNT * VB_SEND_FIELDS, 1, &error) == 0 && error == EFAULT);
	CHECK(port.xdp.unused_count == VB_XDP_CHUNKS);
	munmap(gone, PAGE);
	fclose(file);
	vb_port_close(&port);
	CHECK(vb_port_use_xdp(&other, &step) == 0);
	vb_port_close(&other);
}

/* By name and by number; the number of the loopback interface. */
static int find_interfaces(void)
{
	static struct vb_interface_answer answer;
	CHECK(vb_interface_get("no such interface at all", 0, &answer) == -ENODEV);
	CHECK(vb_interface_get("nothere0", 0, &answer) == -ENODEV && vb_interface_get("", 0, &answer) == -ENODEV);
	CHECK(vb_interface_get(NULL, 1 << 20, &answer) == -ENODEV);
	CHECK(vb_interface_get("lo", 0, &answer) == 0 && answer.interface.mtu > 0);
	int index = answer.interface.index;
	CHECK(vb_interface_get(NULL, index, &answer) == 0 && !strcmp(answer.interface.name, "lo"));
	CHECK(vb_interface_alternative(&answer.interface, NULL) == NULL);
	return index;
}

static void refuse_ports(const struct vb_port_config *config)
{
	struct vb_port port;
	const char *step;
	struct vb_port_config wrong = *config;
	wrong.frame_bytes = UINT_MAX;
	CHECK(vb_port_open(&port, &wrong, &step) == -EINVAL);
	wrong = *config;
	wrong.frame_count = UINT_MAX;
	CHECK(vb_port_open(&port, &wrong, &step) == -EINVAL);
	wrong = *config;
	wrong.index = 0;
	CHECK(vb_port_open(&port, &wrong, &step) == -ENODEV && !strcmp(step, "find"));
}

/* Each change of an interface is told once. */
static void watch_interface(int index)
{
	static struct vb_monitor monitor;
	struct vb_interface interface;
	CHECK(vb_monitor_open(&monitor) == 0);
	struct pollfd change = { .fd = monitor.fd, .events = POLLIN };
	bring_up("lo");
	CHECK(poll(&change, 1, LIMIT_MS) == 1);
	CHECK(vb_monitor_next(&monitor, &interface) == 1 && interface.index == index && !strcmp(interface.name, "lo"));
	while (vb_monitor_next(&monitor, &interface) == 1) CHECK(interface.index == index);
	CHECK(poll(&change, 1, 0) == 0);
	close(monitor.fd);
}

/* Frames have the moment at which they came, whatever the kernel had put there, and keep it however often they are looked at. */
static void stamp_frames(const struct vb_port_config *config)
{
	static const int64_t ages[] = { 5000, -3600000000, 3600000000 };
	struct vb_port port;
	const char *step;
	int error;
	uint8_t head[60] = { 0 };
	head[12] = 0x88, head[13] = 0xa2;
	double frame[VB_SEND_FIELDS] = { (double)(uintptr_t)head, sizeof head };
	CHECK(vb_port_open(&port, config, &step) == 0);
	uint64_t before = vb_now_us();
	for (uint32_t i = 0; i < 3; i++) {
		usleep(10000);
		CHECK(vb_port_send(&port, frame, 1, &error) == 1);
		struct tpacket2_hdr *header = (void *)(port.ring + vb_port_frame_offset(&port, i));
		while (!(header->tp_status & TP_STATUS_USER)) usleep(1000);
		/* So much older than it is: the time of day is set back, or forward, before the frame is looked at. */
		struct timespec day;
		clock_gettime(CLOCK_REALTIME, &day);
		int64_t us = (int64_t)day.tv_sec * 1000000 + day.tv_nsec / 1000 - ages[i];
		header->tp_sec = (uint32_t)(us / 1000000), header->tp_nsec = (uint32_t)(us % 1000000 * 1000);
		CHECK(vb_port_next(&port, i, 0, 0) == 1);
		uint32_t stamp = header->tp_sec;
		CHECK((int32_t)(stamp - (uint32_t)before) >= 0 && (int32_t)((uint32_t)vb_now_us() - stamp) >= 0);
		usleep(1000);
		before = vb_now_us();
		CHECK(vb_port_next(&port, i, 0, 0) == 1 && header->tp_sec == stamp && header->tp_nsec == VB_STAMPED);
		CHECK(vb_port_next(&port, i, 1, 0) == 0);
	}
	vb_port_close(&port);
}

static void send_and_receive(const struct vb_port_config *config)
{
	struct vb_port port;
	const char *step;
	CHECK(vb_port_open(&port, config, &step) == 0 && port.frame_count >= 100);
	vb_port_error(&port);
	uint8_t head[64] = { 0 }, data[1000];
	head[12] = 0x88, head[13] = 0xa2;
	memset(data, 0x5a, sizeof data);
	enum { FRAMES = 70 };
	double frames[(FRAMES + 2) * VB_SEND_FIELDS];
	for (int i = 0; i < FRAMES; i++) {
		double *frame = frames + i * VB_SEND_FIELDS;
		frame[0] = (double)(uintptr_t)head, frame[1] = 60;
		frame[2] = (double)(uintptr_t)data, frame[3] = i;
	}
	int error;
	CHECK(vb_port_send(&port, frames, FRAMES, &error) == FRAMES && error == 0);
	for (uint32_t i = 0; i < FRAMES; i++) {
		CHECK(vb_port_next(&port, i, 0, 1e6) >= 1);
		const uint32_t *header = (const void *)(port.ring + vb_port_frame_offset(&port, i));
		CHECK(header[1] == 60 + i);
	}
	CHECK(vb_port_next(&port, 0, 0, 0) == VB_BATCH);
	CHECK(vb_port_next(&port, 0, VB_BATCH, 0) == FRAMES - VB_BATCH);
	CHECK(vb_port_next(&port, VB_BATCH, FRAMES - VB_BATCH, 10) == 0);
	/* One without data, one that leads nowhere. */
	frames[3] = 0;
	frames[VB_SEND_FIELDS] = 8;
	CHECK(vb_port_send(&port, frames, 2, &error) == 1 && error == EFAULT);
	for (int i = 0; i < 5; i++) vb_port_send(&port, frames + 5 * VB_SEND_FIELDS, FRAMES - 5, &error);
	CHECK(vb_port_drops(&port) > 0 && vb_port_drops(&port) == 0);
	vb_port_close(&port);
	vb_port_close(&port);
}

void test_packets(void)
{
	int index = find_interfaces();
	struct vb_port_config config = { .index = index, .ethertype = 0x88a2, .frame_bytes = 1514, .frame_count = 100, .send_bytes = 1 << 20 };
	refuse_ports(&config);
	watch_interface(index);
	send_and_receive(&config);
	stamp_frames(&config);
	test_xdp(config);
}
