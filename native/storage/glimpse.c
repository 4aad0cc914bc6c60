/*
 * See glimpse.h. A read that may not wait (RWF_NOWAIT) begins to read from the disk what is not there, and on its way to that the
 * file system may have to look up, and wait for, where it is. So cachestat(2) is asked first, where there is one (since
 * Linux 6.5): it counts what is cached, of files that are open for writing, but also what is only just being read.
 */
#define _GNU_SOURCE
#include "glimpse.h"

#include <fcntl.h>
#include <linux/capability.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include "common/guard.h"

/* Not in the headers of Debian 12; the same number on every machine that we run on. */
#ifndef SYS_cachestat
#define SYS_cachestat 451
#endif

enum {
	MAPPED_BIT = 63, /* of a page's entry (Linux's admin-guide/mm/pagemap.rst) */
	PAGES_MAX = 64,
	PAGE_MAX = 1 << 16,
};

/* As in linux/mman.h. */
struct cachestat_range {
	uint64_t offset, length;
};
struct cachestat {
	uint64_t cached, dirty, written_back, evicted, recently_evicted;
};

/* This thread's capabilities, with those taken out of the effective ones: to be given back. 0 if that can be done. */
static int lay_down(uint32_t capabilities, struct __user_cap_header_struct *header, struct __user_cap_data_struct *before)
{
	*header = (struct __user_cap_header_struct){ .version = _LINUX_CAPABILITY_VERSION_3 };
	if (syscall(SYS_capget, header, before) < 0) return -1;
	struct __user_cap_data_struct without[_LINUX_CAPABILITY_U32S_3] = { before[0], before[1] };
	without[0].effective &= ~capabilities;
	return syscall(SYS_capset, header, without) < 0 ? -1 : 0;
}

int vb_page_table_open(void)
{
	struct __user_cap_header_struct header;
	struct __user_cap_data_struct before[_LINUX_CAPABILITY_U32S_3];
	/* What an administrator opens tells for ever where in the machine's memory the pages are, and that is nobody's business. */
	if (lay_down(1u << CAP_SYS_ADMIN, &header, before) != 0) return -1;
	int table = open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC);
	syscall(SYS_capset, &header, before);
	return table;
}

uint64_t vb_pages_mapped(int table, const uint8_t *address, size_t count, size_t page)
{
	uint64_t entries[PAGES_MAX], bits = 0;
	ssize_t bytes = (ssize_t)(count * sizeof *entries);
	if (table < 0 || pread(table, entries, (size_t)bytes, (off_t)((uintptr_t)address / page * sizeof *entries)) != bytes) return 0;
	for (size_t i = 0; i < count; i++) bits |= (entries[i] >> MAPPED_BIT & 1) << i;
	return bits;
}

/* Whether there is anything of a page in memory; it may still be on its way there. */
static int may_be_there(const struct vb_file *file, uint64_t offset, size_t page, int may_begin)
{
	struct cachestat_range range = { offset, page };
	struct cachestat found;
	if (syscall(SYS_cachestat, file->fd, &range, &found, 0) == 0) return found.cached > 0;
	return file->in_memory ? !vb_file_is_hole(file, offset, page) : may_begin;
}

/* Whether all of a page can be read now. Of a piece of it the kernel says so, too, while others are still being read. */
static int is_there(const struct vb_file *file, uint64_t offset, size_t page)
{
	uint8_t bytes[PAGE_MAX];
	uint64_t left = file->map_bytes - offset;
	struct iovec all = { bytes, left < page ? left : page };
	return page <= PAGE_MAX && preadv2(file->fd, &all, 1, (off_t)offset, RWF_NOWAIT) == (ssize_t)all.iov_len;
}

int vb_page_reach(const struct vb_file *file, uint64_t offset, size_t page, int may_begin)
{
	uint8_t byte;
	if (!may_be_there(file, offset, page, may_begin)) return 0;
	/* A file system in memory has no such reads, for it has nothing to wait for. */
	if (!file->in_memory && !is_there(file, offset, page)) return 0;
	return vb_copy(&byte, file->map + offset, 1) == 0;
}
