/* See operation.h. */
#include "operation.h"

#include <stdint.h>

#include "job.h"

/* Whether an offset or a length can be converted and tried. */
static int is_size(double bytes)
{
	return bytes >= 0 && bytes <= 1ull << 53;
}

static int is_sound_list(const double *operation)
{
	const double *list = (const double *)(uintptr_t)operation[VB_F_ADDRESS];
	if (((int)operation[VB_F_KIND] & 15) != VB_TRIM) return 0;
	if (!(operation[VB_F_PARK] >= 1 && operation[VB_F_PARK] <= VB_LIST_MAX)) return 0;
	for (int i = 0; i < 2 * (int)operation[VB_F_PARK]; i++)
		if (!is_size(list[i])) return 0;
	return 1;
}

/* Whether there is room for an answer in extents. */
static int has_sound_room(const double *operation)
{
	if (((int)operation[VB_F_KIND] & 15) != VB_EXTENTS) return 1;
	return operation[VB_F_ADDRESS] > 0 && operation[VB_F_PARK] >= 1 && operation[VB_F_PARK] <= VB_LIST_MAX;
}

int vb_operation_is_sound(const double *operation)
{
	return operation[VB_F_KIND] >= 0 && operation[VB_F_KIND] < 256 && ((int)operation[VB_F_KIND] & 15) < VB_KINDS &&
	       operation[VB_F_FILE] >= 0 && operation[VB_F_FILE] <= INT32_MAX && is_size(operation[VB_F_OFFSET]) &&
	       is_size(operation[VB_F_LENGTH]) && (!((int)operation[VB_F_KIND] & VB_LIST) || is_sound_list(operation)) &&
	       has_sound_room(operation);
}
