/**
 * What a checkpoint says beside the nodes of its trees, as lines of text, each a JSON object: where in the log it is, which slots have what,
 * volumes and snapshots with the roots of their trees, and the checkpoints before it. Written by `checkpoints.ts`, read when a pool or a
 * moment is opened. Whoever wrote it, nothing in it is believed.
 */

import { invariant, OperatorError } from "../errors.js";
import { Image, type Snapshot, type Volume } from "./catalog.js";
import { areNumbers } from "./format.js";
import { type CheckpointRef, isCheckpointRef, isLogStart, type LogStart } from "./head.js";
import { LEVELS_MAX, REF_WORDS, Root } from "./map/ref.js";

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
	readonly volumes: readonly Volume[];
	/** By line: of all volumes. */
	readonly roots: ReadonlyMap<number, Root>;
	/** Of segments from the first one on; -1 for one that has none. */
	readonly slots: ArrayLike<number>;
	/** Of segments of nodes. */
	readonly nodeSlots: ArrayLike<number>;
	/** Checkpoints before this one, the oldest first. */
	readonly earlier: readonly CheckpointRef[];
}

/** Numbers in one line. */
const SLOTS_PER_LINE = 4096;

/** The lines, one by one. */
export function* checkpointLines(state: CheckpointState): Generator<string> {
	const { sequence, timeUs, beganUs, start, nextLine, volumes, roots } = state;
	yield JSON.stringify({ sequence, timeUs, beganUs, start, nextLine });
	for (const name of ["slots", "nodeSlots"] as const)
		for (let from = 0; from < state[name].length; from += SLOTS_PER_LINE)
			yield JSON.stringify({ [name]: Array.prototype.slice.call(state[name], from, from + SLOTS_PER_LINE) });
	for (const earlier of state.earlier) yield JSON.stringify({ earlier });
	for (const { snapshots, ...volume } of volumes) {
		const root = roots.get(volume.line);
		invariant(root !== undefined, "a volume has a root");
		yield JSON.stringify({ volume, root: numbersOf(root) });
		for (const { image, ...snapshot } of snapshots) {
			invariant(image.root !== null, "a snapshot that a checkpoint has is merged");
			yield JSON.stringify({ snapshot, root: numbersOf(image.root) });
		}
	}
}

function numbersOf({ level, ref }: Root): number[] {
	return [level, ...ref];
}

/** What the lines say. Throws an OperatorError that begins with `where` for what can't be understood. */
export function readCheckpoint(lines: readonly string[], where: string): CheckpointState {
	const reader = new Reader();
	const wrong = lines.find((line) => !reader.take(line));
	if (wrong === undefined && reader.base !== undefined) return reader.state(reader.base);
	throw new OperatorError(`${where}: the pool's checkpoint says what this version does not know`);
}

type Base = Pick<CheckpointState, "sequence" | "timeUs" | "beganUs" | "start" | "nextLine">;

class Reader {
	base: Base | undefined;
	readonly #volumes: { -readonly [Key in keyof Volume]: Volume[Key] }[] = [];
	readonly #roots = new Map<number, Root>();
	readonly #slots = { slots: [] as number[], nodeSlots: [] as number[] };
	readonly #earlier: CheckpointRef[] = [];
	/** What has several names is one. */
	readonly #images = new Map<string, Image>();

	state(base: Base): CheckpointState {
		const { slots, nodeSlots } = this.#slots;
		return { ...base, volumes: this.#volumes, roots: this.#roots, slots, nodeSlots, earlier: this.#earlier };
	}

	/** False if it is none of the lines that there are. */
	take(text: string): boolean {
		const line = parsed(text);
		if (line === undefined) return false;
		if ("slots" in line) return this.#takeSlots("slots", line.slots);
		if ("nodeSlots" in line) return this.#takeSlots("nodeSlots", line.nodeSlots);
		if ("volume" in line) return this.#takeVolume(line.volume, rootOf(line.root));
		if ("snapshot" in line) return this.#takeSnapshot(line.snapshot, rootOf(line.root));
		if ("earlier" in line) {
			if (isCheckpointRef(line.earlier)) this.#earlier.push(line.earlier);
			return isCheckpointRef(line.earlier);
		}
		const { sequence, timeUs, beganUs, start, nextLine } = line;
		if (!isLogStart(start) || !areNumbers(line, ["sequence", "timeUs", "beganUs", "nextLine"])) return false;
		this.base = {
			sequence: Number(sequence),
			timeUs: Number(timeUs),
			beganUs: Number(beganUs),
			start,
			nextLine: Number(nextLine),
		};
		return true;
	}

	#takeSlots(which: "slots" | "nodeSlots", value: unknown): boolean {
		if (!Array.isArray(value) || !value.every((slot) => Number.isSafeInteger(slot) && slot >= -1))
			return false;
		for (const slot of value) this.#slots[which].push(Number(slot));
		return true;
	}

	#takeVolume(value: unknown, root: Root | undefined): boolean {
		if (root === undefined || !areNumbers(value, ["line", "sizeBytes", "pageBytes", "createdUs"]))
			return false;
		if (!areTexts(value, ["name", "serial", "wwn"])) return false;
		const known = value as Volume;
		// (Older ones don't say which line it was born as.)
		const volume = { ...known, born: known.born ?? known.line, snapshots: [] };
		this.#volumes.push(volume);
		this.#roots.set(volume.line, root);
		return true;
	}

	/** Of the volume before it. */
	#takeSnapshot(value: unknown, root: Root | undefined): boolean {
		const volume = this.#volumes.at(-1);
		if (volume === undefined || root === undefined) return false;
		if (!areNumbers(value, ["line", "position", "timeUs", "sizeBytes"]) || !areTexts(value, ["name"]))
			return false;
		const known = value as Omit<Snapshot, "image">;
		const key = `${known.line}@${known.position}`;
		const image = this.#images.get(key) ?? new Image(known.line);
		image.root = root;
		this.#images.set(key, image);
		volume.snapshots = [...volume.snapshots, { ...known, image }];
		return true;
	}
}

function parsed(text: string): Record<string, unknown> | undefined {
	try {
		const value: unknown = JSON.parse(text);
		return typeof value === "object" && value !== null ? (value as Record<string, unknown>) : undefined;
	} catch {
		return undefined;
	}
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
