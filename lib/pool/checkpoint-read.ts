/**
 * Reads what a checkpoint has beside the nodes of its trees, as `checkpoint-store.ts` has stored it: the table of segments is filled, and it is known
 * again who wants what has died. Whoever wrote it, nothing in it is believed. Used when a pool is opened, and when one is examined.
 */

import { OperatorError } from "../errors.js";
import { type Blob, readBlob } from "./blob.js";
import { type CheckpointState, checkpointIn } from "./checkpoint-text.js";
import type { Descent } from "./descent.js";
import type { PoolWorld } from "./folder.js";
import { FILE_SLOTS, SEGMENT_BYTES, SEGMENT_SECTORS } from "./format.js";
import type { CheckpointRef } from "./head.js";
import { Living } from "./living.js";
import { isNode, isPage, lineageIn } from "./map/lineage-read.js";
import { inTurns, type Steps } from "./map/turns.js";
import { NodeLog } from "./node-log.js";
import { NodePlaces } from "./node-places.js";
import { decodeNodeRow } from "./node-rows.js";
import { NodeSegment } from "./node-segment.js";
import type { Segments } from "./segments.js";
import { RowState } from "./space/rows.js";
import { groupIn, rowsIn } from "./space/table-form.js";

export interface StoredSpace {
	readonly state: CheckpointState;
	readonly nodes: NodeLog;
	readonly living: Living;
}

/** Throws an OperatorError that names the file and place of what can't be had. */
export async function readSpace(
	{ allocate, mapSize, nextTurn }: PoolWorld,
	segments: Segments,
	ref: CheckpointRef,
): Promise<StoredSpace> {
	const blob = await readBlob(segments, allocate, ref);
	const where = segments.fileNameOf(ref.slot);
	const state = await inTurns(checkpointIn(blob.lines, where), nextTurn);
	if (!areInOrder([...state.earlier, ref]))
		throw new OperatorError(`${where}: what the pool's checkpoint says of those before it is damaged`);
	const places = await inTurns(placesIn(segments, state, blob, ref, where), nextTurn);
	const end = ref.place + ref.bytes;
	const nodes = new NodeLog(segments, allocate, places, end, { fillBytes: mapSize?.nodeFillBytes });
	const living = new Living({ segments, nodes, allocate, memoryPages: mapSize?.deadPages });
	try {
		await inTurns(restoringSpace({ segments, descent: living.descent }, state, blob, ref), nextTurn);
	} catch (error) {
		throw error instanceof OperatorError ? new OperatorError(`${where}: ${error.message}`) : error;
	}
	await inTurns(checkingFiles(segments), nextTurn);
	return { state, nodes, living };
}

const NONE_BEFORE = { sequence: 0, timeUs: 0, position: 0, place: 0, bytes: 0 };

/** One behind the other. */
function areInOrder(refs: readonly CheckpointRef[]): boolean {
	return refs.every((ref, i) => {
		const before = refs[i - 1] ?? NONE_BEFORE;
		const isLater = before.sequence <= ref.sequence && before.timeUs <= ref.timeUs;
		// (Windows begin where one ends, in the log and among the nodes.)
		return isLater && before.position <= ref.position && before.place + before.bytes <= ref.place;
	});
}

/** To take a row of a segment of nodes apart takes as long as so many steps, and as one for each so many bytes of it. */
const STEPS_PER_NODE_ROW = 8;
const BYTES_PER_STEP = 64;

/** Where nodes lie. What a checkpoint says itself is among them, too. Throws an OperatorError that begins with `where`. */
function* placesIn(
	segments: Segments,
	{ nodes }: CheckpointState,
	{ rows, pieces, ofLastOnly }: Blob,
	ref: CheckpointRef,
	where: string,
): Steps<NodePlaces> {
	const slotCount = segments.slots.limit;
	const stored = nodes.map(({ number, slot, liveBytes }) => new NodeSegment(number, slot, liveBytes));
	for (const row of rows?.segments ?? []) {
		const segment = decodeNodeRow(row.bytes, slotCount, where);
		segment.ref = row.ref;
		segment.isChanged = false;
		stored.push(segment);
		yield STEPS_PER_NODE_ROW + row.bytes.length / BYTES_PER_STEP;
	}
	const places = new NodePlaces(segments.slots);
	for (const segment of stored) {
		if (!segments.hasFile(segment.slot))
			throw new OperatorError(
				`${segments.fileNameOf(segment.slot)}: the map is here, but there is no such file`,
			);
		// (Of a row that comes twice the accounts would be wrong.)
		if (places.of(segment.number) === undefined) places.add(segment);
		yield;
	}
	for (const { place, bytes, slot } of [...pieces, ref]) {
		const number = Math.floor(place / SEGMENT_BYTES);
		if (places.of(number) === undefined)
			places.add(new NodeSegment(number, slot, rows === undefined ? 0 : undefined));
		places.took(place, bytes);
		yield;
	}
	places.stale = [...ofLastOnly];
	return places;
}

