// What is kept with a volume of how it is served: over restarts, from the log and from a checkpoint, by whatever line it goes; no clone has it, no snapshot,
// and what storage has refused is not taken for kept.
import t from "tap";
import { MEMO_MAX } from "../../lib/block/memo.js";
import { BlockOp } from "../../lib/block/request.js";
import { decodeNote, encodeNote } from "../../lib/pool/notes.js";
import type { Pool } from "../../lib/pool/pool.js";
import { FaultyLayer } from "../../lib/testing/faulty-layer.js";
import { kept, MemoryFolder, Stage } from "./memory-folder.js";

async function textOf(pool: Pool, name: string): Promise<string | undefined> {
	const { device } = await pool.openVolume(name, false, async () => {});
	const text = device.memo?.text;
	await device.close();
	return text;
}

t.test("it is there after a restart, whatever has become of the volume", async (t) => {
	const folder = new MemoryFolder();
	let { pool, device } = await Stage.create(folder);
	const restart = async (): Promise<void> => {
		await device.close();
		await pool.close();
		({ pool, device } = await Stage.open(folder));
	};
	t.equal(device.memo?.text, undefined);
	await device.memo?.keep("one");
	await restart();
	t.equal(device.memo?.text, "one", "from the log");
	await pool.checkpoint();
	await restart();
	t.equal(device.memo?.text, "one", "from a checkpoint");
	await device.memo?.keep("two");
	const { administration } = pool;
	await administration.takeSnapshots([{ volume: "web", name: "monday" }]);
	await device.memo?.keep("three");
	await administration.clone("web", "monday", "copy");
	await administration.create("other", 2 ** 20, 4096);
	await device.close();
	await administration.rollback("web", "monday");
	t.equal(await textOf(pool, "web"), "three", "that goes back: who may use it is as it was");
	await administration.replace("web", "other");
	await administration.rename("web", "new");
	await administration.rename("new", "web");
	({ device } = await Stage.of(pool));
	await restart();
	t.equal(device.memo?.text, "three");
	t.equal(await textOf(pool, "copy"), undefined);
	const { device: past } = await pool.openVolume("web@monday", true, async () => {});
	t.equal(past.memo, undefined);
	await past.close();
	await device.close();
	await pool.close();
});

/** The files of the log fail, or are counted. */
class LogFolder extends MemoryFolder {
	writes = 0;
	readonly layers: FaultyLayer[] = [];

	constructor() {
		super((device, name) => {
			if (!name.startsWith("log.")) return device;
			const layer = new FaultyLayer({
				...kept(device),
				info: device.info,
				submit: (request) => {
					if (request.op === BlockOp.write) this.writes++;
					device.submit(request);
				},
			});
			this.layers.push(layer);
			return layer;
		});
	}
}

t.test("what is kept already is not written again", async (t) => {
	const folder = new LogFolder();
	const { pool, device } = await Stage.create(folder);
	const { memo } = device;
	const before = folder.writes;
	await Promise.all([memo?.keep("one"), memo?.keep("one")]);
	await memo?.keep("one");
	t.equal(folder.writes, before + 1);
	await memo?.keep("two");
	t.equal(folder.writes, before + 2);
	await device.close();
	await pool.close();
});

t.test("what could not be stored is not kept, however often it is asked for", async (t) => {
	const folder = new LogFolder();
	const { pool, device } = await Stage.create(folder);
	await device.memo?.keep("one");
	folder.layers[0]?.add({ op: BlockOp.flush, times: 1 });
	for (let tries = 0; tries < 3; tries++)
		await t.rejects(device.memo?.keep("two") ?? Promise.resolve(), /storage has failed/);
	await device.close();
	await pool.close();
});

t.test("one that is none, or too long, is refused", async (t) => {
	for (const memo of [1, null, undefined, {}, "x".repeat(MEMO_MAX + 1)]) {
		t.equal(decodeNote(encodeNote({ note: "memo", line: 1, memo: memo as string })), undefined);
	}
	t.match(decodeNote(encodeNote({ note: "memo", line: 1, memo: "x".repeat(MEMO_MAX) })), { line: 1 });
});
