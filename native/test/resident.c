/*
 * What of files is in memory (storage/resident.h), of a pool's worth of files read at random: each group of pages is asked about once, and
 * no more until that is old.
 */
#define _GNU_SOURCE
#include <string.h>
#include <unistd.h>

#include "check.h"
#include "meddle.h"
#include "storage/resident.h"

/* Of 3 GiB; and of how many at most one may be asked about again. */
enum { FILES = 48, GROUP_BYTES = 64 * PAGE, GROUPS = 256, ONE_OF = 50 };

static struct vb_open_file files[FILES];

static void touch_all(struct vb_residents *residents)
{
	for (int group = 0; group < GROUPS; group++)
		for (int i = 0; i < FILES; i++)
			CHECK(vb_resident(residents, &files[i], (uint64_t)group * GROUP_BYTES, PAGE) == files[i].file.map + (size_t)group * GROUP_BYTES);
}

void test_residents(void)
{
	char *paths[FILES];
	struct vb_residents *residents = vb_residents_open(0);
	CHECK(residents);
	for (int i = 0; i < FILES; i++) {
		paths[i] = new_file((off_t)GROUPS * GROUP_BYTES);
		files[i] = (struct vb_open_file){ .file = open_file(paths[i], 0), .number = i, .added = (unsigned)i };
		/* One page of each group is there. */
		for (int group = 0; group < GROUPS; group++)
			CHECK(pwrite(files[i].file.fd, "x", 1, (off_t)group * GROUP_BYTES) == 1);
	}
	meddle.asked = 0;
	touch_all(residents);
	CHECK(meddle.asked >= FILES * GROUPS);
	meddle.asked = 0;
	/* (No time passes for it.) */
	touch_all(residents);
	CHECK(meddle.asked <= FILES * GROUPS / ONE_OF);
	/* Much at once is left to the kernel; what is small is not, nor what there is nowhere else. */
	int by_call;
	CHECK(vb_resident_to_copy(residents, &files[1], 100, 512, &by_call) == files[1].file.map + 100 && !by_call);
	CHECK(pwrite(files[1].file.fd, files[1].file.map, 16 * PAGE, 0) == 16 * PAGE);
	CHECK(vb_resident_to_copy(residents, &files[1], 0, 16 * PAGE, &by_call) == files[1].file.map && by_call);
	struct vb_open_file anonymous = files[1];
	anonymous.file.anonymous = 1;
	CHECK(vb_resident_to_copy(residents, &anonymous, 0, 16 * PAGE, &by_call) && !by_call);
	/* What is in no memory is not believed to be. */
	CHECK(vb_resident(residents, &files[0], PAGE, PAGE) == NULL);
	vb_residents_close(residents);
	for (int i = 0; i < FILES; i++) {
		vb_file_close(&files[i].file);
		drop(paths[i]);
	}
}
