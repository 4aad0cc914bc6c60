/* See load.h: a run from its beginning to its end. What happens between is in window.c. */
#define _GNU_SOURCE
#include "load.h"

#include <errno.h>
#include <linux/if_packet.h>
#include <stdlib.h>
#include <string.h>

#include "load-state.h"
#include "net/interfaces.h"
#include "stamps.h"

enum { ETHERTYPE_AOE = 0x88a2 };

/* The parts of a frame that are the same in every command. */
static void prepare_frames(struct vb_load *load, const uint8_t mac[6])
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
		frame[18] = (uint8_t)(load->config->slot + i % load->config->slots);
		memset(frame + VB_LOAD_HEADER_BYTES, 0x5a, load->config->sectors * VB_SECTOR_BYTES);
	}
}

enum { FILTER_LENGTH = 9 };

/* Responses to us, from the blades' addresses only. */
static uint16_t make_filter(const struct vb_load_config *config, struct sock_filter filter[FILTER_LENGTH])
{
	const struct sock_filter program[FILTER_LENGTH] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, SKF_AD_OFF + SKF_AD_PKTTYPE),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, PACKET_HOST, 0, 6),
		BPF_STMT(BPF_LD | BPF_H | BPF_ABS, 16),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, config->shelf, 0, 4),
		BPF_STMT(BPF_LD | BPF_B | BPF_ABS, 18),
		BPF_JUMP(BPF_JMP | BPF_JGE | BPF_K, config->slot, 0, 2),
		BPF_JUMP(BPF_JMP | BPF_JGE | BPF_K, config->slot + config->slots, 1, 0),
		BPF_STMT(BPF_RET | BPF_K, 0xffffffff),
		BPF_STMT(BPF_RET | BPF_K, 0),
	};
	memcpy(filter, program, sizeof program);
	return FILTER_LENGTH;
}

static int open_port(struct vb_load *load, uint8_t mac[6], const char **step)
{
	struct sock_filter filter[FILTER_LENGTH];
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
	if (VB_LOAD_HEADER_BYTES - 14 + load->config->sectors * VB_SECTOR_BYTES > interface.mtu) {
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
	    config->blocks < 1 || config->slots < 1 || config->slots + config->slot > 255 ||
	    (config->verify && (config->blocks < 2ull * config->window || config->slots > 1)))
		return -EINVAL;
	struct vb_load *load = calloc(1, sizeof *load);
	if (!load) return -ENOMEM;
	load->config = config;
	load->result = result;
	load->random = config->seed | 1;
	load->frame_stride = (VB_LOAD_HEADER_BYTES + config->sectors * VB_SECTOR_BYTES + 127) / 64 * 64;
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
		error = vb_load_keep_window(load);
		vb_port_close(&load->port);
	}
	result->p50_us = vb_latency_percentile(&load->latency, 0.5);
	result->p99_us = vb_latency_percentile(&load->latency, 0.99);
	result->p999_us = vb_latency_percentile(&load->latency, 0.999);
	result->max_us = load->latency.max_us;
out:
	free(load->places);
	free(load->frames);
	free(load->batch);
	free(load->generations);
	free(load->busy);
	free(load);
	return error;
}
