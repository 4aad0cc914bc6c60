/* What an open file lies on: whose file system, of which blocks, and whether space can be given back to it. Called by file-open.c. */
#ifndef VBLADE_MEDIUM_H
#define VBLADE_MEDIUM_H

#include <sys/stat.h>

#include "file.h"

/* Says in the file whether it may hang, or is in memory, and which blocks there are. `device` is its own, or its file system's. */
void vb_medium_look(struct vb_file *file, dev_t device);
/* Finds out whether space can be given back. -ETXTBSY: nothing may be changed, for the file is swap space. */
int vb_medium_try_trim(struct vb_file *file, dev_t device);
/* Says in the file what suits the storage, and what it knows; after vb_medium_try_trim(). */
void vb_medium_limits(struct vb_file *file, const struct stat *status);

#endif
