/** The way to a replica: found as soon as its store answers, and asked for again as long as it does not. Made by `replica.ts`. */

import type { Clock } from "../../clock.js";
import { OperatorError } from "../../errors.js";
import type { ObjectStore } from "../../object/store.js";
import type { Image } from "./image.js";
import type { ImageKeeper } from "./keeper.js";
import { Patience } from "./patience.js";
import { PromotedError } from "./replica-keeper.js";
import { readComing } from "./stored-image.js";
import { FencedError } from "./superblock-swaps.js";
import { Waiters } from "./waiters.js";

/** Where it is, as soon as that answers. */
export interface ReplicaPlace {
	readonly store: ObjectStore;
	/** The superblock there, for a pool of that number. Throws an OperatorError or an ObjectError. */
	acquire(source: number): Promise<ImageKeeper>;
	/** Whatever is under way there ends. */
	close(): Promise<void>;
}

/** How often is looked whether a replica that lacks nothing was promoted. */
const LOOK_MS = 15_000;

export class ReplicaWay {
	readonly #connect: () => Promise<ReplicaPlace>;
	readonly #clock: Clock;
	readonly #patience: Patience;
	readonly #waiters = new Waiters();
	#place: ReplicaPlace | null = null;
	#isEnded = false;
	#cancelLook = (): void => {};
	#promoted: PromotedError | null = null;

	constructor(connect: () => Promise<ReplicaPlace>, clock: Clock, tell: (trouble: string | null) => void) {
		this.#connect = connect;
		this.#clock = clock;
		this.#patience = new Patience(clock, tell);
	}

	get trouble(): string | null {
		return this.#patience.trouble;
	}

	/** Once it was found. */
	get place(): ReplicaPlace {
		if (this.#place === null) throw new OperatorError("the replica has not answered yet");
		return this.#place;
	}

	/** By whom the replica was promoted, as far as is known; null: it was not, or was given back. */
	get promoted(): PromotedError | null {
		return this.#promoted;
	}

	/** Resolves when it is so, which is looked at by `look`. Throws an OperatorError if nobody waits any more. */
	async until(isSo: () => boolean): Promise<void> {
		while (!isSo()) {
			if (this.#isEnded) throw new OperatorError("the pool is closed");
			await this.#waiters.wait();
		}
	}

	look(): void {
		this.#waiters.letGo();
	}

	/** What is there. Throws an OperatorError if somebody else has it, or nobody waits any more. */
	async find(source: number): Promise<{ readonly keeper: ImageKeeper; readonly image: Image }> {
		const never = (): boolean => false;
		const place = this.#place ?? (await this.#patience.run(this.#connect, never));
		this.#place = place;
		if (this.#isEnded) throw new OperatorError("the pool is closed");
		// (What was promoted may be given back.)
		const isFenced = (error: Error): boolean => {
			this.#promoted = error instanceof PromotedError ? error : null;
			return error instanceof FencedError && this.#promoted === null;
		};
		const keeper = await this.#patience.run(() => place.acquire(source), isFenced);
		this.#promoted = null;
		const image = await this.#patience.run(() => readComing(place.store, keeper.pool, keeper.image), never);
		return { keeper, image };
	}

	/** Resolves when that is over, however it is, or after so long. */
	async within(limitMs: number, done: Promise<void>): Promise<void> {
		let cancel = (): void => {};
		const late = new Promise<void>((resolve) => {
			cancel = this.#clock.after(limitMs, resolve);
		});
		await Promise.race([done.catch(() => {}), late]);
		cancel();
	}

	/** Has it looked now and then, until the end. */
	watch(look: () => Promise<void>): void {
		this.#cancelLook = this.#clock.after(LOOK_MS, () => {
			void look()
				// (What is wrong there is found by the next cut, too.)
				.catch((error: unknown) => {
					if (!(error instanceof OperatorError)) throw error;
				})
				.finally(() => {
					if (!this.#isEnded) this.watch(look);
				});
		});
	}

	/** Whoever waits hears that nothing comes of it. */
	end(): void {
		this.#isEnded = true;
		this.#cancelLook();
		this.#patience.close();
		this.look();
	}

	async close(): Promise<void> {
		await this.#place?.close();
	}
}
