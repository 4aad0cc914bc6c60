/**
 * Stores what a checkpoint has beside the nodes of its trees: text (`checkpoint-text.ts`), the table of segments, and who still wants what has
 * died. All of one moment: nothing of it changes while it is stored. Used by `checkpoints.ts`; read again by `checkpoint-read.ts`.
 */

import { NoSpaceError } from "../errors.js";
import { BlobWriter } from "./blob.js";
import type { BlobRef } from "./blob-ref.js";
import { type CheckpointState, checkpointLines } from "./checkpoint-text.js";
import type { Contents } from "./contents.js";
import type { Descent } from "./descent.js";
import type { PoolWorld } from "./folder.js";
import type { History } from "./history.js";
import { encodeLineage } from "./map/lineage-form.js";
import { hasRoomIn } from "./map/merging.js";
import type { Root } from "./map/ref.js";
import type { NodeLog } from "./node-log.js";
import { encodeNodeRow } from "./node-rows.js";
import type { Segments } from "./segments.js";
import { encodeGroup, encodeOpenRow } from "./space/table-form.js";

/** What is made in one turn, in bytes. */
const BYTES_PER_TURN = 128 * 1024;

/** One that was begun: what is known from the beginning. */
export interface Begun {
	readonly state: Pick<
		CheckpointState,
		"sequence" | "timeUs" | "start" | "nextLine" | "settingsBy" | "jumps" | "written" | "volumes"
	>;
	/** Its time by what had passed. */
	readonly agedUs: number | undefined;
	/** The log's end then. */
	readonly position: number;
	/** Lines without a volume: those that are not gone when all is merged have been deleted by the last record. */
	readonly lines: readonly number[];
}

export interface StoreOf {
	readonly world: PoolWorld;
	readonly segments: Segments;
	readonly nodes: NodeLog;
	readonly contents: Contents;
	readonly descent: Descent;
	readonly history: Pick<History, "stored" | "beganUs">;
}

export interface StoredBlob {
	readonly ref: BlobRef;
	/** What slots wait for, which were emptied before: see `Slots.settle`. */
	readonly slots: number;
}

/** When all is merged. Stable when the nodes are. Throws an OperatorError. */
export async function storeCheckpoint(of: StoreOf, begun: Begun): Promise<StoredBlob> {
	const { world, nodes, descent, segments } = of;
	await descent.settle(world.nextTurn);
	descent.isHeld = true;
	nodes.hold();
	const writer = new BlobWriter(nodes);
	const turns = new Turns(of);
	try {
		await turns.room();
		const slots = segments.slots.checkpoint();
		nodes.places.forgetStale(segments.table.rows.groups);
		for (const piece of piecesOf(of, begun)) {
			if (typeof piece.bytes === "string") writer.add(piece.bytes);
			else writer.addBytes(piece.part, piece.bytes);
			// (An empty one says that what took time has no bytes.)
			await turns.made(piece.bytes.length > 0 ? piece.bytes.length : BYTES_PER_TURN);
		}
		for (const [i, group] of segments.table.rows.groups.entries()) {
			let isWhole = true;
			const bytes = writer.addRow("groups", group, () => {
				const encoded = encodeGroup(segments.table, i, begun.state.start.segment);
				({ isWhole } = encoded);
				return encoded.bytes;
			});
			// (What is behind the checkpoint is in the next one.)
			if (!isWhole) group.isChanged = true;
			await turns.made(bytes);
		}
		for (const segment of nodes.places.all) {
			const bytes = writer.addRow("segments", segment, () => encodeNodeRow(segment));
			await turns.made(bytes);
		}
		return { ref: writer.finish(), slots };
	} catch (error) {
		writer.drop();
		throw error;
	} finally {
		nodes.letGo();
		descent.isHeld = false;
	}
}

/** Others have theirs while much is made, and it is written out meanwhile. */
class Turns {
	readonly #of: StoreOf;
	#made = 0;

	constructor(of: StoreOf) {
		this.#of = of;
	}

	/** So many bytes. Throws an OperatorError if there is no room for more. */
	async made(bytes: number): Promise<void> {
		this.#made += bytes;
		if (this.#made < BYTES_PER_TURN) return;
		this.#made = 0;
		const { nodes, world } = this.#of;
		if (nodes.waiting > 0) await nodes.writeOut();
		await world.nextTurn();
		await this.room();
	}

	/** What a turn makes has room. Throws an OperatorError. */
	async room(): Promise<void> {
		if (!(await hasRoomIn(this.#of.nodes)))
			throw new NoSpaceError("there is no space left for the pool's checkpoint");
	}
}

type Piece =
	| { readonly part: "text"; readonly bytes: string }
	| { readonly part: "table" | "pages" | "nodes"; readonly bytes: Uint8Array };

function* piecesOf(of: StoreOf, begun: Begun): Generator<Piece> {
	const { contents, descent, history, segments } = of;
	const { state, position } = begun;
	// (What those before it have is given back when they are named no more, and not while nodes are held: both are of one moment.)
	const { stored: earlier, beganUs } = history;
	const roots = new Map(contents.layers.roots);
	const ending = new Map<number, Root>();
	for (const line of begun.lines) {
		const root = roots.get(line);
		if (root !== undefined) ending.set(line, root);
	}
	const { floor, walks } = descent;
	for (const line of checkpointLines({ ...state, beganUs, earlier, roots, ending, walks, floor }))
		yield { part: "text", bytes: line };
	// (What of it has died by then was told of only now; what was born since is in the log.)
	yield { part: "table", bytes: encodeOpenRow(segments.table, state.start.segment, position) };
	for (const bytes of encodeLineage(descent.pages, descent.pagePoints.all)) yield { part: "pages", bytes };
	for (const bytes of encodeLineage(descent.nodes, descent.nodePoints.all)) yield { part: "nodes", bytes };
}
