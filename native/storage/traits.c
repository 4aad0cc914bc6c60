/* See file.h: what is known of a file when it is open, as numbers that go from one process to another. */
#include "file.h"

#include <errno.h>
#include <string.h>

/* Offsets and lengths are exact as doubles up to here. */
#define MOST 9007199254740991.0

/* Each with the least and the most that it may be. */
#define EACH(TRAIT)                           \
	TRAIT(is_block, 0, 1)                 \
	TRAIT(in_memory, 0, 1)                \
	TRAIT(can_trim, 0, 1)                 \
	TRAIT(fast_zeroes, 0, 1)              \
	TRAIT(knows_extents, 0, 1)            \
	TRAIT(non_rotational, 0, 1)           \
	TRAIT(may_hang, 0, 1)                 \
	TRAIT(logical_block, 512, 1 << 30)    \
	TRAIT(physical_block, 512, UINT32_MAX) \
	TRAIT(trim_granularity, 512, MOST)    \
	TRAIT(trim_alignment, 0, MOST)        \
	TRAIT(best_transfer, 1, MOST)         \
	TRAIT(longest_transfer, 1, MOST)

#define PLACE(name, least, most) PLACE_##name,
enum { EACH(PLACE) PLACES };
_Static_assert((int)PLACES == (int)VB_TRAITS, "as many as file.h says");

void vb_file_begin(struct vb_file *file, int flags)
{
	memset(file, 0, sizeof *file);
	file->fd = -1;
	file->read_only = !!(flags & VB_OPEN_READ_ONLY);
	file->direct = !!(flags & VB_OPEN_DIRECT);
	file->synced = !!(flags & VB_OPEN_SYNCED) && !file->read_only && !file->direct;
}

void vb_file_traits(const struct vb_file *file, double *traits)
{
#define GIVE(name, least, most) traits[PLACE_##name] = (double)file->name;
	EACH(GIVE)
}

static int is_whole(double number, double least, double most)
{
	return number >= least && number <= most && number == (double)(uint64_t)number;
}

int vb_file_passed(struct vb_file *file, int fd, int flags, const double *traits)
{
	vb_file_begin(file, flags);
	file->fd = fd;
#define TAKE(name, least, most)                                          \
	if (!is_whole(traits[PLACE_##name], least, most)) return -EINVAL; \
	file->name = (__typeof__(file->name))traits[PLACE_##name];
	EACH(TAKE)
	if (file->logical_block & (file->logical_block - 1)) return -EINVAL;
	file->align = file->direct ? file->logical_block : 1;
	return 0;
}
