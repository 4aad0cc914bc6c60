/*
 * A connection of iSCSI for the load generator: see iscsi-load.h. What waits to be sent is a list of parts, headers of their own and pieces of the
 * one buffer that all writes take their data from, so that nothing is copied; what one chunk of input brings about leaves in one call.
 */
#define _GNU_SOURCE
#include "iscsi-load.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "storage/crc32c.h"

enum { HEADER = 48, DIGEST = 4, LOGIN = 0x43, LOGIN_RESPONSE = 0x23, SENT_AT_ONCE = 1024, TEXT_MAX = 8192 };

static uint8_t *written;

void open_connection(struct connection *line, const char *address, uint16_t port)
{
	struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = htons(port) };
	int yes = 1;
	if (inet_pton(AF_INET, address, &to.sin_addr) != 1) fail("%s is no address", address);
	line->socket = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (connect(line->socket, (struct sockaddr *)&to, sizeof to) < 0) fail("%s: %s", address, strerror(errno));
	setsockopt(line->socket, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
	line->in = malloc(BUFFER_BYTES);
	written = malloc(BLOCK_MAX);
	if (!line->in || !written) fail("no memory");
	for (size_t i = 0; i < BLOCK_MAX; i++) written[i] = (uint8_t)(i * 2654435761u >> 13);
	line->command = line->command_max = 1;
	line->send_max = 8192;
}

static void add_part(struct connection *line, void *bytes, size_t length)
{
	if (length > 0) line->parts[line->part_count++] = (struct iovec){ bytes, length };
}

uint8_t *add_pdu(struct connection *line, uint8_t opcode, uint32_t length, uint32_t offset)
{
	if (line->pdus == PDUS_MAX) flush(line, 1);
	struct outgoing *out = &line->out[line->pdus++];
	uint32_t padding = -length & 3;
	memset(out, 0, sizeof *out);
	out->header[0] = opcode;
	put32(out->header + 4, length);
	put32(out->header + 28, line->status);
	add_part(line, out->header, HEADER);
	if (length == 0) return out->header;
	add_part(line, written + offset, length);
	if (line->has_digest) {
		uint32_t crc = vb_crc32c(vb_crc32c(0, written + offset, length), out->tail, padding);
		memcpy(out->tail + padding, &crc, DIGEST);
	}
	add_part(line, out->tail, padding + (line->has_digest ? DIGEST : 0));
	return out->header;
}

/* Sends what the socket takes. Returns 0 if there is more. */
static int send_some(struct connection *line)
{
	while (line->first_part < line->part_count) {
		int count = line->part_count - line->first_part;
		struct msghdr message = { .msg_iov = line->parts + line->first_part,
			.msg_iovlen = (size_t)(count < SENT_AT_ONCE ? count : SENT_AT_ONCE) };
		ssize_t sent = sendmsg(line->socket, &message, MSG_DONTWAIT | MSG_NOSIGNAL);
		if (sent < 0 && (errno == EAGAIN || errno == EINTR)) return 0;
		if (sent < 0) fail("send: %s", strerror(errno));
		for (size_t left = (size_t)sent; left > 0;) {
			struct iovec *part = &line->parts[line->first_part];
			size_t taken = left < part->iov_len ? left : part->iov_len;
			part->iov_base = (uint8_t *)part->iov_base + taken;
			part->iov_len -= taken;
			left -= taken;
			if (part->iov_len == 0) line->first_part++;
		}
	}
	line->pdus = line->first_part = line->part_count = 0;
	return 1;
}

void flush(struct connection *line, int all)
{
	while (!send_some(line) && all) {
		/* Input is taken meanwhile: the other end may wait for that. */
		receive(line, -1);
	}
}

void receive(struct connection *line, int limit_ms)
{
	if (line->end == line->begin) line->begin = line->end = 0;
	if (BUFFER_BYTES - line->end < 2 * RECEIVE_MAX) {
		memmove(line->in, line->in + line->begin, line->end - line->begin);
		line->end -= line->begin;
		line->begin = 0;
	}
	size_t room = BUFFER_BYTES - line->end;
	ssize_t got = room == 0 ? 0 : recv(line->socket, line->in + line->end, room, MSG_DONTWAIT);
	if (got < 0 && errno == EAGAIN) {
		int has_output = line->first_part < line->part_count;
		struct pollfd ready = { .fd = line->socket, .events = (short)(POLLIN | (has_output ? POLLOUT : 0)) };
		if (poll(&ready, 1, limit_ms) < 0 && errno != EINTR) fail("poll: %s", strerror(errno));
		if (!(ready.revents & (POLLIN | POLLHUP | POLLERR))) return;
		got = recv(line->socket, line->in + line->end, room, MSG_DONTWAIT);
		if (got < 0 && errno == EAGAIN) return;
	}
	if (got <= 0 && room > 0) fail("receive: %s", got == 0 ? "the target has closed the connection" : strerror(errno));
	line->end += (size_t)got;
}

