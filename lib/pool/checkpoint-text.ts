/**
 * What a checkpoint says beside the nodes of its trees, as lines of text, each a JSON object: where in the log it is, which slots have nodes,
 * volumes and snapshots with the roots of their trees, what is still to be walked, and the checkpoints before it. Written by
 * `checkpoint-store.ts`, read when a pool or a moment is opened. Whoever wrote it, nothing in it is believed.
 */

import { isMemo } from "../block/memo.js";
import { invariant, OperatorError } from "../errors.js";
import { arePoolSettings, areVolumeSettings } from "../spec/policy.js";
import { isName, isPageSize, isVolumeSize } from "./bounds.js";
import { Image, type SettingsBySource, type Snapshot, type Volume } from "./catalog.js";
import type { Walk } from "./dead-walks.js";
import type { Floor } from "./descent-state.js";
import { areNumbers, SEGMENT_BYTES } from "./format.js";
import { type CheckpointRef, isCheckpointRef, isLogStart, type LogStart } from "./head.js";
import { LEVELS_MAX, REF_WORDS, Root } from "./map/ref.js";
import type { Steps } from "./map/turns.js";
import type { ClockJump } from "./notes.js";
import { storedJson } from "./stored-json.js";
import { isWritten, type Written } from "./written.js";

/** What formats until 4 have of a segment of nodes: how much of it somebody may read, without what the checkpoint says itself. */
export interface OlderNodes {
	readonly number: number;
	readonly slot: number;
	readonly liveBytes: number;
}

/** What all records up to one come to. */
export interface CheckpointState {
	/** The last record that is in it. */
	readonly sequence: number;
	readonly timeUs: number;
	/** From when on it is known what there was. */
	readonly beganUs: number;
	/** Of the segment that has the record behind. */
	readonly start: LogStart;
	readonly nextLine: number;
	/** What was set of the pool; undefined: nothing. */
	readonly settingsBy?: SettingsBySource | undefined;
	/** When the clock was set back; undefined: never. */
	readonly jumps?: readonly ClockJump[] | undefined;
	/** How much was changed of the pool; undefined: it was not counted. */
	readonly written?: Written | undefined;
	readonly volumes: readonly Volume[];
	/** By line: of all volumes. */
	readonly roots: ReadonlyMap<number, Root>;
	/** Lines that were deleted by the last record, which are still to be merged. */
	readonly ending: ReadonlyMap<number, Root>;
	readonly nodes: readonly OlderNodes[];
	readonly walks: readonly Walk[];
	/** Undefined until format 2, which had no table of segments, but this. */
	readonly floor: Floor | undefined;
	/** Of segments from the first one on; -1 for one that has none. */
	readonly slots: readonly number[];
	/** Checkpoints before this one, the oldest first. */
	readonly earlier: readonly CheckpointRef[];
}

/** The lines, one by one. */
export function* checkpointLines(state: Omit<CheckpointState, "slots" | "nodes">): Generator<string> {
	const { sequence, timeUs, beganUs, start, nextLine, settingsBy, jumps, written, floor, ...rest } = state;
	const { volumes, roots } = rest;
	yield JSON.stringify({ sequence, timeUs, beganUs, start, nextLine, settingsBy, jumps, written, floor });
	for (const [line, root] of state.ending) yield JSON.stringify({ ending: line, root: numbersOf(root) });
	for (const { root, ...walk } of state.walks) yield JSON.stringify({ walk, root: numbersOf(root) });
	for (const earlier of state.earlier) yield JSON.stringify({ earlier });
	for (const { snapshots, ...volume } of volumes) {
		const root = roots.get(volume.line);
		invariant(root !== undefined, "a volume has a root");
		yield JSON.stringify({ volume, root: numbersOf(root) });
		for (const { image, ...snapshot } of snapshots) {
			invariant(image.root !== null, "a snapshot that a checkpoint has is merged");
			const { end, place } = image;
			yield JSON.stringify({ snapshot, root: numbersOf(image.root), ends: [end, place] });
		}
	}
}

function numbersOf({ level, ref }: Root): number[] {
	return [level, ...ref];
}

