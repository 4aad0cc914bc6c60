// An object has its blocks with a sum behind each eight of them, however many they are, and what is read of it is what was put there.
import { setImmediate as nextTurn } from "node:timers/promises";
import t from "tap";
import { CRC_BYTES, IMAGE_BLOCK_BYTES, OBJECT_BLOCKS } from "../../../lib/pool/store/layout.js";
import {
	checkedBlocks,
	decodeTable,
	objectBytes,
	storedBytes,
	tableBytes,
} from "../../../lib/pool/store/object-form.js";
import { Random } from "../../../lib/random.js";
import { heapMemory } from "../../../lib/wire/memory.js";

const pool = "00112233445566778899aabbccddeeff";

for (const blocks of [0, 1, 7, 8, 9, 256, 257, 1023, OBJECT_BLOCKS])
	t.test(`${blocks} blocks`, async (t) => {
		const memory = heapMemory(storedBytes(OBJECT_BLOCKS));
		const random = new Random(1 + blocks);
		const wanted = Buffer.alloc(blocks * IMAGE_BLOCK_BYTES);
		for (let at = 0; at < wanted.length; at += 512)
			wanted.writeUInt32LE(Math.floor(random.next() * 2 ** 32), at);
		memory.bytes.set(wanted);
		memory.bytes.fill(0xff, wanted.length);
		const ranges = blocks === 0 ? [] : [{ file: 3, first: 5, blocks, isZeros: false }];
		const table = { pool, epoch: 1, number: 2, blocks, ranges };
		const [head = Buffer.alloc(0), rest = Buffer.alloc(0), ...more] = await objectBytes(
			table,
			memory,
			nextTurn,
		);
		t.strictSame([head.length, more.length], [tableBytes(ranges.length), 0], "two parts");
		t.strictSame(decodeTable(head, "it"), table);
		t.equal(rest.length, wanted.length + CRC_BYTES * Math.ceil(blocks / 8));
		const found = checkedBlocks(rest, blocks);
		t.equal(found.wrong.size, 0, "its sums are right");
		t.ok(found.blocks.equals(wanted), "nothing is moved to where it does not belong");
	});

t.test("others have their turn while a large one is put together", async (t) => {
	let turns = 0;
	const table = { pool, epoch: 1, number: 2, blocks: OBJECT_BLOCKS, ranges: [] };
	await objectBytes(table, heapMemory(storedBytes(OBJECT_BLOCKS)), async () => {
		turns++;
	});
	t.ok(turns >= 7, `${turns}`);
});
