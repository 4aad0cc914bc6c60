/*
 * See load.h. One loop: take answers from the ring, put each command's successor into the batch, send the batch. The
 * answer's tag says which place of the window it belongs to, and which life of that place.
 */
#define _GNU_SOURCE
#include "load.h"

#include <errno.h>
#include <linux/if_packet.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "net/interfaces.h"
#include "net/packet.h"

enum {
	ETHERTYPE_AOE = 0x88a2,
	HEADER_BYTES = 36,
	SECTOR_BYTES = 512,
	MIN_FRAME_BYTES = 60,
	TIMEOUT_US = 250 * 1000,
	GIVE_UP_US = 10 * 1000 * 1000,
	SPIN_US = 100,
	SUB_BUCKETS = 32,
	BUCKETS = 40 * SUB_BUCKETS,
	PLACE_BITS = 10, /* of the tag: the place in the window. The other bits: its life */
};

enum { ATA_READ = 0x24, ATA_WRITE = 0x34, ATA_ERR = 0xa9, AFLAG_EXT = 0x40, AFLAG_WRITE = 0x01, FLAG_RESPONSE = 0x08, FLAG_ERROR = 0x04 };

/* A place of the window: one command under way. */
struct place {
	uint32_t tag;
	int write;
	uint64_t block;
	uint32_t generation; /* that a write puts there */
	double sent_us;
	double first_us; /* of the first try */
};

struct load {
	const struct vb_load_config *config;
	struct vb_load_result *result;
	struct vb_port port;
	struct place *places;
	uint8_t *frames;  /* one per place, header kept from command to command */
	size_t frame_stride;
	double *batch;    /* frames to send, as vb_port_send takes them */
	int batch_count;
	uint32_t next_slot;
	uint32_t *generations; /* per block, if verifying: the newest that was acknowledged */
	uint8_t *busy;         /* per block, if verifying: a command is under way on it */
	uint64_t next_block;
	uint64_t random;
	uint64_t started;
	uint32_t generation;
	uint32_t histogram[BUCKETS];
	double max_us;
	double now_us;
};

static double clock_us(void)
{
	return (double)vb_now_ns() / 1e3;
}

/* xorshift64*: Marsaglia's generator, good enough to choose blocks. */
static uint64_t next_random(struct load *load)
{
	uint64_t x = load->random;
	x ^= x >> 12;
	x ^= x << 25;
	x ^= x >> 27;
	load->random = x;
	return x * 0x2545f4914f6cdd1dull;
}

/* ---- latency: buckets that grow with the value, 32 per power of two, so about 3 % wide ---- */

static void count_latency(struct load *load, double us)
{
	uint64_t ns = us > 0 ? (uint64_t)(us * 1000) : 0;
	int exponent = ns < SUB_BUCKETS ? 0 : 63 - __builtin_clzll(ns) - 4;
	uint64_t index = exponent == 0 ? ns : (uint64_t)exponent * (SUB_BUCKETS / 2) + (ns >> exponent);
	if (index >= BUCKETS) index = BUCKETS - 1;
	load->histogram[index]++;
	if (us > load->max_us) load->max_us = us;
}

static double percentile(const struct load *load, double part)
{
	double wanted = (double)load->result->requests * part, seen = 0;
	for (int i = 0; i < BUCKETS; i++) {
		seen += load->histogram[i];
		if (seen < wanted || load->histogram[i] == 0) continue;
		if (i < SUB_BUCKETS) return i / 1000.0;
		int exponent = i / (SUB_BUCKETS / 2) - 1;
		uint64_t mantissa = (uint64_t)i - (uint64_t)exponent * (SUB_BUCKETS / 2);
		return (double)(mantissa << exponent) / 1000.0;
	}
	return load->max_us;
}

/* ---- stamps: each sector of a verified run begins with its LBA and the generation of its write ---- */

static void stamp(struct load *load, const struct place *place, uint8_t *data)
{
	uint64_t lba = load->config->first_lba + place->block * load->config->sectors;
	for (uint32_t i = 0; i < load->config->sectors; i++, lba++) {
		uint64_t words[3] = { lba, place->generation, lba ^ place->generation ^ 0x76626c6164650000ull };
		memcpy(data + (size_t)i * SECTOR_BYTES, words, sizeof words);
		memcpy(data + (size_t)(i + 1) * SECTOR_BYTES - sizeof words, words, sizeof words);
	}
}

