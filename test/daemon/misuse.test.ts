// The whole daemon where it is used otherwise than it should be: started twice, told a thousand times, with names that objects of the
// language have, and with a state that has gone.
import { existsSync, mkdirSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import t from "tap";
import { until } from "../support/cleanup.js";
import { inNamespace } from "../support/in-namespace.js";
import { LIMIT_MS } from "../support/limit.js";
import { Program, sendSignal } from "../support/process.js";
import { DaemonTree, diskToml } from "./tree-bench.js";

if (await inNamespace(import.meta.url)) {
	const tree = new DaemonTree();
	tree.configure(diskToml("web", 'memory = "1M"', "9.0", `unix:${tree.frames}`));
	await tree.start();
	t.teardown(() => tree.stop());
	const pids = async () => (await tree.processes()).map(({ pid }) => pid);
	const first = await pids();

	t.test("a second daemon on its state directory is refused, whatever its socket", async (t) => {
		const [program = "", ...args] = tree.command;
		const other = new Program([program, ...args.slice(0, -1), tree.path("run/other.sock")]);
		t.equal((await other.finished(LIMIT_MS)).code, 2);
		t.match(other.output, /the state directory .*\/state: another daemon has it/);
	});

	t.test("told to reload a thousand times at once, none of them ends", async (t) => {
		const { pid = 0 } = (await tree.processes()).find(({ kind }) => kind === "opener") ?? {};
		for (let times = 0; times < 1000; times++) sendSignal(pid ?? 0, "SIGHUP");
		tree.configure(diskToml("late", 'memory = "1M"', "9.1", `unix:${tree.frames}`));
		sendSignal(pid ?? 0, "SIGHUP");
		await tree.state("late", "open");
		t.strictSame(await pids(), first);
	});

	t.test("a worker has disks of any name", async (t) => {
		for (const [slot, name] of ["constructor", "toString"].entries()) {
			const aoe = { address: `8.${slot}`, netif: [`unix:${tree.frames}`] };
			t.equal((await tree.ask("POST", "/api/v1/disks", { name, memory: "1M", aoe })).status, 202);
			await tree.state(name, "open");
		}
		t.strictSame(await pids(), first);
	});

	t.test("with its state gone, or spoilt, control does not make up who disks are", async (t) => {
		// Of one that is configured no more nobody knows.
		const served = () => {
			const known = Object.entries(tree.kept().disks).map(
				([name, { serial, wwn }]) => `${name} ${serial} ${wwn}`,
			);
			return known.filter((each) => !each.startsWith("web")).sort();
		};
		const disks = served();
		const spoil: (() => void)[] = [
			() => rmSync(tree.path("state"), { recursive: true }),
			() => writeFileSync(tree.path("state/disks.json"), new Uint8Array(100)),
		];
		for (const act of spoil) {
			act();
			mkdirSync(tree.path("state"), { recursive: true });
			await tree.kill("control");
			await tree.state("late", "open");
			const isKept = () => existsSync(tree.path("state/disks.json")) && served().length === disks.length;
			await until("it is kept again", isKept, LIMIT_MS);
			t.strictSame(served(), disks, "the worker that serves knows");
			await tree.problem(/who disks are was damaged/);
		}
		t.ok(readdirSync(tree.path("state")).some((name) => name.startsWith("disks.json.damaged-")));
		await tree.stop();
		writeFileSync(tree.path("state/disks.json"), "{");
		await tree.start();
		await tree.state("late", "open");
		t.strictSame(served(), disks, "nobody serves: its copy counts");
	});
}
