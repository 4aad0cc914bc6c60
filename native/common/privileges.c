/*
 * See privileges.h. glibc changes users and groups in all threads, the kernel's calls for capabilities only in one. The
 * order of the steps follows from that: at setresuid(2) the kernel takes every capability from every thread but this one,
 * which has asked to keep them and then drops all but one; and a system-call filter that is installed for all threads
 * brings "no new privileges" to all of them. In the end every thread is looked at.
 */
#define _GNU_SOURCE
#include "privileges.h"

#include <dirent.h>
#include <errno.h>
#include <grp.h>
#include <linux/audit.h>
#include <linux/capability.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <pwd.h>
#include <signal.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#if defined(__x86_64__)
#define OWN_ARCH AUDIT_ARCH_X86_64
#elif defined(__aarch64__)
#define OWN_ARCH AUDIT_ARCH_AARCH64
#elif defined(__riscv) && __riscv_xlen == 64
#define OWN_ARCH AUDIT_ARCH_RISCV64
#endif

enum { X32_CALLS = 0x40000000 }; /* x86-64 has a second set of numbers from here on */

int vb_find_user(const char *name, struct vb_user *user)
{
	struct passwd entry, *found = NULL;
	size_t bytes = 1 << 16;
	char *strings = malloc(bytes);
	if (!strings) return -ENOMEM;
	int error = getpwnam_r(name, &entry, strings, bytes, &found);
	if (found) *user = (struct vb_user){ .uid = entry.pw_uid, .gid = entry.pw_gid };
	free(strings);
	return found ? 0 : error ? -error : -ENOENT;
}

int vb_find_group(const char *name, gid_t *gid)
{
	struct group entry, *found = NULL;
	size_t bytes = 1 << 20;
	char *strings = malloc(bytes);
	if (!strings) return -ENOMEM;
	int error = getgrnam_r(name, &entry, strings, bytes, &found);
	if (found) *gid = entry.gr_gid;
	free(strings);
	return found ? 0 : error ? -error : -ENOENT;
}

/* What even a program of capabilities could gain by execve(2). Needs CAP_SETPCAP; without, "no new privileges" has to do. */
static void clear_bounding_set(void)
{
	for (int capability = 0; prctl(PR_CAPBSET_READ, capability, 0, 0, 0) >= 0; capability++)
		prctl(PR_CAPBSET_DROP, capability, 0, 0, 0);
}

static int keep_only(uint32_t permitted)
{
	struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3] = { { .effective = permitted, .permitted = permitted } };
	if (syscall(SYS_capset, &header, data) < 0) return -errno;
	if (prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) < 0) return -errno;
	return prctl(PR_SET_KEEPCAPS, 0, 0, 0, 0) < 0 ? -errno : 0;
}

/* System calls that get hold of something new: files, programs, other processes. (io_uring knows open as well: no new one.) */
static const int FORBIDDEN[] = {
#ifdef SYS_open
	SYS_open,
	SYS_creat,
#endif
	SYS_openat,
#ifdef SYS_openat2
	SYS_openat2,
#endif
	SYS_open_by_handle_at,
	SYS_execve,
	SYS_execveat,
	SYS_ptrace,
	SYS_process_vm_readv,
	SYS_process_vm_writev,
#ifdef SYS_pidfd_getfd
	SYS_pidfd_getfd,
#endif
	SYS_io_uring_setup,
};

/* And those by which one of several processes of one user could disturb another one. */
static const int FORBIDDEN_AMONG_OTHERS[] = {
	SYS_tkill,
	SYS_rt_sigqueueinfo,
	SYS_rt_tgsigqueueinfo,
#ifdef SYS_pidfd_send_signal
	SYS_pidfd_send_signal,
#endif
};

enum {
	REFUSE = SECCOMP_RET_ERRNO | EACCES,
	CALLS = sizeof FORBIDDEN / sizeof FORBIDDEN[0],
	CALLS_AMONG_OTHERS = sizeof FORBIDDEN_AMONG_OTHERS / sizeof FORBIDDEN_AMONG_OTHERS[0],
	MOST_STEPS = 2 * (CALLS + CALLS_AMONG_OTHERS) + 32,
};

#define STEP(...) ((struct sock_filter)BPF_STMT(__VA_ARGS__))
#define FIELD(name) STEP(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, name))
/* The next `skipped` steps are only for this value of what was loaded last. */
#define UNLESS(value, skipped) ((struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (value), 0, (skipped)))

