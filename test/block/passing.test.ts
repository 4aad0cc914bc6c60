/**
 * Files that one process opens and another one serves, which may open nothing itself: on file systems and block devices that are
 * root's alone, with their locks, and what is said where it can't be. Mirrors the two halves of native/storage/file.h.
 */

import { type ChildProcess, spawn } from "node:child_process";
import { chmodSync, closeSync, truncateSync } from "node:fs";
import path from "node:path";
import t, { type Test } from "tap";
import { FileDevice } from "../../lib/block/file.js";
import { type FileOptions, openToPass } from "../../lib/block/file-options.js";
import { Asking } from "../../lib/channel/asking.js";
import { native, nativeMemory } from "../../lib/native.js";
import { blockConformance } from "../../lib/testing/block-conformance.js";
import { openDescriptors } from "../channel/ends.js";
import { atEnd, until } from "../support/cleanup.js";
import { LIMIT_MS } from "../support/limit.js";
import {
	canMount,
	inMounts,
	loopDevice,
	mountExt4,
	mountTmpfs,
	newDirectory,
	newFile,
} from "../support/mounts.js";
import { PROJECT } from "../support/paths.js";
import { sendSignal } from "../support/process.js";
import { bytesAt, makeBench } from "./file-bench.js";

const MIB = 1024 * 1024;
const isRoot = process.getuid?.() === 0;
const skip = isRoot ? false : "only root can become another user";

interface Adopter {
	readonly child: ChildProcess;
	ask(what: string, more?: object): Promise<Readonly<Record<string, unknown>>>;
}

/** The other process; this one opens for it, and keeps nothing. */
function adopter(t: Test): Adopter {
	const [own, other] = native.socketPair();
	const program = path.join(PROJECT, "build/test/block/adopter.js");
	const command = ["-u", "NODE_OPTIONS", process.execPath, program];
	const child = spawn("/usr/bin/env", command, { stdio: ["ignore", "inherit", "inherit", other] });
	const stop = atEnd(() => child.pid !== undefined && sendSignal(child.pid, "SIGKILL"));
	closeSync(other);
	const asking = new Asking(own, {
		async answer({ body }) {
			const { path: file, ...options } = body as unknown as FileOptions & { path: string };
			const { descriptor, traits } = await openToPass(file, options);
			return { body: { traits }, files: [descriptor] };
		},
		told() {},
		ended() {},
	});
	t.teardown(() => {
		asking.close();
		stop();
	});
	return {
		child,
		ask: async (what, more = {}) => (await asking.ask({ body: { do: what, ...more } }, LIMIT_MS)).body,
	};
}

const FINE = {
	written: "ok",
	read: "ok true",
	trimmed: "ok",
	zeroed: "ok",
	zeros: true,
	extents: "ok",
	flushed: "ok",
	last: "ok",
};

/** A file that nobody but root may open. */
function roots(directory: string): string {
	const file = newFile(directory, 8 * MIB);
	chmodSync(file, 0o600);
	return file;
}

interface Case {
	readonly name: string;
	readonly path: string;
	readonly direct?: boolean;
}

function served(t: Test): void {
	const cases: Case[] = [{ name: "a file", path: roots(newDirectory()) }];
	if (canMount) {
		const ext4 = mountExt4(64 * MIB, 512);
		const disk = loopDevice(newFile(newDirectory(), 8 * MIB), 4096);
		cases.push(
			{ name: "ext4", path: roots(ext4.directory) },
			{ name: "ext4, direct", path: roots(ext4.directory), direct: true },
			{ name: "tmpfs", path: roots(mountTmpfs(64 * MIB)) },
			{ name: "a loop device", path: disk.path },
		);
	}
	for (const { name, path: file, direct = false } of cases)
		t.test(`${name}: all that is served`, { skip }, async (t) => {
			const before = openDescriptors();
			const { ask } = adopter(t);
			const info = await ask("adopt", { path: file, direct });
			t.equal(info.sizeBytes, 8 * MIB);
			t.equal(openDescriptors(), before + 1, "who has opened it has kept nothing but the channel");
			const own = FileDevice.open(makeBench(t).engine, file, { readOnly: true, direct: false });
			await t.rejects(own, { name: "OperatorError" }, "the lock is with who serves it");
			t.strictSame(await ask("open", { path: file }), { path: "EACCES" });
			t.strictSame(await ask("open", { path: "/dev/null" }), { path: "EACCES" });
			t.strictSame(await ask("exercise"), FINE);
			if (!name.startsWith("a loop")) {
				truncateSync(file, 12 * MIB);
				await until("growth", async () => (await ask("size")).sizeBytes === 12 * MIB, LIMIT_MS);
				t.strictSame(await ask("exercise"), FINE, "the part that is new, too");
			}
			t.strictSame(await ask("close"), { end: "closed" });
			const { engine } = makeBench(t);
			await (await FileDevice.open(engine, file, { readOnly: false, direct: false })).close();
			t.pass("the lock ends with that");
		});
}

