// A volume as a device: the conformance suite with every kind of durability and page size, and what is there when its pool is opened again.
import t from "tap";
import { BlockOp } from "../../lib/block/request.js";
import { Pool } from "../../lib/pool/pool.js";
import { openVolumeStack } from "../../lib/pool/volume-stack.js";
import { Pump } from "../../lib/pump.js";
import { blockConformance } from "../../lib/testing/block-conformance.js";
import { strictly } from "../../lib/testing/strict-layer.js";
import { run } from "../block/devices.js";
import { MemoryFolder, Stage, testWorld } from "./memory-folder.js";

const MIB = 1024 * 1024;
const PLAIN = { readOnly: false, offsetSectors: 0, lengthSectors: undefined, between: strictly };

for (const durability of ["ack", "flush", "none"] as const)
	for (const pageBytes of durability === "ack" ? [512, 4096, 65536] : [4096])
		t.test(`a volume of pages of ${pageBytes} bytes, ${durability}`, async (t) => {
			const pump = new Pump();
			const make = async (readOnly: boolean) => {
				const pool = await Pool.create(testWorld(new MemoryFolder(), 1, pump));
				await pool.administration.create("web", 2 * MIB, pageBytes);
				return (await openVolumeStack(pool, "web", { ...PLAIN, readOnly, durability })).device;
			};
			await blockConformance(t, durability, () => make(false), {
				pump,
				ordered: true,
				makeReadOnly: () => make(true),
			});
		});

t.test(
	"a page that becomes zeros in parts takes up nothing, wherever it was; one that does not, stays",
	async (t) => {
		const folder = new MemoryFolder();
		const stage = await Stage.create(folder);
		const { device } = stage;
		const used = async () => {
			await stage.pool.checkpoint();
			return stage.pool.space.usedBytes(stage.pool.volumes[0]!);
		};
		const part = (op: BlockOp, sector: number, sectors = 1, byte = 0) =>
			run(device, op, 512 * sector, 512 * sectors, byte);
		for (const op of [BlockOp.write, BlockOp.writeZeroes, BlockOp.trim]) {
			await part(BlockOp.write, 3, 2, 7);
			t.equal(await used(), 4096);
			t.equal((await part(op, 4)).status, 0);
			t.equal(await used(), 4096, "a sector is left");
			t.equal((await part(op, 0, 3)).status, 0);
			t.equal((await run(device, BlockOp.read, 512 * 3, 512)).memory.bytes[9], 7);
			t.equal((await part(op, 3)).status, 0);
			t.equal(await used(), 0, "nothing is");
			t.equal(await stage.read(0), 0);
		}
		const both = [part(BlockOp.write, 8, 8, 5), part(BlockOp.write, 9, 1, 6), part(BlockOp.write, 24, 1, 4)];
		both.push(part(BlockOp.write, 8, 4), part(BlockOp.write, 12, 4), part(BlockOp.write, 32, 2));
		t.ok(
			(await Promise.all(both)).every(({ status }) => status === 0),
			"all in one record",
		);
		t.equal(await used(), 4096, "only the page with a 4");
		await stage.close();
		const again = await Stage.open(folder);
		t.strictSame(await again.readAll(0, 1, 4), [0, 0, 0]);
		t.equal(again.pool.space.usedBytes(again.pool.volumes[0]!), 4096);
		await again.close();
	},
);
