/* CRC32C by the processor and by tables (storage/crc32c.h), and bytes that are zero (storage/zero.h). */
#include <string.h>
#include <unistd.h>

#include "check.h"
#include "storage/crc32c.h"
#include "storage/zero.h"

/* A bit at a time, as it is defined. */
static uint32_t slowly(const uint8_t *bytes, size_t length)
{
	uint32_t crc = ~0u;
	while (length--) {
		crc ^= *bytes++;
		for (int bit = 0; bit < 8; bit++) crc = crc >> 1 ^ (crc & 1 ? 0x82f63b78u : 0);
	}
	return ~crc;
}

static void check_both(const uint8_t *bytes, size_t length, uint32_t expected)
{
	CHECK(vb_crc32c(0, bytes, length) == expected);
	CHECK(vb_crc32c_by_tables(0, bytes, length) == expected);
}

/* RFC 3720, appendix B.4. */
static void test_vectors(void)
{
	static const uint8_t read_pdu[48] = { [0] = 0x01, 0xc0, [16] = 0x14, [22] = 0x04, [27] = 0x14, [31] = 0x18, 0x28, [40] = 0x02 };
	uint8_t zeros[32] = { 0 }, ones[32], up[32], down[32];
	memset(ones, 0xff, sizeof ones);
	for (uint8_t i = 0; i < 32; i++) up[i] = i, down[i] = 31 - i;
	check_both(zeros, 32, 0x8a9136aa);
	check_both(ones, 32, 0x62a8ab43);
	check_both(up, 32, 0x46dd794e);
	check_both(down, 32, 0x113fdb5c);
	check_both(read_pdu, 48, 0xd9963a56);
	check_both(zeros, 0, 0);
}

enum { RANDOM_BYTES = 20000, TRIES = 400 };

static void test_any_length(unsigned seed)
{
	static uint8_t bytes[RANDOM_BYTES];
	srand(seed);
	printf("sums: seed %u\n", seed);
	for (int i = 0; i < RANDOM_BYTES; i++) bytes[i] = (uint8_t)rand();
	/* A sector and a page, and what is just more or less, from any address on. */
	for (size_t length = 0; length < 9000; length += length % 512 < 20 || length % 1360 < 30 ? 1 : 7)
		check_both(bytes + length % 17, length, slowly(bytes + length % 17, length));
	for (int i = 0; i < TRIES; i++) {
		size_t begin = (size_t)rand() % RANDOM_BYTES, length = (size_t)rand() % (RANDOM_BYTES - begin + 1);
		size_t first = (size_t)rand() % (length + 1);
		uint32_t expected = slowly(bytes + begin, length);
		check_both(bytes + begin, length, expected);
		CHECK(vb_crc32c(vb_crc32c(0, bytes + begin, first), bytes + begin + first, length - first) == expected);
	}
}

static void test_zero(void)
{
	static uint8_t bytes[PAGE + 1];
	CHECK(vb_is_zero(bytes, 0) && vb_is_zero(bytes, 1) && vb_is_zero(bytes, PAGE) && vb_is_zero(bytes + 1, PAGE));
	for (size_t at = 0; at < PAGE; at++) {
		bytes[at] = 1;
		CHECK(!vb_is_zero(bytes, PAGE) && vb_is_zero(bytes, at) && vb_is_zero(bytes + at + 1, PAGE - at));
		bytes[at] = 0;
	}
}

void test_sums(void)
{
	test_vectors();
	test_any_length((unsigned)getpid());
	test_zero();
}
