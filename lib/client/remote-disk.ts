/**
 * A disk at the other end of a link: reads and writes of any length, cut into frames and sent as many at a time as the
 * target allows. Opened by `Initiator.open`; hands queries to `Initiator.ask`. Every method rejects with an InitiatorError.
 *
 * Requests that are under way at the same time are carried out in any order: one that matters to another must wait for it.
 */

import { ATA_HEADER_BYTES } from "../aoe/ata-section.js";
import { Opcode } from "../ata/opcodes.js";
import { ETH_HEADER_BYTES } from "../wire/ethernet.js";
import { SECTOR_BYTES } from "../wire/sector.js";
import { BadAnswerError, InitiatorError } from "./errors.js";
import { type DiskIdentity, readIdentity } from "./identify.js";
import {
	type AtaAnswer,
	ataQuery,
	configQuery,
	type FoundBlade,
	type Query,
	type TaskFile,
} from "./query.js";
import type { Asker, Route } from "./request.js";
import { RoundTrip } from "./round-trip.js";
import { trimList } from "./trim-list.js";
import { Window } from "./window.js";

/** Most sectors that the sector count register can say. */
const COUNT_MAX = 255;

export class RemoteDisk {
	readonly blade: FoundBlade;
	readonly #asker: Asker;
	readonly #route: Route;
	readonly #window: Window;
	#identity: DiskIdentity | null = null;

	/** Asks the disk what it is. `window`: most frames outstanding, if less than the target allows. */
	static async open(asker: Asker, blade: FoundBlade, window = Infinity): Promise<RemoteDisk> {
		const disk = new RemoteDisk(asker, blade, Math.max(1, Math.min(window, blade.bufferCount)));
		await disk.identify();
		return disk;
	}

	private constructor(asker: Asker, blade: FoundBlade, window: number) {
		const { shelf, slot, mac, peer } = blade;
		this.blade = blade;
		this.#asker = asker;
		this.#route = { shelf, slot, mac, peer, roundTrip: new RoundTrip() };
		this.#window = new Window(window);
	}

	/** `e9.0` */
	get name(): string {
		return `e${this.blade.shelf}.${this.blade.slot}`;
	}

	/** What the disk said of itself when it was last asked. */
	get identity(): DiskIdentity {
		if (this.#identity === null) throw new BadAnswerError(`${this.name}: not identified`);
		return this.#identity;
	}

	get sectorCount(): number {
		return this.identity.sectorCount;
	}

	/** Most sectors that go into one frame: what the target says, and what the link's MTU leaves room for. */
	get sectorsPerFrame(): number {
		const room = this.#asker.link.mtu + ETH_HEADER_BYTES - ATA_HEADER_BYTES;
		const told = this.blade.sectorsPerFrame || COUNT_MAX;
		return Math.max(1, Math.min(Math.floor(room / SECTOR_BYTES), told, COUNT_MAX));
	}

	/** A config query and its answer. Returns how long that took, in milliseconds. */
	async ping(): Promise<number> {
		const { clock } = this.#asker;
		const startMs = clock.now();
		await this.#ask({ ...configQuery, what: `${this.name}: ping` });
		return clock.now() - startMs;
	}

	/** Asks the disk again what it is: it may have grown. */
	async identify(): Promise<DiskIdentity> {
		const dataIn = new Uint8Array(SECTOR_BYTES);
		const what = `${this.name}: IDENTIFY`;
		await this.command({ command: Opcode.identifyDevice, count: 1, dataIn, what });
		this.#identity = readIdentity(dataIn);
		return this.#identity;
	}

	/** Reads `count` sectors from `lba` on. */
	async read(lba: number, count: number): Promise<Uint8Array> {
		const { extended } = this.identity;
		const bytes = new Uint8Array(count * SECTOR_BYTES);
		await this.#eachFrame(lba, count, (at, sectors, fromBytes) => ({
			command: extended ? Opcode.readSectorsExt : Opcode.readSectors,
			lba: at,
			count: sectors,
			extended,
			dataIn: bytes.subarray(fromBytes, fromBytes + sectors * SECTOR_BYTES),
			what: `${this.name}: read of LBA ${at}`,
		}));
		return bytes;
	}

	/** Writes whole sectors from `lba` on. `bytes` must not change until that is done. */
	async write(lba: number, bytes: Uint8Array): Promise<void> {
		if (bytes.length % SECTOR_BYTES !== 0)
			throw new InitiatorError(`${this.name}: ${bytes.length} bytes are no whole sectors`);
		const { extended } = this.identity;
		await this.#eachFrame(lba, bytes.length / SECTOR_BYTES, (at, sectors, fromBytes) => ({
			command: extended ? Opcode.writeSectorsExt : Opcode.writeSectors,
			lba: at,
			count: sectors,
			extended,
			dataOut: bytes.subarray(fromBytes, fromBytes + sectors * SECTOR_BYTES),
			what: `${this.name}: write to LBA ${at}`,
		}));
	}

	/** Everything written so far is on stable storage when this is done. */
	async flush(): Promise<void> {
		const { canFlushExt: extended } = this.identity;
		const command = extended ? Opcode.flushCacheExt : Opcode.flushCache;
		await this.command({ command, extended, what: `${this.name}: flush` });
	}

	/** `count` sectors from `lba` on are no longer needed. */
	async trim(lba: number, count: number): Promise<void> {
		const { trimBlocksMax, extended } = this.identity;
		if (trimBlocksMax === 0) throw new InitiatorError(`${this.name}: this disk has no TRIM`);
		const list = trimList(lba, count);
		const blocks = Math.min(trimBlocksMax, this.sectorsPerFrame);
		for (let from = 0; from < list.length; from += blocks * SECTOR_BYTES) {
			const dataOut = list.subarray(from, from + blocks * SECTOR_BYTES);
			const what = `${this.name}: trim of LBA ${lba}`;
			const blockCount = dataOut.length / SECTOR_BYTES;
			const command = Opcode.dataSetManagement;
			await this.command({ command, feature: 1, count: blockCount, extended, dataOut, what });
		}
	}

	/** Has any ATA command carried out whose data fits one frame. */
	async command(file: TaskFile): Promise<AtaAnswer> {
		return this.#ask(ataQuery(file));
	}

	/** Has a command carried out for each part of a range that fits a frame. */
	async #eachFrame(
		lba: number,
		count: number,
		makeFile: (lba: number, sectors: number, fromBytes: number) => TaskFile,
	): Promise<void> {
		const most = this.sectorsPerFrame;
		const answers: Promise<AtaAnswer>[] = [];
		for (let done = 0; done < count; done += most)
			answers.push(this.command(makeFile(lba + done, Math.min(most, count - done), done * SECTOR_BYTES)));
		// All of them, so that nothing is under way any more when one has failed.
		for (const answer of await Promise.allSettled(answers))
			if (answer.status === "rejected") throw answer.reason;
	}

	#ask<T>(query: Query<T>): Promise<T> {
		return this.#window.run(() => this.#asker.ask(this.#route, query));
	}
}
