/* See stamps.h. */
#include "stamps.h"

#include <string.h>

enum { WORDS = 3, STAMP_BYTES = WORDS * sizeof(uint64_t) };

static void make(uint64_t words[WORDS], uint64_t lba, uint32_t generation)
{
	words[0] = lba;
	words[1] = generation;
	words[2] = lba ^ generation ^ 0x76626c6164650000ull;
}

void vb_stamp(uint8_t *data, uint64_t lba, uint32_t sectors, uint32_t generation)
{
	uint64_t words[WORDS];
	for (; sectors > 0; sectors--, data += VB_SECTOR_BYTES) {
		make(words, lba++, generation);
		memcpy(data, words, STAMP_BYTES);
		memcpy(data + VB_SECTOR_BYTES - STAMP_BYTES, words, STAMP_BYTES);
	}
}

uint32_t vb_count_unstamped(const uint8_t *data, uint64_t lba, uint32_t sectors, uint32_t generation)
{
	uint64_t words[WORDS];
	uint32_t wrong = 0;
	for (; sectors > 0; sectors--, data += VB_SECTOR_BYTES) {
		make(words, lba++, generation);
		wrong += memcmp(data, words, STAMP_BYTES) || memcmp(data + VB_SECTOR_BYTES - STAMP_BYTES, words, STAMP_BYTES);
	}
	return wrong;
}
