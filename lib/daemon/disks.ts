/**
 * The disks of this process, by name: opened, watched, and closed. Used by `daemon.ts`; opens by the table in `openers.ts`,
 * and tells the log what storage does. Whoever exports a disk gets it from here.
 */

import { readFileSync } from "node:fs";
import { hostname } from "node:os";
import type { CloseEnd } from "../block/close.js";
import { StorageEngine } from "../block/engine.js";
import { GroupCommit } from "../block/group-commit.js";
import { storageIdentity } from "../block/identity.js";
import { Disk, makeIdentity } from "../disk.js";
import { OperatorError } from "../errors.js";
import type { Log } from "../log.js";
import type { Pump } from "../pump.js";
import type { DiskSpec } from "../spec/spec.js";
import { counted, quote } from "../text.js";
import { SECTOR_BYTES } from "../wire/sector.js";
import { FaultLog } from "./fault-log.js";
import { type OpenContext, type OpenDevice, openDevice } from "./openers.js";

export interface DisksOptions {
	readonly pump: Pump;
	readonly log: Log;
	/** Of this program: part of each disk's identity. */
	readonly version: string;
	/** A disk has another size. */
	readonly onResized: (disk: Disk) => void;
	/** Default: the table of openers. */
	readonly open?: OpenDevice;
}

/** A name that is taken: by a disk, or by one that is being opened. */
interface Entry {
	disk: Disk | null;
	/** Whoever waits for it to be opened waits no longer. */
	giveUp: (error: OperatorError) => void;
}

export class Disks {
	readonly #options: DisksOptions;
	readonly #engine: StorageEngine;
	readonly #commits: GroupCommit;
	readonly #faults: FaultLog;
	readonly #machine = machineId();
	readonly #entries = new Map<string, Entry>();
	#toldUnmapped = false;

	constructor(options: DisksOptions) {
		const { pump, log } = options;
		this.#options = options;
		this.#faults = new FaultLog(log);
		// The engine drains first: a flush that a commit starts then covers what the engine has just done.
		this.#engine = new StorageEngine(pump);
		this.#engine.watchLack(this.#faults.lack);
		this.#commits = new GroupCommit(pump);
		log.verbose(`storage engine: ${this.#engine.description}`);
	}

	/** Throws an OperatorError if the disk can't be opened, or if it is closed before that has come to an end. */
	async open(spec: DiskSpec): Promise<Disk> {
		const { name } = spec;
		if (this.#entries.has(name))
			throw new OperatorError(`disk ${quote(name)}: there is one of this name already`);
		const entry: Entry = { disk: null, giveUp: () => {} };
		this.#entries.set(name, entry);
		const givenUp = new Promise<never>((_, reject) => {
			entry.giveUp = reject;
		});
		const opening = this.#open(spec);
		try {
			entry.disk = await Promise.race([opening, givenUp]);
			return entry.disk;
		} catch (error) {
			if (this.#entries.get(name) === entry) this.#entries.delete(name);
			// Should it be opened after all, nobody wants it any more.
			opening.then(
				(disk) => disk.close(),
				() => {},
			);
			throw error;
		}
	}

	async #open(spec: DiskSpec): Promise<Disk> {
		const { name, called = name, storage, offsetSectors } = spec;
		const { log, version, onResized, open = openDevice } = this.#options;
		const context: OpenContext = {
			engine: this.#engine,
			commits: this.#commits,
			onUnmapped: () => this.#tellUnmapped(called, storage.name),
		};
		const device = await open(spec, context);
		const seed = `${this.#machine}\0${storageIdentity(storage)}\0${offsetSectors}`;
		const disk = new Disk(called, makeIdentity(seed, version), device);
		disk.onFault = (_disk, op, status, errno, lba) => this.#faults.failed(called, op, status, errno, lba);
		device.listen({
			...this.#faults.stallsOf(called),
			changed: () => {
				log.info(`${called}: now ${device.info.sizeBytes / SECTOR_BYTES} sectors`);
				onResized(disk);
			},
			degraded: (degradation) => {
				if (degradation.kind === "shrunk") this.#tellShrunk(called, storage.name, degradation.storageBytes);
			},
		});
		return disk;
	}

	/** Throws an OperatorError if there is no disk of this name. */
	get(name: string): Disk {
		const disk = this.#entries.get(name)?.disk;
		if (!disk) throw new OperatorError(`disk ${quote(name)}: there is none of this name`);
		return disk;
	}

	has(name: string): boolean {
		return this.#entries.has(name);
	}

	/** Its name is free from now on. A disk that hangs is abandoned after `limitMs`. */
	async close(name: string, limitMs?: number): Promise<CloseEnd> {
		const entry = this.#entries.get(name);
		this.#entries.delete(name);
		if (entry === undefined) return "closed";
		if (entry.disk === null) {
			entry.giveUp(new OperatorError(`disk ${quote(name)}: closed before it was open`));
			return "abandoned";
		}
		return entry.disk.close(limitMs);
	}

	names(): string[] {
		return [...this.#entries.keys()];
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
		for (const { disk } of this.#entries.values()) if (disk !== null) lines.push(countsOf(disk));
		const { putOff } = this.#engine;
		if (putOff > 0) lines.push(`storage: ${counted(putOff, "request")} had to wait for a thread`);
		return lines;
	}

	#tellShrunk(called: string, file: string, bytes: number): void {
		this.#options.log.error(
			`${called}: ${file} has shrunk to ${bytes / SECTOR_BYTES} sectors; requests behind its end fail`,
		);
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

function countsOf({ name, stats }: Disk): string {
	const { reads, readBytes, writes, writtenBytes, flushes, trims, errors } = stats;
	return (
		`${name}: reads ${reads} (${readBytes} bytes), writes ${writes} (${writtenBytes} bytes), ` +
		`flushes ${flushes}, trims ${trims}, errors ${errors}`
	);
}

/** What stays the same from one start to the next, so that an initiator sees the same disk again. */
function machineId(): string {
	try {
		return readFileSync("/etc/machine-id", "utf8").trim();
	} catch {
		return hostname();
	}
}
