// What a checkpoint writes beside the map: of a pool of 1 TiB little, when little has changed. Counted in bytes.

import t from "tap";
import { readBlob } from "../../lib/pool/blob.js";
import { type Begun, type StoreOf, storeCheckpoint } from "../../lib/pool/checkpoint-store.js";
import { DeadLists } from "../../lib/pool/dead-lists.js";
import { Descent } from "../../lib/pool/descent.js";
import { FILE_SLOTS, SEGMENT_BYTES, SEGMENT_SECTORS } from "../../lib/pool/format.js";
import { atOnce } from "../../lib/pool/map/turns.js";
import { NodeLog } from "../../lib/pool/node-log.js";
import { Segments } from "../../lib/pool/segments.js";
import { Slots } from "../../lib/pool/space/slots.js";
import { SegmentTable } from "../../lib/pool/space/table.js";
import { encodeRow, groupIn } from "../../lib/pool/space/table-form.js";
import { heapMemory } from "../../lib/wire/memory.js";
import { MemoryFolder, testWorld } from "./memory-folder.js";

/** 1 TiB, and files for nodes before. */
const SEGMENTS = 2 ** 40 / SEGMENT_BYTES;
const FILES = 2;

interface Terabyte {
	readonly of: StoreOf;
	readonly begun: Begun;
}

/** A log of which all lives; the segment behind it is being filled. */
async function terabyte(): Promise<Terabyte> {
	const world = testWorld(new MemoryFolder());
	const segments = new Segments(world.folder);
	for (let file = 0; file < FILES; file++) await segments.grow();
	const { table } = segments;
	for (let segment = 0; segment <= SEGMENTS; segment++) {
		table.begin(segment, FILES * FILE_SLOTS + segment);
		table.born(segment * SEGMENT_SECTORS, 512);
		if (segment < SEGMENTS) table.seal(segment, 0);
	}
	const nodes = new NodeLog(segments, heapMemory);
	const space = { free: () => {}, freeNode: () => {}, freePart: () => {}, gap: () => nodes.gap() };
	const descent = new Descent(space, new DeadLists({ segments, nodes, allocate: heapMemory }));
	const contents = { layers: { roots: new Map() } } as unknown as StoreOf["contents"];
	const start = { segment: SEGMENTS, slot: 0, sequence: 0, crc: 0, timeUs: 0 };
	const state = { sequence: 1, timeUs: 1, start, nextLine: 1, settingsBy: undefined, volumes: [] };
	return {
		of: { world, segments, nodes, contents, descent, history: { stored: [], beganUs: 0 } },
		begun: { state, agedUs: undefined, position: SEGMENTS * SEGMENT_SECTORS, lines: [] },
	};
}

t.test(
	"of a pool of 1 TiB a checkpoint stores what has changed of the table, and all of it is read",
	async (t) => {
		const { of, begun } = await terabyte();
		const { nodes, segments } = of;
		const written = async (): Promise<number> => {
			const before = nodes.end;
			await storeCheckpoint(of, begun);
			return nodes.end - before;
		};
		const first = await written();
		t.ok(first > 280 * SEGMENTS, `${first} bytes at first`);
		segments.table.free(70_000 * SEGMENT_SECTORS, 8);
		const one = await written();
		t.ok(one < 512 * 1024, `${one} bytes for a page that has died`);
		const none = await written();
		t.ok(none < one, `${none} bytes for nothing`);
		// (What was stored anew is not wanted where it was.)
		t.ok(nodes.liveBytes < first + one, `${nodes.liveBytes} bytes live`);
		segments.table.free(100_000 * SEGMENT_SECTORS, 512);
		const { ref } = await storeCheckpoint(of, begun);
		await nodes.flush();
		const { rows } = await readBlob(segments, heapMemory, ref);
		const again = new SegmentTable(new Slots());
		for (const [i, group] of rows!.groups.entries())
			atOnce(groupIn(again, i, group, SEGMENTS + FILES * FILE_SLOTS + 1));
		again.rows.endGroups();
		t.equal(again.rows.size, SEGMENTS - 1, "all but one that is gone and the one that is being filled");
		for (let segment = 0; segment < SEGMENTS; segment += 10_000)
			if (segment !== 100_000) t.same(encodeRow(again, segment), encodeRow(segments.table, segment));
		again.begin(SEGMENTS, 1);
		t.equal(again.rows.end, rows!.groups.length * 256, "a row that is free is used again");
	},
);
