/**
 * A pool: one log with all writes of all its volumes, in one order. Opened by `openings.ts` for whoever serves volumes of it, and by the
 * commands; hands on volumes, snapshots and moments as devices.
 */

import { OperatorError } from "../errors.js";
import type { PoolSettings } from "../spec/policy.js";
import { quote } from "../text.js";
import { Administration } from "./administration.js";
import type { Users } from "./administration-on.js";
import { traceOf } from "./boot-trace.js";
import type { Snapshot, Volume } from "./catalog.js";
import { Checkpoints, stable } from "./checkpoints.js";
import { ClockJumps } from "./clock-jumps.js";
import { Flatten } from "./flatten.js";
import type { PoolWorld } from "./folder.js";
import { FORMAT } from "./format.js";
import type { Head } from "./head.js";
import { type CreateOptions, makeHead, openHead, ownState } from "./head-file.js";
import { HeadWriter } from "./head-writer.js";
import { hasHeirs } from "./heirs.js";
import { History } from "./history.js";
import { identityOf } from "./identity.js";
import { LayersLookup } from "./map-lookups.js";
import { Moments } from "./moments.js";
import type { OpenedVolume } from "./opened-volume.js";
import { closeParts, openParts, type PoolParts } from "./opening.js";
import { PageStore } from "./page-store.js";
import { type At, PAST_LINE, readVolumeName } from "./past.js";
import type { PoolClock } from "./pool-clock.js";
import { PoolSpace } from "./pool-space.js";
import { quotaOf } from "./quota.js";
import { Readings } from "./readings.js";
import { Schedules } from "./schedules.js";
import { Standing } from "./standing.js";
import { StoredReads } from "./stored-reads.js";
import type { PoolState, PoolTold } from "./told.js";
import { Upkeep } from "./upkeep.js";
import { VolumeDevice } from "./volume-device.js";
import { memoOf } from "./volume-memo.js";

export class Pool implements Users {
	/** Makes, changes and removes volumes and snapshots. */
	readonly administration: Administration;
	/** What all of it takes up. */
	readonly space: PoolSpace;
	/** What names name. */
	readonly readings: Readings;
	readonly time: ClockJumps;
	tell: (told: PoolTold) => void = () => {};
	/** Snapshots, as `web@monday`, that no schedule removes. */
	spared: ReadonlySet<string> = new Set();
	readonly #schedules: Schedules;
	readonly #parts: PoolParts;
	readonly #history: History;
	readonly #checkpoints: Checkpoints;
	readonly #upkeep: Upkeep;
	readonly #store: PageStore;
	readonly #head: HeadWriter;
	/** By line: what is open for writing, or as the newest. */
	readonly #devices = new Map<number, VolumeDevice>();

	private constructor(parts: PoolParts, clock: PoolClock) {
		const { world, contents, log, segments, living } = parts;
		const { descent } = living;
		this.#parts = parts;
		this.space = new PoolSpace(parts);
		this.#history = new History({ ...parts, descent, tell: (told) => this.tell(told) }, parts.kept);
		const head = new HeadWriter(parts, () => this.time.mark());
		this.#head = head;
		const on = { ...parts, descent, history: this.#history };
		this.#checkpoints = new Checkpoints({ ...on, writeHead: (changes) => head.write(changes) });
		this.#upkeep = new Upkeep({ ...on, checkpoints: this.#checkpoints, room: log.room });
		// (Windows are where they were when the last checkpoint was made: what they have passed since may be gone.)
		this.#history.trim().catch(() => {});
		this.#checkpoints.whenStored = () => this.#upkeep.poke();
		this.#upkeep.poke();
		const map = new LayersLookup(contents.layers);
		this.#store = new PageStore(log, world.between?.(map) ?? map, new StoredReads(segments));
		this.#store.reads.damage.watch(parts, (told) => this.tell(told));
		log.listeners.add({
			degraded: () => this.tell({ kind: "pool-failed", level: "error", message: log.refusal.what() }),
		});
		const [{ catalog }, history, cuts] = [contents, this.#history, this.#checkpoints];
		this.time = new ClockJumps({ clock, catalog, history, log, tell: (told) => this.tell(told) });
		const moments = new Moments(parts, cuts, history, this.time);
		this.administration = new Administration({ world, catalog, log, users: this, cuts, moments });
		const { administration } = this;
		this.readings = new Readings({ ...on, parts, administration, moments, checkpoints: cuts, writer: head });
		this.#schedules = new Schedules({
			administration,
			volumes: () => this.volumes,
			scheduleOf: ({ settings }) => settings.keep ?? catalog.settings.keep,
			isSpared: (volume, snapshot) => this.#isSpared(volume, snapshot),
			now: () => world.now(),
			nextTurn: world.nextTurn,
			tell: (told) => this.tell(told),
		});
	}

