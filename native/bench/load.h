/*
 * The data path of our initiator for measuring: keeps a window of READ and WRITE commands under way against one blade, or a
 * few that share it, and takes the time of each. Runs in a thread of its own until its time or its requests are over; called by the addon for
 * `vblade bench`. Knows no Node.
 */
#ifndef VBLADE_LOAD_H
#define VBLADE_LOAD_H

#include <stdint.h>

struct vb_load_config {
	const char *interface;
	uint8_t target[6]; /* MAC address of the blade's server */
	uint16_t shelf;
	uint8_t slot;
	uint32_t slots;        /* blades that share the window evenly, at `slot` and the slots behind it: 1..255; not if verifying */
	uint32_t sectors;      /* sectors of 512 bytes per command, 1..255, within the frame size */
	uint32_t window;       /* commands under way, 1..VB_LOAD_WINDOW_MAX */
	uint32_t write_percent;/* 0: reads only, 100: writes only */
	int sequential;        /* one block after the other rather than at random */
	int verify;            /* every sector written carries its LBA and generation, every one read is checked */
	uint64_t first_lba;
	uint64_t blocks;       /* blocks of `sectors` that are used, from first_lba */
	double seconds;        /* how long to go on starting commands */
	uint64_t requests;     /* or how many; 0: no limit */
	uint64_t seed;
};

enum { VB_LOAD_WINDOW_MAX = 1024 };

struct vb_load_result {
	uint64_t requests;     /* commands answered well */
	uint64_t lost;         /* commands sent again because no answer came in time */
	uint64_t errors;       /* commands answered with an error */
	uint64_t late;         /* answers to commands that had been given up */
	uint64_t wrong;        /* sectors whose stamp was not one that may be there */
	double seconds;        /* from the first command to the last answer */
	double p50_us, p99_us, p999_us, max_us; /* time from sending a command to its answer */
};

/* 0 or -errno; -ETIMEDOUT if the blade has stopped answering. *step names what failed. */
int vb_load_run(const struct vb_load_config *config, struct vb_load_result *result, const char **step);

#endif
