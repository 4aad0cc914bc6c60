/** A pool's files in memory, and time and chance that repeat: what pools stand on in tests. */

import { setImmediate as nextTurn } from "node:timers/promises";
import { type BlockDevice, PromisedRequest } from "../../lib/block/device.js";
import { MemoryDevice } from "../../lib/block/memory.js";
import { BlockOp } from "../../lib/block/request.js";
import { StorageStatus } from "../../lib/errors.js";
import type { MapSize, PoolFolder, PoolWorld } from "../../lib/pool/folder.js";
import { Pool } from "../../lib/pool/pool.js";
import { run } from "../../lib/pool/run.js";
import { openVolumeStack } from "../../lib/pool/volume-stack.js";
import { Pump } from "../../lib/pump.js";
import { Random } from "../../lib/random.js";
import type { Durability } from "../../lib/spec/spec.js";
import { strictly } from "../../lib/testing/strict-layer.js";
import { heapMemory, memoryOf } from "../../lib/wire/memory.js";

/** A device that stays when the pool closes it. */
export function kept(device: BlockDevice): BlockDevice {
	return {
		get info() {
			return device.info;
		},
		submit: (request) => device.submit(request),
		setWriteCache: (enabled) => device.setWriteCache(enabled),
		cancel: (request) => device.cancel(request),
		listen: (listener) => device.listen(listener),
		close: async () => "closed",
	};
}

export class MemoryFolder implements PoolFolder {
	readonly path = "memory";
	fillsAhead = false;
	/** Where it is, so that a copy of it is another place. */
	place = "memory";
	readonly files = new Map<string, BlockDevice>();
	/** What is put on each file that is opened. */
	readonly wrap: (device: BlockDevice, name: string) => BlockDevice;

	constructor(wrap: (device: BlockDevice, name: string) => BlockDevice = (device) => device) {
		this.wrap = wrap;
	}

	async list(): Promise<readonly string[]> {
		return [...this.files.keys()];
	}

	site(): Promise<string | undefined> {
		return Promise.resolve(this.place);
	}

	async most(): Promise<number | undefined> {
		return undefined;
	}

	async free(): Promise<number | undefined> {
		return undefined;
	}

	async prepare(): Promise<void> {
		if (this.files.size > 0) throw new Error(`${this.path}: is not empty`);
	}

	async open(name: string): Promise<BlockDevice> {
		const file = this.files.get(name);
		if (file === undefined) throw new Error(`${name}: no such file`);
		return kept(this.wrap(file, name));
	}

	async create(name: string, sizeBytes: number): Promise<BlockDevice> {
		this.files.set(name, this.make(sizeBytes));
		return this.open(name);
	}

	protected make(sizeBytes: number): BlockDevice {
		return new MemoryDevice(sizeBytes);
	}
}

/** What most tests need: another one takes more to be made than they have time. */
const MAP_SIZE = { entries: 65_536, nodeBytes: 2 ** 20 } as const;

export function testWorld(
	folder: PoolFolder,
	seed = 1,
	pump = new Pump(),
	mapSize: MapSize = MAP_SIZE,
): PoolWorld {
	const random = new Random(seed);
	let timeUs = 1_764_000_000_000_000;
	return {
		folder,
		pump,
		now: () => ++timeUs,
		elapsed: () => ++timeUs,
		chance: () => 1 + random.below(2 ** 31),
		allocate: heapMemory,
		nextTurn,
		mapSize,
		// (By half of the seeds pools are opened as large ones are.)
		openedFirst: seed % 2 === 0 ? 0 : 256,
	};
}

/** Reads of a file of the folder, past the pool. */
export async function peek(
	folder: MemoryFolder,
	name: string,
	at: number,
	length: number,
): Promise<Uint8Array> {
	const memory = heapMemory(length);
	await run(folder.files.get(name)!, BlockOp.read, at, length, memory, name);
	return memory.bytes;
}

export async function poke(folder: MemoryFolder, name: string, at: number, bytes: Uint8Array): Promise<void> {
	await run(folder.files.get(name)!, BlockOp.write, at, bytes.length, memoryOf(bytes, 0), name);
}

/** A pool with a volume, `web` if nothing else is said, which is asked a page at a time. */
export class Stage {
	private constructor(
		readonly pool: Pool,
		readonly device: BlockDevice,
	) {}

	static async create(
		folder: MemoryFolder,
		sizeBytes = 64 * 2 ** 20,
		seed = 1,
		mapSize: MapSize = MAP_SIZE,
	): Promise<Stage> {
		const pool = await Pool.create(testWorld(folder, seed, new Pump(), mapSize));
		await pool.administration.create("web", sizeBytes, 4096);
		return Stage.of(pool);
	}

	static async open(folder: MemoryFolder, mapSize: MapSize = MAP_SIZE): Promise<Stage> {
		return Stage.of(await Pool.open(testWorld(folder, 1, new Pump(), mapSize)));
	}

	static async of(pool: Pool, name = "web", durability: Durability = "ack"): Promise<Stage> {
		const options = { readOnly: false, offsetSectors: 0, lengthSectors: undefined, between: strictly };
		const { device } = await openVolumeStack(pool, name, { ...options, durability });
		return new Stage(pool, device);
	}

	/** Fills pages with a byte each. */
	async write(page: number, ...values: number[]): Promise<StorageStatus> {
		const promised = new PromisedRequest();
		const memory = heapMemory(4096 * values.length);
		for (const [i, value] of values.entries()) memory.bytes.fill(value, 4096 * i, 4096 * (i + 1));
		Object.assign(promised.request, { op: BlockOp.write, offsetBytes: 4096 * page, memory });
		promised.request.lengthBytes = memory.bytes.length;
		return (await promised.run(this.device)).status;
	}

	/** The byte that a page is filled with; its status, negative, if it can't be read. */
	async read(page: number): Promise<number> {
		const promised = new PromisedRequest();
		const memory = heapMemory(4096);
		Object.assign(promised.request, { offsetBytes: 4096 * page, lengthBytes: 4096, memory });
		const { status } = await promised.run(this.device);
		if (status !== StorageStatus.ok) return -status;
		const [value = 0] = memory.bytes;
		if (!memory.bytes.every((byte) => byte === value)) throw new Error(`page ${page} is a mixture`);
		return value;
	}

	async readAll(...pages: number[]): Promise<number[]> {
		const values: number[] = [];
		for (const page of pages) values.push(await this.read(page));
		return values;
	}

	async close(): Promise<void> {
		await this.device.close();
		await this.pool.close();
	}
}

/** The byte that each of some pages is filled with. */
export async function show(pool: Pool, name: string, ...pages: number[]): Promise<number[]> {
	const { device } = await pool.openVolume(name, true, async () => {});
	const values: number[] = [];
	for (const page of pages) {
		const promised = new PromisedRequest();
		const memory = heapMemory(4096);
		Object.assign(promised.request, { offsetBytes: 4096 * page, lengthBytes: 4096, memory });
		const { status } = await promised.run(device);
		values.push(status === 0 ? memory.bytes[4095]! : -status);
	}
	await device.close();
	return values;
}
