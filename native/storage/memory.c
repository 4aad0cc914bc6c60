/*
 * See memory.h. What is left is the least of what the machine has available, swap included, and what each control group
 * that this process is in may yet take. Looking takes tens of microseconds, so each look is good for many pages: for a
 * part of what was found. The descriptors are opened with the first disk and stay, for later nothing may be opened.
 */
#define _GNU_SOURCE
#include "memory.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "common/clock.h"

#ifndef MFD_NOEXEC_SEAL
#define MFD_NOEXEC_SEAL 0x0008U
#endif

#define MIB (1ull << 20)
/* What is left to the rest of the process and of the machine: so much, or a part of all there is if that is more. */
#define RESERVE_BYTES (32 * MIB)
enum { RESERVE_PART = 32 };
/* A look is good for this part of what it has found, and no more than so many bytes. */
enum { LOOK_PART = 16 };
#define LOOK_BYTES (64 * MIB)
/* Where there is nothing left, nobody looks again for so long. */
enum { LOOK_PAUSE_NS = 10 * 1000 * 1000 };
enum { MAX_GROUPS = 16 };
enum { SEALS = F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL };

/* A control group with a limit; of version 1 or 2 of the kernel's interface. */
struct group {
	int limit, usage, stat;
	const char *const *reclaimable; /* what memory.stat calls the pages of files */
};

static const char *const FILES_V1[] = { "total_inactive_file ", "total_active_file " };
static const char *const FILES_V2[] = { "inactive_file ", "active_file " };

static pthread_once_t once = PTHREAD_ONCE_INIT;
static int meminfo = -1;
static struct group groups[MAX_GROUPS];
static int group_count;
/* Bytes that the last look is still good for, and when there was nothing to be had. */
static atomic_llong credit;
static atomic_llong refused_at = -LOOK_PAUSE_NS;

static int open_in(const char *directory, const char *name)
{
	char path[PATH_MAX];
	if (snprintf(path, sizeof path, "%s/%s", directory, name) >= (int)sizeof path) return -1;
	return open(path, O_RDONLY | O_CLOEXEC);
}

static void add_group(const char *directory, int version)
{
	struct group *group = &groups[group_count];
	group->limit = open_in(directory, version == 2 ? "memory.max" : "memory.limit_in_bytes");
	if (group->limit < 0) return;
	group->usage = open_in(directory, version == 2 ? "memory.current" : "memory.usage_in_bytes");
	group->stat = open_in(directory, "memory.stat");
	group->reclaimable = version == 2 ? FILES_V2 : FILES_V1;
	group_count++;
}

/* The group and all that it is in, which the way up from it are. */
static void add_groups(const char *root, const char *own, int version)
{
	char directory[PATH_MAX];
	size_t root_length = strlen(root);
	if (snprintf(directory, sizeof directory, "%s%s", root, own) >= (int)sizeof directory) return;
	while (strlen(directory) >= root_length && group_count < MAX_GROUPS) {
		add_group(directory, version);
		*strrchr(directory, '/') = 0;
	}
}

static void open_sources(void)
{
	char *line = NULL;
	size_t room = 0;
	meminfo = open("/proc/meminfo", O_RDONLY | O_CLOEXEC);
	FILE *own = fopen("/proc/self/cgroup", "re");
	while (own && getline(&line, &room, own) > 0) {
		line[strcspn(line, "\n")] = 0;
		char *controllers = strchr(line, ':'), *path = controllers ? strchr(controllers + 1, ':') : NULL;
		if (!path) continue;
		*path++ = 0;
		if (controllers[1] == 0) add_groups("/sys/fs/cgroup", path, 2);
		else if (strcmp(controllers + 1, "memory") == 0) add_groups("/sys/fs/cgroup/memory", path, 1);
	}
	if (own) fclose(own);
	free(line);
}

void vb_memory_prepare(void)
{
	pthread_once(&once, open_sources);
}

static int read_text(int fd, char *text, size_t room)
{
	ssize_t length = fd < 0 ? -1 : pread(fd, text, room - 1, 0);
	text[length < 0 ? 0 : length] = 0;
	return length > 0;
}

/* The number after a name at the beginning of a line; 0 if it is not there. */
static uint64_t number_of(const char *text, const char *name)
{
	for (const char *at = text; at && *at; at = strchr(at, '\n')) {
		if (*at == '\n') at++;
		if (strncmp(at, name, strlen(name)) == 0) return strtoull(at + strlen(name), NULL, 10);
	}
	return 0;
}

