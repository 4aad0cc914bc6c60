/**
 * What a pool held at a moment of the past: its records up to there, taken in once more from the summaries. And the names that moments
 * and snapshots have. Used by `pool.ts`.
 */

import { OperatorError } from "../errors.js";
import { quote } from "../text.js";
import { type Memory, memoryOf } from "../wire/memory.js";
import { readText } from "./blob.js";
import type { Volume } from "./catalog.js";
import { checkpointIn } from "./checkpoint-text.js";
import type { Contents } from "./contents.js";
import type { PoolWorld } from "./folder.js";
import { SEGMENT_BYTES } from "./format.js";
import type { CheckpointRef } from "./head.js";
import type { Log } from "./log.js";
import { inTurns, TurnsOfSteps } from "./map/turns.js";
import type { NodeLog } from "./node-log.js";
import { readHeader } from "./record.js";
import { deliverPacked, stepsToTake } from "./replay-records.js";
import type { Segments } from "./segments.js";
import { readSummary, type Summary } from "./summary.js";

/** No volume's line: what is of the past has it, in a map of its own. */
export const PAST_LINE = 0;

/** What stands behind the `@` of a volume's name. */
export type At =
	| { readonly kind: "snapshot"; readonly name: string }
	| { readonly kind: "moment"; readonly timeUs: number };

const UNIT_SECONDS: Readonly<Record<string, number>> = { s: 1, m: 60, h: 3600, d: 86400 };
const COUNTED = /^-(\d+(?:\.\d+)?)([smhd])$/;
const ISO = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}(:\d{2}(\.\d{1,6})?)?(Z|[+-]\d{2}:\d{2})$/;

/** The volume of which something is named, with an `@` or without. */
export function volumeIn(text: string): string {
	const sign = text.indexOf("@");
	return sign < 0 ? text : text.slice(0, sign);
}

/** Whether it is one with an `@`: what a volume was. */
export function isOfPast(text: string): boolean {
	return volumeIn(text) !== text;
}

/** Whether what stands behind an `@` is a moment. */
export function isMoment(text: string): boolean {
	return COUNTED.test(text) || ISO.test(text);
}

/** Whether it is a snapshot, as `web@monday`, by its name alone. */
export function isOfSnapshot(text: string): boolean {
	return isOfPast(text) && !isMoment(text.slice(volumeIn(text).length + 1));
}

/** A volume's name, and what is behind an `@` in it. Throws an OperatorError. */
export function readVolumeName(text: string, nowUs: number): { name: string; at?: At } {
	const name = volumeIn(text);
	if (name === text) return { name };
	const what = text.slice(name.length + 1);
	const [, count, unit = ""] = COUNTED.exec(what) ?? [];
	if (count !== undefined) {
		const timeUs = Math.floor(nowUs - Number(count) * UNIT_SECONDS[unit]! * 1e6);
		return { name, at: momentAt(timeUs, what) };
	}
	if (!ISO.test(what)) return { name, at: { kind: "snapshot", name: what } };
	return { name, at: momentAt(timeOf(what), what) };
}

/** Throws an OperatorError if no clock has ever shown that: `Date` knows times that are written as `timeUs` only within limits. */
function momentAt(timeUs: number, what: string): At {
	if (Number.isNaN(timeUs)) throw new OperatorError(`moment ${quote(what)}: is not in the calendar`);
	if (timeUs < 0) throw new OperatorError(`moment ${quote(what)}: is before 1970`);
	return { kind: "moment", timeUs };
}

/** A name that goes on naming the same: of a snapshot it is what it was, else that of a moment. Throws an OperatorError. */
export function fixedName(text: string, nowUs: number): string {
	const { name, at = { kind: "moment", timeUs: nowUs } } = readVolumeName(text, nowUs);
	if (at.kind === "snapshot") return text;
	const whole = new Date(Math.floor(at.timeUs / 1e6) * 1000).toISOString().slice(0, 19);
	return `${name}@${whole}.${String(at.timeUs % 1e6).padStart(6, "0")}Z`;
}

/** In microseconds; `Date` knows milliseconds. */
function timeOf(iso: string): number {
	const digits = /\.(\d+)/.exec(iso)?.[1] ?? "";
	const whole = Date.parse(iso.replace(/\.\d+/, ""));
	return whole * 1000 + Number(digits.padEnd(6, "0").slice(0, 6));
}

/** What it takes to look into the past. */
export interface PastOf {
	readonly world: PoolWorld;
	readonly segments: Segments;
	readonly nodes: NodeLog;
	/** The last segment's summary is not on storage yet. */
	readonly summary: Summary;
	readonly log: Log;
	/** The last checkpoint before; undefined: the log is read from its beginning. */
	readonly ref: CheckpointRef | undefined;
	/** Contents of nothing, on the pool's nodes. */
	empty(): Contents;
}

/** What a pool held at a time: what the last checkpoint before has, and all records from there up to then. */
export async function contentsAt(past: PastOf, timeUs: number): Promise<Contents> {
	const { world, segments, nodes, summary, log, ref } = past;
	const contents = past.empty();
	let first = 0;
	if (ref !== undefined) {
		const lines = await readText(segments, world.allocate, nodes, ref);
		const state = await inTurns(checkpointIn(lines, world.folder.path), world.nextTurn);
		await inTurns(contents.restoring(state, ref.position), world.nextTurn);
		first = state.start.segment;
	}
	const memory = world.allocate(SEGMENT_BYTES);
	const turns = new TurnsOfSteps(world.nextTurn);
	for (let segment = first; segment < log.segment; segment++) {
		const header = await readSummary(segments, segment, memory);
		if (header === undefined)
			throw new OperatorError(`${world.folder.path}: the summary of segment ${segment} can't be read`);
		if (!(await take(memory, header.tailBytes, contents, timeUs, turns))) return contents;
	}
	// What comes meanwhile is later, and may be put into other memory.
	const bytes = summary.memory.bytes.slice(0, summary.bytes);
	await take(memoryOf(bytes, 0), bytes.length, contents, timeUs, turns);
	return contents;
}

/** False if it has come to a record that is later. */
async function take(
	{ bytes, view }: Memory,
	length: number,
	contents: Contents,
	timeUs: number,
	turns: TurnsOfSteps,
): Promise<boolean> {
	for (let at = 0; at < length; ) {
		const header = readHeader(bytes, view, at);
		if (header === undefined || header.timeUs > timeUs) return false;
		const end = deliverPacked(bytes, view, at, length, undefined, contents) ?? length;
		if (end === at) await contents.settle();
		else await turns.spend(stepsToTake(end - at));
		at = end;
	}
	return true;
}

/** Names of all snapshots of a volume but that one. */
export function snapshotsBut(volume: Volume, past: string): string[] {
	return volume.snapshots.map(({ name }) => name).filter((name) => `${volume.name}@${name}` !== past);
}