const uint8_t *next_pdu(struct connection *line, uint32_t *length)
{
	uint8_t *pdu = line->in + line->begin;
	size_t there = line->end - line->begin;
	if (there < HEADER) return NULL;
	uint32_t data = get32(pdu + 4) & 0xffffff;
	if (pdu[4] != 0 || data > RECEIVE_MAX) fail("a PDU of %u words and %u bytes", pdu[4], data);
	size_t padded = (data + 3) & ~(size_t)3, digest = line->has_digest && data > 0 ? DIGEST : 0;
	if (there < HEADER + padded + digest) return NULL;
	if (digest > 0) {
		uint32_t crc = vb_crc32c(0, pdu + HEADER, padded);
		if (memcmp(&crc, pdu + HEADER + padded, DIGEST) != 0) fail("a wrong data digest");
	}
	line->begin += HEADER + padded + digest;
	*length = data;
	/* Data-In has no StatSN without a status, and an R2T has the next one (11.7.4, 11.8.3). */
	uint8_t opcode = pdu[0] & 0x3f;
	if (opcode != 0x31 && (opcode != 0x25 || (pdu[1] & 1))) line->status = get32(pdu + 24) + 1;
	line->command_max = get32(pdu + 32);
	return pdu;
}

/* The value of a key in text of login, or NULL. */
static const char *value_of(const char *text, uint32_t length, const char *key)
{
	size_t size = strlen(key);
	for (const char *at = text; at < text + length; at += strlen(at) + 1)
		if (strncmp(at, key, size) == 0 && at[size] == '=') return at + size + 1;
	return NULL;
}

static uint32_t number_of(const char *text, uint32_t length, const char *key, uint32_t otherwise)
{
	const char *value = value_of(text, length, key);
	return value ? (uint32_t)strtoul(value, NULL, 10) : otherwise;
}

static int is_yes(const char *text, uint32_t length, const char *key, int otherwise)
{
	const char *value = value_of(text, length, key);
	return value ? strcmp(value, "Yes") == 0 : otherwise;
}

static void agree(struct connection *line, const char *text, uint32_t length, int *has_digest)
{
	const char *digest = value_of(text, length, "DataDigest");
	if (digest) *has_digest = strcmp(digest, "CRC32C") == 0;
	line->send_max = number_of(text, length, "MaxRecvDataSegmentLength", line->send_max);
	line->first_burst = number_of(text, length, "FirstBurstLength", line->first_burst);
	line->has_immediate = is_yes(text, length, "ImmediateData", line->has_immediate);
	line->waits_for_r2t = is_yes(text, length, "InitialR2T", line->waits_for_r2t);
}

void log_in(struct connection *line, const char *target, const char *digest)
{
	static char text[TEXT_MAX];
	int has_digest = 0;
	line->first_burst = RECEIVE_MAX;
	line->has_immediate = 1;
	size_t length = (size_t)snprintf(text, sizeof text,
		"InitiatorName=iqn.2026-01.test.bench:load%cTargetName=%s%cSessionType=Normal%cHeaderDigest=None%cDataDigest=%s%c"
		"InitialR2T=No%cImmediateData=Yes%cMaxRecvDataSegmentLength=%d%cFirstBurstLength=%d%cMaxBurstLength=16776192%c"
		"MaxOutstandingR2T=1%cMaxConnections=1%cErrorRecoveryLevel=0%cDataPDUInOrder=Yes%cDataSequenceInOrder=Yes%c"
		"DefaultTime2Wait=2%cDefaultTime2Retain=0%c",
		0, target, 0, 0, 0, digest, 0, 0, 0, RECEIVE_MAX, 0, RECEIVE_MAX, 0, 0, 0, 0, 0, 0, 0, 0, 0);
	memcpy(written, text, length);
	for (;;) {
		uint8_t *pdu = add_pdu(line, LOGIN, (uint32_t)length, 0);
		uint32_t got;
		/* From operational negotiation to full feature phase (11.12.3). */
		pdu[1] = 0x87;
		pdu[8] = 0x80;
		put32(pdu + 10, (uint32_t)getpid());
		put32(pdu + 16, 1);
		put32(pdu + 24, line->command);
		flush(line, 1);
		const uint8_t *answer;
		while ((answer = next_pdu(line, &got)) == NULL) receive(line, -1);
		if ((answer[0] & 0x3f) != LOGIN_RESPONSE || answer[36] != 0)
			fail("login: PDU 0x%02x, status 0x%02x%02x", answer[0], answer[36], answer[37]);
		char *said = (char *)answer + HEADER;
		/* Each value is ended by a zero, or else what follows it is. */
		if (got > 0 && said[got - 1] != 0) fail("login: text without an end");
		agree(line, said, got, &has_digest);
		if (answer[1] & 0x80) break;
		length = 0;
	}
	if (has_digest != (strcmp(digest, "CRC32C") == 0)) fail("login: the target does not have %s as its data digest", digest);
	line->has_digest = has_digest;
}
