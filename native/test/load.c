/* What the load generator refuses. */
#include <errno.h>

#include "bench/load.h"
#include "check.h"

void test_load(void)
{
	const char *step;
	struct vb_load_config load = { .interface = "lo", .sectors = 2, .window = 4, .blocks = 100, .seconds = 0.1 };
	struct vb_load_result result;
	load.window = 0;
	CHECK(vb_load_run(&load, &result, &step) == -EINVAL);
	load.window = 4;
	CHECK(vb_load_run(&load, &result, &step) == -EINVAL);
	load.slots = 2;
	load.verify = 1;
	CHECK(vb_load_run(&load, &result, &step) == -EINVAL);
	load.verify = 0;
	load.slot = 254;
	CHECK(vb_load_run(&load, &result, &step) == -EINVAL);
	load.slots = 1;
	load.sectors = 255;
	load.interface = "nothere0";
	CHECK(vb_load_run(&load, &result, &step) == -ENODEV);
}
