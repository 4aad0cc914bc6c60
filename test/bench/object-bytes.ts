/**
 * How much a pool in an object store takes up there after snapshots and changes: on a virtual clock, with a store in memory, as bytes are the same everywhere.
 * Called by `object-run.ts`.
 */

import { setImmediate as nextTurn } from "node:timers/promises";
import { PromisedRequest } from "../../lib/block/device.js";
import { BlockOp } from "../../lib/block/request.js";
import { Objects } from "../../lib/object/objects.js";
import { Pool } from "../../lib/pool/pool.js";
import { Random } from "../../lib/random.js";
import { MemoryObjects } from "../../lib/testing/memory-objects.js";
import { VirtualClock } from "../../lib/testing/virtual-clock.js";
import { heapMemory } from "../../lib/wire/memory.js";
import { MemoryFolder, Stage, testWorld } from "../pool/memory-folder.js";
import { StoreStage } from "../pool/store/stage.js";
import type { Measuring } from "./object-stage.js";

const MIB = 2 ** 20;
const IMAGE_BYTES = 256 * MIB;
const PAGE_BYTES = 4096;
const PAGES = IMAGE_BYTES / PAGE_BYTES;
const SNAPSHOTS = 10;
const CHANGED = Math.floor(PAGES / 100);
const FLUSH_EVERY_S = 30;
const FLUSHES_PER_SNAPSHOT = 4;
const CLEANING_S = 1800;
const TURNS_PER_S = 30;

export async function measureBytes(on: Measuring): Promise<void> {
	const clock = new VirtualClock();
	const random = new Random(1);
	const backend = new MemoryObjects({ clock, random });
	const there = new StoreStage(backend);
	const pool = await Pool.create(
		testWorld(
			there.folder(new MemoryFolder(), { clock, store: new Objects(backend, { clock }), stable: "store" }),
		),
	);
	await pool.administration.create("web", IMAGE_BYTES, PAGE_BYTES);
	const stage = await Stage.of(pool, "web", "flush");
	const pass = async (seconds: number): Promise<void> => {
		for (let second = 0; second < seconds; second++) {
			clock.pass(1000);
			if (second % FLUSH_EVERY_S === 0) pool.age();
			for (let turn = 0; turn < TURNS_PER_S; turn++) await nextTurn();
		}
	};
	const request = async (op: BlockOp, page: number, pages: number): Promise<void> => {
		const memory = heapMemory(PAGE_BYTES * Math.max(1, pages));
		const words = new Uint32Array(memory.bytes.buffer, memory.bytes.byteOffset, memory.bytes.length / 4);
		for (let at = 0; at < words.length; at++) words[at] = random.below(2 ** 32);
		const promised = new PromisedRequest();
		Object.assign(promised.request, { op, offsetBytes: PAGE_BYTES * page, memory });
		promised.request.lengthBytes = PAGE_BYTES * pages;
		const running = promised.run(stage.device);
		const { status } = await Promise.race([running, pass(FLUSH_EVERY_S).then(() => running)]);
		if (status !== 0) throw new Error(`status ${status}`);
	};
	on.progress("bytes stored: the image");
	for (let page = 0; page < PAGES; page += 64) await request(BlockOp.write, page, 64);
	await request(BlockOp.flush, 0, 0);
	for (let snapshot = 0; snapshot < SNAPSHOTS; snapshot++) {
		on.progress(`bytes stored: snapshot ${snapshot + 1}`);
		await pool.administration.takeSnapshots([{ volume: "web", name: `s${snapshot}` }]);
		for (let flush = 0; flush < FLUSHES_PER_SNAPSHOT; flush++) {
			for (let i = 0; i < CHANGED / FLUSHES_PER_SNAPSHOT; i++)
				await request(BlockOp.write, random.below(PAGES), 1);
			await request(BlockOp.flush, 0, 0);
			await pass(FLUSH_EVERY_S);
		}
	}
	on.progress("bytes stored: cleaning");
	await pass(CLEANING_S);
	const stored = [...backend.objects.values()].reduce((sum, { length }) => sum + length, 0);
	const wanted = IMAGE_BYTES + SNAPSHOTS * CHANGED * PAGE_BYTES;
	on.add(
		"bytes",
		stored / wanted,
		`${Math.round(stored / MIB)} of ${Math.round(wanted / MIB)} MiB, ${backend.objects.size} objects`,
	);
}
