/**
 * A pool: one log with all writes of all its volumes, in one order. Opened by `openings.ts` for whoever serves volumes of it, and by the
 * commands; hands on volumes as devices.
 */

import { randomBytes } from "node:crypto";
import { BlockOp, BlockRequest, type RequestOwner } from "../block/request.js";
import { OperatorError, StorageStatus, storageStatusName } from "../errors.js";
import { quote } from "../text.js";
import { Catalog, checkVolumeName, type Volume } from "./catalog.js";
import { HEAD_NAME, type PoolWorld } from "./folder.js";
import { FORMAT, PAGE_BYTES_MAX, PAGE_BYTES_MIN } from "./format.js";
import { HEAD_FILE_BYTES, Head } from "./head.js";
import { Log, type RecordSink, type RoomWaiter } from "./log.js";
import { encodeNote, type Note } from "./notes.js";
import { PageMap } from "./page-map.js";
import { PageStore } from "./page-store.js";
import { Replay } from "./replay.js";
import { Segments } from "./segments.js";
import { StoredReads } from "./stored-reads.js";
import { Summary } from "./summary.js";
import { VolumeDevice } from "./volume-device.js";

/** What was found out of a pool. */
export interface PoolState {
	readonly format: number;
	readonly id: number;
	readonly volumes: number;
	readonly usedBytes: number;
}

/** A note that waits for room, and then until it is stable. */
class PendingNote implements RequestOwner, RoomWaiter {
	readonly request = new BlockRequest(this);
	readonly done: Promise<void>;
	readonly #bytes: Uint8Array;
	readonly #log: Log;
	#resolve: () => void = () => {};
	#reject: (error: Error) => void = () => {};

	constructor(log: Log, note: Note) {
		this.#log = log;
		this.#bytes = encodeNote(note);
		this.request.op = BlockOp.flush;
		this.done = new Promise((resolve, reject) => {
			this.#resolve = resolve;
			this.#reject = reject;
		});
		log.waitForRoom(this);
	}

	roomAgain(): boolean {
		const { refusal, errno } = this.#log;
		if (refusal !== StorageStatus.ok) {
			this.request.begin().complete(refusal, errno);
			return true;
		}
		if (!this.#log.fits(0, 0, this.#bytes.length)) return false;
		this.#log.gather.addNote(this.#bytes);
		this.#log.whenStable(this.request.begin());
		return true;
	}

	finished({ status }: BlockRequest): void {
		if (status === StorageStatus.ok) this.#resolve();
		else this.#reject(new OperatorError(`the pool takes no changes: ${storageStatusName(status)}`));
	}
}

export class Pool implements RecordSink {
	readonly #world: PoolWorld;
	readonly #head: Head;
	readonly #segments: Segments;
	readonly #map = new PageMap();
	readonly #catalog = new Catalog();
	readonly #devices = new Map<number, VolumeDevice>();
	#store: PageStore | null = null;

	private constructor(world: PoolWorld, head: Head) {
		this.#world = world;
		this.#head = head;
		this.#segments = new Segments(world.folder);
	}

	/** Makes a pool where there is none. Throws an OperatorError. */
	static async create(world: PoolWorld): Promise<Pool> {
		const { folder } = world;
		if ((await folder.list()).length > 0) throw new OperatorError(`${folder.path}: is not empty`);
		const device = await folder.create(HEAD_NAME, HEAD_FILE_BYTES);
		const start = { segment: 0, slot: 0, sequence: 0, crc: 0, timeUs: world.now() };
		const state = { pool: world.chance(), incarnation: 0, epoch: 0, start, stable: 0 };
		const name = `${folder.path}/${HEAD_NAME}`;
		const head = await Head.create(device, name, world.allocate(HEAD_FILE_BYTES), state);
		return Pool.#start(world, head);
	}

	/** Opens a pool for writing. Throws an OperatorError. */
	static async open(world: PoolWorld): Promise<Pool> {
		const { folder } = world;
		if (!(await folder.list()).includes(HEAD_NAME)) throw new OperatorError(`${folder.path}: is no pool`);
		const device = await folder.open(HEAD_NAME);
		try {
			const name = `${folder.path}/${HEAD_NAME}`;
			return await Pool.#start(world, await Head.read(device, name, world.allocate(HEAD_FILE_BYTES)));
		} catch (error) {
			await device.close();
			throw error;
		}
	}

	static async #start(world: PoolWorld, head: Head): Promise<Pool> {
		const pool = new Pool(world, head);
		try {
			await pool.#replay();
			return pool;
		} catch (error) {
			await pool.#segments.close();
			throw error;
		}
	}

