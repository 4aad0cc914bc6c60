/*
 * Stamps: each sector of a verified run begins and ends with its LBA and the generation of its write, so that one that is old,
 * or another's, or half written is told. Used by window.c.
 */
#ifndef VBLADE_STAMPS_H
#define VBLADE_STAMPS_H

#include <stdint.h>

enum { VB_SECTOR_BYTES = 512 };

void vb_stamp(uint8_t *data, uint64_t lba, uint32_t sectors, uint32_t generation);
/* How many of the sectors do not have the stamp that they must have. */
uint32_t vb_count_unstamped(const uint8_t *data, uint64_t lba, uint32_t sectors, uint32_t generation);

#endif