/** To parse and look at a line takes as long as so many steps. */
const STEPS_PER_LINE = 8;

/** What the lines say, step by step. Throws an OperatorError that begins with `where` for what can't be understood. */
export function* checkpointIn(lines: Iterable<string>, where: string): Steps<CheckpointState> {
	const reader = new Reader();
	const unknown = (): OperatorError =>
		new OperatorError(`${where}: the pool's checkpoint says what this version does not know`);
	for (const line of lines) {
		if (!reader.take(line)) throw unknown();
		yield STEPS_PER_LINE;
	}
	if (reader.base === undefined) throw unknown();
	return reader.state(reader.base);
}

type Base = Pick<
	CheckpointState,
	"sequence" | "timeUs" | "beganUs" | "start" | "nextLine" | "settingsBy" | "jumps" | "written" | "floor"
>;

class Reader {
	base: Base | undefined;
	readonly #volumes: { -readonly [Key in keyof Volume]: Volume[Key] }[] = [];
	readonly #names = new Set<string>();
	readonly #roots = new Map<number, Root>();
	readonly #ending = new Map<number, Root>();
	readonly #nodes: OlderNodes[] = [];
	readonly #walks: Walk[] = [];
	readonly #slots: number[] = [];
	readonly #earlier: CheckpointRef[] = [];
	/** Of the last volume. */
	#snapshots: Snapshot[] = [];
	/** What has several names is one. */
	readonly #images = new Map<string, Image>();

	state(base: Base): CheckpointState {
		return {
			...base,
			volumes: this.#volumes,
			roots: this.#roots,
			ending: this.#ending,
			nodes: this.#nodes,
			walks: this.#walks,
			slots: this.#slots,
			earlier: this.#earlier,
		};
	}

	/** False if it is none of the lines that there are. */
	take(text: string): boolean {
		const line = storedJson(text);
		if (line === undefined) return false;
		if ("slots" in line) return this.#takeSlots(line.slots);
		if ("nodeSlots" in line) return this.#takeNodeSlots(line.nodeSlots);
		if ("nodes" in line) return this.#takeNodes(line.nodes);
		if ("ending" in line) return this.#takeEnding(line.ending, rootOf(line.root));
		if ("walk" in line) return this.#takeWalk(line.walk, rootOf(line.root));
		if ("volume" in line) return this.#takeVolume(line.volume, rootOf(line.root));
		if ("snapshot" in line) return this.#takeSnapshot(line.snapshot, rootOf(line.root), line.ends);
		if ("earlier" in line) {
			if (isCheckpointRef(line.earlier)) this.#earlier.push(line.earlier);
			return isCheckpointRef(line.earlier);
		}
		const { sequence, timeUs, beganUs, start, nextLine, settingsBy, jumps, written, floor } = line;
		if (!isLogStart(start) || !areNumbers(line, ["sequence", "timeUs", "beganUs", "nextLine"])) return false;
		if (floor !== undefined && !areNumbers(floor, ["position", "place"])) return false;
		if (settingsBy !== undefined && !areSettingsBySource(settingsBy)) return false;
		if (jumps !== undefined && !areJumps(jumps)) return false;
		if (written !== undefined && !isWritten(written)) return false;
		this.base = {
			sequence: Number(sequence),
			timeUs: Number(timeUs),
			beganUs: Number(beganUs),
			start,
			nextLine: Number(nextLine),
			settingsBy,
			jumps,
			written: written as Written | undefined,
			floor: floor as Floor | undefined,
		};
		return true;
	}

