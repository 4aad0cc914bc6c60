/**
 * Opens a pool: what its last checkpoint has, and then what the log has behind that; makes the parts that a pool is of. Called by `pool.ts`,
 * whose methods have them work together.
 */

import { crc32c } from "../crc32c.js";
import { OperatorError } from "../errors.js";
import { readBlob } from "./blob.js";
import { type CheckpointState, readCheckpoint } from "./checkpoint-text.js";
import { Contents } from "./contents.js";
import type { PoolWorld } from "./folder.js";
import { SEGMENT_BYTES, SEGMENT_SECTORS } from "./format.js";
import type { CheckpointRef, Head } from "./head.js";
import { Log } from "./log.js";
import type { LeftSink } from "./map/dead.js";
import { MapLayers } from "./map/layers.js";
import { LEAF } from "./map/leaf.js";
import { NODE } from "./map/node.js";
import { OVERLAY_MAX } from "./map/overlay.js";
import { TREE_MEMORY_BYTES, Tree } from "./map/tree.js";
import { NodeLog } from "./node-log.js";
import { Replay } from "./replay.js";
import { Segments } from "./segments.js";
import { Summary } from "./summary.js";

export interface PoolParts {
	readonly world: PoolWorld;
	readonly head: Head;
	readonly segments: Segments;
	readonly nodes: NodeLog;
	readonly tree: Tree;
	readonly contents: Contents;
	/** Of the last segment. */
	readonly summary: Summary;
	readonly log: Log;
	/** Checkpoints that can be read, the oldest first. */
	readonly kept: readonly CheckpointRef[];
	/** From when on it knows what there was. */
	readonly beganUs: number;
}

const NODE_BYTES_MAX = Math.max(NODE.storedBytesMax, LEAF.storedBytesMax);
const MAP_SIZE = { entries: OVERLAY_MAX, nodeBytes: TREE_MEMORY_BYTES } as const;

/** Nothing that has died is given back yet. */
const NOBODY: LeftSink = { died: () => {}, nodeDied: () => {}, subtreeDied: () => {} };

/** Throws an OperatorError, when all that was opened is closed again but the head. */
export async function openParts(world: PoolWorld, head: Head): Promise<PoolParts> {
	const segments = new Segments(world.folder, head.state.filled);
	try {
		await segments.openAll();
		const stored = await readStored(world, segments, head);
		const nodes = new NodeLog(segments, world.allocate, NODE_BYTES_MAX, stored.nodeSlots, stored.end);
		const { nodeBytes } = world.mapSize ?? MAP_SIZE;
		const tree = new Tree(nodes, (bytes, from, to) => crc32c(bytes, from, to), nodeBytes);
		const contents = emptyContents(world, nodes, tree);
		const { kept, state } = stored;
		if (state !== undefined) contents.restore(state);
		const beganUs = state?.beganUs ?? head.state.start.timeUs;
		return await readLog({ world, head, segments, nodes, tree, contents, kept, beganUs });
	} catch (error) {
		await segments.close();
		throw error;
	}
}

/** Of nothing, on the pool's nodes. */
export function emptyContents(world: PoolWorld, nodes: NodeLog, tree: Tree): Contents {
	const { entries } = world.mapSize ?? MAP_SIZE;
	return new Contents(new MapLayers(tree, entries, world.chance() | 0, NOBODY), nodes, world.nextTurn);
}

/** What the last checkpoint has; nothing, in a pool that has none. */
interface Stored {
	readonly state?: CheckpointState;
	readonly nodeSlots: readonly number[];
	/** The place behind all that it has. */
	readonly end: number;
	readonly kept: readonly CheckpointRef[];
}

async function readStored(world: PoolWorld, segments: Segments, head: Head): Promise<Stored> {
	const { checkpoint } = head.state;
	if (checkpoint === undefined) return { nodeSlots: [], end: 0, kept: [] };
	const { lines, pieces } = await readBlob(segments, world.allocate, checkpoint);
	const state = readCheckpoint(lines, segments.fileNameOf(checkpoint.slot));
	for (let segment = 0; segment < state.slots.length; segment++) {
		const slot = state.slots[segment]!;
		if (slot < 0) continue;
		segments.place(segment, slot);
		if (segments.hasFile(slot)) continue;
		const place = segments.nameOf(segment * SEGMENT_SECTORS);
		throw new OperatorError(`${place}: the log is here, but there is no such file`);
	}
	// What it says itself lies in segments of nodes, too, and the next nodes come behind it.
	const nodeSlots = Array.from(state.nodeSlots);
	for (const { place, slot } of [...pieces, checkpoint]) nodeSlots[Math.floor(place / SEGMENT_BYTES)] = slot;
	for (const slot of nodeSlots)
		if (!segments.hasFile(slot))
			throw new OperatorError(`${segments.fileNameOf(slot)}: the map is here, but there is no such file`);
	const kept = [...state.earlier, checkpoint];
	return { state, nodeSlots, end: checkpoint.place + checkpoint.bytes, kept };
}

/** Finds out where the log ends, and begins another incarnation there. */
async function readLog(parts: Omit<PoolParts, "summary" | "log">): Promise<PoolParts> {
	const { world, head, segments, contents } = parts;
	const { state } = head;
	const summary = new Summary(world.allocate);
	// (Where the file was there once and is not, its absence is damage.)
	if (state.incarnation === 0) await segments.fileOf(state.start.slot);
	const end = await new Replay(world, segments, state, contents).run(summary);
	// What was read may be in memory alone.
	await segments.sync(state.start.segment, Math.floor(end.position / SEGMENT_SECTORS));
	// From now on nothing that was left behind the end can follow what is appended. Both copies say so: either may have to open it.
	const incarnation = state.incarnation + 1;
	await head.write({ incarnation, stable: end.sequence });
	await head.write({});
	const log = new Log(world, segments, contents, summary, { ...end, incarnation });
	return { ...parts, summary, log };
}
