/**
 * A pool in a store, with a replica in another one, that one host after the other has: in order, or by taking it over from one that is no more, with what that had not
 * brought to the pool's own store given up. By a seed. For `replica-takeover.test.ts`.
 */

import { Objects } from "../../../lib/object/objects.js";
import { Pool } from "../../../lib/pool/pool.js";
import type { ReplicaFolder } from "../../../lib/pool/store/replica-folder.js";
import type { ReplicaState } from "../../../lib/pool/store/replica-known.js";
import { Random } from "../../../lib/random.js";
import { MemoryObjects } from "../../../lib/testing/memory-objects.js";
import { VirtualClock } from "../../../lib/testing/virtual-clock.js";
import { MemoryFolder, Stage, show, testWorld } from "../memory-folder.js";
import { ReplicaStage } from "./replica-stage.js";
import { StoreStage } from "./stage.js";

const LIMIT_MS = 1e8;
/** Written over so often that slots of the log are used again. */
const PAGES = 500;
const PAGE_NUMBERS = Array.from({ length: PAGES }, (_, page) => page);
const VOLUME_BYTES = 64 * 2 ** 20;

let hosts = 0;

/** What a host has of the pool. */
export class TestHost {
	readonly name = `host ${++hosts}`;
	own = new MemoryFolder();
	readonly table = new MemoryFolder();

	/** `isFollowed`: the replica is configured there. */
	constructor(readonly isFollowed = true) {}
}

export class TakenOver {
	readonly clock = new VirtualClock();
	readonly random: Random;
	/** The pool's own store. */
	readonly near: MemoryObjects;
	readonly #stage: StoreStage;
	readonly there: ReplicaStage;
	#folder: ReplicaFolder | undefined;
	#owner: Stage | undefined;
	#value = 0;
	#names = 0;

	constructor(seed: number) {
		this.random = new Random(seed);
		const { clock } = this;
		this.near = new MemoryObjects({ clock, random: new Random(seed), latencyMs: 20 });
		this.#stage = new StoreStage(this.near);
		this.there = new ReplicaStage(clock, seed);
	}

	pass(seconds: number): Promise<void> {
		return this.during(new Promise((resolve) => void this.clock.after(1000 * seconds, resolve)));
	}

	during<T>(done: Promise<T>): Promise<T> {
		return this.clock.until(done, LIMIT_MS);
	}

	/** A host, by default one that has nothing of the pool; `isNew`: it makes it. */
	async begin(isNew = false, host = new TestHost()): Promise<void> {
		const { clock } = this;
		const store = new Objects(this.near, { clock, random: new Random(1) });
		this.#stage.keepers.host = host.name;
		const own = this.#stage.folder(host.own, { clock, store });
		this.#folder = host.isFollowed ? this.there.follow(own, host.table) : undefined;
		const world = testWorld(this.#folder ?? own);
		const pool = await this.during(isNew ? Pool.create(world) : Pool.open(world));
		if (isNew) await this.during(pool.administration.create("web", VOLUME_BYTES, 4096));
		this.#owner = await this.during(Stage.of(pool));
	}

	get #pool(): Pool {
		if (this.#owner === undefined) throw new Error("nobody has the pool");
		return this.#owner.pool;
	}

	/** All of it, so that a replica begun anew would show. */
	async fill(): Promise<void> {
		for (const page of PAGE_NUMBERS) await this.during(this.#owner!.write(page, (page % 250) + 1));
	}

	async write(most: number): Promise<void> {
		for (let times = 1 + this.random.below(most); times > 0; times--) {
			const page = this.random.below(PAGES);
			await this.during(this.#owner!.write(page, (this.#value++ % 250) + 1));
		}
		if (this.random.chance(0.3)) {
			const name = `s${this.#names++}`;
			await this.during(this.#pool.administration.takeSnapshots([{ volume: "web", name }]));
		}
	}

	/** Of what then is written nothing comes to the pool's own store; some of it may wait for what is there alone. */
	async writeAlone(most: number): Promise<void> {
		this.near.isAway = true;
		const late = new Promise<void>((resolve) => void this.clock.after(20_000, resolve));
		await this.during(Promise.race([this.write(most), late]));
	}

	/** As when its power goes: nothing that it does from then on counts. */
	lose(): void {
		this.#owner = undefined;
	}

	async end(): Promise<void> {
		await this.during(this.#owner?.close() ?? Promise.resolve());
		this.lose();
	}

	get state(): ReplicaState {
		const [state] = this.#folder?.states ?? [];
		if (state === undefined) throw new Error("there is no replica");
		return state;
	}

	/** Until the replica has all. */
	async shipped(): Promise<boolean> {
		for (let tries = 0; tries < 300; tries++) {
			const { lagMs, trouble } = this.state;
			if (lagMs === null && trouble === null) return true;
			await this.pass(1);
		}
		return false;
	}

	content(): Promise<number[]> {
		return this.during(this.#owner!.readAll(...PAGE_NUMBERS));
	}

	/** What a pool has that is made of the replica. */
	async promoted(): Promise<number[]> {
		const pool = await this.during(this.there.copy().promote());
		const content = await this.during(show(pool, "web", ...PAGE_NUMBERS));
		await this.during(pool.close());
		return content;
	}
}
