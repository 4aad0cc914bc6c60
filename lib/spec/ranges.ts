/**
 * What the numbers that an operator writes may be, and what messages call them. The same for the command line and for
 * configuration files; what AoE itself limits is held to these numbers in `lib/aoe/`. Data only.
 */

import { SECTOR_BYTES } from "../wire/sector.js";

export interface NumberForm {
	readonly min: number;
	readonly max: number;
	/** What the message calls such a number: "a shelf". */
	readonly called?: string;
	/** Digits after a decimal point are allowed. */
	readonly fraction?: boolean;
}

/** Highest shelf address a blade may have; 0xffff means "all shelves". */
export const SHELF_MAX = 0xfffe;
/** Highest slot address a blade may have; 0xff means "all slots". */
export const SLOT_MAX = 0xfe;
/** Most entries of a MAC mask or reservation list (the AoE header counts them in one byte). */
export const ACCESS_LIST_MAX = 255;
/** Longest path of a unix socket (`sun_path` of unix(7), without the final zero byte). What is longer would be cut, silently. */
export const SOCKET_PATH_MAX_BYTES = 107;
/** Most entries of a list of who may connect. */
export const PEER_RANGES_MAX = 1024;
/** Names of NBD's exports, and descriptions, in bytes (its specification: "String values"). */
export const NBD_STRING_MAX = 4096;
/** What CHAP calls who logs in, in bytes (RFC 7143, 12.1.3). */
export const CHAP_NAME_MAX = 255;
/** Secrets of CHAP in bytes: with fewer than this many nobody is safe (RFC 7143, 9.2.1), and more are not taken (12.1.3). */
export const CHAP_SECRET_MIN = 12;
export const CHAP_SECRET_MAX = 255;
/** Most bytes of a config string (AoE specification, section 3.2). */
export const CONFIG_STRING_MAX = 1024;

/** So many sectors that their bytes can still be counted exactly. */
const SECTORS_MAX = Math.floor(Number.MAX_SAFE_INTEGER / SECTOR_BYTES);

export const NUMBERS = {
	shelf: { min: 0, max: SHELF_MAX, called: "a shelf" },
	slot: { min: 0, max: SLOT_MAX, called: "a slot" },
	// Linux never uses a target that advertises 0 or 1; the field on the wire has 16 bits.
	"buffer count": { min: 2, max: 0xffff, called: "a buffer count" },
	offset: { min: 0, max: SECTORS_MAX, called: "an offset in sectors" },
	// Both ways of addressing units that initiators know (SAM-5, 4.7) have no more.
	lun: { min: 0, max: 16383, called: "a LUN" },
	"poll-us": { min: 0, max: 1000, called: "a time in microseconds" },
	length: { min: 1, max: SECTORS_MAX, called: "a length in sectors" },
	"tls-threads": { min: 1, max: 16, called: "a number of threads" },
	resend: { min: 1, max: 1000, called: "a number of intervals" },
} as const satisfies Readonly<Record<string, NumberForm>>;

/** Disks that one disk may be made of. */
export const MEMBERS_MAX = 64;
/** Disks of which one may be the mirror. */
export const MIRRORED_MAX = 8;
/** Disks that a pool may be on. */
export const POOL_DISKS_MAX = 32;
/** A disk of disks of disks ...: so many at most on one way. */
export const NESTED_MAX = 8;

/** Clients that TLS has come to nothing with: so many are told of, the last ones. */
export const TLS_REFUSALS_TOLD = 8;

/** A size is less than this: more bytes can't be counted exactly. */
export const SIZES_BELOW = "8192T";

/** IANA's (RFC 7143, 15). */
export const ISCSI_PORT = 3260;