static void check(struct load *load, const struct place *place, const uint8_t *data)
{
	uint64_t lba = load->config->first_lba + place->block * load->config->sectors;
	uint32_t generation = load->generations[place->block];
	if (generation == 0) return;
	for (uint32_t i = 0; i < load->config->sectors; i++, lba++) {
		uint64_t words[3] = { lba, generation, lba ^ generation ^ 0x76626c6164650000ull };
		const uint8_t *sector = data + (size_t)i * SECTOR_BYTES;
		if (memcmp(sector, words, sizeof words) || memcmp(sector + SECTOR_BYTES - sizeof words, words, sizeof words))
			load->result->wrong++;
	}
}

/* ---- commands ---- */

/* When verifying, a block has one command under way at most, so that what it must hold is known. */
static uint64_t choose_block(struct load *load)
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

static void queue(struct load *load, uint32_t number)
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
	uint64_t lba = load->config->first_lba + place->block * load->config->sectors;
	for (int i = 0; i < 6; i++) frame[28 + i] = (uint8_t)(lba >> (8 * i));
	if (place->write && load->config->verify) stamp(load, place, frame + HEADER_BYTES);
	size_t bytes = place->write ? HEADER_BYTES + load->config->sectors * SECTOR_BYTES : MIN_FRAME_BYTES;
	double *entry = load->batch + (size_t)load->batch_count++ * VB_SEND_FIELDS;
	entry[0] = (double)(uintptr_t)frame;
	entry[1] = (double)bytes;
	entry[2] = entry[3] = 0;
	place->sent_us = load->now_us;
}

static void start_command(struct load *load, uint32_t number)
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

static void send_batch(struct load *load)
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

/* One frame from the ring. Returns the number of the place that is free again, or -1. */
static int take_answer(struct load *load, const uint8_t *frame, uint32_t bytes)
{
	if (bytes < HEADER_BYTES || !(frame[14] & FLAG_RESPONSE) || frame[19] != 0) return -1;
	uint32_t tag = (uint32_t)frame[20] << 24 | (uint32_t)frame[21] << 16 | (uint32_t)frame[22] << 8 | frame[23];
	uint32_t number = tag & ((1u << PLACE_BITS) - 1);
	if (number >= load->config->window) return -1;
	struct place *place = &load->places[number];
	if (place->tag != tag || place->sent_us == 0) {
		load->result->late++;
		return -1;
	}
	size_t data = load->config->sectors * SECTOR_BYTES;
	if ((frame[14] & FLAG_ERROR) || (frame[27] & ATA_ERR) || (!place->write && bytes < HEADER_BYTES + data)) {
		load->result->errors++;
	} else {
		load->result->requests++;
		count_latency(load, load->now_us - place->first_us);
		if (load->config->verify && place->write) load->generations[place->block] = place->generation;
		else if (load->config->verify) check(load, place, frame + HEADER_BYTES);
	}
	if (load->busy) load->busy[place->block] = 0;
	place->sent_us = 0;
	return (int)number;
}

static int wants_more(const struct load *load, double end_us)
{
	return load->now_us < end_us && (load->config->requests == 0 || load->started < load->config->requests);
}

/* Takes every answer that is there; how many commands came to an end. */
static int take_answers(struct load *load, double end_us)
{
	int ended = 0;
	for (;;) {
		struct tpacket2_hdr *header = (void *)(load->port.ring + vb_port_slot_offset(&load->port, load->next_slot));
		if (!(__atomic_load_n(&header->tp_status, __ATOMIC_ACQUIRE) & TP_STATUS_USER)) return ended;
		if (ended == 0) load->now_us = clock_us();
		int number = take_answer(load, (uint8_t *)header + header->tp_mac, header->tp_snaplen);
		__atomic_store_n(&header->tp_status, TP_STATUS_KERNEL, __ATOMIC_RELEASE);
		load->next_slot = load->next_slot + 1 == load->port.frame_count ? 0 : load->next_slot + 1;
		if (number < 0) continue;
		ended++;
		if (wants_more(load, end_us)) start_command(load, (uint32_t)number);
	}
}

/* Sends again what has waited too long, with a new tag as Linux does. Returns how many commands are under way. */
static uint32_t look_after(struct load *load)
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

