/*
 * Which parts of mapped files are in memory now, so that touching them will not wait for a disk. Asking the kernel
 * (mincore(2)) for every request would cost more than many a request; so an answer for the 64 pages around is remembered: for
 * a few milliseconds; for up to a second where more is asked for than there is time to ask about; and not at all while the
 * file has a request under way that makes no progress. A page that the kernel has taken away meanwhile is waited for when it
 * is touched: slow once, never wrong. To whom the kernel does not say what is in memory, the page table does (glimpse.h). Called by
 * engine.c.
 */
#ifndef VBLADE_RESIDENT_H
#define VBLADE_RESIDENT_H

#include "job.h"

struct vb_residents;

/* Before root is given up. `has_uring`: io_uring reads what is not in memory. */
struct vb_residents *vb_residents_open(int has_uring);
/* Looks at the clock, once per batch: what was remembered too long ago is forgotten. The time, in milliseconds. */
uint64_t vb_residents_tick(struct vb_residents *residents);
/* Where the range is mapped if all of it is in memory; NULL if not, or if the file is not mapped that far. */
uint8_t *vb_resident(struct vb_residents *residents, struct vb_open_file *opened, uint64_t offset, size_t length);
/*
 * The same for who copies. *by_call: it is so much that it is better left to a call of the kernel's, which needs no mapping. (What a first touch of a
 * mapped page costs hangs on the machine: some tenths of a microsecond, and ten where the hypervisor keeps page tables of its own. Later ones cost
 * less than any call, and what is read or written in small pieces often is so again.)
 */
uint8_t *vb_resident_to_copy(struct vb_residents *residents, struct vb_open_file *opened, uint64_t offset, size_t length, int *by_call);
void vb_residents_close(struct vb_residents *residents);

#endif
