/*
 * See resident.h. A table of groups of 64 pages, with room for four where a group falls; the one that was asked for longest ago gives way. With
 * room for one, much of a pool, which is many files, was asked for again and again.
 */
#define _GNU_SOURCE
#include "resident.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "common/guard.h"
#include "glimpse.h"

enum {
	GROUP_PAGES = 64,
	NEIGHBOURS = 16, /* pages that the kernel maps at once, unless told otherwise (fault_around_bytes) */
	WAYS = 4,
	TABLE_BITS = 14, /* with pages of 4 KiB: 16 GiB are remembered */
	GROUP_BITS = 36, /* of the key: the number of the group, enough for the longest file; above: the file, all of its number */
	FRESH_MS = 8,    /* an answer is as good as new */
	OLD_MS = 1000,   /* an answer is worth nothing */
	/* In between the kernel is asked again, but only so often, which is about a hundredth of the time. */
	ASKED_PER_MS = 8,
	ASKED_AT_ONCE = 256,
	GLIMPSE = 3, /* a look at 64 pages of the page table takes as long as asking so often */
	MUCH_BYTES = 32 * 1024, /* the kernel copies so much at once for less than it costs to touch it, if it was not touched just now */
	STUCK_MS = 8,    /* a file with a request under way, none of which has ended for so long, may have a disk that hangs */
};

/* Spread both what is near in a file and what is alike in many, so that hardly anywhere more fall than have room (a sequence of low discrepancy). */
static const uint64_t BY_GROUP = 0xc13fa9a902a6328full, BY_FILE = 0x91e10da5c79e7b1dull;

struct group {
	uint64_t key;      /* which group of which file */
	uint64_t asked_ms; /* when it was asked for; 0: never */
	uint64_t pages;    /* a bit per page that is in memory */
	uint64_t mapped;   /* not 0: the kernel has mapped what there was of it */
};

struct vb_residents {
	size_t page;
	unsigned page_shift; /* page = 1 << page_shift: dividing by it takes longer than all the rest */
	uint64_t now_ms;
	unsigned may_ask; /* times that it may be asked again about what is remembered */
	int page_table;
	int may_begin;    /* what is not in memory may be begun to be read in the loop's thread: so does io_uring */
	struct group table[1 << TABLE_BITS][WAYS]; /* from zeroed memory: costs nothing until it is used */
};

