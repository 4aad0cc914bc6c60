// Nothing of a volume is answered while its owner's lease is over: answers wait, are closed with it, and what was lent meanwhile is asked for again.
import { setImmediate as nextTurn } from "node:timers/promises";
import t from "tap";
import { PromisedRequest } from "../../../lib/block/device.js";
import { DeviceLayer } from "../../../lib/block/layer.js";
import { MemoryDevice } from "../../../lib/block/memory.js";
import { BlockOp, type BlockRequest } from "../../../lib/block/request.js";
import { StorageStatus } from "../../../lib/errors.js";
import { type AnswerLease, LeaseLayer } from "../../../lib/pool/store/lease-layer.js";
import { blockConformance } from "../../../lib/testing/block-conformance.js";
import { heapMemory } from "../../../lib/wire/memory.js";

class Lease implements AnswerLease {
	mayAnswer = true;
	readonly epoch = 1;
	readonly isNew = false;
	hasEnded = false;
	#waiters: (() => void)[] = [];

	whenMay(waiter: () => void): void {
		if (this.mayAnswer || this.hasEnded) waiter();
		else this.#waiters.push(waiter);
	}

	changed(): void {
		for (const waiter of this.#waiters.splice(0)) waiter();
	}
}

/** Lends what is read, as a mapping does: until it is asked again. */
class Lender extends DeviceLayer {
	asked = 0;

	protected handle(request: BlockRequest): void {
		this.asked += 1;
		request.push(this);
		this.device.submit(request);
	}

	below(request: BlockRequest): void {
		request.borrowedAddress = this.asked;
		request.resume();
	}
}

/** What it ends with, when it does. */
function ask(device: DeviceLayer, op: BlockOp): { request: BlockRequest; ended: StorageStatus[] } {
	const promised = new PromisedRequest();
	const { request } = promised;
	request.op = op;
	if (op !== BlockOp.flush) {
		request.lengthBytes = 4096;
		request.memory = heapMemory(4096);
	}
	const ended: StorageStatus[] = [];
	void promised.run(device).then(({ status }) => ended.push(status));
	return { request, ended };
}

void blockConformance(
	t,
	"a volume whose lease runs",
	() => new LeaseLayer(new MemoryDevice(2 ** 20), new Lease()),
);

t.test("what is done waits for the lease, and goes on with it", async (t) => {
	const lease = new Lease();
	const device = new LeaseLayer(new MemoryDevice(65_536), lease);
	lease.mayAnswer = false;
	const all = [BlockOp.read, BlockOp.write, BlockOp.flush, BlockOp.trim].map((op) => ask(device, op).ended);
	await nextTurn();
	t.strictSame(all, [[], [], [], []]);
	lease.changed();
	await nextTurn();
	t.strictSame(all, [[], [], [], []], "it was over again when they looked");
	lease.mayAnswer = true;
	lease.changed();
	await nextTurn();
	t.strictSame(all, [[0], [0], [0], [0]]);
	await device.close();
});

t.test("once somebody else has the pool all of it is closed", async (t) => {
	const lease = new Lease();
	const device = new LeaseLayer(new MemoryDevice(65_536), lease);
	lease.mayAnswer = false;
	const { ended } = ask(device, BlockOp.write);
	lease.hasEnded = true;
	lease.changed();
	const later = ask(device, BlockOp.read).ended;
	await nextTurn();
	t.strictSame([ended, later], [[StorageStatus.closed], [StorageStatus.closed]]);
	await device.close();
});

t.test("what was lent meanwhile is asked for again", async (t) => {
	const lease = new Lease();
	const lender = new Lender(new MemoryDevice(65_536));
	const device = new LeaseLayer(lender, lease);
	lease.mayAnswer = false;
	const { request, ended } = ask(device, BlockOp.read);
	await nextTurn();
	t.equal(lender.asked, 1);
	lease.mayAnswer = true;
	lease.changed();
	await nextTurn();
	t.strictSame([ended, lender.asked, request.borrowedAddress], [[0], 2, 2]);
	await device.close();
});

t.test("who closes it does not wait for a lease", async (t) => {
	const lease = new Lease();
	const device = new LeaseLayer(new MemoryDevice(65_536), lease);
	lease.mayAnswer = false;
	const { ended } = ask(device, BlockOp.flush);
	await nextTurn();
	t.equal(await device.close(), "closed");
	await nextTurn();
	t.strictSame(ended, [StorageStatus.closed]);
});
