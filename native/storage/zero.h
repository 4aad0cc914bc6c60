/* Whether bytes are all zero: such pages of a pool are not written. Called through the addon. */
#ifndef VBLADE_ZERO_H
#define VBLADE_ZERO_H

#include <stddef.h>

int vb_is_zero(const void *bytes, size_t length);

#endif
