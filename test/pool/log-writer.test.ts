// How much others have written before a sync that somebody waits for.
import t from "tap";
import { MemoryDevice } from "../../lib/block/memory.js";
import { LogWriter, UNSYNCED_BYTES_AWAITED, UNSYNCED_BYTES_MAX } from "../../lib/pool/log-writer.js";
import { heapMemory } from "../../lib/wire/memory.js";

const MIB = 2 ** 20;

t.test("a sync waits for at most 8 MiB of others' writes, and where nobody waits they are few", async (t) => {
	const device = new MemoryDevice(MIB);
	const memory = heapMemory(MIB);
	const writer = new LogWriter({ written: () => {}, synced: () => {} });
	/** Megabytes that are written until there is a sync that nobody waits for. */
	const untilSync = (): number => {
		for (let count = 1; ; count++) {
			writer.write(device, 0, memory, MIB, false);
			if (!writer.hasMuchUnsynced) continue;
			writer.sync(false);
			return count;
		}
	};
	const most = UNSYNCED_BYTES_MAX / MIB;
	t.strictSame(Array.from({ length: 7 }, untilSync), [8, 16, 32, 64, 128, most, most]);
	writer.write(device, 0, memory, MIB, false);
	writer.sync(true);
	t.strictSame(
		[untilSync(), untilSync()],
		[UNSYNCED_BYTES_AWAITED / MIB, 16],
		"again, when somebody has waited",
	);
	writer.write(device, 0, memory, 4096, true);
	t.equal(untilSync(), 8, "or has had it with the write");
});
