/**
 * The disks of this process, by name: opened, watched, and closed. Used by `daemon.ts`; opens by the table in `openers.ts`,
 * and tells the log what storage does. Whoever exports a disk gets it from here.
 */

import { isDeepStrictEqual } from "node:util";
import { StorageEngine } from "../block/engine.js";
import { GroupCommit } from "../block/group-commit.js";
import { storageIdentity } from "../block/identity.js";
import type { LinearPlace } from "../compound/linear.js";
import { Member } from "../compound/member.js";
import type { Mirror } from "../compound/mirror/mirror.js";
import { Disk, type DiskIdentity, knownIdentity, makeIdentity } from "../disk.js";
import { OperatorError } from "../errors.js";
import type { Log } from "../log.js";
import type { Pump } from "../pump.js";
import { compoundOf } from "../spec/assembly.js";
import type { DiskSpec, IdentitySpec } from "../spec/spec.js";
import { counted, quote } from "../text.js";
import { SECTOR_BYTES } from "../wire/sector.js";
import { ChunkPools } from "./chunk-pools.js";
import { Compounds, usersOf } from "./compounds.js";
import { type DiskEnd, Entry, type HeldDisk, type Opening } from "./disk-entry.js";
import { FaultLog } from "./fault-log.js";
import { machineId } from "./machine-id.js";
import { type OpenContext, type OpenDevice, openDevice } from "./openers.js";
import { poolTeller } from "./pool-log.js";
import { Remotes } from "./remotes.js";
import type { Tls } from "./tls.js";

export type { DiskEnd, HeldDisk, Opening } from "./disk-entry.js";

export interface DisksOptions {
	readonly pump: Pump;
	readonly log: Log;
	/** Of this program: part of each disk's identity. */
	readonly version: string;
	/** A disk has another size. */
	readonly onResized: (disk: Disk) => void;
	/** Another host has what it stores now. */
	readonly onMoved?: (disk: Disk) => void;
	/** TLS of the process: without it there are no disks behind TLS. */
	readonly tls?: Tls;
	/** Default: the table of openers. */
	readonly open?: OpenDevice;
}

export class Disks {
	readonly #options: DisksOptions;
	readonly #engine: StorageEngine;
	readonly #commits: GroupCommit;
	readonly #faults: FaultLog;
	readonly #machine = machineId();
	readonly #entries = new Map<string, Entry>();
	#changes = 0;
	readonly remotes = new Remotes();
	readonly compounds = new Compounds();
	readonly chunkPools: ChunkPools;
	#toldUnmapped = false;

