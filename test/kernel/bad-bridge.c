/*
 * A bad network between two network interfaces, for Linux's AoE driver on one side and our target on the other. Frames are
 * passed from each to the other; some are dropped, doubled, held up while later ones overtake them, or damaged, and now and
 * then a direction stands still. Chance comes from a seed.
 *
 *   bad-bridge INTERFACE INTERFACE seed=N [losses=N] [drop=N] [damage=N] [double=N] [hold=N] [stall=N]
 *
 * The first interface is the initiator's side. All but seed and losses are chances in 10000 per frame; `losses` is how many
 * frames may be dropped, and how many damaged, for each costs the driver up to 0.8 s. Says "ready", and on SIGTERM what it did.
 *
 * AoE has no checksum, so damage is only of kinds that the protocol can notice; see damage(). Nor has it an order: a write
 * that the network delivers after a newer one to the same sectors wins, and no target could tell. So such a copy, and only
 * such a one, is dropped here ("stale"); a copy of the newest write is delivered, however late.
 *
 * Compiled by scripts/setup, run by network-cases.ts.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { TO_SERVER, TO_CLIENT };
enum { FRAME_MAX = 65536, RECEIVE_BATCH = 64, HOLD_MAX_US = 15000, STALL_MAX_US = 40000 };
/* Byte offsets in a frame: AoE r11, section 2 and 3.1. */
enum { DST = 0, TYPE = 12, VERSION_FLAGS = 14, SHELF = 16, SLOT = 18, COMMAND = 19, TAG = 20 };
enum { ATA_FLAGS = 24, ATA_COUNT = 26, ATA_COMMAND = 27, ATA_LBA = 28, ATA_DATA = 36 };
enum { AOE_TYPE = 0x88a2, FLAG_RESPONSE = 0x08, FLAG_ERROR = 0x04, ATA_EXTENDED = 0x40, ATA_WRITE = 0x01 };

/* A frame that waits for its time. Copies of a frame share `number`: the order in which frames came. */
struct frame {
	struct frame *next;
	int64_t due_us;
	uint64_t number;
	int direction;
	int length;
	uint8_t bytes[];
};

static struct { int drops, damages, drop, damage, dbl, hold, stall; } rates;
static struct { unsigned long passed, dropped, damaged, doubled, held, stalled, stale; } counts;
static uint32_t state;
static int sockets[2];
static struct frame *waiting;
static int64_t stalled_until_us[2];
static volatile sig_atomic_t ended;

/* xorshift32 (Marsaglia): below `limit`. */
static uint32_t below(uint32_t limit) {
	state ^= state << 13;
	state ^= state >> 17;
	state ^= state << 5;
	return state % limit;
}

static int chance(int in_10000) { return (int)below(10000) < in_10000; }

static int64_t now_us(void) {
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * INT64_C(1000000) + now.tv_nsec / 1000;
}

static int is_ata(const uint8_t *b, int length) {
	return length >= ATA_DATA && (b[TYPE] << 8 | b[TYPE + 1]) == AOE_TYPE && b[COMMAND] == 0;
}

static int is_write(const struct frame *f) {
	return f->direction == TO_SERVER && is_ata(f->bytes, f->length) && (f->bytes[ATA_FLAGS] & ATA_WRITE);
}

static uint64_t first_sector(const uint8_t *b) {
	uint64_t lba = 0;
	for (int i = 5; i >= 0; i--) lba = lba << 8 | b[ATA_LBA + i];
	return b[ATA_FLAGS] & ATA_EXTENDED ? lba : lba & 0x0fffffff;
}

/* True if `older`, were it delivered after the write `newer`, would undo some of it. */
static int would_undo(const struct frame *older, const struct frame *newer) {
	if (older->number >= newer->number || !is_write(older)) return 0;
	uint64_t a = first_sector(older->bytes), b = first_sector(newer->bytes);
	if (a + older->bytes[ATA_COUNT] <= b || b + newer->bytes[ATA_COUNT] <= a) return 0;
	return older->length != newer->length ||
	       memcmp(older->bytes + ATA_FLAGS, newer->bytes + ATA_FLAGS, newer->length - ATA_FLAGS) != 0;
}

static void deliver(const struct frame *f) {
	if (is_write(f)) {
		for (struct frame **at = &waiting; *at;) {
			struct frame *other = *at;
			if (would_undo(other, f)) {
				*at = other->next;
				free(other);
				counts.stale++;
			} else
				at = &other->next;
		}
	}
	send(sockets[!f->direction], f->bytes, f->length, 0);
	counts.passed++;
}

/* What the protocol can notice, so that the frame is as good as lost: another destination, type, blade or direction; a tag
 * that the driver does not use (it never sets the top bit); to the server also another AoE version; to the initiator also the
 * flag for an error, upon which Linux's driver asks again. Not damaged, as nothing would notice: LBA, count, ATA status, data.
 * Not cut short: a WRITE with less data than it says is answered with ABRT, and a short answer to a READ is taken for an
 * error, either of which the driver reports at once. */
static void damage(struct frame *f) {
	uint8_t *b = f->bytes;
	int to_server = f->direction == TO_SERVER;
	switch (below(7)) {
	case 0: b[to_server ? DST + 5 : TYPE] ^= 1 << below(8); break;
	case 1: b[TYPE + below(2)] ^= 1 << below(8); break;
	case 2: b[SHELF + below(2)] ^= 1 << below(8); break;
	case 3: b[SLOT] ^= 1 << below(8); break;
	case 4: b[TAG] ^= 0x80; break;
	case 5: b[VERSION_FLAGS] ^= FLAG_RESPONSE; break;
	case 6: b[VERSION_FLAGS] ^= to_server ? 0x10 << below(4) : FLAG_ERROR; break;
	}
}

