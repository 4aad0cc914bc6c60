// Disks that have one file by several names: which of them is served is the same whatever is started again, and the others say why not.
import { linkSync, renameSync, symlinkSync } from "node:fs";
import t, { type Test } from "tap";
import { until } from "../support/cleanup.js";
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
	t.test(
		"the one that is served, when another one is put before it, until all are started again",
		async (t) => {
			configure("a", "b");
			await tree.reload();
			await tree.nothingUnderWay();
			await tree.state("b", "open");
			const { reason } = await tree.state("a", "failed");
			t.match(
				reason,
				/\/a\.img: is the file of disk b \(.*\) too, which is served until .* after a restart it is this one/,
			);
			await killAll();
			await isServed(t, "a", "b");
		},
	);
	t.test(
		"a file that another one has taken the place of is told, and the old one is served on",
		async (t) => {
			renameSync(tree.file("new.img"), tree.path("a.img"));
			let body: Record<string, unknown> = {};
			const isTold = async (): Promise<boolean> => {
				({ body } = await tree.ask("GET", "/api/v1/disks/a"));
				return body.notice !== null;
			};
			await until("it is told", isTold, LIMIT_MS);
			t.match(body, {
				state: "open",
				notice: /^the file at .*\/a\.img is another one now; the disk still serves the old one/,
			});
			await tree.kill("control");
			await until("it is told by the next control, too", isTold, LIMIT_MS);
		},
	);
}
