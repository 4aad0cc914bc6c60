/**
 * A small pool from when it is opened until its power is cut: the volumes that are open, and what is read of them; half a megabyte that is written
 * somewhere on a volume beside, as often as one likes, so that space has to come back. Each life has one, so what waits when its power is cut
 * never does anything to the next. Played by `whole-run.ts`; `whole-operations.ts` does things to it.
 */

import { type BlockDevice, PromisedRequest } from "../../lib/block/device.js";
import { BlockOp, type BlockRequest } from "../../lib/block/request.js";
import { OperatorError, StorageStatus } from "../../lib/errors.js";
import type { Volume } from "../../lib/pool/catalog.js";
import type { MapSize, PoolFolder } from "../../lib/pool/folder.js";
import { Pool } from "../../lib/pool/pool.js";
import { openVolumeStack } from "../../lib/pool/volume-stack.js";
import { Pump } from "../../lib/pump.js";
import type { Random } from "../../lib/random.js";
import { strictly } from "../../lib/testing/strict-layer.js";
import { heapMemory } from "../../lib/wire/memory.js";
import type { CrashFolder } from "./crash-folder.js";
import { CrashError } from "./crash-model.js";
import { testWorld } from "./memory-folder.js";
import { NO_TROUBLE, type Trouble } from "./trouble-model.js";
import { Course, changed, type Stamps, type State, stampsDiffer, type VolumeNow } from "./whole-model.js";

const SECTOR = 512;
export const BULK = "bulk";
export const BULK_SECTORS = 4 * 2 ** 11;
const BULK_WRITE = 1024;
/** What has found no space is tried again before so much has passed. */
export const RETRIED_US = 2_000_000;
const NOT_KEPT = /not kept any more|no such volume then|is in the future/;

/** What the pool was, and when. */
export interface Moment {
	readonly timeUs: number;
	readonly state: State;
}

/** What one life leaves to the next. */
export interface Legacy {
	readonly moments: readonly Moment[];
	readonly stamp: number;
	readonly timeUs: number;
	/** Moments that were looked at and still known; requests that were refused for want of space. */
	readonly momentsSeen: number;
	readonly refused: number;
}

export class WholeLife implements Legacy {
	course: Course;
	moments: readonly Moment[];
	stamp: number;
	timeUs: number;
	momentsSeen: number;
	refused: number;
	/** What the pool stands on, if it is not the folder itself. */
	filesOn: (folder: CrashFolder) => PoolFolder = (folder) => folder;
	/** What may go wrong beside the power. */
	trouble: Trouble = NO_TROUBLE;
	readonly pump = new Pump();
	/** So much more has passed than the clock shows. */
	#laterUs = 0;
	readonly #devices = new Map<string, BlockDevice>();
	#bulkWrites: Promise<unknown>[] = [];
	#pool: Pool | null = null;

	constructor(
		readonly folder: CrashFolder,
		readonly random: Random,
		readonly mapSize: MapSize,
		course: Course,
		legacy: Legacy,
	) {
		this.course = course;
		this.moments = legacy.moments;
		this.stamp = legacy.stamp;
		this.timeUs = legacy.timeUs;
		this.momentsSeen = legacy.momentsSeen;
		this.refused = legacy.refused;
	}

	get pool(): Pool {
		return this.#pool!;
	}

	get now(): number {
		return ++this.timeUs;
	}

	/** Others' clocks go on, and ours. */
	pass(seconds: number): void {
		this.timeUs += seconds * 1e6;
		this.pool.age();
	}

	/** So long after it was tried last that what has found no space is tried again. */
	tryAgain(): void {
		this.#laterUs += RETRIED_US;
		this.pool.age();
	}

	async begin(how: "create" | "open" = "open"): Promise<void> {
		const { mapSize } = this;
		const tested = testWorld(this.filesOn(this.folder), this.random.seed, this.pump);
		const elapsed = (): number => tested.elapsed() + this.#laterUs;
		const world = { ...tested, now: () => this.now, elapsed, mapSize };
		this.#pool = await Pool[how](world);
		if (how === "open") await this.device(BULK);
	}

