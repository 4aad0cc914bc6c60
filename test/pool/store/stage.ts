/** A pool on an object store in memory, as tests have it: the store, the superblock, and hosts that have something of it. */

import { setImmediate as nextTurn } from "node:timers/promises";
import { systemClock } from "../../../lib/clock.js";
import { OperatorError } from "../../../lib/errors.js";
import { Objects } from "../../../lib/object/objects.js";
import type { ImageKeeper } from "../../../lib/pool/store/keeper.js";
import type { Keepers, StoreFolderOptions } from "../../../lib/pool/store/options.js";
import { StoreFolder } from "../../../lib/pool/store/store-folder.js";
import { EMPTY_IMAGE, type StoredImage } from "../../../lib/pool/store/stored-image.js";
import { Random } from "../../../lib/random.js";
import { MemoryObjects } from "../../../lib/testing/memory-objects.js";
import { heapMemory } from "../../../lib/wire/memory.js";
import type { MemoryFolder } from "../memory-folder.js";

/** The superblock, which one after the other has. */
export class PlainKeepers implements Keepers {
	image: StoredImage | null = null;
	epoch = 0;
	heldBelow = 0;
	isGivenUp = true;
	pool = "00112233445566778899aabbccddeeff";
	/** Who acquires it next; and who has had it, by which epoch since. */
	host = "";
	#hadBy = "";
	#hostSince = 0;

	async isThere(): Promise<boolean> {
		return this.image !== null;
	}

	async create(): Promise<ImageKeeper> {
		this.image = EMPTY_IMAGE;
		return this.acquire();
	}

	async acquire(): Promise<ImageKeeper> {
		const epoch = ++this.epoch;
		if (this.#hadBy !== this.host || this.#hostSince === 0) this.#hostSince = epoch;
		this.#hadBy = this.host;
		const isOurs = (): void => {
			if (this.epoch !== epoch) throw new OperatorError("somebody else has the pool");
		};
		const image = (): StoredImage => this.image!;
		return {
			pool: this.pool,
			epoch,
			hostSince: this.#hostSince,
			get image() {
				return image();
			},
			heldBelow: this.heldBelow,
			isGivenUp: () => this.isGivenUp,
			write: async (change) => {
				isOurs();
				this.image = change(image());
			},
		};
	}
}

let identities = 0;

export class StoreStage {
	readonly keepers = new PlainKeepers();

	constructor(readonly backend = new MemoryObjects({ clock: systemClock, random: new Random(1) })) {}

	/** The pool's files as a host sees them, which has `local` of it. */
	folder(local: MemoryFolder, options: Partial<StoreFolderOptions> = {}): StoreFolder {
		return new StoreFolder({
			path: "gold",
			local,
			store: new Objects(this.backend),
			keepers: this.keepers,
			logBytes: 256 * 2 ** 20,
			cacheBytes: 2 ** 30,
			stable: "host",
			clock: systemClock,
			allocate: heapMemory,
			nextTurn,
			identifier: (byteLength) => (++identities).toString(16).padStart(2 * byteLength, "0"),
			...options,
		});
	}
}
