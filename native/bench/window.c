/*
 * See load-state.h. One loop: take answers from the ring, put each command's successor into the batch, send the batch. The
 * answer's tag says which place of the window it belongs to, and which life of that place.
 */
#include <errno.h>
#include <linux/if_packet.h>
#include <poll.h>

#include "common/clock.h"
#include "load-state.h"
#include "stamps.h"

enum {
	MIN_FRAME_BYTES = 60,
	TIMEOUT_US = 250 * 1000,
	GIVE_UP_US = 10 * 1000 * 1000,
	SPIN_US = 100,
	PLACE_BITS = 10, /* of the tag: the place in the window. The other bits: its life */
};

enum { ATA_READ = 0x24, ATA_WRITE = 0x34, ATA_ERR = 0xa9, AFLAG_EXT = 0x40, AFLAG_WRITE = 0x01, FLAG_RESPONSE = 0x08, FLAG_ERROR = 0x04 };

/* xorshift64*: Marsaglia's generator, good enough to choose blocks. */
static uint64_t next_random(struct vb_load *load)
{
	uint64_t x = load->random;
	x ^= x >> 12;
	x ^= x << 25;
	x ^= x >> 27;
	load->random = x;
	return x * 0x2545f4914f6cdd1dull;
}

/* When verifying, a block has one command under way at most, so that what it must hold is known. */
static uint64_t choose_block(struct vb_load *load)
{
	const struct vb_load_config *config = load->config;
	for (;;) {
		uint64_t block = config->sequential ? load->next_block++ % config->blocks : next_random(load) % config->blocks;
		if (!load->busy) return block;
		if (load->busy[block]) continue;
		load->busy[block] = 1;
		return block;
	}
}

static uint64_t lba_of(const struct vb_load *load, const struct place *place)
{
	return load->config->first_lba + place->block * load->config->sectors;
}

static void queue(struct vb_load *load, uint32_t number)
{
	struct place *place = &load->places[number];
	uint8_t *frame = load->frames + number * load->frame_stride;
	place->tag = (place->tag + (1u << PLACE_BITS)) | number;
	frame[20] = (uint8_t)(place->tag >> 24);
	frame[21] = (uint8_t)(place->tag >> 16);
	frame[22] = (uint8_t)(place->tag >> 8);
	frame[23] = (uint8_t)place->tag;
	frame[24] = place->write ? AFLAG_EXT | AFLAG_WRITE : AFLAG_EXT;
	frame[26] = (uint8_t)load->config->sectors;
	frame[27] = place->write ? ATA_WRITE : ATA_READ;
	uint64_t lba = lba_of(load, place);
	for (int i = 0; i < 6; i++) frame[28 + i] = (uint8_t)(lba >> (8 * i));
	if (place->write && load->config->verify)
		vb_stamp(frame + VB_LOAD_HEADER_BYTES, lba, load->config->sectors, place->generation);
	size_t bytes = place->write ? VB_LOAD_HEADER_BYTES + load->config->sectors * VB_SECTOR_BYTES : MIN_FRAME_BYTES;
	double *entry = load->batch + (size_t)load->batch_count++ * VB_SEND_FIELDS;
	entry[0] = (double)(uintptr_t)frame;
	entry[1] = (double)bytes;
	entry[2] = entry[3] = 0;
	place->sent_us = load->now_us;
}

static void start_command(struct vb_load *load, uint32_t number)
{
	struct place *place = &load->places[number];
	const struct vb_load_config *config = load->config;
	place->write = config->write_percent >= 100 || (config->write_percent > 0 && next_random(load) % 100 < config->write_percent);
	place->block = choose_block(load);
	place->generation = ++load->generation;
	place->first_us = load->now_us;
	load->started++;
	queue(load, number);
}

static void send_batch(struct vb_load *load)
{
	int sent = 0;
	while (sent < load->batch_count) {
		int error;
		sent += vb_port_send(&load->port, load->batch + (size_t)sent * VB_SEND_FIELDS, load->batch_count - sent, &error);
		if (error == 0) break;
		if (error == EAGAIN || error == ENOBUFS) {
			struct pollfd writable = { .fd = load->port.send_fd, .events = POLLOUT };
			poll(&writable, 1, 1);
		} else {
			sent++; /* the command times out */
		}
	}
	load->batch_count = 0;
}

