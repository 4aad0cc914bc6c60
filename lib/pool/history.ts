/**
 * How far back the pool can be looked at: keeps checkpoints and the summaries behind them as long as a volume's window needs them, and says to the
 * descent which moments are not offered any more. Whoever looks at a moment pins it, and no window passes it meanwhile. Told by
 * `checkpoints.ts` of each checkpoint; asked by `upkeep.ts` to give up what is oldest when slots become scarce.
 */

import { OperatorError } from "../errors.js";
import { HISTORY_SPACE } from "../spec/policy.js";
import { sizeText, timeText } from "../text.js";
import { SECTOR_BYTES } from "../wire/sector.js";
import { piecesOf } from "./blob.js";
import type { BlobRef } from "./blob-ref.js";
import { linesOf, type Volume } from "./catalog.js";
import type { Contents } from "./contents.js";
import type { Descent } from "./descent.js";
import type { PoolWorld } from "./folder.js";
import { FILE_BYTES, SEGMENT_SECTORS } from "./format.js";
import type { Fullness } from "./full.js";
import type { CheckpointRef } from "./head.js";
import { historyBytes, unwalkedIn } from "./history-bytes.js";
import { agedOf, type Beginning, firstOf, isCheckpoint, type Kept, readableOf } from "./history-points.js";
import { policyOf } from "./history-policy.js";
import { inTurns, type Steps } from "./map/turns.js";
import type { NodeLog } from "./node-log.js";
import type { Segments } from "./segments.js";
import { type HistoryPolicy, Windows } from "./space/windows.js";
import type { PoolTold } from "./told.js";

/** How often it is told for one reason that history is given up. */
const TOLD_US = 3600e6;
/** Checkpoints are no nearer to each other for its sake. */
const LOG_BYTES_MIN = FILE_BYTES;
/** Rows of the table of segments that are looked at in one step. */
const ROWS_PER_STEP = 64;

/** Why history is given up that is wanted. */
export type GivenUpFor = "space" | "share";

export interface HistoryOf {
	readonly segments: Segments;
	readonly nodes: NodeLog;
	readonly contents: Contents;
	readonly descent: Descent;
	readonly world: PoolWorld;
	readonly full: Pick<Fullness, "gaveUp">;
	readonly tell: (told: PoolTold) => void;
	/** From when on it is known what there was, if nothing was given up. */
	readonly beganUs: number;
}

export interface Pin {
	readonly ref: CheckpointRef | undefined;
	readonly release: () => void;
}

export class History {
	readonly #of: HistoryOf;
	readonly #windows: Windows<Kept>;
	/** The oldest first. */
	#all: readonly Kept[];
	/** Those that are being dropped. */
	readonly #dropping: CheckpointRef[] = [];
	/** Positions of checkpoints that somebody looks at, one for each who does. */
	readonly #pinned: number[] = [];
	/** Summaries of segments before this one are forgotten. */
	#forgotten = -0;
	#beganUs: number;
	#isLastSpare = false;
	/** So much of the log may come between two checkpoints, as it was when the last one was made: its share is kept by giving up what is between. */
	logSectorsMax = Number.POSITIVE_INFINITY;
	readonly #toldUs = new Map<GivenUpFor, number>();

	constructor(of: HistoryOf, kept: readonly CheckpointRef[]) {
		this.#of = of;
		const { rows } = of.segments.table;
		const beginning: Beginning = { position: 0, place: 0, bytes: 0, timeUs: of.beganUs, isBeginning: true };
		this.#all = readableOf(rows, beginning, kept);
		this.#beganUs = Math.max(of.beganUs, this.#all[0]!.timeUs);
		this.#windows = new Windows(this.#all);
	}

	/** The last record that the latest checkpoint has; 0: there is none. */
	get lastSequence(): number {
		const last = this.#all.at(-1);
		return last !== undefined && isCheckpoint(last) ? last.sequence : 0;
	}

