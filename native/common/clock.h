/* The clock that nobody sets, for all who measure how long something takes, or wait for no longer than they may. */
#ifndef VBLADE_CLOCK_H
#define VBLADE_CLOCK_H

#include <stdint.h>
#include <time.h>

static inline uint64_t vb_now_ns(void)
{
	struct timespec time;
	clock_gettime(CLOCK_MONOTONIC, &time);
	return (uint64_t)time.tv_sec * 1000000000 + (uint64_t)time.tv_nsec;
}

static inline uint64_t vb_now_us(void)
{
	return vb_now_ns() / 1000;
}

/* So many milliseconds from now, as pthread_cond_timedwait(3) wants it if its clock is this one. */
static inline struct timespec vb_later(unsigned ms)
{
	uint64_t ns = vb_now_ns() + ms * 1000000ull;
	return (struct timespec){ .tv_sec = (time_t)(ns / 1000000000), .tv_nsec = (long)(ns % 1000000000) };
}

#endif
