// Two workers on one link: each serves its own disks, and what is asked of all is answered once for each disk.
import t, { type Test } from "tap";
import { layCable } from "../link/cable.js";
import { inNamespace } from "../support/in-namespace.js";
import { FarClient, Load } from "./far-client.js";
import { DaemonTree, diskToml } from "./tree-bench.js";

const DISKS = 6;

if (await inNamespace(import.meta.url)) {
	await layCable(1500);
	const tree = new DaemonTree();
	const names = Array.from({ length: DISKS }, (_, slot) => `d${slot}`);
	const toml = names.map((name, slot) =>
		diskToml(name, `file = "${tree.file(`${name}.img`)}"`, `9.${slot}`, "near"),
	);
	tree.configure(`workers = 2\n${toml.join("")}`);
	await tree.start();
	t.teardown(() => tree.stop());
	const client = new FarClient();
	t.teardown(() => client.close());
	const disks = await Promise.all(names.map((_, slot) => client.open(9, slot)));
	const homes = async (): Promise<number[]> =>
		Promise.all(names.map(async (name) => Number((await tree.state(name, "open")).worker)));
	const before = await homes();

	t.test("each has its share", async (t) => {
		t.strictSame(
			[0, 1].map((worker) => before.filter((each) => each === worker).length),
			[DISKS / 2, DISKS / 2],
		);
		const load = new Load(disks);
		await load.rounds(5);
		await load.stop();
	});

	const answersOnce = async (t: Test): Promise<void> => {
		t.equal(await client.countAnswers(DISKS), DISKS);
	};

	t.test("what is asked of all is answered once for each disk", async (t) => {
		await answersOnce(t);
	});

	t.test("when one is killed, the other goes on, and its disks come back to it", async (t) => {
		const load = new Load(disks);
		await load.rounds(3);
		const other = await tree.pidOf("worker", 0);
		await tree.kill("worker", 1);
		await load.rounds(3);
		await load.stop();
		t.equal(await tree.pidOf("worker", 0), other);
		t.strictSame(await homes(), before, "each is where it was");
		await answersOnce(t);
	});

	t.test("a control that is new finds each where it is, and both are stopped", async (t) => {
		await tree.kill("control");
		t.strictSame(await homes(), before);
		t.strictSame(await tree.stop(), { code: 0, signal: null });
		await tree.start();
	});
}
