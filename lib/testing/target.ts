/**
 * An AoE target on a link that is there already, for tests of initiators: any device is served at once, nobody is asked
 * whether the address is free, and time may be virtual. What `lib/daemon/` puts together of links and files, this does of
 * what a test holds in its hands.
 */

import { Blade } from "../aoe/blade.js";
import { Registry } from "../aoe/registry.js";
import { TargetStats } from "../aoe/stats.js";
import { AoeTarget } from "../aoe/target.js";
import { AtaDisk } from "../ata/disk.js";
import type { BlockDevice } from "../block/device.js";
import type { Clock } from "../clock.js";
import { Disk, makeIdentity } from "../disk.js";
import type { Link } from "../link/link.js";

export interface TestTargetOptions {
	readonly clock?: Clock;
	/** Frames that an initiator may have outstanding; default 16. */
	readonly bufferCount?: number;
}

const VERSION = "1.0";
const FIRMWARE = 0x0100;

export class TestTarget {
	readonly link: Link;
	readonly #registry = new Registry();
	readonly #target: AoeTarget;
	readonly #bufferCount: number;

	/** Attaches itself to `link`, which stays the caller's to close. */
	constructor(link: Link, { clock, bufferCount = 16 }: TestTargetOptions = {}) {
		this.link = link;
		this.#bufferCount = bufferCount;
		this.#target = new AoeTarget({
			link,
			registry: this.#registry,
			stats: new TargetStats(),
			firmwareVersion: FIRMWARE,
			ownMacs: () => new Set([link.mac]),
			onConflict: () => {},
			...(clock && { clock }),
		});
		this.#target.start();
	}

	/**
	 * Serves a device, which stays the caller's to close.
	 * @param shelf 0..65534
	 * @param slot 0..254
	 */
	serve(shelf: number, slot: number, device: BlockDevice): void {
		const disk = new Disk(`e${shelf}.${slot}`, makeIdentity(`test ${shelf}.${slot}`, VERSION), device);
		this.#registry.add(new Blade(shelf, slot, AtaDisk.of(disk), this.#bufferCount));
		this.#target.registryChanged();
	}

	/** Takes no more requests; those under way are still answered. */
	stop(): void {
		this.#target.stop();
	}
}