	async end(): Promise<void> {
		for (const name of [...this.#devices.keys()]) await this.put(name);
		await this.pool.close();
	}

	/** What is there after a loss of power. */
	async find(survival: number): Promise<void> {
		const found = await this.read();
		this.course.match(found, survival === 1 ? this.course.done : this.course.safe);
		this.course = new Course(found);
		await this.#checkBulk();
		for (let i = 0; i < 2; i++) if (this.moments.length > 0) await this.#checkMoment();
	}

	/** All of the pool as it is. */
	async read(): Promise<State> {
		const state = new Map<string, VolumeNow>();
		for (const volume of this.pool.volumes) {
			if (volume.name === BULK) continue;
			const { name, born, pageBytes } = volume;
			const snapshots = new Map<string, Stamps>();
			const held = volume.snapshots.filter(({ isHeld }) => isHeld).map((snapshot) => snapshot.name);
			// (What has begun with a moment, and was refused for want of space, may have left that.)
			for (const snapshot of volume.snapshots)
				if (!snapshot.isPassing)
					snapshots.set(snapshot.name, await this.readPast(`${name}@${snapshot.name}`));
			const stamps = await this.readAll(await this.device(name));
			state.set(name, { born, pageSectors: pageBytes / SECTOR, stamps, snapshots, held: new Set(held) });
		}
		return state;
	}

	async readPast(text: string): Promise<Stamps> {
		const open = () => this.pool.openVolume(text, true, async () => {});
		const { device } = await this.trouble.again(open);
		const stamps = await this.readAll(device);
		await device.close();
		return stamps;
	}

	async readAll(device: BlockDevice): Promise<Stamps> {
		const bytes = await this.trouble.again(async () => {
			const { request, bytes } = await this.run(device, BlockOp.read, 0, device.info.sizeBytes / SECTOR);
			if (request.status === StorageStatus.ok) return bytes;
			throw new CrashError(`a read ended with ${request.status}`);
		});
		const words = new Uint32Array(bytes.buffer, bytes.byteOffset, bytes.length / 4);
		return Array.from({ length: bytes.length / SECTOR }, (_, sector) => {
			const stamp = words[sector * 128]!;
			if (words[sector * 128 + 127] !== stamp) throw new CrashError("a sector is a mixture");
			return stamp;
		});
	}

	/** As the moment's volumes are called now; what was given up is told so. */
	async #checkMoment(): Promise<void> {
		const { timeUs, state } = this.random.pick(this.moments as [Moment]);
		for (const volume of this.pool.volumes) {
			const then = this.wasThen(state, volume);
			if (then === undefined) continue;
			try {
				const how = stampsDiffer(await this.readPast(`${volume.name}@${isoOf(timeUs)}`), then.stamps);
				if (how !== undefined) throw new CrashError(`${volume.name} at a moment: ${how}`);
				this.momentsSeen++;
			} catch (error) {
				if (!(error instanceof OperatorError && NOT_KEPT.test(error.message))) throw error;
			}
		}
	}

	/** A volume was made, if it was not refused: what it is known by. */
	learn(name: string): void {
		const volume = this.pool.volumes.find((each) => each.name === name);
		if (volume !== undefined) this.course.amend(changed(this.course.now, name, { born: volume.born }));
	}

	/** A volume as it was, whatever it was called. */
	wasThen(state: State, { born }: Pick<Volume, "born">): VolumeNow | undefined {
		return [...state.values()].find((each) => each.born === born);
	}

	async #checkBulk(): Promise<void> {
		const stamps = await this.readAll(await this.device(BULK));
		if (stamps.some((stamp) => stamp > this.stamp)) throw new CrashError("there is what nobody has written");
	}

	/** Half a megabyte, anywhere; of a pool that is full it is refused. */
	writeBulk(): void {
		const at = 8 * this.random.below((BULK_SECTORS - BULK_WRITE) / 8);
		const stamp = ++this.stamp;
		const write = async (): Promise<void> => {
			const { request } = await this.run(await this.device(BULK), BlockOp.write, at, BULK_WRITE, stamp);
			if (request.status === StorageStatus.ok) return;
			this.trouble.ended(request.status);
			this.refused++;
		};
		const written = write();
		written.catch(() => {});
		this.#bulkWrites.push(written);
	}

	async bulkWritten(): Promise<void> {
		await Promise.all(this.#bulkWrites.splice(0));
	}

	/** The volume's, open for writing. */
	async device(name: string): Promise<BlockDevice> {
		const open = this.#devices.get(name);
		if (open !== undefined) return open;
		const durability = name === BULK ? "none" : modeOf(name);
		const options = { readOnly: false, offsetSectors: 0, lengthSectors: undefined, between: strictly };
		const opening = () => openVolumeStack(this.pool, name, { ...options, durability });
		const { device } = await this.trouble.again(opening);
		this.#devices.set(name, device);
		return device;
	}

	/** Nobody has it open any more. */
	async put(name: string): Promise<void> {
		await this.#devices.get(name)?.close();
		this.#devices.delete(name);
	}

	async run(
		device: BlockDevice,
		op: BlockOp,
		sector: number,
		sectors: number,
		stamp = 0,
	): Promise<{ request: BlockRequest; bytes: Uint8Array }> {
		const promised = new PromisedRequest();
		const memory = heapMemory(sectors * SECTOR);
		if (op === BlockOp.write) new Uint32Array(memory.bytes.buffer).fill(stamp);
		Object.assign(promised.request, { op, memory, offsetBytes: sector * SECTOR });
		promised.request.lengthBytes = sectors * SECTOR;
		return { request: await promised.run(device), bytes: memory.bytes };
	}
}

/** By its name: half of them wait for syncs. */
export function modeOf(name: string): "ack" | "flush" {
	return name.charCodeAt(0) % 2 === 0 ? "ack" : "flush";
}

/** To the microsecond. */
export function isoOf(timeUs: number): string {
	const seconds = new Date(Math.floor(timeUs / 1e6) * 1000).toISOString().slice(0, 19);
	return `${seconds}.${String(timeUs % 1e6).padStart(6, "0")}Z`;
}
