/**
 * Looks at all of a pool that nobody has open, and changes nothing: both copies of its head, and every segment of the log, by its
 * summary and record by record; on request every page, too. What is wrong is told with file and place, and all of it, not only what comes
 * first. Called by the commands that check and scrub.
 */

import { BlockOp } from "../block/request.js";
import { crc32c } from "../crc32c.js";
import { OperatorError } from "../errors.js";
import type { Memory } from "../wire/memory.js";
import { SECTOR_BYTES } from "../wire/sector.js";
import { readSpace, type StoredSpace } from "./checkpoint-read.js";
import { examineNodes, type NodeFindings } from "./examine-nodes.js";
import { examineSegment, type SegmentFindings } from "./examine-segment.js";
import { SpaceFindings } from "./examine-space.js";
import type { PoolWorld } from "./folder.js";
import { BLOCK_BYTES, BLOCK_SECTORS, FILE_SLOTS, SEGMENT_BYTES, SEGMENT_SECTORS } from "./format.js";
import type { CheckpointRef, Head, LogStart } from "./head.js";
import { openHead } from "./head-file.js";
import { LineNames } from "./line-names.js";
import type { Entry } from "./map/entry.js";
import { inTurns } from "./map/turns.js";
import { crcInHeader, type Header, readHeader } from "./record.js";
import { Replay } from "./replay.js";
import { Chain } from "./replay-records.js";
import { run } from "./run.js";
import { readBytes, wholeOf } from "./segment-bytes.js";
import { Segments } from "./segments.js";
import { RowState } from "./space/rows.js";
import { readSummary, Summary } from "./summary.js";

export interface Finding {
	/** File and byte. */
	readonly place: string;
	readonly what: string;
}

export interface Examination {
	readonly segments: number;
	readonly records: number;
	/** That were compared with their checksums. */
	readonly pages: number;
	/** Of the map, likewise. */
	readonly nodes: number;
	readonly damaged: number;
	/** Not more than so many as somebody reads. */
	readonly findings: readonly Finding[];
}

export interface ExamineOptions {
	readonly doPages: boolean;
	readonly progress: (doneBytes: number, ofBytes: number) => void;
}

const FINDINGS_MAX = 1000;

/** Where the log of a new pool begins. */
const FIRST: LogStart = { segment: 0, slot: 0, sequence: 0, crc: 0, timeUs: 0 };

/** Throws an OperatorError if there is no pool that can be looked at. */
export async function examine(world: PoolWorld, options: ExamineOptions): Promise<Examination> {
	const head = await openHead(world, true);
	try {
		const segments = new Segments(world.folder);
		try {
			return await new Examiner(world, head, segments, options).run();
		} finally {
			await segments.close();
		}
	} finally {
		await head.device.close();
	}
}

class Examiner implements SegmentFindings {
	readonly #world: PoolWorld;
	readonly #head: Head;
	readonly #segments: Segments;
	readonly #options: ExamineOptions;
	readonly #names = new LineNames();
	readonly #memory: Memory;
	readonly #findings: Finding[] = [];
	#damaged = 0;
	#records = 0;
	#pages = 0;
	#chain: Chain;
	#isBroken = false; // What was before is not known: that has been told.
	#stored: StoredSpace | undefined;
	#space: SpaceFindings | undefined;
	readonly #whole = new Set<number>();
	#replayFrom: LogStart;

	constructor(world: PoolWorld, head: Head, segments: Segments, options: ExamineOptions) {
		this.#world = world;
		this.#head = head;
		this.#segments = segments;
		this.#options = options;
		this.#chain = new Chain(head.state);
		this.#replayFrom = head.state.start;
		this.#memory = world.allocate(SEGMENT_BYTES);
	}

