/**
 * What the initiators of a simulated world do: several requests at a time each, on a disk of few sectors, so that they meet
 * all the time. Every answer is held against the model. Works on anything that opens disks, so that `sockets.test.ts` uses it
 * on real networks.
 */

import { Opcode } from "../../lib/ata/opcodes.js";
import { InitiatorError } from "../../lib/client/errors.js";
import type { RemoteDisk } from "../../lib/client/remote-disk.js";
import type { Random } from "../../lib/random.js";
import type { Model } from "./model.js";
import { stamped } from "./stamps.js";

export interface WorkloadOptions {
	/** Requests of each initiator, and how many at a time. */
	readonly operations: number;
	readonly atATime: number;
	/** Every initiator keeps to sectors of its own. Default false. */
	readonly apart?: boolean;
	/** Trims too. Default true. */
	readonly trims?: boolean;
	/** One request in four is a flush. Default: one in fifteen. */
	readonly manyFlushes?: boolean;
	/** Requests may fail; then they may have been carried out or not. Default false. */
	readonly mayFail?: boolean;
	/** Now and then an initiator does nothing for up to so long. */
	readonly pauseMs: number;
}

/** Where a workload runs. */
export interface Scene {
	readonly model: Model;
	readonly random: Random;
	pause(ms: number): Promise<void>;
}

/** Most sectors of a request: more than a frame holds. */
const SECTORS_MAX = 6;

/** Lets every one of `disks`, which are all the same blade, be used at the same time, then reads all of it. */
export async function use(
	scene: Scene,
	disks: readonly RemoteDisk[],
	options: WorkloadOptions,
): Promise<void> {
	const { sectorCount } = scene.model;
	const share = options.apart ? Math.floor(sectorCount / disks.length) : sectorCount;
	const users: Promise<void>[] = [];
	for (const [number, disk] of disks.entries()) {
		const user = new User(scene, disk, options, options.apart ? number * share : 0, share);
		for (let i = 0; i < options.atATime; i++) users.push(user.work());
	}
	await Promise.all(users);
	await new User(scene, disks[0]!, options, 0, sectorCount).check();
}

class User {
	#left: number;

	constructor(
		readonly scene: Scene,
		readonly disk: RemoteDisk,
		readonly options: WorkloadOptions,
		readonly first: number,
		readonly sectors: number,
	) {
		this.#left = options.operations;
	}

	async work(): Promise<void> {
		const { random } = this.scene;
		while (this.#left-- > 0) {
			if (random.chance(0.15)) await this.scene.pause(random.next() * this.options.pauseMs);
			try {
				await this.#one();
			} catch (error) {
				if (!(this.options.mayFail && error instanceof InitiatorError)) throw error;
			}
		}
	}

	/** Reads all there is. */
	async check(): Promise<void> {
		await this.#read(this.first, this.sectors);
	}

	#one(): Promise<void> {
		const { random } = this.scene;
		const sectors = 1 + random.below(SECTORS_MAX);
		const lba = this.first + random.below(this.sectors - sectors + 1);
		const kind = random.next();
		if (this.options.manyFlushes && random.chance(0.2)) return this.#flush();
		if (kind < 0.45) return this.#read(lba, sectors);
		if (kind < 0.85) return this.#write(lba, sectors);
		if (kind < 0.9) return this.#writeForced(lba, Math.min(sectors, this.disk.sectorsPerFrame));
		if (kind < 0.95 && this.options.trims !== false) return this.#trim(lba, sectors);
		return this.#flush();
	}

	async #read(lba: number, sectors: number): Promise<void> {
		const { model } = this.scene;
		const read = model.read(lba, sectors);
		model.wasRead(read, await this.disk.read(lba, sectors));
	}

	async #write(lba: number, sectors: number): Promise<void> {
		const { model } = this.scene;
		const change = model.change("write", lba, sectors);
		await this.disk.write(lba, stamped(lba, sectors, change.generation));
		model.changed(change);
	}

	async #writeForced(lba: number, sectors: number): Promise<void> {
		const { model } = this.scene;
		const change = model.change("write", lba, sectors, true);
		const dataOut = stamped(lba, sectors, change.generation);
		const command = Opcode.writeDmaFuaExt;
		await this.disk.command({ command, lba, count: sectors, extended: true, dataOut });
		model.changed(change);
	}

	async #trim(lba: number, sectors: number): Promise<void> {
		const { model } = this.scene;
		const change = model.change("trim", lba, sectors);
		await this.disk.trim(lba, sectors);
		model.changed(change);
	}

	async #flush(): Promise<void> {
		const { model } = this.scene;
		const flush = model.flush();
		await this.disk.flush();
		model.flushed(flush);
	}
}
