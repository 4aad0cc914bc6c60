/* See zero.h. */
#include "zero.h"

#include <string.h>

int vb_is_zero(const void *bytes, size_t length)
{
	const unsigned char *first = bytes;
	/* Each byte is as the one before it. */
	return length == 0 || (*first == 0 && memcmp(first, first + 1, length - 1) == 0);
}
