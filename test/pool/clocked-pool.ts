/** A pool in memory with a volume `web` whose clock can be set, so that its window passes what it was. For tests of moments. */

import { Pool } from "../../lib/pool/pool.js";
import { Stage, show, testWorld } from "./memory-folder.js";
import { SmallFolder } from "./small-folder.js";
import { isoOf } from "./whole-life.js";

const HOUR_US = 3600e6;
export const PAGES = 200;

export class ClockedPool {
	readonly folder = new SmallFolder(2);
	pool!: Pool;
	/** What has passed. */
	laterUs = 0;
	/** By how much the clock is ahead of that. */
	aheadUs = 0;
	boot = "first";
	/** What the kernel says of the clock. */
	isSynchronised = false;
	readonly told: string[] = [];
	#now: () => number = () => 0;

	static async create(): Promise<ClockedPool> {
		const world = new ClockedPool();
		await world.open("create");
		await world.pool.administration.create("web", PAGES * 4096, 4096);
		return world;
	}

	async open(how: "create" | "open" = "open"): Promise<void> {
		const world = testWorld(this.folder);
		this.#now = world.now;
		const us = (): number => this.#now() + this.laterUs;
		const elapsed = (): number => us() + 0.25;
		const uptime = { boot: this.boot, us, isSynchronised: () => this.isSynchronised };
		this.pool = await Pool[how]({ ...world, now: () => this.now, elapsed, uptime });
		this.pool.tell = ({ kind, message }) => this.told.push(`${kind}: ${message}`);
	}

	get now(): number {
		return this.#now() + this.laterUs + this.aheadUs;
	}

	/** All of `web` is written; returns its name at the moment when that was done. */
	async write(value: number): Promise<string> {
		const stage = await Stage.of(this.pool);
		await stage.write(0, ...new Array<number>(PAGES).fill(value));
		await stage.device.close();
		return `web@${isoOf(this.now)}`;
	}

	async show(name: string): Promise<string> {
		return [...new Set(await show(this.pool, name, 0, 77, PAGES - 1))].join();
	}

	/** An hour and more goes by, and all that can be given back is. */
	async pass(): Promise<void> {
		this.laterUs += 1.5 * HOUR_US;
		for (let i = 0; i < 3; i++) {
			await this.write(99);
			await this.pool.checkpoint();
		}
	}
}
