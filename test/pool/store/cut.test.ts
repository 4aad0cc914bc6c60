import t from "tap";
import { MemoryDevice } from "../../../lib/block/memory.js";
import { BlockOp } from "../../../lib/block/request.js";
import { FILE_BYTES } from "../../../lib/pool/format.js";
import { run } from "../../../lib/pool/run.js";
import { Cut } from "../../../lib/pool/store/cut.js";
import { IMAGE_BLOCK_BYTES } from "../../../lib/pool/store/layout.js";
import { LocalFile } from "../../../lib/pool/store/local-file.js";
import { heapMemory } from "../../../lib/wire/memory.js";

async function fill(file: LocalFile, block: number, value: number): Promise<void> {
	const memory = heapMemory(IMAGE_BLOCK_BYTES);
	memory.bytes.fill(value);
	await run(file.device, BlockOp.write, block * IMAGE_BLOCK_BYTES, IMAGE_BLOCK_BYTES, memory, file.name);
}

t.test(
	"a cut has what was there at its instant, whatever is written over it before it is read",
	async (t) => {
		const file = new LocalFile(0, new MemoryDevice(FILE_BYTES), "log.000000");
		for (let block = 0; block < 6; block++) await fill(file, block, block === 3 ? 0 : 1 + block);
		file.dirty({ from: 0, to: 6 });
		const cut = new Cut([file], [], Buffer.alloc(0), 0);
		t.ok(file.isInCut({ from: 2, to: 3 }));
		await cut.rescue(file, { from: 2, to: 3 }, heapMemory);
		await fill(file, 2, 99);
		await cut.rescue(file, { from: 2, to: 3 }, heapMemory);
		await fill(file, 2, 100);
		const plan = cut.next()!;
		const { ranges, blocks } = await cut.take(plan, heapMemory(8 * 2 ** 20));
		t.same(
			ranges.map(({ first, blocks: count, isZeros }) => [first, count, isZeros]),
			[
				[0, 3, false],
				[3, 1, true],
				[4, 2, false],
			],
		);
		const values = Array.from({ length: 5 }, (_, at) => blocks[at * IMAGE_BLOCK_BYTES]);
		t.same(values, [1, 2, 3, 5, 6], "zeros are no blocks");
		cut.done(plan, 1);
		t.notOk(file.isInCut({ from: 0, to: 6 }));
		t.equal(cut.next(), null);
		t.ok(file.isInFlight, "it is not under the superblock yet");
		cut.published();
		t.notOk(file.isInFlight);
	},
);
