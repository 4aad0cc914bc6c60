// Opening files and block devices: locks, and closing while requests are under way. What is refused is in `file-refusals.test.ts`.

import t, { type Test } from "tap";
import { PromisedRequest } from "../../lib/block/device.js";
import { BlockOp } from "../../lib/block/request.js";
import { nativeMemory } from "../../lib/native.js";
import { LIMIT_MS } from "../support/limit.js";
import { inMounts, mountExt4, mountsMissing, newDirectory, newFile, unmount } from "../support/mounts.js";
import { Program } from "../support/process.js";
import { isAll, makeBench, named, openFile, openFlags, read } from "./file-bench.js";

const PAGE = 4096;
const MIB = 1024 * 1024;
/** Bits of open(2)'s flags that are 0 if a file is open for reading alone. */
const O_ACCMODE = 3;

function locks(t: Test): void {
	t.test("one may write, or many may read", async (t) => {
		const all = makeBench(t);
		const file = newFile(newDirectory(), MIB);
		const inUse = {
			name: "OperatorError",
			message: `${file}: is in use by another vblade, or by another blade of this one (it holds a lock on it)`,
		};
		const options = { readOnly: true, direct: false };
		const writer = openFile(t, file, all);
		t.throws(() => openFile(t, file, all), inUse, "a second writer");
		t.throws(() => openFile(t, file, all, options), inUse, "a reader beside a writer");
		await writer.close();
		const readers = [openFile(t, file, all, options), openFile(t, file, all, options)];
		t.ok(
			openFlags(file).every((flags) => (flags & O_ACCMODE) === 0),
			"they could not write if they would",
		);
		t.throws(() => openFile(t, file, all), inUse, "a writer beside readers");
		for (const reader of readers) await reader.close();
		for (let round = 0; round < 20; round++) await openFile(t, file, all).close();
		t.strictSame(openFlags(file), [], "closed means closed");
	});

	t.test("another process holds the lock", async (t) => {
		const file = newFile(newDirectory(), MIB);
		const script =
			"import fcntl, sys, time; f = open(sys.argv[1]); fcntl.flock(f, fcntl.LOCK_SH); print('held', flush=True); time.sleep(60)";
		const holder = new Program(["python3", "-c", script, file]);
		t.teardown(() => holder.stop("SIGKILL"));
		await holder.waitFor(/held/, LIMIT_MS);
		const all = makeBench(t);
		t.throws(() => openFile(t, file, all), { name: "OperatorError", message: /in use by another vblade/ });
		openFile(t, file, all, { readOnly: true });
		await holder.stop("SIGKILL");
		t.throws(() => openFile(t, file, all), /in use/, "our own reader");
	});

	t.test("block devices that are in use", { skip: mountsMissing }, async (t) => {
		const all = makeBench(t);
		const { device, directory } = mountExt4(32 * MIB, 512);
		const inUse = {
			name: "OperatorError",
			message: /is in use on this machine \(mounted.*-r exports it read-only/,
		};
		t.throws(() => openFile(t, device.path, all), inUse, "mounted");
		await openFile(t, device.path, all, { readOnly: true }).close();
		unmount(directory);
		const first = openFile(t, device.path, all);
		t.throws(() => openFile(t, device.path, all), inUse, "served");
		await first.close();
		await openFile(t, device.path, all).close();
		device.release();
	});
}

function closing(t: Test): void {
	t.test("close waits for what was submitted, even in the same turn", async (t) => {
		const all = makeBench(t);
		const directory = newDirectory();
		for (let round = 0; round < 20; round++) {
			const first = openFile(t, newFile(directory, MIB), all);
			const memory = nativeMemory(PAGE);
			memory.bytes.fill(0xff);
			const requests = Array.from({ length: 32 }, (_, i) => {
				const promised = new PromisedRequest();
				const range = { offsetBytes: i * PAGE, lengthBytes: PAGE };
				Object.assign(promised.request, { op: BlockOp.write, memory, ...range });
				return promised;
			});
			const results = requests.map((request) => request.run(first));
			const closed = first.close();
			// The next file must not get the number of the one that is being closed, and with it its requests.
			const second = openFile(t, newFile(directory, MIB), all);
			await closed;
			t.ok(
				requests.every(({ request }) => !request.inFlight),
				"all are over",
			);
			t.strictSame([...new Set((await Promise.all(results)).map(named))], ["ok"]);
			t.ok(isAll((await read(second, 0, MIB)).bytes, 0), "the other file is untouched");
			t.equal(named(await read(first, 0, PAGE)), "closed");
			await second.close();
		}
	});
}

if (await inMounts(import.meta.url)) {
	locks(t);
	closing(t);
}
