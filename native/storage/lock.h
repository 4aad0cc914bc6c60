/*
 * Who may serve which part of a file: locks that the kernel keeps, so that they end with who holds them. Called by file-open.c.
 */
#ifndef VBLADE_LOCK_H
#define VBLADE_LOCK_H

#include "file.h"

/*
 * Locks the part of a file that is served: shared with others if the file is open for reading only. 0 or -errno; -EAGAIN if
 * another process has it, or this one by another descriptor. *step says which lock it was.
 */
int vb_lock(const struct vb_file *file, const struct vb_part *part, const char **step);
/* Whether anyone else serves a part of the file, whichever it is. */
int vb_has_parts_locked(int fd);
/* Lets go at once; whoever else in the kernel still has the file open for us does not keep it locked. */
void vb_unlock(const struct vb_file *file);

#endif