/* What may be taken of `limit` when `free` of it are left. */
static uint64_t without_reserve(uint64_t free_bytes, uint64_t limit)
{
	uint64_t reserve = limit / RESERVE_PART > RESERVE_BYTES ? limit / RESERVE_PART : RESERVE_BYTES;
	return free_bytes > reserve ? free_bytes - reserve : 0;
}

static uint64_t left_to_machine(void)
{
	char text[8192];
	if (!read_text(meminfo, text, sizeof text)) return UINT64_MAX;
	uint64_t available = number_of(text, "MemAvailable:") + number_of(text, "SwapFree:");
	return without_reserve(available << 10, number_of(text, "MemTotal:") << 10);
}

static uint64_t left_to_group(const struct group *group)
{
	char text[16384];
	/* No number: "max", or none at all. */
	if (!read_text(group->limit, text, sizeof text) || text[0] < '0' || text[0] > '9') return UINT64_MAX;
	uint64_t limit = strtoull(text, NULL, 10);
	if (!read_text(group->usage, text, sizeof text)) return UINT64_MAX;
	uint64_t used = strtoull(text, NULL, 10);
	/* Pages of files make room, but to ask how many there are takes long. */
	if (used + limit / 2 > limit && read_text(group->stat, text, sizeof text)) {
		uint64_t files = number_of(text, group->reclaimable[0]) + number_of(text, group->reclaimable[1]);
		used -= files < used ? files : used;
	}
	return without_reserve(limit > used ? limit - used : 0, limit);
}

int vb_memory_has_room(size_t bytes)
{
	if (atomic_fetch_sub(&credit, (long long)bytes) >= (long long)bytes) return 1;
	if ((long long)vb_now_ns() - atomic_load(&refused_at) < LOOK_PAUSE_NS) return 0;
	uint64_t left = left_to_machine();
	for (int i = 0; i < group_count; i++) {
		uint64_t of_group = left_to_group(&groups[i]);
		if (of_group < left) left = of_group;
	}
	if (left < bytes) {
		atomic_store(&credit, 0);
		atomic_store(&refused_at, (long long)vb_now_ns());
		return 0;
	}
	uint64_t good_for = left / LOOK_PART < LOOK_BYTES ? left / LOOK_PART : LOOK_BYTES;
	atomic_store(&credit, good_for > bytes ? (long long)(good_for - bytes) : 0);
	return 1;
}

int vb_memory_make(uint64_t size, const char **step)
{
	*step = "memory";
	int fd = memfd_create("vblade", MFD_CLOEXEC | MFD_ALLOW_SEALING | MFD_NOEXEC_SEAL);
	if (fd < 0 && errno == EINVAL) fd = memfd_create("vblade", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	if (fd < 0) return -errno;
	/* Nobody can take pages away that are mapped, or lent. */
	if (ftruncate(fd, (off_t)size) == 0 && fcntl(fd, F_ADD_SEALS, SEALS) == 0) return fd;
	int error = -errno;
	close(fd);
	return error;
}

int vb_memory_adopt(struct vb_file *file, int fd, int flags, const char **step)
{
	vb_memory_prepare();
	memset(file, 0, sizeof *file);
	file->fd = fd;
	file->read_only = !!(flags & VB_OPEN_READ_ONLY);
	file->anonymous = file->in_memory = file->can_trim = file->non_rotational = 1;
	/* As small as they can be: nothing is gained by larger ones. */
	file->physical_block = file->logical_block = 512;
	file->align = 1;
	file->fast_zeroes = file->knows_extents = 1;
	file->trim_granularity = file->best_transfer = (uint64_t)getpagesize();
	file->longest_transfer = VB_TRANSFER_MAX;
	*step = "type";
	int seals = fcntl(fd, F_GET_SEALS);
	int error = seals < 0 ? -errno : (seals & SEALS) != SEALS ? -EINVAL : vb_file_measure(file);
	if (error) close(fd);
	return error;
}

int vb_memory_open(struct vb_file *file, uint64_t size, int flags, const char **step)
{
	int fd = vb_memory_make(size, step);
	return fd < 0 ? fd : vb_memory_adopt(file, fd, flags, step);
}
