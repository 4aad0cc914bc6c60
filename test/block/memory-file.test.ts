// Disks in memory, `mem:64M`: they are files that the kernel keeps, so what serves files serves them. What they take of memory,
// and what they take of this process (nothing that has to be collected as garbage).
import { fstatSync, readdirSync, readFileSync, readlinkSync, truncateSync } from "node:fs";
import t from "tap";
import { PromisedRequest } from "../../lib/block/device.js";
import { FileDevice } from "../../lib/block/file.js";
import { BlockOp } from "../../lib/block/request.js";
import { nativeMemory } from "../../lib/native.js";
import { blockConformance } from "../../lib/testing/block-conformance.js";
import { bytesAt, flush, isAll, makeBench, named, openMemoryStack, read, trim, write } from "./file-bench.js";

const SECTOR = 512;
const PAGE = 4096;
const MIB = 1024 * 1024;
const TIB = 1024 ** 4;

/** The descriptors of memory that this process has. */
function memoryFiles(): number[] {
	return readdirSync("/proc/self/fd")
		.map(Number)
		.filter((fd) => {
			try {
				return readlinkSync(`/proc/self/fd/${fd}`).startsWith("/memfd:vblade");
			} catch {
				return false; // The descriptor of the directory that was read.
			}
		});
}

function usedBytes(): number {
	return memoryFiles().reduce((sum, fd) => sum + fstatSync(fd).blocks * SECTOR, 0);
}

for (const kind of ["auto", "threads"] as const)
	t.test(`memory as a device, engine ${kind}`, async (t) => {
		const all = makeBench(t, kind);
		const options = { pump: all.pump, allocate: nativeMemory, borrowed: bytesAt };
		const bare = (readOnly: boolean) => FileDevice.inMemory(all.engine, "mem:2M", 2 * MIB, { readOnly });
		await blockConformance(t, "bare", () => bare(false), { ...options, makeReadOnly: () => bare(true) });
		for (const durability of ["ack", "flush", "none"] as const)
			await blockConformance(t, durability, () => openMemoryStack(2 * MIB, all, { durability }), {
				...options,
				ordered: true,
				makeReadOnly: () => openMemoryStack(2 * MIB, all, { durability, readOnly: true }),
			});
	});

t.test("a disk in memory says what it always said of itself", async (t) => {
	const all = makeBench(t);
	for (const durability of ["ack", "flush", "none"] as const) {
		const device = openMemoryStack(3 * MIB + SECTOR, all, { durability });
		t.strictSame(device.info, {
			sizeBytes: 3 * MIB + SECTOR,
			logicalBlockBytes: SECTOR,
			physicalBlockBytes: SECTOR,
			readOnly: false,
			canTrim: true,
			trimGranularityBytes: PAGE,
			trimAlignmentBytes: 0,
			fastZeroes: true,
			knowsExtents: true,
			writeCache: false,
			nonRotational: true,
			bestTransferBytes: PAGE,
			longestTransferBytes: 2 ** 31 - PAGE,
			copies: 1,
			guarded: "above",
			atomicBytes: 0,
			atomicUnitBytes: SECTOR,
		});
		t.notOk(device.setWriteCache(true), "there is no write cache to switch on");
		await device.close();
	}
});

t.test("a terabyte takes memory where it is written and gives it back where it is trimmed", async (t) => {
	const all = makeBench(t);
	const device = openMemoryStack(TIB, all);
	t.ok(isAll((await read(device, TIB / 2, MIB, true)).bytes, 0));
	t.equal(usedBytes(), 0, "reading takes none");
	t.equal(named(await write(device, TIB - PAGE, PAGE, 1)), "ok");
	t.equal(named(await write(device, 8 * MIB + SECTOR, 2 * MIB, 2)), "ok");
	t.ok(usedBytes() >= 2 * MIB && usedBytes() <= 3 * MIB, `${usedBytes()} bytes in use`);
	t.ok(isAll((await read(device, TIB - PAGE, PAGE, true)).bytes, 1));
	t.equal(named(await trim(device, 8 * MIB + 2 * SECTOR, 64 * MIB)), "ok");
	t.ok(usedBytes() <= 2 * PAGE, "trimmed");
	t.ok(isAll((await read(device, 8 * MIB + SECTOR, SECTOR)).bytes, 2), "what is before it is there");
	t.ok(isAll((await read(device, 8 * MIB + 2 * SECTOR, MIB)).bytes, 0));
	const whole = new PromisedRequest();
	Object.assign(whole.request, { op: BlockOp.trim, lengthBytes: TIB });
	t.equal(named(await whole.run(device)), "ok");
	t.equal(usedBytes(), 0, "all of it");
	await device.close();
	t.strictSame(memoryFiles(), [], "closed, it is gone");
});

t.test("nothing of it has to be collected as garbage", async (t) => {
	const all = makeBench(t);
	const device = openMemoryStack(64 * MIB, all, { between: (below) => below });
	const before = process.memoryUsage();
	for (let offset = 0; offset < 64 * MIB; offset += 4 * MIB) await write(device, offset, 64 * 1024, 1);
	// The buffers of these requests are the test's own.
	const own = 16 * 2 * 64 * 1024;
	const after = process.memoryUsage();
	t.ok(after.arrayBuffers - before.arrayBuffers <= own, "no buffer but those of the requests");
	t.ok(usedBytes() >= MIB, "the bytes are in the kernel's pages");
	await device.close();
});

t.test("a sync costs nothing", async (t) => {
	const all = makeBench(t);
	for (const durability of ["ack", "flush", "none"] as const) {
		const device = openMemoryStack(MIB, all, { durability });
		const write = new PromisedRequest();
		Object.assign(write.request, {
			op: BlockOp.write,
			lengthBytes: PAGE,
			memory: nativeMemory(PAGE),
			fua: true,
		});
		const flushing = new PromisedRequest();
		flushing.request.op = BlockOp.flush;
		void write.run(device);
		void flushing.run(device);
		all.pump.run();
		t.notOk(
			write.request.inFlight || flushing.request.inFlight,
			`${durability}: both are over in the turn that asked for them`,
		);
		t.equal(named(await flush(device)), "ok");
		await device.close();
	}
});

t.test("nobody can take its pages away", async (t) => {
	const all = makeBench(t);
	const device = openMemoryStack(MIB, all);
	const [fd = -1] = memoryFiles();
	t.throws(() => truncateSync(`/proc/self/fd/${fd}`, 0), { code: "EPERM" });
	t.match(
		readFileSync(`/proc/self/fdinfo/${fd}`, "utf8"),
		/^flags:\s+02/m,
		"nor does a program that is started get it",
	);
	await device.close();
});
