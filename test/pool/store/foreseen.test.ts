// What a host reads beforehand of a pool that it waits for: it is not read again, and what is right in the store is never replaced by it.

import t from "tap";
import { Objects } from "../../../lib/object/objects.js";
import type { ByteRange, ReadCall } from "../../../lib/object/store.js";
import { ForeseenObjects } from "../../../lib/pool/store/foreseen.js";
import { objectName } from "../../../lib/pool/store/layout.js";
import { asJson, EMPTY_IMAGE } from "../../../lib/pool/store/stored-image.js";
import { Random } from "../../../lib/random.js";
import { MemoryObjects } from "../../../lib/testing/memory-objects.js";
import { VirtualClock } from "../../../lib/testing/virtual-clock.js";

const POOL = "ab".repeat(16);
const OBJECT_BYTES = 1000;
const TABLE_BYTES = 100;

/** A store with so many objects behind each other, and what is read of it. */
class Counted extends Objects {
	reads: string[] = [];

	override get(name: string, range?: ByteRange, call?: ReadCall): Promise<Buffer> {
		this.reads.push(`${name.slice(-2)}${range === undefined ? "" : ` ${range.offset}+${range.length}`}`);
		return super.get(name, range, call);
	}

	taken(): string[] {
		const { reads } = this;
		this.reads = [];
		return reads;
	}
}

const nameOf = (number: number): string => objectName(POOL, 1, number);

function imageOf(count: number) {
	const tail = [{ epoch: 1, first: 1, tables: Array.from({ length: count }, () => TABLE_BYTES) }];
	return { pool: POOL, image: asJson({ ...EMPTY_IMAGE, next: count + 1, tail }) };
}

async function storeOf(count: number, bytesMax?: number) {
	const clock = new VirtualClock();
	const objects = new MemoryObjects({ clock, random: new Random(1) });
	const store = new Counted(objects, { clock });
	for (let number = 1; number <= count; number++)
		await clock.until(store.put(nameOf(number), Buffer.alloc(OBJECT_BYTES, number)));
	return { clock, store, foreseen: new ForeseenObjects(store, clock, bytesMax) };
}

t.test(
	"tables of all objects and the newest of them as a whole are read once, and those that come",
	async (t) => {
		const { clock, store, foreseen } = await storeOf(12);
		await clock.until(foreseen.look(imageOf(10)));
		t.same(
			store.taken().sort(),
			[`01 0+${TABLE_BYTES}`, `02 0+${TABLE_BYTES}`, "03", "04", "05", "06", "07", "08", "09", "10"].sort(),
		);
		await clock.until(foreseen.look(imageOf(12)));
		t.same(store.taken(), ["11", "12"]);
		for (let number = 1; number <= 12; number++) {
			const table = await clock.until(foreseen.get(nameOf(number), { offset: 0, length: TABLE_BYTES }));
			t.ok(table.equals(Buffer.alloc(TABLE_BYTES, number)));
		}
		const part = await clock.until(foreseen.get(nameOf(12), { offset: 500, length: 500 }));
		t.ok(part.equals(Buffer.alloc(500, 12)));
		t.equal((await clock.until(foreseen.get(nameOf(5)))).length, OBJECT_BYTES);
		t.same(store.taken(), [], "nothing of that is read again");

		await clock.until(foreseen.get(nameOf(1), { offset: 50, length: TABLE_BYTES }));
		await clock.until(foreseen.get(nameOf(5), { offset: 0, length: 1 }, { newest: true }));
		await t.rejects(clock.until(foreseen.get(nameOf(5), { offset: 500, length: OBJECT_BYTES })));
		t.same(store.taken(), [`01 50+${TABLE_BYTES}`, "05 0+1", `05 500+${OBJECT_BYTES}`], "all else is");
	},
);

t.test("what is not there, or makes no sense, is read by who wants it", async (t) => {
	const { clock, store, foreseen } = await storeOf(2);
	await clock.until(foreseen.look(imageOf(3)));
	t.same(store.taken(), ["01", "02", "03"]);
	await clock.until(store.put(nameOf(3), Buffer.alloc(OBJECT_BYTES, 3)));
	t.equal((await clock.until(foreseen.get(nameOf(3))))[0], 3);
	await clock.until(foreseen.look({ pool: POOL, image: { tail: 7 } }));
	t.same(store.taken(), ["03"]);
});

t.test("it is in memory up to a limit, and for a while", async (t) => {
	const { clock, store, foreseen } = await storeOf(8, 3 * OBJECT_BYTES);
	await clock.until(foreseen.look(imageOf(8)));
	store.taken();
	const readAll = async (): Promise<number> => {
		for (let number = 1; number <= 8; number++) await clock.until(foreseen.get(nameOf(number)));
		return store.taken().length;
	};
	t.equal(await readAll(), 5);
	t.equal(await readAll(), 5, "what is read by the way is not kept");
	clock.pass(60_000);
	t.equal(await readAll(), 8);
});