static void wait_until(struct frame *f, int64_t due_us) {
	f->due_us = due_us;
	struct frame **at = &waiting;
	while (*at && (*at)->due_us <= due_us) at = &(*at)->next;
	f->next = *at;
	*at = f;
}

static int64_t held_until_us(int64_t now, int direction) {
	int64_t due = now > stalled_until_us[direction] ? now : stalled_until_us[direction];
	if (!chance(rates.hold)) return due;
	counts.held++;
	return due + below(HOLD_MAX_US);
}

static struct frame *copy(int direction, uint64_t number, const uint8_t *bytes, int length) {
	struct frame *f = malloc(sizeof *f + length);
	if (!f) abort();
	*f = (struct frame){.direction = direction, .number = number, .length = length};
	memcpy(f->bytes, bytes, length);
	return f;
}

static void take(int direction, const uint8_t *bytes, int length) {
	static uint64_t number;
	int64_t now = now_us();
	number++;
	if (rates.drops > 0 && chance(rates.drop)) {
		rates.drops--;
		counts.dropped++;
		return;
	}
	if (chance(rates.stall)) {
		counts.stalled++;
		stalled_until_us[direction] = now + below(STALL_MAX_US);
	}
	struct frame *f = copy(direction, number, bytes, length);
	if (rates.damages > 0 && is_ata(bytes, length) && chance(rates.damage)) {
		rates.damages--;
		counts.damaged++;
		damage(f);
	} else if (chance(rates.dbl)) {
		counts.doubled++;
		wait_until(copy(direction, number, bytes, length), held_until_us(now, direction));
	}
	wait_until(f, held_until_us(now, direction));
}

static void deliver_due(void) {
	while (waiting && waiting->due_us <= now_us()) {
		struct frame *f = waiting;
		waiting = f->next;
		deliver(f);
		free(f);
	}
}

static int open_port(const char *name) {
	int s = socket(AF_PACKET, SOCK_RAW, htons(ETH_P_ALL)), yes = 1, bytes = 32 << 20;
	struct sockaddr_ll address = {.sll_family = AF_PACKET, .sll_protocol = htons(ETH_P_ALL)};
	address.sll_ifindex = (int)if_nametoindex(name);
	struct packet_mreq all = {.mr_ifindex = address.sll_ifindex, .mr_type = PACKET_MR_PROMISC};
	if (s < 0 || !address.sll_ifindex || setsockopt(s, SOL_PACKET, PACKET_IGNORE_OUTGOING, &yes, sizeof yes) ||
	    setsockopt(s, SOL_PACKET, PACKET_ADD_MEMBERSHIP, &all, sizeof all) ||
	    setsockopt(s, SOL_SOCKET, SO_RCVBUFFORCE, &bytes, sizeof bytes) ||
	    bind(s, (struct sockaddr *)&address, sizeof address)) {
		perror(name);
		exit(1);
	}
	return s;
}

static void read_options(char **options) {
	for (; *options; options++) {
		char name[16];
		int value;
		if (sscanf(*options, "%15[a-z]=%d", name, &value) != 2) name[0] = 0;
		if (!strcmp(name, "seed")) state = (uint32_t)value * 0x9e3779b1u | 1;
		else if (!strcmp(name, "losses")) rates.drops = rates.damages = value;
		else if (!strcmp(name, "drop")) rates.drop = value;
		else if (!strcmp(name, "damage")) rates.damage = value;
		else if (!strcmp(name, "double")) rates.dbl = value;
		else if (!strcmp(name, "hold")) rates.hold = value;
		else if (!strcmp(name, "stall")) rates.stall = value;
		else {
			fprintf(stderr, "bad-bridge: %s?\n", *options);
			exit(2);
		}
	}
}

static void end(int signal) {
	(void)signal;
	ended = 1;
}

int main(int count, char **arguments) {
	static uint8_t bytes[FRAME_MAX];
	if (count < 4) return 2;
	read_options(arguments + 3);
	sockets[0] = open_port(arguments[1]);
	sockets[1] = open_port(arguments[2]);
	signal(SIGTERM, end);
	setvbuf(stdout, NULL, _IOLBF, 0);
	puts("ready");
	struct pollfd polled[2] = {{sockets[0], POLLIN, 0}, {sockets[1], POLLIN, 0}};
	while (!ended) {
		/* With frames waiting the next is due within the millisecond or soon; poll can't tell more finely. */
		poll(polled, 2, waiting ? 1 : 100);
		for (int direction = 0; direction < 2; direction++) {
			for (int i = 0; i < RECEIVE_BATCH; i++) {
				int length = (int)recv(sockets[direction], bytes, sizeof bytes, MSG_DONTWAIT);
				if (length <= 0) break;
				take(direction, bytes, length);
				deliver_due();
			}
		}
		deliver_due();
	}
	printf("passed %lu dropped %lu damaged %lu doubled %lu held %lu stalled %lu stale %lu\n", counts.passed,
	       counts.dropped, counts.damaged, counts.doubled, counts.held, counts.stalled, counts.stale);
	return 0;
}