static unsigned short refuse(struct sock_filter *to, const int *calls, unsigned count)
{
	for (unsigned i = 0; i < count; i++) {
		to[2 * i] = UNLESS((unsigned)calls[i], 1);
		to[2 * i + 1] = STEP(BPF_RET | BPF_K, REFUSE);
	}
	return (unsigned short)(2 * count);
}

/* A call whose first argument is a process may name this one, and no other; 0 is this one too, where `zero_is_own`. */
static unsigned short refuse_others(struct sock_filter *to, int call, int zero_is_own)
{
	unsigned short length = 0;
	unsigned own = (unsigned)getpid();
	to[length++] = UNLESS((unsigned)call, 6);
	to[length++] = FIELD(args[0]);
	to[length++] = UNLESS(zero_is_own ? 0 : own, 1);
	to[length++] = STEP(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
	to[length++] = UNLESS(own, 1);
	to[length++] = STEP(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
	to[length++] = STEP(BPF_RET | BPF_K, REFUSE);
	return length;
}

/* Forbids them, with EACCES, and all calls by other numbers than this program's own, in every thread. */
static int filter_calls(int among_others)
{
	struct sock_filter program[MOST_STEPS];
	unsigned short length = 0;
#ifdef OWN_ARCH
	program[length++] = FIELD(arch);
	program[length++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, OWN_ARCH, 1, 0);
	program[length++] = STEP(BPF_RET | BPF_K, REFUSE);
#endif
	program[length++] = FIELD(nr);
#ifdef __x86_64__
	program[length++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JGE | BPF_K, X32_CALLS, 0, 1);
	program[length++] = STEP(BPF_RET | BPF_K, REFUSE);
#endif
	length += refuse(program + length, FORBIDDEN, CALLS);
	if (among_others) {
		length += refuse(program + length, FORBIDDEN_AMONG_OTHERS, CALLS_AMONG_OTHERS);
		length += refuse_others(program + length, SYS_kill, 0);
		length += refuse_others(program + length, SYS_tgkill, 0);
		length += refuse_others(program + length, SYS_prlimit64, 1);
	}
	program[length++] = STEP(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
	struct sock_fprog filter = { .len = length, .filter = program };
	long result = syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_TSYNC, &filter);
	return result < 0 ? -errno : result > 0 ? -EBUSY : 0;
}

/* No thread may have kept a capability but those allowed. Whoever starts us can arrange that setresuid(2) takes none. */
static int check_threads(uint32_t allowed)
{
	DIR *threads = opendir("/proc/self/task");
	if (!threads) return -errno;
	int error = 0;
	for (struct dirent *entry; !error && (entry = readdir(threads));) {
		struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3, .pid = atoi(entry->d_name) };
		struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3] = { 0 };
		if (header.pid == 0) continue;
		if (syscall(SYS_capget, &header, data) < 0) error = errno == ESRCH ? 0 : -errno;
		else if ((data[0].permitted & ~allowed) || data[1].permitted) error = -EPERM;
	}
	closedir(threads);
	return error;
}

/* Ends this process when the one that started it does: it is asked for only now, for a change of user forgets it. */
static int end_with(pid_t parent)
{
	if (prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) < 0) return -errno;
	/* It may be gone already; then somebody else is the parent. */
	if (getppid() != parent) _exit(1);
	return 0;
}

int vb_become_user(const char *name, int keep_raw, pid_t parent, const char **step)
{
	uint32_t allowed = keep_raw ? 1u << CAP_NET_RAW : 0;
	struct vb_user user;
	*step = "user";
	int error = vb_find_user(name, &user);
	if (error) return error;
	if (user.uid == 0) return -EINVAL;
	clear_bounding_set();
	/* The areas of XDP sockets count as locked memory, of all that this user runs; frames that find no room in one go the long way. */
	setrlimit(RLIMIT_MEMLOCK, &(struct rlimit){ RLIM_INFINITY, RLIM_INFINITY });
	*step = "groups";
	if (initgroups(name, user.gid) < 0 || setresgid(user.gid, user.gid, user.gid) < 0) return -errno;
	*step = "user";
	if (prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0) < 0) return -errno;
	if (setresuid(user.uid, user.uid, user.uid) < 0) return -errno;
	*step = "capabilities";
	if ((error = keep_only(allowed)) < 0 || (error = check_threads(allowed)) < 0) return error;
	/* Other processes of the user may not look into this one, nor trace it, whatever the system's setting is. */
	*step = "filter";
	if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0) return -errno;
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0) return -errno;
	if (parent > 0 && (error = end_with(parent)) < 0) return error;
	return filter_calls(parent > 0);
}
