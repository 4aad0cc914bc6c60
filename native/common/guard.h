/*
 * Copies that survive a mapping which shrank or filled up under us. Touching such a page raises SIGBUS; inside
 * vb_copy() that ends the copy with an error, anywhere else it ends the process as it always did. Called by file.c and
 * through the addon by links that must keep borrowed bytes.
 */
#ifndef VBLADE_GUARD_H
#define VBLADE_GUARD_H

#include <stddef.h>

/* Installs the signal handler, once per process. */
void vb_guard_init(void);

/* Copies length bytes; 0, or -EFAULT if a page of either side is not there (part may have been copied). */
int vb_copy(void *to, const void *from, size_t length);

#endif