	async run(): Promise<Examination> {
		for (const at of this.#head.damagedAt)
			this.#tell(
				`${this.#head.name}, byte ${at}`,
				"this copy of the head is damaged; the other one is whole",
			);
		await this.#segments.openAll();
		const first = await this.#begin();
		const end = await this.#replay(first);
		const segments = this.#between(first, end);
		for (const [i, segment] of segments.entries()) {
			// (What is between may be gone, with all that was in it.)
			if (segment !== segments[i - 1]! + 1 && i > 0) this.#isBroken = true;
			await this.#segment(segment, segment === end);
			this.#options.progress((i + 1) * SEGMENT_BYTES, segments.length * SEGMENT_BYTES);
		}
		const nodes = await this.#nodes();
		const [records, pages, damaged, findings] = [this.#records, this.#pages, this.#damaged, this.#findings];
		return { segments: segments.length, records, pages, nodes, damaged, findings };
	}

	/** Those that there are, before the checkpoint; behind that none may be missing. */
	#between(first: number, end: number): number[] {
		const { start } = this.#head.state;
		const from = this.#stored === undefined ? first : Math.min(end, start.segment);
		const before = this.#segments.table.rows.segments().filter((segment) => segment < from);
		return [...before, ...Array.from({ length: end - from + 1 }, (_, i) => from + i)];
	}

