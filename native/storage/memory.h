/*
 * Disks in memory: a file of this process alone that has no name (memfd_create(2)), so that what serves files serves it; and
 * how much memory there is left for its pages. The kernel's own answer to a page too many is to kill somebody, so it is
 * asked before. Called by file.c and node/engine.c.
 */
#ifndef VBLADE_MEMORY_H
#define VBLADE_MEMORY_H

#include "file.h"

/* As vb_file_open: `size` bytes of zeros, which take memory only where they are written. */
int vb_memory_open(struct vb_file *file, uint64_t size, int flags, const char **step);
/*
 * The same in two halves, which may be in two processes: the one that makes it may keep it, for the next one that serves it. The first
 * returns a descriptor; the second has it, and closes it if it fails.
 */
int vb_memory_make(uint64_t size, const char **step);
int vb_memory_adopt(struct vb_file *file, int fd, int flags, const char **step);
/* Opens what tells how much memory there is: before the process can't open anything any more. */
void vb_memory_prepare(void);
/* Whether there is memory for so many bytes more. Any thread. */
int vb_memory_has_room(size_t bytes);

#endif
