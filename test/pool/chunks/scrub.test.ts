// Labels and heads of a pool's disks that have two copies each: one that is wrong, or can't be read, is put right by a scrub, and when the pool is opened.
import t, { type Test } from "tap";
import type { BlockDevice } from "../../../lib/block/device.js";
import { DeviceLayer } from "../../../lib/block/layer.js";
import { MemoryDevice } from "../../../lib/block/memory.js";
import { BlockOp, type BlockRequest } from "../../../lib/block/request.js";
import { StorageStatus } from "../../../lib/errors.js";
import { HEAD_AT, LABEL_AT } from "../../../lib/pool/chunks/label.js";
import { HEAD_FILE_BYTES } from "../../../lib/pool/head.js";
import { Pool } from "../../../lib/pool/pool.js";
import { run } from "../../../lib/pool/run.js";
import type { PoolTold } from "../../../lib/pool/told.js";
import { heapMemory, memoryOf } from "../../../lib/wire/memory.js";
import { Stage, show } from "../memory-folder.js";
import { TwoCopies } from "../two-copies.js";
import { sizeFor, TestDisks } from "./disks.js";

/** Reads fail where it is bad, until that is written to. */
class Bad extends DeviceLayer {
	readonly places = new Set<number>();

	protected handle(request: BlockRequest): void {
		const { op, offsetBytes, lengthBytes } = request;
		for (const place of this.places) {
			if (place < offsetBytes || place >= offsetBytes + lengthBytes) continue;
			if (op === BlockOp.write) this.places.delete(place);
			if (op !== BlockOp.read) continue;
			request.complete(StorageStatus.mediumError);
			return;
		}
		this.device.submit(request);
	}

	below(request: BlockRequest): void {
		request.resume();
	}
}

const PLACES: readonly (readonly [at: number, length: number])[] = [
	...LABEL_AT.map((at) => [at, 4096] as const),
	[HEAD_AT, HEAD_FILE_BYTES],
];

class Copies {
	readonly disks = TestDisks.of({ a: 1, b: 1 });
	readonly others = new Map<string, Bad>();
	readonly first = new Map<string, BlockDevice>();

	constructor() {
		this.disks.wrap = (device, name) => {
			const other = this.others.get(name) ?? new Bad(new MemoryDevice(sizeFor(1)));
			this.others.set(name, other);
			this.first.set(name, device);
			return new TwoCopies(device, other);
		};
	}

	async spoil(copies: ReadonlyMap<string, BlockDevice>): Promise<void> {
		for (const device of copies.values())
			for (const [at, length] of PLACES)
				await run(device, BlockOp.write, at, length, memoryOf(new Uint8Array(length).fill(0xee), 0), "");
	}

	async same(t: Test): Promise<void> {
		for (const name of ["a", "b"])
			for (const [at, length] of PLACES) {
				const [one, other] = await Promise.all(
					[this.first, this.others].map(async (copies) => {
						const memory = heapMemory(length);
						await run(copies.get(name)!, BlockOp.read, at, length, memory, name);
						return memory.bytes;
					}),
				);
				t.strictSame(one, other, `${name}, byte ${at}`);
				t.notOk(one!.every((byte) => byte === 0xee));
			}
	}
}

async function used(copies: Copies): Promise<{ pool: Pool; stage: Stage; told: PoolTold[] }> {
	const pool = await Pool.create(copies.disks.world(1));
	await pool.administration.create("web", 64 * 2 ** 20, 4096);
	const stage = await Stage.of(pool);
	await stage.write(3, 7);
	const told: PoolTold[] = [];
	pool.tell = (each) => void told.push(each);
	return { pool, stage, told };
}

for (const which of ["other", "first"] as const)
	t.test(`the ${which} copy of each is wrong, and the pool is open`, async (t) => {
		const copies = new Copies();
		const { pool, stage, told } = await used(copies);
		await pool.readings.scrub.step(0);
		pool.age();
		t.strictSame(told, []);
		await copies.spoil(which === "other" ? copies.others : copies.first);
		await pool.readings.scrub.step(0);
		await copies.same(t);
		pool.age();
		for (const name of ["a", "b"])
			for (const what of ["a label", "the head"])
				t.ok(told.some(({ message }) => message.startsWith(`disk ${name}, byte`) && message.includes(what)));
		await stage.close();
		const again = await Pool.open(copies.disks.world(2));
		t.strictSame(await show(again, "web", 3), [7]);
		await again.close();
	});

t.test("a head that is wrong in all copies of a disk is that of the others again", async (t) => {
	const copies = new Copies();
	const { pool, stage } = await used(copies);
	const wrong = memoryOf(new Uint8Array(HEAD_FILE_BYTES).fill(0xee), 0);
	for (const device of [copies.first.get("a")!, copies.others.get("a")!])
		await run(device, BlockOp.write, HEAD_AT, HEAD_FILE_BYTES, wrong, "");
	await pool.readings.scrub.step(0);
	await copies.same(t);
	await stage.close();
});

t.test("one copy of each can't be read: the pool is opened, and it is written again", async (t) => {
	const copies = new Copies();
	await (await used(copies)).stage.close();
	for (const bad of copies.others.values()) for (const [at] of PLACES) bad.places.add(at);
	const pool = await Pool.open(copies.disks.world(2));
	t.strictSame(await show(pool, "web", 3), [7]);
	for (const bad of copies.others.values()) t.strictSame([...bad.places], []);
	await copies.same(t);
	await pool.close();
});

t.test("what can't be read in any copy keeps the pool from being opened, with its disk", async (t) => {
	const copies = new Copies();
	await (await used(copies)).stage.close();
	const { wrap } = copies.disks;
	copies.disks.wrap = (device, name) => {
		const bad = new Bad(wrap(device, name));
		if (name === "b") bad.places.add(LABEL_AT[0]);
		return bad;
	};
	await t.rejects(Pool.open(copies.disks.world(2)), { message: /^disk b: byte 0: / });
});
