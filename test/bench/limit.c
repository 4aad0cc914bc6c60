/*
 * How fast a server without any protocol could be: a loop of receive ring, mapped file and batched sending that answers every
 * frame as if it were a sound 48-bit READ or WRITE. No checks, no ordering, no errors: nobody should store anything here. The
 * benchmark builds it and holds the real server against it; what is between the two is the price of doing it right.
 *
 * usage: limit SHELF SLOT INTERFACE FILE      prints vblade's start-up line, then serves until it is killed
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <linux/if_packet.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "net/interfaces.h"
#include "net/packet.h"

enum {
	ETHERTYPE_AOE = 0x88a2,
	HEADER_BYTES = 36,
	MIN_FRAME_BYTES = 60,
	SECTOR_BYTES = 512,
	SPIN_US = 50,
	WRITE_EXT = 0x34,
	IDENTIFY = 0xec,
	STATUS_READY = 0x40,
	ATA = 0,
};

static uint8_t *disk;
/* What all answers have in common behind the receiver's address, as far as the slot. */
static uint8_t header[19] = { [12] = ETHERTYPE_AOE >> 8, ETHERTYPE_AOE & 0xff, 0x18 };
static uint64_t sectors;

/* What the load generator wants to know of a disk: 48-bit addresses (word 83) and their number (words 100 to 103). */
static void identify(uint8_t *data)
{
	memset(data, 0, SECTOR_BYTES);
	data[83 * 2 + 1] = data[86 * 2 + 1] = 0x44;
	for (int i = 0; i < 8; i++) data[100 * 2 + i] = (uint8_t)(sectors >> (8 * i));
}

/* Answers a request in `reply`. Returns the length of the answer, 0 for none. */
static size_t answer(const uint8_t *request, uint8_t *reply)
{
	memcpy(reply, request + 6, 6);
	memcpy(reply + 6, header + 6, sizeof header - 6);
	memcpy(reply + 19, request + 19, HEADER_BYTES - 19);
	if (request[19] != ATA) {
		memset(reply + 24, 0, MIN_FRAME_BYTES - 24);
		reply[25] = 16; /* buffers */
		return MIN_FRAME_BYTES;
	}
	uint64_t lba = 0;
	memcpy(&lba, request + 28, 6);
	size_t bytes = request[26] * (size_t)SECTOR_BYTES;
	reply[27] = STATUS_READY;
	reply[25] = reply[26] = 0;
	if (request[27] == IDENTIFY) identify(reply + HEADER_BYTES);
	else if (lba + request[26] > sectors) return 0;
	else if (request[27] != WRITE_EXT) memcpy(reply + HEADER_BYTES, disk + lba * SECTOR_BYTES, bytes);
	else {
		memcpy(disk + lba * SECTOR_BYTES, request + HEADER_BYTES, bytes);
		bytes = 0;
	}
	return HEADER_BYTES + bytes < MIN_FRAME_BYTES ? MIN_FRAME_BYTES : HEADER_BYTES + bytes;
}

static void serve(struct vb_port *port, uint8_t *replies, size_t stride)
{
	double frames[VB_BATCH * VB_SEND_FIELDS] = { 0 };
	for (uint32_t next = 0;;) {
		int error, count = vb_port_next(port, next, 0, SPIN_US);
		uint32_t first = next;
		for (int i = 0; i < count; i++) {
			struct tpacket2_hdr *slot = (void *)(port->ring + vb_port_frame_offset(port, next));
			uint8_t *reply = replies + (size_t)i * stride;
			double *frame = frames + (size_t)i * VB_SEND_FIELDS;
			frame[0] = (double)(uintptr_t)reply;
			frame[1] = (double)answer((uint8_t *)slot + slot->tp_mac, reply);
			next = vb_port_after(port, next);
		}
		if (count > 0) {
			vb_port_send(port, frames, count, &error);
			vb_port_next(port, first, (uint32_t)count, 0);
		} else {
			struct pollfd readable = { .fd = port->fd, .events = POLLIN };
			poll(&readable, 1, 100);
		}
	}
}

int main(int count, char **words)
{
	static struct vb_interface_answer answer;
	struct vb_port port;
	struct stat status;
	const char *step;
	if (count != 5 || vb_interface_get(words[3], 0, &answer) != 0) return 2;
	struct vb_interface interface = answer.interface;
	int fd = open(words[4], O_RDWR | O_CLOEXEC);
	if (fd < 0 || fstat(fd, &status) < 0) return 2;
	disk = mmap(NULL, (size_t)status.st_size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (disk == MAP_FAILED) return 2;
	sectors = (uint64_t)status.st_size / SECTOR_BYTES;
	struct vb_port_config config = {
		.index = interface.index,
		.ethertype = ETHERTYPE_AOE,
		.frame_bytes = interface.mtu + 14,
		.frame_count = 256,
		.send_bytes = 16 << 20,
	};
	if (vb_port_open(&port, &config, &step) != 0) return 2;
	size_t stride = ((size_t)interface.mtu + 14 + 63) / 64 * 64;
	uint8_t *replies = calloc(VB_BATCH, stride);
	if (!replies) return 2;
	printf("pid %d: e%s.%s, %llu sectors O_RDWR\n", (int)getpid(), words[1], words[2], (unsigned long long)sectors);
	fflush(stdout);
	memcpy(header + 6, interface.mac, 6);
	header[16] = (uint8_t)(atoi(words[1]) >> 8);
	header[17] = (uint8_t)atoi(words[1]);
	header[18] = (uint8_t)atoi(words[2]);
	serve(&port, replies, stride);
}