	async #nodes(): Promise<number> {
		if (!this.#options.doPages || this.#stored === undefined) return 0;
		const before = this.#damaged;
		for await (const fault of this.#stored.living.descent.faults()) this.#tell("", fault);
		const tell = (place: string, what: string): void => this.#tell(place, what);
		const page: NodeFindings["page"] = (line, number, entry) => this.#page(line, number, entry);
		const count = await examineNodes(this.#stored, { tell, page });
		// (Where a node or list can't be read it is not known what is wanted.)
		if (this.#damaged === before) await this.#space?.tell(this.#stored, this.#world.nextTurn, this);
		return count;
	}

	/** A page of a segment that is not there as it was written, but has moved. */
	async #page(line: number, page: number, { position, sectors, crc }: Entry): Promise<void> {
		const segment = Math.floor(position / SEGMENT_SECTORS);
		this.#space?.wants(position, sectors);
		if (this.#whole.has(segment)) return;
		if (this.#segments.find(position) === undefined) {
			this.#tell(this.#world.folder.path, `position ${position} of the log is nowhere`);
			return;
		}
		const lengthBytes = sectors * SECTOR_BYTES;
		const offsetBytes = (position % SEGMENT_SECTORS) * SECTOR_BYTES;
		await readBytes(this.#segments, { segment, offsetBytes, lengthBytes }, this.#memory);
		this.#pages++;
		if (crc32c(this.#memory.bytes, 0, lengthBytes) !== crc >>> 0) this.badPage(position, line, page, sectors);
	}

	/** The first segment that there is, by the checkpoint; where that can't be read, of a log that is whole. */
	async #begin(): Promise<number> {
		const { checkpoint, start } = this.#head.state;
		if (checkpoint === undefined) return start.segment;
		const isRead = await this.#checkpoint(checkpoint);
		const first = isRead ? (this.#segments.table.rows.segments()[0] ?? start.segment) : 0;
		if (!isRead) this.#replayFrom = FIRST;
		this.#isBroken = first > 0;
		this.#chain = new Chain({ ...this.#head.state, start: { ...FIRST, segment: first } });
		return first;
	}

	/** What the last checkpoint says; false if that is damaged, which is told. */
	async #checkpoint(ref: CheckpointRef): Promise<boolean> {
		try {
			this.#stored = await readSpace(this.#world, this.#segments, ref);
			this.#names.restore(this.#stored.state);
			this.#space = new SpaceFindings(this.#segments);
			return true;
		} catch (error) {
			if (!(error instanceof OperatorError)) throw error;
			this.#tell("", error.message);
			return false;
		}
	}

	/** The segment in which the log ends, as far as it can be followed. */
	async #replay(first: number): Promise<number> {
		try {
			const state = { ...this.#head.state, start: this.#replayFrom };
			const replay = new Replay(this.#world, this.#segments, state, this.#names);
			const { position } = await replay.run(new Summary(this.#world.allocate));
			return Math.floor(position / SEGMENT_SECTORS);
		} catch (error) {
			if (!(error instanceof OperatorError)) throw error;
			this.#tell("", error.message);
			return this.#placeByContents(first);
		}
	}

	/** What lies behind the damage is found by what it says itself, in its first block or its last. */
	async #placeByContents(first: number): Promise<number> {
		let last = first;
		for (let slot = 0; this.#segments.hasFile(slot); slot++)
			for (const inSlot of [0, SEGMENT_BYTES - BLOCK_BYTES]) {
				const position = await this.#positionAt(slot, inSlot);
				const segment = (position - inSlot / SECTOR_BYTES) / SEGMENT_SECTORS;
				if (!Number.isInteger(segment) || segment <= first) continue;
				if (!this.#segments.has(segment)) this.#segments.place(segment, slot);
				last = Math.max(last, segment);
			}
		return last;
	}

	/** What a header in a slot says that its position is; NaN if there is none of this pool. */
	async #positionAt(slot: number, inSlot: number): Promise<number> {
		const at = (slot % FILE_SLOTS) * SEGMENT_BYTES + inSlot;
		const name = this.#segments.fileNameOf(slot);
		await run(this.#segments.deviceOfSlot(slot), BlockOp.read, at, BLOCK_BYTES, this.#memory, name);
		const header = readHeader(this.#memory.bytes, this.#memory.view, 0);
		const isOurs = header !== undefined && this.#chain.isOurs(header, header.position);
		return isOurs ? header.position : Number.NaN;
	}

	async #segment(segment: number, isLast: boolean): Promise<void> {
		if (!this.#segments.has(segment)) {
			this.#tell(this.#world.folder.path, `segment ${segment} of the log is nowhere`);
			this.#isBroken = true;
			return;
		}
		if (this.#isThinned(segment)) {
			this.#isBroken = true;
			return;
		}
		this.#whole.add(segment);
		const begin = segment * SEGMENT_SECTORS;
		const found = await readSummary(this.#segments, segment, this.#memory);
		const header = found !== undefined && this.#chain.isOurs(found, found.position) ? found : undefined;
		const summary = header && this.#memory.bytes.slice(0, header.tailBytes);
		if (header === undefined && !isLast)
			this.damaged(begin + SEGMENT_SECTORS - BLOCK_SECTORS, "the summary of this segment is damaged here");
		await readBytes(this.#segments, wholeOf(segment), this.#memory);
		if (summary === undefined && this.#isBroken) this.#goOnAt(begin);
		const packed = summary ?? (await this.#packed(begin));
		examineSegment(this.#memory, segment, packed, this.#options.doPages, this);
		if (header !== undefined)
			this.record(header, crcInHeader(this.#memory.view, SEGMENT_BYTES - BLOCK_BYTES));
		else this.#isBroken = true;
	}

	/** All records of the segment in memory that follow each other. */
	async #packed(begin: number): Promise<Uint8Array> {
		const found = await inTurns(this.#chain.follow(this.#memory, begin), this.#world.nextTurn);
		return Buffer.concat(found.map(({ packed }) => packed));
	}

	/** Whether a segment lies where it was written no more, or nobody reads it as part of the log. */
	#isThinned(segment: number): boolean {
		const { rows } = this.#segments.table;
		const row = rows.of(segment);
		if (this.#stored === undefined || segment >= this.#head.state.start.segment)
			return rows.states[row] === RowState.moved;
		return rows.states[row] !== RowState.inPlace || rows.summaries[row] === 0;
	}

	/** The record before is not known: what the first one of the segment in memory says of it is believed. */
	#goOnAt(begin: number): void {
		const first = this.#chain.headerAt(this.#memory.bytes, this.#memory.view, 0, begin);
		if (first === undefined) return;
		this.#chain.sequence = first.sequence - 1;
		this.#chain.crc = first.previousCrc;
	}

	damaged(position: number, what: string): void {
		this.#tell(this.#segments.nameOf(position), what);
	}

	badPage(position: number, line: number, page: number, sectors: number): void {
		const name = this.#names.of(line);
		const of = name === undefined ? "a volume that is no more" : `volume ${name}`;
		this.damaged(position, `a page of ${of} is damaged here, its byte ${page * sectors * SECTOR_BYTES}`);
	}

	record(header: Header, crc: number): void {
		this.#records++;
		if (!this.#isBroken && !this.#chain.follows(header))
			this.damaged(header.position, "the log does not go on here from the record before");
		this.#isBroken = false;
		this.#chain.took(header, crc);
	}

	pages(count: number): void {
		this.#pages += count;
	}

	#tell(place: string, what: string): void {
		this.#damaged++;
		if (this.#findings.length < FINDINGS_MAX) this.#findings.push({ place, what });
	}
}
