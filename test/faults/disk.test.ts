// Disks that fail under the real program: each fault reaches the initiator as the ATA error that it is, or as a delay, is
// logged once, counted, and noticed by no other blade.
import t, { type Test } from "tap";
import { until } from "../support/cleanup.js";
import { inNamespace } from "../support/in-namespace.js";
import { canMount, inMounts } from "../support/mounts.js";
import { FaultDevice, type FaultyOperation, faultDeviceMissing } from "./fault-device.js";
import { type Engine, FaultStage, filled, LIMIT_MS, layCable, MIB, PAGE_SECTORS } from "./stage.js";

const ENGINES: readonly Engine[] = ["auto", "threads"];

/** What an initiator asks of a disk that does not answer; `at` is where. */
function ask(stage: FaultStage, operation: FaultyOperation, at: number): Promise<unknown> {
	return operation === "read"
		? stage.faulty.read(at, PAGE_SECTORS)
		: stage.faulty.write(at, filled(PAGE_SECTORS, 7));
}

function stuckDisk(t: Test, engine: Engine, operation: FaultyOperation): void {
	t.test(`stuck: ${operation}, engine ${engine}`, async (t) => {
		const device = await FaultDevice.open(8 * MIB);
		t.teardown(() => device.close());
		const stage = await FaultStage.open(t, device.path, engine);
		// Some of the file is in memory.
		for (let page = 0; page < 8; page++)
			await stage.faulty.write(page * PAGE_SECTORS, filled(PAGE_SECTORS, 1));
		await stage.othersAreServed(2);
		await device.stick(operation);
		let answered = 0;
		const asked = Array.from({ length: 32 }, (_, page) =>
			ask(stage, operation, (operation === "read" ? 64 + page * 8 : page) * PAGE_SECTORS).then(
				() => answered++,
			),
		);
		await until("requests that are stuck", async () => (await device.counts()).held > 0, LIMIT_MS);
		await stage.othersAreServed();
		t.ok((await device.counts()).held > 0, "the others were served while it was stuck");
		if (operation !== "stat") t.equal(answered, 0);
		await device.mend(operation);
		await Promise.all(asked);
		t.equal(answered, asked.length, "what was stuck has been done in the end");
	});
}

async function main(): Promise<void> {
	t.setTimeout(100_000);
	await layCable();
	for (const engine of ENGINES)
		for (const operation of ["read", "write", "sync", "stat"] as const) stuckDisk(t, engine, operation);
}

const skip = canMount ? faultDeviceMissing() : false;
if (skip) t.pass("not run", { skip });
else if (canMount || (await inNamespace(import.meta.url))) if (await inMounts(import.meta.url)) await main();