	async #replay(): Promise<void> {
		const { state } = this.#head;
		const summary = new Summary(this.#world.allocate);
		await this.#segments.openAll();
		await this.#segments.fileOf(state.start.slot);
		const end = await new Replay(this.#world, this.#segments, state, this).run(summary);
		// From now on nothing that was left behind the end can follow what is appended. Both copies say so: either may have to open it.
		const incarnation = state.incarnation + 1;
		await this.#head.write({ incarnation });
		await this.#head.write({});
		const log = new Log(this.#world, this.#segments, this, summary, { ...end, incarnation });
		this.#store = new PageStore(log, this.#map, new StoredReads(this.#segments));
	}

	get #log(): Log {
		return this.#store!.log;
	}

	page(volume: number, page: number, position: number, sectors: number, crc: number): void {
		this.#map.page(volume, page, position, sectors, crc);
	}

	hole(volume: number, page: number, count: number): void {
		this.#map.hole(volume, page, count);
	}

	notes(notes: readonly Uint8Array[], _position: number, timeUs: number): void {
		for (const bytes of notes) {
			const note = this.#catalog.apply(bytes, timeUs);
			if (note.note === "delete") this.#map.forget(note.volume);
		}
	}

	get state(): PoolState {
		const { pool: id } = this.#head.state;
		return { format: FORMAT, id, volumes: this.volumes.length, usedBytes: this.#segments.usedBytes };
	}

	get volumes(): readonly Volume[] {
		return this.#catalog.volumes;
	}

	/** Bytes of a volume that are mapped. */
	usedBytesOf({ id, pageBytes }: Volume): number {
		return this.#map.mappedOf(id) * pageBytes;
	}

	/** Throws an OperatorError if there is none. */
	volume(name: string): Volume {
		const volume = this.#catalog.find(name);
		if (volume === undefined)
			throw new OperatorError(`${this.#world.folder.path}: has no volume ${quote(name)}`);
		return volume;
	}

	/** Makes a volume, all zeros. Throws an OperatorError. */
	async createVolume(name: string, sizeBytes: number, pageBytes: number): Promise<Volume> {
		checkVolumeName(name);
		checkPage(pageBytes);
		if (!(sizeBytes > 0 && sizeBytes % 512 === 0))
			throw new OperatorError(`volume ${quote(name)}: its size must be a multiple of 512 bytes, and not 0`);
		if (this.#catalog.find(name) !== undefined)
			throw new OperatorError(`${this.#world.folder.path}: has a volume ${quote(name)} already`);
		const volume = this.#catalog.nextId;
		const chance = randomBytes(8).toString("hex");
		const identity = { serial: chance, wwn: `3${chance.slice(1)}` };
		await this.#say({ note: "create", volume, name, sizeBytes, pageBytes, ...identity });
		return this.volume(name);
	}

	/** Throws an OperatorError. */
	async renameVolume(name: string, to: string): Promise<void> {
		checkVolumeName(to);
		const { id } = this.volume(name);
		if (this.#catalog.find(to) !== undefined)
			throw new OperatorError(`${this.#world.folder.path}: has a volume ${quote(to)} already`);
		await this.#say({ note: "rename", volume: id, name: to });
	}

	/** All that it holds is lost. Throws an OperatorError, also if somebody uses it. */
	async deleteVolume(name: string): Promise<void> {
		const { id } = this.volume(name);
		if (this.#devices.has(id)) throw new OperatorError(`volume ${quote(name)}: is in use`);
		await this.#say({ note: "delete", volume: id });
	}

	/** Names what a volume holds: another text when any volume of the pool has been changed since. */
	contentId(name: string): string {
		return `${this.state.id}/${this.volume(name).id}@${this.#log.gather.position}`;
	}

	#say(note: Note): Promise<void> {
		return new PendingNote(this.#log, note).done;
	}

	/** A volume as a device, and the log that its layers ask. One at a time. Throws an OperatorError. */
	openVolume(
		name: string,
		readOnly: boolean,
		whenClosed: () => Promise<void>,
	): { device: VolumeDevice; log: Log } {
		const volume = this.volume(name);
		if (this.#devices.has(volume.id)) throw new OperatorError(`volume ${quote(name)}: is in use already`);
		const closed = (): Promise<void> => {
			this.#devices.delete(volume.id);
			return whenClosed();
		};
		const device = new VolumeDevice(volume, this.#store!, this.#world.allocate, readOnly, closed);
		this.#devices.set(volume.id, device);
		return { device, log: this.#log };
	}

	/** What was found right so far is looked at again. To be called every 30 seconds. */
	age(): void {
		this.#store!.reads.verified.age();
	}

	/** Ends all; what was not asked to be stable may be lost by a loss of power. */
	async close(): Promise<void> {
		await new Promise<void>((resolve) => {
			const request = new BlockRequest({ finished: () => resolve() });
			request.op = BlockOp.flush;
			this.#log.whenStable(request.begin());
		});
		this.#log.close();
		await this.#segments.close();
		await this.#head.device.close();
	}
}

function checkPage(pageBytes: number): void {
	if (pageBytes >= PAGE_BYTES_MIN && pageBytes <= PAGE_BYTES_MAX && Number.isInteger(Math.log2(pageBytes)))
		return;
	throw new OperatorError(`page ${pageBytes}: a power of two from 512 to 256K is allowed`);
}
