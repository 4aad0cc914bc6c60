/*
 * Load for iSCSI servers: one session of one connection, so many commands under way, for so many seconds; then one line of JSON of what was
 * done and how long it took. No initiator that there is writes at random at a depth for a given time, and has data digests too. What comes back is
 * counted and its digests are looked at; the bytes themselves are not, as others' clients do that.
 *
 * usage: iscsi-load ADDRESS PORT TARGET LUN (read|write) (random|order) BLOCK-BYTES DISK-BYTES DEPTH SECONDS SEED (None|CRC32C)
 *
 * The last is the data digest. Keys are offered as Linux's initiator has them. The lines of RFC 7143 that are cited are sections.
 */
#define _GNU_SOURCE
#include "iscsi-load.h"

#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum {
	NOP_OUT = 0x00, COMMAND = 0x01, DATA_OUT = 0x05, NOP_IN = 0x20, RESPONSE = 0x21, DATA_IN = 0x25, R2T = 0x31,
	IMMEDIATE = 0x40, FINAL = 0x80, READS = 0x40, WRITES = 0x20, HAS_STATUS = 0x01,
	READ_10 = 0x28, WRITE_10 = 0x2a,
	SECTOR_BYTES = 512,
	DEPTH_MAX = 256,
	READY_TRIES = 16,
	/* Of latencies: so many steps of each power of two, so that a step is less than 2 % of what it stands for. */
	STEPS = 64, POWERS = 40,
};

struct task {
	uint64_t began;
	uint32_t received;
	int busy;
};

static struct {
	int lun, writes, ordered, depth;
	uint32_t block;
	uint64_t blocks, next, random;
} load;
static struct task tasks[DEPTH_MAX];
static struct connection line;
static uint64_t latencies[POWERS * STEPS], requests, longest;

void fail(const char *format, ...)
{
	va_list words;
	va_start(words, format);
	vfprintf(stderr, format, words);
	fputc('\n', stderr);
	exit(1);
}

