// Opening a file on a disk that hangs: who is served meanwhile does not notice, and it is served in the end, or given up.
import t, { type Test } from "tap";
import { holdings, Load, layCable, Stage } from "../daemon/stage.js";
import { until } from "../support/cleanup.js";
import { LIMIT_MS } from "../support/limit.js";
import { Program } from "../support/process.js";
import { FaultDevice } from "./fault-device.js";
import { withFaults } from "./stage.js";

/** More than are begun at a time. */
const OPENINGS = 20;

function moduleUrl(name: string): string {
	return JSON.stringify(new URL(`../../lib/${name}.js`, import.meta.url).href);
}

/** What a process or a worker thread of its own runs: opens the disk many times, and tells what comes of it. */
function openingMany(path: string, count: number, then: string): string {
	return `
		(async () => {
		const { StorageEngine } = await import(${moduleUrl("block/engine")});
		const { FileDevice } = await import(${moduleUrl("block/file")});
		const { Pump } = await import(${moduleUrl("pump")});
		const engine = new StorageEngine(new Pump());
		for (let i = 0; i < ${count}; i++)
			FileDevice.open(engine, ${JSON.stringify(path)}, { readOnly: true, direct: false }).then(
				(file) => { console.log("opened"); return file.close(); },
				(error) => console.log(error.message.replace(/.*: /, "")),
			);
		${then}
		})();`;
}

function asProcess(code: string): string[] {
	return [process.execPath, "--input-type=module", "-e", code];
}

/** A process whose openings hang. */
async function stuck(
	t: Test,
	code: (path: string) => string,
): Promise<{ device: FaultDevice; program: Program }> {
	const device = await FaultDevice.open(2 ** 20);
	t.teardown(() => device.close());
	await device.stick("stat");
	const program = new Program(asProcess(code(device.path)));
	t.teardown(async () => {
		await device.close();
		await program.stop("SIGKILL");
	});
	await until("it hangs", async () => (await device.counts()).held > 0, LIMIT_MS);
	return { device, program };
}

/** Ends a worker thread whose openings hang when it is told to, then itself when all threads that hang are gone, and descriptors. */
function endingWorker(path: string): string {
	const worker = openingMany(path, OPENINGS, "setInterval(() => {}, 1000);");
	return `
		import { readdirSync, readlinkSync } from "node:fs";
		import { once } from "node:events";
		import { stat } from "node:fs/promises";
		import { Worker } from "node:worker_threads";
		const sleep = () => new Promise((resolve) => setTimeout(resolve, 10));
		const link = (fd) => { try { return readlinkSync("/proc/self/fd/" + fd); } catch { return ""; } };
		const isHeld = () => readdirSync("/proc/self/fd").some((fd) => link(fd) === ${JSON.stringify(path)});
		const threads = () => readdirSync("/proc/self/task").length;
		await stat("/"); // for which Node has threads that stay
		const before = threads();
		const worker = new Worker(${JSON.stringify(worker)}, { eval: true });
		await once(process.stdin, "data");
		await worker.terminate();
		console.log("ended");
		while (threads() > before || isHeld()) await sleep();
		console.log("closed");
		process.stdin.destroy();`;
}

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
		t.equal(await stage.daemon.removeDisk("given up", 50), "opening");
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

	t.test("a worker thread ends while openings hang", async (t) => {
		const { device, program } = await stuck(t, endingWorker);
		program.write("end\n");
		await program.waitFor(/^ended$/m, LIMIT_MS);
		await device.mend("stat");
		await program.waitFor(/^closed$/m, LIMIT_MS);
		const { code, signal } = await program.finished(LIMIT_MS);
		t.strictSame([code, signal], [0, null]);
	});

	for (const how of ["engine.close()", "process.exit()"])
		t.test(`a process ends by ${how} while openings hang`, async (t) => {
			const ending = `process.on("exit", () => console.log("ends")); process.stdin.once("data", () => { process.stdin.destroy(); ${how}; });`;
			const { device, program } = await stuck(t, (path) => openingMany(path, OPENINGS, ending));
			program.write("end\n");
			await program.waitFor(/^ends$/m, LIMIT_MS);
			// The kernel keeps it until the disk has answered.
			await device.mend("stat");
			const { code, signal } = await program.finished(LIMIT_MS);
			t.strictSame([code, signal], [0, null]);
			const told = how === "engine.close()" ? "closed before it was open\n".repeat(OPENINGS) : "";
			t.equal(program.output, `${told}ends\n`, "nobody waits for ever");
		});
}

await withFaults(import.meta.url, 0, main);