static int run(struct load *load)
{
	double begin_us = load->now_us = clock_us(), end_us = begin_us + load->config->seconds * 1e6;
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
		load->now_us = clock_us();
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

/* The parts of a frame that are the same in every command. */
static void prepare_frames(struct load *load, const uint8_t mac[6])
{
	for (uint32_t i = 0; i < load->config->window; i++) {
		uint8_t *frame = load->frames + i * load->frame_stride;
		memcpy(frame, load->config->target, 6);
		memcpy(frame + 6, mac, 6);
		frame[12] = ETHERTYPE_AOE >> 8;
		frame[13] = ETHERTYPE_AOE & 0xff;
		frame[14] = 0x10;
		frame[16] = (uint8_t)(load->config->shelf >> 8);
		frame[17] = (uint8_t)load->config->shelf;
		frame[18] = load->config->slot;
		memset(frame + HEADER_BYTES, 0x5a, load->config->sectors * SECTOR_BYTES);
	}
}

/* Responses to us, from the blade's address only. */
static uint16_t make_filter(const struct vb_load_config *config, struct sock_filter *filter)
{
	const struct sock_filter program[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, SKF_AD_OFF + SKF_AD_PKTTYPE),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, PACKET_HOST, 0, 5),
		BPF_STMT(BPF_LD | BPF_H | BPF_ABS, 16),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, config->shelf, 0, 3),
		BPF_STMT(BPF_LD | BPF_B | BPF_ABS, 18),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, config->slot, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, 0xffffffff),
		BPF_STMT(BPF_RET | BPF_K, 0),
	};
	memcpy(filter, program, sizeof program);
	return sizeof program / sizeof program[0];
}

static int open_port(struct load *load, uint8_t mac[6], const char **step)
{
	struct sock_filter filter[8];
	*step = "memory";
	struct vb_interface_answer *answer = malloc(sizeof *answer);
	if (!answer) return -ENOMEM;
	*step = "find";
	int error = vb_interface_get(load->config->interface, 0, answer);
	struct vb_interface interface = answer->interface;
	free(answer);
	if (error) return error;
	memcpy(mac, interface.mac, 6);
	struct vb_port_config config = {
		.index = interface.index,
		.ethertype = ETHERTYPE_AOE,
		.frame_bytes = interface.mtu + 14,
		.frame_count = load->config->window * 2 < 256 ? 256 : load->config->window * 2,
		.send_bytes = 16 << 20,
		.filter = filter,
		.filter_length = make_filter(load->config, filter),
	};
	if (HEADER_BYTES - 14 + load->config->sectors * SECTOR_BYTES > interface.mtu) {
		*step = "frame";
		return -EMSGSIZE;
	}
	error = vb_port_open(&load->port, &config, step);
	/* Cheaper requests leave more of the processor to load with; where they can't be had it goes on without. */
	const char *ignored;
	if (!error) vb_port_use_xdp(&load->port, &ignored);
	return error;
}

int vb_load_run(const struct vb_load_config *config, struct vb_load_result *result, const char **step)
{
	uint8_t mac[6];
	memset(result, 0, sizeof *result);
	*step = "arguments";
	if (config->window < 1 || config->window > VB_LOAD_WINDOW_MAX || config->sectors < 1 || config->sectors > 255 ||
	    config->blocks < 1 || (config->verify && config->blocks < 2ull * config->window))
		return -EINVAL;
	struct load *load = calloc(1, sizeof *load);
	if (!load) return -ENOMEM;
	load->config = config;
	load->result = result;
	load->random = config->seed | 1;
	load->frame_stride = (HEADER_BYTES + config->sectors * SECTOR_BYTES + 127) / 64 * 64;
	*step = "memory";
	int error = -ENOMEM;
	load->places = calloc(config->window, sizeof *load->places);
	load->frames = calloc(config->window, load->frame_stride);
	load->batch = calloc(config->window, VB_SEND_FIELDS * sizeof *load->batch);
	if (config->verify) {
		load->generations = calloc(config->blocks, sizeof *load->generations);
		load->busy = calloc(config->blocks, 1);
		if (!load->generations || !load->busy) goto out;
	}
	if (!load->places || !load->frames || !load->batch) goto out;
	if ((error = open_port(load, mac, step)) == 0) {
		prepare_frames(load, mac);
		*step = "answer";
		error = run(load);
		vb_port_close(&load->port);
	}
	result->p50_us = percentile(load, 0.5);
	result->p99_us = percentile(load, 0.99);
	result->p999_us = percentile(load, 0.999);
	result->max_us = load->max_us;
out:
	free(load->places);
	free(load->frames);
	free(load->batch);
	free(load->generations);
	free(load->busy);
	free(load);
	return error;
}
