/*
 * What paths lead to, whoever they are names of: so that two names of one file are told before it is opened by either. Called by
 * node/opening.c, in a thread that may wait.
 */
#ifndef VBLADE_LOOK_H
#define VBLADE_LOOK_H

#include <stdint.h>

/* "file DEVICE:INODE" or "block DEVICE", alike for all names of one; "other"; or "-ERRNO". */
struct vb_look {
	char text[48];
};

/* Of each path of a list: a zero byte is behind each of them, one more behind the last. 0 or -errno; *looks is the caller's to free. */
int vb_look(const char *paths, struct vb_look **looks, uint32_t *count);

/* Of what is open. */
void vb_look_opened(int fd, struct vb_look *look);

#endif
