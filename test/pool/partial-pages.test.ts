// A write that begins and ends within pages reads both first: where one of them can't be read it fails, whatever becomes of the other one, and what
// was there stays. (The first one's failure was forgotten when the second could be read, and zeros were written beside what was acknowledged.)

import t from "tap";
import type { BlockDevice } from "../../lib/block/device.js";
import { DeviceLayer } from "../../lib/block/layer.js";
import { BlockOp, type BlockRequest } from "../../lib/block/request.js";
import { StorageStatus } from "../../lib/errors.js";
import { run } from "../block/devices.js";
import { MemoryFolder, Stage } from "./memory-folder.js";

const PAGE = 4096;
/** From the middle of page 0 to that of page 1, or of page 2. */
const ENDS = [PAGE + 512, 2 * PAGE + 512] as const;

/** Fails those reads of which the number is in `bad`, at once or a turn later; others are done as they are. */
class ReadsFail extends DeviceLayer {
	bad: readonly number[] = [];
	isLater = false;
	reads = 0;

	below(): void {}

	protected handle(request: BlockRequest): void {
		if (request.op !== BlockOp.read || !this.bad.includes(this.reads++)) this.device.submit(request);
		else if (this.isLater) setImmediate(() => request.complete(StorageStatus.mediumError, 5));
		else request.complete(StorageStatus.mediumError, 5);
	}
}

for (const isLater of [false, true])
	for (const op of [BlockOp.write, BlockOp.writeZeroes])
		for (const end of ENDS)
			for (const bad of [[0], [1], [0, 1], []])
				t.test(
					`${op === BlockOp.write ? "a write" : "zeros"} to byte ${end}, reads ${bad.join(" and ") || "none"} fail${isLater ? ", later" : ""}`,
					async (t) => {
						const layers: ReadsFail[] = [];
						const folder = new MemoryFolder((device: BlockDevice, name) => {
							if (!name.startsWith("log")) return device;
							layers.push(new ReadsFail(device));
							return layers.at(-1)!;
						});
						const stage = await Stage.create(folder);
						// (What was written last is in memory.)
						for (const page of [0, 1, 2, 7]) await stage.write(page, 3 + page);
						for (const layer of layers) Object.assign(layer, { bad, isLater, reads: 0 });
						const { status } = await run(stage.device, op, 512, end - 512, 9);
						t.equal(status, bad.length === 0 ? StorageStatus.ok : StorageStatus.mediumError);
						for (const layer of layers) layer.bad = [];
						const found = (await run(stage.device, BlockOp.read, 0, 3 * PAGE)).memory;
						const was = Buffer.concat([3, 4, 5].map((stamp) => Buffer.alloc(PAGE, stamp)));
						const wanted = Buffer.from(was);
						wanted.fill(op === BlockOp.write ? 9 : 0, 512, end);
						t.ok(wanted.subarray(0, 512).equals(found.bytes.subarray(0, 512)), "what is before it stays");
						t.ok(wanted.subarray(end).equals(found.bytes.subarray(end)), "and what is behind it");
						if (bad.length === 0) t.ok(wanted.equals(found.bytes));
						await stage.close();
					},
				);
