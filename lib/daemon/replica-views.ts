/**
 * A replica that was not promoted, as a pool that can be read: its superblock is looked at now and then, and nothing is written there. It is opened anew at the
 * newest cut when nobody has anything of it open, and in any case before something that it is read from is deleted, and when it is promoted.
 * Used by `store-pools.ts`.
 */

import { OperatorError } from "../errors.js";
import { ObjectError } from "../object/errors.js";
import type { PoolWorld } from "../pool/folder.js";
import type { GiveBackWord } from "../pool/store/promotion.js";
import type { ReplicaOf } from "../pool/store/replica-of.js";
import type { StoreFolder } from "../pool/store/store-folder.js";
import type { Superblock } from "../pool/store/superblock.js";
import { lookAt } from "../pool/store/takeover.js";
import { ViewKeepers, viewText } from "../pool/store/view-keepers.js";
import { shownPoolPath } from "../spec/pool-path.js";
import type { OpenedStores } from "./coming-stores.js";
import { type ReadWorldOf, readWorld } from "./read-world.js";
import type { StoreNews } from "./remote-files.js";

/** What is deleted is in the superblock for a minute before. */
const LOOK_MS = 15_000;
const LOOK_LIMIT_MS = 10_000;

interface ViewOf extends ReadWorldOf {
	readonly renew: StoreNews["renew"];
}

class ReplicaView {
	readonly world: PoolWorld;
	readonly #of: ViewOf;
	readonly #keepers: ViewKeepers;
	readonly #folder: StoreFolder;
	#timer: NodeJS.Timeout | undefined;
	#ending: Promise<void> | undefined;
	/** Once nobody reads it. */
	#renewing: Promise<void> | undefined;

	constructor(of: ViewOf, replica: ReplicaOf) {
		this.#of = of;
		this.#keepers = new ViewKeepers(of.stores.head, shownPoolPath(of.path));
		const { folder, world } = readWorld(of, {
			keepers: this.#keepers,
			onlyRead: viewText(replica),
			isReplicaOf: `${replica.name} of ${replica.host}`,
			end: () => this.end(),
		});
		this.#folder = folder;
		this.world = world;
		this.#wait();
	}

	#wait(): void {
		this.#timer = setTimeout(() => {
			void this.#look().finally(() => {
				if (this.#ending === undefined) this.#wait();
			});
		}, LOOK_MS).unref();
	}

	async #look(): Promise<void> {
		const now = await superblockAt(this.#of);
		if (now === null || this.#ending !== undefined) return;
		switch (this.#keepers.ageBy(now, this.#folder)) {
			case "newest":
				break;
			case "old":
				// (That may take as long as it is read from; until then it may have to go.)
				this.#renewing ??= this.renew(false, "is opened anew, as it is there now");
				break;
			case "going":
				await this.renew(
					true,
					"is opened anew, as it is there now: something that it was read from is deleted",
				);
				break;
		}
	}

	/** It is opened anew when it is wanted next; `isUsed`: also if something of it is open, which is closed. */
	async renew(isUsed: boolean, why: string): Promise<void> {
		const { path, renew } = this.#of;
		await renew(path, why, isUsed);
	}

	end(): Promise<void> {
		clearTimeout(this.#timer);
		this.#ending ??= this.#of.stores.close();
		return this.#ending;
	}
}

/** Null: there is none, or it is not known now. */
async function superblockAt({ stores: { head } }: OpenedStores): Promise<Superblock | null> {
	try {
		return await lookAt(head, { limitMs: LOOK_LIMIT_MS });
	} catch (error) {
		if (error instanceof ObjectError || error instanceof OperatorError) return null;
		throw error;
	}
}

/** Those of a process. */
export class ReplicaViews {
	/** Paths of those that are promoted. */
	readonly #promoted = new Set<string>();
	/** By path: which was opened last. */
	readonly #views = new Map<string, ReplicaView>();

	/** By path of those that are made replicas again: an operator's word. */
	readonly #givenBack = new Map<string, GiveBackWord>();

	givesBack(path: string): GiveBackWord | undefined {
		return this.#givenBack.get(path);
	}

	/** From now on it is opened to be made a replica again, for which all that is open of it is closed, or is not any more. */
	async giveBack(path: string, loseBytes: number | undefined, renew: StoreNews["renew"]): Promise<void> {
		if (loseBytes === undefined) this.#givenBack.delete(path);
		else {
			this.#givenBack.set(path, { loseBytes });
			await renew(path, "is opened anew, as it is made a replica again");
		}
	}

	promotes(path: string): boolean {
		return this.#promoted.has(path);
	}

	/** What it can be read on; undefined: it is no replica, or is promoted, or what it is is not known now. */
	async worldOf(of: ViewOf): Promise<PoolWorld | undefined> {
		const replica = this.promotes(of.path) ? undefined : (await superblockAt(of))?.replica;
		if (replica === undefined) return undefined;
		const view = new ReplicaView(of, replica);
		this.#views.set(of.path, view);
		return view.world;
	}

	/** From now on it is opened to be a pool of its own, or is not any more. */
	async promote(path: string, isAllowed: boolean): Promise<void> {
		if (!isAllowed) this.#promoted.delete(path);
		else {
			this.#promoted.add(path);
			await this.#views.get(path)?.renew(true, "is opened anew, as it is made a pool of its own");
			this.#views.delete(path);
		}
	}
}
