// A disk whose storage hangs, as it is opened and as it is served: others are served, the configuration is read again, whoever asks is
// answered, processes are started again, and all can be stopped.
import t, { type Test } from "tap";
import { SECTOR_BYTES } from "../../lib/wire/sector.js";
import { FaultDevice } from "../faults/fault-device.js";
import { withFaults } from "../faults/stage.js";
import { until } from "../support/cleanup.js";
import { LIMIT_MS } from "../support/limit.js";
import { FarClient, Load } from "./far-client.js";
import { DaemonTree, diskToml } from "./tree-bench.js";

const MIB = 1024 * 1024;
const NETIF = "near1";

/** A daemon on the cable, with a good disk at e9.1, and one at e9.0 that does as it is told when it is configured. */
class Scene {
	readonly tree = new DaemonTree();
	readonly good = diskToml("good", `file = "${this.tree.file("good.img")}"`, "9.1", NETIF);
	readonly faulty: string;
	readonly client = new FarClient("far1");
	readonly #late = diskToml("late", `file = "${this.tree.file("late.img")}"`, "9.2", NETIF);

	constructor(readonly device: FaultDevice) {
		this.faulty = diskToml("faulty", `file = "${device.path}"`, "9.0", NETIF);
		this.tree.configure(this.good);
	}

	async othersAreServed(): Promise<void> {
		const load = new Load([await this.client.open(9, 1)]);
		await load.rounds(5);
		await load.stop();
	}

	/** A reload that adds a disk to `rest`, and one that takes it away. */
	async comesAndGoes(rest: string): Promise<void> {
		const { tree } = this;
		tree.configure(rest + this.#late);
		await tree.reload();
		await tree.state("late", "open");
		tree.configure(rest);
		await tree.reload();
		await until("gone", async () => (await tree.ask("GET", "/api/v1/disks/late")).status === 404, LIMIT_MS);
	}

	async somebodyWaits(): Promise<void> {
		await until("somebody waits", async () => (await this.device.counts()).held > 0, LIMIT_MS);
	}
}

function opening(t: Test, scene: Scene): void {
	const { device, tree, good, faulty, client } = scene;
	t.test("while it is being opened", async (t) => {
		await device.stick("stat");
		tree.configure(good + faulty);
		await tree.reload();
		await scene.somebodyWaits();
		await scene.othersAreServed();
		await tree.state("faulty", "opening");
		await scene.comesAndGoes(good + faulty);
		await tree.kill("control");
		await tree.state("good", "open");
		await scene.othersAreServed();
		await tree.kill("worker");
		await tree.state("good", "open");
		await scene.othersAreServed();
		await device.mend("stat");
		await tree.state("faulty", "open");
		t.equal((await client.open(9, 0)).sectorCount, (16 * MIB) / SECTOR_BYTES, "it is served in the end");
	});
}

function serving(t: Test, scene: Scene): void {
	const { device, tree, good, faulty, client } = scene;
	t.test("while it is served", async (t) => {
		const stuck = await client.open(9, 0);
		await stuck.write(0, new Uint8Array(SECTOR_BYTES).fill(1));
		await device.stick("read", "write", "sync");
		let answered = false;
		const read = stuck.read(9000, 1).finally(() => {
			answered = true;
		});
		await scene.somebodyWaits();
		await scene.othersAreServed();
		await scene.comesAndGoes(good + faulty);
		await tree.kill("control");
		await tree.state("good", "open");
		t.notOk(answered, "a delay is no error");
		await device.mend("read", "write", "sync");
		t.equal((await read).length, SECTOR_BYTES, "it is answered in the end");
	});
}

function leaving(t: Test, scene: Scene): void {
	const { device, tree, good, client } = scene;
	t.test("while it is removed, and while all is stopped", async (t) => {
		await device.stick("read");
		const asked = (await client.open(9, 0)).read(20_000, 1).catch(() => "nothing");
		await scene.somebodyWaits();
		tree.configure(good);
		await tree.reload();
		await scene.othersAreServed();
		await scene.comesAndGoes(good);
		await tree.nothingUnderWay();
		await scene.othersAreServed();
		t.strictSame(await tree.stop(), { code: 0, signal: null }, "there is an end");
		await device.mend("read");
		await tree.start();
		await scene.othersAreServed();
		client.initiator.close();
		await asked;
	});
}

async function main(): Promise<void> {
	const device = await FaultDevice.open(16 * MIB);
	t.teardown(() => device.close());
	const scene = new Scene(device);
	await scene.tree.start();
	t.teardown(() => scene.tree.stop());
	t.teardown(() => scene.client.close());
	opening(t, scene);
	serving(t, scene);
	leaving(t, scene);
}

await withFaults(import.meta.url, 1, main);
