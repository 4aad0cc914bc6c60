/*
 * See crc32c.h. Everywhere here the lowest bit comes first, as it does in the processor's instruction: of 32 bits, bit 31 - n stands
 * for x^n.
 *
 * The instruction gives its result three cycles later, but can be started in each. So three blocks are summed side by side, and then
 * joined: a sum goes on over n bytes as it would over n zeros, which multiplies it by x^(8n), and to what comes out the sum of
 * the bytes themselves is added. Without carries the processor multiplies too.
 */
#include "crc32c.h"

#include <endian.h>
#include <pthread.h>
#include <string.h>

enum {
	/* Bytes of each of three blocks that are summed side by side: three of them are nearly a page, and nearly a sector. */
	LONG = 1360,
	SHORT = 168,
	WORD = 8,
};

#define POLYNOMIAL 0x82f63b78u

static pthread_once_t once = PTHREAD_ONCE_INIT;
/* tables[n][b]: the sum of byte b with n zeros behind it. */
static uint32_t tables[WORD][256];
/* Goes on with a sum; which of those below, this processor decides. */
static uint32_t (*go_on)(uint32_t crc, const uint8_t *bytes, size_t length);

static inline uint64_t word_at(const uint8_t *bytes)
{
	uint64_t word;
	memcpy(&word, bytes, sizeof word);
	return le64toh(word);
}

static uint32_t times_x(uint32_t polynomial)
{
	return polynomial >> 1 ^ (polynomial & 1 ? POLYNOMIAL : 0);
}

static uint32_t go_on_by_tables(uint32_t crc, const uint8_t *bytes, size_t length)
{
	for (; length >= WORD; bytes += WORD, length -= WORD) {
		uint64_t word = word_at(bytes) ^ crc;
		crc = 0;
		for (int i = 0; i < WORD; i++) crc ^= tables[WORD - 1 - i][word >> (8 * i) & 255];
	}
	while (length--) crc = crc >> 8 ^ tables[0][(crc ^ *bytes++) & 255];
	return crc;
}

/* ---- by the processor ----------------------------------------------------------------------------------------- */

#if defined(__x86_64__)

#include <nmmintrin.h>
#include <wmmintrin.h>

#define BY_PROCESSOR __attribute__((target("sse4.2,pclmul")))

static int has_instructions(void)
{
	return __builtin_cpu_supports("sse4.2") && __builtin_cpu_supports("pclmul");
}

BY_PROCESSOR static inline uint32_t add_word(uint32_t crc, uint64_t word)
{
	return (uint32_t)_mm_crc32_u64(crc, word);
}

BY_PROCESSOR static inline uint32_t add_byte(uint32_t crc, uint8_t byte)
{
	return _mm_crc32_u8(crc, byte);
}

BY_PROCESSOR static inline uint64_t multiply(uint32_t a, uint32_t b)
{
	return (uint64_t)_mm_cvtsi128_si64(_mm_clmulepi64_si128(_mm_cvtsi32_si128((int)a), _mm_cvtsi32_si128((int)b), 0));
}

#elif defined(__aarch64__) && defined(__ARM_FEATURE_CRC32) && defined(__ARM_FEATURE_AES)

#include <arm_acle.h>
#include <arm_neon.h>

#define BY_PROCESSOR

/* It has been compiled for those that have them. */
static int has_instructions(void)
{
	return 1;
}

static inline uint32_t add_word(uint32_t crc, uint64_t word)
{
	return __crc32cd(crc, word);
}

static inline uint32_t add_byte(uint32_t crc, uint8_t byte)
{
	return __crc32cb(crc, byte);
}

static inline uint64_t multiply(uint32_t a, uint32_t b)
{
	return vgetq_lane_u64(vreinterpretq_u64_p128(vmull_p64(a, b)), 0);
}

#endif

#ifdef BY_PROCESSOR

/* What a sum is multiplied by to go on over one block, and over two. */
struct shift {
	uint32_t one, two;
};
static struct shift over_long, over_short;

/*
 * For so many bytes, x^(8 * bytes) over x^33: multiplying two polynomials of 32 bits leaves one of 63 in 64, one bit short, and what
 * then adds the 64 as a word to a sum of nothing multiplies by x^32.
 */
static uint32_t shift_over(size_t bytes)
{
	uint32_t polynomial = 1u << 31;
	for (size_t n = 8 * bytes - 33; n > 0; n--) polynomial = times_x(polynomial);
	return polynomial;
}

BY_PROCESSOR static inline uint32_t add_three(uint32_t crc, const uint8_t *bytes, size_t block, const struct shift *over)
{
	uint32_t second = 0, third = 0;
	for (const uint8_t *end = bytes + block; bytes < end; bytes += WORD) {
		crc = add_word(crc, word_at(bytes));
		second = add_word(second, word_at(bytes + block));
		third = add_word(third, word_at(bytes + 2 * block));
	}
	return third ^ add_word(0, multiply(crc, over->two) ^ multiply(second, over->one));
}

BY_PROCESSOR static uint32_t go_on_by_processor(uint32_t crc, const uint8_t *bytes, size_t length)
{
	for (; length >= 3 * LONG; bytes += 3 * LONG, length -= 3 * LONG) crc = add_three(crc, bytes, LONG, &over_long);
	for (; length >= 3 * SHORT; bytes += 3 * SHORT, length -= 3 * SHORT) crc = add_three(crc, bytes, SHORT, &over_short);
	for (; length >= WORD; bytes += WORD, length -= WORD) crc = add_word(crc, word_at(bytes));
	while (length--) crc = add_byte(crc, *bytes++);
	return crc;
}

#endif

/* ---- which of them -------------------------------------------------------------------------------------------- */

static void prepare(void)
{
	for (uint32_t byte = 0; byte < 256; byte++) {
		uint32_t crc = byte;
		for (int bit = 0; bit < 8; bit++) crc = times_x(crc);
		tables[0][byte] = crc;
	}
	for (int zeros = 1; zeros < WORD; zeros++)
		for (int byte = 0; byte < 256; byte++) {
			uint32_t before = tables[zeros - 1][byte];
			tables[zeros][byte] = before >> 8 ^ tables[0][before & 255];
		}
	go_on = go_on_by_tables;
#ifdef BY_PROCESSOR
	if (!has_instructions()) return;
	over_long = (struct shift){ shift_over(LONG), shift_over(2 * LONG) };
	over_short = (struct shift){ shift_over(SHORT), shift_over(2 * SHORT) };
	go_on = go_on_by_processor;
#endif
}

uint32_t vb_crc32c(uint32_t crc, const void *bytes, size_t length)
{
	pthread_once(&once, prepare);
	return ~go_on(~crc, bytes, length);
}

uint32_t vb_crc32c_by_tables(uint32_t crc, const void *bytes, size_t length)
{
	pthread_once(&once, prepare);
	return ~go_on_by_tables(~crc, bytes, length);
}
