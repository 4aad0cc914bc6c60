/**
 * The one number that everybody counts disks in: the AoE and ATA rooms, slices of files, and options of the command line.
 */

/** Bytes of a logical sector; in ATA also of a log page, an IDENTIFY or SMART structure and a block of a TRIM list. */
export const SECTOR_BYTES = 512;
