/**
 * A blade: a disk as AoE serves it. What AoE adds to the disk: where it is (shelf, slot), who may use it (MAC mask and
 * reservation), its config string, and how much may be asked of it at a time. A disk may be several blades. Made by
 * `lib/daemon/`; listed in the registry of each link that it is served on, and looked up there for every frame.
 */

import type { AtaCommand } from "../ata/command.js";
import type { Tenure } from "../block/device.js";
import type { Disk } from "../disk.js";
import { Hold, type Holds } from "../holds.js";
import { Initiators } from "./initiators.js";
import { Places } from "./places.js";

/** Who may use a blade. Addresses are 48-bit numbers. */
export class Access {
	/** The MAC mask list: empty lets everyone in, unless the operator wants nobody. */
	readonly mask = new Set<number>();
	/** An operator's wish alone: of an initiator, who has to be let in to edit the list, an empty one means everyone. */
	isForNobody = false;
	/** How often initiators have changed one of them. */
	edits = 0;
	#reserved: ReadonlySet<number> = new Set<number>();

	/** `holds`: where other protocols see what is reserved here. */
	constructor(private readonly holds: Holds) {}

	/** The reservation list: empty means not reserved. */
	get reserved(): ReadonlySet<number> {
		return this.#reserved;
	}

	set reserved(macs: ReadonlySet<number>) {
		this.#reserved = macs;
		this.holds.set(this, "aoe", macs.size > 0 ? Hold.all : Hold.none);
	}

	/** True if not everyone is let in. */
	get isMasked(): boolean {
		return this.mask.size > 0 || this.isForNobody;
	}

	/** False for a source that the mask shuts out: it gets no answer at all. */
	admits(mac: number): boolean {
		return this.mask.size === 0 ? !this.isForNobody : this.mask.has(mac);
	}

	/** It is served no longer: what is reserved here keeps nobody from the disk any more. */
	end(): void {
		this.holds.set(this, "aoe", Hold.none);
	}

	/** False if others have reserved the blade. */
	mayUse(mac: number): boolean {
		return this.reserved.size === 0 || this.reserved.has(mac);
	}
}

/** What carries out a blade's ATA commands: an `AtaDisk`, or a test's stand-in. */
export interface AtaExecutor {
	readonly disk: Disk;
	/** Starts a command; sets its reply fields and calls `command.answer()` exactly once, before or after this returns. */
	execute(command: AtaCommand): void;
}

export class Blade {
	readonly access: Access;
	readonly initiators: Initiators;
	/** Set by initiators through AoE's query/config; empty at start. */
	configString: Uint8Array = new Uint8Array(0);
	/**
	 * An initiator has set something that whoever restarts this blade wants to keep: mask, reservation, config string. It is answered when
	 * what this returns resolves to true, and not with false: it was not kept where another host would find it, and initiators ask again.
	 */
	onSet: (() => Promise<boolean> | undefined) | null = null;
	readonly disk: Disk;
	readonly #tenure: Tenure | undefined;
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
		this.access = new Access(this.disk.holds);
		this.#tenure = this.disk.device.tenure;
		this.initiators = new Initiators(this.disk);
	}

	/** Another host may serve it by now: nothing is answered at all, nor is it told of. Initiators ask again. */
	get isQuiet(): boolean {
		return this.#tenure?.mayAnswer === false;
	}

	/** Another host has served it at its address until just now, and does so no more. */
	get succeeds(): boolean {
		return this.#tenure?.isNew === true;
	}

	/** Of those who wait for the disk's limit. */
	get places(): Places {
		this.#places ??= new Places();
		return this.#places;
	}

	/** What the operator wants of it from now on: see `AoeExportSpec`. Without a config string, the one it has stays. */
	change(macs: readonly number[] | undefined, bufferCount: number, configString?: string): void {
		this.access.isForNobody = macs?.length === 0;
		this.access.mask.clear();
		for (const mac of macs ?? []) this.access.mask.add(mac);
		this.bufferCount = bufferCount;
		if (configString !== undefined) this.configString = Buffer.from(configString, "latin1");
	}

	/** `e9.0`: how Linux's driver and the start-up line call it. */
	get name(): string {
		return `e${this.shelf}.${this.slot}`;
	}
}