	/** Makes a pool where there is none. Throws an OperatorError. */
	static async create(world: PoolWorld, options: CreateOptions = {}): Promise<Pool> {
		return Pool.#on(world, (on) => makeHead(on, options));
	}

	/** Opens a pool for writing. Throws an OperatorError, also if it is a copy. */
	static async open(world: PoolWorld): Promise<Pool> {
		return Pool.#on(
			world,
			(on) => openHead(on, false),
			(pool) => pool.administration.begin(),
		);
	}

	/** The same with a copy, which is a pool of its own afterwards, with another number and other disks. */
	static async adopt(world: PoolWorld): Promise<Pool> {
		return Pool.#on(
			world,
			(on) => openHead(on, true),
			async (pool) => {
				await pool.administration.renewIdentities();
				await pool.#renew();
			},
		);
	}

	/** `first`: what has to be done with it. What ends badly leaves nothing open, whatever it was. */
	static async #on(
		under: PoolWorld,
		headOf: (world: PoolWorld) => Promise<Head>,
		first: (pool: Pool) => Promise<void> = async () => {},
	): Promise<Pool> {
		const standing = new Standing(under);
		const parts = await openParts(standing.world, await headOf(standing.world));
		let pool: Pool | undefined;
		try {
			standing.begin(parts);
			pool = new Pool(parts, standing.clock);
			await first(pool);
			return pool;
		} catch (error) {
			await (pool?.close() ?? closeParts(parts));
			throw error;
		}
	}

	async #renew(): Promise<void> {
		const changes = await ownState(this.#parts.world, this.#parts.head);
		// Both copies: either may have to open it.
		for (const each of [changes, {}]) await this.#head.write(() => each);
	}

	get state(): PoolState {
		const { head, segments, contents, log, unstored, full } = this.#parts;
		const failed = log.hasFailed ? log.refusal.what() : null;
		const found = { format: FORMAT, id: head.state.pool, volumes: contents.catalog.count };
		return { ...found, away: segments.away, failed, ...unstored.state, ...full.state };
	}

	/** What is kept of its past. */
	get history(): Pick<History, "beganUs" | "beganUsOf" | "spaceBytes"> {
		return this.#history;
	}

	/** What was set of it. */
	get settings(): PoolSettings {
		return this.#parts.contents.catalog.settings;
	}

	get volumes(): readonly Volume[] {
		return this.#parts.contents.catalog.volumes;
	}

	find(name: string): Volume | undefined {
		return this.#parts.contents.catalog.find(name);
	}

	async countUsed(volume: Volume): Promise<number> {
		await this.#checkpoints.request();
		return this.space.usedBytes(volume);
	}

	/** Has a checkpoint made of all that is written by now. `isSpare`: somebody looks, and soon again. Throws an OperatorError. */
	checkpoint(isSpare = false): Promise<void> {
		return this.#checkpoints.request(false, isSpare);
	}

	/**
	 * A volume as a device, or as it was: `web`, `web@snapshot`, `web@-10m`, `web@2026-11-25T10:00:00Z`. What is of the past can only be
	 * read. Of the present one at a time. Throws an OperatorError.
	 */
	async openVolume(text: string, readOnly: boolean, whenClosed: () => Promise<void>): Promise<OpenedVolume> {
		const { world, log } = this.#parts;
		const { name, at } = readVolumeName(text, world.now());
		if (at !== undefined) return this.#openPast(name, at, whenClosed);
		const volume = this.administration.volume(name);
		if (this.isOpen(volume.line)) throw new OperatorError(`volume ${quote(name)}: is in use already`);
		const closed = (): Promise<void> => {
			this.#devices.delete(volume.line);
			return whenClosed();
		};
		const quota = quotaOf(this.#parts, this.#checkpoints, volume);
		const device = new VolumeDevice(volume, this.#store, world.allocate, readOnly, closed, quota);
		device.memo = memoOf(this.#parts, volume);
		this.#devices.set(volume.line, device);
		try {
			if (volume.settings.quotaBytes !== undefined) await this.checkpoint(true);
		} catch (error) {
			this.#devices.delete(volume.line);
			throw error;
		}
		return { device, log, volume, trace: traceOf(this.#parts, volume), lease: world.lease };
	}

	async #openPast(name: string, at: At, whenClosed: () => Promise<void>): Promise<OpenedVolume> {
		const { world, log } = this.#parts;
		const { volume, lookup, release } = await this.readings.past(name, at);
		const store = new PageStore(log, lookup, this.#store.reads);
		// Another disk than the volume, always the same one.
		const seed = at.kind === "snapshot" ? at.name : String(at.timeUs);
		const past = { ...volume, line: PAST_LINE, ...identityOf(`${volume.wwn}@${seed}`) };
		const closed = (): Promise<void> => {
			release();
			return whenClosed();
		};
		const quota = quotaOf(this.#parts, this.#checkpoints, past);
		const device = new VolumeDevice(past, store, world.allocate, true, closed, quota);
		return { device, log, volume: past, lease: world.lease };
	}

	/** Gives a stretch of a volume pages of its own, from a byte on, whoever uses it; resolves to how far that is. Throws an OperatorError. */
	async flatten(name: string, offsetBytes: number): Promise<number> {
		const volume = this.administration.volume(name);
		const served = this.#devices.get(volume.line);
		const device = served ?? (await this.openVolume(name, false, async () => {})).device;
		const of = { parts: this.#parts, history: this.#history, store: this.#store };
		try {
			return await new Flatten(of, volume, device).stretch(offsetBytes);
		} finally {
			if (served === undefined) await device.close();
		}
	}

	isOpen(line: number): boolean {
		return this.#devices.has(line);
	}

	changed(volume: Volume): void {
		this.#devices.get(volume.line)?.change(volume);
	}

	/** What was found right so far is looked at again, the head says how far the log has come, a full log looks for space. To be called every 30 seconds. */
	age(): void {
		const { log, unstored, full } = this.#parts;
		this.#store.reads.age();
		for (const each of [unstored, full, this.space]) each.age((told) => this.tell(told));
		log.refuses();
		this.#checkpoints.age();
		void this.#parts.segments.measure((told) => this.tell(told));
		this.#upkeep.age();
		this.time.tell();
		this.readings.age();
		void Promise.all([this.keepSchedules(), this.administration.forgetPassing()]);
		this.#head.tellStable();
	}

	/** Snapshots are made and removed by schedules. To be called as often. */
	keepSchedules(): Promise<void> {
		const isOff = this.#parts.log.hasFailed || this.space.onlyRead !== undefined;
		return isOff ? Promise.resolve() : this.#schedules.keep();
	}

	#isSpared(volume: Volume, snapshot: Snapshot): boolean {
		const isUsed = this.spared.has(`${volume.name}@${snapshot.name}`) || this.readings.isRead(snapshot);
		return isUsed || hasHeirs(this.#parts, volume, snapshot);
	}

	/** Ends all, when all is stable. */
	async close(): Promise<void> {
		this.#parts.log.writer.end();
		try {
			await this.#schedules.close();
			await stable(this.#parts.log).catch(() => {});
			await this.#upkeep.close();
			await this.#checkpoints.close();
			this.#head.tellStable();
			await this.#head.idle;
		} finally {
			await closeParts(this.#parts);
		}
	}
}
