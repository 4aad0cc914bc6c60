// What of the log nobody ever wrote is not read when a pool in a store is opened, as each megabyte of that costs time while others wait.

import t from "tap";
import { DeviceLayer } from "../../../lib/block/layer.js";
import { BlockOp, type BlockRequest } from "../../../lib/block/request.js";
import { SEGMENT_BYTES } from "../../../lib/pool/format.js";
import { Pool } from "../../../lib/pool/pool.js";
import { MemoryFolder, Stage, show, testWorld } from "../memory-folder.js";
import { StoreStage } from "./stage.js";

/** Counts what is read. */
class Reads extends DeviceLayer {
	static bytes = 0;

	protected handle(request: BlockRequest): void {
		if (request.op === BlockOp.read) Reads.bytes += request.lengthBytes;
		this.device.submit(request);
	}

	below(request: BlockRequest): void {
		request.resume();
	}
}

t.test("whoever opens it reads no part of the log that nobody ever wrote", async (t) => {
	const there = new StoreStage();
	const pool = await Pool.create(testWorld(there.folder(new MemoryFolder())));
	await pool.administration.create("web", 16 * 2 ** 20, 4096);
	const stage = await Stage.of(pool);
	for (let page = 0; page < 20; page++) await stage.write(page, page + 1);
	await stage.close();
	const folder = there.folder(new MemoryFolder());
	const open = folder.open.bind(folder);
	folder.open = async (name) => new Reads(await open(name));
	const other = await Pool.open(testWorld(folder));
	t.ok(Reads.bytes > 0 && Reads.bytes < SEGMENT_BYTES / 2, `${Reads.bytes} bytes`);
	t.same(await show(other, "web", 0, 19, 20), [1, 20, 0]);
	await other.close();
});
