/* Files in the process's address space, as the page cache has them: who reads there makes no system call. Called by file-open.c. */
#ifndef VBLADE_MAPPING_H
#define VBLADE_MAPPING_H

#include "file.h"

/* Maps a file as long as it is now, if it can be mapped at all and there is address space for it. */
void vb_map_file(struct vb_file *file);
void vb_unmap_file(struct vb_file *file);

#endif
