// Opening files and block devices: locks, what is refused and in which words, and closing while requests are under way.
import { execFileSync } from "node:child_process";
import { chmodSync, existsSync, linkSync, symlinkSync, truncateSync, unlinkSync } from "node:fs";
import path from "node:path";
import t, { type Test } from "tap";
import { PromisedRequest } from "../../lib/block/device.js";
import { BlockOp } from "../../lib/block/request.js";
import { nativeMemory } from "../../lib/native.js";
import { until } from "../support/cleanup.js";
import {
	inMounts,
	type LoopDevice,
	loopDevice,
	mountExt4,
	mountRamfs,
	mountReadOnly,
	mountsMissing,
	newDirectory,
	newFile,
	protectLoop,
	swapOn,
	unmount,
} from "../support/mounts.js";
import { Program, run } from "../support/process.js";
import { isAll, makeBench, named, openFile, openFlags, openStack, read, write } from "./file-bench.js";

const LIMIT_MS = 10_000;
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

function refusals(t: Test): void {
	t.test("what can't be served is named, and what is wrong with it", async (t) => {
		const all = makeBench(t);
		const directory = newDirectory();
		const refuses = (file: string, message: string) =>
			t.throws(() => openFile(t, file, all), { name: "OperatorError", message: `${file}: ${message}` });
		const neither = "is neither a regular file nor a block device";
		refuses(path.join(directory, "none"), "there is no such file");
		refuses(path.join(directory, "none/none"), "there is no such file");
		refuses(directory, neither);
		refuses("/dev/null", neither);
		execFileSync("mkfifo", [path.join(directory, "fifo")]);
		refuses(path.join(directory, "fifo"), neither);
		refuses(newFile(directory, 0), "holds less than one sector of 512 bytes");
		refuses(newFile(directory, 511), "holds less than one sector of 512 bytes");
		refuses(path.join(newFile(directory, 512), "x"), "not a directory");
		refuses("x".repeat(300), "file name too long");
		symlinkSync("itself", path.join(directory, "itself"));
		refuses(path.join(directory, "itself"), "too many levels of symbolic links");
		t.throws(() => openFile(t, "with\0nul", all), {
			name: "OperatorError",
			message: '"with\\u0000nul": a file name has no NUL character',
		});
	});

	t.test("what can", async (t) => {
		const all = makeBench(t);
		const directory = newDirectory();
		t.equal(
			openFile(t, newFile(directory, 1000), all).info.sizeBytes,
			512,
			"half a sector at the end is left out",
		);
		symlinkSync(newFile(directory, 4096), path.join(directory, "link"));
		t.equal(
			openFile(t, path.join(directory, "link"), all).info.sizeBytes,
			4096,
			"a symbolic link is followed",
		);
		const odd = newFile(directory, 512);
		const strange = path.join(path.dirname(odd), " $(touch x);\n'\"\u{1f4be}");
		execFileSync("mv", [odd, strange]);
		t.equal(openFile(t, strange, all).info.sizeBytes, 512, "any name will do");
		const large = openFile(t, newFile(directory, 2 ** 43), all);
		t.equal(large.info.sizeBytes, 2 ** 43, "8 TiB");
		t.equal(named(await write(large, 2 ** 43 - PAGE, PAGE, 1)), "ok");
		t.ok(isAll((await read(large, 2 ** 43 - PAGE, PAGE, true)).bytes, 1));
	});

	t.test("without permission", { skip: mountsMissing }, async (t) => {
		const directory = newDirectory();
		for (let up = directory; up !== "/tmp" && up !== "/"; up = path.dirname(up)) chmodSync(up, 0o755);
		const secret = newFile(directory, MIB);
		chmodSync(path.dirname(secret), 0o755);
		const urls = ["block/engine.js", "block/file.js", "pump.js"].map((name) =>
			import.meta.resolve(`../../lib/${name}`),
		);
		const script = [
			`const [{ StorageEngine }, { FileDevice }, { Pump }] = await Promise.all(${JSON.stringify(urls)}.map((url) => import(url)));`,
			// Only now, for the project itself may be where others can't read.
			"process.setgroups([]); process.setgid(65534); process.setuid(65534);",
			"const engine = new StorageEngine(new Pump());",
			"for (const readOnly of [false, true])",
			`	try { await new FileDevice(engine, ${JSON.stringify(secret)}, { readOnly, direct: false }).close(); console.log("opened"); }`,
			"	catch (error) { console.log(error.name, error.message); }",
			"engine.close();",
		].join("\n");
		const results: string[] = [];
		for (const mode of [0o600, 0o644]) {
			chmodSync(secret, mode);
			const { stdout } = await run([process.execPath, "--input-type=module", "-e", script], LIMIT_MS);
			results.push(...stdout.trim().split("\n"));
		}
		t.strictSame(results, [
			`OperatorError ${secret}: may not be written by this user; use -r to export it read-only`,
			`OperatorError ${secret}: may not be read by this user`,
			`OperatorError ${secret}: may not be written by this user; use -r to export it read-only`,
			"opened",
		]);
	});

	t.test("file systems and block devices that can't do what is asked", { skip: mountsMissing }, async (t) => {
		const all = makeBench(t);
		const refuses = (file: string, message: string, direct = false) =>
			t.throws(() => openFile(t, file, all, { direct }), {
				name: "OperatorError",
				message: `${file}: ${message}`,
			});
		const file = newFile(newDirectory(), MIB);
		const readOnly = path.join(mountReadOnly(path.dirname(file)), "image");
		refuses(readOnly, "is on a read-only file system; use -r to export it read-only");
		openFile(t, readOnly, all, { readOnly: true });
		const plain = newFile(mountRamfs(), MIB);
		refuses(plain, "its file system has no direct I/O; leave out -d", true);
		openFile(t, plain, all);
		refuses(
			newFile(mountExt4(32 * MIB, 4096).directory, 2048),
			"holds less than one sector of 4096 bytes",
			true,
		);
		const empty = newFile(newDirectory(), MIB);
		const loop = loopDevice(empty, 512);
		truncateSync(empty, 0);
		execFileSync("losetup", ["--set-capacity", loop.path]);
		refuses(loop.path, "holds less than one sector of 512 bytes");
		loop.release();
	});

	t.test("a file that a loop device has open", { skip: mountsMissing }, async (t) => {
		const all = makeBench(t);
		const used = {
			name: "OperatorError",
			message:
				/is in use by a loop device of this machine \(losetup -l tells which\); -r exports it read-only$/,
		};
		const gone = (loop: LoopDevice) => {
			loop.release();
			return until(`${loop.name} has gone`, () => !existsSync(`/sys/block/${loop.name}/loop`), LIMIT_MS);
		};
		const image = newFile(newDirectory(), MIB);
		const loop = loopDevice(image, 512);
		t.throws(() => openFile(t, image, all), used);
		const linked = path.join(path.dirname(image), "linked");
		linkSync(image, linked);
		unlinkSync(image);
		t.throws(() => openFile(t, linked, all), used, "by whatever name");
		await openFile(t, linked, all, { readOnly: true }).close();
		t.throws(() => openStack(linked, all, { offsetSectors: 8 }), used, "nor a part of it");
		const second = loopDevice(loop.path, 512);
		t.throws(() => openFile(t, loop.path, all), used, "a block device under a loop device");
		await gone(second);
		await openFile(t, loop.path, all).close();
		await gone(loop);
		await openFile(t, linked, all).close();
	});

	t.test("a file that this machine swaps to", { skip: mountsMissing }, async (t) => {
		const all = makeBench(t);
		const file = path.join(mountExt4(32 * MIB, 512).directory, "swap file");
		const swapOff = swapOn(file);
		for (const readOnly of [false, true])
			t.throws(
				() => openFile(t, file, all, { readOnly }),
				{ name: "OperatorError", message: `${file}: is swap space of this machine` },
				`read-only: ${readOnly}`,
			);
		swapOff();
		const device = openFile(t, file, all);
		const swapOffAgain = swapOn(file);
		t.equal(named(await write(device, 0, PAGE, 1)), "writeProtected", "it became one while it was served");
		swapOffAgain();
		t.equal(named(await write(device, 0, PAGE, 1)), "ok");
		await device.close();
	});

	t.test(
		"a block device that is read-only is not served as one that can be written",
		{
			skip: mountsMissing,
		},
		async (t) => {
			const all = makeBench(t);
			const protectedDevice = {
				name: "OperatorError",
				message: /is a read-only block device; use -r to export it read-only$/,
			};
			const born = loopDevice(newFile(newDirectory(), MIB), 512, "--read-only");
			t.throws(() => openFile(t, born.path, all), protectedDevice, "losetup -r");
			await openFile(t, born.path, all, { readOnly: true }).close();
			born.release();
			const made = loopDevice(newFile(newDirectory(), MIB), 512);
			protectLoop(made, true);
			t.throws(() => openFile(t, made.path, all), protectedDevice, "blockdev --setro");
			protectLoop(made, false);
			const device = openFile(t, made.path, all);
			t.equal(named(await write(device, 0, PAGE, 1)), "ok", "writable again, it is served");
			await device.close();
			made.release();
		},
	);
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
				const request = new PromisedRequest();
				return Object.assign(request, {
					op: BlockOp.write,
					offsetBytes: i * PAGE,
					lengthBytes: PAGE,
					memory,
				});
			});
			const results = requests.map((request) => request.run(first));
			const closed = first.close();
			// The next file must not get the number of the one that is being closed, and with it its requests.
			const second = openFile(t, newFile(directory, MIB), all);
			await closed;
			t.ok(
				requests.every((request) => !request.inFlight),
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
	refusals(t);
	closing(t);
}
