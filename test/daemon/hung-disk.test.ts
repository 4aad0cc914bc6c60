// A disk whose storage hangs, as it is opened and as it is served: others are served, the configuration is read again, whoever asks is
// answered, processes are started again, and all can be stopped.
import t from "tap";
import { SECTOR_BYTES } from "../../lib/wire/sector.js";
import { FaultDevice } from "../faults/fault-device.js";
import { withFaults } from "../faults/stage.js";
import { until } from "../support/cleanup.js";
import { FarClient, Load } from "./far-client.js";
import { DaemonTree, diskToml } from "./tree-bench.js";

const LIMIT_MS = 30_000;
const MIB = 1024 * 1024;
const NETIF = "near1";

async function main(): Promise<void> {
	const device = await FaultDevice.open(16 * MIB);
	t.teardown(() => device.close());
	const tree = new DaemonTree();
	const good = diskToml("good", `file = "${tree.file("good.img")}"`, "9.1", NETIF);
	const late = diskToml("late", `file = "${tree.file("late.img")}"`, "9.2", NETIF);
	const faulty = diskToml("faulty", `file = "${device.path}"`, "9.0", NETIF);
	tree.configure(good);
	await tree.start();
	t.teardown(() => tree.stop());
	const client = new FarClient("far1");
	t.teardown(() => client.close());
	const disk = await client.open(9, 1);
	const othersAreServed = async (): Promise<void> => {
		const load = new Load([disk]);
		await load.rounds(5);
		await load.stop();
	};
	const comesAndGoes = async (rest: string): Promise<void> => {
		tree.configure(rest + late);
		await tree.reload();
		await tree.state("late", "open");
		tree.configure(rest);
		await tree.reload();
		await until("gone", async () => (await tree.ask("GET", "/api/v1/disks/late")).status === 404, LIMIT_MS);
	};

	t.test("while it is being opened", async (t) => {
		await device.stick("stat");
		tree.configure(good + faulty);
		await tree.reload();
		await until("somebody waits", async () => (await device.counts()).held > 0, LIMIT_MS);
		await othersAreServed();
		t.equal((await tree.ask("GET", "/api/v1/disks/faulty")).body.state, "opening");
		await comesAndGoes(good + faulty);
		await tree.kill("control");
		await tree.state("good", "open");
		await othersAreServed();
		await tree.kill("worker");
		await tree.state("good", "open");
		await othersAreServed();
		await device.mend("stat");
		await tree.state("faulty", "open");
		t.equal((await client.open(9, 0)).sectorCount, (16 * MIB) / SECTOR_BYTES, "it is served in the end");
	});

	t.test("while it is served", async (t) => {
		const stuck = await client.open(9, 0);
		await stuck.write(0, new Uint8Array(SECTOR_BYTES).fill(1));
		await device.stick("read", "write", "sync");
		let answered = false;
		const read = stuck.read(9000, 1).finally(() => {
			answered = true;
		});
		await until("somebody waits", async () => (await device.counts()).held > 0, LIMIT_MS);
		await othersAreServed();
		await comesAndGoes(good + faulty);
		await tree.kill("control");
		await tree.state("good", "open");
		t.notOk(answered, "a delay is no error");
		await device.mend("read", "write", "sync");
		t.equal((await read).length, SECTOR_BYTES, "it is answered in the end");
	});

	t.test("while it is removed, and while all is stopped", async (t) => {
		await device.stick("read");
		const asked = (await client.open(9, 0)).read(20_000, 1).catch(() => "nothing");
		await until("somebody waits", async () => (await device.counts()).held > 0, LIMIT_MS);
		tree.configure(good);
		await tree.reload();
		await othersAreServed();
		await comesAndGoes(good);
		await tree.nothingUnderWay();
		await othersAreServed();
		t.strictSame(await tree.stop(), { code: 0, signal: null }, "there is an end");
		await device.mend("read");
		await tree.start();
		await othersAreServed();
		client.initiator.close();
		await asked;
	});
}

await withFaults(import.meta.url, 1, main);
