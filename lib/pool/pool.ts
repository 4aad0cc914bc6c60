/**
 * A pool: one log with all writes of all its volumes, in one order. Opened by `openings.ts` for whoever serves volumes of it, and by the
 * commands; hands on volumes, snapshots and moments as devices.
 */

import { BlockOp, BlockRequest } from "../block/request.js";
import { OperatorError } from "../errors.js";
import { quote } from "../text.js";
import { Administration, identityOf, type Users } from "./administration.js";
import type { Volume } from "./catalog.js";
import { Contents } from "./contents.js";
import { differences, type PageRange } from "./difference.js";
import type { PoolWorld } from "./folder.js";
import { FORMAT, SEGMENT_SECTORS } from "./format.js";
import type { Head } from "./head.js";
import { type CreateOptions, makeHead, openHead, ownState } from "./head-file.js";
import { Log } from "./log.js";
import { type LineMap, PageMap } from "./page-map.js";
import { PageStore } from "./page-store.js";
import { type At, contentsAt, readVolumeName } from "./past.js";
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

/** What a volume's layers stand on, and what they ask. */
export interface OpenedVolume {
	readonly device: VolumeDevice;
	readonly log: Log;
	readonly volume: Volume;
}

/** No volume's: what is of the past has it, in a map of its own. */
const PAST_LINE = 0;

export class Pool implements Users {
	/** Makes, changes and removes volumes and snapshots. */
	readonly administration: Administration;
	readonly #world: PoolWorld;
	readonly #head: Head;
	readonly #segments: Segments;
	readonly #contents: Contents;
	readonly #summary: Summary;
	readonly #log: Log;
	readonly #store: PageStore;
	/** By line: what is open for writing, or as the newest. */
	readonly #devices = new Map<number, VolumeDevice>();
	/** The head is written by one at a time. */
	#pulse = Promise.resolve();

	private constructor(
		world: PoolWorld,
		head: Head,
		segments: Segments,
		contents: Contents,
		summary: Summary,
		log: Log,
	) {
		this.#world = world;
		this.#head = head;
		this.#segments = segments;
		this.#contents = contents;
		this.#summary = summary;
		this.#log = log;
		const map = world.between?.(contents.map) ?? contents.map;
		this.#store = new PageStore(log, map, new StoredReads(segments));
		this.administration = new Administration(world.folder.path, contents.catalog, log, this);
	}

	/** Makes a pool where there is none. Throws an OperatorError. */
	static async create(world: PoolWorld, options: CreateOptions = {}): Promise<Pool> {
		return Pool.#on(world, await makeHead(world, options));
	}

	/** Opens a pool for writing. Throws an OperatorError, also if it is a copy. */
	static async open(world: PoolWorld): Promise<Pool> {
		return Pool.#on(world, await openHead(world, false));
	}

	/** The same with a copy, which is a pool of its own afterwards: with another number, and volumes that nobody takes for those of the first. */
	static async adopt(world: PoolWorld): Promise<Pool> {
		const pool = await Pool.#on(world, await openHead(world, true));
		try {
			await pool.administration.renewIdentities();
			await pool.#renew();
			return pool;
		} catch (error) {
			await pool.close();
			throw error;
		}
	}