static uint64_t now_ns(void)
{
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

/* Latencies below STEPS ns are exact, others to a step. */
static size_t step_of(uint64_t ns)
{
	if (ns < STEPS) return ns;
	int power = 63 - __builtin_clzll(ns), shift = power - 6;
	size_t step = (size_t)(shift + 1) * STEPS + ((ns >> shift) & (STEPS - 1));
	return step < POWERS * STEPS ? step : POWERS * STEPS - 1;
}

static double us_at(double share)
{
	uint64_t wanted = (uint64_t)((double)requests * share), seen = 0;
	for (size_t step = 0; step < POWERS * STEPS; step++) {
		seen += latencies[step];
		if (seen <= wanted) continue;
		if (step < STEPS) return (double)step / 1e3;
		return (double)((STEPS + step % STEPS) << (step / STEPS - 1)) / 1e3;
	}
	return (double)longest / 1e3;
}

/* The part of a write that is sent without being asked for, or that an R2T asks for, in PDUs that the target takes (11.7). */
static void send_data(uint32_t tag, uint32_t transfer, uint32_t offset, uint32_t end)
{
	for (uint32_t number = 0; offset < end; number++) {
		uint32_t length = end - offset < line.send_max ? end - offset : line.send_max;
		uint8_t *pdu = add_pdu(&line, DATA_OUT, length, offset);
		pdu[1] = offset + length == end ? FINAL : 0;
		put_lun(pdu, load.lun);
		put32(pdu + 16, tag);
		put32(pdu + 20, transfer);
		put32(pdu + 36, number);
		put32(pdu + 40, offset);
		offset += length;
	}
}

static uint8_t *send_command(uint32_t tag, uint32_t expected, uint32_t immediate)
{
	uint8_t *pdu = add_pdu(&line, COMMAND, immediate, 0);
	pdu[1] = FINAL;
	put_lun(pdu, load.lun);
	put32(pdu + 16, tag);
	put32(pdu + 20, expected);
	put32(pdu + 24, line.command++);
	return pdu;
}

static uint64_t next_block(void)
{
	if (load.ordered) return load.next++ % load.blocks;
	/* xorshift64*, by Vigna. */
	load.random ^= load.random >> 12;
	load.random ^= load.random << 25;
	load.random ^= load.random >> 27;
	return (load.random * 2685821657736338717ull >> 11) % load.blocks;
}

static void begin(uint32_t tag)
{
	uint32_t first = line.first_burst < load.block ? line.first_burst : load.block, immediate = 0;
	if (load.writes && line.has_immediate) immediate = first < line.send_max ? first : line.send_max;
	uint8_t *pdu = send_command(tag, load.block, immediate), *cdb = pdu + 32;
	int is_unsolicited = load.writes && !line.waits_for_r2t && immediate < first;
	pdu[1] = (is_unsolicited ? 0 : FINAL) | (load.writes ? WRITES : READS) | 1;
	uint64_t sector = next_block() * (load.block / SECTOR_BYTES);
	cdb[0] = load.writes ? WRITE_10 : READ_10;
	put32(cdb + 2, (uint32_t)sector);
	cdb[7] = (uint8_t)(load.block / SECTOR_BYTES >> 8);
	cdb[8] = (uint8_t)(load.block / SECTOR_BYTES);
	if (is_unsolicited) send_data(tag, NO_TAG, immediate, first);
	tasks[tag] = (struct task){ .began = now_ns(), .busy = 1 };
}

static void ended(uint32_t tag, uint8_t status)
{
	struct task *task = &tasks[tag];
	if (status != 0) fail("a command ended with status 0x%02x", status);
	if (!load.writes && task->received != load.block) fail("a read brought %u bytes", task->received);
	uint64_t ns = now_ns() - task->began;
	task->busy = 0;
	latencies[step_of(ns)]++;
	requests++;
	if (ns > longest) longest = ns;
}

/* What comes in full feature phase. */
static void take(const uint8_t *pdu, uint32_t length)
{
	uint8_t opcode = pdu[0] & 0x3f;
	uint32_t tag = get32(pdu + 16);
	if (opcode == NOP_IN) {
		if (get32(pdu + 20) == NO_TAG) return;
		uint8_t *answer = add_pdu(&line, NOP_OUT | IMMEDIATE, 0, 0);
		answer[1] = FINAL;
		memcpy(answer + 8, pdu + 8, 8);
		put32(answer + 16, NO_TAG);
		memcpy(answer + 20, pdu + 20, 4);
		put32(answer + 24, line.command);
		return;
	}
	if (tag >= (uint32_t)load.depth || !tasks[tag].busy) fail("PDU 0x%02x of no task, 0x%08x", opcode, tag);
	switch (opcode) {
	case R2T:
		send_data(tag, get32(pdu + 20), get32(pdu + 40), get32(pdu + 40) + get32(pdu + 44));
		return;
	case DATA_IN:
		if (get32(pdu + 40) != tasks[tag].received) fail("Data-In out of order");
		tasks[tag].received += length;
		if (pdu[1] & HAS_STATUS) ended(tag, pdu[3]);
		return;
	case RESPONSE:
		if (pdu[2] != 0) fail("response 0x%02x", pdu[2]);
		ended(tag, pdu[3]);
		return;
	default:
		fail("PDU 0x%02x", opcode);
	}
}

/* TEST UNIT READY until there is no unit attention any more. */
static void await_ready(void)
{
	for (int tries = 0; tries < READY_TRIES; tries++) {
		const uint8_t *pdu;
		uint32_t length;
		send_command(0, 0, 0);
		flush(&line, 1);
		do {
			while ((pdu = next_pdu(&line, &length)) == NULL) receive(&line, -1);
		} while ((pdu[0] & 0x3f) != RESPONSE);
		if (pdu[3] == 0) return;
	}
	fail("the unit does not get ready");
}

/* Full depth until the time is over, then until all is answered. */
static void run(double seconds)
{
	uint64_t until = now_ns() + (uint64_t)(seconds * 1e9);
	for (int busy = 0, over = 0;;) {
		for (int tag = 0; !over && tag < load.depth; tag++) {
			/* The window (4.2.2.1). */
			if (tasks[tag].busy || (int32_t)(line.command - line.command_max) > 0) continue;
			begin((uint32_t)tag);
			busy++;
		}
		if (over && busy == 0) return;
		flush(&line, 0);
		receive(&line, 1000);
		const uint8_t *pdu;
		uint64_t before = requests;
		for (uint32_t length; (pdu = next_pdu(&line, &length)) != NULL;) take(pdu, length);
		busy -= (int)(requests - before);
		over = now_ns() >= until;
	}
}

int main(int count, char **words)
{
	if (count != 13) fail("usage: see the head of iscsi-load.c");
	load.lun = atoi(words[4]);
	load.writes = strcmp(words[5], "write") == 0;
	load.ordered = strcmp(words[6], "order") == 0;
	load.block = (uint32_t)atol(words[7]);
	load.blocks = (uint64_t)atoll(words[8]) / (load.block ? load.block : 1);
	load.depth = atoi(words[9]);
	load.random = (uint64_t)atoll(words[11]) * 0x9e3779b97f4a7c15ull + 1;
	if (load.depth < 1 || load.depth > DEPTH_MAX || load.blocks == 0 || load.block % SECTOR_BYTES || load.block > BLOCK_MAX)
		fail("this depth, block or disk can't be");
	open_connection(&line, words[1], (uint16_t)atoi(words[2]));
	log_in(&line, words[3], words[12]);
	await_ready();
	uint64_t began = now_ns();
	run(atof(words[10]));
	double took = (double)(now_ns() - began) / 1e9;
	printf("{\"requests\":%llu,\"seconds\":%.6f,\"p50Us\":%.2f,\"p99Us\":%.2f,\"p999Us\":%.2f,\"maxUs\":%.2f}\n",
		(unsigned long long)requests, took, us_at(0.5), us_at(0.99), us_at(0.999), (double)longest / 1e3);
	return 0;
}
