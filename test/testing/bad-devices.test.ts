// The block suite finds devices whose zeroes, extents or cancellations are wrong.
import { isDeepStrictEqual } from "node:util";
import t from "tap";
import { PromisedRequest } from "../../lib/block/device.js";
import { MemoryDevice } from "../../lib/block/memory.js";
import { BlockOp, type BlockRequest } from "../../lib/block/request.js";
import { StorageStatus } from "../../lib/errors.js";
import { blockConformance } from "../../lib/testing/block-conformance.js";

const MIB = 1024 * 1024;

/** What the suite says against a device. */
async function complaints(make: () => MemoryDevice, ordered = true): Promise<string[]> {
	const said: string[] = [];
	const note = (isFine: boolean, message: string): void => {
		if (!isFine) said.push(message);
	};
	const assertions = {
		ok: (value: unknown, message: string) => note(Boolean(value), message),
		equal: (found: unknown, wanted: unknown, message: string) => note(Object.is(found, wanted), message),
		same: (found: unknown, wanted: unknown, message: string) =>
			note(isDeepStrictEqual(found, wanted), message),
	};
	const limit = <T>(promise: Promise<T>): Promise<T> =>
		Promise.race([
			promise,
			new Promise<never>((_, reject) => setImmediate(() => reject(new Error("never complete")))),
		]);
	const reporter = {
		async test(_: string, body: (t: typeof assertions) => Promise<void>) {
			try {
				await body(assertions);
			} catch (error) {
				said.push(String(error));
			}
		},
	};
	await blockConformance(reporter, "bad", make, { seed: 1, ordered, wait: limit });
	return said;
}

class Bad extends MemoryDevice {
	constructor(readonly change: (request: BlockRequest) => boolean) {
		super(2 * MIB);
	}

	override submit(request: BlockRequest): void {
		if (!this.change(request)) super.submit(request);
	}
}

const planted: Record<string, (request: BlockRequest) => boolean> = {
	"zeroes that are forgotten": (request) => {
		if (request.op !== BlockOp.writeZeroes || request.lengthBytes === 0) return false;
		request.complete(StorageStatus.ok);
		return true;
	},
	"zeroes rounded to larger blocks": (request) => {
		if (request.op === BlockOp.writeZeroes && request.offsetBytes >= 4096) request.offsetBytes -= 512;
		return false;
	},
	"zeroes that keep what had to be unmapped": (request) => {
		if (request.op !== BlockOp.writeZeroes || !request.mayUnmap) return false;
		request.complete(StorageStatus.ok);
		return true;
	},
	"extents that call all of it zeros": (request) => {
		if (request.op !== BlockOp.extents || request.extents === null || request.lengthBytes === 0) return false;
		request.extents.set([request.lengthBytes, 1]);
		request.extentCount = 1;
		request.complete(StorageStatus.ok);
		return true;
	},
	"extents that say nothing": (request) => {
		if (request.op !== BlockOp.extents) return false;
		request.complete(StorageStatus.ok);
		return true;
	},
	"extents that go past the end": (request) => {
		if (request.op !== BlockOp.extents || request.extents === null || request.lengthBytes === 0) return false;
		request.extents.set([request.lengthBytes + 512, 0]);
		request.extentCount = 1;
		request.complete(StorageStatus.ok);
		return true;
	},
};

t.test("the suite can be content", async (t) => {
	t.strictSame(await complaints(() => new MemoryDevice(2 * MIB)), []);
});

for (const [name, change] of Object.entries(planted))
	t.test(`the suite catches ${name}`, async (t) => {
		t.not((await complaints(() => new Bad(change))).length, 0);
	});

/** Keeps writes until the turn is over. */
class Later extends MemoryDevice {
	readonly held = new Set<BlockRequest>();

	override submit(request: BlockRequest): void {
		if (request.op !== BlockOp.write) {
			super.submit(request);
			return;
		}
		request.park();
		this.held.add(request);
		queueMicrotask(() => {
			if (this.held.delete(request)) super.submit(request);
		});
	}
}

/** It cancels what it does all the same. */
class Liar extends Later {
	override cancel(request: BlockRequest): void {
		if (!this.held.delete(request)) return;
		const write = new PromisedRequest().request;
		write.op = BlockOp.write;
		write.offsetBytes = request.offsetBytes;
		write.lengthBytes = request.lengthBytes;
		write.memory = request.memory;
		write.memoryOffset = request.memoryOffset;
		MemoryDevice.prototype.submit.call(this, write.begin());
		request.complete(StorageStatus.cancelled);
	}
}

/** It forgets what was cancelled. */
class Forgetful extends Later {
	override cancel(request: BlockRequest): void {
		this.held.delete(request);
	}
}

t.test("the suite catches a device that cancels what it does, and one that forgets it", async (t) => {
	t.strictSame(await complaints(() => new Later(2 * MIB), false), [], "to be late is none of it");
	t.ok((await complaints(() => new Liar(2 * MIB), false)).includes("and what is said of it is so"));
	t.ok((await complaints(() => new Forgetful(2 * MIB), false)).includes("Error: never complete"));
});