/** Throws an OperatorError if a segment lies in a file that is not there. */
function* checkingFiles(segments: Segments): Steps {
	const { rows } = segments.table;
	for (let row = rows.next(0); row >= 0; row = rows.next(row + 1)) {
		yield;
		const slots = [rows.slots[row]!, rows.states[row] === RowState.moved ? rows.nextSlots[row]! : 0];
		const missing = slots.find((slot) => !segments.hasFile(slot));
		if (missing === undefined) continue;
		const byte = (missing % FILE_SLOTS) * SEGMENT_BYTES;
		throw new OperatorError(
			`${segments.fileNameOf(missing)}, byte ${byte}: the log is here, but there is no such file`,
		);
	}
}

/** What a checkpoint's text goes with: the table is filled, and the descent restored. Throws an OperatorError. */
function* restoringSpace(
	{ segments, descent }: { segments: Segments; descent: Descent },
	state: CheckpointState,
	blob: Blob,
	ref: CheckpointRef,
): Steps {
	const { table, slots } = segments;
	for (const [i, group] of (blob.rows?.groups ?? []).entries()) yield* groupIn(table, i, group, slots.limit);
	table.rows.endGroups();
	const { floor } = state;
	if (floor === undefined) yield* restoringOld(segments, descent, state, ref);
	else {
		yield* rowsIn(table, blob.bytesOf("table"), slots.limit);
		const [pagesEnd, nodesEnd] = [ref.position + 1, ref.place + ref.bytes];
		const pages = yield* lineageIn(blob.bytesOf("pages"), descent.pageSink, isPage, pagesEnd);
		const nodes = yield* lineageIn(blob.bytesOf("nodes"), descent.nodeSink, isNode, nodesEnd);
		for (const { lineage } of [pages, nodes])
			for (const { number } of lineage.lines) {
				check(number < state.nextLine);
				yield;
			}
		yield* descent.restoring({ pages, nodes, walks: state.walks, floor });
		yield* restoringKept(descent, state);
		yield* restoringPast(descent, state);
		yield* restoringGone(descent, state);
	}
	for (const { line } of [...state.volumes, ...state.walks]) {
		// (One that ends would be gone when something dies on it.)
		for (const lineage of [descent.pages, descent.nodes]) check(lineage.line(line)?.isEnding === false);
		yield;
	}
}

function check(condition: boolean): asserts condition {
	if (!condition) throw new OperatorError("the pool's checkpoint does not know whose its pages are");
}

/** Points are those of snapshots, or were somebody's who has gone. */
function* restoringKept(descent: Descent, { volumes }: CheckpointState): Steps {
	const { pagePoints, nodePoints } = descent;
	for (const { snapshots } of volumes)
		for (const snapshot of snapshots) {
			const { end, place } = snapshot.image;
			check(pagePoints.has(snapshot.line, end) && nodePoints.has(snapshot.line, place));
			descent.keeps(snapshot, end, snapshot.image);
			yield;
		}
	yield* pagePoints.givingUpOthers();
	yield* nodePoints.givingUpOthers();
}

/** Lines of which moments are offered, by volumes that go by others. */
function* restoringPast(descent: Descent, { volumes }: CheckpointState): Steps {
	for (const { past = [] } of volumes) {
		yield;
		for (const { line } of past) {
			if (descent.pages.hasLine(line)) descent.ends.linger(line);
			yield;
		}
	}
}

/** Lines that have no root any more end when what they had was walked. */
function* restoringGone(descent: Descent, { roots, ending }: CheckpointState): Steps {
	for (const { number } of descent.pages.lines) {
		if (!roots.has(number) && !ending.has(number)) descent.isGone(number);
		yield;
	}
}

/** Until format 2 nothing was said of what lives: all that there is does, for ever. */
function* restoringOld(
	segments: Segments,
	descent: Descent,
	{ slots, start, volumes }: CheckpointState,
	{ position, place, bytes }: CheckpointRef,
): Steps {
	const { table } = segments;
	for (const [segment, slot] of slots.entries()) {
		if (slot < 0) continue;
		table.begin(segment, slot);
		table.born(segment * SEGMENT_SECTORS, SEGMENT_SECTORS);
		table.seal(segment, 0);
		yield;
	}
	const begin = start.segment * SEGMENT_SECTORS;
	table.begin(start.segment, start.slot);
	if (position > begin) table.born(begin, position - begin);
	descent.floor = { position, place: place + bytes };
	const lines = new Set(volumes.map(({ line }) => line));
	for (const { snapshots } of volumes) for (const { line } of snapshots) lines.add(line);
	for (const line of lines) descent.begins(line);
	for (const { snapshots } of volumes)
		for (const snapshot of snapshots) {
			descent.keeps(snapshot, snapshot.image.end);
			snapshot.image.place = descent.merged(snapshot, snapshot.image.sectors);
			yield;
		}
	for (const line of lines) if (!volumes.some((volume) => volume.line === line)) descent.isGone(line);
}
