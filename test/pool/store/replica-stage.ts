/** A pool with a replica in a store in memory, as tests have it: the pool's files, what is known of the replica beside them, and the other host that opens it. */

import { setImmediate as nextTurn } from "node:timers/promises";
import { type Clock, systemClock } from "../../../lib/clock.js";
import { Head } from "../../../lib/object/head.js";
import { Objects } from "../../../lib/object/objects.js";
import type { PoolFolder, PoolWorld } from "../../../lib/pool/folder.js";
import { Pool } from "../../../lib/pool/pool.js";
import { HeadKeepers } from "../../../lib/pool/store/head-keepers.js";
import { LeaseWatch } from "../../../lib/pool/store/lease.js";
import { LossWord } from "../../../lib/pool/store/loss-word.js";
import type { GiveBackWord } from "../../../lib/pool/store/promotion.js";
import { ReplicaFolder } from "../../../lib/pool/store/replica-folder.js";
import type { ReplicaOptions } from "../../../lib/pool/store/replica-options.js";
import { replicaPlace } from "../../../lib/pool/store/replica-place.js";
import { StoreFolder } from "../../../lib/pool/store/store-folder.js";
import { asJson, imageIn, type ObjectKey } from "../../../lib/pool/store/stored-image.js";
import { lookAt } from "../../../lib/pool/store/takeover.js";
import { type ViewAge, ViewKeepers } from "../../../lib/pool/store/view-keepers.js";
import { Random } from "../../../lib/random.js";
import { MemoryHead } from "../../../lib/testing/memory-head.js";
import { MemoryObjects } from "../../../lib/testing/memory-objects.js";
import { heapMemory } from "../../../lib/wire/memory.js";
import { MemoryFolder, testWorld } from "../memory-folder.js";

export class ReplicaStage {
	readonly backend: MemoryObjects;
	readonly head: MemoryHead;
	readonly random: Random;
	readonly troubles: (string | null)[] = [];
	#identities = 0;

	constructor(
		readonly clock: Clock = systemClock,
		seed = 1,
		backend?: MemoryObjects,
	) {
		this.random = new Random(seed);
		this.backend = backend ?? new MemoryObjects({ clock, random: new Random(seed) });
		this.head = new MemoryHead({ clock, random: new Random(seed) });
	}

	readonly #identifier = (byteLength: number): string =>
		(++this.#identities).toString(16).padStart(2 * byteLength, "0");

	get #world() {
		const { clock, random } = this;
		return {
			clock,
			now: () => clock.now() * 1000,
			elapsed: () => clock.now() * 1000,
			chance: () => 1 + random.below(2 ** 31),
		};
	}

	/** The pool's files, of which `local` has what is known of the replica. */
	follow(folder: PoolFolder, local: PoolFolder, more: Partial<ReplicaOptions> = {}): ReplicaFolder {
		const { clock } = this;
		const tell = (trouble: string | null): void => void this.troubles.push(trouble);
		const connect = async () => {
			const store = new Objects(this.backend, { clock, random: new Random(1) });
			const head = new Head(this.head, { clock, random: new Random(1) });
			return replicaPlace({
				...{ store, head, of: { name: "fast", host: "one" }, world: this.#world, tell },
				identifier: this.#identifier,
				close: () => store.close(),
			});
		};
		return new ReplicaFolder(folder, [
			{
				...{ name: "attic", local, connect, clock, nextTurn, tell },
				allocate: heapMemory,
				identifier: this.#identifier,
				...more,
			},
		]);
	}

	/** The replica as another host sees it, which has `local` of it; `promotes`: an operator has said that it is to be a pool. */
	other(local: MemoryFolder, promotes: boolean): StoreFolder {
		return this.#other(local, promotes).folder;
	}

	/** The same; `word`: an operator has said that it is to be a replica again. */
	otherWorld(local: MemoryFolder, word?: GiveBackWord): PoolWorld {
		const { folder, keepers } = this.#other(local, word === undefined, word);
		return { ...testWorld(folder), promotion: keepers.promotion };
	}

	#other(local: MemoryFolder, promotes: boolean, word?: GiveBackWord) {
		const { clock } = this;
		const store = new Objects(this.backend, { clock, random: new Random(2) });
		const keepers = new HeadKeepers({
			...{ path: "copy", world: this.#world, name: "two", watch: new LeaseWatch(), loss: new LossWord() },
			head: new Head(this.head, { clock, random: new Random(2) }),
			identifier: this.#identifier,
			listener: {},
			owed: () => null,
			promotes: () => promotes,
			givesBack: { word: () => word, store },
		});
		const folder = new StoreFolder({
			...{ path: "copy", local, keepers, clock, nextTurn, stable: "host", identifier: this.#identifier },
			store,
			logBytes: 256 * 2 ** 20,
			cacheBytes: 2 ** 30,
			allocate: heapMemory,
			closed: () => keepers.close(),
		});
		return { folder, keepers };
	}

	/** The replica as another host reads it that does not promote it; how old that is by then, also if these objects were to be deleted. */
	view(local: MemoryFolder): {
		readonly folder: StoreFolder;
		readonly age: (deleting?: readonly ObjectKey[]) => Promise<ViewAge | null>;
	} {
		const { clock } = this;
		const head = new Head(this.head, { clock, random: new Random(3) });
		const keepers = new ViewKeepers(head, "copy");
		const folder = new StoreFolder({
			...{ path: "copy", local, keepers, clock, nextTurn, stable: "host", identifier: this.#identifier },
			...{ logBytes: 2 ** 20, cacheBytes: 2 ** 30, allocate: heapMemory, isView: true },
			store: new Objects(this.backend, { clock, random: new Random(3) }),
		});
		const age = async (deleting: readonly ObjectKey[] = []): Promise<ViewAge | null> => {
			const superblock = await lookAt(head, {});
			if (superblock === null || deleting.length === 0)
				return superblock && keepers.ageBy(superblock, folder);
			const image = asJson({ ...imageIn(superblock.image), deleting });
			return keepers.ageBy({ ...superblock, image }, folder);
		};
		return { folder, age };
	}

	/** The replica as it is now, for others to look at. */
	copy(): ReplicaStage {
		const copy = new ReplicaStage(this.clock, 1);
		for (const [name, bytes] of this.backend.objects) copy.backend.objects.set(name, bytes);
		copy.head.values.push(...this.head.values.slice(-1));
		return copy;
	}

	/** It is made a pool, and opened. */
	promote(local = new MemoryFolder()): Promise<Pool> {
		return Pool.open(this.otherWorld(local));
	}

	/** It is made a replica again, by an operator's word: says why that has ended as it did. */
	async demote(local: MemoryFolder, loseBytes = 0): Promise<string> {
		try {
			await Pool.open(this.otherWorld(local, { loseBytes }));
			return "it was opened";
		} catch (error) {
			return String(error);
		}
	}
}
