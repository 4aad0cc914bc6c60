/**
 * Opens a pool: what its last checkpoint has, and then what the log has behind that; makes the parts that a pool is of. Called by `pool.ts`,
 * whose methods have them work together.
 */

import { BlockOp } from "../block/request.js";
import { crc32c } from "../crc32c.js";
import { OperatorError } from "../errors.js";
import type { Memory } from "../wire/memory.js";
import { readSpace } from "./checkpoint-read.js";
import { Contents } from "./contents.js";
import type { PoolWorld } from "./folder.js";
import { BLOCK_BYTES, BLOCK_SECTORS, roundUp, SEGMENT_SECTORS } from "./format.js";
import { Fullness } from "./full.js";
import type { CheckpointRef, Head } from "./head.js";
import type { Life } from "./life.js";
import { Living, NO_LIFE } from "./living.js";
import { Log } from "./log.js";
import type { LeftSink } from "./map/dead.js";
import { MapLayers } from "./map/layers.js";
import type { NodeOutlet } from "./map/merging.js";
import { OVERLAY_MAX } from "./map/overlay.js";
import { TREE_MEMORY_BYTES, Tree } from "./map/tree.js";
import { inTurns } from "./map/turns.js";
import type { MomentNodes } from "./moment-nodes.js";
import { NodeLog } from "./node-log.js";
import { makeFirst } from "./preallocate.js";
import { Replay } from "./replay.js";
import { run } from "./run.js";
import { Segments } from "./segments.js";
import { Summary } from "./summary.js";
import { Unstored } from "./unstored.js";

export interface PoolParts {
	readonly world: PoolWorld;
	readonly head: Head;
	readonly segments: Segments;
	readonly nodes: NodeLog;
	readonly tree: Tree;
	readonly contents: Contents;
	readonly living: Living;
	/** Of the last segment. */
	readonly summary: Summary;
	readonly log: Log;
	readonly unstored: Unstored;
	readonly full: Fullness;
	/** Checkpoints that can be read, the oldest first. */
	readonly kept: readonly CheckpointRef[];
	/** From when on it knows what there was. */
	readonly beganUs: number;
}

const MAP_SIZE = { entries: OVERLAY_MAX, nodeBytes: TREE_MEMORY_BYTES } as const;

/** What dies for who looks at what was, does not. */
const NOBODY: LeftSink = { died: () => {}, nodeDied: () => {}, subtreeDied: () => {} };

/** Throws an OperatorError, when all that was opened is closed again, the head too. */
export async function openParts(world: PoolWorld, head: Head): Promise<PoolParts> {
	const segments = new Segments(world.folder, head.state);
	world.folder.begun?.((above) => head.again(above));
	try {
		await segments.openAll({ nextTurn: world.nextTurn, openedFirst: world.openedFirst });
		const stored = await readStored(world, segments, head);
		return await readLog({ world, head, segments, ...stored });
	} catch (error) {
		await closeFiles(segments, head);
		throw error;
	}
}

/** Nobody has any of it any more. */
export function closeParts({ log, segments, head }: PoolParts): Promise<void> {
	log.close();
	return closeFiles(segments, head);
}

/** The head at last: who can lock that has the pool. */
async function closeFiles(segments: Segments, { device }: Head): Promise<void> {
	try {
		await segments.close();
	} finally {
		await device.close();
	}
}

/** Of nothing, for a moment. */
export function momentContents({ world, tree }: PoolParts, nodes: MomentNodes): Contents {
	return emptyContents(world, nodes, tree.writingTo(nodes));
}

/** Of nothing, on the pool's nodes. */
function emptyContents(world: PoolWorld, nodes: NodeOutlet, tree: Tree, living?: Living): Contents {
	const { entries } = world.mapSize ?? MAP_SIZE;
	const seed = world.chance() | 0;
	const descent = living?.descent;
	const layers = new MapLayers(tree, entries, seed, descent ?? NOBODY, descent?.written);
	layers.whenGone = (line) => descent?.isGone(line);
	const life: Life = living ?? NO_LIFE;
	return new Contents(layers, nodes, world.nextTurn, life);
}

type Stored = Pick<PoolParts, "nodes" | "tree" | "contents" | "living" | "kept" | "beganUs">;

/** What the last checkpoint has; nothing, in a pool that has none. */
async function readStored(world: PoolWorld, segments: Segments, head: Head): Promise<Stored> {
	const { checkpoint, start } = head.state;
	if (checkpoint === undefined) {
		const { allocate, mapSize } = world;
		const size = { fillBytes: mapSize?.nodeFillBytes };
		const nodes = new NodeLog(segments, allocate, undefined, undefined, size);
		const living = new Living({ segments, nodes, allocate, memoryPages: mapSize?.deadPages });
		return { ...partsOn(world, nodes, living), kept: [], beganUs: start.timeUs };
	}
	const { state, nodes, living } = await readSpace(world, segments, checkpoint);
	const parts = partsOn(world, nodes, living);
	await inTurns(parts.contents.restoring(state, checkpoint.position), world.nextTurn);
	return { ...parts, kept: [...state.earlier, checkpoint], beganUs: state.beganUs };
}

function partsOn(world: PoolWorld, nodes: NodeLog, living: Living) {
	const { nodeBytes } = world.mapSize ?? MAP_SIZE;
	const tree = new Tree(nodes, (bytes, from, to) => crc32c(bytes, from, to), nodeBytes);
	return { nodes, tree, living, contents: emptyContents(world, nodes, tree, living) };
}

/** Finds out where the log ends, and begins another incarnation there. */
async function readLog(parts: Omit<PoolParts, "summary" | "log" | "unstored" | "full">): Promise<PoolParts> {
	const { world, head, segments, contents } = parts;
	const { state } = head;
	const summary = new Summary(world.allocate);
	// (Where the file was there once and is not, its absence is damage.)
	if (state.incarnation === 0) await makeFirst(segments, world);
	const end = await new Replay(world, segments, state, contents).run(summary);
	if (end.position < (state.checkpoint?.position ?? 0))
		throw new OperatorError(
			`${segments.nameOf(end.position)}: the log ends here, before what the pool's checkpoint has of it`,
		);
	segments.known.withdrawUnfilled();
	await forgetSummary(segments, end.position, world.allocate(BLOCK_BYTES));
	// What was read may be in memory alone.
	await segments.sync(state.start.segment, Math.floor(end.position / SEGMENT_SECTORS));
	segments.slots.tellFree();
	// From now on nothing that was left behind the end can follow what is appended. Both copies say so: either may have to open it.
	const incarnation = head.state.incarnation + 1;
	await head.write({ ...segments.known.now, incarnation, stable: end.sequence });
	await head.write({});
	const log = new Log(world, segments, contents, summary, { ...end, incarnation });
	const unstored = new Unstored(log);
	const { elapsed } = world;
	const full = new Fullness({ log, unstored, slots: segments.slots, segments, elapsed });
	return { ...parts, summary, log, unstored, full };
}

/** One that was stable before what it says was: of the segment that is filled from `position` on, so that nobody believes it afterwards. */
async function forgetSummary(segments: Segments, position: number, zeros: Memory): Promise<void> {
	const last = roundUp(position + 1, SEGMENT_SECTORS) - BLOCK_SECTORS;
	const device = segments.deviceOf(last);
	await run(
		device,
		BlockOp.write,
		segments.offsetBytes,
		BLOCK_BYTES,
		zeros,
		segments.fileNameOf(segments.slot),
	);
}
