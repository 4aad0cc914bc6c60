/* See latency.h. */
#include "latency.h"

void vb_latency_add(struct vb_latency *latency, double us)
{
	uint64_t ns = us > 0 ? (uint64_t)(us * 1000) : 0;
	int exponent = ns < VB_LATENCY_SUB_BUCKETS ? 0 : 63 - __builtin_clzll(ns) - 4;
	uint64_t index = exponent == 0 ? ns : (uint64_t)exponent * (VB_LATENCY_SUB_BUCKETS / 2) + (ns >> exponent);
	if (index >= VB_LATENCY_BUCKETS) index = VB_LATENCY_BUCKETS - 1;
	latency->histogram[index]++;
	latency->count++;
	if (us > latency->max_us) latency->max_us = us;
}

double vb_latency_percentile(const struct vb_latency *latency, double part)
{
	double wanted = (double)latency->count * part, seen = 0;
	for (int i = 0; i < VB_LATENCY_BUCKETS; i++) {
		seen += latency->histogram[i];
		if (seen < wanted || latency->histogram[i] == 0) continue;
		if (i < VB_LATENCY_SUB_BUCKETS) return i / 1000.0;
		int exponent = i / (VB_LATENCY_SUB_BUCKETS / 2) - 1;
		uint64_t mantissa = (uint64_t)i - (uint64_t)exponent * (VB_LATENCY_SUB_BUCKETS / 2);
		return (double)(mantissa << exponent) / 1000.0;
	}
	return latency->max_us;
}
