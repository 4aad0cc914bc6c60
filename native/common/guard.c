/* See guard.h. A thread-local jump buffer says whether the thread is inside a guarded copy. */
#define _GNU_SOURCE
#include "guard.h"

#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

static __thread sigjmp_buf guard_jump;
static __thread volatile sig_atomic_t guard_active;
static struct sigaction previous_action;

static void on_sigbus(int number, siginfo_t *info, void *context)
{
	if (guard_active) {
		guard_active = 0;
		siglongjmp(guard_jump, 1);
	}
	if ((previous_action.sa_flags & SA_SIGINFO) && previous_action.sa_sigaction) {
		previous_action.sa_sigaction(number, info, context);
		return;
	}
	/* Not ours: back to what was there before; returning repeats the access and so the signal. */
	sigaction(SIGBUS, &previous_action, NULL);
}

static void install(void)
{
	struct sigaction action;
	memset(&action, 0, sizeof action);
	action.sa_sigaction = on_sigbus;
	/* SA_NODEFER: the jump out of the handler leaves the signal mask as it is, so it must not have been changed. */
	action.sa_flags = SA_SIGINFO | SA_NODEFER | SA_ONSTACK;
	sigemptyset(&action.sa_mask);
	sigaction(SIGBUS, &action, &previous_action);
	/* A write past the limit for a file's size (RLIMIT_FSIZE) is to fail, no more. */
	signal(SIGXFSZ, SIG_IGN);
}

void vb_guard_init(void)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;
	pthread_once(&once, install);
}

int vb_copy(void *to, const void *from, size_t length)
{
	/* Nothing may come without an address, which memcpy would not stand. */
	if (length == 0) return 0;
	if (sigsetjmp(guard_jump, 0)) return -EFAULT;
	guard_active = 1;
	/* The compiler must not move the copy out of the guarded part. */
	__asm__ volatile("" ::: "memory");
	memcpy(to, from, length);
	__asm__ volatile("" ::: "memory");
	guard_active = 0;
	return 0;
}
