/** How large what keeps how far an attempt is has to be, where that is a device. Used by `kept.ts`, and by pools, which know such volumes by it. */
export const KEPT_BYTES = 4096;
