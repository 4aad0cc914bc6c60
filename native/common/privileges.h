/*
 * Giving up root, for good and in every thread of the process: another user, no capabilities but the one that is asked
 * for, no way to gain any, and a system-call filter that opens nothing and starts nothing. Knows no Node.
 */
#ifndef VBLADE_PRIVILEGES_H
#define VBLADE_PRIVILEGES_H

#include <sys/types.h>

struct vb_user {
	uid_t uid;
	gid_t gid; /* the user's own group */
};

/* 0, -ENOENT if there is no such user, or -errno. May load libraries (NSS): before vb_become_user. */
int vb_find_user(const char *name, struct vb_user *user);

/* The number of a group, likewise. */
int vb_find_group(const char *name, gid_t *gid);

/*
 * Makes the process that user, with the user's groups. Call it from the main thread, as root. Of capabilities only
 * CAP_NET_RAW stays, if `keep_raw`, and only in this thread and those it will start. With a `parent`, which is the process that
 * started this one, it is one of several of that user: it is killed when that one ends, and may signal nobody but itself. 0 or
 * -errno; *step names what failed, and then the process is something in between and must end.
 */
int vb_become_user(const char *name, int keep_raw, pid_t parent, const char **step);

#endif
