/** A pool and its replica, which is promoted and given back, while one of them is written to, both, or none, by a seed. For `failing-over.test.ts`. */

import type { PoolWorld } from "../../../lib/pool/folder.js";
import { Pool } from "../../../lib/pool/pool.js";
import { replicaLook } from "../../../lib/pool/store/replica-look.js";
import type { ReplicaLook } from "../../../lib/pool/stored-look.js";
import type { Written } from "../../../lib/pool/written.js";
import { Random } from "../../../lib/random.js";
import { VirtualClock } from "../../../lib/testing/virtual-clock.js";
import { MemoryFolder, Stage, show, testWorld } from "../memory-folder.js";
import { ReplicaStage } from "./replica-stage.js";

const LIMIT_MS = 1e7;
const PAGES = 40;
const PAGE_NUMBERS = Array.from({ length: PAGES }, (_, page) => page);

/** One of the two pools: what it should have. */
export type Content = readonly number[];

export class FailingOver {
	readonly clock = new VirtualClock();
	readonly there: ReplicaStage;
	readonly random: Random;
	readonly #files = new MemoryFolder();
	readonly #local = new MemoryFolder();
	readonly #otherLocal = new MemoryFolder();
	#first: Stage | undefined;
	#second: Stage | undefined;
	#value = 0;
	/** What was written to the first pool, and to the other one. */
	first: Content = PAGE_NUMBERS.map(() => 0);
	second: Content = [];

	constructor(seed: number) {
		this.random = new Random(seed);
		this.there = new ReplicaStage(this.clock, seed);
		const faults = { refusal: 0.02, lostAnswer: 0.02 };
		if (this.random.chance(0.5)) Object.assign(this.there.head, { faults });
	}

	/** From one timer to the next: a request is answered before it is late. */
	pass(seconds: number): Promise<void> {
		return this.during(new Promise((resolve) => void this.clock.after(1000 * seconds, resolve)));
	}

	during<T>(done: Promise<T>): Promise<T> {
		return this.clock.until(done, LIMIT_MS);
	}

	async begin(): Promise<void> {
		const pool = await this.during(Pool.create(this.#world));
		await this.during(pool.administration.create("web", 64 * 2 ** 20, 4096));
		this.#first = await this.during(Stage.of(pool));
	}

	/** The first host is started again, in order or not. */
	async restart(): Promise<void> {
		await this.during(this.#first?.close() ?? Promise.resolve());
		this.#first = await this.during(Stage.of(await this.during(Pool.open(this.#world))));
	}

	async write(which: "first" | "second"): Promise<void> {
		const stage = which === "first" ? this.#first : this.#second;
		for (let times = 1 + this.random.below(20); times > 0; times--) {
			const page = this.random.below(PAGES);
			const value = (this.#value++ % 250) + 1;
			if (stage !== undefined) await this.during(stage.write(page, value));
			this[which] = this[which].with(page, value);
		}
	}

	/** How the replica stands by what the first host knows. */
	get look(): ReplicaLook {
		const [look] = this.#first?.pool.space.replicas ?? [];
		if (look === undefined) throw new Error("there is no replica");
		return look;
	}

	/** What the first pool stands on. */
	get #world(): PoolWorld {
		const folder = this.there.follow(this.#files, this.#local);
		const replicas = (written: Written): ReplicaLook[] =>
			folder.states.map((state) => replicaLook(state, written));
		return { ...testWorld(folder), replicas };
	}

	/** Until the replica has all. */
	async shipped(): Promise<boolean> {
		for (let tries = 0; tries < 300; tries++) {
			const { lagBytes, trouble, state } = this.look;
			if (lagBytes === 0 && trouble === null && state === "follows") return true;
			await this.pass(1);
		}
		return false;
	}

	async promote(): Promise<void> {
		const pool = await this.during(this.there.promote(this.#otherLocal));
		this.second = await this.during(show(pool, "web", ...PAGE_NUMBERS));
		this.#second = await this.during(Stage.of(pool));
	}

	async closeSecond(): Promise<void> {
		await this.during(this.#second?.close() ?? Promise.resolve());
		this.#second = undefined;
	}

	demote(loseBytes?: number): Promise<string> {
		return this.during(this.there.demote(this.#otherLocal, loseBytes));
	}

	/** What is read of a replica where it is. */
	async viewed(): Promise<Content> {
		const { folder } = this.there.view(new MemoryFolder());
		const pool = await this.during(Pool.open({ ...testWorld(folder), onlyRead: "is a replica" }));
		const content = await this.during(show(pool, "web", ...PAGE_NUMBERS));
		await this.during(pool.close());
		return content;
	}

	async end(): Promise<void> {
		if (this.#second !== undefined) await this.closeSecond();
		await this.during(this.#first?.close() ?? Promise.resolve());
	}
}
