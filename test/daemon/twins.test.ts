// Disks that have one file by several names: which of them is served is the same whatever is started again, and the others say why not.
import { linkSync, symlinkSync } from "node:fs";
import t, { type Test } from "tap";
import { inNamespace } from "../support/in-namespace.js";
import { LIMIT_MS } from "../support/limit.js";
import { sendSignal } from "../support/process.js";
import { DaemonTree, diskToml } from "./tree-bench.js";

if (await inNamespace(import.meta.url)) {
	const tree = new DaemonTree();
	const file = tree.file("c.img");
	linkSync(file, tree.path("b.img"));
	symlinkSync("c.img", tree.path("a.img"));
	const disk = (name: string, slot: number): string =>
		diskToml(name, `file = "${tree.path(`${name}.img`)}"`, `9.${slot}`, `unix:${tree.path(`${name}.sock`)}`);
	const configure = (...names: string[]): void =>
		tree.configure(`workers = 2\n${names.map((name, slot) => disk(name, slot)).join("")}`);
	configure("c", "b", "a");
	await tree.start();
	t.teardown(() => tree.stop());

	const isServed = async (t: Test, name: string, ...others: string[]): Promise<void> => {
		await tree.state(name, "open");
		for (const other of others) {
			const { reason } = await tree.state(other, "failed");
			t.match(
				reason,
				new RegExp(`/${other}\\.img: is the file of disk ${name} \\(.*\\) too, which comes first`),
			);
		}
	};
	const killAll = async (): Promise<void> => {
		for (const { pid } of await tree.processes()) sendSignal(pid ?? 0, "SIGKILL");
		await tree.program.finished(LIMIT_MS);
		await tree.start();
	};
	t.test("the first, after the start", (t) => isServed(t, "c", "b", "a"));
	const restarts: Readonly<Record<string, () => Promise<unknown>>> = {
		"one worker": () => tree.kill("worker", 0),
		"the other": () => tree.kill("worker", 1),
		control: () => tree.kill("control"),
		all: killAll,
	};
	for (const [what, restart] of Object.entries(restarts))
		t.test(`the first, after a restart of ${what}`, async (t) => {
			await restart();
			await isServed(t, "c", "b", "a");
		});
	t.test("the next one, when the first is gone", async (t) => {
		configure("b", "a");
		await tree.reload();
		await tree.nothingUnderWay();
		await isServed(t, "b", "a");
	});
}