/* What a read has brought, if anything has been written there. */
static void check(struct vb_load *load, const struct place *place, const uint8_t *data)
{
	uint32_t generation = load->generations[place->block];
	if (generation == 0) return;
	load->result->wrong += vb_count_unstamped(data, lba_of(load, place), load->config->sectors, generation);
}

/* One frame from the ring. Returns the number of the place that is free again, or -1. */
static int take_answer(struct vb_load *load, const uint8_t *frame, uint32_t bytes)
{
	if (bytes < VB_LOAD_HEADER_BYTES || !(frame[14] & FLAG_RESPONSE) || frame[19] != 0) return -1;
	uint32_t tag = (uint32_t)frame[20] << 24 | (uint32_t)frame[21] << 16 | (uint32_t)frame[22] << 8 | frame[23];
	uint32_t number = tag & ((1u << PLACE_BITS) - 1);
	if (number >= load->config->window) return -1;
	struct place *place = &load->places[number];
	if (place->tag != tag || place->sent_us == 0) {
		load->result->late++;
		return -1;
	}
	size_t data = load->config->sectors * VB_SECTOR_BYTES;
	if ((frame[14] & FLAG_ERROR) || (frame[27] & ATA_ERR) || (!place->write && bytes < VB_LOAD_HEADER_BYTES + data)) {
		load->result->errors++;
	} else {
		load->result->requests++;
		vb_latency_add(&load->latency, load->now_us - place->first_us);
		if (load->config->verify && place->write) load->generations[place->block] = place->generation;
		else if (load->config->verify) check(load, place, frame + VB_LOAD_HEADER_BYTES);
	}
	if (load->busy) load->busy[place->block] = 0;
	place->sent_us = 0;
	return (int)number;
}

static int wants_more(const struct vb_load *load, double end_us)
{
	return load->now_us < end_us && (load->config->requests == 0 || load->started < load->config->requests);
}

/* Takes every answer that is there; how many commands came to an end. */
static int take_answers(struct vb_load *load, double end_us)
{
	uint32_t first = load->next_frame;
	int ended = 0, ready = 0;
	while ((ready = vb_port_next(&load->port, first, (uint32_t)ready, 0)) > 0) {
		if (ended == 0) load->now_us = (double)vb_now_ns() / 1e3;
		first = load->next_frame;
		for (int i = 0; i < ready; i++, load->next_frame = vb_port_after(&load->port, load->next_frame)) {
			struct tpacket2_hdr *header = (void *)(load->port.ring + vb_port_frame_offset(&load->port, load->next_frame));
			int number = take_answer(load, (uint8_t *)header + header->tp_mac, header->tp_snaplen);
			if (number < 0) continue;
			ended++;
			if (wants_more(load, end_us)) start_command(load, (uint32_t)number);
		}
	}
	return ended;
}

/* Sends again what has waited too long, with a new tag as Linux does. Returns how many commands are under way. */
static uint32_t look_after(struct vb_load *load)
{
	uint32_t under_way = 0;
	for (uint32_t i = 0; i < load->config->window; i++) {
		struct place *place = &load->places[i];
		if (place->sent_us == 0) continue;
		under_way++;
		if (load->now_us - place->sent_us < TIMEOUT_US) continue;
		load->result->lost++;
		queue(load, i);
	}
	send_batch(load);
	return under_way;
}

int vb_load_keep_window(struct vb_load *load)
{
	double begin_us = load->now_us = (double)vb_now_ns() / 1e3, end_us = begin_us + load->config->seconds * 1e6;
	double last_answer_us = begin_us;
	for (uint32_t i = 0; i < load->config->window && wants_more(load, end_us); i++) start_command(load, i);
	send_batch(load);
	double looked_us = begin_us;
	for (;;) {
		if (take_answers(load, end_us) > 0) {
			last_answer_us = load->now_us;
			send_batch(load);
			continue;
		}
		load->now_us = (double)vb_now_ns() / 1e3;
		if (load->now_us - last_answer_us > SPIN_US) {
			struct pollfd readable = { .fd = load->port.fd, .events = POLLIN };
			poll(&readable, 1, 1);
		}
		if (load->now_us - looked_us < 1000 && load->now_us < end_us) continue;
		looked_us = load->now_us;
		if (look_after(load) == 0 && !wants_more(load, end_us)) break;
		if (load->now_us - last_answer_us > GIVE_UP_US) return -ETIMEDOUT;
	}
	load->result->seconds = (last_answer_us - begin_us) / 1e6;
	return 0;
}
