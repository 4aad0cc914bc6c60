/**
 * A blade: one exported disk. Who it is (shelf, slot, serial number, model), what it stores (a `BlockDevice`), who may use
 * it (MAC mask and reservation) and what has happened to it (counters). Made by `lib/server.ts`, served by `lib/ata/disk.ts`
 * and `lib/aoe/`; it knows no protocol and no file.
 */

import { createHash } from "node:crypto";
import type { BlockDevice } from "../block/device.js";
import { COUNT_START } from "../counters.js";

/** Highest shelf address a blade may have; 0xffff means "all shelves". */
export const SHELF_MAX = 0xfffe;
/** Highest slot address a blade may have; 0xff means "all slots". */
export const SLOT_MAX = 0xfe;

/** What the disk says of itself, in the words of the ATA standard. ASCII, so that it can go into IDENTIFY DEVICE. */
export interface BladeIdentity {
	/** At most 20 characters, unique per disk and the same at every start and at every address. */
	readonly serial: string;
	/** At most 8 characters. */
	readonly firmware: string;
	/** At most 40 characters. */
	readonly model: string;
	/** World wide name: 64 bits, NAA 3 (locally assigned). */
	readonly wwn: bigint;
}

/** The identity that follows from what the disk is: the same `seed` gives the same disk. */
export function makeIdentity(seed: string, version: string): BladeIdentity {
	const digest = createHash("sha256").update(seed).digest();
	return {
		serial: digest.toString("hex").slice(0, 20),
		firmware: version.slice(0, 8),
		model: "vblade ATA over Ethernet disk",
		wwn: (3n << 60n) | (digest.readBigUInt64BE(16) >> 4n),
	};
}

/** Most entries of a MAC mask or reservation list (the AoE header counts them in one byte). */
export const ACCESS_LIST_MAX = 255;

/** Who may use a blade. Addresses are 48-bit numbers. */
export class Access {
	/** The MAC mask list: empty lets everyone in. */
	readonly mask = new Set<number>();
	/** The reservation list: empty means not reserved. */
	reserved: ReadonlySet<number> = new Set<number>();

	/** False for a source that the mask shuts out: it gets no answer at all. */
	admits(mac: number): boolean {
		return this.mask.size === 0 || this.mask.has(mac);
	}

	/** False if others have reserved the blade. */
	mayUse(mac: number): boolean {
		return this.reserved.size === 0 || this.reserved.has(mac);
	}
}

/** What has happened on a blade since it was made. */
export class BladeStats {
	reads = COUNT_START;
	readBytes = COUNT_START;
	writes = COUNT_START;
	writtenBytes = COUNT_START;
	flushes = COUNT_START;
	trims = COUNT_START;
	/** Commands that ended with an ATA error. */
	errors = COUNT_START;
}

/** Most bytes of a config string (AoE specification, section 3.2). */
export const CONFIG_STRING_MAX = 1024;

export class Blade {
	readonly access = new Access();
	readonly stats = new BladeStats();
	/** Set by initiators through AoE's query/config; empty at start. */
	configString: Uint8Array = new Uint8Array(0);
	/** ATA commands that have arrived, on whatever link, and have not been answered. */
	underWay = 0;

	constructor(
		/** 0..65534 */
		readonly shelf: number,
		/** 0..254 */
		readonly slot: number,
		readonly identity: BladeIdentity,
		readonly device: BlockDevice,
		/** Frames that an initiator may have outstanding, as advertised. 2..65535: Linux stays away from 0 and 1. */
		readonly bufferCount: number,
	) {}

	/** `e9.0`: how Linux's driver and the start-up line call it. */
	get name(): string {
		return `e${this.shelf}.${this.slot}`;
	}
}
