/* See look.h. Symbolic links are followed, as they are when a file is opened. */
#include "look.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

static void say(struct vb_look *look, const struct stat *status)
{
	size_t room = sizeof look->text;
	if (S_ISBLK(status->st_mode))
		snprintf(look->text, room, "block %llx", (unsigned long long)status->st_rdev);
	else if (S_ISREG(status->st_mode))
		snprintf(look->text, room, "file %llx:%llx", (unsigned long long)status->st_dev, (unsigned long long)status->st_ino);
	else
		snprintf(look->text, room, "other");
}

static void look_at(const char *path, struct vb_look *look)
{
	struct stat status;
	if (stat(path, &status) < 0)
		snprintf(look->text, sizeof look->text, "-%d", errno);
	else
		say(look, &status);
}

void vb_look_opened(int fd, struct vb_look *look)
{
	struct stat status;
	if (fstat(fd, &status) < 0)
		snprintf(look->text, sizeof look->text, "-%d", errno);
	else
		say(look, &status);
}

int vb_look(const char *paths, struct vb_look **looks, uint32_t *count)
{
	*count = 0;
	for (const char *path = paths; *path; path += strlen(path) + 1) ++*count;
	*looks = calloc(*count + 1, sizeof **looks);
	if (!*looks) return -ENOMEM;
	for (uint32_t i = 0; i < *count; i++, paths += strlen(paths) + 1) look_at(paths, &(*looks)[i]);
	return 0;
}