	/** Checkpoints that can be read, and those that nobody wants any more but whose bytes are not given back yet: what a checkpoint has to name, in order. */
	get stored(): readonly CheckpointRef[] {
		return [...this.#dropping, ...this.#all.filter(isCheckpoint)].sort((a, b) => a.sequence - b.sequence);
	}

	/** Whether there is something that may be given up, perhaps. */
	get hasSome(): boolean {
		return this.#all.length > 1;
	}

	/** The earliest moment that can be looked at. */
	get beganUs(): number {
		return this.#beganUs;
	}

	/** The same of a volume, also by lines that it went by before. */
	beganUsOf({ line, createdUs, goesOnFromUs = createdUs, past = [] }: Volume): number {
		let beganUs = this.#beganUsOn(line) ?? this.#beganUs;
		let fromUs = goesOnFromUs;
		for (const before of past.toReversed()) {
			const beforeUs = this.#beganUsOn(before.line);
			if (beganUs > fromUs || beforeUs === undefined) break;
			beganUs = beforeUs;
			fromUs = before.fromUs;
		}
		return Math.max(fromUs, beganUs);
	}

	/** From when on a line can be looked at, perhaps from before it began; undefined: not at all. */
	#beganUsOn(line: number): number | undefined {
		const first = firstOf(this.#all, (position) => this.#of.descent.reaches(line, position));
		return first !== undefined && isCheckpoint(first) ? first.timeUs : first && this.#beganUs;
	}

	/** The latest time up to this one that is a checkpoint's: what came before it had been written by then. */
	sureUs(timeUs: number): number {
		return this.#all.findLast((each) => each.timeUs <= timeUs)?.timeUs ?? Math.min(timeUs, this.#beganUs);
	}

	/** Bytes that moments within windows have. */
	async #takenBytes(): Promise<number> {
		const { descent, world } = this.#of;
		return historyBytes(descent, await inTurns(unwalkedIn(this.#of), world.nextTurn));
	}

	/** What those may be. */
	get spaceBytes(): number {
		const { contents, segments } = this.#of;
		const { historySpace = HISTORY_SPACE } = contents.catalog.settings;
		return "bytes" in historySpace
			? historySpace.bytes
			: Math.floor((segments.sizeBytes * historySpace.percent) / 100);
	}

	/** One more checkpoint, which the head names. `isSpare`: it was made for what was to be known now; the next one is as good, if that is soon. */
	async add(ref: CheckpointRef, isSpare = false): Promise<void> {
		const last = this.#isLastSpare ? this.#all.at(-1) : undefined;
		this.#isLastSpare = isSpare;
		const mayGo = last !== undefined && isCheckpoint(last) && !this.#pinned.includes(last.position);
		if (!mayGo) this.#windows.add(ref);
		const isGone = mayGo && this.#windows.addInstead(ref, this.#policies(), this.#nowUs) !== undefined;
		this.#all = [...(isGone ? this.#all.slice(0, -1) : this.#all), ref];
		if (isGone) this.#dropping.push(last);
		await this.trim();
		if (isGone) await this.#drop(last);
	}

	/**
	 * The checkpoint that a moment is read from; undefined: from the beginning of the log. Nothing of it goes until what is returned is called.
	 * Undefined: it has gone.
	 */
	pin(timeUs: number): Pin | undefined {
		const found = this.#all.findLast((each) => each.timeUs <= timeUs);
		const ref = found && isCheckpoint(found) ? found : undefined;
		if (ref === undefined && this.#all.every(isCheckpoint)) return undefined;
		const position = ref?.position ?? 0;
		this.#pinned.push(position);
		this.#holdBack();
		const release = (): void => {
			this.#pinned.splice(this.#pinned.indexOf(position), 1);
			this.#holdBack();
		};
		return { ref, release };
	}

	/** Gives up what is oldest and need not be kept. False if there is nothing. */
	async giveUp(why: GivenUpFor): Promise<boolean> {
		const [before] = this.#all;
		if (!this.#windows.giveUp(this.#policies(), this.#nowUs)) return false;
		await this.trim();
		if (this.#all[0] === before) return false;
		if (why === "space") this.#of.full.gaveUp();
		this.#tell(why);
		return true;
	}

	/** What takes more than its share is given up, as far as it may be; true if there was some. */
	async shrink(): Promise<boolean> {
		return (await this.#takenBytes()) > this.spaceBytes && (await this.giveUp("share"));
	}

	/** Once, as long as it goes on. */
	#tell(why: GivenUpFor): void {
		const nowUs = this.#of.world.now();
		const toldUs = this.#toldUs.get(why) ?? Number.NEGATIVE_INFINITY;
		this.#toldUs.set(why, nowUs);
		if (Math.abs(nowUs - toldUs) < TOLD_US) return;
		const because = why === "space" ? "the pool is full" : `it takes more than ${sizeText(this.spaceBytes)}`;
		const message = `history is given up from its oldest end, for ${because}; there are moments from ${timeText(this.#beganUs)} on`;
		this.#of.tell({ kind: "pool-history", level: why === "space" ? "warn" : "info", message });
	}

	/** Moves windows on, and forgets what none of them needs any more. */
	async trim(): Promise<void> {
		const { world } = this.#of;
		const nowUs = this.#nowUs;
		const hasWindow = this.#policies().some(({ historyUs }) => historyUs > 0);
		const most = Math.max(LOG_BYTES_MIN, this.spaceBytes / 2) / SECTOR_BYTES;
		this.logSectorsMax = hasWindow ? most : Number.POSITIVE_INFINITY;
		await inTurns(this.#moveWindows(nowUs), world.nextTurn);
		const needed = new Set(this.#windows.needed(this.#policies(), nowUs));
		const dropped = this.#all.filter((ref) => !needed.has(ref));
		this.#all = this.#all.filter((ref) => needed.has(ref));
		if (dropped.length > 0) this.#beganUs = Math.max(this.#beganUs, this.#all[0]?.timeUs ?? 0);
		const refs = dropped.filter(isCheckpoint);
		this.#dropping.push(...refs);
		await inTurns(this.#forgetSummaries(), world.nextTurn);
		for (const ref of refs) await this.#drop(ref);
	}

	/** Those of all volumes. */
	*#moveWindows(nowUs: number): Steps {
		const { contents, descent } = this.#of;
		const { catalog } = contents;
		const marks = new Map<number | undefined, Kept | undefined>();
		let { holdBack } = this.#windows;
		for (const { line } of catalog.volumes) {
			yield;
			// (Meanwhile somebody may have begun to look at a moment.)
			if (this.#windows.holdBack !== holdBack) marks.clear();
			({ holdBack } = this.#windows);
			// (It may have been removed meanwhile, or go on by another line.)
			const volume = catalog.ofLine(line);
			if (volume === undefined) continue;
			const { historySeconds } = volume.settings;
			if (!marks.has(historySeconds)) {
				const edge = this.#windows.edge(policyOf(historySeconds, catalog.settings), nowUs);
				marks.set(
					historySeconds,
					this.#all.find(({ position }) => position === edge),
				);
			}
			const mark = marks.get(historySeconds);
			if (mark === undefined || !isCheckpoint(mark)) continue;
			// (What its last record has made zeros died at its end, perhaps.)
			const [first, place] = [mark.position + 1, mark.place + mark.bytes];
			for (const each of linesOf(volume)) descent.moveWindow(each, first, place);
			contents.lapse(volume, mark.position);
		}
	}

	/** By what has passed; not before the last checkpoint: the clock may have been set back. */
	get #nowUs(): number {
		const { world } = this.#of;
		const last = this.#all.at(-1);
		return Math.max(world.aged?.() ?? world.now(), (last && agedOf(last)) ?? 0);
	}

	/** Of a thousand volumes most have the same: each that there is once. */
	#policies(): HistoryPolicy[] {
		const { historySeconds, settings } = this.#of.contents.catalog;
		return [...historySeconds].map((seconds) => policyOf(seconds, settings));
	}

	#holdBack(): void {
		this.#windows.holdBack = Math.min(...this.#pinned);
	}

	/** The log is read from the oldest checkpoint on, at most. */
	*#forgetSummaries(): Generator<void> {
		const { table } = this.#of.segments;
		const end = Math.floor((this.#all[0]?.position ?? 0) / SEGMENT_SECTORS);
		if (end <= this.#forgotten) return;
		this.#forgotten = end;
		const { rows } = table;
		for (let row = 0; row < rows.end; row++) {
			if (row % ROWS_PER_STEP === 0) yield;
			if (rows.summaries[row] === 0 || rows.segmentOf(row) >= end) continue;
			table.forgetSummary(rows.segmentOf(row));
			yield;
		}
	}

	/** What a checkpoint says beside its trees is not wanted any more. */
	async #drop(ref: CheckpointRef): Promise<void> {
		const { segments, nodes, world } = this.#of;
		let pieces: readonly BlobRef[] = [];
		try {
			pieces = await piecesOf(segments, world.allocate, nodes, ref);
		} catch (error) {
			// (What can't be read stays; everything else goes on.)
			if (!(error instanceof OperatorError)) throw error;
		}
		// Both at once: a checkpoint that named it after its bytes were given back would have them given back again.
		this.#dropping.splice(this.#dropping.indexOf(ref), 1);
		for (const { place, bytes } of pieces) nodes.free(place, bytes);
	}
}