	constructor(options: DisksOptions) {
		const { pump, log } = options;
		this.#options = options;
		this.#faults = new FaultLog(log);
		this.chunkPools = new ChunkPools(() => this.#entries.values(), pump);
		// The engine drains first: a flush that a commit starts then covers what the engine has just done.
		this.#engine = new StorageEngine(pump);
		this.#engine.watchLack(this.#faults.lack);
		this.#commits = new GroupCommit(pump);
		log.verbose(`storage engine: ${this.#engine.description}`);
	}

	/** Begins to open a disk. Throws an OperatorError if its name is taken. */
	open(spec: DiskSpec): Opening {
		const { name } = spec;
		const other = this.#entries.get(name);
		if (other !== undefined)
			throw new OperatorError(
				`disk ${quote(name)}: ${other.isLeaving ? "it is still being removed" : "there is one of this name already"}`,
			);
		const entry = new Entry(spec, (signal) => this.#open(spec, signal));
		this.#entries.set(name, entry);
		void entry.settled.then(() => {
			this.#changes += 1;
			if (entry.disk === null) this.#forget(entry);
			else this.#join(entry);
		});
		return entry;
	}

	/** A mirror that was opened without one of its disks has it when both are open, whichever is first. */
	#join({ disk, name, spec }: Entry): void {
		if (disk === null) return;
		for (const { disk: whole } of usersOf(name, this.#entries.values()))
			if (whole !== null) this.compounds.attach(whole, name, new Member(disk));
		for (const member of compoundOf(spec.storage)?.members ?? []) {
			const part = this.#entries.get(member.name)?.disk ?? null;
			if (part !== null) this.compounds.attach(disk, member.name, new Member(part));
		}
	}

	/** Its name may have been given to another one. */
	#forget(entry: Entry): void {
		this.#changes += 1;
		if (this.#entries.get(entry.name) === entry) this.#entries.delete(entry.name);
		this.#faults.forget(entry.spec.called ?? entry.name);
		if (entry.disk === null) return;
		this.remotes.forget(entry.disk);
		this.compounds.forget(entry.disk);
	}

	async #open(spec: DiskSpec, signal: AbortSignal): Promise<Disk> {
		const { name, called = name, storage } = spec;
		const { log, onResized, onMoved, tls, open = openDevice } = this.#options;
		let { identity } = spec;
		let remote: Parameters<NonNullable<OpenContext["onRemote"]>>[0] | undefined;
		let places: (() => readonly LinearPlace[]) | undefined;
		let mirror: Mirror | undefined;
		const context: OpenContext = {
			engine: this.#engine,
			commits: this.#commits,
			...{ pump: this.#options.pump, log, ...(tls && { tls }) },
			tell: poolTeller(log),
			...this.chunkPools.home,
			onIdentity: (own) => (identity ??= own),
			onRemote: (state) => (remote = state),
			memberDisk: (name) => this.#member(name),
			onPlaces: (told) => (places = told),
			onMirror: (told) => (mirror = told),
			warn: (message) => {
				this.compounds.told();
				log.warn(`${called}: ${message}`);
			},
			inform: (message) => {
				this.compounds.told();
				log.info(`${called}: ${message}`);
			},
			signal,
			onUnmapped: () => this.#tellUnmapped(called, storage.name),
		};
		const device = await open(spec, context);
		const disk = new Disk(called, this.#identityOf(spec, identity), device);
		if (remote !== undefined) this.remotes.add(disk, remote);
		if (places !== undefined) this.compounds.add(disk, places);
		if (mirror !== undefined) this.compounds.addMirror(disk, mirror);
		disk.device.limit = spec.limit;
		disk.onFault = (_disk, op, status, errno, lba) => this.#faults.failed(called, op, status, errno, lba);
		device.listen({
			...this.#faults.stallsOf(called),
			changed: () => {
				this.#changes += 1;
				this.#faults.regrown(called);
				log.info(`${called}: now ${device.info.sizeBytes / SECTOR_BYTES} sectors`);
				onResized(disk);
			},
			answers: () => onResized(disk),
			moved: () => onMoved?.(disk),
			degraded: (degradation) => {
				if (degradation.kind === "shrunk")
					this.#faults.shrunk(called, storage.name, degradation.storageBytes);
			},
		});
		return disk;
	}

	/** A part of a disk that is being opened. */
	#member(name: string): Disk {
		const entry = this.#entries.get(name);
		if (!entry?.disk || entry.isLeaving) throw new OperatorError(`its disk ${name} is not open`);
		return entry.disk;
	}

	#identityOf({ storage, offsetSectors }: DiskSpec, identity: IdentitySpec | undefined): DiskIdentity {
		const { version } = this.#options;
		if (identity !== undefined) return knownIdentity(identity.serial, BigInt(`0x${identity.wwn}`), version);
		return makeIdentity(`${this.#machine}\0${storageIdentity(storage)}\0${offsetSectors}`, version);
	}

	/** Throws an OperatorError if there is no disk of this name. */
	get(name: string): Disk {
		const entry = this.#entries.get(name);
		if (!entry?.disk || entry.isLeaving)
			throw new OperatorError(`disk ${quote(name)}: there is none of this name`);
		return entry.disk;
	}

	/** False if anything but its limit, or how a mirror goes about it, shall be another one. Throws an OperatorError if there is no disk of this name. */
	change(spec: DiskSpec): boolean {
		const disk = this.get(spec.name);
		const entry = this.#entries.get(spec.name);
		if (entry === undefined || isAnother(entry.spec, spec)) return false;
		entry.spec = spec;
		disk.device.limit = spec.limit;
		if (spec.mirroring !== undefined) this.compounds.mirrorOf(disk)?.tune(spec.mirroring);
		return true;
	}

	/** What has this name. */
	find(name: string): (Opening & HeldDisk) | undefined {
		return this.#entries.get(name);
	}

	/** Its name is free when it is closed, or after `limitMs`: then one that hangs is left alone. */
	async close(opening: Opening, limitMs = Infinity): Promise<DiskEnd> {
		const entry = this.#entries.get(opening.name);
		if (entry !== opening) return "closed";
		entry.callOff(new OperatorError(`disk ${quote(entry.name)}: removed while it was being added`));
		entry.isLeaving = true;
		this.#changes += 1;
		const letGo = this.chunkPools.whenLetGo(entry.name);
		const end = await entry.close(usersOf(entry.name, this.#entries.values()), limitMs, letGo);
		this.#forget(entry);
		return end;
	}

	/** What each name stands for now. */
	held(): Iterable<HeldDisk> {
		return this.#entries.values();
	}

	/** How often any of them has come, gone, changed, or failed. */
	get changes(): number {
		return this.#changes + this.#faults.changes + this.remotes.changes + this.compounds.changes;
	}

	/** What storage does wrong. */
	get faults(): FaultLog {
		return this.#faults;
	}

	/** What they are served by. */
	get engine(): StorageEngine {
		return this.#engine;
	}

	all(): Opening[] {
		return [...this.#entries.values()];
	}

	/** Ends what they have been served by. */
	end(): void {
		this.#engine.close();
		this.#options.pump.remove(this.#commits);
		this.#faults.close();
	}

	/** What storage has done wrong, a line each; then `between`; then what each disk has done. */
	reportAround(between: readonly string[]): string[] {
		const lines = [...this.#faults.report(), ...between];
		for (const { disk } of this.#entries.values()) if (disk !== null) lines.push(...countsOf(disk));
		const { putOff } = this.#engine;
		if (putOff > 0) lines.push(`storage: ${counted(putOff, "request")} had to wait for a thread`);
		return lines;
	}

	/** The first one is told; with it are all that follow. */
	#tellUnmapped(called: string, file: string): void {
		if (this.#toldUnmapped) return;
		this.#toldUnmapped = true;
		this.#options.log.info(
			`${called}: no address space is left to map ${file}: it, and more like it, are served by a longer way`,
		);
	}
}

/** These can be changed; all else is what the disk is. */
const CHANGEABLE = { limit: undefined, mirroring: undefined } as const;

function isAnother(one: DiskSpec, other: DiskSpec): boolean {
	return !isDeepStrictEqual({ ...one, ...CHANGEABLE }, { ...other, ...CHANGEABLE });
}

function countsOf({ name, stats, device }: Disk): string[] {
	const { reads, readBytes, writes, writtenBytes, flushes, trims, errors } = stats;
	const lines = [
		`${name}: reads ${reads} (${readBytes} bytes), writes ${writes} (${writtenBytes} bytes), ` +
			`flushes ${flushes}, trims ${trims}, errors ${errors}`,
	];
	const { delayed, delayedUs } = device;
	if (delayed > 0)
		lines.push(
			`${name}: limit: ${counted(delayed, "request")} waited, for ${Math.round(delayedUs / 1000)} ms in all`,
		);
	return lines;
}
