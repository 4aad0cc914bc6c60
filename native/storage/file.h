/*
 * One open file or block device: opened, locked, measured, mapped, read, written, synced, trimmed and zeroed. Knows no Node and no
 * threads: engine.c decides which thread calls what. All functions return 0 or -errno.
 */
#ifndef VBLADE_FILE_H
#define VBLADE_FILE_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <sys/uio.h>

enum {
	VB_OPEN_READ_ONLY = 1,
	VB_OPEN_DIRECT = 2,
	VB_OPEN_SYNCED = 4, /* a sync follows each batch of writes */
};

/* The kernel's own limit for one read or write. */
#define VB_TRANSFER_MAX 0x7ffff000ull

/* The kind of an extent: it reads as zeros, and was never written or is no longer needed. 0: data. */
enum { VB_EXTENT_ZERO = 1 };

/* The part of a file that is served: from `begin` on so many bytes, or with 0 up to the end, wherever that will be. */
struct vb_part {
	uint64_t begin, length;
};

struct vb_file {
	int fd;
	int read_only;
	int direct;
	int synced;
	int is_block;
	int in_memory;           /* its file system keeps it in memory: no disk is waited for, a sync has nothing to do */
	int anonymous;           /* memory of this process alone: nobody else has it, its size never changes */
	int can_trim;
	int fast_zeroes;         /* zeroing a range is quicker than writing it, at least if it may be unmapped */
	int knows_extents;       /* the file system tells what has been written from what has not */
	int non_rotational;
	int may_hang;            /* on a file system that others serve (FUSE, NFS, ...): any call may wait for them for ever */
	uint32_t logical_block;  /* bytes the storage can address */
	uint32_t physical_block; /* bytes the storage writes at once */
	uint64_t trim_granularity, trim_alignment; /* space goes back in pieces of so many bytes; where the first one begins */
	uint64_t best_transfer, longest_transfer;  /* bytes that suit the storage, and that it takes at once */
	uint32_t align;          /* of offsets and lengths when direct; 1 when not */
	uint64_t size;           /* bytes, when last measured */
	uint8_t *map;            /* the whole file as the page cache has it; NULL if it can't be mapped */
	size_t map_bytes;
	int map_writable;
	int unmapped;            /* it ought to be mapped, but there is no address space for it */
	int registered;          /* io_uring knows it under its number */
};

/*
 * Opening is in two halves, which may be in two processes; *step names the step that failed, and then nothing is open.
 *
 *   vb_file_open_for   finds the file, opens it and locks the part that is going to be served: whoever may
 *   vb_file_adopt      measures and maps what a descriptor is of, and needs no more than that
 */
int vb_file_open_for(struct vb_file *file, const char *path, int flags, const struct vb_part *part, const char **step);
int vb_file_adopt(struct vb_file *file, const char **step);
/*
 * The first half for somebody who is not trusted: what is found is held, and nobody can put anything in its place before it is
 * opened. With a folder, `path` is in it, and no symbolic link on the way may lead out (-EXDEV).
 */
int vb_file_open_held(struct vb_file *file, const char *folder, const char *path, int flags, const struct vb_part *part,
		      const char **step);
/* Both. */
int vb_file_open(struct vb_file *file, const char *path, int flags, const struct vb_part *part, const char **step);
/*
 * Between the halves goes the descriptor, and as numbers, what the first one has found out. A file of these flags with what the
 * numbers say is ready to be adopted; -EINVAL if they are none of vb_file_traits().
 */
enum { VB_TRAITS = 13 };
void vb_file_traits(const struct vb_file *file, double *traits);
int vb_file_passed(struct vb_file *file, int fd, int flags, const double *traits);
/* A file of which nothing is known but what it is opened for. */
void vb_file_begin(struct vb_file *file, int flags);
/*
 * Measures again; after growth the mapping covers the new size and may have moved. Never waits: where a file may hang it
 * takes the size that the kernel was last told.
 */
int vb_file_measure(struct vb_file *file);
/* Has the kernel ask for the size, for the next vb_file_measure. Blocks. */
int vb_file_refresh(const struct vb_file *file);
void vb_file_close(struct vb_file *file);

/* Blocking operations, for worker threads. *failed gets the offset of the first byte that could not be done. */
int vb_file_read(struct vb_file *file, uint64_t offset, void *to, size_t length, uint64_t *failed);
int vb_file_write(struct vb_file *file, uint64_t offset, const void *from, size_t length, uint64_t *failed);
/* Writes parts that lie behind each other in the file with one call. Fails if not all of it could be done. Not for direct. */
int vb_file_write_row(struct vb_file *file, uint64_t offset, const struct iovec *parts, int count);
/* Writes are going to be synced soon, if the file is one of those: the disk may begin with this one. Does not wait for it. */
void vb_file_write_out(struct vb_file *file, uint64_t offset, uint64_t length);
int vb_file_sync(struct vb_file *file);
int vb_file_trim(struct vb_file *file, uint64_t offset, uint64_t length);
/* Trims count ranges, each an offset and a length: all of them, even if one fails. The first error counts. */
int vb_file_trim_list(struct vb_file *file, const double *list, size_t count, uint64_t *failed);

/*
 * Zeroes the beginning of a range, as much as is done in one go: *done says how much that was. The space goes back if it may
 * be unmapped and that can be; else it is kept.
 */
int vb_file_zero(struct vb_file *file, uint64_t offset, uint64_t length, int may_unmap, uint64_t *done, uint64_t *failed);
/*
 * What a range consists of, from its beginning on: pairs of length and kind, up to `count` of them, and behind the last one,
 * if there is room, a length of 0.
 */
int vb_file_extents(const struct vb_file *file, uint64_t offset, uint64_t length, double *extents, size_t count,
		    uint64_t *failed);

/* Whether nothing was ever written to the range, or all of it was trimmed: it is zeros. Only for a file that is anonymous. */
int vb_file_is_hole(const struct vb_file *file, uint64_t offset, size_t length);

/* Whether the file still reaches to this offset: writing behind the end of one that shrank would make it grow again. */
int vb_file_reaches(const struct vb_file *file, uint64_t end);

#endif
