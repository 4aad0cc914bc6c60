/**
 * A blade: a disk as AoE serves it. What AoE adds to the disk: where it is (shelf, slot), who may use it (MAC mask and
 * reservation), its config string, and how much may be asked of it at a time. A disk may be several blades. Made by
 * `lib/daemon/`; listed in the registry of each link that it is served on, and looked up there for every frame.
 */

import type { AtaCommand } from "../ata/command.js";
import type { Disk } from "../disk.js";
import { Initiators } from "./initiators.js";
import { Places } from "./places.js";

/** Highest shelf address a blade may have; 0xffff means "all shelves". */
export const SHELF_MAX = 0xfffe;
/** Highest slot address a blade may have; 0xff means "all slots". */
export const SLOT_MAX = 0xfe;

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

/** Most bytes of a config string (AoE specification, section 3.2). */
export const CONFIG_STRING_MAX = 1024;

/** What carries out a blade's ATA commands: an `AtaDisk`, or a test's stand-in. */
export interface AtaExecutor {
	readonly disk: Disk;
	/** Starts a command; sets its reply fields and calls `command.answer()` exactly once, before or after this returns. */
	execute(command: AtaCommand): void;
}

export class Blade {
	readonly access = new Access();
	readonly initiators: Initiators;
	/** Set by initiators through AoE's query/config; empty at start. */
	configString: Uint8Array = new Uint8Array(0);
	readonly disk: Disk;
	#places: Places | null = null;

	constructor(
		/** 0..65534 */
		readonly shelf: number,
		/** 0..254 */
		readonly slot: number,
		readonly ata: AtaExecutor,
		/** Frames that an initiator may have outstanding, as advertised. 2..65535: Linux stays away from 0 and 1. */
		public bufferCount: number,
		/** Served even if another host answers for its address. */
		readonly force = false,
	) {
		this.disk = ata.disk;
		this.initiators = new Initiators(this.disk);
	}

	/** Of those who wait for the disk's limit. */
	get places(): Places {
		this.#places ??= new Places();
		return this.#places;
	}

	/** What the operator wants of it from now on. Without a config string, the one it has stays. */
	change(macs: Iterable<number>, bufferCount: number, configString?: string): void {
		this.access.mask.clear();
		for (const mac of macs) this.access.mask.add(mac);
		this.bufferCount = bufferCount;
		if (configString !== undefined) this.configString = Buffer.from(configString, "latin1");
	}

	/** `e9.0`: how Linux's driver and the start-up line call it. */
	get name(): string {
		return `e${this.shelf}.${this.slot}`;
	}
}