struct vb_residents *vb_residents_open(int has_uring)
{
	struct vb_residents *residents = mmap(NULL, sizeof *residents, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (residents == MAP_FAILED) return NULL;
	residents->page = (size_t)sysconf(_SC_PAGESIZE);
	residents->page_shift = (unsigned)__builtin_ctzl(residents->page);
	residents->page_table = vb_page_table_open();
	residents->may_begin = has_uring;
	vb_residents_tick(residents);
	return residents;
}

uint64_t vb_residents_tick(struct vb_residents *residents)
{
	struct timespec time;
	clock_gettime(CLOCK_MONOTONIC_COARSE, &time);
	uint64_t now_ms = (uint64_t)time.tv_sec * 1000 + (uint64_t)time.tv_nsec / 1000000 + 1;
	uint64_t passed_ms = now_ms - residents->now_ms;
	residents->now_ms = now_ms;
	if (passed_ms == 0) return now_ms;
	uint64_t may_ask = residents->may_ask + passed_ms * ASKED_PER_MS;
	residents->may_ask = may_ask < ASKED_AT_ONCE ? (unsigned)may_ask : ASKED_AT_ONCE;
	return now_ms;
}

void vb_residents_close(struct vb_residents *residents)
{
	if (residents->page_table >= 0) close(residents->page_table);
	munmap(residents, sizeof *residents);
}

/*
 * The kernel tells what of a file is in memory only to those who own it or may write to it; to all others it says:
 * everything. A process that has given up root (privileges.h) may have become one of those.
 */
static int is_told(const struct vb_file *file)
{
	struct stat status;
	if (geteuid() == 0) return 1;
	if (fstat(file->fd, &status) == 0 && status.st_uid == geteuid()) return 1;
	return faccessat(file->fd, "", W_OK, AT_EMPTY_PATH | AT_EACCESS) == 0;
}

/* Whether what is in memory has to be found out in another way. That is right for who is told, too, if not as quick. */
static int is_hidden(struct vb_open_file *opened)
{
	if (!opened->hidden) opened->hidden = !is_told(&opened->file);
	return opened->hidden;
}

/* Asks for `count` pages from page number `first`; a bit for each, from bit `first % GROUP_PAGES`. */
static uint64_t ask(const struct vb_residents *residents, struct vb_open_file *opened, uint64_t first, size_t count)
{
	unsigned char pages[GROUP_PAGES];
	uint8_t *address = opened->file.map + first * residents->page;
	uint64_t bits = 0;
	if (is_hidden(opened)) {
		bits = vb_pages_mapped(residents->page_table, address, count, residents->page);
	} else if (mincore(address, count * residents->page, pages) == 0) {
		for (size_t i = 0; i < count; i++) bits |= (uint64_t)(pages[i] & 1) << i;
	}
	return bits << (first % GROUP_PAGES);
}

/*
 * The kernel maps the neighbours of a page that is read for the first time, but not of one that is written. So a group that
 * is new to the mapping is read, a byte of every few pages; to do so before each write would have it wait for that byte.
 */
static void map_neighbours(const struct vb_residents *residents, const struct vb_file *file, struct group *group, uint64_t first)
{
	char byte;
	group->mapped = 1;
	for (int i = 0; i < GROUP_PAGES; i += NEIGHBOURS) {
		uint64_t there = group->pages >> i & ((1u << NEIGHBOURS) - 1);
		if (there) vb_copy(&byte, file->map + (first + (uint64_t)(i + __builtin_ctzll(there))) * residents->page, 1);
	}
}

/* Whether nothing that has been asked of the file's storage ends: the page that is gone is the one that would never come. */
static int is_stuck(const struct vb_residents *residents, const struct vb_open_file *opened)
{
	return opened->under_way > 0 && residents->now_ms - opened->progress_ms > STUCK_MS;
}

/* Whether what was said of a group still holds. */
static int holds(struct vb_residents *residents, const struct vb_open_file *opened, const struct group *group)
{
	unsigned costs = opened->hidden ? GLIMPSE : 1;
	uint64_t age_ms = residents->now_ms - group->asked_ms;
	if (age_ms > OLD_MS || is_stuck(residents, opened)) return 0;
	/* What has no disk waits for none. */
	if (age_ms <= FRESH_MS || residents->may_ask < costs || opened->file.in_memory) return 1;
	residents->may_ask -= costs;
	return 0;
}

/* Where this group is remembered, or else what it takes the place of. */
static struct group *place_of(struct vb_residents *residents, uint64_t key, uint64_t hash)
{
	struct group *ways = residents->table[hash >> (64 - TABLE_BITS)], *oldest = ways;
	for (struct group *way = ways; way < ways + WAYS; way++) {
		if (way->key == key) return way;
		if (way->asked_ms < oldest->asked_ms) oldest = way;
	}
	return oldest;
}

/* The pages of a group that are in memory: remembered, or asked for now. */
static struct group *find(struct vb_residents *residents, struct vb_open_file *opened, uint64_t number)
{
	uint64_t key = (uint64_t)opened->added << GROUP_BITS | number;
	struct group *group = place_of(residents, key, number * BY_GROUP + opened->added * BY_FILE);
	int is_known = group->key == key && group->asked_ms != 0;
	if (is_known && holds(residents, opened, group)) return group;
	uint64_t total = (opened->file.map_bytes + residents->page - 1) / residents->page;
	uint64_t first = number * GROUP_PAGES;
	if (!is_known) group->mapped = 0;
	group->key = key;
	group->asked_ms = residents->now_ms;
	group->pages = 0;
	/* A glimpse at all of it is for a group that stays for a while. */
	if (!is_known && is_hidden(opened)) return group;
	group->pages = ask(residents, opened, first, total - first < GROUP_PAGES ? total - first : GROUP_PAGES);
	return group;
}

/* Whether a page is in memory that was not when its group was asked for: it may have been read since. */
static int has_come(struct vb_residents *residents, struct vb_open_file *opened, uint64_t page)
{
	if (ask(residents, opened, page, 1)) return 1;
	if (!opened->hidden || is_stuck(residents, opened)) return 0;
	return vb_page_reach(&opened->file, page << residents->page_shift, residents->page, residents->may_begin);
}

/* See the two below. Whether it will be touched there: if so, its neighbours are mapped with it. */
static uint8_t *look(struct vb_residents *residents, struct vb_open_file *opened, uint64_t offset, size_t length, int touches)
{
	const struct vb_file *file = &opened->file;
	/* What the page at the end of a file holds behind the end is nobody's: bytes written there never arrive. */
	uint64_t end = file->size < file->map_bytes ? file->size : file->map_bytes;
	if (!file->map || length == 0 || length > end || offset > end - length) return NULL;
	uint64_t last = (offset + length - 1) >> residents->page_shift;
	for (uint64_t page = offset >> residents->page_shift; page <= last; page++) {
		struct group *group = find(residents, opened, page / GROUP_PAGES);
		uint64_t bit = 1ull << (page % GROUP_PAGES);
		if (!(group->pages & bit) && has_come(residents, opened, page)) group->pages |= bit;
		if (!(group->pages & bit)) return NULL;
		if (touches && !group->mapped) map_neighbours(residents, file, group, page - page % GROUP_PAGES);
	}
	return file->map + offset;
}

uint8_t *vb_resident(struct vb_residents *residents, struct vb_open_file *opened, uint64_t offset, size_t length)
{
	return look(residents, opened, offset, length, 1);
}

uint8_t *vb_resident_to_copy(struct vb_residents *residents, struct vb_open_file *opened, uint64_t offset, size_t length, int *by_call)
{
	/* (Memory that is mapped and nothing else can't be asked for by a call.) */
	*by_call = length >= MUCH_BYTES && !opened->file.anonymous && !opened->file.direct;
	return look(residents, opened, offset, length, !*by_call);
}
