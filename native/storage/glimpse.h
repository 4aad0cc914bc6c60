/*
 * What of a file is in memory, for a process that the kernel does not tell (mincore(2)): one that neither owns the file nor may
 * write to it, though it has it open. Its own page table it may read: a page that is mapped in it is in memory. A page that is
 * not may be there all the same, and a read that is not allowed to wait finds out. Called by resident.c.
 */
#ifndef VBLADE_GLIMPSE_H
#define VBLADE_GLIMPSE_H

#include "file.h"

/* A descriptor of this process's page table, from before root is given up; -1 if there is none to be had. */
int vb_page_table_open(void);
/* Which of `count` pages (64 at most) from an address on are mapped: a bit for each. */
uint64_t vb_pages_mapped(int table, const uint8_t *address, size_t count, size_t page);
/*
 * Maps the page of the file that begins at an offset, and its neighbours with it, if it is in memory: 1 if it is. Where the kernel does
 * not even tell whether there may be anything of it, the page is only tried for if the caller `may_begin` reading from the disk.
 */
int vb_page_reach(const struct vb_file *file, uint64_t offset, size_t page, int may_begin);

#endif
