/* How long commands took, in buckets that grow with the time: 32 per power of two, so about 3 % wide. Used by window.c. */
#ifndef VBLADE_LATENCY_H
#define VBLADE_LATENCY_H

#include <stdint.h>

enum { VB_LATENCY_SUB_BUCKETS = 32, VB_LATENCY_BUCKETS = 40 * VB_LATENCY_SUB_BUCKETS };

struct vb_latency {
	uint32_t histogram[VB_LATENCY_BUCKETS];
	uint64_t count;
	double max_us;
};

void vb_latency_add(struct vb_latency *latency, double us);
/* What this part of all, 0 to 1, took at most. */
double vb_latency_percentile(const struct vb_latency *latency, double part);

#endif
