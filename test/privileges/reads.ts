/**
 * Becomes `nobody` with a file open, reads from that file what has just been written, and says whether the engine did that
 * in the loop's own thread ("at once") or handed it to those that may wait for a disk ("later"). Run by `user.test.ts`:
 * `node reads.js FILE`. The file has at least 4096 bytes.
 */

import { StorageEngine } from "../../lib/block/engine.js";
import { FileDevice } from "../../lib/block/file.js";
import { BlockOp, BlockRequest } from "../../lib/block/request.js";
import { nativeMemory } from "../../lib/native.js";
import { becomeUser } from "../../lib/privileges.js";
import { Pump } from "../../lib/pump.js";

const [file = ""] = process.argv.slice(2);

const pump = new Pump();
const device = new FileDevice(new StorageEngine(pump), file, { readOnly: false, direct: false });
becomeUser("nobody", false);
let ended = false;
const read = new BlockRequest({
	finished() {
		ended = true;
	},
});
read.op = BlockOp.read;
read.memory = nativeMemory(4096);
read.lengthBytes = 4096;
device.submit(read.begin());
pump.run();
process.stdout.write(ended ? "at once\n" : "later\n");
while (!ended) await new Promise((resolve) => setImmediate(resolve));
process.stdout.write(`status ${read.status}, first byte ${read.memory.bytes[0]}\n`);
await device.close();
process.exit(0);