	#takeSlots(value: unknown): boolean {
		if (!areCounts(value)) return false;
		for (const slot of value) this.#slots.push(slot);
		return true;
	}

	/** All that was stored until format 2 stays. */
	#takeNodeSlots(value: unknown): boolean {
		if (!areCounts(value)) return false;
		for (const slot of value)
			this.#nodes.push({ number: this.#nodes.length, slot, liveBytes: SEGMENT_BYTES });
		return true;
	}

	#takeNodes(value: unknown): boolean {
		if (!Array.isArray(value)) return false;
		for (const row of value) {
			if (!Array.isArray(row) || row.length !== 3 || !areCounts(row) || row.some((each) => each < 0))
				return false;
			const [number = 0, slot = 0, liveBytes = 0] = row;
			this.#nodes.push({ number, slot, liveBytes });
		}
		return true;
	}

	#takeEnding(line: unknown, root: Root | undefined): boolean {
		if (!areNumbers({ line }, ["line"]) || root === undefined) return false;
		this.#ending.set(Number(line), root);
		return true;
	}

	#takeWalk(value: unknown, root: Root | undefined): boolean {
		if (root === undefined || root.isEmpty || !areNumbers(value, ["line", "death", "deathPlace", "next"]))
			return false;
		const {
			line,
			death,
			deathPlace,
			next,
			done = 0,
		} = value as Omit<Walk, "root" | "done"> & { done?: unknown };
		this.#walks.push({ line, death, deathPlace, next, done: Number(done) || 0, root });
		return true;
	}

	#takeVolume(value: unknown, root: Root | undefined): boolean {
		if (root === undefined || !areNumbers(value, ["line", "sizeBytes", "pageBytes", "createdUs"]))
			return false;
		if (!areTexts(value, ["name", "serial", "wwn"])) return false;
		const known = value as Volume;
		if (!isName(known.name) || !isPageSize(known.pageBytes) || !isVolumeSize(known.sizeBytes)) return false;
		// (Older ones say neither of these.)
		const { born = known.line, settings = {}, past, memo = "" } = known;
		if (this.#roots.has(known.line) || this.#names.has(known.name)) return false;
		this.#names.add(known.name);
		if (!isMemo(memo)) return false;
		if (!areVolumeSettings(settings) || (past !== undefined && !arePastLines(past))) return false;
		// (Each of thousands is added to it, none copied.)
		this.#snapshots = [];
		const volume = { ...known, born, settings, snapshots: this.#snapshots };
		this.#volumes.push(volume);
		this.#roots.set(volume.line, root);
		return true;
	}

	/** Of the volume before it. */
	#takeSnapshot(value: unknown, root: Root | undefined, ends: unknown): boolean {
		const volume = this.#volumes.at(-1);
		if (volume === undefined || root === undefined) return false;
		if (!areNumbers(value, ["line", "position", "timeUs", "sizeBytes"]) || !areTexts(value, ["name"]))
			return false;
		const known = value as Omit<Snapshot, "image">;
		if (!isName(known.name) || !isVolumeSize(known.sizeBytes)) return false;
		if (ends !== undefined && !areCounts(ends)) return false;
		const [end = 0, place = 0] = ends ?? [known.position];
		const key = `${known.line}@${known.position}`;
		const image = this.#images.get(key) ?? new Image(known, end, volume.pageBytes);
		image.root = root;
		image.place = place;
		this.#images.set(key, image);
		this.#snapshots.push({ ...known, image });
		return true;
	}
}

function areJumps(value: unknown): value is ClockJump[] {
	return Array.isArray(value) && value.every((each) => areNumbers(each, ["sinceUs", "untilUs"]));
}

function arePastLines(value: unknown): boolean {
	return Array.isArray(value) && value.every((each) => areNumbers(each, ["line", "fromUs", "end"]));
}

function areSettingsBySource(value: unknown): value is SettingsBySource {
	if (typeof value !== "object" || value === null) return false;
	return Object.entries(value).every(
		([by, settings]) => (by === "create" || by === "file") && arePoolSettings(settings),
	);
}

function areCounts(value: unknown): value is number[] {
	return Array.isArray(value) && value.every((each) => Number.isSafeInteger(each) && each >= -1);
}

function areTexts(value: unknown, names: readonly string[]): boolean {
	return names.every((name) => typeof (value as Record<string, unknown>)[name] === "string");
}

/** Undefined if it is none. */
function rootOf(value: unknown): Root | undefined {
	if (!Array.isArray(value) || value.length !== 1 + REF_WORDS) return undefined;
	if (!value.every((number) => Number.isInteger(number))) return undefined;
	const [level, ...words] = value as [number, ...number[]];
	return level >= 0 && level <= LEVELS_MAX ? new Root(Int32Array.from(words), 0, level) : undefined;
}
