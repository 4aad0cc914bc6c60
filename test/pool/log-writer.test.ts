// What is written beside a sync that nobody waits for, and how much others have written before one that somebody waits for.
import t from "tap";
import { DeviceLayer } from "../../lib/block/layer.js";
import { MemoryDevice } from "../../lib/block/memory.js";
import { BlockOp, type BlockRequest } from "../../lib/block/request.js";
import { Refusal } from "../../lib/pool/log-room.js";
import {
	LogWriter,
	SYNC_BYTES,
	UNSYNCED_BYTES_AWAITED,
	UNSYNCED_BYTES_MAX,
	type WriterOwner,
} from "../../lib/pool/log-writer.js";
import { heapMemory } from "../../lib/wire/memory.js";

const MIB = 2 ** 20;
const memory = heapMemory(MIB);

function nothingRefused(): Refusal {
	return new Refusal(
		() => 0,
		() => {},
	);
}

/** Syncs have happened when they come, and are told of when `release` is called. */
class SlowSyncs extends DeviceLayer {
	count = 0;
	readonly #held: BlockRequest[] = [];

	protected handle(request: BlockRequest): void {
		if (request.op === BlockOp.flush) request.push(this);
		this.device.submit(request);
	}

	below(request: BlockRequest): void {
		this.count++;
		this.#held.push(request);
	}

	/** The first one that is under way. */
	release(): void {
		this.#held.shift()!.resume();
	}
}

t.test("a sync is begun with half of what may be unsynced, and at most with 32 MiB", async (t) => {
	const device = new MemoryDevice(MIB);
	let sequence = 0;
	const writer = new LogWriter({ written: () => {}, synced: () => {} }, nothingRefused());
	/** Megabytes that are written until there is a sync that nobody waits for. */
	const untilSync = (): number => {
		for (let count = 1; ; count++) {
			writer.write(device, 0, memory, MIB, false);
			sequence++;
			if (!writer.isSyncDue) continue;
			writer.sync(sequence, false);
			return count;
		}
	};
	const most = SYNC_BYTES / MIB;
	t.strictSame(Array.from({ length: 5 }, untilSync), [4, 8, 16, most, most]);
	writer.write(device, 0, memory, MIB, false);
	writer.sync(++sequence, true);
	t.strictSame([untilSync(), untilSync()], [4, 8], "again, when somebody has waited");
	writer.write(device, 0, memory, 4096, true);
	t.equal(untilSync(), 4, "or has had it with the write");
});

t.test("a sync waits for at most 8 MiB of others' writes, and for few where nobody waits", async (t) => {
	const device = new SlowSyncs(new MemoryDevice(MIB));
	const told: number[] = [];
	const owner: WriterOwner = {
		written: () => {},
		synced: (_status, _errno, sequence) => told.push(sequence),
	};
	const writer = new LogWriter(owner, nothingRefused());
	/** Megabytes that are written, with a sync whenever it is due, until nothing more is to be. */
	const untilMuch = (): number => {
		for (let count = 1; ; count++) {
			writer.write(device, 0, memory, MIB, false);
			if (writer.isSyncDue) writer.sync(count, false);
			if (writer.hasMuchUnsynced) return count;
		}
	};
	const awaited = UNSYNCED_BYTES_AWAITED / MIB;
	t.equal(untilMuch(), awaited);
	t.equal(device.count, 1, "beside one sync");
	writer.sync(100, true);
	t.equal(device.count, 1, "one at a time");
	device.release();
	t.strictSame(told, [4], "what came later is not among what is told of");
	writer.sync(100, true);
	device.release();
	t.equal(untilMuch(), awaited, "as long as somebody waits now and then");
	device.release();
	for (let i = 0; i < 5; i++) {
		writer.sync(0, false);
		device.release();
		writer.write(device, 0, memory, MIB, false);
	}
	t.equal(untilMuch(), UNSYNCED_BYTES_MAX / MIB - 1, "more and more where nobody does");
});
