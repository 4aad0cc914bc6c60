/*
 * CRC32C, the sum of iSCSI (RFC 3720, section 12.1), of ext4 and btrfs: by the processor's own instruction where it has one,
 * else by tables. Called through the addon by whoever keeps sums of bytes.
 */
#ifndef VBLADE_CRC32C_H
#define VBLADE_CRC32C_H

#include <stddef.h>
#include <stdint.h>

/* The sum of what `crc` is the sum of, 0 if of nothing, with so many bytes behind it. */
uint32_t vb_crc32c(uint32_t crc, const void *bytes, size_t length);
/* The same by tables, on any processor. */
uint32_t vb_crc32c_by_tables(uint32_t crc, const void *bytes, size_t length);

#endif
