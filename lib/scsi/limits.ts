/** What commands may ask for at most: kept by the operations of this room, told in the pages B0h and B2h of the vital product data. */

const MIB = 1024 * 1024;

/** Of a command that moves data, in bytes: more than any READ (10) of 512-byte blocks can name. */
export const TRANSFER_BYTES_MAX = 32 * MIB;
/** Of a list of parameters, in bytes. */
export const PARAMETER_BYTES_MAX = 64 * 1024;
/** Of COMPARE AND WRITE, in bytes that are written: what is there has to be beside them. (No more than 255 blocks can be asked for.) */
export const COMPARE_BYTES_MAX = 64 * 1024;
/** Of ORWRITE, which is done as a whole, too. */
export const OR_BYTES_MAX = MIB;
/** Ranges of one UNMAP, which may be of any length; each is looked at, sorted and united. */
export const UNMAP_RANGES_MAX = 2048;
/** Of WRITE SAME, in bytes: what is no zero has to be written. */
export const WRITE_SAME_BYTES_MAX = 1024 * MIB;
/** Of EXTENDED COPY: whom it is between, and pieces of what is copied. */
export const COPY_TARGETS_MAX = 16;
export const COPY_SEGMENTS_MAX = 64;
/** Of an initiator at one unit, under way at once. */
export const COPIES_MAX = 16;
