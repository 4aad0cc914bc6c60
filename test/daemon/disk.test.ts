// A disk that is closed while its storage hangs, and goes on after all.

import t from "tap";
import { PromisedRequest } from "../../lib/block/device.js";
import { MemoryDevice } from "../../lib/block/memory.js";
import { OrderingLayer } from "../../lib/block/ordering.js";
import { BlockOp } from "../../lib/block/request.js";
import { Disk, makeIdentity } from "../../lib/disk.js";
import { DelayLayer } from "../../lib/testing/delay-layer.js";
import { VirtualClock } from "../../lib/testing/virtual-clock.js";
import { until } from "../support/cleanup.js";
import { LIMIT_MS } from "../support/limit.js";

function hanging() {
	const clock = new VirtualClock();
	const device = new DelayLayer(new MemoryDevice(2 ** 20), { clock, minMs: 1, maxMs: 2, seed: 1 });
	const { request } = new PromisedRequest();
	request.op = BlockOp.flush;
	return { clock, device, request };
}

t.test("abandoned, until its storage has gone on: then it is closed", async (t) => {
	const { clock, device, request } = hanging();
	const disk = new Disk("e1.1", makeIdentity("hangs", "1.0"), device);
	device.submit(request.begin());
	t.equal(disk.phase, "open");
	const closing = disk.close(1);
	t.equal(disk.phase, "draining");
	t.equal(await closing, "abandoned");
	t.equal(disk.phase, "abandoned");
	t.equal(await disk.close(), "abandoned", "how it ended stays as it was told");
	clock.pass(10);
	await until("it is closed", () => disk.phase === "closed", LIMIT_MS);
});

t.test("whoever closes a device once more has a limit of his own", async (t) => {
	const { clock, device, request } = hanging();
	device.submit(request.begin());
	t.equal(await device.close(1), "abandoned");
	t.equal(await device.close(2), "abandoned");
	const closed = device.close(Infinity);
	clock.pass(10);
	t.equal(await closed, "closed");
	t.equal(await device.close(1), "closed");
});

t.test("what the device below has abandoned is not called closed by a layer", async (t) => {
	const device = new MemoryDevice(2 ** 20);
	device.close = async () => "abandoned";
	t.equal(await new OrderingLayer(device).close(), "abandoned");
});
