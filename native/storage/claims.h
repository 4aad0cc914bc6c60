/*
 * What this machine itself uses a file for without locking it: as the backing file of a loop device, or as swap space. Called
 * by file-open.c.
 */
#ifndef VBLADE_CLAIMS_H
#define VBLADE_CLAIMS_H

#include <sys/stat.h>

/* Whether a loop device of this machine has the file, or the block device, open. */
int vb_has_loop(const struct stat *status);
/* Whether pages of this machine's memory are swapped to it. */
int vb_is_swap(const struct stat *status);

#endif
