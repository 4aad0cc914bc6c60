/* What load.c, which begins and ends a run, and window.c, which makes it, share of one. For those two alone. */
#ifndef VBLADE_LOAD_STATE_H
#define VBLADE_LOAD_STATE_H

#include "latency.h"
#include "load.h"
#include "net/packet.h"

/* Of a request or an answer, Ethernet header included. */
enum { VB_LOAD_HEADER_BYTES = 36 };

/* A place of the window: one command under way. */
struct place {
	uint32_t tag;
	int write;
	uint64_t block;
	uint32_t generation; /* that a write puts there */
	double sent_us;
	double first_us; /* of the first try */
};

struct vb_load {
	const struct vb_load_config *config;
	struct vb_load_result *result;
	struct vb_port port;
	struct place *places;
	uint8_t *frames;  /* one per place, header kept from command to command */
	size_t frame_stride;
	double *batch;    /* frames to send, as vb_port_send takes them */
	int batch_count;
	uint32_t next_frame; /* of the ring: the one that will come next */
	uint32_t *generations; /* per block, if verifying: the newest that was acknowledged */
	uint8_t *busy;         /* per block, if verifying: a command is under way on it */
	uint64_t next_block;
	uint64_t random;
	uint64_t started;
	uint32_t generation;
	struct vb_latency latency;
	double now_us;
};

/* Keeps the window full until the time or the requests are over, and empty again. -ETIMEDOUT: the blade does not answer. */
int vb_load_keep_window(struct vb_load *load);

#endif
