/*
 * A library for LD_PRELOAD that lets user-mode Linux run on processors with more state than it knows.
 *
 * User-mode Linux runs its programs under ptrace and sets their floating point state (regset NT_X86_XSTATE) from a buffer
 * of a size fixed when it was compiled. Where the processor has more (AMX tiles), the host's kernel wants the whole area
 * and answers EFAULT to less, and user-mode Linux panics. Here such a call is made again: the program's whole state is
 * read, its beginning is replaced by what the caller has, and that is set.
 *
 * Compiled by scripts/setup, loaded by test/support/uml.ts; does nothing where the first call works.
 */
#define _GNU_SOURCE
#include <elf.h>
#include <errno.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#ifndef NT_X86_XSTATE
#define NT_X86_XSTATE 0x202
#endif

enum {
	/* The XSAVE area begins with 512 bytes of x87 and SSE state; a 64-bit mask of the components in use follows. */
	MASK_OFFSET = 512,
	HEADER_END = 576,
	/* Components 0 to 9 (x87 to PKRU) lie in the part that user-mode Linux knows. */
	KNOWN_COMPONENTS = 0x3ff,
};

static long set_whole_state(pid_t pid, const struct iovec *known)
{
	static unsigned char area[64 * 1024] __attribute__((aligned(64)));
	struct iovec whole = { area, sizeof area };
	uint64_t mask;

	if (syscall(SYS_ptrace, (long)PTRACE_GETREGSET, (long)pid, (long)NT_X86_XSTATE, &whole) < 0)
		return -1;
	memcpy(area, known->iov_base, known->iov_len < whole.iov_len ? known->iov_len : whole.iov_len);
	memcpy(&mask, area + MASK_OFFSET, sizeof mask);
	mask &= KNOWN_COMPONENTS;
	memcpy(area + MASK_OFFSET, &mask, sizeof mask);
	return syscall(SYS_ptrace, (long)PTRACE_SETREGSET, (long)pid, (long)NT_X86_XSTATE, &whole);
}

long ptrace(enum __ptrace_request request, ...)
{
	va_list args;
	long result, word;

	va_start(args, request);
	pid_t pid = va_arg(args, pid_t);
	void *address = va_arg(args, void *);
	void *data = va_arg(args, void *);
	va_end(args);

	if (request == PTRACE_PEEKTEXT || request == PTRACE_PEEKDATA || request == PTRACE_PEEKUSER) {
		/* The kernel stores the word; the C library returns it. */
		result = syscall(SYS_ptrace, (long)request, (long)pid, address, &word);
		if (result < 0)
			return -1;
		errno = 0;
		return word;
	}
	result = syscall(SYS_ptrace, (long)request, (long)pid, address, data);
	if (result < 0 && errno == EFAULT && request == PTRACE_SETREGSET && (uintptr_t)address == NT_X86_XSTATE) {
		const struct iovec *known = data;
		if (known->iov_len >= HEADER_END)
			return set_whole_state(pid, known);
	}
	return result;
}