	static async #on(world: PoolWorld, head: Head): Promise<Pool> {
		try {
			return await Pool.#start(world, head);
		} catch (error) {
			await head.device.close();
			throw error;
		}
	}

	async #renew(): Promise<void> {
		const changes = await ownState(this.#world, this.#head);
		// Both copies: either may have to open it.
		const written = this.#pulse.then(() => this.#head.write(changes)).then(() => this.#head.write({}));
		this.#pulse = written.catch(() => undefined);
		await written;
	}

	static async #start(world: PoolWorld, head: Head): Promise<Pool> {
		const segments = new Segments(world.folder, head.state.filled);
		try {
			const { state } = head;
			const contents = new Contents();
			const summary = new Summary(world.allocate);
			await segments.openAll();
			// (Where the file was there once and is not, its absence is damage.)
			if (state.incarnation === 0) await segments.fileOf(state.start.slot);
			const end = await new Replay(world, segments, state, contents).run(summary);
			// What was read may be in memory alone.
			await segments.sync(state.start.segment, Math.floor(end.position / SEGMENT_SECTORS));
			// From now on nothing that was left behind the end can follow what is appended. Both copies say so: either may have to open it.
			const incarnation = state.incarnation + 1;
			await head.write({ incarnation, stable: end.sequence });
			await head.write({});
			const log = new Log(world, segments, contents, summary, { ...end, incarnation });
			return new Pool(world, head, segments, contents, summary, log);
		} catch (error) {
			await segments.close();
			throw error;
		}
	}

	get state(): PoolState {
		const { pool: id } = this.#head.state;
		return { format: FORMAT, id, volumes: this.volumes.length, usedBytes: this.#segments.usedBytes };
	}

	/** The earliest moment of which it still knows what was there. */
	get momentsFromUs(): number {
		return this.#head.state.start.timeUs;
	}

	get volumes(): readonly Volume[] {
		return this.#contents.catalog.volumes;
	}

	/** Bytes of a volume that are mapped. */
	usedBytesOf({ line, pageBytes }: Volume): number {
		return this.#contents.map.mappedOf(line) * pageBytes;
	}

	/** Names what a volume holds, or held: another text whenever that may be anything else; the same in the pool that a snapshot was sent to. */
	contentId(text: string): string {
		const { name, at } = readVolumeName(text, this.#world.now());
		const volume = this.administration.volume(name);
		if (at === undefined) return `${this.state.id}/${volume.line}@${this.#log.gather.position}`;
		if (at.kind === "moment") return `${this.state.id}/${volume.line} at ${at.timeUs}`;
		const { line, position, from } = this.administration.snapshot(volume, at.name);
		return from ?? `${this.state.id}/${line}@${position}`;
	}

	/**
	 * A volume as a device, or as it was: `web`, `web@snapshot`, `web@-10m`, `web@2026-11-25T10:00:00Z`. What is of the past can only be
	 * read. Of the present one at a time. Throws an OperatorError.
	 */
	async openVolume(text: string, readOnly: boolean, whenClosed: () => Promise<void>): Promise<OpenedVolume> {
		const { name, at } = readVolumeName(text, this.#world.now());
		if (at !== undefined) return this.#openPast(text, name, at, whenClosed);
		const volume = this.administration.volume(name);
		if (this.isOpen(volume.line)) throw new OperatorError(`volume ${quote(name)}: is in use already`);
		const closed = (): Promise<void> => {
			this.#devices.delete(volume.line);
			return whenClosed();
		};
		const device = new VolumeDevice(volume, this.#store, this.#world.allocate, readOnly, closed);
		this.#devices.set(volume.line, device);
		return { device, log: this.#log, volume };
	}

	async #openPast(
		text: string,
		name: string,
		at: At,
		whenClosed: () => Promise<void>,
	): Promise<OpenedVolume> {
		const { volume, map } = await this.#past(text, name, at);
		const maps = new PageMap();
		maps.attach(PAST_LINE, map);
		const store = new PageStore(this.#log, maps, this.#store.reads);
		// Another disk than the volume, always the same one.
		const seed = at.kind === "snapshot" ? at.name : String(at.timeUs);
		const past = { ...volume, line: PAST_LINE, ...identityOf(`${volume.wwn}@${seed}`) };
		const device = new VolumeDevice(past, store, this.#world.allocate, true, whenClosed);
		return { device, log: this.#log, volume: past };
	}

	async #past(text: string, name: string, at: At): Promise<{ volume: Volume; map: LineMap }> {
		if (at.kind === "moment") return this.#moment(text, name, at.timeUs);
		const volume = this.administration.volume(name);
		const snapshot = this.administration.snapshot(volume, at.name);
		return { volume: { ...volume, sizeBytes: snapshot.sizeBytes }, map: this.#contents.mapOf(snapshot) };
	}

	/** Pages in which two volumes or what they were differ, from page `first` on, in order; named as for `openVolume`. */
	async changes(before: string, after: string, first: number): Promise<Iterable<PageRange>> {
		const [one, other] = [await this.#mapNow(before), await this.#mapNow(after)];
		return differences(one, other, first);
	}

	/** The map, as it is at this moment. */
	async #mapNow(text: string): Promise<LineMap> {
		const { name, at } = readVolumeName(text, this.#world.now());
		if (at !== undefined) return (await this.#past(text, name, at)).map;
		return this.#contents.map.share(this.administration.volume(name).line);
	}

	async #moment(text: string, name: string, timeUs: number): Promise<{ volume: Volume; map: LineMap }> {
		if (timeUs > this.#world.now()) throw new OperatorError(`${text}: is in the future`);
		const open = { summary: this.#summary, log: this.#log };
		const past = await contentsAt(this.#world, this.#segments, this.#head.state.start, open, timeUs);
		const volume = past.catalog.find(name);
		if (volume === undefined) throw new OperatorError(`${text}: there was no such volume then`);
		return { volume, map: past.map.share(volume.line) };
	}

	isOpen(line: number): boolean {
		return this.#devices.has(line);
	}

	resized(volume: Volume): void {
		this.#devices.get(volume.line)?.resize(volume);
	}

	/** What was found right so far is looked at again, the head says how far the log has come, a full log looks for space. To be called every 30 seconds. */
	age(): void {
		this.#store.reads.verified.age();
		this.#log.refuses();
		this.#pulse = this.#pulse.then(() => this.#tellStable());
	}

	/** Without it the next opening takes a little more on trust, no more. */
	async #tellStable(): Promise<void> {
		const { stable } = this.#log;
		if (stable > this.#head.state.stable) await this.#head.write({ stable }).catch(() => {});
	}

	/** Ends all, when everything is stable that was written. */
	async close(): Promise<void> {
		await new Promise<void>((resolve) => {
			const request = new BlockRequest({ finished: () => resolve() });
			request.op = BlockOp.flush;
			this.#log.whenStable(request.begin());
		});
		this.#log.close();
		await this.#pulse;
		await this.#tellStable();
		await this.#segments.close();
		await this.#head.device.close();
	}
}
