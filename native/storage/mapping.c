/* See mapping.h. */
#define _GNU_SOURCE
#include "mapping.h"

#include <stdatomic.h>
#include <sys/mman.h>

/* Bytes of all mappings, and how many they may be: half of the address space, for all else in the process needs some too. */
static atomic_ullong mapped_bytes;

static uint64_t mapped_max(void)
{
	int here;
	/* Stacks are at its upper end. */
	return (1ull << (63 - __builtin_clzll((uintptr_t)&here)));
}

void vb_unmap_file(struct vb_file *file)
{
	if (!file->map) return;
	munmap(file->map, file->map_bytes);
	atomic_fetch_sub(&mapped_bytes, file->map_bytes);
	file->map = NULL;
	file->map_bytes = 0;
}

void vb_map_file(struct vb_file *file)
{
	if (file->map && file->map_bytes == file->size) return;
	vb_unmap_file(file);
	if (file->direct || file->may_hang || file->size == 0) return;
	file->unmapped = 1;
	if (file->size > mapped_max() || atomic_load(&mapped_bytes) > mapped_max() - file->size) return;
	/*
	 * Written through the mapping only in memory. Where pages are written back, a page written that way takes its whole
	 * folio to the disk, of up to megabytes (large folios), where pwrite(2) takes its blocks. There the mapping is private,
	 * which shows the same pages as nobody ever writes to it; a shared one would be searched for changes at every sync.
	 */
	file->map_writable = !file->read_only && file->in_memory;
	void *map = file->map_writable ? mmap(NULL, file->size, PROT_READ | PROT_WRITE, MAP_SHARED, file->fd, 0)
				       : mmap(NULL, file->size, PROT_READ, MAP_PRIVATE, file->fd, 0);
	if (map == MAP_FAILED) return;
	madvise(map, file->size, MADV_RANDOM);
	atomic_fetch_add(&mapped_bytes, file->size);
	file->map = map;
	file->map_bytes = file->size;
	file->unmapped = 0;
}
