/* See claims.h. Files are told by device and inode: names change, and may be names in another mount namespace. */
#define _GNU_SOURCE
#include "claims.h"

#include <dirent.h>
#include <fcntl.h>
#include <linux/loop.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

static int is_same(const struct stat *one, const struct stat *other)
{
	if (S_ISBLK(one->st_mode)) return S_ISBLK(other->st_mode) && one->st_rdev == other->st_rdev;
	return one->st_dev == other->st_dev && one->st_ino == other->st_ino;
}

/* What a loop device says of its file; by the name that sysfs knows, where we may not ask it. */
static int loop_has(const char *name, const char *backing_file, const struct stat *status)
{
	char path[300];
	struct stat other;
	struct loop_info64 info;
	snprintf(path, sizeof path, "/dev/%s", name);
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	int known = fd >= 0 && ioctl(fd, LOOP_GET_STATUS64, &info) == 0;
	if (fd >= 0) close(fd);
	if (!known) return stat(backing_file, &other) == 0 && is_same(status, &other);
	if (S_ISBLK(status->st_mode)) return info.lo_rdevice == status->st_rdev;
	return info.lo_device == status->st_dev && info.lo_inode == status->st_ino;
}

int vb_has_loop(const struct stat *status)
{
	char path[300], *backing_file = NULL;
	size_t room = 0;
	int found = 0;
	DIR *devices = opendir("/sys/block");
	for (struct dirent *entry; devices && !found && (entry = readdir(devices));) {
		if (strncmp(entry->d_name, "loop", 4) != 0) continue;
		/* Only of a device that has a file. */
		snprintf(path, sizeof path, "/sys/block/%s/loop/backing_file", entry->d_name);
		FILE *stream = fopen(path, "re");
		if (!stream) continue;
		ssize_t length = getline(&backing_file, &room, stream);
		fclose(stream);
		if (length <= 0) continue;
		backing_file[length - 1] = 0;
		found = loop_has(entry->d_name, backing_file, status);
	}
	if (devices) closedir(devices);
	free(backing_file);
	return found;
}

/* A field of /proc/swaps: what would end it is written as three octal digits. */
static void unescape(char *text)
{
	char *to = text;
	for (const char *from = text; *from && *from != ' ' && *from != '\t'; to++) {
		unsigned digits;
		if (*from == '\\' && sscanf(from + 1, "%3o", &digits) == 1) {
			*to = (char)digits;
			from += 4;
		} else {
			*to = *from++;
		}
	}
	*to = 0;
}

int vb_is_swap(const struct stat *status)
{
	char *line = NULL;
	size_t room = 0;
	int found = 0;
	struct stat other;
	FILE *swaps = fopen("/proc/swaps", "re");
	while (swaps && !found && getline(&line, &room, swaps) > 0) {
		unescape(line);
		found = stat(line, &other) == 0 && is_same(status, &other);
	}
	if (swaps) fclose(swaps);
	free(line);
	return found;
}