function memory(t: Test): void {
	t.test("memory needs nothing opened", { skip }, async (t) => {
		const { ask } = adopter(t);
		t.match(await ask("memory"), { sizeBytes: 8 * MIB });
		t.strictSame(await ask("exercise"), FINE);
	});
}

function locks(t: Test): void {
	t.test("a lock ends with the process that serves, however that ends", { skip }, async (t) => {
		const file = roots(newDirectory());
		// Who opens keeps no process from ending: an engine does.
		makeBench(t);
		for (let round = 0; round < 3; round++) {
			const { ask, child } = adopter(t);
			await ask("adopt", { path: file });
			await ask("exercise");
			const ended = new Promise((resolve) => child.once("exit", resolve));
			if (child.pid !== undefined) sendSignal(child.pid, "SIGKILL");
			await ended;
		}
		const { descriptor } = await openToPass(file, { readOnly: false, direct: false });
		await t.rejects(
			openToPass(file, { readOnly: false, direct: false }),
			{ message: "Resource temporarily unavailable" },
			"who has opened it has it",
		);
		closeSync(descriptor);
		closeSync((await openToPass(file, { readOnly: false, direct: false })).descriptor);
	});
}

function conformance(t: Test): void {
	t.test("an adopted file is a device like any other", async (t) => {
		const { engine, pump } = makeBench(t);
		const make = async (readOnly: boolean) => {
			const file = newFile(newDirectory(), 2 * MIB);
			const options = { readOnly, direct: false };
			return FileDevice.adopt(engine, file, options, () => openToPass(file, options));
		};
		await blockConformance(t, "adopted", () => make(false), {
			pump,
			allocate: nativeMemory,
			borrowed: bytesAt,
			makeReadOnly: () => make(true),
		});
	});
}

function refusals(t: Test): void {
	t.test("what is wrong is said as if it had been opened here", async (t) => {
		makeBench(t);
		const before = openDescriptors();
		const { engine } = makeBench(t);
		const served = newFile(newDirectory(), MIB);
		const adopt = (file: string) => {
			const options = { readOnly: false, direct: false };
			return FileDevice.adopt(engine, file, options, () => openToPass(file, options));
		};
		const device = await adopt(served);
		const files = [
			newDirectory(),
			"/dev/null",
			"/no/such/file",
			"a\0b",
			newFile(newDirectory(), 100),
			served,
		];
		for (const file of files) {
			const own = FileDevice.open(engine, file, { readOnly: false, direct: false });
			const { message } = (await own.catch((error: Error) => error)) as Error;
			await t.rejects(adopt(file), { name: "OperatorError", message });
		}
		await device.close();
		engine.close();
		await t.rejects(adopt(served), { name: "OperatorError", message: /closed before it was open/ });
		await until("nothing is left open", () => openDescriptors() <= before, LIMIT_MS);
	});

	t.test("a descriptor of something else is not adopted, and closed", async (t) => {
		const { engine } = makeBench(t);
		const file = newFile(newDirectory(), MIB);
		const { descriptor, traits } = await openToPass(file, { readOnly: true, direct: false });
		const passing = (readOnly: boolean, fd: number) =>
			FileDevice.adopt(engine, file, { readOnly, direct: false }, async () => ({ descriptor: fd, traits }));
		const before = openDescriptors();
		await t.rejects(
			passing(false, native.duplicate(descriptor)),
			{ name: "OperatorError" },
			"only for reading",
		);
		await t.rejects(passing(true, native.socketPair()[0]), { name: "OperatorError" }, "no file");
		t.equal(openDescriptors(), before + 1, "the other end of the pair");
		await (await passing(true, descriptor)).close();
	});
}

if (await inMounts(import.meta.url)) {
	served(t);
	memory(t);
	locks(t);
	conformance(t);
	refusals(t);
}
