/**
 * The one limit for what must come in a test: an answer, a line of a log, the end of a process. It is there only that nothing is waited
 * for for ever: where all is well it costs nothing, and no machine is so busy that it comes near it.
 */

export const LIMIT_MS = 60_000;

/** The same for all that a kernel or a boot program does in a machine, which may be emulated. */
export const GUEST_LIMIT_MS = 200_000;
