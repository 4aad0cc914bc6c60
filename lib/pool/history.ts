/**
 * How far back the pool can be looked at: keeps checkpoints and the summaries behind them as long as a volume's window needs them, and says to the
 * descent which moments are not offered any more. Whoever looks at a moment pins it, and no window passes it meanwhile. Told by
 * `checkpoints.ts` of each checkpoint; asked by `upkeep.ts` to give up what is oldest when slots become scarce.
 */

import { OperatorError } from "../errors.js";
import type { Memory } from "../wire/memory.js";
import { type BlobRef, piecesOf } from "./blob.js";
import type { Volume } from "./catalog.js";
import type { Contents } from "./contents.js";
import type { Descent } from "./descent.js";
import { SEGMENT_SECTORS } from "./format.js";
import type { CheckpointRef } from "./head.js";
import type { NodeLog } from "./node-log.js";
import type { Segments } from "./segments.js";
import { RowState } from "./space/rows.js";
import { type HistoryPolicy, Windows } from "./space/windows.js";

const HISTORY_SECONDS = 3600;

/** What a volume's settings say; else an hour. */
export function policyOf({ settings: { historySeconds = HISTORY_SECONDS } }: Volume): HistoryPolicy {
	return { historyUs: historySeconds * 1e6, minUs: 0 };
}

/** Where the log begins: what was from there on can be read without a checkpoint. */
interface Beginning extends Pick<CheckpointRef, "position" | "place" | "bytes" | "timeUs"> {
	readonly isBeginning: true;
}

type Kept = CheckpointRef | Beginning;

function isCheckpoint(kept: Kept): kept is CheckpointRef {
	return !("isBeginning" in kept);
}

export interface HistoryOf {
	readonly segments: Segments;
	readonly nodes: NodeLog;
	readonly contents: Contents;
	readonly descent: Descent;
	readonly allocate: (byteLength: number) => Memory;
	readonly now: () => number;
	readonly policyOf: (volume: Volume) => HistoryPolicy;
	/** From when on it is known what there was, if nothing was given up. */
	readonly beganUs: number;
}

export class History {
	readonly #of: HistoryOf;
	readonly #windows: Windows<Kept>;
	/** The oldest first. */
	#all: readonly Kept[];
	/** Positions of checkpoints that somebody looks at, one for each who does. */
	readonly #pinned: number[] = [];
	/** Summaries of segments before this one are forgotten. */
	#forgotten = -0;
	#beganUs: number;

	constructor(of: HistoryOf, kept: readonly CheckpointRef[]) {
		this.#of = of;
		this.#beganUs = of.beganUs;
		const beginning: Beginning = { position: 0, place: 0, bytes: 0, timeUs: of.beganUs, isBeginning: true };
		this.#all = this.#hasBeginning || kept.length === 0 ? [beginning, ...kept] : kept;
		this.#windows = new Windows(this.#all);
	}

	/** Checkpoints that can be read, the oldest first. */
	get kept(): readonly CheckpointRef[] {
		return this.#all.filter(isCheckpoint);
	}

	/** Whether there is something that may be given up, perhaps. */
	get hasSome(): boolean {
		return this.#all.length > 1;
	}

	/** The earliest moment that can be looked at. */
	get beganUs(): number {
		return this.#beganUs;
	}

	/** One more checkpoint, which the head names. */
	async add(ref: CheckpointRef): Promise<void> {
		this.#all = [...this.#all, ref];
		this.#windows.add(ref);
		await this.trim();
	}

	/**
	 * The checkpoint that a moment is read from; undefined: from the beginning of the log. Nothing of it goes until what is returned is called.
	 * Throws an OperatorError if it has gone.
	 */
	pin(timeUs: number): { readonly ref: CheckpointRef | undefined; readonly release: () => void } {
		const ref = this.kept.findLast((each) => each.timeUs <= timeUs);
		if (ref === undefined && this.#all.every(isCheckpoint))
			throw new OperatorError(
				`what was before ${new Date(this.#beganUs / 1000).toISOString()} is not kept any more`,
			);
		const position = ref?.position ?? 0;
		this.#pinned.push(position);
		const release = (): void => {
			this.#pinned.splice(this.#pinned.indexOf(position), 1);
		};
		return { ref, release };
	}

	/** Whether the log can be read from its first record on. */
	get #hasBeginning(): boolean {
		const { rows } = this.#of.segments.table;
		const row = rows.of(0);
		return row >= 0 && (rows.states[row] === RowState.open || rows.summaries[row]! > 0);
	}

	/** Gives up what is oldest and need not be kept. False if there is nothing. */
	async giveUp(): Promise<boolean> {
		const [before] = this.#all;
		this.#holdBack();
		if (!this.#windows.giveUp(this.#policies(), this.#nowUs)) return false;
		await this.trim();
		return this.#all[0] !== before;
	}

	/** Moves windows on, and forgets what none of them needs any more. */
	async trim(): Promise<void> {
		const { contents, descent, policyOf } = this.#of;
		const nowUs = this.#nowUs;
		this.#holdBack();
		for (const volume of contents.catalog.volumes) {
			const position = this.#windows.edge(policyOf(volume), nowUs);
			const mark = this.#all.find((each) => each.position === position);
			// (What its last record has made zeros died at its end, perhaps.)
			if (mark !== undefined && isCheckpoint(mark))
				descent.moveWindow(volume.line, position + 1, mark.place + mark.bytes);
		}
		const needed = new Set(this.#windows.needed(this.#policies(), nowUs));
		const dropped = this.#all.filter((ref) => !needed.has(ref));
		this.#all = this.#all.filter((ref) => needed.has(ref));
		this.#forgetSummaries();
		if (dropped.length > 0) this.#beganUs = Math.max(this.#beganUs, this.#all[0]?.timeUs ?? 0);
		for (const ref of dropped) if (isCheckpoint(ref)) await this.#drop(ref);
	}

	/** Not before the last checkpoint: the clock may have been set back. */
	get #nowUs(): number {
		return Math.max(this.#of.now(), this.#all.at(-1)?.timeUs ?? 0);
	}

	#policies(): HistoryPolicy[] {
		return this.#of.contents.catalog.volumes.map((volume) => this.#of.policyOf(volume));
	}

	#holdBack(): void {
		this.#windows.holdBack = Math.min(...this.#pinned);
	}

	/** The log is read from the oldest checkpoint on, at most. */
	#forgetSummaries(): void {
		const { table } = this.#of.segments;
		const end = Math.floor((this.#all[0]?.position ?? 0) / SEGMENT_SECTORS);
		if (end <= this.#forgotten) return;
		for (const segment of table.rows.segments()) if (segment < end) table.forgetSummary(segment);
		this.#forgotten = end;
	}

	/** What a checkpoint says beside its trees is not wanted any more. */
	async #drop(ref: BlobRef): Promise<void> {
		const { segments, allocate, nodes } = this.#of;
		try {
			const pieces = await piecesOf(segments, allocate, ref);
			for (const { place, bytes } of [...pieces, ref]) nodes.free(place, bytes);
		} catch (error) {
			// (What can't be read stays; everything else goes on.)
			if (!(error instanceof OperatorError)) throw error;
		}
	}
}
