// Opening a file on a disk that hangs: who is served meanwhile does not notice, and it is served in the end, or given up.
import t from "tap";
import { holdings, LIMIT_MS, Load, layCable, Stage } from "../daemon/stage.js";
import { until } from "../support/cleanup.js";
import { FaultDevice } from "./fault-device.js";
import { withFaults } from "./stage.js";

async function main(): Promise<void> {
	await layCable();
	t.test("opening hangs while others are served", async (t) => {
		const device = await FaultDevice.open(2 ** 20);
		t.teardown(() => device.close());
		const stage = new Stage(t);
		await stage.add("kept", 0);
		const load = new Load(await stage.initiator.open(9, 0));
		await load.goesOn();
		const before = holdings();
		await device.stick("stat");
		const storage = { kind: "file", name: device.path, path: device.path } as const;
		let added = false;
		const adding = stage.add("slow", 1, storage).then(() => {
			added = true;
		});
		const givenUp = t.rejects(stage.add("given up", 2, storage), { name: "OperatorError" });
		await until("it hangs", async () => (await device.counts()).held > 0, LIMIT_MS);
		await load.goesOn();
		await stage.add("another", 3);
		t.equal((await stage.initiator.open(9, 3)).sectorCount, 2048);
		t.notOk(added, "still hanging");
		t.equal(await stage.daemon.removeDisk("given up"), "abandoned");
		await givenUp;
		await device.mend("stat");
		await adding;
		const disk = await stage.initiator.open(9, 1);
		await disk.write(3, new Uint8Array(512).fill(3));
		t.equal((await disk.read(3, 1))[0], 3);
		await load.goesOn();
		await load.stop();
		for (const name of ["slow", "another"]) t.equal(await stage.daemon.removeDisk(name), "closed");
		await until("all is given back", () => holdings().descriptors <= before.descriptors, LIMIT_MS);
	});
}

await withFaults(import.meta.url, 0, main);
