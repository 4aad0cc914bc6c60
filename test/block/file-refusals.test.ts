// What can't be served, and in which words that is said; and what can, though it looks odd.

import { execFileSync } from "node:child_process";
import { chmodSync, existsSync, linkSync, symlinkSync, truncateSync, unlinkSync } from "node:fs";
import path from "node:path";
import t, { type Test } from "tap";
import { until } from "../support/cleanup.js";
import { LIMIT_MS } from "../support/limit.js";
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
} from "../support/mounts.js";
import { run } from "../support/process.js";
import { isAll, makeBench, named, openFile, openStack, read, write } from "./file-bench.js";

const PAGE = 4096;
const MIB = 1024 * 1024;

function names(t: Test): void {
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
}

function permissions(t: Test): void {
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
}

function inabilities(t: Test): void {
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

function otherUses(t: Test): void {
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
}

if (await inMounts(import.meta.url)) {
	names(t);
	permissions(t);
	inabilities(t);
	otherUses(t);
}
