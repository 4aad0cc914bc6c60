// Worker threads that end in the middle of their work: nothing crashes, leaks or stays locked, and the other threads are not
// disturbed.
import { readdirSync, readFileSync } from "node:fs";
import { Worker } from "node:worker_threads";
import t from "tap";
import type { FrameSink, Link } from "../../lib/link/link.js";
import { PacketLink } from "../../lib/link/packet.js";
import type { Memory } from "../../lib/wire/memory.js";
import { isAll, makeBench, named, openFile, read, write } from "../block/file-bench.js";
import { until } from "../support/cleanup.js";
import { LIMIT_MS } from "../support/limit.js";
import { rounds } from "../support/long.js";
import { newDirectory, newFile } from "../support/mounts.js";
import { run } from "../support/process.js";
import type { LoadOrder } from "./load.js";
import { FILE_BYTES, hasNetwork, isFree, LOAD, link, newFiles, withCable } from "./load-bench.js";

/** What is left of each shows after two: one more than before may be there. */
const ROUNDS = rounds(2, 6);

/** Runs the load in a worker thread until it is busy, then ends it; resolves when it is gone. */
async function workerLoad(order: LoadOrder): Promise<void> {
	const worker = new Worker(LOAD, { workerData: order });
	let [busy, gone] = [false, false];
	let failure = "";
	worker.on("message", () => {
		busy = true;
	});
	worker.on("error", (error: Error) => {
		failure = error.message;
	});
	worker.on("exit", () => {
		gone = true;
	});
	await until("the worker is busy", () => busy || gone, LIMIT_MS);
	if (order.how === "stay") void worker.terminate();
	await until("the worker is gone", () => gone, LIMIT_MS);
	const wanted = order.how === "throw" ? "thrown on purpose" : "";
	if (!busy || failure !== wanted) throw new Error(`the worker failed: ${failure}`);
}

/** What of a process must not grow. */
function holdings(): { descriptors: number; threads: number; mappings: number } {
	const count = (directory: string) => readdirSync(directory).length;
	const ours = readFileSync("/proc/self/maps", "utf8").split("\n");
	return {
		descriptors: count("/proc/self/fd"),
		threads: count("/proc/self/task"),
		mappings: ours.filter((line) => line.includes("/image") || line.includes("socket:")).length,
	};
}

/** Answers every frame with the same. */
class Echo implements FrameSink {
	frame(link: Link, memory: Memory, offset: number, frameBytes: number): void {
		const slot = link.acquire();
		if (slot === undefined) return;
		slot.memory.bytes.set(memory.bytes.subarray(offset, offset + frameBytes), slot.offset);
		link.transmit(slot, frameBytes, 0);
	}

	linkChanged(): void {}
}

function tests(): void {
	for (const how of ["stay", "close", "exit", "throw"])
		t.test(`worker threads that end by ${how === "stay" ? "being terminated" : how}`, async (t) => {
			const bench = makeBench(t);
			const own = openFile(t, newFile(newDirectory(), FILE_BYTES), bench);
			const far = hasNetwork ? new PacketLink("far", bench.pump, { framesInFlight: 64 }) : undefined;
			far?.attach(new Echo());
			t.teardown(() => far?.close());
			const file = newFiles();
			await workerLoad({ file, link, how });
			await isFree(file);
			const before = holdings();
			for (let round = 1; round <= ROUNDS; round++) {
				await workerLoad({ file, link, how });
				t.equal(
					named(await write(own, 0, FILE_BYTES, round)),
					"ok",
					`round ${round}: our own file can be written`,
				);
				t.ok(isAll((await read(own, 0, FILE_BYTES)).bytes, round), "and holds what was written");
			}
			await isFree(file);
			// The kernel ends io_uring's own threads in its time.
			const grown = () =>
				Object.entries(holdings()).filter(([name, n]) => n > before[name as keyof typeof before] + 1);
			await until("everything is given back", () => grown().length === 0, LIMIT_MS).catch(() => {});
			t.strictSame(grown(), [], "nothing is left of them");
		});

	t.test("the main thread may know nothing of all this", async (t) => {
		const file = newFiles();
		const script = [
			'import { Worker } from "node:worker_threads";',
			'import { readFileSync } from "node:fs";',
			"for (let round = 0; round < 5; round++) {",
			`	const worker = new Worker(new URL(${JSON.stringify(LOAD.href)}), { execArgv: [], workerData: ${JSON.stringify({ file, how: "stay" })} });`,
			"	await new Promise((resolve) => worker.on('message', resolve));",
			"	await worker.terminate();",
			"}",
			// The handler of a signal is code of the addon: it must not be unloaded with the last thread that used it.
			"console.log(/vblade\\.node/.test(readFileSync('/proc/self/maps', 'utf8')));",
		].join("\n");
		const { code, signal, output } = await run(
			[process.execPath, "--input-type=module", "-e", script],
			LIMIT_MS,
		);
		t.strictSame([code, signal, output], [0, null, "true\n"]);
	});
}

await withCable(import.meta.url, tests);
