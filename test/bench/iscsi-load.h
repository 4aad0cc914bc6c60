/*
 * The connection of the load generator of iSCSI: PDUs in and out, digests, login. Used by iscsi-load.c.
 */
#ifndef ISCSI_LOAD_H
#define ISCSI_LOAD_H

#include <stdint.h>
#include <sys/uio.h>

enum {
	/* As Linux's initiator says it of itself. */
	RECEIVE_MAX = 262144,
	BLOCK_MAX = 16 << 20,
	BUFFER_BYTES = 4 << 20,
	/* PDUs that wait to be sent, and the parts of each: header, data, padding and digest. */
	PDUS_MAX = 4096,
	PARTS = 3,
};
#define NO_TAG 0xffffffffu

struct outgoing {
	uint8_t header[48];
	uint8_t tail[8];
};

struct connection {
	int socket;
	int has_digest;
	/* What the target takes in one PDU, and what was agreed on (RFC 7143, 13). */
	uint32_t send_max, first_burst;
	int has_immediate, waits_for_r2t;
	/* CmdSN of the next command, and the last one that may be sent. */
	uint32_t command, command_max, status;
	uint8_t *in;
	size_t begin, end;
	struct outgoing out[PDUS_MAX];
	struct iovec parts[PDUS_MAX * PARTS];
	int pdus, first_part, part_count;
};

void fail(const char *format, ...) __attribute__((noreturn, format(printf, 1, 2)));

void open_connection(struct connection *line, const char *address, uint16_t port);
/* Throws the program out unless it is in full feature phase then. */
void log_in(struct connection *line, const char *target, const char *digest);

/* The header of a PDU with so many bytes of the data to be written, from an offset on; valid until it is flushed. */
uint8_t *add_pdu(struct connection *line, uint8_t opcode, uint32_t length, uint32_t offset);
/* Sends what waits; all of it if it shall wait for that. */
void flush(struct connection *line, int all);
/* Waits for input, or for room for output, and takes what there is. -1: for ever. */
void receive(struct connection *line, int limit_ms);
/* The header of the next whole PDU, with its data behind it; NULL if there is none yet. Valid until the next receive. */
const uint8_t *next_pdu(struct connection *line, uint32_t *length);

static inline uint32_t get32(const uint8_t *at)
{
	return (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 | at[3];
}

static inline void put32(uint8_t *at, uint32_t value)
{
	at[0] = (uint8_t)(value >> 24);
	at[1] = (uint8_t)(value >> 16);
	at[2] = (uint8_t)(value >> 8);
	at[3] = (uint8_t)value;
}

/* Peripheral addressing (SAM-5, 4.7.5.3). */
static inline void put_lun(uint8_t *pdu, int lun)
{
	pdu[9] = (uint8_t)lun;
}

#endif
